package eventlogtest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"lazuli/internal/eventlog"
)

func appendGivesPositions(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	last := int64(-1)
	for round := range 3 {
		for i, at := range s.append(numbered("t", 5)...) {
			if at.Partition != only("t") || at.Offset <= last {
				t.Fatalf("round %d: record %d is at %v after offset %d", round, i, at, last)
			}
			last = at.Offset
			page := s.read(only("t"), at.Offset, eventlog.Limit{Records: 1})
			if len(page.Records) != 1 || page.Records[0].Position != at || string(page.Records[0].Value) != fmt.Sprint(i) {
				t.Fatalf("round %d: at %v is %v, want value %d", round, at, page.Records, i)
			}
		}
	}
	if end := s.bounds(only("t")).End; end <= last {
		t.Errorf("the end is %d and the last record is at %d", end, last)
	}
}

func appendAcrossTopics(t *testing.T, s *suite) {
	s.ensure(plain("a"), compacted("b"), eventlog.Topic{Name: "c", Partitions: 3})
	var records []eventlog.Record
	for i := range 12 {
		records = append(records, record([]string{"a", "b", "c"}[i%3], fmt.Sprint("key", i), fmt.Sprint(i)))
	}
	for i, at := range s.append(records...) {
		page := s.read(at.Partition, at.Offset, eventlog.Limit{Records: 1})
		if len(page.Records) != 1 || !sameContent(page.Records[0], records[i]) {
			t.Errorf("at %v is %v, want %v", at, page.Records, records[i])
		}
	}
}

func appendNothing(t *testing.T, s *suite) {
	if positions, err := s.log.Append(s.ctx, nil); err != nil || len(positions) != 0 {
		t.Errorf("append of nothing gave %v, %v", positions, err)
	}
}

func appendAllOrNothing(t *testing.T, s *suite) {
	s.ensure(plain("t"), compacted("c"))
	s.append(record("c", "k", "kept"))
	huge := make([]byte, eventlog.MaxRecordBytes+1)
	_, err := s.log.Append(s.ctx, []eventlog.Record{record("t", "", "x"), record("c", "k", "lost"), {Topic: "t", Value: huge}})
	s.wantError("append", err, eventlog.ErrTooLarge)
	if got := values(s.all(only("t"))); len(got) != 0 {
		t.Errorf("a refused append left %q", got)
	}
	if got := newest(s.all(only("c"))); !maps.Equal(got, map[string]string{"k": "kept"}) {
		t.Errorf("a refused append left %v in the compacted topic", got)
	}
}

func appendRefusesKeyless(t *testing.T, s *suite) {
	s.ensure(compacted("c"))
	_, err := s.log.Append(s.ctx, []eventlog.Record{record("c", "k", "x"), record("c", "", "x")})
	s.wantError("append", err, eventlog.ErrInvalid)
	if got := s.all(only("c")); len(got) != 0 {
		t.Errorf("a refused append left %v", got)
	}
}

// slicesAreTheCallers changes what went in and what came out; the log must not notice.
func slicesAreTheCallers(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	r := record("t", "key", "value")
	r.Header = []byte("header")
	want := eventlog.Record{Key: []byte("key"), Header: []byte("header"), Value: []byte("value")}
	s.append(r)
	for range 2 {
		for _, b := range [][]byte{r.Key, r.Header, r.Value} {
			for i := range b {
				b[i] = 'X'
			}
		}
		r = s.all(only("t"))[0]
		if !sameContent(r, want) {
			t.Fatalf("record is %v, want %v", r, want)
		}
		_ = append(r.Key, "Y"...) // must not run into the header
		if !sameContent(r, want) {
			t.Fatalf("appending to the key changed the record to %v", r)
		}
	}
}

func partitionByKey(t *testing.T, s *suite) {
	const n = 5
	s.ensure(eventlog.Topic{Name: "t", Partitions: n})
	used := make(map[int32]bool)
	for i := range 40 {
		key := fmt.Sprint("key", i)
		at := s.append(record("t", key, key))[0]
		if want := eventlog.PartitionFor([]byte(key), n); at.Index != want {
			t.Errorf("key %s went to partition %d, want %d", key, at.Index, want)
		}
		used[at.Index] = true
	}
	if len(used) != n {
		t.Errorf("40 keys used the partitions %v of %d", used, n)
	}
	for i := range 10 {
		r := record("t", fmt.Sprint("key", i), "x")
		r.PartitionKey = []byte("together")
		if at, want := s.append(r)[0], eventlog.PartitionFor([]byte("together"), n); at.Index != want {
			t.Errorf("a record with a partition key went to partition %d, want %d", at.Index, want)
		}
	}
	if at := s.append(record("t", "", "x"))[0]; at.Index != 0 {
		t.Errorf("a record without key went to partition %d, want 0", at.Index)
	}
}

func recordsComeBackWhole(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	records := []eventlog.Record{
		{Topic: "t", Key: []byte("k"), Header: []byte("h"), Value: []byte("v")},
		{Topic: "t", Value: []byte("only a value")},
		{Topic: "t", Header: []byte("only a header"), Value: []byte{}},
		{Topic: "t", Key: []byte{}, Header: []byte{}, Value: []byte{}},
		{Topic: "t", Key: []byte("tombstone")},
		{Topic: "t", Key: []byte{0, 0xff, 0}, Header: bytes.Repeat([]byte{0}, 300), Value: []byte{0}},
		{Topic: "t", Key: bytes.Repeat([]byte("long key "), 1000), Value: []byte("v")},
	}
	s.append(records...)
	got := s.all(only("t"))
	if len(got) != len(records) {
		t.Fatalf("%d records came back, want %d", len(got), len(records))
	}
	for i := range records {
		if !sameContent(got[i], records[i]) {
			t.Errorf("record %d came back as %v, want %v", i, got[i], records[i])
		}
		if len(got[i].Key) == 0 && got[i].Key != nil || len(got[i].Header) == 0 && got[i].Header != nil {
			t.Errorf("record %d: an empty key or header came back, want nil", i)
		}
	}
}

func times(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	from := time.Now().Add(-time.Second)
	for range 3 {
		s.append(eventlog.Record{Topic: "t", Value: []byte("x"), Time: time.Unix(1, 0), Position: eventlog.Position{Offset: 77}})
	}
	last := from
	for _, r := range s.all(only("t")) {
		if r.Time.Before(last) || r.Time.After(time.Now().Add(time.Second)) {
			t.Errorf("record %v has time %v, want it between %v and now", r.Position, r.Time, last)
		}
		last = r.Time
	}
}

func hugeRecord(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	value := make([]byte, eventlog.MaxRecordBytes-8)
	for i := range value {
		value[i] = byte(i * i >> 7)
	}
	huge := eventlog.Record{Topic: "t", Key: []byte("keys"), Header: []byte("head"), Value: value}
	s.append(record("t", "", "before"))
	s.append(huge)
	s.append(record("t", "", "after"))
	for range 2 {
		got := s.all(only("t"))
		if len(got) != 3 || !sameContent(got[1], huge) || string(got[2].Value) != "after" {
			t.Fatalf("%d records came back, or the huge one differs", len(got))
		}
		s.reopen()
	}
}

func tooLarge(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	r := eventlog.Record{Topic: "t", Key: []byte("keys"), Header: []byte("head"), Value: make([]byte, eventlog.MaxRecordBytes-7)}
	_, err := s.log.Append(s.ctx, []eventlog.Record{r})
	s.wantError("record", err, eventlog.ErrTooLarge)

	r.Value = r.Value[:len(r.Value)-1]
	many := slices.Repeat([]eventlog.Record{r}, eventlog.MaxAppendBytes/eventlog.MaxRecordBytes+1)
	_, err = s.log.Append(s.ctx, many)
	s.wantError("append", err, eventlog.ErrTooLarge)
	if got := s.all(only("t")); len(got) != 0 {
		t.Errorf("refused appends left %d records", len(got))
	}
}

func compactionKeepsNewest(t *testing.T, s *suite) {
	s.ensure(eventlog.Topic{Name: "c", Partitions: 2, Compact: true})
	want := make(map[string]string)
	long := string(bytes.Repeat([]byte("k"), 500))
	for i := range 60 {
		key := fmt.Sprint(i % 9)
		if i%9 == 8 {
			key = long
		}
		s.append(record("c", key, fmt.Sprint(i)))
		want[key] = fmt.Sprint(i)
	}
	for range 2 {
		got := newest(append(s.all(eventlog.Partition{Topic: "c"}), s.all(eventlog.Partition{Topic: "c", Index: 1})...))
		if !maps.Equal(got, want) {
			t.Errorf("newest values are %v, want %v", got, want)
		}
		s.reopen()
	}
}

func compactionWithinOneAppend(t *testing.T, s *suite) {
	s.ensure(compacted("c"))
	s.append(record("c", "a", "0"))
	s.append(record("c", "a", "1"), record("c", "b", "2"), record("c", "a", "3"), tombstone("c", "b"), record("c", "a", "4"))
	if got := newest(s.all(only("c"))); !maps.Equal(got, map[string]string{"a": "4"}) {
		t.Errorf("newest values are %v, want a: 4", got)
	}
}

func tombstones(t *testing.T, s *suite) {
	s.ensure(compacted("c"))
	s.append(record("c", "a", "1"), record("c", "b", "2"))
	at := s.append(tombstone("c", "a"))[0]
	page := s.read(only("c"), at.Offset, eventlog.Limit{Records: 1})
	if len(page.Records) != 1 || page.Records[0].Value != nil || string(page.Records[0].Key) != "a" {
		t.Errorf("at %v is %v, want the tombstone of a", at, page.Records)
	}
	if got := newest(s.all(only("c"))); !maps.Equal(got, map[string]string{"b": "2"}) {
		t.Errorf("newest values are %v, want b: 2", got)
	}
	s.append(record("c", "a", "3"))
	if got := newest(s.all(only("c"))); !maps.Equal(got, map[string]string{"a": "3", "b": "2"}) {
		t.Errorf("newest values are %v after a came back, want a: 3, b: 2", got)
	}
}
