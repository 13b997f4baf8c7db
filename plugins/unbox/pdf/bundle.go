package pdf

import (
	"bytes"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

// bundle is an object stream (7.5.7) whose content is in memory.
type bundle struct {
	at      int64 // offset of its header
	numbers []uint32
	offsets []int32 // in content, in the same order
	content []byte

	byNumber map[uint32]int32 // made when it is needed
}

// Bundles that are kept in memory, the one used last in front.
const (
	mostBundles     = 16
	mostBundleBytes = 16 << 20
)

// members are the numbers of the objects in an object stream.
func (d *document) members(at int64) []uint32 {
	if b := d.bundle(at); b != nil {
		return b.numbers
	}
	return nil
}

// bundle returns the object stream whose header lies at at, or nil. One that is needed to read itself is not read.
func (d *document) bundle(at int64) *bundle {
	for i, b := range d.bundles {
		if b.at == at {
			copy(d.bundles[1:i+1], d.bundles[:i])
			d.bundles[0] = b
			return b
		}
	}
	if d.opening[at] || len(d.opening) >= mostRefs {
		return nil
	}
	d.opening[at] = true
	defer delete(d.opening, at)
	o, ok := d.indirect(at)
	if !ok {
		return nil
	}
	s, ok := o.value.(*Stream)
	if !ok {
		return nil
	}
	b := d.unbundle(s)
	b.at = at
	d.bundles = append([]*bundle{b}, d.bundles...)
	kept := 0 // bytes
	for i, b := range d.bundles {
		if kept += len(b.content) + 8*len(b.numbers); i > 0 && (i == mostBundles || kept > mostBundleBytes) {
			clear(d.bundles[i:])
			d.bundles = d.bundles[:i]
			break
		}
	}
	return b
}

// index returns the index of an object, which mostly is the one that is stated.
func (b *bundle) index(number uint32, stated int32) (int32, bool) {
	if b == nil {
		return 0, false
	}
	if int(stated) < len(b.numbers) && b.numbers[stated] == number {
		return stated, true
	}
	if b.byNumber == nil {
		b.byNumber = make(map[uint32]int32, len(b.numbers))
		for i, n := range b.numbers {
			b.byNumber[n] = int32(i)
		}
	}
	i, ok := b.byNumber[number]
	return i, ok
}

// unbundle decodes an object stream. Of a damaged one what there is counts.
func (d *document) unbundle(s *Stream) *bundle {
	b := &bundle{}
	first, ok := integer(d.resolve(s.Dict.Get("First")))
	if !ok || first < 0 || d.crypt.locked() {
		return b
	}
	b.content, _ = d.content(s, d.limits.inner)
	first = min(first, int64(len(b.content)))
	head := lexer{src: inMemory(b.content[:first], d.work), most: 64}
	for len(b.numbers) < d.limits.objects {
		number, offset := head.next(), head.next()
		if number.kind != tokenInteger || offset.kind != tokenInteger {
			break
		}
		if number.integer <= 0 || number.integer >= 1<<32 || offset.integer < 0 || offset.integer > int64(len(b.content))-first {
			number.integer, offset.integer = 0, 0 // it keeps its index
		}
		b.numbers = append(b.numbers, uint32(number.integer))
		b.offsets = append(b.offsets, int32(first+offset.integer))
	}
	return b
}

// member reads an object in an object stream.
func (d *document) member(p place, number uint32) indirect {
	o := indirect{id: ID{Number: number}}
	b := d.bundle(p.at)
	if b == nil || int(p.index) >= len(b.numbers) || b.numbers[p.index] != number {
		return o
	}
	in := parser{lexer: lexer{src: inMemory(b.content, d.work), most: d.limits.text}, limits: d.limits, notes: d.notes, named: d.memberNamed, levels: allLevels}
	o.value, _ = in.value(int64(b.offsets[p.index]))
	o.flaws, o.values = in.flaws, in.kept+in.text/16
	return o
}

// content reads a whole stream into memory, of which most bytes are kept. The error is that of damage; what could be read is there.
func (d *document) content(s *Stream, most int64) ([]byte, error) {
	decoded := d.decode(s, d.work)
	if decoded.r == nil {
		return nil, archive.ErrEncrypted
	}
	d.scratch.Reset() // grows once, so that many streams do not leave their garbage behind
	n, err := d.scratch.ReadFrom(io.LimitReader(decoded.r, most))
	if n == most {
		err = d.notes.reach(fmt.Sprintf("more than %d bytes of a stream that must be in memory", most))
	}
	if err == nil && len(decoded.left) > 0 {
		err = damaged("no filter for %s", decoded.left[0].text())
	}
	return bytes.Clone(d.scratch.Bytes()), err
}
