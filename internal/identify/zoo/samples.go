// Package zoo makes small files of every format that lazuli can tell, for tests: package identify is held to what they are, and every
// plugin is fed with all of them (plugintest.Hostile). It knows nothing of either.
package zoo

import (
	gotar "archive/tar"
	"bytes"
	gogzip "compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	gogif "image/gif"
	gojpeg "image/jpeg"
	gopng "image/png"
	"strings"
	"time"
)

// Sample is a file made here, and what it is.
type Sample struct {
	Name    string
	Content []byte
	Want    Result
}

// Result is what identify.File says of a file, without the extension. Where MIME is empty only the format is told.
type Result struct{ Format, MIME, Magic, Extension string }

const (
	octetStream = "application/octet-stream"
	unknown     = "unknown"
	dosMIME     = "application/x-dosexec"
	oleMIME     = "application/x-ole-storage"
	peMIME      = "application/vnd.microsoft.portable-executable"
	msiClass    = "\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46" // {000C1084-0000-0000-C000-000000000046} without its first byte
)

// Samples returns at least one sample of every format that package identify can tell.
func Samples() []Sample {
	var all []Sample
	for _, part := range [][]Sample{
		programZoo(), zipZoo(), archiveZoo(), documentZoo(), imageZoo(), mediaZoo(), dataZoo(), scriptZoo(), textZoo(), languageZoo(), legacyZoo(), summaryZoo(),
	} {
		all = append(all, part...)
	}
	return all
}

// Find returns the sample with a name.
func Find(name string) Sample {
	for _, s := range Samples() {
		if s.Name == name {
			return s
		}
	}
	panic("there is no sample " + name)
}

func programZoo() []Sample {
	const machO, jar = "application/x-mach-binary", "application/x-java-applet"
	pie := elfSpec{wide: true, kind: 3, machine: 62, interp: "/lib64/ld-linux-x86-64.so.2", dynamic: true, pie: true}
	return []Sample{
		{"elf64 static", elfSpec{wide: true, kind: 2, machine: 62}.bytes(), Result{
			"executable/linux/elf64", "application/x-executable",
			"ELF 64-bit LSB executable, x86-64, version 1 (SYSV)", ""}},
		{"elf64 pie", pie.bytes(), Result{
			"executable/linux/elf64", "application/x-pie-executable",
			"ELF 64-bit LSB pie executable, x86-64, version 1 (SYSV), dynamically linked, interpreter /lib64/ld-linux-x86-64.so.2, no section header", ""}},
		{"elf64 library", elfSpec{wide: true, kind: 3, machine: 183, dynamic: true}.bytes(), Result{
			"executable/linux/so64", "application/x-sharedlib",
			"ELF 64-bit LSB shared object, ARM aarch64, version 1 (SYSV), dynamically linked, no section header", ""}},
		{"elf32 big-endian", elfSpec{big: true, kind: 2, machine: 8}.bytes(), Result{
			"executable/linux/elf32", "application/x-executable",
			"ELF 32-bit MSB executable, MIPS, MIPS-I version 1 (SYSV)", ""}},
		{"elf32 library", elfSpec{kind: 3, machine: 40, dynamic: true}.bytes(), Result{
			"executable/linux/so32", "application/x-sharedlib",
			"ELF 32-bit LSB shared object, ARM, version 1 (SYSV), dynamically linked, no section header", ""}},
		{"elf64 object", elfSpec{wide: true, kind: 1, machine: 62}.bytes(), Result{
			"executable/linux/elf64", "application/x-object", "ELF 64-bit LSB relocatable, x86-64, version 1 (SYSV)", ""}},
		{"elf64 core", elfSpec{wide: true, kind: 4, machine: 62}.bytes(), Result{
			"executable/linux/elf64", "application/x-coredump", "ELF 64-bit LSB core file, x86-64, version 1 (SYSV)", ""}},

		{"pe32", peSpec{machine: 0x14c, subsystem: 2, flags: 0x102, sections: 3}.bytes(), Result{
			"executable/windows/pe32", peMIME, "PE32 executable for MS Windows 4.00 (GUI), Intel i386, 3 sections", ""}},
		{"pe32 .NET", peSpec{machine: 0x14c, subsystem: 3, flags: 0x102, sections: 1, dotNet: true}.bytes(), Result{
			"executable/windows/pe32", peMIME, "PE32 executable for MS Windows 4.00 (console), Intel i386 Mono/.Net assembly, 1 section", ""}},
		{"pe32 packed", peSpec{machine: 0x14c, subsystem: 2, flags: 0x302, sections: 3, first: "UPX0"}.bytes(), Result{
			"executable/windows/pe32", peMIME, "PE32 executable for MS Windows 4.00 (GUI), Intel i386 (stripped to external PDB), UPX compressed, 3 sections", ""}},
		{"pe32 installer", peSpec{machine: 0x14c, subsystem: 2, flags: 0x102, sections: 1, first: ".ndata"}.bytes(), Result{
			"executable/windows/pe32", peMIME, "PE32 executable for MS Windows 4.00 (GUI), Intel i386, Nullsoft Installer self-extracting archive, 1 section", ""}},
		{"pe32 self-extracting", peSpec{machine: 0x14c, subsystem: 2, flags: 0x102, sections: 1, behind: "Rar!\x1a\x07\x00"}.bytes(), Result{
			"executable/windows/pe32", peMIME, "PE32 executable for MS Windows 4.00 (GUI), Intel i386, RAR self-extracting archive, 1 section", ""}},
		{"pe32 as small as can be", peSpec{machine: 0x14c, subsystem: 2, flags: 0x102, sections: 1}.bytes()[:0x80+24+72], Result{
			"executable/windows/pe32", peMIME, "PE32 executable for MS Windows 4.00 (GUI), Intel i386, 1 section", ""}},
		{"pe64", peSpec{wide: true, machine: 0x8664, subsystem: 3, flags: 0x22, sections: 6}.bytes(), Result{
			"executable/windows/pe64", peMIME, "PE32+ executable for MS Windows 4.00 (console), x86-64, 6 sections", ""}},
		{"dll32", peSpec{machine: 0x14c, subsystem: 2, flags: 0x2102, sections: 5}.bytes(), Result{
			"executable/windows/dll32", peMIME, "PE32 executable for MS Windows 4.00 (DLL), Intel i386, 5 sections", ""}},
		{"dll64", peSpec{wide: true, machine: 0xaa64, subsystem: 2, flags: 0x2022, sections: 5}.bytes(), Result{
			"executable/windows/dll64", peMIME, "PE32+ executable for MS Windows 4.00 (DLL), Aarch64, 5 sections", ""}},
		{"efi", peSpec{wide: true, machine: 0x8664, subsystem: 10, flags: 0x22, sections: 4}.bytes(), Result{
			"executable/pe32", peMIME, "PE32+ executable for EFI (application), x86-64, 4 sections", ""}},
		{"efi dll", peSpec{wide: true, machine: 0x8664, subsystem: 12, flags: 0x2022, sections: 4}.bytes(), Result{
			"executable/dll32", peMIME, "PE32+ executable for EFI (DLL), x86-64, 4 sections", ""}},
		{"dos", pad("MZ\x90\x00\x03\x00", 512), Result{"executable/windows/dos", dosMIME, "MS-DOS executable, MZ for MS-DOS", ""}},
		{"dos, header far away", put32(pad("MZ", 64), 0x3c, 0x7fffffff), Result{"executable/windows/dos", dosMIME, "MS-DOS executable, MZ for MS-DOS", ""}},
		{"ne", append(put32(pad("MZ", 64), 0x3c, 64), put8(pad("NE", 64), 0x36, 2)...), Result{
			"executable/windows/dos", dosMIME, "MS-DOS executable, NE for MS Windows 3.x", ""}},

		{"mach-o", pad("\xcf\xfa\xed\xfe\x07\x00\x00\x01\x03\x00\x00\x00\x02\x00\x00\x00", 64), Result{
			"executable/mach-o", machO, "Mach-O 64-bit x86_64 executable", ""}},
		{"mach-o library", pad("\xfe\xed\xfa\xce\x00\x00\x00\x12\x00\x00\x00\x00\x00\x00\x00\x06", 64), Result{
			"executable/mach-o", machO, "Mach-O ppc dynamically linked shared library", ""}},
		{"mach-o universal", append(pad("\xca\xfe\xba\xbe\x00\x00\x00\x02\x01\x00\x00\x07", 28), "\x01\x00\x00\x0c0123456789012345"...), Result{
			"executable/mach-o", machO, "Mach-O universal binary with 2 architectures: [x86_64] [arm64]", ""}},
		{"class", pad("\xca\xfe\xba\xbe\x00\x00\x00\x34", 40), Result{"code/class", jar, "compiled Java class data, version 52.0 (Java 1.8)", ""}},
		{"class 21", pad("\xca\xfe\xba\xbe\x00\x00\x00\x41", 40), Result{"code/class", jar, "compiled Java class data, version 65.0 (Java SE 21)", ""}},
		{"dex", pad("dex\n035\x00", 112), Result{"android/apk", octetStream, "Dalvik dex file version 035", ""}},
		{"pyc", append(pad("\xcb\x0d\r\n", 16), 0xe3, 0, 0, 0, 0), Result{"python/bytecode", "application/x-bytecode.python", "Byte-compiled Python module for CPython 3.12 or newer, timestamp-based, .py timestamp: Thu Jan  1 00:00:00 1970 UTC, .py size: 0 bytes", ""}},
	}
}

func zipZoo() []Sample {
	const office = "application/vnd.openxmlformats-officedocument."
	const odf = "application/vnd.oasis.opendocument."
	plain := Result{"archive/zip", "application/zip", "Zip archive data, at least v2.0 to extract, compression method=deflate", ""}
	jar := Result{"java/jar", "application/java-archive", "Java archive data (JAR)", ""}
	all := []Sample{
		{"zip", Zip("a.txt", "b/c.txt"), plain},
		{"zip, empty", Zip(), Result{"archive/zip", "application/zip", "Zip archive data (empty)", ""}},
		{"zip with META-INF", Zip("a.txt", "META-INF/signature.p7s"), plain},
		{"zip, directory cut off", Zip("a.txt", "b.txt")[:100], plain},
		{"jar", Zip("META-INF/", "META-INF/MANIFEST.MF", "com/x/Main.class"), jar},
		{"jar of resources", Zip("META-INF/MANIFEST.MF", "messages.properties"), jar},
		{"jar without manifest", Zip("a/A.class", "a/B.class", "readme"), jar},
		{"jar, directory cut off", Zip("META-INF/MANIFEST.MF", "Main.class", "B.class")[:200], jar},
		{"apk", Zip("META-INF/MANIFEST.MF", "AndroidManifest.xml", "classes.dex"), Result{
			"android/apk", "application/vnd.android.package-archive", "Android package (APK), with AndroidManifest.xml", ""}},
		{"ipa", Zip("Payload/Thing.app/Info.plist"), Result{"ios/ipa", "application/x-ios-app", "iOS App Zip archive data, at least v2.0 to extract, compression method=deflate", ""}},
		{"xpi", Zip("manifest.json", "META-INF/mozilla.rsa"), Result{"application/mozilla/extension", "application/x-xpinstall", "Mozilla XPI extension", ""}},
		{"docx", Zip("[Content_Types].xml", "_rels/.rels", "word/document.xml"), Result{
			"document/office/word", office + "wordprocessingml.document", "Microsoft Word 2007+", ""}},
		{"xlsx", Zip("xl/workbook.xml", "[Content_Types].xml", "_rels/.rels"), Result{
			"document/office/excel", office + "spreadsheetml.sheet", "Microsoft Excel 2007+", ""}},
		{"pptx", Zip("[Content_Types].xml", "ppt/presentation.xml"), Result{
			"document/office/powerpoint", office + "presentationml.presentation", "Microsoft PowerPoint 2007+", ""}},
		{"vsdx", Zip("[Content_Types].xml", "visio/document.xml"), Result{
			"document/office/visio", "application/vnd.ms-visio.drawing.main+xml", "Microsoft Visio 2013+", ""}},
		{"xps", Zip("[Content_Types].xml", "_rels/.rels", "Pages/1.fpage"), Result{
			"document/office/unknown", octetStream, "Microsoft OOXML", ""}},
		{"nupkg", Zip("[Content_Types].xml", "_rels/.rels", "thing.nuspec"), plain},
		{"epub", declaring("application/epub+zip", "META-INF/container.xml"), Result{"document/epub", "application/epub+zip", "EPUB document", ""}},
	}
	for _, k := range []struct{ name, format, magic string }{
		{"text-web", "web", "HTML Document Template"}, {"text-master", "text", "Master Document"},
		{"text-template", "text", "Text Template"}, {"text", "text", "Text"},
		{"spreadsheet-template", "spreadsheet", "Spreadsheet Template"}, {"spreadsheet", "spreadsheet", "Spreadsheet"},
		{"presentation-template", "presentation", "Presentation Template"}, {"presentation", "presentation", "Presentation"},
		{"graphics-template", "graphics", "Drawing Template"}, {"graphics", "graphics", "Drawing"},
		{"chart-template", "chart", "Chart Template"}, {"chart", "chart", "Chart"},
		{"formula-template", "formula", "Formula Template"}, {"formula", "formula", "Formula"},
	} {
		all = append(all, Sample{k.name, declaring(odf+k.name, "META-INF/manifest.xml"), Result{
			"document/odt/" + k.format, odf + k.name, "OpenDocument " + k.magic, ""}})
	}
	return all
}

func archiveZoo() []Sample {
	const gz, x = "application/gzip", octetStream
	sum := pad("old.txt", 512)
	copy(sum[100:], "0000644\x00")
	total := 8 * int(' ')
	for _, c := range sum {
		total += int(c)
	}
	copy(sum[148:], fmt.Sprintf("%06o\x00 ", total))
	iso := pad("", 40<<10)
	copy(iso[32769:], "CD001")
	copy(iso[32808:], "BACKUP                          ")
	copy(iso[34817:], "CD001\x01EL TORITO SPECIFICATION")
	udf := pad("", 40<<10)
	copy(udf[32769:], "BEA01")
	return []Sample{
		{"gzip", gzipOf("notes.txt", time.Unix(1e9, 0), gogzip.BestCompression), Result{"archive/gzip", gz,
			`gzip compressed data, was "notes.txt", last modified: Sun Sep  9 01:46:40 2001, max compression, original size modulo 2^32 5`, ""}},
		{"gzip, bare", gzipOf("", time.Time{}, gogzip.BestSpeed), Result{"archive/gzip", gz, "gzip compressed data, max speed, original size modulo 2^32 5", ""}},
		{"bzip2", pad("BZh91AY&SY", 40), Result{"archive/bzip2", "application/x-bzip2", "bzip2 compressed data, block size = 900k", ""}},
		{"xz", pad("\xfd7zXZ\x00\x00\x04", 40), Result{"archive/xz", "application/x-xz", "XZ compressed data, checksum CRC64", ""}},
		{"zstd", zstdOf("hello"), Result{"archive/zstd", "application/zstd", "Zstandard compressed data (v0.8+), Dictionary ID: None", ""}},
		{"zstd, behind a frame to skip", append([]byte("\x5f\x2a\x4d\x18\x04\x00\x00\x00skip"), zstdOf("hello")...), Result{
			"archive/zstd", "application/zstd", "Zstandard compressed data (v0.8+), Dictionary ID: None", ""}},
		{"lz4", pad("\x04\x22\x4d\x18\x64\x40", 20), Result{"archive/lz4", "application/x-lz4", "LZ4 compressed data (v1.4+)", ""}},
		{"lz4, old", pad("\x02\x21\x4c\x18\x05\x00\x00\x00\x50hello", 14), Result{"archive/lz4", "application/x-lz4", "LZ4 compressed data (v0.1-v0.9)", ""}},
		{"compress", []byte("\x1f\x9d\x90\x61\xc4\x00"), Result{"archive/compress", "application/x-compress", "compress'd data 16 bits", ""}},
		{"compress, 12 bits", []byte("\x1f\x9d\x8c\x61\xc4\x00"), Result{"archive/compress", "application/x-compress", "compress'd data 12 bits", ""}},
		{"compress, 31 bits", []byte("\x1f\x9d\xff\x41"), Result{unknown, octetStream, "data", ""}},
		{"7z", pad("7z\xbc\xaf\x27\x1c\x00\x04", 40), Result{"archive/7-zip", "application/x-7z-compressed", "7-zip archive data, version 0.4", ""}},
		{"rar 5", pad("Rar!\x1a\x07\x01\x00", 40), Result{"archive/rar", "application/x-rar", "RAR archive data, v5", ""}},
		{"rar 4", pad("Rar!\x1a\x07\x00", 40), Result{"archive/rar", "application/x-rar", "RAR archive data, v4", ""}},
		{"cab", put8(put8(put8(pad("MSCF\x00\x00\x00\x00\x40", 64), 24, 3), 25, 1), 28, 2), Result{
			"archive/cabinet", "application/vnd.ms-cab-compressed", "Microsoft Cabinet archive data, 64 bytes, 2 files", ""}},
		{"cab of InstallShield", pad("ISc(", 64), Result{"archive/cabinet", "application/x-installshield", "InstallShield CAB", ""}},
		{"arj", put8(pad("\x60\xea\x2a\x00\x22\x0b\x01\x0b\x10\x00", 60), 10, 2), Result{"archive/arj", "application/x-arj", "ARJ archive data", ""}},
		{"lzh", pad("\x20\x10-lh5-", 60), Result{"archive/lzh", "application/x-lzh-compressed", "LHa (2.x) archive data  [lh5]", ""}},
		{"lzma", pad("\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x33", 60), Result{"archive/lzma", "application/x-lzma", "LZMA compressed data, streamed", ""}},
		{"lzma, 24 MiB", pad("\x5d\x00\x00\x80\x01\x05\x00\x00\x00\x00\x00\x00\x00\x00\x33", 60), Result{"archive/lzma", "application/x-lzma", "LZMA compressed data, non-streamed, size 5", ""}},
		{"lzip", pad("LZIP\x01", 60), Result{"archive/lzip", "application/x-lzip", "lzip compressed data, version: 1", ""}},
		{"ace", pad("1234567**ACE**", 60), Result{"archive/ace", "application/x-ace-compressed", "ACE archive data", ""}},
		{"squashfs", pad("hsqs", 96), Result{"archive/squashfs", x, "Squashfs filesystem, little endian", ""}},
		{"szdd", pad("SZDD\x88\xf0\x27\x33A", 60), Result{"archive/szdd", "application/x-ms-compress-szdd", "MS Compress archive data, SZDD variant", ""}},
		{"tnef", pad("\x78\x9f\x3e\x22", 60), Result{"archive/tnef", "application/vnd.ms-tnef", "Transport Neutral Encapsulation Format (TNEF)", ""}},
		{"chm", pad("ITSF\x03\x00\x00\x00\x60\x00\x00\x00", 96), Result{"archive/chm", "application/vnd.ms-htmlhelp", "MS Windows HtmlHelp Data", ""}},
		{"vhd", pad("conectix", 512), Result{"archive/vhd", "application/x-virtualbox-vhd", "Microsoft Disk Image, Virtual Server or Virtual PC", ""}},
		{"vhd, fixed", put8(put8(append(pad("", 512), pad("conectix", 512)...), 510, 0x55), 511, 0xaa), Result{
			"archive/vhd", "application/x-virtualbox-vhd", "Microsoft Disk Image, Virtual Server or Virtual PC", ""}},
		{"vmdk", pad("KDMV\x01", 512), Result{"archive/vmdk", x, "VMware4 disk image", ""}},
		{"cart", pad("CART\x01", 60), Result{"archive/cart", x, "data", ""}},
		{"crx", pad("Cr24\x03", 60), Result{"application/chrome/extension", "application/x-chrome-extension", "Google Chrome extension, version 3", ""}},
		{"torrent", []byte("d8:announce20:http://tracker/announcee"), Result{"application/torrent", "application/x-bittorrent", "BitTorrent file", ""}},
		{"ar", []byte("!<arch>\nhello.o/        0           0     0     644     4         `\nabcd"), Result{"archive/ar", "application/x-archive", "current ar archive", ""}},
		{"deb", []byte("!<arch>\ndebian-binary   1000000000  0     0     100644  4         `\n2.0\n"), Result{
			"archive/deb", "application/vnd.debian.binary-package", "Debian binary package (format 2.0)", ""}},
		{"rpm", pad("\xed\xab\xee\xdb\x03\x00\x00\x00", 112), Result{"archive/rpm", "application/x-rpm", "RPM v3.0 bin", ""}},
		{"cpio", pad("070701", 112), Result{"archive/cpio", "application/x-cpio", "ASCII cpio archive (SVR4 with no CRC)", ""}},
		{"tar, pax", tarOf(gotar.FormatPAX), Result{"archive/tar", "application/x-tar", "POSIX tar archive", ""}},
		{"tar, gnu", tarOf(gotar.FormatGNU), Result{"archive/tar", "application/x-tar", "POSIX tar archive (GNU)", ""}},
		{"tar, old", append(sum, pad("", 1024)...), Result{"archive/tar", "application/x-tar", "tar archive", ""}},
		{"iso", iso, Result{"archive/iso", "application/x-iso9660-image", "ISO 9660 CD-ROM filesystem data 'BACKUP' (bootable)", ""}},
		{"udf", udf, Result{"archive/udf", x, "UDF filesystem data", ""}},
		{"zlib", zlibOf("hello"), Result{"archive/zlib", "application/zlib", "zlib compressed data", ""}},
	}
}

func documentZoo() []Sample {
	const pdfMIME = "application/pdf"
	magic := "PDF document, version 1.7"
	all := []Sample{
		{"pdf", []byte("%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n"), Result{"document/pdf", pdfMIME, magic, ""}},
		{"pdf, later", []byte("\x00garbage\n%PDF-1.7\n1 0 obj\n"), Result{"document/pdf", pdfMIME, magic, ""}},
		{"pdf, encrypted", []byte("%PDF-1.7\ntrailer <</Encrypt 5 0 R>>\n"), Result{"document/pdf/passwordprotected", pdfMIME, magic, ""}},
		{"pdf, encrypted, long", append(pad("%PDF-1.7\n", 100_000), "trailer <</Encrypt 5 0 R>>\n"...), Result{"document/pdf/passwordprotected", pdfMIME, magic, ""}},
		{"pdf portfolio", []byte("%PDF-1.7\n<</Type/Catalog/Collection 3 0 R>>\n"), Result{"document/pdf/portfolio", pdfMIME, magic, ""}},
		{"rtf", []byte(`{\rtf1\ansi hello}`), Result{"document/office/rtf", "text/rtf", "Rich Text Format data, version 1, ANSI", ""}},
		{"rtf, damaged on purpose", []byte(`{\rt}`), Result{"document/office/rtf", "text/rtf", "Rich Text Format data", ""}},
		{"ps", []byte("%!PS-Adobe-3.0 EPSF-3.0\n"), Result{"document/ps", "application/postscript", "PostScript document text conforming DSC level 3.0, type EPS", ""}},
		{"ole", OLE(""), Result{"document/office/unknown", oleMIME, "Composite Document File V2 Document", ""}},
		{"ole, beta", pad("\xd0\xcf\x11\xe0\x0e\x11\xfc\x0d", 600), Result{"document/office/ole", oleMIME, "OLE 2 Compound Document", ""}},
		{"sylk", []byte("ID;PWXL;N;E\r\n"), Result{"document/office/sylk", "application/x-sylk", "spreadsheet interchange document", ""}},
		{"eml", []byte("Received: from x\r\nFrom: a@example.org\r\nTo: b@example.org\r\nSubject: hi\r\n\r\nhello\r\n"), Result{
			"document/email", "message/rfc822", "RFC 822 mail, ASCII text, with CRLF line terminators", ""}},
		{"xml", []byte("<?xml version=\"1.1\"?>\n<note/>\n"), Result{"document/xml", "text/xml", "XML 1.1 document, ASCII text", ""}},
	}
	for _, f := range []struct {
		entry string
		want  Result
	}{
		{"EncryptedPackage", Result{Format: "document/office/passwordprotected", MIME: "application/encrypted", Magic: "CDFV2 Encrypted"}},
		{"__properties_version1.0", Result{Format: "document/office/email", MIME: "application/vnd.ms-outlook", Magic: "CDFV2 Microsoft Outlook Message"}},
		{"HwpSummaryInformation", Result{Format: "document/office/hwp", MIME: "application/x-hwp", Magic: "Hangul (Korean) Word Processor File 5.x"}},
		{"WordDocument", Result{Format: "document/office/word", MIME: "application/msword", Magic: "CDFV2 Microsoft Word"}},
		{"PowerPoint Document", Result{Format: "document/office/powerpoint", MIME: "application/vnd.ms-powerpoint", Magic: "CDFV2 Microsoft PowerPoint"}},
		{"VisioDocument", Result{Format: "document/office/visio", MIME: "application/vnd.ms-visio", Magic: "CDFV2 Microsoft Visio"}},
		{"Workbook", Result{Format: "document/office/excel", MIME: "application/vnd.ms-excel", Magic: "CDFV2 Microsoft Excel"}},
		{"Book", Result{Format: "document/office/excel", MIME: "application/vnd.ms-excel", Magic: "CDFV2 Microsoft Excel"}},
	} {
		all = append(all, Sample{f.entry, OLE(f.entry), f.want})
	}
	msi := OLE("")
	copy(msi[1024+80:], "\x84"+msiClass)
	return append(all, Sample{"msi", msi, Result{"installer/windows", "application/x-msi", "Composite Document File V2 Document, MSI Installer", ""}})
}

func imageZoo() []Sample {
	img := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.Black, color.White})
	encode := func(f func(b *bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			panic(err)
		}
		return b.Bytes()
	}
	dib := put8(put32(put32(put32(pad("BM", 70), 14, 40), 18, 3), 22, 2), 28, 24)
	ico := put32(put32(pad("\x00\x00\x01\x00\x01\x00\x10\x10", 62), 14, 40), 18, 22)
	cursor := bytes.Clone(ico)
	cursor[2] = 2
	return []Sample{
		{"png", encode(func(b *bytes.Buffer) error { return gopng.Encode(b, image.NewNRGBA(image.Rect(0, 0, 3, 2))) }), Result{
			"image/png", "image/png", "PNG image data, 3 x 2, 8-bit/color RGBA, non-interlaced", ""}},
		{"gif", encode(func(b *bytes.Buffer) error { return gogif.Encode(b, img, nil) }), Result{
			"image/gif", "image/gif", "GIF image data, version 89a, 3 x 2", ""}},
		{"jpg", encode(func(b *bytes.Buffer) error { return gojpeg.Encode(b, img, nil) }), Result{"image/jpg", "image/jpeg", "JPEG image data, baseline, precision 8, 3x2, components 3", ""}},
		{"jpg, jfif", pad("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01", 40), Result{"image/jpg", "image/jpeg", "JPEG image data, JFIF standard 1.01, aspect ratio, density 0x0, segment length 16", ""}},
		{"bmp", dib, Result{"image/bmp", "image/bmp", "PC bitmap, Windows 3.x format, 3 x 2 x 24, cbSize 0, bits offset 0", ""}},
		{"ico", ico, Result{"image/icon", "image/vnd.microsoft.icon", "MS Windows icon resource - 1 icon, 16x16", ""}},
		{"cur", cursor, Result{"image/cursor", "image/x-win-bitmap", "MS Windows cursor resource - 1 icon, 16x16, hotspot @0x0", ""}},
		{"tiff", pad("II*\x00\x08\x00\x00\x00", 40), Result{"image/tiff", "image/tiff", "TIFF image data, little-endian, direntries=0", ""}},
		{"tiff, big", pad("MM\x00+\x00\x08", 40), Result{"image/tiff", "image/tiff", "Big TIFF image data, big-endian", ""}},
		{"webp", pad("RIFF\x24\x00\x00\x00WEBPVP8 ", 44), Result{"image/webp", "image/webp", "RIFF (little-endian) data, Web/P image", ""}},
		{"wmf", pad("\xd7\xcd\xc6\x9a", 44), Result{"image/wmf", "image/wmf", "Windows metafile", ""}},
		{"svg", []byte("<?xml version=\"1.0\"?>\n<!-- drawn by hand -->\n<svg xmlns=\"x\"/>\n"), Result{
			"image/svg", "image/svg+xml", "SVG Scalable Vector Graphics image", ""}},
	}
}

func mediaZoo() []Sample {
	wav := put8(put32(put8(put8(pad("RIFF\x24\x00\x00\x00WAVEfmt \x10", 44), 20, 1), 22, 2), 24, 44100), 34, 16)
	frames := append(pad("\xff\xfb\x90\x00", 417), pad("\xff\xfb\x90\x00", 417)...) // 128 kbit/s, 44.1 kHz
	layer2 := append(pad("\xff\xfd\x80\x00", 417), pad("\xff\xfd\x80\x00", 417)...)
	box := func(brand string) []byte { return pad("\x00\x00\x00\x18ftyp"+brand, 24) }
	return []Sample{
		{"wav", wav, Result{"audio/wav", "audio/x-wav", "RIFF (little-endian) data, WAVE audio, Microsoft PCM, 16 bit, stereo 44100 Hz", ""}},
		{"avi", pad("RIFF\x24\x00\x00\x00AVI LIST", 44), Result{"video/avi", "video/x-msvideo", "RIFF (little-endian) data, AVI", ""}},
		{"mp3, tagged", pad("ID3\x03\x00", 44), Result{"audio/mp3", "audio/mpeg", "Audio file with ID3 version 2.3.0", ""}},
		{"mp3, bare", frames, Result{"audio/mp3", "audio/mpeg", "MPEG ADTS, layer III, v1, 128 kbps, 44.1 kHz, Stereo", ""}},
		{"mp2", layer2, Result{"audio/mp2", "audio/mpeg", "MPEG ADTS, layer II, v1, 128 kbps, 44.1 kHz, Stereo", ""}},
		{"ogg", pad("OggS\x00\x02", 60), Result{"audio/ogg", "application/ogg", "Ogg data", ""}},
		{"ogg, vorbis", append(put8(pad("OggS\x00\x02", 28), 26, 1), "\x01vorbis"...), Result{"audio/ogg", "audio/ogg", "Ogg data, Vorbis audio", ""}},
		{"mp4", box("mp42"), Result{"video/mp4", "video/mp4", "ISO Media, MP4 v2 [ISO 14496-14]", ""}},
		{"m4a", box("M4A "), Result{"audio/mp4", "audio/x-m4a", "ISO Media, Apple iTunes ALAC/AAC-LC (.M4A) Audio", ""}},
		{"mov", box("qt  "), Result{"video/quicktime", "video/quicktime", "ISO Media, Apple QuickTime movie", ""}},
		{"midi", pad("MThd\x00\x00\x00\x06", 22), Result{"audio/midi", "audio/midi", "Standard MIDI data (format 0) using 0 track at 1/0", ""}},
		{"s3m", append(pad("\xff", 44), "SCRM"...), Result{"audio/s3m", "audio/x-s3m", "ScreamTracker III Module sound data", ""}},
		{"asf", pad("\x30\x26\xb2\x75\x8e\x66\xcf\x11", 60), Result{"video/asf", "video/x-ms-asf", "Microsoft ASF", ""}},
		{"swf", pad("CWS\x0a\x00\x10\x00\x00", 60), Result{
			"audiovisual/flash", "application/x-shockwave-flash", "Macromedia Flash data (compressed), version 10", ""}},
	}
}

func dataZoo() []Sample {
	lnk := put8(pad("\x4c\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46", 76), 20, 0x21)
	sqlite := pad("SQLite format 3\x00", 100)
	binary.BigEndian.PutUint32(sqlite[96:], 3040001)
	pcap := put8(put32(pad("\xd4\xc3\xb2\xa1\x02\x00\x04\x00", 24), 16, 65535), 20, 1)
	mo := "application/x-gettext-translation"
	return []Sample{
		{"sqlite", sqlite, Result{"db/sqlite", "application/vnd.sqlite3", "SQLite 3.x database, last written using SQLite version 3040001", ""}},
		{"pcap", pcap, Result{"network/tcpdump", "application/vnd.tcpdump.pcap",
			"pcap capture file, microsecond ts (little-endian) - version 2.4 (Ethernet, capture length 65535)", ""}},
		{"pcapng", pad("\x0a\x0d\x0d\x0a", 32), Result{"network/tcpdump", octetStream, "pcapng capture file", ""}},
		{"lnk", lnk, Result{"meta/shortcut/windows", "application/x-ms-shortcut",
			"MS Windows shortcut, Item id list present, Has command line arguments" +
				", ctime=Mon Jan  1 00:00:00 1601, mtime=Mon Jan  1 00:00:00 1601, atime=Mon Jan  1 00:00:00 1601, length=0, window=", ""}},
		{"evtx", pad("ElfFile\x00", 128), Result{"metadata/sysmon/evt", "application/x-ms-evtx", "MS Windows 10-11 Event Log, version  0.0, 0 chunks (no. 0 in use)", ""}},
		{"icc", append(pad("\x00\x00\x02\x0c", 36), "acspAPPL"...), Result{"metadata/iccprofile", "application/vnd.iccprofile", "ColorSync color profile", ""}},
		{"mo", pad("\xde\x12\x04\x95", 28), Result{"resource/mo", mo, "GNU message catalog (little endian), revision 0.0, 0 message", ""}},
		{"otf", pad("OTTO\x00", 28), Result{"resource/font/opentype", "application/vnd.ms-opentype", "OpenType font data", ""}},
		{"pcf", pad("\x01fcp", 28), Result{"resource/font/x11", "application/x-font-pcf", "X11 Portable Compiled Font data", ""}},
		{"terminfo", pad("\x1a\x01\x0e\x00\x00\x00\x00\x00\x00\x00\x00\x00vt100|dec vt100", 40), Result{unknown, "application/x-terminfo", `Compiled terminfo entry "vt100"`, ""}},
		{"data", []byte("\x00\x01\x02\x03 nothing known"), Result{unknown, octetStream, "data", ""}},
		{"one byte", []byte("x"), Result{unknown, octetStream, "very short file (no magic)", ""}},
		{"empty", nil, Result{unknown, "inode/x-empty", "empty", ""}},
	}
}

func scriptZoo() []Sample {
	shell := func(label string) Result {
		return Result{"code/shell", "text/x-shellscript", label + ", ASCII text executable", ""}
	}
	python := Result{"code/python", "text/x-script.python", "Python script, ASCII text executable", ""}
	html := Result{"code/html", "text/html", "HTML document, ASCII text", ""}
	return []Sample{
		{"sh", []byte("#!/bin/sh\nexit 0\n"), shell("POSIX shell script")},
		{"bash", []byte("#! /usr/bin/env bash\nexit 0\n"), shell("Bourne-Again shell script")},
		{"python", []byte("#!/usr/bin/python3.11 -E\nx\n"), python},
		{"python through env", []byte("#!/usr/bin/env -S A=1 python3\nx\n"), python},
		{"python module", []byte("# a comment\nx = 1\nfrom os import path\n"), python},
		{"python docstring", []byte("\"\"\"Does things.\"\"\"\n"), Result{"code/python", "text/plain", python.Magic, ""}},
		{"python method", []byte("    def run(self, x):\n        pass\n"), python},
		{"perl", []byte("#!/usr/bin/perl -w\nexit;\n"), Result{"code/perl", "text/x-perl", "Perl script text executable", ""}},
		{"ruby", []byte("#!/usr/bin/ruby\nexit\n"), Result{"code/ruby", "text/x-ruby", "Ruby script, ASCII text executable", ""}},
		{"node", []byte("#!/usr/bin/env node\nx()\n"), Result{"code/javascript", "application/javascript", "Node.js script executable, ASCII text", ""}},
		{"powershell", []byte("#!/usr/bin/pwsh\nx\n"), Result{"code/ps1", "text/plain", "a /usr/bin/pwsh script, ASCII text executable", ""}},
		{"shell with an archive", []byte("#!/bin/sh\ntail -n +3 $0 | tar x\nexit 0\n\x00\x01\x02\xff"), Result{"code/shell", "text/x-shellscript", "POSIX shell script executable (binary data)", ""}},
		{"another interpreter", []byte("#!/opt/mine -x\nx\n"), Result{"text/plain", "text/plain", "a /opt/mine -x script, ASCII text executable", ""}},
		{"php", []byte("<?php echo 1;\n"), Result{"code/php", "text/x-php", "PHP script, ASCII text", ""}},
		{"batch", []byte("@echo off\r\ndir\r\n"), Result{
			"code/batch", "text/x-msdos-batch", "DOS batch file, ASCII text, with CRLF line terminators", ""}},
		{"html", []byte("<!DOCTYPE html>\n<title>x</title>\n"), html},
		{"html after a comment", []byte("\n<!-- saved from url -->\n<HTML>\n"), html},
		{"sgml", []byte("<!DOCTYPE book PUBLIC \"x\">\n<book>\n"), Result{"code/sgml", "text/plain", "exported SGML document, ASCII text", ""}},
		{"autorun", []byte("[AutoRun]\nopen=x.exe\n"), Result{
			"code/autorun", "application/x-setupscript", "Microsoft Windows Autorun file", ""}},
	}
}

func textZoo() []Sample {
	plain := func(magic string) Result { return Result{"text/plain", "text/plain", magic, ""} }
	json := Result{"text/json", "application/json", "JSON text data", ""}
	long := strings.Repeat("x", 400) + "\n"
	return []Sample{
		{"ascii", []byte("hello\nthere\n"), plain("ASCII text")},
		{"no line ends", []byte("hello"), plain("ASCII text, with no line terminators")},
		{"crlf", []byte("hello\r\nthere\r\n"), plain("ASCII text, with CRLF line terminators")},
		{"mixed", []byte("a\r\nb\rc\n"), plain("ASCII text, with CRLF, CR, LF line terminators")},
		{"long lines", []byte(long), plain("ASCII text, with very long lines (400)")},
		{"escapes", []byte("\x1b[1mbold\n"), plain("ASCII text, with escape sequences")},
		{"utf-8", []byte("grün\n"), plain("Unicode text, UTF-8 text")},
		{"utf-8 with mark", []byte("\xef\xbb\xbfplain\n"), plain("Unicode text, UTF-8 (with BOM) text")},
		{"utf-8 cut in a character", append([]byte(strings.Repeat("ab\n", 21844)+"x"), "grün\n"...), plain("Unicode text, UTF-8 text")},
		{"utf-16", UTF16("grün\r\n"), plain("Unicode text, UTF-16, little-endian text, with CRLF line terminators")},
		{"latin 1", []byte("gr\xfcn\n"), plain("ISO-8859 text")},
		{"windows 1252", []byte("\x93gr\xfcn\x94\n"), plain("Non-ISO extended-ASCII text")},
		{"code page with NEL", []byte("\x93a\x85b\n"), plain("Non-ISO extended-ASCII text, with LF, NEL line terminators")},
		{"json", []byte(`{"a": [1, -2.5e3, true, null, "\u00e9"], "b": {}}` + "\n"), json},
		{"json, long", []byte("[" + strings.Repeat("12345678,\n", 10_000) + "1]"), json},
		{"json, almost", []byte(`{"a": 1,}` + "\n"), plain("ASCII text")},
		{"json, broken off", []byte(`{"a": 1` + "\n"), plain("ASCII text")},
		{"json, deep", []byte(strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "\n"), plain("ASCII text, with very long lines (10000)")},
		{"reg", []byte("Windows Registry Editor Version 5.00\r\n"), Result{
			"text/windows/registry", "text/x-ms-regedit", "Windows Registry text (Win2K or above)", ""}},
		{"ics", []byte("BEGIN:VCALENDAR\n"), Result{"text/calendar", "text/calendar", "vCalendar calendar file", ""}},
		{"man", []byte(".TH LS 1\n"), Result{"text/troff", "text/troff", "troff or preprocessor input, ASCII text", ""}},
		{"diff", []byte("--- a\n+++ b\n@@ -1 +1 @@\n"), Result{"text/plain", "text/x-diff", "unified diff output, ASCII text", ""}},
	}
}
