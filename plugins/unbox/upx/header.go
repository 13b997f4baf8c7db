package upx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"

	"lazuli/plugins/unbox/archive"
)

const (
	magic      = "UPX!"
	headerSize = 32
	searchHead = 4 << 10  // bytes at the beginning in which the header of a PE is, and the one of the loader
	searchTail = 64 << 10 // bytes at the end in which the header of other programs is
	bigEndian  = 128      // formats from here on
)

// methods of compression, by their numbers.
var methods = map[byte]string{
	2: "NRV2B_LE32", 3: "NRV2B_8", 4: "NRV2B_LE16", 5: "NRV2D_LE32", 6: "NRV2D_8", 7: "NRV2D_LE16", 8: "NRV2E_LE32", 9: "NRV2E_8", 10: "NRV2E_LE16",
	14: "LZMA", 15: "DEFLATE", 16: "ZSTD",
}

// formats of programs, by their numbers.
var formats = map[byte]string{
	1: "dos/com", 2: "dos/sys", 3: "dos/exe", 4: "djgpp2/coff", 5: "watcom/le", 7: "dos/exeh", 8: "tmt/adam", 9: "win32/pe", 10: "linux/i386", 12: "linux/elf386",
	14: "linux/sh386", 15: "linux/kernel", 16: "linux/kernel", 18: "ps1/exe", 20: "linux/elf386", 21: "arm/pe", 22: "linux/elf64", 23: "linux/armel", 24: "bsd/i386",
	25: "bsd/elf386", 29: "macho/i386", 30: "linux/mipsel", 32: "macho/arm", 33: "dylib/i386", 34: "macho/amd64", 35: "dylib/amd64", 36: "win64/pe", 37: "macho/arm64",
	39: "linux/ppc64le", 42: "linux/arm64", 129: "atari/tos", 131: "macho/ppc32", 132: "linux/ppc32", 133: "linux/armeb", 134: "macho/fat", 137: "linux/mips", 140: "linux/ppc64",
}

// Info is what a packed program says of its packing.
type Info struct {
	Version  string // of UPX, as "4.01"; "" if it does not say
	Format   string // of the program, in UPX's own terms
	Method   string
	Level    int
	Modified bool // it was packed by UPX, and then the signs of that were altered

	header *header
	loader int64 // offset of the header of an ELF's or a Mach-O's loader, 0 for none
}

// header is UPX's own header of what it packed.
type header struct {
	at                 int64 // in the file
	format, method     byte
	level              int
	unpacked, packed   int64 // bytes
	sum                uint32
	filter, filterByte byte
	altered            bool
}

// parseHeader takes the header that p begins with, whatever its first four bytes are. nil if it cannot be one.
func parseHeader(p []byte) *header {
	if len(p) < headerSize || p[4] < 10 || p[4] > 20 || methods[p[6]] == "" || formats[p[5]] == "" || p[7] == 0 || p[7] > 10 {
		return nil
	}
	sum := 0
	for _, b := range p[4 : headerSize-1] {
		sum += int(b)
	}
	h := &header{format: p[5], method: p[6], level: int(p[7]), filter: p[28], filterByte: p[29]}
	h.altered = string(p[:4]) != magic || sum%251 != int(p[headerSize-1])
	if h.format < bigEndian {
		u32 := binary.LittleEndian.Uint32
		h.sum, h.unpacked, h.packed = u32(p[8:]), int64(u32(p[16:])), int64(u32(p[20:]))
	} else {
		u32 := binary.BigEndian.Uint32
		h.unpacked, h.packed, h.sum = int64(u32(p[8:])), int64(u32(p[12:])), u32(p[16:])
	}
	return h
}

// findHeader looks for a header in a stretch of a file. One that is as it should be goes before one that was altered.
func findHeader(p []byte, off int64) *header {
	for from := 0; ; {
		i := bytes.Index(p[from:], []byte(magic))
		if i < 0 {
			break
		}
		if h := parseHeader(p[from+i:]); h != nil && !h.altered {
			h.at = off + int64(from+i)
			return h
		}
		from += i + 1
	}
	for i := 0; i+headerSize <= len(p); i++ {
		h := parseHeader(p[i:])
		if h == nil {
			continue
		}
		sum := 0
		for _, b := range p[i+4 : i+headerSize-1] {
			sum += int(b)
		}
		if sum%251 == int(p[i+headerSize-1]) && h.packed > 0 && h.packed <= h.unpacked && h.unpacked < mostUnpacked {
			h.at = off + int64(i)
			return h
		}
	}
	return nil
}

var (
	versionInPE  = regexp.MustCompile(`([0-9]\.[0-9]{2})\x00$`)
	versionInELF = regexp.MustCompile(`\$Id: UPX ([0-9]\.[0-9]{2}) Copyright`)
)

// read reads up to n bytes at off.
func read(r io.ReaderAt, off, n, size int64) ([]byte, error) {
	off = max(0, off)
	p := make([]byte, max(0, min(n, size-off)))
	return p, archive.ReadAt(r, p, off, "the program")
}

// Detect tells how a program is packed. ErrNotThis if it is not.
func Detect(r io.ReaderAt, size int64) (*Info, error) {
	head, err := read(r, 0, searchHead, size)
	if err != nil {
		return nil, err
	}
	info := &Info{}
	switch kindOf(head) {
	case "PE":
		info.header = findHeader(head, 0)
		if info.header != nil {
			if m := versionInPE.FindSubmatch(head[:info.header.at]); m != nil {
				info.Version = string(m[1])
			}
		}
		if named := bytes.Contains(head, []byte("UPX0\x00\x00\x00\x00")) || bytes.Contains(head, []byte("UPX1\x00\x00\x00\x00")); named && info.header == nil {
			info.Modified, info.Format = true, "win32/pe"
			return info, nil
		}
	case "ELF", "Mach-O":
		if err := info.detectLoader(r, size, head); err != nil {
			return nil, err
		}
	default: // of other programs the header alone counts
		if info.header = findMagic(head, 0); info.header == nil {
			return nil, fmt.Errorf("%w: no program that UPX packed", archive.ErrNotThis)
		}
	}
	h := info.header
	if h == nil && info.loader == 0 {
		return nil, fmt.Errorf("%w: no program that UPX packed", archive.ErrNotThis)
	}
	if h != nil {
		info.Format, info.Method, info.Level = formats[h.format], methods[h.method], h.level
		info.Modified = info.Modified || h.altered
	}
	return info, nil
}

// findMagic looks for a header that is as it should be.
func findMagic(p []byte, off int64) *header {
	if h := findHeader(p, off); h != nil && !h.altered {
		return h
	}
	return nil
}

func kindOf(head []byte) string {
	le := binary.LittleEndian
	switch {
	case len(head) >= 4 && string(head[:4]) == "\x7fELF":
		return "ELF"
	case len(head) >= 4 && (le.Uint32(head)&^1 == 0xfeedface || binary.BigEndian.Uint32(head)&^1 == 0xfeedface || binary.BigEndian.Uint32(head) == 0xcafebabe):
		return "Mach-O"
	case len(head) >= 0x40 && string(head[:2]) == "MZ":
		if at := int64(le.Uint32(head[0x3c:])); at+4 <= int64(len(head)) && string(head[at:at+4]) == "PE\x00\x00" {
			return "PE"
		}
	}
	return ""
}

// Formats of loaders that have a header of their own in front of what is packed: l_info and p_info.
const (
	loaderSize  = 12
	programSize = 12
)

// detectLoader looks for the headers of an ELF or a Mach-O: a small one in front, the usual one at the end.
func (info *Info) detectLoader(r io.ReaderAt, size int64, head []byte) error {
	for from := 4; ; {
		i := bytes.Index(head[from:], []byte(magic))
		if i < 0 {
			break
		}
		at := from + i - 4 // behind a checksum
		if at+loaderSize+programSize <= len(head) && formats[head[at+11]] != "" && info.loader == 0 {
			info.loader, info.Format = int64(at), formats[head[at+11]]
		}
		from += i + 1
	}
	tail, err := read(r, size-searchTail, searchTail, size)
	if err != nil {
		return err
	}
	info.header = findMagic(tail, max(0, size-searchTail))
	if m := versionInELF.FindSubmatch(tail); m != nil {
		info.Version = string(m[1])
	}
	if info.header != nil && info.loader == 0 || info.header == nil && info.loader != 0 {
		info.Modified = true
	}
	return nil
}
