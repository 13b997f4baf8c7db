package eventlogtest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"lazuli/internal/eventlog"
)

func readLimits(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	s.append(numbered("t", 2500)...)
	for _, test := range []struct {
		limit eventlog.Limit
		most  int
	}{
		{eventlog.Limit{}, 1000},
		{eventlog.Limit{Records: 7}, 7},
		{eventlog.Limit{Records: 2000}, 2000},
		{eventlog.Limit{Bytes: 10}, 10}, // each has one byte or more
	} {
		next := int64(0)
		var got []string
		for len(got) < 2500 {
			page := s.read(only("t"), next, test.limit)
			if n := len(page.Records); n == 0 || n > test.most {
				t.Fatalf("limit %+v: page of %d records, want 1 to %d", test.limit, n, test.most)
			}
			got, next = append(got, values(page.Records)...), page.Next
		}
		for i, v := range got {
			if v != fmt.Sprint(i) {
				t.Fatalf("limit %+v: record %d has value %s", test.limit, i, v)
			}
		}
	}
	r := eventlog.Record{Topic: "t", Key: []byte("1234"), Header: []byte("1234"), Value: []byte("12")}
	from := s.append(r, r, r)[0].Offset
	p := eventlog.Partition{Topic: "t"}
	if n := len(s.read(p, from, eventlog.Limit{Bytes: 20}).Records); n != 2 {
		t.Errorf("a limit of 20 bytes gave %d records of 10, want 2", n)
	}
	if n := len(s.read(p, from, eventlog.Limit{Bytes: 19}).Records); n != 1 {
		t.Errorf("a limit of 19 bytes gave %d records of 10, want 1", n)
	}
}

func readLargerThanLimit(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	large := strings.Repeat("x", 3<<20)
	at := s.append(record("t", "", large), record("t", "", large), record("t", "", "small"))
	for i, p := range at {
		page := s.read(only("t"), p.Offset, eventlog.Limit{Bytes: 1})
		if len(page.Records) != 1 || page.Records[0].Position != p {
			t.Errorf("page %d has %d records, want just the one at %v", i, len(page.Records), p)
		}
	}
	if n := len(s.read(only("t"), at[0].Offset, eventlog.Limit{}).Records); n != 1 {
		t.Errorf("the default limit gave %d records of 3 MiB, want 1", n)
	}
}

func readAtBothEnds(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	if page := s.read(only("t"), 0, eventlog.Limit{}); len(page.Records) != 0 || page.Next != 0 {
		t.Errorf("an empty partition gave %+v", page)
	}
	s.append(numbered("t", 3)...)
	end := s.bounds(only("t")).End
	if page := s.read(only("t"), end, eventlog.Limit{}); len(page.Records) != 0 || page.Next != end {
		t.Errorf("reading at the end %d gave %+v", end, page)
	}
	for _, past := range []int64{end + 10, math.MaxInt64} {
		page, err := s.log.Read(s.ctx, only("t"), past, eventlog.Limit{})
		if err != nil || len(page.Records) != 0 || page.Next != past {
			t.Errorf("reading at %d, past the end, gave %+v, %v", past, page, err)
		}
	}
	for _, before := range []int64{0, -1, math.MinInt64} {
		if page := s.read(only("t"), before, eventlog.Limit{}); len(page.Records) != 3 {
			t.Errorf("reading at %d gave %d records, want 3", before, len(page.Records))
		}
	}
}

// readEveryOffset begins at every offset of a topic that may have gaps.
func readEveryOffset(t *testing.T, s *suite) {
	s.ensure(compacted("c"))
	for i := range 40 {
		s.append(record("c", fmt.Sprint(i*i%11), fmt.Sprint(i)))
	}
	kept := s.all(only("c"))
	for offset := range s.bounds(only("c")).End {
		i := slices.IndexFunc(kept, func(r eventlog.Record) bool { return r.Position.Offset >= offset })
		page := s.read(only("c"), offset, eventlog.Limit{Records: 1})
		switch {
		case i < 0 && len(page.Records) > 0:
			t.Errorf("reading from %d gave offset %d, behind the last", offset, page.Records[0].Position.Offset)
		case i >= 0 && (len(page.Records) != 1 || page.Records[0].Position != kept[i].Position):
			t.Errorf("reading from %d gave %v, want offset %d", offset, page.Records, kept[i].Position.Offset)
		}
	}
}

func cancelled(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	s.append(record("t", "", "x"))
	ctx, cancel := context.WithCancel(s.ctx)
	changed := s.log.Watch(ctx)
	cancel()
	_, err := s.log.Append(ctx, numbered("t", 1))
	s.wantError("append", err, context.Canceled)
	_, err = s.log.Read(ctx, only("t"), 0, eventlog.Limit{})
	s.wantError("read", err, context.Canceled)
	_, err = s.log.Topics(ctx)
	s.wantError("topics", err, context.Canceled)
	s.wantError("ensure", s.log.EnsureTopics(ctx, []eventlog.Topic{plain("u")}), context.Canceled)
	s.wantError("commit", s.log.Commit(ctx, "g", map[eventlog.Partition]int64{only("t"): 1}), context.Canceled)
	if n := len(s.all(only("t"))); n != 1 {
		t.Errorf("%d records after a cancelled append, want 1", n)
	}
	_ = changed // of a watcher that left: the log must go on without it
	s.append(numbered("t", 3)...)
}

func closed(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	one := map[eventlog.Partition]int64{only("t"): 1}
	l := s.log
	if err := l.Close(); err != nil { // the runner closes it once more
		t.Fatal(err)
	}
	_, err := l.Append(s.ctx, numbered("t", 1))
	s.wantError("append", err, eventlog.ErrClosed)
	_, err = l.Append(s.ctx, nil)
	s.wantError("append of nothing", err, eventlog.ErrClosed)
	_, err = l.Read(s.ctx, only("t"), 0, eventlog.Limit{})
	s.wantError("read", err, eventlog.ErrClosed)
	_, err = l.Topics(s.ctx)
	s.wantError("topics", err, eventlog.ErrClosed)
	_, err = l.Bounds(s.ctx, only("t"))
	s.wantError("bounds", err, eventlog.ErrClosed)
	_, err = l.Committed(s.ctx, "g")
	s.wantError("committed", err, eventlog.ErrClosed)
	_, err = l.Groups(s.ctx)
	s.wantError("groups", err, eventlog.ErrClosed)
	s.wantError("commit", l.Commit(s.ctx, "g", one), eventlog.ErrClosed)
	s.wantError("delete group", l.DeleteGroup(s.ctx, "g"), eventlog.ErrClosed)
	s.wantError("ensure the same", l.EnsureTopics(s.ctx, []eventlog.Topic{plain("t")}), eventlog.ErrClosed)
	s.wantError("ensure another", l.EnsureTopics(s.ctx, []eventlog.Topic{plain("u")}), eventlog.ErrClosed)
}

func reopenKeepsEverything(t *testing.T, s *suite) {
	s.ensure(plain("t"), compacted("c"))
	var want []string
	for round := range 3 {
		records := append(numbered("t", 50), record("c", "k", fmt.Sprint(round)))
		positions := s.append(records...)
		want = append(want, values(records[:50])...)
		before := s.bounds(only("t"))
		s.reopen()
		if after := s.bounds(only("t")); after.Start != before.Start || after.End < before.End {
			t.Errorf("bounds are %v after reopening, and were %v", after, before)
		}
		if got := values(s.all(only("t"))); !slices.Equal(got, want) {
			t.Fatalf("round %d: %d records after reopening, want %d", round, len(got), len(want))
		}
		if got := newest(s.all(only("c"))); got["k"] != fmt.Sprint(round) {
			t.Errorf("round %d: the compacted topic holds %v", round, got)
		}
		if at := s.append(record("c", "other", "x"))[0]; at.Offset <= positions[50].Offset {
			t.Errorf("round %d: offset %d was given again, after %d", round, at.Offset, positions[50].Offset)
		}
	}
}

// concurrent appends from many goroutines to shared partitions while readers follow. Every reader must see, of every
// writer, a prefix of what it wrote without gaps, and in the end all of it.
func concurrent(t *testing.T, s *suite) {
	const writers, each, partitions, readersEach = 8, 40, 2, 2
	s.ensure(eventlog.Topic{Name: "t", Partitions: partitions})
	var work sync.WaitGroup
	fail := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for w := range writers {
		work.Go(func() { fail(s.write(w, each)) })
	}
	written := make(map[int32]int)
	for w := range writers {
		written[eventlog.PartitionFor(writerKey(w), partitions)] += each
	}
	for i := range partitions * readersEach {
		p := eventlog.Partition{Topic: "t", Index: int32(i % partitions)}
		work.Go(func() { fail(s.follow(p, written[p.Index])) })
	}
	work.Wait()
}

func writerKey(w int) []byte { return fmt.Appendf(nil, "writer %d", w) }

// write appends n records of one writer, in calls of one, two and three records by turns.
func (s *suite) write(w, n int) error {
	for i := 0; i < n; {
		var records []eventlog.Record
		for range min(i%3+1, n-i) {
			records = append(records, eventlog.Record{Topic: "t", Key: writerKey(w), Value: fmt.Append(nil, i)})
			i++
		}
		if _, err := s.log.Append(s.ctx, records); err != nil {
			return fmt.Errorf("writer %d: %w", w, err)
		}
	}
	return nil
}

// follow reads a partition until it has seen n records.
func (s *suite) follow(p eventlog.Partition, n int) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	changed := s.log.Watch(ctx)
	next := make(map[string]int) // of each writer
	for offset, seen := int64(0), 0; seen < n; {
		page, err := s.log.Read(ctx, p, offset, eventlog.Limit{Records: 5})
		if err != nil {
			return fmt.Errorf("reader of %s: %w", p, err)
		}
		for _, r := range page.Records {
			writer := string(r.Key)
			if want := fmt.Sprint(next[writer]); string(r.Value) != want {
				return fmt.Errorf("reader of %s: offset %d is record %s of %s, want %s", p, r.Position.Offset, r.Value, writer, want)
			}
			next[writer]++
		}
		offset, seen = page.Next, seen+len(page.Records)
		if len(page.Records) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("reader of %s saw %d of %d records: %w", p, seen, n, ctx.Err())
		}
	}
	return nil
}
