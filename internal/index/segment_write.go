package index

import (
	"slices"
)

// setMask notes whether a document is in a mask.
func (w *writer) setMask(mask int64, doc uint32, in bool) {
	id := mask<<pieceShift | int64(doc>>pieceBits)
	p := w.masks[id]
	if p == nil {
		p = new(piece)
		var data []byte
		if w.one(`SELECT docs FROM masks WHERE id = ?`, []any{id}, &data) {
			w.err = p.decode(data)
		}
		w.masks[id] = p
	}
	bit := uint64(1) << (doc & 63)
	if word := &p[doc&(pieceSize-1)>>6]; in {
		*word |= bit
	} else {
		*word &^= bit
	}
}

func (w *writer) storeMasks() {
	for id, p := range w.masks {
		if data := p.encode(); data != nil {
			w.exec(`INSERT OR REPLACE INTO masks VALUES (?,?)`, id, data)
		} else {
			w.exec(`DELETE FROM masks WHERE id = ?`, id)
		}
	}
}

// storeSegment writes what the batch says of its documents.
func (w *writer) storeSegment() {
	if w.nextDoc == w.firstDoc || w.err != nil {
		return
	}
	s := w.s.newSegment()
	out := segmentWriter{base: uint32(w.firstDoc), put: func(number int64, data []byte) {
		w.blocks.values = append(w.blocks.values, s<<blockShift|number, data)
	}}
	w.terms.each(w.removed, out.add)
	out.flush()
	w.blocks.write(w)
	w.segments++
	w.exec(`INSERT INTO segments VALUES (?,?,?,?)`, s, w.firstDoc, w.nextDoc, appendSummary([]byte{}, out.blocks))
}

// newSegment gives a segment its number, which none has had before.
func (s *SQLite) newSegment() int64 {
	s.lastSegment++
	return s.lastSegment
}

// docsWith returns the documents that have a term; some may be removed.
func (w *writer) docsWith(field, text string) []int64 {
	number := w.field(field)
	var list []int64
	add := func(doc uint32) { list = append(list, int64(doc)) }
	for _, doc := range w.terms.documents(termKey{number, text}) {
		add(doc)
	}
	if w.err != nil {
		return nil
	}
	// The writer's own connection sees what this batch has done, and the segments of those before.
	v := view{ctx: w.ctx, quiet: w.quiet, s: w.s, reader: &reader{w.s.write, w.s.statements}, terms: &segmentsOf{}}
	t, err := v.foundText(number, text)
	if err == nil {
		err = t.each(add)
	}
	if err != nil {
		w.err = err
	}
	slices.Sort(list)
	return list
}
