package eventlog

import (
	"github.com/cockroachdb/pebble/v2"
)

// stage is a batch under way. Its methods keep the first error, which fails the whole batch.
type stage struct {
	batch     *pebble.Batch
	db        *pebble.DB
	before    *pebble.Iterator           // of the 'k' entries before the batch; made when it is needed
	touched   map[*partition]partitionID // whose bounds change
	latest    map[string]place           // what the batch's 'k' entries say, by their key
	published func()                     // of an op alone: called when the batch is on disk
	moved     bool                       // an end moves or a topic is made
	err       error
}

type partitionID struct {
	topic uint32
	index int32
}

func newStage(db *pebble.DB) *stage {
	return &stage{batch: db.NewBatch(), db: db, touched: make(map[*partition]partitionID), latest: make(map[string]place)}
}

// close frees the batch.
func (s *stage) close() {
	if s.before != nil {
		_ = s.before.Close() // it repeats an error that stored has returned
	}
	_ = s.batch.Close() // it never fails
}

// stored reads a 'k' entry as it is without the batch; nil if there is none. Most keys are new. Pebble's Get does without
// the Bloom filters of the lowest level, where nearly all entries are, and so would read a block to find nothing: with
// them, appends to a compacted topic are several times as fast.
func (s *stage) stored(key []byte) (*place, error) {
	if s.before == nil {
		it, err := s.db.NewIter(&pebble.IterOptions{
			LowerBound: []byte{prefixLatest}, UpperBound: []byte{prefixLatest + 1}, UseL6Filters: true,
		})
		if err != nil {
			return nil, describe(err)
		}
		s.before = it
	}
	if !s.before.SeekPrefixGE(key) {
		if err := s.before.Error(); err != nil {
			return nil, describe(err)
		}
		return nil, nil
	}
	value, err := s.before.ValueAndErr()
	if err != nil {
		return nil, describe(err)
	}
	at, err := decodePlace(value)
	if err != nil {
		return nil, err
	}
	return &at, nil
}

func (s *stage) touches(p *partition) bool {
	_, ok := s.touched[p]
	return ok
}

// touch has the bounds of p written with the batch.
func (s *stage) touch(p *partition, topic uint32, index int32) {
	s.touched[p] = partitionID{topic, index}
}

// setBounds writes the bounds of all partitions that were touched.
func (s *stage) setBounds() {
	for p, id := range s.touched {
		s.set(boundsKey(id.topic, id.index), p.stored().encode())
	}
}

func (s *stage) set(key, value []byte) { s.note(s.batch.Set(key, value, nil)) }

func (s *stage) delete(key []byte) { s.note(s.batch.Delete(key, nil)) }

func (s *stage) deleteRange(from, to []byte) { s.note(s.batch.DeleteRange(from, to, nil)) }

// setRecord writes a record's value straight into the batch: most of what the log writes passes here.
func (s *stage) setRecord(key []byte, r *Record, micros int64) {
	slot := s.batch.SetDeferred(len(key), recordBytes(r, micros))
	copy(slot.Key, key)
	appendRecord(slot.Value[:0], r, micros)
	s.note(slot.Finish())
}

func (s *stage) note(err error) {
	if s.err == nil {
		s.err = err
	}
}
