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
	{"WordDocument", Result{Format: "document/office/word", MIME: "application/msword", Magic: "Composite Document File V2 Document, Microsoft Word"}},
	{"PowerPoint Document", Result{Format: "document/office/powerpoint", MIME: "application/vnd.ms-powerpoint", Magic: "Composite Document File V2 Document, Microsoft PowerPoint"}},
	{"VisioDocument", Result{Format: "document/office/visio", MIME: "application/vnd.ms-visio", Magic: "Composite Document File V2 Document, Microsoft Visio"}},
	{"Workbook", Result{Format: "document/office/excel", MIME: "application/vnd.ms-excel", Magic: "Composite Document File V2 Document, Microsoft Excel"}},
	{"Book", Result{Format: "document/office/excel", MIME: "application/vnd.ms-excel", Magic: "Composite Document File V2 Document, Microsoft Excel"}},
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
	names, msi := readCompound(in)
	if msi {
		return Result{Format: "installer/windows", MIME: "application/x-msi", Magic: "Composite Document File V2 Document, MSI Installer"}, true
	}
	for _, f := range oleFormats {
		if names[f.entry] {
			return f.is, true
		}
	}
	return Result{Format: "document/office/unknown", MIME: oleMIME, Magic: "Composite Document File V2 Document"}, true
}

// readCompound returns the names in the directory and whether the root belongs to Windows Installer. It follows the
// directory's chain through the file allocation table for at most compoundSectors sectors.
func readCompound(in *input) (names map[string]bool, msi bool) {
	const (
		compoundSectors = 256
		entryBytes      = 128
		lastSector      = 0xfffffffa // and above: end of chain, free, tables
	)
	header := little(in.head)
	shift := header.u16(30)
	if shift != 9 && shift != 12 {
		return nil, false
	}
	sectorBytes := 1 << shift
	at := func(sector uint32) int64 { return (int64(sector) + 1) << shift }
	names = make(map[string]bool)
	sector := header.u32(48)
	for range compoundSectors {
		block := in.at(at(sector), sectorBytes)
		if sector >= lastSector || block == nil {
			break
		}
		for ; len(block) >= entryBytes; block = block[entryBytes:] {
			entry := little(block[:entryBytes])
			const root = 5
			if entry.u8(66) == root && string(block[81:96]) == msiClass {
				msi = true
			}
			names[entryName(entry)] = true
		}
		// The first 109 sectors of the table are listed in the header; a directory beyond them is too far for us.
		perSector := uint32(sectorBytes / 4)
		table := sector / perSector
		if table >= 109 {
			break
		}
		next := in.at(at(header.u32(76+4*int(table)))+int64(sector%perSector)*4, 4)
		if next == nil {
			break
		}
		sector = little(next).u32(0)
	}
	return names, msi
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
