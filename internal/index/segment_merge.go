package index

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"
	"time"
)

// fanIn is how many neighbours of about one size are merged: more write less and leave more to read.
const fanIn = 8

// A segment of which a part of 1/staleShare is of removed documents is written anew, if it has more than staleDocs.
const (
	staleShare = 4
	staleDocs  = 1_000
)

// Bounds on one step of a merge, during which no batch can be written.
const (
	blocksAtOnce = 512
	readAhead    = 32 // blocks of each segment
)

// termsBetween is after how many terms a merge lets readers go first.
const termsBetween = 512

// maxSegments is from how many segments on batches wait for the merger.
const maxSegments = 256

// manySegments of one kind are too many, whatever their levels are.
const manySegments = maxSegments / 4

// mergeable returns neighbours that should be one segment, nil if all is well: fanIn of one level, with what is smaller between them. The level of a segment is the
// logarithm of its documents, so that of the merged one is higher, and no document is written twice at one level. Where small and large ones take turns there may be
// none, and many segments: then it is those neighbours that have the fewest documents together.
func mergeable(list []segment) []segment {
	level := func(s *segment) int { return (bits.Len32(s.until-s.base) - 1) / 3 } // of 8, which is fanIn
	for at := 0; at <= 10; at++ {
		for from := 0; from < len(list); from++ {
			n, end := 0, 0
			for i := from; i < len(list) && level(&list[i]) <= at && n < 2*fanIn; i++ {
				if level(&list[i]) == at {
					n++
					end = i + 1
				}
			}
			if n >= fanIn {
				return list[from:end]
			}
		}
	}
	if len(list) < manySegments {
		return nil
	}
	documents := func(from int) uint32 { return list[from+fanIn-1].until - list[from].base }
	fewest := 0
	for from := range len(list) - fanIn + 1 {
		if documents(from) < documents(fewest) {
			fewest = from
		}
	}
	return list[fewest : fewest+fanIn]
}

// merger merges segments whenever a batch was written, until the index is closed.
func (s *SQLite) merger(ctx context.Context) {
	defer close(s.mergerEnded)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.written:
		}
		if err := s.mergeAll(ctx); err != nil && ctx.Err() == nil {
			s.mu.Lock()
			s.mergeFault = s.fault("merge parts of the index", err) // the next batch tells
			s.mu.Unlock()
			s.tellMerged()
		}
	}
}

// mergeAll merges until there is nothing to merge.
func (s *SQLite) mergeAll(ctx context.Context) error {
	s.merging.Lock()
	defer s.merging.Unlock()
	if !s.swept {
		if err := s.sweep(ctx); err != nil {
			return err
		}
	}
	s.swept = false // there may be something to sweep if it ends with an error
	err := s.mergeFrom(ctx, wholeIndex, math.MaxUint32)
	s.swept = err == nil
	return err
}

// mergeFrom merges segments, as long as those that become one are together smaller than a number of documents or statuses.
func (s *SQLite) mergeFrom(ctx context.Context, from starts, smaller uint32) error {
	for {
		var list []segment
		var gone piecewise
		err := s.view(ctx, func(v view) (err error) {
			if list, err = v.listSegments(from); err == nil {
				gone, err = v.removed()
			}
			return err
		})
		if err != nil {
			return err
		}
		var chosen []segment
		documents := documentSegments(list)
		for _, part := range [][]segment{list[:documents], list[documents:]} {
			if chosen == nil {
				chosen = mergeable(part)
			}
			if chosen != nil && chosen[len(chosen)-1].until-chosen[0].base >= smaller {
				chosen = nil
			}
		}
		if chosen == nil && from == wholeIndex {
			chosen = gone.stale(list)
		}
		if chosen == nil {
			return nil
		}
		if err := s.merge(ctx, chosen, gone, from); err != nil {
			return err
		}
		s.tellMerged()
		for i := range chosen {
			if err := s.dropBlocks(ctx, chosen[i].id); err != nil {
				return err
			}
		}
	}
}

// tellMerged wakes a batch that waits.
func (s *SQLite) tellMerged() {
	select {
	case s.merged <- struct{}{}:
	default:
	}
}

// awaitMerger holds a batch back while there are too many segments.
func (s *SQLite) awaitMerger(ctx context.Context) error {
	for {
		s.mu.Lock()
		n, fault := s.segments, s.mergeFault
		s.mu.Unlock()
		if n < maxSegments || fault != nil {
			return nil
		}
		select {
		case <-s.merged:
		case <-s.mergerEnded:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// piecewise is a mask as a merge sees it: pieces by their numbers.
type piecewise map[uint32]*piece

func (v view) removed() (piecewise, error) {
	all := piecewise{}
	return all, v.maskPieces(maskRemoved, func(at uint32, data []byte) error {
		all[at] = new(piece)
		return all[at].decode(data)
	})
}

func (m piecewise) has(doc uint32) bool {
	p := m[doc>>pieceBits]
	return p != nil && bitset(p[:]).has(doc&(pieceSize-1))
}

// stale returns a segment of which many documents are removed.
func (m piecewise) stale(list []segment) []segment {
	for i := range list {
		s := &list[i]
		n := uint32(0)
		for at, p := range m {
			if at < s.base>>pieceBits || at > s.until>>pieceBits {
				continue
			}
			for doc := range bitset(p[:]).all() {
				if doc |= at << pieceBits; doc >= s.base && doc < s.until {
					n++
				}
			}
		}
		if n > staleDocs && n > (s.until-s.base)/staleShare {
			return list[i : i+1]
		}
	}
	return nil
}

// mergeInput goes through a segment.
type mergeInput struct {
	segment
	blocks [][]byte // read ahead
	next   int64    // block to read
	keyReader
	posting []byte // of the term at which it is
}

// compare orders inputs by the terms at which they are, those at the same one by their documents.
func (in *mergeInput) compare(o *mergeInput) int {
	if in.field != o.field {
		return cmp.Compare(in.field, o.field)
	}
	if order := compareFolded(in.text, o.text); order != 0 {
		return order
	}
	if order := bytes.Compare(in.text, o.text); order != 0 {
		return order
	}
	return cmp.Compare(in.base, o.base)
}

// advance goes to the next term and tells whether there is one.
func (in *mergeInput) advance(ctx context.Context, s *SQLite) (bool, error) {
	if len(in.rest) == 0 {
		if len(in.blocks) == 0 {
			err := s.view(ctx, func(v view) error {
				return v.rows(`SELECT id, data FROM blocks WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`, []any{in.next, (in.id + 1) << blockShift, readAhead}, func(scan scanner) error {
					var id int64
					var data []byte
					err := scan(&id, &data)
					if id != in.next+int64(len(in.blocks)) {
						return errSegment // one is missing
					}
					in.blocks = append(in.blocks, data)
					return err
				})
			})
			if err != nil || len(in.blocks) == 0 {
				return false, err
			}
			in.next += int64(len(in.blocks))
		}
		in.keyReader = keyReader{rest: in.blocks[0], text: in.text[:0]}
		in.blocks = in.blocks[1:]
	}
	if !in.key() {
		return false, errSegment
	}
	var ok bool
	if in.posting, ok = in.bytes(); !ok {
		return false, errSegment
	}
	return true, nil
}

// merge writes one segment of several, step by step between batches, and puts it in their place. from is where what may be merged meanwhile begins.
func (s *SQLite) merge(ctx context.Context, list []segment, gone piecewise, from starts) error {
	inputs := make([]*mergeInput, len(list))
	ahead := make([]*mergeInput, 0, len(list)) // those that are not at their end, in the order of their terms
	for i := range list {
		inputs[i] = &mergeInput{segment: list[i], next: list[i].id << blockShift}
		some, err := inputs[i].advance(ctx, s)
		if err != nil {
			return err
		}
		if some {
			ahead = append(ahead, inputs[i])
		}
	}
	slices.SortFunc(ahead, (*mergeInput).compare)
	s.mu.Lock()
	id := s.newSegment()
	s.mu.Unlock()
	base, until := list[0].base, list[len(list)-1].until
	if base < firstStatus {
		from.documents = until
	} else {
		from.statuses = until
	}
	var rows []any
	filters := 0
	for i := range list {
		filters += list[i].filterSize
	}
	out := segmentWriter{base: base, filter: make(filter, filters), put: func(number int64, data []byte) { rows = append(rows, id<<blockShift|number, data) }}
	var key keyBytes
	var docs []uint32
	worked := time.Now()
	for n := 1; len(ahead) > 0; n++ {
		if n%termsBetween == 0 {
			s.courtesy.wait(ctx, time.Since(worked))
			worked = time.Now()
		}
		key = keyBytes{ahead[0].field, append(key.text[:0], ahead[0].text...)}
		docs = docs[:0]
		same := 1
		for same < len(ahead) && ahead[same].field == key.field && bytes.Equal(ahead[same].text, key.text) {
			same++
		}
		for _, in := range ahead[:same] {
			err := posting{in.base, in.posting}.each(func(doc uint32) {
				if !gone.has(doc) {
					docs = append(docs, doc)
				}
			})
			if err != nil {
				return err
			}
		}
		for same--; same >= 0; same-- {
			in, rest := ahead[same], ahead[same+1:]
			some, err := in.advance(ctx, s)
			if err != nil {
				return err
			}
			if !some {
				ahead = slices.Delete(ahead, same, same+1)
				continue
			}
			at, _ := slices.BinarySearchFunc(rest, in, (*mergeInput).compare)
			copy(ahead[same:], rest[:at])
			ahead[same+at] = in
		}
		if len(docs) > 0 {
			out.addBytes(key, docs)
		}
		if len(rows) >= 2*blocksAtOnce {
			if err := s.step(ctx, func(w *writer) { w.blocks.values = rows }); err != nil {
				return err
			}
			rows = rows[:0]
			// What came meanwhile does not wait for the end of a large merge.
			if err := s.mergeFrom(ctx, from, until-base); err != nil {
				return err
			}
		}
	}
	out.flush()
	read := int64(0) // blocks
	for _, in := range inputs {
		read += in.next - in.id<<blockShift
	}
	return s.step(ctx, func(w *writer) {
		w.segments = 1 - len(list)
		w.blocks.values = rows
		w.insertSegment(id, base, until, &out)
		for i := range list {
			w.exec(`DELETE FROM segments WHERE segment = ?`, list[i].id)
			if read <= 4*blocksAtOnce { // otherwise dropBlocks does it step by step
				w.exec(dropBlocksSQL, list[i].id<<blockShift, (list[i].id+1)<<blockShift)
			}
		}
		for at, p := range gone {
			if at < base>>pieceBits || at > until>>pieceBits {
				continue
			}
			for doc := range bitset(p[:]).all() {
				if doc |= at << pieceBits; doc >= base && doc < until {
					w.setMask(maskRemoved, doc, false)
				}
			}
		}
	})
}

// step is a transaction of a merge.
func (s *SQLite) step(ctx context.Context, fn func(*writer)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transaction(ctx, func(w *writer) {
		fn(w)
		w.blocks.write(w)
		w.storeMasks()
	})
}

const dropBlocksSQL = `DELETE FROM blocks WHERE id >= ? AND id < ?`

// dropBlocks removes the blocks of a segment that does not answer any more.
func (s *SQLite) dropBlocks(ctx context.Context, segment int64) error {
	for {
		var id int64
		err := s.view(ctx, func(v view) (err error) {
			id, err = v.number(`SELECT id FROM blocks WHERE id >= ? AND id < ? ORDER BY id LIMIT 1`, segment<<blockShift, (segment+1)<<blockShift)
			return err
		})
		if err != nil || id == 0 {
			return err
		}
		err = s.step(ctx, func(w *writer) {
			w.exec(dropBlocksSQL, id, min(id+blocksAtOnce, (segment+1)<<blockShift))
		})
		if err != nil {
			return err
		}
	}
}

// sweep removes the blocks of segments that never answered, because a process or a merge ended before, or that do not any more.
func (s *SQLite) sweep(ctx context.Context) error {
	for at := int64(1); ; {
		var id int64
		live := false
		err := s.view(ctx, func(v view) error {
			var err error
			if id, err = v.number(`SELECT id FROM blocks WHERE id >= ? ORDER BY id LIMIT 1`, at); err != nil || id == 0 {
				return err
			}
			n, err := v.number(`SELECT count(*) FROM segments WHERE segment = ?`, id>>blockShift)
			live = n > 0
			return err
		})
		if err != nil || id == 0 {
			return err
		}
		if !live {
			if err := s.dropBlocks(ctx, id>>blockShift); err != nil {
				return err
			}
		}
		at = (id>>blockShift + 1) << blockShift
	}
}

// transaction runs fn in one; s.mu is held.
func (s *SQLite) transaction(ctx context.Context, fn func(*writer)) error {
	w := s.newWriter(ctx)
	w.exec(`BEGIN IMMEDIATE`)
	if w.err != nil {
		return w.err
	}
	fn(w)
	w.check()
	w.exec(`COMMIT`)
	if w.err != nil {
		// The transaction must end whatever ctx says. If SQLite has ended it already, there is nothing to roll back.
		_, _ = s.write.ExecContext(w.quiet, `ROLLBACK`)
		s.known = newKnown() // may be ahead of the file
		return w.err
	}
	s.publish(w)
	s.known.shrink()
	s.segments += w.segments
	select {
	case s.committed <- struct{}{}:
	default: // the checkpointer has been told
	}
	return nil
}

// startWorkers begins to merge what is there, and to write back the log.
func (s *SQLite) startWorkers(ctx context.Context) error {
	var segments, blocks int64
	if err := s.write.QueryRowContext(ctx, `SELECT (SELECT coalesce(max(segment), 0) FROM segments), (SELECT coalesce(max(id), 0) FROM blocks), (SELECT count(*) FROM segments)`).Scan(&segments, &blocks, &s.segments); err != nil {
		return err
	}
	s.lastSegment = max(segments, blocks>>blockShift)
	ctx, s.stop = context.WithCancel(ctx)
	s.wake()
	go s.merger(ctx)
	go s.checkpointer(ctx)
	return nil
}

// wake tells the merger that there may be something to do.
func (s *SQLite) wake() {
	select {
	case s.written <- struct{}{}:
	default: // it has been told
	}
}
