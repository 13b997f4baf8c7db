package identify

import (
	"strings"
	"unicode/utf16"
)

const oleMIME = "application/x-ole-storage"

// oleFormats are told by the names of streams and storages. What says more about the file comes first: an encrypted or
// mailed document contains others.
var oleFormats = []struct {
	entry string
	is    Result
}{
	{"EncryptedPackage", Result{Format: "document/office/passwordprotected", MIME: "application/encrypted", Magic: "CDFV2 Encrypted"}},
	{"__properties_version1.0", Result{Format: "document/office/email", MIME: "application/vnd.ms-outlook", Magic: "CDFV2 Microsoft Outlook Message"}},
	{"HwpSummaryInformation", Result{Format: "document/office/hwp", MIME: "application/x-hwp", Magic: "Hangul (Korean) Word Processor File 5.x"}},
	{"WordDocument", Result{Format: "document/office/word", MIME: "application/msword", Magic: "CDFV2 Microsoft Word"}},
	{"PowerPoint Document", Result{Format: "document/office/powerpoint", MIME: "application/vnd.ms-powerpoint", Magic: "CDFV2 Microsoft PowerPoint"}},
	{"VisioDocument", Result{Format: "document/office/visio", MIME: "application/vnd.ms-visio", Magic: "CDFV2 Microsoft Visio"}},
	{"Workbook", Result{Format: "document/office/excel", MIME: "application/vnd.ms-excel", Magic: "CDFV2 Microsoft Excel"}},
	{"Book", Result{Format: "document/office/excel", MIME: "application/vnd.ms-excel", Magic: "CDFV2 Microsoft Excel"}},
}

// msiClass is the class id of the root of Windows Installer packages, {000C1084-0000-0000-C000-000000000046}; patches and
// transforms differ in the first byte.
const msiClass = "\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"

// ole reads the directory of a compound file (MS-CFB 2.6).
func ole(in *input) (Result, bool) {
	if in.has(0, "\xd0\xcf\x11\xe0\x0e\x11\xfc\x0d") { // what a beta of OLE 2 wrote
		return Result{Format: "document/office/ole", MIME: oleMIME, Magic: "OLE 2 Compound Document"}, true
	}
	if !in.has(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
		return Result{}, false
	}
	c := readCompound(in)
	summary := c.summary()
	is := Result{Format: "document/office/unknown", MIME: oleMIME, Magic: "Composite Document File V2 Document"}
	if c.msi {
		is = Result{Format: "installer/windows", MIME: "application/x-msi", Magic: "Composite Document File V2 Document, MSI Installer"}
	}
	for _, f := range oleFormats {
		if _, ok := c.entries[f.entry]; ok && !c.msi {
			is = f.is
			break
		}
	}
	if summary != "" && is.Format != "document/office/passwordprotected" && is.Format != "document/office/hwp" {
		is.Magic = "Composite Document File V2 Document, Little Endian" + summary
	}
	return is, true
}

// compound is a compound file: a small file system of chained sectors.
type compound struct {
	in      *input
	header  *fields
	shift   uint16 // a sector has 1<<shift bytes
	entries map[string]compoundEntry
	root    compoundEntry // its content holds the small streams
	msi     bool          // the root belongs to Windows Installer
}

type compoundEntry struct {
	start uint32 // sector
	size  uint32 // bytes
}

const (
	lastSector     = 0xfffffffa // and above: end of chain, free, tables
	directoryLimit = 256        // sectors of the directory that are read
	miniShift      = 6          // small streams have sectors of 64 bytes
)

// readCompound reads the directory, as far as its chain is sound and not too long.
func readCompound(in *input) *compound {
	const entryBytes, root = 128, 5
	c := &compound{in: in, header: little(in.head), entries: map[string]compoundEntry{}}
	c.shift = c.header.u16(30)
	if c.shift != 9 && c.shift != 12 {
		return c
	}
	sector := c.header.u32(48)
	for range directoryLimit {
		block := c.sector(sector)
		if block == nil {
			break
		}
		for ; len(block) >= entryBytes; block = block[entryBytes:] {
			f := little(block[:entryBytes])
			entry := compoundEntry{f.u32(116), f.u32(120)}
			if f.u8(66) == root {
				c.root = entry
				c.msi = c.msi || string(block[81:96]) == msiClass
			}
			c.entries[entryName(f)] = entry
		}
		sector = c.next(sector)
	}
	return c
}

// sector returns a sector, or nil.
func (c *compound) sector(n uint32) []byte {
	if n >= lastSector {
		return nil
	}
	return c.in.at((int64(n)+1)<<c.shift, 1<<c.shift)
}

// next follows the file allocation table. The first 109 sectors of the table are listed in the header; beyond them is too far
// for us.
func (c *compound) next(sector uint32) uint32 {
	perSector := uint32(1) << (c.shift - 2)
	table := sector / perSector
	if sector >= lastSector || table >= 109 {
		return lastSector
	}
	n := c.header.u32(76 + 4*int(table))
	entry := c.in.at((int64(n)+1)<<c.shift+int64(sector%perSector)*4, 4)
	if n >= lastSector || entry == nil {
		return lastSector
	}
	return little(entry).u32(0)
}

// read returns the first bytes of a stream, at most n.
func (c *compound) read(e compoundEntry, n int) []byte {
	n = min(n, int(min(e.size, 1<<20)))
	if cutoff := c.header.u32(56); e.size >= cutoff {
		return c.chain(e.start, 0, n)
	}
	var out []byte
	for sector := e.start; len(out) < n && sector < lastSector; {
		small := c.chain(c.root.start, int(sector)<<miniShift, 1<<miniShift)
		if small == nil {
			break
		}
		out = append(out, small...)
		link := c.chain(c.header.u32(60), int(sector)*4, 4)
		if len(link) < 4 {
			break
		}
		sector = little(link).u32(0)
	}
	return out[:min(n, len(out))]
}

// chain returns the n bytes at off of the stream that begins with the sector, or what is there of them.
func (c *compound) chain(sector uint32, off, n int) []byte {
	const longest = 1 << 12 // sectors
	skip := off >> c.shift
	if off < 0 || skip > longest {
		return nil
	}
	for range skip {
		sector = c.next(sector)
	}
	off -= skip << c.shift
	var out []byte
	for len(out) < n {
		block := c.sector(sector)
		if block == nil {
			break
		}
		out = append(out, block[off:]...)
		off = 0
		sector = c.next(sector)
	}
	return out[:min(n, len(out))]
}

// entryName reads the UTF-16 name of a directory entry, without the control character that marks some.
func entryName(entry *fields) string {
	length := min(int(entry.u16(64)), 64)/2 - 1
	units := make([]uint16, max(length, 0))
	for i := range units {
		units[i] = entry.u16(2 * i)
	}
	return strings.TrimLeft(string(utf16.Decode(units)), "\x01\x02\x03\x04\x05\x06")
}
