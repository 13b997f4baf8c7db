package kafka

import (
	"cmp"
	"container/list"
	"slices"
	"sync"

	"lazuli/internal/eventlog"
)

const (
	// cacheBytes bounds what is kept of what was fetched, in bytes of records.
	cacheBytes = 64 << 20
	// blockCost is what a block counts beyond its records.
	blockCost = 512
)

// block is what was fetched once: every record that a partition has from one offset up to another.
type block struct {
	place      place
	from, next int64 // the first offset that it tells of, and the one behind the last
	records    []eventlog.Record
	bytes      int
	used       *list.Element
}

// place is a partition of a topic that is not made again under its name.
type place struct {
	id    topicID
	index int32
}

// cache keeps what was fetched, for the log is read several times over: one reader after the other comes by, and the records of
// one batch are asked for one by one when their jobs are handed out. What Kafka keeps at an offset never changes; it
// may go, and is then seen here a while longer. What was not used for longest goes first. The zero value is ready.
type cache struct {
	mu     sync.Mutex
	places map[place][]*block // of each, by from; they do not overlap
	used   list.List          // of *block, least recently used first
	bytes  int
	under  map[flight]chan struct{} // what is being fetched
}

// flight names a fetch.
type flight struct {
	place place
	from  int64
}

// board says who fetches from an offset on: the caller, who then calls land; or somebody else, on whom the returned channel waits.
func (c *cache) board(p place, from int64) (wait <-chan struct{}, land func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := flight{p, from}
	if others := c.under[key]; others != nil {
		return others, nil
	}
	if c.under == nil {
		c.under = make(map[flight]chan struct{})
	}
	done := make(chan struct{})
	c.under[key] = done
	return nil, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.under, key)
		close(done)
	}
}

// put keeps a block. Blocks that it overlaps go: it is newer.
func (c *cache) put(b *block) {
	b.bytes = blockCost
	for i := range b.records {
		b.bytes += b.records[i].Size()
	}
	if b.next <= b.from || b.bytes > cacheBytes/2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places == nil {
		c.places = make(map[place][]*block)
	}
	for _, old := range slices.Clone(c.places[b.place]) {
		if old.from < b.next && b.from < old.next {
			c.drop(old)
		}
	}
	blocks := c.places[b.place]
	i, _ := find(blocks, b.from)
	c.places[b.place] = slices.Insert(blocks, i, b)
	b.used = c.used.PushBack(b)
	for c.bytes += b.bytes; c.bytes > cacheBytes; {
		c.drop(c.used.Front().Value.(*block))
	}
}

// find returns where the first block ends behind an offset, and whether that block tells of the offset.
func find(blocks []*block, offset int64) (int, bool) {
	i, _ := slices.BinarySearchFunc(blocks, offset, func(b *block, offset int64) int {
		if b.next <= offset {
			return -1
		}
		return 1 // never equal: the first that is not before
	})
	return i, i < len(blocks) && blocks[i].from <= offset
}

func (c *cache) drop(b *block) {
	c.used.Remove(b.used)
	c.bytes -= b.bytes
	blocks := c.places[b.place]
	i := slices.Index(blocks, b)
	if blocks = slices.Delete(blocks, i, i+1); len(blocks) > 0 {
		c.places[b.place] = blocks
		return
	}
	delete(c.places, b.place)
}

// forget drops what is kept of a partition.
func (c *cache) forget(p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range slices.Clone(c.places[p]) {
		c.drop(b)
	}
}

// page returns what is kept from an offset on, in records of the caller's own; false if the offset is not in the cache. It may
// be an empty page that only says where to go on.
func (c *cache) page(p place, from int64, limit eventlog.Limit) (eventlog.Page, bool) {
	page := eventlog.Page{Next: from}
	for left := limit.Bytes; ; {
		b := c.look(p, page.Next)
		if b == nil {
			return page, page.Next > from
		}
		if b.fill(&page, &left, limit.Records) {
			return page, true
		}
	}
}

// look returns the block that tells of an offset, or nil. Nobody changes it.
func (c *cache) look(p place, offset int64) *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := find(c.places[p], offset)
	if !ok {
		return nil
	}
	b := c.places[p][i]
	c.used.MoveToBack(b.used)
	return b
}

// fill adds to a page what the block has from page.Next on, until the page has so many records or no bytes are left. It tells
// whether the page is full.
func (b *block) fill(page *eventlog.Page, left *int, most int) bool {
	first, _ := slices.BinarySearchFunc(b.records, page.Next, func(r eventlog.Record, offset int64) int { return cmp.Compare(r.Position.Offset, offset) })
	last, full, size := first, false, 0
	for ; last < len(b.records); last++ {
		bytes := b.records[last].Size()
		if n := len(page.Records) + last - first; n == most || n > 0 && bytes > *left {
			full = true
			break
		}
		*left -= bytes
		size += bytes
	}
	space := make([]byte, 0, size)
	page.Records = slices.Grow(page.Records, last-first)
	for _, r := range b.records[first:last] {
		page.Next = r.Position.Offset + 1
		page.Records = append(page.Records, own(r, &space))
	}
	if !full {
		page.Next = max(page.Next, b.next)
	}
	return full
}

// own moves the bytes of a record into space, which has room for them.
func own(r eventlog.Record, space *[]byte) eventlog.Record {
	for _, b := range []*[]byte{&r.Key, &r.Header, &r.Value} {
		if *b != nil {
			at := len(*space)
			*space = append(*space, *b...)
			*b = (*space)[at:len(*space):len(*space)]
		}
	}
	return r
}
