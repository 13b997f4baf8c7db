package index

// setMask notes whether a document or status is in a mask.
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

// builtSegment is what a batch says of its documents, ready to be written.
type builtSegment struct {
	id    int64
	until uint32
	out   segmentWriter
	rows  []any // of blocks
}

// buildSegment begins to make the segment of the batch's documents or statuses, of which there will be no more, beside everything else: it takes a tenth of the time.
func (w *writer) buildSegment(terms *termTable, first, next int64) <-chan *builtSegment {
	built := make(chan *builtSegment, 1)
	if next == first || w.err != nil {
		close(built)
		return built
	}
	b := &builtSegment{id: w.s.newSegment(), until: uint32(next)}
	b.out = segmentWriter{base: uint32(first), filter: newFilter(terms.filtered), put: func(number int64, data []byte) {
		b.rows = append(b.rows, b.id<<blockShift|number, data)
	}}
	go func() {
		terms.each(b.out.add)
		b.out.flush()
		built <- b
	}()
	return built
}

func (w *writer) storeSegment(built <-chan *builtSegment) {
	b := <-built
	if b == nil {
		return
	}
	w.blocks.values = b.rows
	w.blocks.write(w)
	w.segments++
	w.insertSegment(b.id, b.out.base, b.until, &b.out)
}

func (w *writer) insertSegment(id int64, base, until uint32, out *segmentWriter) {
	w.exec(`INSERT INTO segments VALUES (?,?,?,?,?)`, id, base, until, appendSummary([]byte{}, out.blocks), []byte(out.filter))
}

// newSegment gives a segment its number, which none has had before.
func (s *SQLite) newSegment() int64 {
	s.lastSegment++
	return s.lastSegment
}

// view is what the writer's own connection sees: what this batch has done, and the segments of those before.
func (w *writer) view() view {
	return view{ctx: w.ctx, quiet: w.quiet, s: w.s, reader: &reader{w.s.write, w.s.statements}, fields: map[string]int64{}, once: &w.stored, writing: true}
}

// docsWith returns the documents or statuses that have a term, those of the batch among them; some may be removed.
func (w *writer) docsWith(field int64, text string) []int64 {
	if w.err != nil {
		return nil
	}
	var list []int64
	add := func(doc uint32) { list = append(list, int64(doc)) }
	t, err := w.view().foundText(field, text)
	if err == nil {
		err = t.each(add)
	}
	if err != nil {
		w.err = err
	}
	batch := &w.terms
	if ofStatuses(field) {
		batch = &w.statusTerms
	}
	batch.documents(termKey{field, text}, add)
	return list
}
