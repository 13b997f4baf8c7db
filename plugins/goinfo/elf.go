package goinfo

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Limits on what headers may declare. Go's own linker writes some 30 sections; objects of other compilers may have thousands.
const (
	mostSegments = 256
	mostSections = 8192
	mostNameSize = 1 << 20 // bytes of all section names
)

// elfFile reads an ELF file (System V ABI, chapters 4 and 5). debug/elf is used for its constants alone: its reader refuses files with damage that does not
// matter here, and takes section headers for granted, which can be removed.
type elfFile struct {
	*image
	kind      elf.Type
	machine   elf.Machine
	sections  []elfSection
	symbols   []uint64 // addresses of an object's symbols, once they are needed
	dynamic   span     // PT_DYNAMIC
	noteSpans []span   // sections and segments of notes: offset in the file and size
}

// elfSection is a section header.
type elfSection struct {
	nameAt     uint32
	kind       elf.SectionType
	flags      elf.SectionFlag
	addr       uint64
	off, size  uint64
	link, info uint32
}

// readELF reads the headers of an ELF file. An error means that it is none.
func readELF(m *image) error {
	ident, err := m.file.exactly(0, 64)
	if err != nil {
		return err
	}
	class, data := elf.Class(ident[elf.EI_CLASS]), elf.Data(ident[elf.EI_DATA])
	switch {
	case string(ident[:4]) != elf.ELFMAG,
		class != elf.ELFCLASS32 && class != elf.ELFCLASS64,
		data != elf.ELFDATA2LSB && data != elf.ELFDATA2MSB:
		return errNotExecutable
	}
	f := &elfFile{image: m}
	m.ptrSize, m.order = 4, binary.LittleEndian
	if class == elf.ELFCLASS64 {
		m.ptrSize = 8
	}
	if data == elf.ELFDATA2MSB {
		m.order = binary.BigEndian
	}
	h := m.fields(ident[16:])
	f.kind, f.machine = elf.Type(h.u16()), elf.Machine(h.u16())
	h.u32()  // version
	h.word() // entry
	phoff, shoff := h.word(), h.word()
	h.u32() // flags
	h.u16() // size of this header
	phsize, phnum := h.u16(), h.u16()
	shsize, shnum, names := h.u16(), h.u16(), h.u16()
	f.readSegments(phoff, uint64(phsize), int(phnum))
	f.readSections(shoff, uint64(shsize), int(shnum), int(names))
	m.finish()
	f.relocate()
	m.buildID = f.buildIDFromNotes()
	return nil
}

// fields reads the fields of a header one after the other. The caller sees to it that there are enough bytes.
func (m *image) fields(b []byte) *fields { return &fields{m.order, m.ptrSize, b} }

type fields struct {
	order   binary.ByteOrder
	ptrSize int
	b       []byte
}

func (f *fields) take(n int) []byte {
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) u16() uint16  { return f.order.Uint16(f.take(2)) }
func (f *fields) u32() uint32  { return f.order.Uint32(f.take(4)) }
func (f *fields) word() uint64 { return word(f.order, f.ptrSize, f.take(f.ptrSize)) }

// table reads count entries of a header table; fewer where the file ends.
func (f *elfFile) table(off, entry uint64, count, most int, least uint64) [][]byte {
	if count == 0 || off == 0 {
		return nil
	}
	count = min(count, most)
	if entry < least || off > uint64(f.file.size) {
		f.notes.damaged("the header tables are damaged")
		return nil
	}
	b, err := f.file.read(int64(off), int64(entry)*int64(count))
	if err != nil {
		return nil
	}
	var list [][]byte
	for ; uint64(len(b)) >= entry; b = b[entry:] {
		list = append(list, b[:entry])
	}
	if len(list) < count {
		f.notes.damaged("the header tables are cut short")
	}
	return list
}

func (f *elfFile) readSegments(off, entry uint64, count int) {
	least := uint64(32)
	if f.ptrSize == 8 {
		least = 56
	}
	for i, b := range f.table(off, entry, count, mostSegments, least) {
		h := f.fields(b)
		kind, flags := elf.ProgType(h.u32()), elf.ProgFlag(0)
		if f.ptrSize == 8 {
			flags = elf.ProgFlag(h.u32())
		}
		at, addr := h.word(), h.word()
		h.word() // physical address
		size := h.word()
		h.word() // in memory
		if f.ptrSize == 4 {
			flags = elf.ProgFlag(h.u32())
		}
		switch kind {
		case elf.PT_LOAD:
			f.addRegion(region{
				addr: addr, off: int64(at), size: size, executable: flags&elf.PF_X != 0, writable: flags&elf.PF_W != 0,
			}, fmt.Sprintf("segment %d", i))
		case elf.PT_DYNAMIC:
			f.dynamic = span{addr, size}
		case elf.PT_NOTE:
			f.noteSpans = append(f.noteSpans, span{at, size})
		}
	}
}

// readSections reads the section headers, gives those of objects addresses, and remembers where those with names lie.
func (f *elfFile) readSections(off, entry uint64, count, names int) {
	least := uint64(40)
	if f.ptrSize == 8 {
		least = 64
	}
	for _, b := range f.table(off, entry, count, mostSections, least) {
		h := f.fields(b)
		s := elfSection{nameAt: h.u32(), kind: elf.SectionType(h.u32()), flags: elf.SectionFlag(h.word()), addr: h.word()}
		s.off, s.size, s.link, s.info = h.word(), h.word(), h.u32(), h.u32()
		f.sections = append(f.sections, s)
	}
	if f.kind == elf.ET_REL {
		f.place()
	}
	if names >= len(f.sections) {
		return
	}
	table, err := f.file.read(int64(f.sections[names].off), int64(min(f.sections[names].size, mostNameSize)))
	if err != nil {
		return
	}
	for _, s := range f.sections {
		if s.kind == elf.SHT_NOTE {
			f.noteSpans = append(f.noteSpans, span{s.off, s.size})
		}
		if name := stringAt(table, uint64(s.nameAt)); name != "" && s.kind != elf.SHT_NOBITS && s.addr != 0 {
			f.named[name] = span{s.addr, s.size}
		}
	}
}

// place gives the sections of an object file addresses, one after the other, as a linker would.
func (f *elfFile) place() {
	const page = 1 << 16
	next := uint64(page)
	for i := range f.sections {
		s := &f.sections[i]
		s.addr = 0
		if s.kind != elf.SHT_PROGBITS || s.flags&elf.SHF_ALLOC == 0 || s.size == 0 || s.size > uint64(f.file.size) {
			continue
		}
		s.addr = next
		next += (s.size/page + 2) * page
		f.addRegion(region{
			addr: s.addr, off: int64(s.off), size: s.size, executable: s.flags&elf.SHF_EXECINSTR != 0, writable: s.flags&elf.SHF_WRITE != 0,
		}, fmt.Sprintf("section %d", i))
	}
}
