package identify

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Limits on what is looked at in an ELF file; more than any honest program has.
const (
	elfMaxSegments = 128
	elfMaxSections = 2048
	elfMaxNotes    = 16
	elfNoteBytes   = 1 << 10
)

var elfMachines = map[uint16]string{
	2: "SPARC", 3: "Intel i386", 4: "m68k, 68020", 8: "MIPS", 15: "PA-RISC", 20: "PowerPC or cisco 4500",
	21: "64-bit PowerPC or cisco 7500", 22: "IBM S/390", 40: "ARM", 42: "Renesas SH", 43: "SPARC V9", 50: "IA-64", 62: "x86-64",
	93: "ARC Cores Tangent-A5", 183: "ARM aarch64", 243: "UCB RISC-V", 247: "eBPF", 258: "LoongArch",
}

// mipsISA are the instruction sets in the flags of files for MIPS.
var mipsISA = [16]string{
	"MIPS-I", "MIPS-II", "MIPS-III", "MIPS-IV", "MIPS-V", "MIPS32", "MIPS64", "MIPS32 rel2", "MIPS64 rel2", "MIPS32 rel6", "MIPS64 rel6",
	"ISA 11", "ISA 12", "ISA 13", "ISA 14", "ISA 15",
}

var elfABIs = map[byte]string{
	0: "SYSV", 1: "HP-UX", 2: "NetBSD", 3: "GNU/Linux", 6: "Solaris", 8: "IRIX", 9: "FreeBSD", 12: "OpenBSD", 97: "ARM",
}

// elfFile is an ELF file (System V ABI, chapters 4 and 5). Its header is at most 64 bytes.
type elfFile struct {
	in     *input
	wide   bool // 64-bit
	order  binary.ByteOrder
	header *fields

	segments []elfPart
	sections []elfPart
	names    []byte // of the sections
	table    []byte // the dynamic segment, once it was read
}

// elfPart is a segment or a section.
type elfPart struct {
	name, kind   uint32
	offset, size int64
}

// Kinds of segments, sections and notes.
const (
	ptDynamic, ptInterp, ptNote  = 2, 3, 4
	shtSymbols, shtNote          = 2, 7
	noteABI, noteBuild, noteGoID = 1, 3, 4
)

func elf(in *input) (Result, bool) {
	if !in.has(0, "\x7fELF") {
		return Result{}, false
	}
	e := &elfFile{in: in, order: binary.LittleEndian}
	bits, order := "32-bit", "LSB"
	class, encoding := little(in.head).u8(4), little(in.head).u8(5)
	if class < 1 || class > 2 || encoding < 1 || encoding > 2 {
		return Result{}, false
	}
	if class == 2 {
		e.wide, bits = true, "64-bit"
	}
	if encoding == 2 {
		e.order, order = binary.BigEndian, "MSB"
	}
	e.header = &fields{b: in.head, order: e.order}
	kind := e.header.u16(16)
	if e.header.short {
		return Result{}, false
	}
	e.segments = e.parts(e.pick(28, 32), e.header.u16(e.at(42, 54)), e.header.u16(e.at(44, 56)), elfMaxSegments, e.segment)
	e.sections = e.parts(e.pick(32, 40), e.header.u16(e.at(46, 58)), e.header.u16(e.at(48, 60)), elfMaxSections, e.section)

	res := Result{Format: "executable/linux/elf" + bits[:2]}
	var what string
	switch kind {
	case 1:
		what, res.MIME = "relocatable", "application/x-object"
	case 2:
		what, res.MIME = "executable", "application/x-executable"
	case 3:
		if e.isPIE() {
			what, res.MIME = "pie executable", "application/x-pie-executable"
		} else {
			what, res.MIME = "shared object", "application/x-sharedlib"
			res.Format = "executable/linux/so" + bits[:2]
		}
	case 4:
		what, res.MIME = "core file", "application/x-coredump"
	default:
		what, res.MIME = "unknown type", octetStream
	}
	res.Magic = fmt.Sprintf("ELF %s %s %s%s", bits, order, what, e.details(kind))
	return res, true
}

// at and pick read a header field that lies elsewhere, and is wider, in 64-bit files.
func (e *elfFile) at(narrow, wide int) int {
	if e.wide {
		return wide
	}
	return narrow
}

func (e *elfFile) pick(narrow, wide int) int64 { return e.word(e.header, narrow, wide) }

func (e *elfFile) word(f *fields, narrow, wide int) int64 {
	if e.wide {
		return f.offset(wide)
	}
	return int64(f.u32(narrow))
}

// parts reads a table of segments or sections.
func (e *elfFile) parts(off int64, entry, count uint16, limit int, read func(*fields) elfPart) []elfPart {
	if off <= 0 || count == 0 || int(count) > limit || entry < 32 || entry > 128 {
		return nil
	}
	table := e.in.at(off, int(entry)*int(count))
	if table == nil {
		return nil
	}
	parts := make([]elfPart, count)
	for i := range parts {
		parts[i] = read(&fields{b: table[i*int(entry):][:entry], order: e.order})
	}
	return parts
}

func (e *elfFile) segment(f *fields) elfPart {
	return elfPart{kind: f.u32(0), offset: e.word(f, 4, 8), size: e.word(f, 16, 32)}
}

func (e *elfFile) section(f *fields) elfPart {
	return elfPart{name: f.u32(0), kind: f.u32(4), offset: e.word(f, 16, 24), size: e.word(f, 20, 32)}
}

func find(parts []elfPart, kind uint32) (elfPart, bool) {
	for _, p := range parts {
		if p.kind == kind {
			return p, true
		}
	}
	return elfPart{}, false
}

// Tags of the dynamic segment, and the flag without which a file of type ET_DYN is a library.
const dtNeeded, dtFlags1, df1PIE = 1, 0x6ffffffb, 0x08000000

func (e *elfFile) isPIE() bool { return e.dynamic(dtFlags1, df1PIE) }

// dynamic tells whether the dynamic segment has an entry with the tag, and with the flag unless that is 0.
func (e *elfFile) dynamic(tag, flag int64) bool {
	segment, ok := find(e.segments, ptDynamic)
	if !ok {
		return false
	}
	if e.table == nil {
		e.table = e.in.at(segment.offset, int(min(segment.size, 16<<10)))
	}
	f := &fields{b: e.table, order: e.order}
	entry := e.at(8, 16)
	for i := 0; i+entry <= len(f.b); i += entry {
		switch t, value := e.word(f, i, i), e.word(f, i+4, i+8); {
		case t == 0:
			return false
		case t == tag && (flag == 0 || value&flag != 0):
			return true
		}
	}
	return false
}

// details is what file(1) says after the kind of file.
func (e *elfFile) details(kind uint16) string {
	var b strings.Builder
	machine := e.header.u16(18)
	name := elfMachines[machine]
	if name == "" {
		name = fmt.Sprintf("*unknown arch %#x*", machine)
	}
	if machine == 243 {
		name += e.riscv()
	}
	fmt.Fprintf(&b, ", %s", name)
	if machine == 8 {
		b.WriteString(", " + mipsISA[e.header.u32(e.at(36, 48))>>28])
	}
	if machine == 21 {
		b.WriteString([...]string{", Unspecified or Power ELF V1 ABI", ", Power ELF V1 ABI", ", OpenPOWER ELF V2 ABI", ""}[e.header.u32(e.at(36, 48))&3])
	}
	if machine == 43 {
		b.WriteString([...]string{", total store ordering", ", partial store ordering", ", relaxed memory ordering", ""}[e.header.u32(e.at(36, 48))&3])
	}
	if machine == 40 {
		if eabi := e.header.u32(e.at(36, 48)) >> 24; eabi > 0 {
			fmt.Fprintf(&b, ", EABI%d", eabi)
		}
	}
	separator := ", "
	if machine == 8 || machine == 40 && e.header.u32(e.at(36, 48))>>24 > 0 {
		separator = " "
	}
	if version := e.header.u32(20); version == 1 {
		b.WriteString(separator + "version 1")
	} else {
		b.WriteString(separator + "invalid version")
	}
	if abi := elfABIs[e.header.u8(7)]; abi != "" {
		fmt.Fprintf(&b, " (%s)", abi)
	}
	if (kind == 2 || kind == 3) && len(e.segments) > 0 {
		b.WriteString(e.linkage())
	}
	if len(e.sections) > 0 {
		e.readNames()
		b.WriteString(e.notes(e.sections, shtNote))
		if e.hasSection(".debug_info") {
			b.WriteString(", with debug_info")
		}
		if _, ok := find(e.sections, shtSymbols); ok {
			b.WriteString(", not stripped")
		} else {
			b.WriteString(", stripped")
		}
	} else {
		b.WriteString(e.notes(e.segments, ptNote))
		if e.pick(32, 40) == 0 && len(e.segments) > 0 {
			b.WriteString(", no section header")
		} else if kind != 4 && e.pick(32, 40) != 0 {
			b.WriteString(", missing section headers")
		}
	}
	return b.String()
}

func (e *elfFile) riscv() string {
	flags := e.header.u32(e.at(36, 48))
	var s string
	if flags&1 != 0 {
		s = ", RVC"
	}
	return s + [...]string{", soft-float ABI", ", single-float ABI", ", double-float ABI", ", quad-float ABI"}[flags>>1&3]
}

func (e *elfFile) linkage() string {
	_, dynamic := find(e.segments, ptDynamic)
	interp, hasInterp := find(e.segments, ptInterp)
	switch {
	case !dynamic:
		return ", statically linked"
	case hasInterp:
		path, _, _ := bytes.Cut(e.in.at(interp.offset, int(min(interp.size, 256))), []byte{0})
		if len(path) == 0 {
			path = []byte("*empty*")
		}
		return ", dynamically linked, interpreter " + printable(path)
	case e.dynamic(dtFlags1, 0) && !e.dynamic(dtNeeded, 0):
		return ", static-pie linked"
	}
	return ", dynamically linked"
}

func (e *elfFile) readNames() {
	index := int(e.header.u16(e.at(50, 62)))
	if index >= len(e.sections) {
		return
	}
	s := e.sections[index]
	e.names = e.in.at(s.offset, int(min(s.size, 64<<10)))
}

func (e *elfFile) hasSection(name string) bool {
	for _, s := range e.sections {
		if rest := e.names[min(uint64(s.name), uint64(len(e.names))):]; bytes.HasPrefix(rest, append([]byte(name), 0)) {
			return true
		}
	}
	return false
}

// notes tells what is in the notes of a program: its build id and the oldest kernel that it runs on.
func (e *elfFile) notes(parts []elfPart, kind uint32) string {
	var b strings.Builder
	left := elfMaxNotes
	for _, p := range parts {
		if p.kind != kind || left == 0 {
			continue
		}
		left--
		f := &fields{b: e.in.at(p.offset, int(min(max(p.size, 0), elfNoteBytes))), order: e.order}
		for at := 0; at+12 <= len(f.b); {
			nameLen, descLen := int64(f.u32(at)), int64(f.u32(at+4))
			desc := int64(at) + 12 + (nameLen+3)&^3
			next := desc + (descLen+3)&^3
			if next > int64(len(f.b))+3 || desc+descLen > int64(len(f.b)) {
				break
			}
			owner := string(bytes.TrimRight(f.b[at+12:][:min(nameLen, desc-int64(at)-12)], "\x00"))
			b.WriteString(e.note(owner, f.u32(at+8), f.b[desc:desc+descLen]))
			at = int(next)
		}
	}
	return b.String()
}

func (e *elfFile) note(owner string, kind uint32, desc []byte) string {
	f := &fields{b: desc, order: e.order}
	switch {
	case owner == "GNU" && kind == noteBuild && len(desc) >= 4 && len(desc) <= 20:
		how := map[int]string{8: "xxHash", 16: "md5/uuid", 20: "sha1"}[len(desc)]
		return ", BuildID[" + how + "]=" + hex.EncodeToString(desc)
	case owner == "Go" && kind == noteGoID && len(desc) < 128:
		return ", Go BuildID=" + printable(desc)
	case owner == "GNU" && kind == noteABI && len(desc) >= 16 && f.u32(0) == 0:
		return fmt.Sprintf(", for GNU/Linux %d.%d.%d", f.u32(4), f.u32(8), f.u32(12))
	}
	return ""
}

// printable replaces what is not printable ASCII by dots: a description never carries control characters of a file.
func printable(b []byte) string {
	out := bytes.Clone(b)
	for i, c := range out {
		if c < ' ' || c > '~' {
			out[i] = '.'
		}
	}
	return string(out)
}
