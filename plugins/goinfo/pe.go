package goinfo

import (
	"debug/pe"
	"encoding/binary"
)

// readPE reads the headers of a PE file (Microsoft's "PE Format"). An error means that it is none.
func readPE(m *image) error {
	dos, err := m.file.exactly(0, 64)
	if err != nil {
		return err
	}
	if string(dos[:2]) != "MZ" {
		return errNotExecutable
	}
	at := int64(binary.LittleEndian.Uint32(dos[60:]))
	head, err := m.file.exactly(at, 24)
	if err != nil {
		return err
	}
	if string(head[:4]) != "PE\x00\x00" {
		return errNotExecutable
	}
	m.order = binary.LittleEndian
	sections, optionalSize := int(binary.LittleEndian.Uint16(head[6:])), int64(binary.LittleEndian.Uint16(head[20:]))
	optional, err := m.file.exactly(at+24, 32)
	if err != nil {
		return err
	}
	var base uint64
	switch binary.LittleEndian.Uint16(optional) {
	case 0x10b:
		m.ptrSize, base = 4, uint64(binary.LittleEndian.Uint32(optional[28:]))
	case 0x20b:
		m.ptrSize, base = 8, binary.LittleEndian.Uint64(optional[24:])
	default:
		return errNotExecutable
	}
	const entry = 40
	table, err := m.file.read(at+24+optionalSize, int64(entry*min(sections, mostSegments)))
	if err != nil {
		return err
	}
	if len(table) < entry*sections {
		m.notes.damaged("the section table is cut short")
	}
	for ; len(table) >= entry; table = table[entry:] {
		name := sectionName(table[:8])
		virtual, addr := binary.LittleEndian.Uint32(table[8:]), binary.LittleEndian.Uint32(table[12:])
		raw, off := binary.LittleEndian.Uint32(table[16:]), binary.LittleEndian.Uint32(table[20:])
		flags := binary.LittleEndian.Uint32(table[36:])
		if virtual != 0 {
			raw = min(raw, virtual) // the rest is padding
		}
		if raw == 0 {
			continue
		}
		m.named[name] = span{base + uint64(addr), uint64(raw)}
		if flags&pe.IMAGE_SCN_MEM_DISCARDABLE != 0 && flags&pe.IMAGE_SCN_MEM_EXECUTE == 0 {
			continue // symbols for debuggers, relocations
		}
		m.addRegion(region{
			addr: base + uint64(addr), off: int64(off), size: uint64(raw),
			executable: flags&pe.IMAGE_SCN_MEM_EXECUTE != 0, writable: flags&pe.IMAGE_SCN_MEM_WRITE != 0,
		}, "section "+name)
	}
	m.finish()
	return nil
}

// sectionName is a name in a field that it need not fill.
func sectionName(field []byte) string {
	for i, c := range field {
		if c == 0 {
			return string(field[:i])
		}
	}
	return string(field)
}
