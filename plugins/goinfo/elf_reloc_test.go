package goinfo

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
	"testing"

	"lazuli/event"
)

// pieOf writes a position-independent program as linkers other than Go's do: its pointers are zeros, and relocations say what they are. Every other one is of a
// symbol, as in plugins.
func pieOf(m made) []byte {
	parts := m.program(madeInfo)
	const relocations, symbols, dynamic = 0x800000, 0x810000, 0x820000
	rela, table := &writer{machine: m.machine}, &writer{machine: m.machine}
	table.padTo(24) // the first symbol is none
	for i, p := range pointersOf(m, parts) {
		if i%2 == 0 {
			rela.word(p.addr, uint64(elf.R_X86_64_RELATIVE), p.value)
			continue
		}
		rela.word(p.addr, uint64(len(table.b)/24)<<32|uint64(elf.R_X86_64_64), 4)
		table.u32(0)
		table.bytes(0, 0)
		table.u16(1)
		table.word(p.value-4, 0)
	}
	w := &writer{machine: m.machine}
	w.word(uint64(elf.DT_RELA), relocations, uint64(elf.DT_RELASZ), uint64(len(rela.b)), uint64(elf.DT_SYMTAB), symbols, uint64(elf.DT_NULL), 0)
	parts = append(parts, part{addr: relocations, data: rela.b}, part{addr: symbols, data: table.b}, part{addr: dynamic, data: w.b, dynamic: true})
	content := elfOf(m.machine, parts)
	m.order.PutUint16(content[16:], uint16(elf.ET_DYN))
	return content
}

// pointersOf takes the words of the module that are addresses out of it.
func pointersOf(m made, parts []part) (list []patch) {
	data := parts[3].data[madeModule-madeData:]
	for at := 0; at < moduleWords*m.ptrSize; at += m.ptrSize {
		if v := word(m.order, m.ptrSize, data[at:]); v >= madeText && v < madeModule+4096 {
			list = append(list, patch{madeModule + uint64(at), v})
			clear(data[at : at+m.ptrSize])
		}
	}
	return list
}

// objectOf writes an object file: sections without addresses, and relocations against the symbols of sections.
func objectOf(m made) []byte {
	parts := m.program(madeInfo)
	pointers := pointersOf(m, parts)
	index := func(addr uint64) int {
		return slices.IndexFunc(parts, func(p part) bool { return addr >= p.addr && addr-p.addr < 0x10000 })
	}
	symbols, relocations := &writer{machine: m.machine}, &writer{machine: m.machine}
	symbol := func(section int) {
		symbols.u32(0)
		if m.ptrSize == 8 {
			symbols.bytes(3, 0)
			symbols.u16(uint16(section))
			symbols.word(0, 0)
			return
		}
		symbols.u32(0, 0)
		symbols.bytes(3, 0)
		symbols.u16(uint16(section))
	}
	for i := range len(parts) + 1 {
		symbol(i)
	}
	for _, p := range pointers {
		i := index(p.value)
		addend := p.value - parts[i].addr
		if m.ptrSize == 8 {
			relocations.word(p.addr-madeData, uint64(i+1)<<32|uint64(elf.R_X86_64_64), addend)
			continue
		}
		relocations.word(p.addr-madeData, uint64(i+1)<<8|uint64(elf.R_386_32)) // the addend is in the place
		m.order.PutUint32(parts[3].data[p.addr-madeData:], uint32(addend))
	}
	kind, head, entry, cpu := elf.SHT_REL, 52, 40, elf.EM_386
	if m.ptrSize == 8 {
		kind, head, entry, cpu = elf.SHT_RELA, 64, 64, elf.EM_X86_64
	}
	body, headers, names := &writer{machine: m.machine}, &writer{machine: m.machine}, &writer{machine: m.machine}
	names.bytes(0)
	section := func(name string, kind elf.SectionType, flags elf.SectionFlag, link, info uint32, data []byte) {
		headers.u32(uint32(len(names.b)), uint32(kind))
		headers.word(uint64(flags), 0, uint64(head+len(body.b)), uint64(len(data)))
		headers.u32(link, info)
		headers.word(0, 0)
		names.text(name)
		body.b = append(body.b, data...)
	}
	headers.padTo(entry)
	for _, p := range parts {
		flags := elf.SHF_ALLOC
		if p.exec {
			flags |= elf.SHF_EXECINSTR
		}
		if p.write {
			flags |= elf.SHF_WRITE
		}
		section(p.name, elf.SHT_PROGBITS, flags, 0, 0, p.data)
	}
	section(".symtab", elf.SHT_SYMTAB, 0, 0, 0, symbols.b)
	section(".rel.data", kind, 0, 5, 4, relocations.b)
	section(".shstrtab", elf.SHT_STRTAB, 0, 0, 0, append(slices.Clone(names.b), ".shstrtab\x00"...))
	w := &writer{machine: m.machine}
	class := elf.ELFCLASS32
	if m.ptrSize == 8 {
		class = elf.ELFCLASS64
	}
	w.bytes(0x7f, 'E', 'L', 'F', byte(class), byte(elf.ELFDATA2LSB), 1)
	w.padTo(16)
	w.u16(uint16(elf.ET_REL), uint16(cpu))
	w.u32(1)
	w.word(0, 0, uint64(head+len(body.b)))
	w.u32(0)
	w.u16(uint16(head), 0, 0, uint16(entry), 8, 7)
	return append(append(w.b, body.b...), headers.b...)
}

// TestRelocations: a program that only relocations put together is told like any other.
func TestRelocations(t *testing.T) {
	plain := run(t, elfOf(modern.machine, modern.program(madeInfo)))
	narrow := made{machines[1], magic120, layout118}
	for name, content := range map[string][]byte{"PIE": pieOf(modern), "object": objectOf(modern), "object of 32 bits": objectOf(narrow)} {
		out := run(t, content)
		for _, feature := range []string{"go_type", "go_type_method", "go_package_function", "go_package_method", "go_module"} {
			if got, want := values(out, feature), values(plain, feature); out.State != event.Completed || !slices.Equal(got, want) {
				t.Errorf("%s: %s %s, %s is %q, want %q", name, out.State, out.Message, feature, got, want)
			}
		}
		code := bytes.Index(content, modern.program(madeInfo)[0].data)
		for _, f := range out.Features {
			if f.Name == "go_package_function" && f.Value == "main" && (f.Offset == nil || *f.Offset != uint64(code)+240) {
				t.Errorf("%s: main lies at %v, the code begins at %d", name, f.Offset, code)
			}
		}
	}
	if got := values(run(t, bytes.Replace(pieOf(modern), binary.LittleEndian.AppendUint64(nil, uint64(elf.DT_RELA)), make([]byte, 8), 1)), "go_type"); len(got) > 0 {
		t.Errorf("without its relocations the program has types: %q", got)
	}
}
