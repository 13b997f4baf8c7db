package identify

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// legacy are formats that have hardly a signature: several fields must make sense together. They come after those that have one.
var legacy = []matcher{
	dosCommand,
	dosDriver,
	dosObject,
	bareBitmap,
	arc,
	dbase,
	lotus,
	targa,
	memoryBiopsy,
	coffObject,
	mailBefore,
	binaryScript,
	unmarkedScript,
	pageBefore,
	zipBehind,
}

// dosCommand knows programs of one segment that ask DOS for something at once. They have no header: the call (INT 21h) must
// come within their first instructions, which may begin with a jump.
func dosCommand(in *input) (Result, bool) {
	const segment, looked = 0xff00, 64 // bytes
	if in.size > segment || len(in.head) < 6 || isText(in) {
		return Result{}, false
	}
	at := 0
	switch in.head[0] {
	case 0xeb:
		at = 2 + int(int8(in.head[1]))
	case 0xe9:
		at = 3 + int(int16(little(in.head).u16(1)))
	case 0xb4, 0xb8, 0xba, 0xbb, 0xbe, 0xbf, 0x33, 0x0e, 0x1e, 0x8c, 0xfc:
	default:
		return Result{}, false
	}
	if at < 0 || at >= len(in.head) {
		return Result{}, false
	}
	// A register is loaded before the call, and what follows it is code too.
	code := in.head[at:min(len(in.head), at+looked)]
	if call := bytes.Index(code, []byte("\xcd\x21")); call < 2 || bytes.IndexByte(code[:call], 0xb4) < 0 && bytes.IndexByte(code[:call], 0xb8) < 0 {
		return Result{}, false
	}
	return Result{Format: "executable/windows/com", MIME: dosMIME, Magic: "COM executable for DOS"}, true
}

// dosDriver follows the header of device drivers: no next driver, attributes, two entry points, a name.
func dosDriver(in *input) (Result, bool) {
	f := little(in.head)
	attributes, strategy, interrupt := f.u16(4), f.u16(6), f.u16(8)
	name := f.take(10, 8)
	if !in.has(0, "\xff\xff\xff\xff") || f.short || strategy < 18 || interrupt < 18 || int64(strategy) >= in.size || int64(interrupt) >= in.size {
		return Result{}, false
	}
	magic := "DOS executable (block device driver)"
	if attributes&0x8000 != 0 {
		if printable(name) != string(name) {
			return Result{}, false
		}
		magic = "DOS executable (character device driver " + strings.TrimRight(string(name), " ") + ")"
	}
	return Result{Format: "executable/windows/dos", MIME: "application/x-dosdriver", Magic: magic}, true
}

// dosObject follows the object module format of Intel and Microsoft: a record that names the module, and another after it.
func dosObject(in *input) (Result, bool) {
	f := little(in.head)
	length, nameLength := int(f.u16(1)), int(f.u8(3))
	next, nextLength := f.u8(3+length), f.u16(4+length)
	if f.u8(0) != 0x80 || f.short || length != nameLength+2 || nameLength == 0 || next < 0x88 || next >= 0xf2 {
		return Result{}, false
	}
	name := in.head[4 : 4+nameLength]
	if printable(name) != string(name) {
		return Result{}, false
	}
	magic := fmt.Sprintf("8086 relocatable (Microsoft), \"%s\", 1st record data length %d, 2nd record type %#x, 2nd record data length %d", name, length, next, nextLength)
	return Result{Format: "executable/windows/dos", MIME: "application/x-object", Magic: magic}, true
}

// bareBitmap knows bitmaps without a file header, as they lie on the clipboard and in resources.
func bareBitmap(in *input) (Result, bool) {
	f := little(in.head)
	width, height, planes, bits, compression := int32(f.u32(4)), int32(f.u32(8)), f.u16(12), f.u16(14), f.u32(16)
	if f.u32(0) != 40 || f.short || planes != 1 || compression > 5 || width <= 0 || height == 0 || width > 1<<16 {
		return Result{}, false
	}
	switch bits {
	case 1, 4, 8, 16, 24, 32:
	default:
		return Result{}, false
	}
	magic := fmt.Sprintf("Device independent bitmap graphic, %d x %d x %d", width, height, bits)
	if size := f.u32(20); size > 0 {
		magic += fmt.Sprintf(", image size %d", size)
	}
	return Result{Format: "image/bmp", MIME: "image/x-ms-bmp", Magic: magic}, true
}

// arc follows the entries of SEA's ARC: a mark, the method, a name of at most 12 characters, sizes.
func arc(in *input) (Result, bool) {
	methods := [...]string{
		2: "uncompressed", 3: "packed", 4: "squeezed", 5: "crunched", 6: "crunched", 7: "crunched", 8: "dynamic LZW", 9: "squashed",
	}
	const header = 29
	if len(in.head) < header || in.head[0] != 0x1a || int(in.head[1]) >= len(methods) || methods[in.head[1]] == "" {
		return Result{}, false
	}
	name, _, ended := bytes.Cut(in.head[2:15], []byte{0})
	if !ended || len(name) == 0 || printable(name) != string(name) || bytes.IndexByte(name, '.') == 0 {
		return Result{}, false
	}
	if packed := int64(little(in.head).u32(15)); header+packed > in.size+header {
		return Result{}, false
	}
	return Result{Format: "archive/arc", MIME: "application/x-arc", Magic: "ARC archive data, " + methods[in.head[1]]}, true
}

var dbaseKinds = map[byte]string{
	0x02: "FoxBase", 0x03: "FoxBase+/dBase III", 0x04: "dBase IV", 0x05: "dBase V", 0x30: "Visual FoxPro", 0x31: "Visual FoxPro, autoincrement",
	0x32: "Visual FoxPro, with field type Varchar", 0x43: "dBase IV, with SQL table", 0x7b: "dBase IV, with memo",
	0x83: "FoxBase+/dBase III, with memo .DBT", 0x8b: "dBase IV, with memo .DBT", 0x8e: "dBase IV, with SQL table", 0xf5: "FoxPro with memo",
}

// dbase checks a table of dBase and its relatives: the day of the last change, the number of records, the lengths of header and
// record, and that the header's field descriptions end where it says.
func dbase(in *input) (Result, bool) {
	f := little(in.head)
	kind := dbaseKinds[f.u8(0)]
	month, day := f.u8(2), f.u8(3)
	records, header, record := f.u32(4), int(f.u16(8)), int(f.u16(10))
	if kind == "" || f.short || month > 12 || day > 31 || month == 0 || day == 0 || header < 65 || record < 2 || int64(header) > in.size {
		return Result{}, false
	}
	if int64(records)*int64(record) > in.size || in.at(int64(header-1), 1) == nil {
		return Result{}, false
	}
	first := f.take(32, 11)
	if f.short || !isLetter(first[0]) || bytes.IndexByte([]byte("CNDLMFBGPYTI@+OV0"), f.u8(43)) < 0 {
		return Result{}, false
	}
	plural := "s"
	if records == 1 {
		plural = ""
	}
	count := fmt.Sprintf("%d record%s * %d", records, plural, record)
	if records == 0 {
		count = fmt.Sprintf("no records * %d", record)
	}
	magic := fmt.Sprintf("%s DBF, %s, update-date %d-%d-%d", kind, count, f.u8(1), month, day)
	return Result{Format: "db/dbf", MIME: "application/x-dbf", Magic: magic}, true
}

// lotus knows worksheets of Lotus 1-2-3 and Symphony: their first record says that they begin and in which version.
func lotus(in *input) (Result, bool) {
	f := little(in.head)
	kind, length, version := f.u16(0), f.u16(2), f.u16(4)
	names := map[uint16]string{
		0x0404: "WorKSheet, version 1", 0x0405: "Symphony WoRKsheet, version 1.0", 0x0406: "WorKsheet, version 2", 0x1000: "WorKsheet, version 3",
		0x1002: "WorKsheet, version 4", 0x1003: "WorKsheet, version 97", 0x1005: "WorKsheet, version 9.8 Millennium",
	}
	if f.short || kind != 0 || length != 2 && length != 0x1a || names[version] == "" {
		return Result{}, false
	}
	return Result{Format: "document/lotus/spreadsheet", MIME: "application/vnd.lotus-1-2-3", Magic: "Lotus 1-2-3 " + names[version]}, true
}

// targa checks the header of a TGA image (Truevision TGA 2.0): its kind, its colour map, its depth.
func targa(in *input) (Result, bool) {
	f := little(in.head)
	mapped, kind := f.u8(1), f.u8(2)
	first, entries, entryBits := f.u16(3), f.u16(5), f.u8(7)
	width, height, depth, flags := f.u16(12), f.u16(14), f.u8(16), f.u8(17)
	kinds := map[byte]string{1: "Map", 2: "RGB", 3: "Mono"}
	if f.short || kinds[kind&^8] == "" || mapped > 1 || width == 0 || height == 0 || flags&0xc0 != 0 {
		return Result{}, false
	}
	switch {
	case kind&^8 == 1 && (mapped != 1 || depth != 8 && depth != 16 || entries == 0 || entryBits < 15 || entryBits > 32):
		return Result{}, false
	case kind&^8 == 2 && (depth != 15 && depth != 16 && depth != 24 && depth != 32), kind&^8 == 3 && depth != 8 && depth != 16:
		return Result{}, false
	case mapped == 0 && (first != 0 || entries != 0 || entryBits != 0):
		return Result{}, false
	}
	magic := "Targa image data - " + kinds[kind&^8]
	if kind&^8 == 2 && flags&15 > 0 {
		magic += "A"
	}
	if mapped == 1 {
		magic += fmt.Sprintf(" (%d-%d)", first, entries)
	}
	if kind&8 != 0 {
		magic += " - RLE"
	}
	magic += fmt.Sprintf(" %d x %d x %d", width, height, depth)
	if x, y := f.u16(8), f.u16(10); x > 0 || y > 0 {
		magic += fmt.Sprintf(" +%d +%d", x, y)
	}
	if flags&15 > 0 {
		magic += fmt.Sprintf(" - %d-bit alpha", flags&15)
	}
	if flags&0x20 != 0 {
		magic += " - top"
	}
	return Result{Format: "image/tga", MIME: "image/x-tga", Magic: magic}, true
}

func memoryBiopsy(in *input) (Result, bool) {
	if !in.has(10, "_BIOPSY:") {
		return Result{}, false
	}
	return Result{Format: "meta/memory/biopsy", MIME: octetStream, Magic: "data"}, true
}

// coffObject knows object files for Windows (PE format specification, 3.3) by a machine, a plausible symbol table and no
// optional header.
func coffObject(in *input) (Result, bool) {
	f := little(in.head)
	machine, sections, created := f.u16(0), f.u16(2), f.u32(4)
	symbols, count, optional, flags := int64(f.u32(8)), int64(f.u32(12)), f.u16(16), f.u16(18)
	names := map[uint16]string{0x14c: "Intel 80386", 0x8664: "Intel amd64", 0xaa64: "Aarch64", 0x1c4: "ARMv7 Thumb", 0x200: "Intel ia64"}
	if f.short || names[machine] == "" || sections == 0 || sections > 200 || optional != 0 || symbols+18*count > in.size || symbols == 0 && count != 0 {
		return Result{}, false
	}
	if symbols != 0 && symbols < 20+40*int64(sections) {
		return Result{}, false
	}
	magic := names[machine] + " COFF object file"
	if flags&1 != 0 {
		magic += ", no relocation info"
	}
	if flags&4 != 0 {
		magic += ", no line number info"
	}
	magic += fmt.Sprintf(", %d section%s", sections, pluralOf(int64(sections)))
	if symbols != 0 {
		magic += fmt.Sprintf(", symbol offset=%#x, %d symbols", symbols, count)
	}
	if created != 0 {
		magic += ", created " + ansic(int64(created))
	}
	return Result{Format: unknown, MIME: "application/x-coff", Magic: magic}, true
}

// ansic is a time in seconds since 1970, as file(1) writes it.
func ansic(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.ANSIC) }

func pluralOf(n int64) string {
	if n == 1 {
		return ""
	}
	return "s"
}
