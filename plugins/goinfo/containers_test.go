package goinfo

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"fmt"
	"strings"
)

// elfOf writes an ELF file with segments and without section headers.
func elfOf(m machine, parts []part) []byte {
	var segments []part
	for _, p := range parts {
		if p.dynamic { // it is loaded as well
			segments = append(segments, part{addr: p.addr, data: p.data})
		}
	}
	parts = append(segments, parts...)
	w := &writer{machine: m}
	class, data, head, entry := elf.ELFCLASS32, elf.ELFDATA2LSB, 52, 32
	if m.ptrSize == 8 {
		class, head, entry = elf.ELFCLASS64, 64, 56
	}
	if m.order == binary.ByteOrder(binary.BigEndian) {
		data = elf.ELFDATA2MSB
	}
	w.bytes(0x7f, 'E', 'L', 'F', byte(class), byte(data), 1)
	w.padTo(16)
	w.u16(uint16(elf.ET_EXEC), uint16(elf.EM_X86_64))
	w.u32(1)
	w.word(madeText, uint64(head), 0)
	w.u32(0)
	w.u16(uint16(head), uint16(entry), uint16(len(parts)), 0, 0, 0)
	off := 4096
	var body []byte
	for _, p := range parts {
		flags := elf.PF_R
		if p.exec {
			flags |= elf.PF_X
		}
		if p.write {
			flags |= elf.PF_W
		}
		kind := elf.PT_LOAD
		if p.dynamic {
			kind = elf.PT_DYNAMIC
		}
		w.u32(uint32(kind))
		if m.ptrSize == 8 {
			w.u32(uint32(flags))
		}
		w.word(uint64(off+len(body)), p.addr, p.addr, uint64(len(p.data)), uint64(len(p.data)))
		if m.ptrSize == 4 {
			w.u32(uint32(flags))
		}
		w.word(1)
		body = append(body, p.data...)
	}
	w.padTo(off)
	return append(w.b, body...)
}

// peOf writes a PE file.
func peOf(m machine, parts []part) []byte {
	const base, dos = 0x400000, 64
	w := &writer{machine: m}
	w.bytes('M', 'Z')
	w.padTo(60)
	w.u32(dos)
	w.bytes('P', 'E', 0, 0)
	kind, magic := pe.IMAGE_FILE_MACHINE_I386, 0x10b
	if m.ptrSize == 8 {
		kind, magic = pe.IMAGE_FILE_MACHINE_AMD64, 0x20b
	}
	optional := &writer{machine: m}
	optional.u16(uint16(magic))
	optional.padTo(24)
	if m.ptrSize == 8 {
		optional.word(base)
	} else {
		optional.u32(0, base)
	}
	optional.padTo(96)
	w.u16(uint16(kind), uint16(len(parts)))
	w.u32(0, 0, 0)
	w.u16(uint16(len(optional.b)), 0)
	w.b = append(w.b, optional.b...)
	off := 4096
	var body []byte
	for _, p := range parts {
		flags := uint32(pe.IMAGE_SCN_MEM_READ)
		if p.exec {
			flags |= pe.IMAGE_SCN_MEM_EXECUTE
		}
		if p.write {
			flags |= pe.IMAGE_SCN_MEM_WRITE
		}
		name := make([]byte, 8)
		copy(name, p.name)
		w.bytes(name...)
		w.u32(uint32(len(p.data)), uint32(p.addr-base), uint32(len(p.data)), uint32(off+len(body)), 0, 0, 0, flags)
		body = append(body, p.data...)
	}
	w.padTo(off)
	return append(w.b, body...)
}

// machOOf writes a 64-bit Mach-O file with one segment, and as many sections as there are parts.
func machOOf(parts []part, more ...[]byte) []byte {
	w := &writer{machine: machines[0]}
	off := 4096
	sections := &writer{machine: machines[0]}
	var body []byte
	for _, p := range parts {
		name := make([]byte, 32)
		copy(name, "__"+strings.TrimPrefix(p.name, "."))
		copy(name[16:], "__DATA")
		sections.bytes(name...)
		sections.word(p.addr, uint64(len(p.data)))
		flags := uint32(0)
		if p.exec {
			flags = sectionInstructions
		}
		sections.u32(uint32(off+len(body)), 0, 0, 0, flags, 0, 0, 0)
		body = append(body, p.data...)
	}
	segment := &writer{machine: machines[0]}
	segment.u32(uint32(macho.LoadCmdSegment64), uint32(72+len(sections.b)))
	segment.padTo(24)
	segment.word(0x400000, 0x400000, 0, uint64(off+len(body)))
	segment.u32(7, 7, uint32(len(parts)), 0)
	commands := append(segment.b, sections.b...)
	for _, m := range more {
		commands = append(commands, m...)
	}
	w.u32(macho.Magic64, uint32(macho.CpuAmd64), 3, uint32(macho.TypeExec), uint32(1+len(more)), uint32(len(commands)), 0, 0)
	w.b = append(w.b, commands...)
	w.padTo(off)
	return append(w.b, body...)
}

// fatOf puts files together as one fat Mach-O.
func fatOf(files ...[]byte) []byte {
	w := &writer{machine: machine{binary.BigEndian, 4}}
	w.u32(macho.MagicFat, uint32(len(files)))
	off := 4096
	for _, f := range files {
		w.u32(0, 0, uint32(off), uint32(len(f)), 12)
		off = (off + len(f) + 4095) / 4096 * 4096
	}
	for _, f := range files {
		w.align(4096)
		w.b = append(w.b, f...)
	}
	return w.b
}

// archiveOf puts files into an archive of objects.
func archiveOf(files ...[]byte) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for i, f := range files {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", fmt.Sprintf("%d.o/", i), 0, 0, 0, 0o644, len(f))
		b.Write(f)
		if len(f)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// samples are made programs of every kind.
func samples() [][]byte {
	parts := modern.program(madeInfo)
	old := made{machines[3], magic12, layout12}
	middle := made{machines[1], magic116, layout116}
	return [][]byte{
		elfOf(modern.machine, parts), peOf(modern.machine, parts), machOOf(parts), fatOf(machOOf(parts), machOOf(parts)), archiveOf(elfOf(modern.machine, parts)),
		elfOf(old.machine, old.program(madeInfo)), peOf(middle.machine, middle.program(madeInfo)), elfOf(modern.machine, obfuscated()),
	}
}
