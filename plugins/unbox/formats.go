package unbox

import (
	"bufio"
	"bytes"
	"slices"

	"lazuli/plugin"
	"lazuli/plugins/unbox/ar"
	"lazuli/plugins/unbox/cab"
	"lazuli/plugins/unbox/chm"
	"lazuli/plugins/unbox/disk"
	"lazuli/plugins/unbox/iso"
	"lazuli/plugins/unbox/lzh"
	"lazuli/plugins/unbox/msi"
	"lazuli/plugins/unbox/squashfs"
	"lazuli/plugins/unbox/tnef"
)

// part is a family of formats, unpacked in the name of the plugin's part of that name.
type part struct {
	name, description string
	formats           []format
}

// format is one kind of file.
type format struct {
	fileFormats []string // of lazuli, that it may have
	unpack      func(*box) error
}

// parts is all that can be unpacked.
var parts = []part{
	{"archive", "Unpacks tar, cpio, ar, packages of Debian and RPM, and compressed files; archives inside those in one step", []format{
		{fileFormats: []string{"archive/tar"}, unpack: (*box).tar},
		{fileFormats: []string{"archive/cpio"}, unpack: (*box).cpio},
		{fileFormats: []string{"archive/ar"}, unpack: unpackWith("ar", ar.Walk)},
		{fileFormats: []string{"archive/deb"}, unpack: (*box).deb},
		{fileFormats: []string{"archive/rpm"}, unpack: (*box).rpm},
		{fileFormats: []string{"archive/gzip"}, unpack: unpackCompressed(gzipFile)},
		{fileFormats: []string{"archive/bzip2"}, unpack: unpackCompressed(bzip2File)},
		{fileFormats: []string{"archive/xz"}, unpack: unpackCompressed(xzFile)},
		{fileFormats: []string{"archive/zstd"}, unpack: unpackCompressed(zstdFile)},
		{fileFormats: []string{"archive/lzma"}, unpack: unpackCompressed(lzmaFile)},
		{fileFormats: []string{"archive/lzip"}, unpack: unpackCompressed(lzipFile)},
		{fileFormats: []string{"archive/zlib"}, unpack: unpackCompressed(zlibFile)},
		{fileFormats: []string{"archive/lz4"}, unpack: unpackCompressed(lz4File)},
		{fileFormats: []string{"archive/compress"}, unpack: unpackCompressed(lzwFile)},
	}},
	{"arj", "Unpacks ARJ", []format{{fileFormats: []string{"archive/arj"}, unpack: (*box).arj}}},
	{"cab", "Unpacks cabinets, alone and in programs", []format{
		{fileFormats: []string{"archive/cabinet"}, unpack: unpackWith("cab", cab.Walk)},
		{fileFormats: windowsPrograms, unpack: (*box).cabProgram},
	}},
	{"chm", "Unpacks compiled help", []format{{fileFormats: []string{"archive/chm"}, unpack: unpackWith("chm", chm.Walk)}}},
	{"installer", "Unpacks installers", []format{{fileFormats: windowsPrograms, unpack: (*box).installer}}},
	{"lzh", "Unpacks LHA", []format{{fileFormats: []string{"archive/lzh"}, unpack: unpackWith("lzh", lzh.Walk)}}},
	{"mail", "Tells who a mail is from and to, and takes out what is in it", []format{
		{fileFormats: []string{"document/email"}, unpack: (*box).eml},
		{fileFormats: []string{"document/office/email"}, unpack: (*box).msg},
		{fileFormats: []string{"archive/tnef"}, unpack: unpackWith("tnef", tnef.Walk)},
	}},
	{"pdf", "Takes out what lies in a PDF", []format{
		{fileFormats: []string{"document/pdf", "document/pdf/passwordprotected", "document/pdf/portfolio"}, unpack: (*box).pdf},
	}},
	{"rar", "Unpacks RAR, alone and in programs", []format{
		{fileFormats: []string{"archive/rar"}, unpack: (*box).rar},
		{fileFormats: allPrograms, unpack: (*box).rarProgram},
	}},
	{"sevenzip", "Unpacks zip and 7z, alone and in programs, images of discs and of disks, and packages of Windows Installer", []format{
		{fileFormats: []string{"archive/iso", "archive/udf"}, unpack: unpackWith("iso", iso.Walk)},
		{fileFormats: []string{"archive/squashfs"}, unpack: unpackWith("squashfs", squashfs.Walk)},
		{fileFormats: []string{"archive/vhd"}, unpack: unpackWith("vhd", disk.WalkVHD)},
		{fileFormats: []string{"archive/vmdk"}, unpack: unpackWith("vmdk", disk.WalkVMDK)},
		{fileFormats: []string{"installer/windows", "document/installer/windows"}, unpack: unpackWith("msi", msi.Walk)},
		{fileFormats: []string{"archive/7-zip"}, unpack: (*box).sevenZip},
		{fileFormats: []string{"archive/zip"}, unpack: (*box).zip},
		{fileFormats: allPrograms, unpack: (*box).zipProgram},
	}},
	{"upx", "Unpacks programs that UPX packed", []format{{fileFormats: allPrograms, unpack: (*box).upxProgram}}},
}

// fileFormats lists the formats that a part looks at.
func (p part) fileFormats() []string {
	var list []string
	for _, f := range p.formats {
		list = append(list, f.fileFormats...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// fileFormats lists the formats that some part looks at.
func fileFormats() []string {
	var list []string
	for _, p := range parts {
		list = append(list, p.fileFormats()...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// format is the one of a part's formats that goes with a file_format; plugin.ErrNotMine if none does.
func (p part) format(fileFormat string) (*format, error) {
	for i := range p.formats {
		if slices.Contains(p.formats[i].fileFormats, fileFormat) {
			return &p.formats[i], nil
		}
	}
	return nil, plugin.ErrNotMine
}

// magicBytes are enough to hold any magic.
const magicBytes = 32

// begins tells whether a file begins with one of some magics.
func begins(head []byte, magics []string) bool {
	return slices.ContainsFunc(magics, func(m string) bool { return bytes.HasPrefix(head, []byte(m)) })
}

// unpackCompressed unpacks files of a compression.
func unpackCompressed(c *compression) func(*box) error {
	return func(b *box) error { return b.compressed(c, bufio.NewReaderSize(b.content, 64<<10)) }
}
