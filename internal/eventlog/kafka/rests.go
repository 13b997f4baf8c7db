package kafka

import (
	"container/list"
	"sync"

	"lazuli/internal/eventlog"
)

// restBytes bounds what is kept for the next calls, in bytes of records.
const restBytes = 32 << 20

// rest is what was fetched from some offset on. What the log holds never changes, so it can wait.
type rest struct {
	records []eventlog.Record
	next    int64 // the offset behind them
}

// rests keeps what Read fetched and did not return, for the call that goes on from there. Everyone gets records of their own:
// what is taken is gone. Of what nobody asked for the oldest goes first. The zero value is ready.
type rests struct {
	mu    sync.Mutex
	byKey map[restKey]*list.Element
	order list.List // of *keptRest, oldest first
	bytes int
}

type restKey struct {
	id    topicID
	index int32
	from  int64
}

type keptRest struct {
	key   restKey
	rest  rest
	bytes int
}

// put keeps r, whose records begin at offset from or later.
func (s *rests) put(id topicID, index int32, from int64, r rest) {
	kept := &keptRest{key: restKey{id, index, from}, rest: r}
	for i := range r.records {
		kept.bytes += r.records[i].Size()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = make(map[restKey]*list.Element)
	}
	if old := s.byKey[kept.key]; old != nil {
		s.drop(old)
	}
	s.byKey[kept.key] = s.order.PushBack(kept)
	for s.bytes += kept.bytes; s.bytes > restBytes; {
		s.drop(s.order.Front())
	}
}

// take returns what was kept from an offset on.
func (s *rests) take(id topicID, index int32, from int64) (rest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byKey[restKey{id, index, from}]
	if e == nil {
		return rest{}, false
	}
	s.drop(e)
	return e.Value.(*keptRest).rest, true
}

func (s *rests) drop(e *list.Element) {
	kept := s.order.Remove(e).(*keptRest)
	delete(s.byKey, kept.key)
	s.bytes -= kept.bytes
}
