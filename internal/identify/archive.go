package identify

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// archives are told by signatures; tar has only a checksum in old files, and disk images have theirs far behind, so these
// come last.
var archives = []matcher{
	zipFamily,
	gzip,
	signatures(
		signature{0, "Rar!\x1a\x07\x01\x00", Result{Format: "archive/rar", MIME: "application/x-rar", Magic: "RAR archive data, v5"}},
		signature{0, "Rar!\x1a\x07\x00", Result{Format: "archive/rar", MIME: "application/x-rar", Magic: "RAR archive data, v4"}},
		signature{0, "RE\x7e\x5e", Result{Format: "archive/rar", MIME: "application/x-rar", Magic: "RAR archive data (<v1.5)"}},
		signature{0, "\x04\x22\x4d\x18", Result{Format: "archive/lz4", MIME: "application/x-lz4", Magic: "LZ4 compressed data (v1.4+)"}},
		signature{0, "\x02\x21\x4c\x18", Result{Format: "archive/lz4", MIME: "application/x-lz4", Magic: "LZ4 compressed data (v0.1-v0.9)"}},
		signature{7, "**ACE**", Result{Format: "archive/ace", MIME: "application/x-ace-compressed", Magic: "ACE archive data"}},
		signature{0, "hsqs", Result{Format: "archive/squashfs", MIME: octetStream, Magic: "Squashfs filesystem, little endian"}},
		signature{0, "sqsh", Result{Format: "archive/squashfs", MIME: octetStream, Magic: "Squashfs filesystem, big endian"}},
		signature{0, "SZDD\x88\xf0\x27\x33", Result{Format: "archive/szdd", MIME: "application/x-ms-compress-szdd", Magic: "MS Compress archive data, SZDD variant"}},
		signature{0, "\x78\x9f\x3e\x22", Result{Format: "archive/tnef", MIME: "application/vnd.ms-tnef", Magic: "Transport Neutral Encapsulation Format (TNEF)"}},
		signature{0, "ITSF\x03\x00\x00\x00\x60\x00\x00\x00", Result{Format: "archive/chm", MIME: "application/vnd.ms-htmlhelp", Magic: "MS Windows HtmlHelp Data"}},
		signature{0, "conectix", Result{Format: "archive/vhd", MIME: "application/x-virtualbox-vhd", Magic: "Microsoft Disk Image, Virtual Server or Virtual PC"}},
		signature{0, "KDMV", Result{Format: "archive/vmdk", MIME: octetStream, Magic: "VMware4 disk image"}},
		signature{0, "CART\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", Result{Format: "archive/cart", MIME: octetStream, Magic: "data"}},
		signature{0, "d8:announce", Result{Format: "application/torrent", MIME: "application/x-bittorrent", Magic: "BitTorrent file"}},
	),
	lzip, chromeExtension, bzip2, xz, zstd, unixCompress, sevenZip, cabinet, arj, lzh, lzma, arFamily, rpm, cpio, tar, discImage, fixedDisk,
}

// gzip follows RFC 1952.
func gzip(in *input) (Result, bool) {
	if !in.has(0, "\x1f\x8b\x08") || len(in.head) < 10 {
		return Result{}, false
	}
	const hasExtra, hasName = 4, 8
	var b strings.Builder
	b.WriteString("gzip compressed data")
	flags, rest := in.head[3], in.head[10:]
	if flags&hasExtra != 0 && len(rest) >= 2 {
		rest = rest[min(len(rest), 2+int(little(rest).u16(0))):]
	}
	if flags&hasName != 0 {
		if name, _, found := bytes.Cut(rest[:min(len(rest), 1<<10)], []byte{0}); found {
			fmt.Fprintf(&b, ", was %q", printable(name))
		}
	}
	if modified := little(in.head).u32(4); modified != 0 {
		b.WriteString(", last modified: " + time.Unix(int64(modified), 0).UTC().Format(time.ANSIC))
	}
	switch in.head[8] {
	case 2:
		b.WriteString(", max compression")
	case 4:
		b.WriteString(", max speed")
	}
	systems := []string{0: "FAT filesystem (MS-DOS, OS/2, NT)", 3: "Unix", 7: "MacOS", 10: "NTFS filesystem (NT)", 11: "NTFS filesystem (NT)", 13: ""}
	if os := int(in.head[9]); os < len(systems) && systems[os] != "" {
		b.WriteString(", from " + systems[os])
	}
	if in.size >= 18 {
		fmt.Fprintf(&b, ", original size modulo 2^32 %d", little(in.at(in.size-4, 4)).u32(0))
	}
	return Result{Format: "archive/gzip", MIME: "application/gzip", Magic: b.String()}, true
}

func bzip2(in *input) (Result, bool) {
	level := little(in.head).u8(3)
	if !in.has(0, "BZh") || level < '1' || level > '9' {
		return Result{}, false
	}
	return Result{
		Format: "archive/bzip2", MIME: "application/x-bzip2",
		Magic: fmt.Sprintf("bzip2 compressed data, block size = %c00k", level),
	}, true
}

func lzip(in *input) (Result, bool) {
	if !in.has(0, "LZIP") || len(in.head) < 5 {
		return Result{}, false
	}
	return Result{Format: "archive/lzip", MIME: "application/x-lzip", Magic: fmt.Sprintf("lzip compressed data, version: %d", in.head[4])}, true
}

func chromeExtension(in *input) (Result, bool) {
	if !in.has(0, "Cr24") {
		return Result{}, false
	}
	magic := fmt.Sprintf("Google Chrome extension, version %d", little(in.head).u32(4))
	return Result{Format: "application/chrome/extension", MIME: "application/x-chrome-extension", Magic: magic}, true
}

func xz(in *input) (Result, bool) {
	if !in.has(0, "\xfd7zXZ\x00") {
		return Result{}, false
	}
	magic := "XZ compressed data"
	if check := map[byte]string{0: "NONE", 1: "CRC32", 4: "CRC64", 10: "SHA-256"}[little(in.head).u8(7)]; check != "" {
		magic += ", checksum " + check
	}
	return Result{Format: "archive/xz", MIME: "application/x-xz", Magic: magic}, true
}

// zstd follows RFC 8878, 3.1.1. Frames that are to be skipped (3.1.2) may come first; parallel programs write such.
func zstd(in *input) (Result, bool) {
	f := little(in.head)
	begin := 0
	for begin+8 <= len(in.head) && f.u32(begin)&^0xf == 0x184d2a50 {
		begin += 8 + int(f.u32(begin+4))
	}
	if begin+6 > len(in.head) || !in.has(begin, "\x28\xb5\x2f\xfd") {
		return Result{}, false
	}
	descriptor, at := in.head[begin+4], begin+6
	if descriptor&0x20 != 0 {
		at-- // a single segment has no window descriptor
	}
	id := "None"
	switch descriptor & 3 {
	case 1:
		id = fmt.Sprint(f.u8(at))
	case 2:
		id = fmt.Sprint(f.u16(at))
	case 3:
		id = fmt.Sprint(f.u32(at))
	}
	return Result{
		Format: "archive/zstd", MIME: "application/zstd",
		Magic: "Zstandard compressed data (v0.8+), Dictionary ID: " + id,
	}, true
}

// unixCompress knows what compress of Unix writes: 9 to 16 bits for a code, and no flag but that of blocks.
func unixCompress(in *input) (Result, bool) {
	if !in.has(0, "\x1f\x9d") || len(in.head) < 4 {
		return Result{}, false
	}
	bits, reserved := in.head[2]&0x1f, in.head[2]&0x60
	if bits < 9 || bits > 16 || reserved != 0 {
		return Result{}, false
	}
	return Result{Format: "archive/compress", MIME: "application/x-compress", Magic: fmt.Sprintf("compress'd data %d bits", bits)}, true
}

func sevenZip(in *input) (Result, bool) {
	if !in.has(0, "7z\xbc\xaf\x27\x1c") {
		return Result{}, false
	}
	f := little(in.head)
	return Result{
		Format: "archive/7-zip", MIME: "application/x-7z-compressed",
		Magic: fmt.Sprintf("7-zip archive data, version %d.%d", f.u8(6), f.u8(7)),
	}, true
}

// cabinet follows MS-CAB 2.1; InstallShield has a format of the same name.
func cabinet(in *input) (Result, bool) {
	if in.has(0, "ISc(") {
		return Result{Format: "archive/cabinet", MIME: "application/x-installshield", Magic: "InstallShield CAB"}, true
	}
	f := little(in.head)
	if !in.has(0, "MSCF\x00\x00\x00\x00") || f.u8(25) != 1 || f.short {
		return Result{}, false
	}
	plural := "s"
	if f.u16(28) == 1 {
		plural = ""
	}
	return Result{
		Format: "archive/cabinet", MIME: "application/vnd.ms-cab-compressed",
		Magic: fmt.Sprintf("Microsoft Cabinet archive data, %d bytes, %d file%s", f.u32(8), f.u16(28), plural),
	}, true
}

func arj(in *input) (Result, bool) {
	f := little(in.head)
	size, first := f.u16(2), f.u8(4)
	if !in.has(0, "\x60\xea") || f.short || size > 2600 || first < 30 || first > 40 || f.u8(10) != 2 {
		return Result{}, false
	}
	return Result{Format: "archive/arj", MIME: "application/x-arj", Magic: "ARJ archive data"}, true
}

func lzh(in *input) (Result, bool) {
	if len(in.head) < 22 || !in.has(2, "-l") || in.head[6] != '-' || !strings.ContainsRune("hz", rune(in.head[4])) {
		return Result{}, false
	}
	name := "LHa (2.x)"
	if method := in.head[5]; method == '0' || method == '1' {
		name = "LHarc 1.x/ARX"
	}
	magic := name + " archive data  [" + printable(in.head[3:6]) + "]"
	return Result{Format: "archive/lzh", MIME: "application/x-lzh-compressed", Magic: magic}, true
}

// lzma has no signature: the usual properties byte, a size of the dictionary as encoders choose it and a plausible length.
func lzma(in *input) (Result, bool) {
	f := little(in.head)
	dictionary, length := f.u32(1), f.u64(5)
	if !in.has(0, "\x5d\x00\x00") || f.short || !lzmaDictionary(dictionary) || f.u8(13) != 0 {
		return Result{}, false
	}
	if length != 1<<64-1 && length > 1<<40 {
		return Result{}, false
	}
	magic := "LZMA compressed data, streamed"
	if length != 1<<64-1 {
		magic = fmt.Sprintf("LZMA compressed data, non-streamed, size %d", length)
	}
	return Result{Format: "archive/lzma", MIME: "application/x-lzma", Magic: magic}, true
}

// lzmaDictionary tells whether a size is a power of two, or one and a half times one.
func lzmaDictionary(size uint32) bool {
	lowest := size & -size
	return size != 0 && (size == lowest || size == 3*lowest)
}

func arFamily(in *input) (Result, bool) {
	switch {
	case in.has(0, "!<arch>\ndebian"):
		magic := "Debian binary package"
		if version, _, found := bytes.Cut(in.at(68, int(min(16, in.size-68))), []byte{'\n'}); found {
			magic += " (format " + printable(version) + ")"
		}
		return Result{Format: "archive/deb", MIME: "application/vnd.debian.binary-package", Magic: magic}, true
	case in.has(0, "!<arch>\n"):
		return Result{Format: "archive/ar", MIME: "application/x-archive", Magic: "current ar archive"}, true
	case in.has(0, "!<thin>\n"):
		return Result{Format: "archive/ar", MIME: "application/x-archive", Magic: "thin ar archive"}, true
	}
	return Result{}, false
}

func rpm(in *input) (Result, bool) {
	if !in.has(0, "\xed\xab\xee\xdb") || len(in.head) < 96 {
		return Result{}, false
	}
	kind := "bin"
	if big(in.head).u16(6) == 1 {
		kind = "src"
	}
	return Result{Format: "archive/rpm", MIME: "application/x-rpm", Magic: fmt.Sprintf("RPM v%d.%d %s", in.head[4], in.head[5], kind)}, true
}

func cpio(in *input) (Result, bool) {
	for _, c := range []struct{ bytes, magic string }{
		{"070701", "ASCII cpio archive (SVR4 with no CRC)"},
		{"070702", "ASCII cpio archive (SVR4 with CRC)"},
		{"070707", "ASCII cpio archive (pre-SVR4 or odc)"},
		{"\xc7\x71", "cpio archive"},
		{"\x71\xc7", "byte-swapped cpio archive"},
	} {
		if in.has(0, c.bytes) && in.size >= 26 {
			return Result{Format: "archive/cpio", MIME: "application/x-cpio", Magic: c.magic}, true
		}
	}
	return Result{}, false
}

// tar checks the sum that every header block carries (POSIX.1-2008, pax): of its bytes, with blanks in place of the sum.
// Some old programs summed signed bytes.
func tar(in *input) (Result, bool) {
	const block, sumAt, sumLen = 512, 148, 8
	if len(in.head) < block {
		return Result{}, false
	}
	header := in.head[:block]
	want, ok := octal(header[sumAt : sumAt+sumLen])
	if !ok {
		return Result{}, false
	}
	unsigned, signed := 0, 0
	for i, c := range header {
		if i >= sumAt && i < sumAt+sumLen {
			c = ' '
		}
		unsigned += int(c)
		signed += int(int8(c))
	}
	if want != unsigned && want != signed {
		return Result{}, false
	}
	magic := "tar archive"
	switch {
	case in.has(257, "ustar  \x00"):
		magic = "POSIX tar archive (GNU)"
	case in.has(257, "ustar\x00"):
		magic = "POSIX tar archive"
	}
	return Result{Format: "archive/tar", MIME: "application/x-tar", Magic: magic}, true
}

// octal reads a number as tar writes it: blanks, digits, then a blank or NUL. A sum of 0 is no header.
func octal(field []byte) (n int, ok bool) {
	field = bytes.TrimLeft(field, " ")
	for i, c := range field {
		switch {
		case c >= '0' && c <= '7':
			n = n<<3 | int(c-'0')
		case c == ' ' || c == 0:
			return n, i > 0 && n > 0
		default:
			return 0, false
		}
	}
	return n, n > 0
}

// fixedDisk reads the footer of a VHD that does not grow: in front of it is the disk itself, which begins with a boot record.
func fixedDisk(in *input) (Result, bool) {
	const sector = 512
	if in.size <= sector || in.size%sector != 0 || !in.has(sector-2, "\x55\xaa") || !bytes.HasPrefix(in.at(in.size-sector, sector), []byte("conectix")) {
		return Result{}, false
	}
	return Result{Format: "archive/vhd", MIME: "application/x-virtualbox-vhd", Magic: "Microsoft Disk Image, Virtual Server or Virtual PC"}, true
}

// discImage reads the volume descriptors of ECMA-119 (ISO 9660) and ECMA-167 (UDF), which begin at 32 KiB.
func discImage(in *input) (Result, bool) {
	const descriptors, sector = 32 << 10, 2 << 10
	if in.has(descriptors+1, "BEA01") {
		return Result{Format: "archive/udf", MIME: octetStream, Magic: "UDF filesystem data"}, true
	}
	if !in.has(descriptors+1, "CD001") {
		return Result{}, false
	}
	magic := "ISO 9660 CD-ROM filesystem data"
	if label := strings.TrimRight(printable(in.at(descriptors+40, 32)), " ."); label != "" {
		magic += " '" + label + "'"
	}
	if in.has(descriptors+sector+1, "CD001\x01EL TORITO") {
		magic += " (bootable)"
	}
	return Result{Format: "archive/iso", MIME: "application/x-iso9660-image", Magic: magic}, true
}
