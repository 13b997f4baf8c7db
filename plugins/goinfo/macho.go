package goinfo

import (
	"debug/macho"
	"encoding/binary"
	"fmt"
)

// Limits on what Mach-O headers may declare.
const (
	mostSlices   = 32      // architectures of a fat file
	mostCommands = 1 << 20 // bytes of load commands
)

// fatSlices returns the files in a fat Mach-O file; nil if it is none.
func fatSlices(f file) []file {
	head, err := f.exactly(0, 8)
	if err != nil {
		return nil
	}
	entry, wide := int64(20), false
	switch binary.BigEndian.Uint32(head) {
	case macho.MagicFat:
	case macho.MagicFat + 1:
		entry, wide = 32, true
	default:
		return nil
	}
	count := min(int64(binary.BigEndian.Uint32(head[4:])), mostSlices)
	table, err := f.read(8, entry*count)
	if err != nil {
		return nil
	}
	var list []file
	for ; int64(len(table)) >= entry; table = table[entry:] {
		off, size := int64(binary.BigEndian.Uint32(table[8:])), int64(binary.BigEndian.Uint32(table[12:]))
		if wide {
			off, size = int64(binary.BigEndian.Uint64(table[8:])), int64(binary.BigEndian.Uint64(table[16:]))
		}
		if off < 8 || off > f.size {
			continue
		}
		if slice, err := f.within(off, min(size, f.size-off)); err == nil {
			list = append(list, slice)
		}
	}
	return list
}

// readMachO reads the headers of a Mach-O file (<mach-o/loader.h>). An error means that it is none.
func readMachO(m *image) error {
	head, err := m.file.exactly(0, 32)
	if err != nil {
		return err
	}
	m.order = binary.LittleEndian
	if binary.BigEndian.Uint32(head)&^1 == macho.Magic32 {
		m.order = binary.BigEndian
	}
	at := int64(28)
	switch m.order.Uint32(head) {
	case macho.Magic32:
		m.ptrSize = 4
	case macho.Magic64:
		m.ptrSize, at = 8, 32
	default:
		return errNotExecutable
	}
	m.name = cpuName(macho.Cpu(m.order.Uint32(head[4:])))
	size := int64(m.order.Uint32(head[20:]))
	commands, err := m.file.read(at, min(size, mostCommands))
	if err != nil {
		return err
	}
	if int64(len(commands)) < size {
		m.notes.damaged("the load commands are cut short")
	}
	var fixups chain
	for len(commands) >= 8 {
		kind, n := macho.LoadCmd(m.order.Uint32(commands)), int64(m.order.Uint32(commands[4:]))
		if n < 8 || n > int64(len(commands)) {
			m.notes.damaged("the load commands are damaged")
			break
		}
		switch command := commands[:n]; kind {
		case macho.LoadCmdSegment, macho.LoadCmdSegment64:
			m.addSegment(command, kind == macho.LoadCmdSegment64, &fixups)
		case loadCmdChainedFixups:
			if n >= 16 {
				fixups.off, fixups.size = int64(m.order.Uint32(command[8:])), int64(m.order.Uint32(command[12:]))
			}
		}
		commands = commands[n:]
	}
	m.finish()
	m.followChains(&fixups)
	return nil
}

// cpuName names an architecture as GOARCH does.
func cpuName(cpu macho.Cpu) string {
	switch cpu {
	case macho.CpuAmd64:
		return "amd64"
	case macho.Cpu386:
		return "386"
	case macho.CpuArm64:
		return "arm64"
	case macho.CpuArm:
		return "arm"
	}
	return fmt.Sprintf("cpu %#x", uint32(cpu))
}

// Flags of sections in <mach-o/loader.h>.
const (
	sectionTypeMask     = 0xff
	sectionZeroFill     = 0x1
	sectionZeroFillGB   = 0xc
	sectionZeroFillTLS  = 0x12
	sectionDebug        = 0x02000000
	sectionInstructions = 0x80000400 // pure, or some
)

// addSegment adds the sections of a segment; code and tables lie in one segment, and are told apart by section.
func (m *image) addSegment(command []byte, wide bool, fixups *chain) {
	head, entry := 56, 68
	if wide {
		head, entry = 72, 80
	}
	if len(command) < head {
		return
	}
	h := &fields{m.order, 4, command[24:head]}
	if wide {
		h.ptrSize = 8
	}
	addr, _, off, size := h.word(), h.word(), h.word(), h.word()
	h.u32()
	writable, count := h.u32()&2 != 0, h.u32()
	if off == 0 && size > 0 {
		fixups.base = addr // of the segment that has the header: what addresses in chains are counted from
	}
	fixups.segments = append(fixups.segments, addr)
	sections := command[head:]
	for ; count > 0 && len(sections) >= entry; sections, count = sections[entry:], count-1 {
		name, segment := sectionName(sections[:16]), sectionName(sections[16:32])
		h := &fields{m.order, h.ptrSize, sections[32:entry]}
		addr, size, off := h.word(), h.word(), h.u32()
		h.take(12) // alignment, relocations
		flags := h.u32()
		switch flags & sectionTypeMask {
		case sectionZeroFill, sectionZeroFillGB, sectionZeroFillTLS:
			continue
		}
		if flags&sectionDebug != 0 || segment == "__DWARF" {
			continue
		}
		m.named[name] = span{addr, size}
		m.addRegion(region{
			addr: addr, off: int64(off), size: size, executable: flags&sectionInstructions != 0, writable: writable,
		}, "section "+name)
	}
}
