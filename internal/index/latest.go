package index

import (
	"maps"
	"slices"
)

// latest is what a batch left: what every search needs of the file, so that those after the next batch read what has changed and no more. Nobody changes it.
type latest struct {
	rev     int64             // of the batch
	chunks  map[int64][]int64 // by column: the batch that wrote each chunk last, 0 for none
	current bitset            // documents that are not superseded
}

// chunksSQL lists the chunks of all columns without reading them.
const chunksSQL = `SELECT id, rev FROM columns INDEXED BY columns_rev ORDER BY id`

// latest returns that of a view.
func (v view) latest() (*latest, error) {
	if v.once.latest != nil {
		return v.once.latest, nil
	}
	rev, err := v.number(revSQL)
	if err != nil {
		return nil, err
	}
	l := v.s.latest.Load()
	if l == nil || l.rev != rev {
		if l, err = v.readLatest(rev); err != nil {
			return nil, err
		}
		if known := v.s.latest.Load(); known == nil || known.rev < rev {
			v.s.latest.CompareAndSwap(known, l)
		}
	}
	v.once.latest = l
	return l, nil
}

const revSQL = `SELECT n FROM counters WHERE name = 'rev'`

func (v view) readLatest(rev int64) (*latest, error) {
	l := &latest{rev: rev, chunks: map[int64][]int64{}}
	err := v.rows(chunksSQL, nil, func(scan scanner) error {
		var id, rev int64
		err := scan(&id, &rev)
		if id&(1<<32-1) >= firstStatus>>chunkBits {
			return errColumn
		}
		l.setChunk(id, rev)
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, v.maskPieces(maskCurrent, func(at uint32, data []byte) error {
		var p piece
		err := p.decode(data)
		if at >= firstStatus>>pieceBits {
			return errPiece
		}
		l.setCurrent(at, &p)
		return err
	})
}

func (l *latest) setChunk(id, rev int64) {
	column, at := id>>32, int(id&(1<<32-1))
	list := l.chunks[column]
	for len(list) <= at {
		list = append(list, 0)
	}
	list[at] = rev
	l.chunks[column] = list
}

func (l *latest) setCurrent(at uint32, p *piece) {
	begin := int(at) * pieceWords
	if more := begin + pieceWords - len(l.current); more > 0 {
		l.current = append(l.current, make(bitset, more)...)
	}
	copy(l.current[begin:], p[:])
}

// chunk is the one of a column as it is in the file; the zero chunkID if there is none.
func (l *latest) chunk(id int64) chunkID {
	list, at := l.chunks[id>>32], int(id&(1<<32-1))
	if at >= len(list) || list[at] == 0 {
		return chunkID{}
	}
	return chunkID{id, list[at]}
}

// publish tells readers what a batch has changed, after it is in the file. s.mu is held. When it is not known what was there before, the next reader reads it.
func (s *SQLite) publish(w *writer) {
	old := s.latest.Load()
	if old == nil || old.rev != w.rev-1 {
		return
	}
	l := &latest{rev: w.rev, chunks: maps.Clone(old.chunks), current: old.current.clone()}
	cloned := map[int64]bool{}
	for id, c := range w.columns {
		if column := id >> 32; !cloned[column] {
			cloned[column] = true
			l.chunks[column] = slices.Clone(l.chunks[column])
		}
		s.chunks.drop(old.chunk(id))
		if c.empty() {
			l.setChunk(id, 0)
			continue
		}
		l.setChunk(id, w.rev)
		s.chunks.put(l.chunk(id), c.forReaders(), 1)
	}
	for id, p := range w.masks {
		if id>>pieceShift == maskCurrent {
			l.setCurrent(uint32(id&(1<<pieceShift-1)), p)
		}
	}
	s.latest.CompareAndSwap(old, l)
}
