// Package eventlogtest is the suite that every eventlog.Log passes. Begin with Run.
//
// It asks for what the contract says and no more: offsets may have gaps anywhere (Kafka puts markers of transactions
// between records), compaction may come later or never, times may be as coarse as a millisecond.
package eventlogtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"lazuli/internal/eventlog"
)

// Subject is an implementation under test.
type Subject struct {
	// Open returns an empty log. The suite closes it.
	Open func(t *testing.T) eventlog.Log
	// Reopen closes a log that Open or Reopen returned and opens it again on what it kept.
	Reopen func(t *testing.T, l eventlog.Log) eventlog.Log
}

// patience is how long the suite waits for anything.
const patience = 30 * time.Second

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"EnsureTopics", ensureTopics},
		{"EnsureTopicsRefusesInvalid", ensureTopicsRefusesInvalid},
		{"MorePartitions", morePartitions},
		{"TopicBecomesCompacted", topicBecomesCompacted},
		{"UnknownTopic", unknownTopic},
		{"AppendGivesPositionsInOrder", appendGivesPositions},
		{"AppendAcrossTopics", appendAcrossTopics},
		{"AppendNothing", appendNothing},
		{"AppendAllOrNothing", appendAllOrNothing},
		{"AppendRefusesKeylessInCompacted", appendRefusesKeyless},
		{"SlicesAreTheCallers", slicesAreTheCallers},
		{"PartitionByKey", partitionByKey},
		{"RecordsComeBackWhole", recordsComeBackWhole},
		{"Times", times},
		{"HugeRecord", hugeRecord},
		{"TooLarge", tooLarge},
		{"CompactionKeepsNewest", compactionKeepsNewest},
		{"CompactionWithinOneAppend", compactionWithinOneAppend},
		{"Tombstones", tombstones},
		{"ReadLimits", readLimits},
		{"ReadFirstRecordLargerThanLimit", readLargerThanLimit},
		{"ReadAtBothEnds", readAtBothEnds},
		{"ReadEveryOffset", readEveryOffset},
		{"WatchSeesTheLastChange", watchSeesLastChange},
		{"WatchSeesNewTopics", watchSeesNewTopics},
		{"Groups", groups},
		{"GroupsRefuseInvalid", groupsRefuseInvalid},
		{"Cancelled", cancelled},
		{"Closed", closed},
		{"ReopenKeepsEverything", reopenKeepsEverything},
		{"ConcurrentAppendersAndReaders", concurrent},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			u := &suite{T: t, ctx: ctx, log: s.Open(t), subject: s}
			defer func() {
				if err := u.log.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			test.run(t, u)
		})
	}
}

// suite is one test with a log of its own. Its methods end the test when something fails that is not what is tested.
type suite struct {
	*testing.T
	ctx     context.Context
	log     eventlog.Log
	subject Subject
}

func (s *suite) reopen() { s.log = s.subject.Reopen(s.T, s.log) }

func (s *suite) ensure(topics ...eventlog.Topic) {
	s.Helper()
	if err := s.log.EnsureTopics(s.ctx, topics); err != nil {
		s.Fatalf("ensure topics: %v", err)
	}
}

func (s *suite) append(records ...eventlog.Record) []eventlog.Position {
	s.Helper()
	positions, err := s.log.Append(s.ctx, records)
	if err != nil {
		s.Fatalf("append: %v", err)
	}
	if len(positions) != len(records) {
		s.Fatalf("append of %d records returned %d positions", len(records), len(positions))
	}
	return positions
}

func (s *suite) read(p eventlog.Partition, offset int64, limit eventlog.Limit) eventlog.Page {
	s.Helper()
	page, err := s.log.Read(s.ctx, p, offset, limit)
	if err != nil {
		s.Fatalf("read %s from %d: %v", p, offset, err)
	}
	s.checkPage(p, offset, page)
	return page
}

// checkPage checks what holds for every page.
func (s *suite) checkPage(p eventlog.Partition, offset int64, page eventlog.Page) {
	s.Helper()
	last := max(offset, 0) - 1
	for i, r := range page.Records {
		if r.Topic != p.Topic || r.Position.Partition != p {
			s.Fatalf("read of %s: record %d says it is at %s in topic %s", p, i, r.Position.Partition, r.Topic)
		}
		if r.Position.Offset <= last {
			s.Fatalf("read of %s from %d: offset %d after %d", p, offset, r.Position.Offset, last)
		}
		last = r.Position.Offset
	}
	if page.Next <= last {
		s.Fatalf("read of %s from %d: next is %d and the last record is at %d", p, offset, page.Next, last)
	}
}

// all reads a partition to its end.
func (s *suite) all(p eventlog.Partition) []eventlog.Record {
	s.Helper()
	var records []eventlog.Record
	for next, end := int64(0), s.bounds(p).End; next < end; {
		page := s.read(p, next, eventlog.Limit{})
		if page.Next <= next {
			s.Fatalf("read of %s does not get past %d, and the end is %d", p, next, end)
		}
		records = append(records, page.Records...)
		next = page.Next
	}
	return records
}

func (s *suite) bounds(p eventlog.Partition) eventlog.Bounds {
	s.Helper()
	b, err := s.log.Bounds(s.ctx, p)
	if err != nil {
		s.Fatalf("bounds of %s: %v", p, err)
	}
	return b
}

func (s *suite) topic(name string) eventlog.TopicState {
	s.Helper()
	topics, err := s.log.Topics(s.ctx)
	if err != nil {
		s.Fatalf("list topics: %v", err)
	}
	i := slices.IndexFunc(topics, func(t eventlog.TopicState) bool { return t.Name == name })
	if i < 0 {
		s.Fatalf("topic %s is not in %v", name, topics)
	}
	return topics[i]
}

func (s *suite) wantError(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// newest folds records by key, as a reader of a compacted topic does: key to value, without removed keys.
func newest(records []eventlog.Record) map[string]string {
	values := make(map[string]string)
	for _, r := range records {
		if r.Value == nil {
			delete(values, string(r.Key))
			continue
		}
		values[string(r.Key)] = string(r.Value)
	}
	return values
}

func plain(name string) eventlog.Topic { return eventlog.Topic{Name: name, Partitions: 1} }

func compacted(name string) eventlog.Topic {
	return eventlog.Topic{Name: name, Partitions: 1, Compact: true}
}

func only(topic string) eventlog.Partition { return eventlog.Partition{Topic: topic} }

func record(topic, key, value string) eventlog.Record {
	return eventlog.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

func tombstone(topic, key string) eventlog.Record {
	return eventlog.Record{Topic: topic, Key: []byte(key)}
}

func values(records []eventlog.Record) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = string(r.Value)
	}
	return out
}

// numbered makes n records with the values "0", "1", …
func numbered(topic string, n int) []eventlog.Record {
	records := make([]eventlog.Record, n)
	for i := range records {
		records[i] = record(topic, "", fmt.Sprint(i))
	}
	return records
}

// sameContent compares what a caller gave with what came back.
func sameContent(a, b eventlog.Record) bool {
	return bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Header, b.Header) && bytes.Equal(a.Value, b.Value) &&
		(a.Value == nil) == (b.Value == nil)
}
