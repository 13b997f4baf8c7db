package kafka

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"lazuli/internal/eventlog"
)

// TestCache: whatever was put and dropped, a page holds exactly the records of the partition from the offset that was asked
// for up to where it says to go on, within its limits.
func TestCache(t *testing.T) {
	const end = 500
	p := place{topicID{1}, 3}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	exists := make(map[int64]bool) // the others are gaps
	for offset := range int64(end) {
		exists[offset] = rng.IntN(3) > 0
	}
	var c cache
	hits := 0
	for range 20_000 {
		from := rng.Int64N(end)
		switch rng.IntN(20) {
		case 0:
			c.forget(p)
		case 1, 2, 3:
			b := &block{place: p, from: from, next: min(end, from+rng.Int64N(40))}
			for offset := b.from; offset < b.next; offset++ {
				if exists[offset] {
					b.records = append(b.records, eventlog.Record{Value: fmt.Append(nil, offset), Position: eventlog.Position{Offset: offset}})
				}
			}
			c.put(b)
		default:
			limit := eventlog.Limit{Records: 1 + rng.IntN(50), Bytes: 1 + rng.IntN(100)}
			page, ok := c.page(p, from, limit)
			if !ok {
				continue
			}
			hits++
			bytes, i := 0, 0
			for offset := from; offset < page.Next; offset++ {
				if !exists[offset] {
					continue
				}
				if i == len(page.Records) || string(page.Records[i].Value) != fmt.Sprint(offset) {
					t.Fatalf("page from %d to %d lacks record %d: %v", from, page.Next, offset, page.Records)
				}
				bytes += page.Records[i].Size()
				i++
			}
			if i != len(page.Records) || i > limit.Records || i > 1 && bytes > limit.Bytes || page.Next <= from {
				t.Fatalf("page from %d to %d has %d records of %d bytes, %d of them below its end; the limit is %+v", from, page.Next, len(page.Records), bytes, i, limit)
			}
		}
	}
	if hits < 1000 {
		t.Errorf("only %d pages came out of the cache", hits)
	}
}

// TestCacheIsBounded: what was not used for longest goes first.
func TestCacheIsBounded(t *testing.T) {
	var c cache
	p := place{topicID{1}, 0}
	limit := eventlog.Limit{}.WithDefaults()
	const each = cacheBytes / 10
	for i := range int64(100) {
		c.put(&block{place: p, from: i, next: i + 1, records: []eventlog.Record{{Value: make([]byte, each), Position: eventlog.Position{Offset: i}}}})
		if _, ok := c.page(p, 0, limit); !ok {
			t.Fatalf("the first block went although it is used all the time, after %d more", i)
		}
	}
	if c.bytes > cacheBytes || len(c.places[p]) > 10 || c.used.Len() != len(c.places[p]) {
		t.Errorf("%d blocks of %d bytes are kept", len(c.places[p]), c.bytes)
	}
	if _, ok := c.page(p, 50, limit); ok {
		t.Error("a block that nobody used is still there")
	}
	c.put(&block{place: p, from: 1000, next: 1001, records: []eventlog.Record{{Value: make([]byte, cacheBytes), Position: eventlog.Position{Offset: 1000}}}})
	if len(c.places[p]) < 5 {
		t.Error("one huge block drove all others out")
	}
}
