package upx

import "bytes"

// The PE that a test packs: code from 0x1000 on, data from 0x2000 on with all that UPX moves.
const (
	codeAt     = 0x1000
	codeSize   = 0x1000
	dataAt     = 0x2000
	dataSize   = 0x1000
	importsAt  = 0x2000
	slotsAt    = 0x2100
	namesAt    = 0x2200
	pointerAt  = 0x2300
	relocateAt = 0x2400
	exportsAt  = 0x2500
	exportsLen = 0x80
	treeAt     = 0x2600
	packedIcon = 0x2700 // a resource that is compressed with the rest
	keptIcon   = 0x2720 // and one that is not
	keptAt     = 0x5000 // the last section of the packed program
	imageBase  = 0x400000
)

// peFront is a DOS header and the headers of a PE.
func peFront(wide bool, dirs map[int][2]uint32, sections []peSection) (dos, headers, table []byte) {
	dos = append([]byte("MZ"), make([]byte, 0x3e)...)
	le.PutUint32(dos[0x3c:], 0x40)
	h := &peHeader{wide: wide}
	headers = append([]byte("PE\x00\x00"), make([]byte, h.size()-4)...)
	le.PutUint16(headers[6:], uint16(len(sections)))
	le.PutUint16(headers[20:], uint16(h.size()-24))
	le.PutUint16(headers[24:], 0x10b)
	le.PutUint32(headers[24+28:], imageBase)
	if wide {
		le.PutUint16(headers[24:], 0x20b)
		le.PutUint32(headers[24+28:], 0)
		le.PutUint64(headers[24+24:], imageBase)
	}
	le.PutUint32(headers[24+4:], codeSize)
	le.PutUint32(headers[24+20:], codeAt)
	for number, d := range dirs {
		p := headers[h.size()-128+8*number:]
		le.PutUint32(p, d[0])
		le.PutUint32(p[4:], d[1])
	}
	for _, s := range sections {
		p := make([]byte, sectionSize)
		copy(p, "section")
		for at, v := range map[int]uint32{8: s.size, 12: s.address, 16: s.rawSize, 20: s.raw} {
			le.PutUint32(p[at:], v)
		}
		table = append(table, p...)
	}
	return dos, headers, table
}

// memory is a program's memory from codeAt on, to be written by addresses.
type memory []byte

func (m memory) put(at uint32, values ...uint32) {
	for i, v := range values {
		le.PutUint32(m[at-codeAt+uint32(4*i):], v)
	}
}

func (m memory) text(at uint32, s string) { copy(m[at-codeAt:], s) }

// resourceTree is a directory with one type, one name and two leaves.
func resourceTree(icon, packed uint32) []byte {
	p := make([]byte, 0, 0x100)
	dir := func(entries ...uint32) {
		p = append(p, make([]byte, 12)...)
		p = le.AppendUint16(le.AppendUint16(p, 0), uint16(len(entries)/2))
		for _, e := range entries {
			p = le.AppendUint32(p, e)
		}
	}
	dir(14, 1<<31|24)
	dir(1, 1<<31|48)
	dir(0x409, 80, 0x40a, 96)
	for _, at := range []uint32{icon, packed} {
		for _, v := range []uint32{at, 16, 0, 0} {
			p = le.AppendUint32(p, v)
		}
	}
	return p
}

// functions of two libraries: by name, by ordinal, by name again.
var functions = []string{"First", "#7", "Third"}

// packPE makes a PE, and packs it as UPX does.
func packPE(wide bool, format, method, filter byte) (packed, file []byte) {
	step := uint32(4)
	if wide {
		step = 8
	}
	m := memory(make([]byte, codeSize+dataSize))
	copy(m, someCode(codeSize))
	tree := resourceTree(keptIcon, packedIcon)
	dirs := map[int][2]uint32{dirExport: {exportsAt, exportsLen}, dirImport: {importsAt, 60}, dirResource: {treeAt, 0x100}, dirRelocated: {relocateAt, 24}}
	sections := []peSection{{codeAt, codeSize, 0x400, codeSize}, {dataAt, dataSize, 0x1400, dataSize}}

	// What UPX does not touch.
	m.text(packedIcon, "icon, compressed")
	m.text(pointerAt+0x20, "data")
	bare := memory(bytes.Clone(m))

	// What it moves: first the program as it is, then what is left of it, and the hints.
	kept := make([]byte, 0x600)
	keep := func(at uint32, s string) { copy(kept[at-keptAt:], s) }
	const libraries, exportsKept, treeKept, iconKept = keptAt + 0x100, keptAt + 0x200, keptAt + 0x400, keptAt + 0x504
	var hints []byte
	name, function := uint32(namesAt), uint32(namesAt+len("A.dll\x00BB.dll\x00")+1)
	first := function
	for i, library := range []string{"A.dll", "BB.dll"} {
		slot := slotsAt + 0x40*uint32(i)
		oft := uint32(0)
		if wide {
			oft = slot
		}
		m.put(importsAt+20*uint32(i), oft, 0, 0, name, slot)
		m.text(name, library)
		keep(libraries+16*uint32(i), library)
		hints = le.AppendUint32(hints, 0x100+16*uint32(i)-0x80)
		hints = le.AppendUint32(hints, slot-codeAt)
		name += uint32(len(library) + 1)
		for _, f := range functions {
			if f == "#7" {
				m.put(slot, 7)
				m[slot-codeAt+step-1] |= 0x80
				hints = append(hints, hintOrdinal, 7, 0)
			} else {
				if (function-first)%2 == 1 {
					function--
				}
				m.put(slot, function)
				m.text(function+2, f)
				function += uint32(2 + len(f) + 1)
				hints = append(append(hints, hintName), f+"\x00"...)
			}
			slot += step
		}
		hints = append(hints, 0)
	}
	hints = append(hints, 0, 0, 0, 0)
	m.put(pointerAt, imageBase+0x1234)
	m.put(codeAt+0x20, imageBase+0x2000)
	m.put(relocateAt, 0x1000, 12, 0x00003020, 0x2000, 12, 0x00003300)
	if wide {
		m.put(codeAt+0x24, 0)
		m.put(relocateAt, 0x1000, 12, 0x0000a020, 0x2000, 12, 0x0000a300)
	}
	m.put(exportsAt, 0, 0, 0, exportsAt+40+8+8+4, 1, 2, 2, exportsAt+40, exportsAt+48, exportsAt+56)
	m.put(exportsAt+40, 0x1010, exportsAt+60+6+6+6, exportsAt+66, exportsAt+72, 0x10000)
	m.text(exportsAt+60, "X.dll\x00alpha\x00betas\x00other.function\x00")
	m.text(treeAt, string(tree))
	m.text(keptIcon, "\x00\x00\x01\x00\x05\x00icon, kept")

	copy(kept[treeKept-keptAt:], resourceTree(iconKept, packedIcon))
	keep(iconKept-4, string(le.AppendUint32(nil, keptIcon)))
	keep(iconKept, "\x00\x00\x01\x00\x01\x00icon, kept")
	k := memory(make([]byte, keptAt-codeAt+len(kept)))
	copy(k[keptAt-codeAt:], kept)
	k.put(exportsKept, 0, 0, 0, exportsKept+0x60, 1, 2, 2, exportsKept+40, exportsKept+48, exportsKept+56)
	k.put(exportsKept+40, 0x1010, exportsKept+0xa0, exportsKept+0x70, exportsKept+0x80, 0x10000)
	for at, s := range map[uint32]string{0x60: "X.dll", 0x70: "alpha", 0x80: "betas", 0xa0: "other.function"} {
		k.text(exportsKept+at, s)
	}
	kept = k[keptAt-codeAt:]

	bare.put(importsAt, 0)
	for _, at := range []uint32{codeAt + 0x20, pointerAt} { // values, turned around and without a base
		v := le.Uint32(m[at-codeAt:]) - imageBase - codeAt
		clear(bare[at-codeAt:][:step])
		for i := range step {
			if i < 4 {
				bare[at-codeAt+step-1-i] = byte(v >> (8 * i))
			}
		}
	}
	if filter != 0 {
		copy(bare, filtered(bare[:codeSize], mark, 0, filter == 0x49))
	}
	dos, headers, table := peFront(wide, dirs, sections)
	file = append(append(append([]byte(nil), dos...), headers...), table...)
	file = put(put(file, 0x400, m[:codeSize]), 0x1400, m[codeSize:])

	obuf := append([]byte(nil), bare...)
	importHints := len(obuf)
	obuf = append(obuf, hints...)
	places := len(obuf)
	obuf = append(obuf, 0x24, 0xf0, 0, 0, byte((pointerAt-codeAt-0x20)&255), byte((pointerAt-codeAt-0x20)>>8), 0, 0, 0) // from -4 on
	info := len(obuf)
	obuf = append(append(obuf, headers...), table...)
	obuf = le.AppendUint32(le.AppendUint32(obuf, uint32(importHints)), namesAt)
	obuf = append(le.AppendUint32(obuf, uint32(places)), 0)
	obuf = le.AppendUint16(obuf, 5)
	obuf = le.AppendUint32(obuf, uint32(info))

	compressed := pack(method, obuf)
	front := append([]byte("4.01\x00"), rawHeader(format, method, obuf, compressed, filter, mark)...)
	const rawAt = 0x400
	keptRaw := (rawAt + len(front) + len(compressed) + 0x1ff) &^ 0x1ff
	dos, headers, table = peFront(wide, map[int][2]uint32{
		dirExport: {exportsKept, 0x100}, dirImport: {keptAt + 0x80, 0x40}, dirResource: {treeKept, 0x200},
	}, []peSection{{codeAt, 0x2000, 0, 0}, {0x3000, 0x2000, rawAt, uint32(keptRaw - rawAt)}, {keptAt, 0x1000, uint32(keptRaw), uint32(len(kept))}})
	copy(table, "UPX0\x00\x00\x00\x00")
	packed = append(append(append([]byte(nil), dos...), headers...), table...)
	packed = put(packed, int64(rawAt), append(front, compressed...))
	packed = put(packed, int64(keptRaw), kept)
	return append(packed, "behind it"...), append(file, "behind it"...)
}
