package eventlogtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/internal/eventlog"
)

func ensureTopics(t *testing.T, s *suite) {
	wanted := []eventlog.Topic{
		{Name: "b", Partitions: 3, Retention: time.Hour},
		{Name: "a.x-1_Y", Partitions: 1, Compact: true},
	}
	s.ensure(wanted...)
	s.append(record("b", "key", "value"))
	s.ensure(wanted...) // again: nothing changes
	topics, err := s.log.Topics(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) != 2 || topics[0].Topic != wanted[1] || topics[1].Topic != wanted[0] {
		t.Errorf("topics are %v, want %v sorted by name", topics, wanted)
	}
	if n := len(s.topic("b").Bounds); n != 3 {
		t.Errorf("topic b has bounds of %d partitions, want 3", n)
	}
	for i := range int32(3) {
		p := eventlog.Partition{Topic: "b", Index: i}
		if got, want := s.topic("b").Bounds[i], s.bounds(p); got != want {
			t.Errorf("Topics says %v of %s, and Bounds says %v", got, p, want)
		}
	}

	s.ensure(eventlog.Topic{Name: "b", Partitions: 3, Retention: 2 * time.Hour})
	if got := s.topic("b").Retention; got != 2*time.Hour {
		t.Errorf("retention is %v after it was changed to 2h", got)
	}
	if got := s.topic("a.x-1_Y").Topic; got != wanted[1] {
		t.Errorf("a topic that was not named changed to %v", got)
	}
	if got := len(s.all(eventlog.Partition{Topic: "b", Index: eventlog.PartitionFor([]byte("key"), 3)})); got != 1 {
		t.Errorf("%d records after the retention changed, want 1", got)
	}
}

func ensureTopicsRefusesInvalid(t *testing.T, s *suite) {
	for _, topic := range []eventlog.Topic{
		{Name: "", Partitions: 1},
		{Name: ".", Partitions: 1},
		{Name: "..", Partitions: 1},
		{Name: "a/b", Partitions: 1},
		{Name: "a b", Partitions: 1},
		{Name: "ä", Partitions: 1},
		{Name: strings.Repeat("a", 250), Partitions: 1},
		{Name: "none", Partitions: 0},
		{Name: "negative", Partitions: 1, Retention: -1},
	} {
		err := s.log.EnsureTopics(s.ctx, []eventlog.Topic{plain("good"), topic})
		s.wantError(fmt.Sprintf("topic %+v", topic), err, eventlog.ErrInvalid)
	}
	if topics, err := s.log.Topics(s.ctx); err != nil || len(topics) != 0 {
		t.Errorf("after refusals there are topics %v (error %v), want none", topics, err)
	}
}

func morePartitions(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	s.append(record("t", "k", "old"))
	s.ensure(eventlog.Topic{Name: "t", Partitions: 4})
	if got := s.topic("t"); got.Partitions != 4 || len(got.Bounds) != 4 {
		t.Errorf("topic is %+v, want 4 partitions with bounds", got)
	}
	s.ensure(eventlog.Topic{Name: "t", Partitions: 2}) // never fewer
	if got := s.topic("t"); got.Partitions != 4 {
		t.Errorf("topic has %d partitions after 2 were asked for, want 4 still", got.Partitions)
	}
	if got := values(s.all(eventlog.Partition{Topic: "t"})); len(got) < 1 || got[0] != "old" {
		t.Errorf("partition 0 holds %q, want the old record first", got)
	}
	for i := range 20 {
		key := fmt.Sprint("key", i)
		at := s.append(record("t", key, key))[0]
		if want := eventlog.PartitionFor([]byte(key), 4); at.Index != want {
			t.Errorf("key %s went to partition %d, want %d", key, at.Index, want)
		}
	}
}

func topicBecomesCompacted(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	for i := range 30 {
		s.append(record("t", fmt.Sprint("k", i%7), fmt.Sprint(i)), record("t", "gone", "x"))
	}
	before := newest(s.all(only("t")))
	s.ensure(compacted("t"))
	if got := newest(s.all(only("t"))); !maps.Equal(got, before) {
		t.Errorf("newest values are %v after the topic became compacted, want %v", got, before)
	}
	s.append(tombstone("t", "gone"), record("t", "k0", "new"))
	delete(before, "gone")
	before["k0"] = "new"
	s.ensure(plain("t")) // and back
	s.append(record("t", "", "no key"))
	before[""] = "no key"
	if got := newest(s.all(only("t"))); !maps.Equal(got, before) {
		t.Errorf("newest values are %v at the end, want %v", got, before)
	}
}

func unknownTopic(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	_, err := s.log.Append(s.ctx, []eventlog.Record{record("t", "", "x"), record("u", "", "x")})
	s.wantError("append", err, eventlog.ErrNoTopic)
	for _, p := range []eventlog.Partition{{Topic: "u"}, {Topic: "t", Index: 1}, {Topic: "t", Index: -1}} {
		_, err = s.log.Read(s.ctx, p, 0, eventlog.Limit{})
		s.wantError("read "+p.String(), err, eventlog.ErrNoTopic)
		_, err = s.log.Bounds(s.ctx, p)
		s.wantError("bounds "+p.String(), err, eventlog.ErrNoTopic)
		err = s.log.Commit(s.ctx, "g", map[eventlog.Partition]int64{p: 0, only("t"): 0})
		s.wantError("commit "+p.String(), err, eventlog.ErrNoTopic)
	}
	if got := s.all(only("t")); len(got) != 0 {
		t.Errorf("a refused append left %v", got)
	}
	if got, err := s.log.Committed(s.ctx, "g"); err != nil || len(got) != 0 {
		t.Errorf("a refused commit left %v (error %v)", got, err)
	}
}

func watchSeesNewTopics(t *testing.T, s *suite) {
	changed := s.log.Watch(s.ctx)
	s.ensure(plain("t"))
	s.wait(changed, "a topic was made")
}

// watchSeesLastChange appends from several goroutines while a reader that only looks when it has a token must see it all.
func watchSeesLastChange(t *testing.T, s *suite) {
	const writers, each = 4, 25
	s.ensure(plain("t"))
	changed := s.log.Watch(s.ctx)
	failed := make(chan error, writers)
	for range writers {
		go func() {
			var err error
			for range each {
				_, e := s.log.Append(s.ctx, []eventlog.Record{record("t", "", "x")})
				err = errors.Join(err, e)
			}
			failed <- err
		}()
	}
	next, seen := int64(0), 0
	for seen < writers*each {
		page := s.read(only("t"), next, eventlog.Limit{})
		seen, next = seen+len(page.Records), page.Next
		if len(page.Records) == 0 {
			s.wait(changed, fmt.Sprintf("%d of %d records were seen", seen, writers*each))
		}
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func (s *suite) wait(changed <-chan struct{}, why string) {
	s.Helper()
	select {
	case <-changed:
	case <-s.ctx.Done():
		s.Fatalf("no token came, although %s", why)
	}
}

func groups(t *testing.T, s *suite) {
	s.ensure(eventlog.Topic{Name: "t", Partitions: 2}, plain("u"))
	t0, t1, u := eventlog.Partition{Topic: "t"}, eventlog.Partition{Topic: "t", Index: 1}, only("u")
	commit := func(group string, offsets map[eventlog.Partition]int64) {
		t.Helper()
		if err := s.log.Commit(s.ctx, group, offsets); err != nil {
			t.Fatalf("commit of %s: %v", group, err)
		}
	}
	check := func(group string, want map[eventlog.Partition]int64) {
		t.Helper()
		if got, err := s.log.Committed(s.ctx, group); err != nil || !maps.Equal(got, want) {
			t.Errorf("committed of %q is %v (error %v), want %v", group, got, err, want)
		}
	}
	list := func(want ...string) {
		t.Helper()
		if got, err := s.log.Groups(s.ctx); err != nil || !slices.Equal(got, want) {
			t.Errorf("groups are %q (error %v), want %q", got, err, want)
		}
	}
	list()
	check("nobody", nil)

	commit("azul-B.1.0", map[eventlog.Partition]int64{t0: 0, u: 7})
	commit("azul-A/µ.1", map[eventlog.Partition]int64{t1: 1 << 40})
	commit("azul-A", map[eventlog.Partition]int64{t1: 3})
	commit("azul-B.1.0", map[eventlog.Partition]int64{t0: 5, t1: 6}) // u stays
	commit("azul-A", map[eventlog.Partition]int64{t1: 2})            // backwards, as after a reset
	check("azul-B.1.0", map[eventlog.Partition]int64{t0: 5, t1: 6, u: 7})
	check("azul-A/µ.1", map[eventlog.Partition]int64{t1: 1 << 40})
	check("azul-A", map[eventlog.Partition]int64{t1: 2})
	list("azul-A", "azul-A/µ.1", "azul-B.1.0")

	for range 2 { // the second time it is unknown
		if err := s.log.DeleteGroup(s.ctx, "azul-A"); err != nil {
			t.Fatalf("delete group: %v", err)
		}
	}
	list("azul-A/µ.1", "azul-B.1.0")
	check("azul-A", nil)
	check("azul-A/µ.1", map[eventlog.Partition]int64{t1: 1 << 40})
	s.reopen()
	list("azul-A/µ.1", "azul-B.1.0")
	check("azul-B.1.0", map[eventlog.Partition]int64{t0: 5, t1: 6, u: 7})
}

func groupsRefuseInvalid(t *testing.T, s *suite) {
	s.ensure(plain("t"))
	one := map[eventlog.Partition]int64{only("t"): 1}
	s.wantError("no name", s.log.Commit(s.ctx, "", one), eventlog.ErrInvalid)
	s.wantError("zero byte", s.log.Commit(s.ctx, "a\x00b", one), eventlog.ErrInvalid)
	s.wantError("negative offset", s.log.Commit(s.ctx, "g", map[eventlog.Partition]int64{only("t"): -1}), eventlog.ErrInvalid)
	if got, err := s.log.Groups(s.ctx); err != nil || len(got) != 0 {
		t.Errorf("refused commits left groups %q (error %v)", got, err)
	}
}
