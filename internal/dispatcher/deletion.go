package dispatcher

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// deletions is what delete events name (protocol 4.5): such binary events are dropped when they are published and passed over
// when they are in the log. Every instance keeps all of it in memory, as hashes, about a hundred bytes for each name.
//
// Whether an event is meant is seen from the hashes in the header of its record; before anything is done to it, it is decoded
// and compared by a second hash. Without deletions nothing is looked at.
type deletions struct {
	d *Dispatcher
	follower
	purges chan eventlog.Record // tombstones to append

	some atomic.Bool // whether there is a mark

	marksMu sync.RWMutex
	marks   map[uint64][]mark // by TrackHash of the name
	numbers map[string]uint32 // of delete events, by kafka_key
	last    uint32            // number that was given

	purgedMu sync.Mutex
	purged   map[eventlog.Position]bool // for which a tombstone is written or under way
}

// deletion is what a delete event names.
type deletion byte

const (
	deleteID         deletion = iota // an event by its key
	deleteLink                       // every path that has a link
	deleteAuthor                     // every path that has an author, of events made before a time
	deleteSubmission                 // a source with references, of one time or of all
)

// mark is one name in the set.
type mark struct {
	check uint64 // a hash of the name that has nothing to do with the one it is found by
	when  int64  // Unix microseconds: events of an author made before it; the time of a submission, 0 for all
	by    uint32 // number of the delete event
	kind  deletion
}

func checkHash(name string) uint64 {
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:])
}

// covers tells whether the mark is meant for an event with the mark's name.
func (m *mark) covers(made, submitted time.Time) bool {
	switch m.kind {
	case deleteAuthor:
		return made.UnixMicro() < m.when
	case deleteSubmission:
		return m.when == 0 || m.when == submitted.UnixMicro()
	}
	return true
}

// wholeKey tells whether every event with the same key is meant as well, now and for ever. Authors and links are not: a key
// does not name all of a path.
func (m *mark) wholeKey() bool {
	return m.kind == deleteID || m.kind == deleteSubmission && m.when == 0
}

func newDeletions(d *Dispatcher) *deletions {
	s := &deletions{d: d, purges: make(chan eventlog.Record, maxPurges), marks: map[uint64][]mark{}, numbers: map[string]uint32{},
		purged: map[eventlog.Position]bool{}}
	s.follower = follower{d: d, topic: d.names.system(string(event.ModelDelete)), apply: s.apply}
	return s
}

// apply takes in a delete event. A tombstone takes back what the event with its key named.
func (s *deletions) apply(r *eventlog.Record) {
	s.marksMu.Lock()
	defer s.marksMu.Unlock()
	defer func() { s.some.Store(len(s.marks) > 0) }()
	s.lift(string(r.Key))
	if len(r.Value) == 0 {
		return
	}
	ev, err := event.DecodeRecord(event.ModelDelete, r.Value)
	if err != nil {
		s.d.logger.Error("a delete event is not readable and has no effect", "at", r.Position, "err", err)
		return
	}
	del := ev.(*event.Delete)
	s.last++
	s.numbers[string(r.Key)] = s.last
	add := func(kind deletion, name string, when time.Time) {
		m := mark{check: checkHash(name), by: s.last, kind: kind}
		if !when.IsZero() {
			m.when = when.UnixMicro()
		}
		hash := event.TrackHash(name)
		s.marks[hash] = append(s.marks[hash], m)
	}
	switch e := &del.Entity; {
	case del.Action == "ids" && e.IDs != nil:
		for _, id := range e.IDs.IDs {
			add(deleteID, id, time.Time{})
		}
	case del.Action == "link" && e.Link != nil:
		add(deleteLink, e.Link.TrackLink, time.Time{})
	case del.Action == "author" && e.Author != nil && !e.Author.Timestamp.IsZero():
		add(deleteAuthor, e.Author.TrackAuthor, e.Author.Timestamp.Time)
	case del.Action == "submission" && e.Submission != nil:
		add(deleteSubmission, e.Submission.TrackSourceReferences, e.Submission.Timestamp.Time)
	default:
		s.d.logger.Warn("a delete event names nothing and has no effect", "at", r.Position, "action", del.Action)
	}
}

// lift removes what a delete event named. The caller holds s.marksMu.
func (s *deletions) lift(key string) {
	number, ok := s.numbers[key]
	if !ok {
		return
	}
	delete(s.numbers, key)
	for hash, list := range s.marks {
		list = slices.DeleteFunc(list, func(m mark) bool { return m.by == number })
		if len(list) == 0 {
			delete(s.marks, hash)
			continue
		}
		s.marks[hash] = list
	}
}

// suspect tells whether a record may be meant, by what its header says. key is TrackHash of its event's key.
func (s *deletions) suspect(key uint64, r *event.Routing) bool {
	if !s.some.Load() || r.Model != event.ModelBinary {
		return false
	}
	if len(r.Tracks) == 0 {
		return true // an older header, which does not say
	}
	s.marksMu.RLock()
	defer s.marksMu.RUnlock()
	if slices.ContainsFunc(s.marks[key], func(m mark) bool { return m.kind == deleteID }) {
		return true
	}
	for _, hash := range r.Tracks {
		for _, m := range s.marks[hash] {
			if m.kind != deleteID && m.covers(r.Made, r.Submitted) {
				return true
			}
		}
	}
	return false
}

// find returns the mark by which an event with key and tracking fields is deleted. It prefers one that is meant for all
// events with the key.
func (s *deletions) find(b *event.Binary) (found mark, ok bool) {
	if !s.some.Load() {
		return mark{}, false
	}
	s.marksMu.RLock()
	defer s.marksMu.RUnlock()
	look := func(kind deletion, name string) {
		for _, m := range s.marks[event.TrackHash(name)] {
			if m.kind == kind && (!ok || m.wholeKey()) && m.covers(b.Timestamp.Time, b.Source.Timestamp.Time) && m.check == checkHash(name) {
				found, ok = m, true
			}
		}
	}
	look(deleteID, b.KafkaKey)
	look(deleteSubmission, b.TrackSourceReferences)
	for _, name := range b.TrackAuthors {
		look(deleteAuthor, name)
	}
	for _, name := range b.TrackLinks {
		look(deleteLink, name)
	}
	return found, ok
}

// deleted tells whether the record of a binary event is one that deletions name, and has it removed from the log where that is
// safe.
func (s *deletions) deleted(r *eventlog.Record) bool {
	if !s.some.Load() || !s.d.names.holdsBinaries(r.Position.Topic) {
		return false
	}
	entry := readEntry(r, event.ModelBinary)
	if entry.bad || !s.suspect(event.TrackHash(eventKey(r)), &entry.routing) {
		return false
	}
	b, err := decodeTracked(r.Value)
	if err != nil {
		return false
	}
	b.KafkaKey = eventKey(r)
	m, ok := s.find(b)
	if ok && m.wholeKey() {
		s.purge(r)
	}
	return ok
}

// decodeTracked decodes a binary event of the log; what has no tracking fields is given them.
func decodeTracked(value []byte) (*event.Binary, error) {
	ev, err := event.DecodeRecord(event.ModelBinary, value)
	if err != nil {
		return nil, err
	}
	b := ev.(*event.Binary)
	if b.TrackSourceReferences == "" {
		event.Track(b)
	}
	return b, nil
}

// maxPurges bounds the tombstones that wait to be written. What does not find room is met again by the next consumer.
const maxPurges = 1024

// maxPurged bounds what an instance remembers of the tombstones that it wrote. Writing one twice does no harm.
const maxPurged = 10_000

// purge has a record removed by a tombstone, in a topic where tombstones remove: one that is compacted. Each instance does that
// once, however many consumers meet the record before it is gone.
func (s *deletions) purge(r *eventlog.Record) {
	source, _, ok := s.d.names.parseBinary(r.Position.Topic)
	if !ok || !slices.ContainsFunc(s.d.sources.topics(source), func(t eventlog.Topic) bool { return t.Name == r.Position.Topic && t.Compact }) {
		return
	}
	s.purgedMu.Lock()
	defer s.purgedMu.Unlock()
	if s.purged[r.Position] {
		return
	}
	select {
	case s.purges <- eventlog.Record{Topic: r.Position.Topic, Key: r.Key}:
		if len(s.purged) >= maxPurged {
			clear(s.purged)
		}
		s.purged[r.Position] = true
	default:
	}
}

// writePurges appends the tombstones until ctx ends. Several instances may write one for the same record, which does no harm.
func (s *deletions) writePurges(ctx context.Context) {
	for {
		var records []eventlog.Record
		select {
		case <-ctx.Done():
			return
		case r := <-s.purges:
			records = append(records, r)
		}
		for len(s.purges) > 0 && len(records) < 100 {
			records = append(records, <-s.purges) // there is no other reader
		}
		if _, err := s.d.log.Append(ctx, records); err != nil && ctx.Err() == nil {
			s.d.logger.Error("remove deleted events from the log; the next consumer that meets them tries again", "err", err)
			s.purgedMu.Lock()
			clear(s.purged)
			s.purgedMu.Unlock()
		}
	}
}
