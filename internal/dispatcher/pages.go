package dispatcher

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// pages keeps the routing records of the log in memory, in pages of pageOffsets offsets, so that however many consumers
// look at an event, it is read and parsed once. The pages at the head are the ones everybody uses; a consumer far behind
// brings in its own stretch, which those near it share. What was used least is dropped first.
type pages struct {
	log    eventlog.Log
	logger *slog.Logger
	budget int // bytes

	hits, misses atomic.Int64 // looks at pages, without and with reading the log

	mu   sync.Mutex
	byID map[pageID]*page
	used list.List // of *page, most recently used first
	size int
}

const pageOffsets = 256

type pageID struct {
	partition eventlog.Partition
	number    int64 // first offset / pageOffsets
}

// page holds the entries of one aligned stretch that are known so far. Entries are never changed once they are in.
type page struct {
	id   pageID
	elem *list.Element

	mu      sync.Mutex
	entries []entry
	next    int64 // where to read on
	bytes   int
}

// entry is one record as filters see it. bad tells that it cannot be handed out: a tombstone, or not an event.
type entry struct {
	offset  int64
	time    time.Time
	bad     bool
	key     uint64 // event.TrackHash of the event's key
	routing event.Routing
}

func newPages(log eventlog.Log, logger *slog.Logger, budget int) *pages {
	return &pages{log: log, logger: logger, budget: budget, byID: map[pageID]*page{}}
}

// from returns the entries of the page that holds offset, from offset on, and the offset to go on at. No entries and a
// next beyond offset mean a gap; next equal to offset means that the log has nothing there yet. model is the partition's.
func (p *pages) from(ctx context.Context, part eventlog.Partition, model event.Model, offset, end int64) ([]entry, int64, error) {
	pg := p.page(pageID{part, offset / pageOffsets})
	pg.mu.Lock()
	defer pg.mu.Unlock()
	last := (pg.id.number + 1) * pageOffsets
	if stop := min(last, end); pg.next >= stop {
		p.hits.Add(1)
	} else {
		p.misses.Add(1)
		if err := p.fill(ctx, pg, model, stop); err != nil {
			return nil, offset, err
		}
	}
	lo, hi := 0, len(pg.entries)
	for lo < hi { // first entry at or after offset
		if m := (lo + hi) / 2; pg.entries[m].offset < offset {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return pg.entries[lo:len(pg.entries):len(pg.entries)], max(offset, min(pg.next, last)), nil
}

// page finds or makes a page and marks it as used.
func (p *pages) page(id pageID) *page {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pg := p.byID[id]; pg != nil {
		p.used.MoveToFront(pg.elem)
		return pg
	}
	pg := &page{id: id, next: id.number * pageOffsets}
	pg.elem = p.used.PushFront(pg)
	p.byID[id] = pg
	for p.size > p.budget && p.used.Len() > 1 {
		old := p.used.Back().Value.(*page)
		p.used.Remove(old.elem)
		delete(p.byID, old.id)
		p.size -= old.bytes
	}
	return pg
}

// fill reads the page up to stop. The caller holds pg.mu.
func (p *pages) fill(ctx context.Context, pg *page, model event.Model, stop int64) error {
	grown := 0
	defer func() {
		p.mu.Lock()
		if p.byID[pg.id] == pg {
			pg.bytes += grown
			p.size += grown
		}
		p.mu.Unlock()
	}()
	for pg.next < stop {
		batch, err := p.log.Read(ctx, pg.id.partition, pg.next, eventlog.Limit{Records: int(stop - pg.next), Bytes: 8 << 20})
		var corrupt *eventlog.CorruptError
		if errors.As(err, &corrupt) {
			p.logger.Error("skip what cannot be read", "err", err)
			pg.next = max(corrupt.To, pg.next+1)
			continue
		}
		if err != nil {
			return err
		}
		for i := range batch.Records {
			r := &batch.Records[i]
			if r.Position.Offset >= stop { // a page with gaps reaches further than was asked for
				batch.Next = stop
				break
			}
			e := readEntry(r, model)
			pg.entries = append(pg.entries, e)
			grown += entryBytes(&e)
		}
		if batch.Next <= pg.next {
			pg.next = stop // nothing is kept between here and stop
			break
		}
		pg.next = batch.Next
	}
	return nil
}

// readEntry takes the routing from the record's header, or decodes the event of a record that has none.
func readEntry(r *eventlog.Record, model event.Model) entry {
	e := entry{offset: r.Position.Offset, time: r.Time, key: event.TrackHash(eventKey(r))}
	if len(r.Value) == 0 {
		e.bad = true
		return e
	}
	routing, err := event.ParseRouting(r.Header)
	if err != nil {
		ev, err := event.DecodeRecord(model, r.Value)
		if err != nil {
			e.bad = true // ingest follows the same records and keeps a dead letter of it
			return e
		}
		routing = event.Route(ev)
	}
	e.routing = routing
	return e
}

// entryBytes estimates the memory of an entry.
func entryBytes(e *entry) int {
	r := &e.routing
	return 400 + len(r.SHA256) + len(r.Author) + len(r.Version) + len(r.Source) + len(r.Security) + len(r.Dequeued) +
		len(r.Input) + len(r.Run) + 64*len(r.Streams) + 8*len(r.Tracks)
}
