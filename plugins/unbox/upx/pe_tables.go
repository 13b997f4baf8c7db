package upx

import (
	"encoding/binary"

	"lazuli/plugins/unbox/archive"
)

const (
	exportSize = 40
	resource   = 16 // of a resource's data entry, and of a directory of resources without its entries

	mostResources = 1 << 16
	deepest       = 8 // directories of resources in one another; there are three
)

const (
	errImports     = archive.Damage("imports of the unpacked program cannot be put back")
	errRelocations = archive.Damage("relocations of the unpacked program cannot be put back")
	errExports     = archive.Damage("exports of the unpacked program cannot be put back")
	errResources   = archive.Damage("resources of the unpacked program cannot be put back")
)

// relocations writes the table of relocations anew from distances between them, and makes what they point to addresses again: they were
// written with the most significant byte first, and without the base.
func (b *rebuilder) relocations() error {
	const stripped = 1
	address, size := b.out.dir(dirRelocated)
	if address == 0 || size == 0 || b.out.p[22]&stripped != 0 {
		return nil
	}
	if size == 8 { // an empty table
		to := b.memory.at(address, 8)
		if to == nil {
			return errRelocations
		}
		copy(to, "\x00\x00\x00\x00\x08\x00\x00\x00")
		return nil
	}
	where, ok := b.hint32()
	if !ok || len(b.hints) < 1 || int64(where) > int64(len(b.memory.p)) {
		return errRelocations
	}
	b.hints = b.hints[1:] // kinds of relocations that no compiler makes any more
	places, ok := distances(b.memory.p[where:])
	if !ok {
		return errRelocations
	}
	for _, at := range places {
		if !b.relocate(at) {
			return errRelocations
		}
	}
	table := b.relocationTable(places)
	to := b.memory.at(address, int64(len(table)))
	if to == nil {
		return errRelocations
	}
	copy(to, table)
	return nil
}

// relocate makes one value an address again.
func (b *rebuilder) relocate(at uint32) bool {
	le, be := binary.LittleEndian, binary.BigEndian
	if b.out.wide {
		p := b.memory.at(at+b.memory.from, 8)
		if p == nil {
			return false
		}
		le.PutUint64(p, be.Uint64(p)+le.Uint64(b.out.p[24+24:])+uint64(b.memory.from))
		return true
	}
	p := b.memory.at(at+b.memory.from, 4)
	if p == nil {
		return false
	}
	le.PutUint32(p, be.Uint32(p)+b.out.u32(24+28)+b.memory.from)
	return true
}

// distances takes places, each by how far it is from the one before: in a byte, or 20 bits, or 32.
func distances(p []byte) (places []uint32, ok bool) {
	le := binary.LittleEndian
	at := uint32(0xfffffffc)
	for {
		switch {
		case len(p) == 0:
			return nil, false
		case p[0] == 0:
			return places, true
		case p[0] < 0xf0:
			at, p = at+uint32(p[0]), p[1:]
		case len(p) < 7:
			return nil, false
		default:
			d := uint32(p[0]&15)<<16 | uint32(le.Uint16(p[1:]))
			p = p[3:]
			if d == 0 {
				d, p = le.Uint32(p), p[4:]
			}
			at += d
		}
		places = append(places, at)
	}
}

// relocationTable is the table of places: a block for each page, with an even number of entries.
func (b *rebuilder) relocationTable(places []uint32) (table []byte) {
	const pageSize = 4096
	kind := uint16(3) // 32 bits
	if b.out.wide {
		kind = 10
	}
	le := binary.LittleEndian
	block := -1
	end := func() {
		if block < 0 {
			return
		}
		if len(table)%4 != 0 {
			table = append(table, 0, 0)
		}
		le.PutUint32(table[block+4:], uint32(len(table)-block))
	}
	page := uint32(0)
	for _, at := range places {
		at += b.memory.from
		if block < 0 || at/pageSize != page {
			end()
			page, block = at/pageSize, len(table)
			table = append(le.AppendUint32(table, page*pageSize), 0, 0, 0, 0)
		}
		table = le.AppendUint16(table, kind<<12|uint16(at%pageSize))
	}
	end()
	return table
}

// exports writes the table of exports anew, which the packed program has in its last section.
func (b *rebuilder) exports() error {
	address, size := b.out.dir(dirExport)
	from, n := b.before.dir(dirExport)
	if size == 0 || n == 0 || address == from {
		return nil
	}
	head := b.kept.at(from, exportSize)
	to := b.memory.at(address, int64(size))
	if head == nil || len(to) < exportSize {
		return errExports
	}
	le := binary.LittleEndian
	functions, names := int64(le.Uint32(head[20:])), int64(le.Uint32(head[24:]))
	addresses := b.kept.at(le.Uint32(head[28:]), 4*functions)
	pointers := b.kept.at(le.Uint32(head[32:]), 4*names)
	ordinals := b.kept.at(le.Uint32(head[36:]), 2*names)
	library := b.kept.text(le.Uint32(head[12:]))
	if addresses == nil || pointers == nil || ordinals == nil || library == nil {
		return errExports
	}
	out := append([]byte(nil), head...)
	le.PutUint32(out[28:], address+uint32(len(out)))
	out = append(out, addresses...)
	le.PutUint32(out[32:], address+uint32(len(out)))
	firstName := len(out)
	out = append(out, pointers...)
	le.PutUint32(out[36:], address+uint32(len(out)))
	out = append(out, ordinals...)
	le.PutUint32(out[12:], address+uint32(len(out)))
	out = append(out, library...)
	for i := range int(names) {
		name := b.kept.text(le.Uint32(pointers[4*i:]))
		if name == nil {
			return errExports
		}
		le.PutUint32(out[firstName+4*i:], address+uint32(len(out)))
		out = append(out, name...)
		if len(out) > len(to) {
			return errExports
		}
	}
	for i := range int(functions) { // a function that is another library's has a name instead of an address
		p := out[exportSize+4*i:]
		if a := le.Uint32(p); a >= from && a-from < n {
			name := b.kept.text(a)
			if name == nil || len(out)+len(name) > len(to) {
				return errExports
			}
			le.PutUint32(p, address+uint32(len(out)))
			out = append(out, name...)
		}
	}
	if len(out) > len(to) {
		return errExports
	}
	copy(to, out)
	return nil
}

// resources puts back what was not compressed, in front of which its address is, and the directory.
func (b *rebuilder) resources() error {
	address, size := b.out.dir(dirResource)
	from, n := b.before.dir(dirResource)
	if address == 0 || size == 0 || n == 0 || len(b.hints) < 2 {
		return nil
	}
	w := &resourceWriter{b: b, from: from, icons: binary.LittleEndian.Uint16(b.hints)}
	b.hints = b.hints[2:]
	w.tree = append([]byte(nil), b.kept.at(from, int64(n))...)
	if len(w.tree) < resource || !w.directory(0, 0, 0) {
		return errResources
	}
	to := b.memory.at(address, int64(w.end))
	if to == nil {
		return errResources
	}
	copy(to, w.tree[:w.end])
	return nil
}

// resourceWriter goes through the tree of resources.
type resourceWriter struct {
	b       *rebuilder
	from    uint32 // address of the tree in the packed program
	tree    []byte
	end     int // of the tree, without what it refers to
	icons   uint16
	entries int
}

// directory goes through one directory of the tree.
func (w *resourceWriter) directory(off, depth int, kind uint32) bool {
	if off+resource > len(w.tree) || depth > deepest {
		return false
	}
	le := binary.LittleEndian
	n := int(le.Uint16(w.tree[off+12:])) + int(le.Uint16(w.tree[off+14:]))
	w.entries += n
	if w.entries > mostResources || off+resource+8*n > len(w.tree) {
		return false
	}
	w.reached(off + resource + 8*n)
	for i := range n {
		e := w.tree[off+resource+8*i:]
		name, to := le.Uint32(e), le.Uint32(e[4:])
		if name>>31 == 1 {
			at := int(name & (1<<31 - 1))
			if at+2 > len(w.tree) {
				return false
			}
			w.reached(min(len(w.tree), at+2+2*int(le.Uint16(w.tree[at:]))))
		}
		if depth == 0 {
			kind = name
		}
		if to>>31 == 1 {
			if !w.directory(int(to&(1<<31-1)), depth+1, kind) {
				return false
			}
			continue
		}
		if !w.leaf(int(to), kind) {
			return false
		}
	}
	return true
}

func (w *resourceWriter) reached(end int) { w.end = max(w.end, end) }

// leaf puts back the data of a resource, if it was not compressed.
func (w *resourceWriter) leaf(off int, kind uint32) bool {
	const groupOfIcons = 14
	le := binary.LittleEndian
	if off+resource > len(w.tree) {
		return false
	}
	w.reached(off + resource)
	at, size := le.Uint32(w.tree[off:]), int64(le.Uint32(w.tree[off+4:]))
	if at <= w.from {
		return true
	}
	data, before := w.b.kept.at(at, size), w.b.kept.at(at-4, 4)
	if data == nil || before == nil {
		return true // it was compressed, in a section with a higher address
	}
	home := le.Uint32(before)
	to := w.b.memory.at(home, size)
	if to == nil {
		return false
	}
	copy(to, data)
	le.PutUint32(w.tree[off:], home)
	if w.icons != 0 && kind == groupOfIcons && len(to) >= 6 {
		le.PutUint16(to[4:], w.icons) // of an icon's pictures only the first stayed
		w.icons = 0
	}
	return true
}
