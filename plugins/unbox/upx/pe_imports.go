package upx

import "encoding/binary"

const importSize = 20 // bytes of a descriptor of a library

// Kinds of hints of an imported function.
const (
	hintName    = 1
	hintOrdinal = 0xff
)

// imports fills the tables of imports anew from hints: of each library its name among the imports of the packed program, where its
// addresses are, and its functions.
func (b *rebuilder) imports() error {
	address, size := b.out.dir(dirImport)
	if address == 0 || size <= importSize {
		return nil
	}
	where, ok := b.hint32()
	names, ok2 := b.hint32()
	if !ok || !ok2 || int64(where) > int64(len(b.memory.p)) {
		return errImports
	}
	base, _ := b.before.dir(dirImport) // offsets count from here in the packed program
	w := &importWriter{b: b, base: base, hints: b.memory.p[where:], entry: address}
	total, ok := w.namesOfLibraries()
	if !ok {
		return errImports
	}
	if names != 0 {
		w.library, w.function = names, names+total+total%2
		w.first = w.function
	}
	w.hints = b.memory.p[where:]
	for {
		more, ok := w.one()
		if !ok {
			return errImports
		}
		if !more {
			return nil
		}
	}
}

// importWriter goes along the hints.
type importWriter struct {
	b        *rebuilder
	base     uint32
	hints    []byte
	entry    uint32 // address of the descriptor that is written
	library  uint32 // where the next name of a library goes; 0 if names are where they were
	function uint32 // where the next name of a function goes
	first    uint32 // function at the beginning
}

// next takes the head of a library: offset of its name, and where its addresses are. more is false at the end.
func (w *importWriter) next() (name []byte, table uint32, more, ok bool) {
	if len(w.hints) < 4 {
		return nil, 0, false, false
	}
	le := binary.LittleEndian
	off := le.Uint32(w.hints)
	if off == 0 {
		return nil, 0, false, true
	}
	if len(w.hints) < 8 {
		return nil, 0, false, false
	}
	name, table = w.b.kept.text(w.base+off), le.Uint32(w.hints[4:])+w.b.memory.from
	w.hints = w.hints[8:]
	return name, table, true, name != nil
}

// function is one that is imported: a name with its zero, or an ordinal, or what stands in the packed program at an offset.
type function struct {
	name    []byte
	ordinal uint16
	offset  uint32
	kind    byte
}

// nextFunction takes a function. more is false at the end of a library.
func (w *importWriter) nextFunction() (f function, more, ok bool) {
	if len(w.hints) == 0 {
		return f, false, false
	}
	f.kind = w.hints[0]
	w.hints = w.hints[1:]
	n := 0
	switch f.kind {
	case 0:
		return f, false, true
	case hintName:
		f.name = image{w.hints, 0}.text(0)
		n = len(f.name)
		ok = n > 0
	case hintOrdinal:
		if n, ok = 2, len(w.hints) >= 2; ok {
			f.ordinal = binary.LittleEndian.Uint16(w.hints)
		}
	default:
		if n, ok = 4, len(w.hints) >= 4; ok {
			f.offset = binary.LittleEndian.Uint32(w.hints)
		}
	}
	if ok {
		w.hints = w.hints[n:]
	}
	return f, true, ok
}

// namesOfLibraries is how many bytes they have.
func (w *importWriter) namesOfLibraries() (total uint32, ok bool) {
	for {
		name, _, more, ok := w.next()
		if !more || !ok {
			return total, ok
		}
		total += uint32(len(name))
		for more = true; more; {
			if _, more, ok = w.nextFunction(); !ok {
				return total, false
			}
		}
	}
}

// one writes a library.
func (w *importWriter) one() (more, ok bool) {
	name, table, more, ok := w.next()
	if !more || !ok {
		return more, ok
	}
	le := binary.LittleEndian
	d := w.b.memory.at(w.entry, importSize)
	if d == nil {
		return false, false
	}
	w.entry += importSize
	if w.library != 0 {
		le.PutUint32(d[12:], w.library)
		w.library += uint32(len(name))
	}
	if to := w.b.memory.at(le.Uint32(d[12:]), int64(len(name))); to == nil {
		return false, false
	} else {
		copy(to, name)
	}
	le.PutUint32(d[16:], table)
	step := uint32(4)
	if w.b.out.wide {
		step = 8
		le.PutUint32(d, table)
	}
	for ; ; table += step {
		slot := w.b.memory.at(table, int64(step))
		f, more, ok := w.nextFunction()
		if slot == nil || !ok {
			return false, false
		}
		if !more {
			clear(slot)
			return true, true
		}
		if !w.write(f, slot) {
			return false, false
		}
	}
}

// write fills the slot of a function.
func (w *importWriter) write(f function, slot []byte) bool {
	le := binary.LittleEndian
	switch f.kind {
	case hintName:
		if w.function != 0 {
			if (w.function-w.first)%2 == 1 {
				w.function--
			}
			clear(slot)
			le.PutUint32(slot, w.function)
			w.function += 2 + uint32(len(f.name))
		}
		to := w.b.memory.at(le.Uint32(slot)+2, int64(len(f.name)))
		if to == nil {
			return false
		}
		copy(to, f.name)
	case hintOrdinal:
		clear(slot)
		le.PutUint16(slot, f.ordinal)
		slot[len(slot)-1] = 0x80
	default:
		from := w.b.kept.at(w.base+f.offset, int64(len(slot)))
		if from == nil {
			return false
		}
		copy(slot, from)
	}
	return true
}
