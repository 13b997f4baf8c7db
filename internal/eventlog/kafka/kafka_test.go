package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
	"lazuli/test/servers"
)

// TestSuiteOnKafka is the suite on the real thing.
func TestSuiteOnKafka(t *testing.T) { runSuite(t, []string{servers.Kafka(t)}) }

// TestKafkaKilled kills Kafka with -9 while several writers append. What was acknowledged is there after the restart, in order,
// and the writers go on by themselves.
func TestKafkaKilled(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := servers.StartKafka(t)
	l := open(t, kafka.Options{Brokers: []string{server.Addr}})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	const writers = 4
	var acknowledged [writers][]string
	var count, failed atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				value := fmt.Sprintf("%d/%d", w, i)
				if _, err := l.Append(t.Context(), []eventlog.Record{rec("t", "", value)}); err != nil {
					failed.Add(1)
					continue
				}
				acknowledged[w] = append(acknowledged[w], value)
				count.Add(1)
			}
		})
	}
	watch := l.Watch(t.Context())
	reach := func(n int64) {
		for count.Load() < n {
			select {
			case <-watch:
			case <-t.Context().Done():
				t.Fatal("nothing is appended any more")
			}
		}
	}
	for range 1 + len(os.Getenv("LAZULI_LONG")) {
		reach(count.Load() + 200)
		server.Kill()
		server.Start(t)
	}
	reach(count.Load() + 200)
	stop()
	work.Wait()
	kept := make(map[string]int)
	for i, value := range readAll(t, l, "t") {
		kept[value] = i + 1
	}
	for w := range writers {
		before := 0
		for _, value := range acknowledged[w] {
			at := kept[value]
			if at == 0 {
				t.Fatalf("record %s was acknowledged and is gone", value)
			}
			if at < before {
				t.Fatalf("record %s lies before the one that was acknowledged before it", value)
			}
			before = at
		}
	}
	t.Logf("%d appends were acknowledged, %d failed", count.Load(), failed.Load())
}

// TestKafkaAway: while Kafka is dead, or frozen with its connections open, every call fails within bounded time; when it is
// back all goes on.
func TestKafkaAway(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := servers.StartKafka(t)
	l := open(t, kafka.Options{Brokers: []string{server.Addr}})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	part := eventlog.Partition{Topic: "t"}
	sole, err := l.Sole(t.Context(), "sole")
	if err != nil {
		t.Fatal(err)
	}
	defer sole.Close()
	want := []string{"0"}
	appendTo(t, l, rec("t", "", "0"))
	for i, away := range []struct {
		name        string
		begin, stop func()
	}{
		{"dead", server.Kill, func() { server.Start(t) }},
		{"frozen", server.Freeze, server.Thaw},
	} {
		away.begin()
		var calls sync.WaitGroup
		for name, call := range map[string]func() error{
			"append": func() error { _, err := l.Append(t.Context(), []eventlog.Record{rec("t", "", "lost?")}); return err },
			"sole": func() error {
				_, err := sole.Append(t.Context(), part, []eventlog.Record{rec("t", "", "lost?")})
				return err
			},
			"read":      func() error { _, err := l.Read(t.Context(), part, 0, eventlog.Limit{}); return err },
			"bounds":    func() error { _, err := l.Bounds(t.Context(), part); return err },
			"topics":    func() error { return untilError(t, l) },
			"ensure":    func() error { return l.EnsureTopics(t.Context(), []eventlog.Topic{{Name: "u", Partitions: 1}}) },
			"commit":    func() error { return l.Commit(t.Context(), "g", map[eventlog.Partition]int64{part: 1}) },
			"committed": func() error { _, err := l.Committed(t.Context(), "g"); return err },
			"groups":    func() error { _, err := l.Groups(t.Context()); return err },
			"no topic":  func() error { _, err := l.Bounds(t.Context(), eventlog.Partition{Topic: "none"}); return err },
		} {
			calls.Go(func() {
				begun := time.Now()
				err := call()
				if took := time.Since(begun); err == nil || took > 15*time.Second {
					t.Errorf("%s on a Kafka that is %s: %v after %v, want an error within 15 s", name, away.name, err, took)
				}
				if errors.Is(err, eventlog.ErrNoTopic) || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s on a Kafka that is %s says %v", name, away.name, err)
				}
			})
		}
		calls.Wait()
		away.stop()
		value := fmt.Sprint(i + 1)
		for {
			_, err := l.Append(t.Context(), []eventlog.Record{rec("t", "", value)})
			if err == nil {
				break
			}
			t.Logf("%s, back: %v", away.name, err)
		}
		want = append(want, value)
		for {
			_, err := sole.Append(t.Context(), part, []eventlog.Record{rec("t", "", value)})
			if errors.Is(err, eventlog.ErrFenced) {
				t.Fatalf("%s, back: nobody took over, and yet: %v", away.name, err)
			}
			if err == nil {
				break
			}
			t.Logf("%s, back: %v", away.name, err)
		}
	}
	got := slices.DeleteFunc(readAll(t, l, "t"), func(v string) bool { return v == "lost?" }) // or not
	got = slices.Compact(got)                                                                 // an append that failed may have been kept
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	watch := l.Watch(t.Context())
	other := client(t, []string{server.Addr})
	had := end(t, l)
	if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for end(t, l) <= had {
		<-watch
	}
}

// untilError asks for the topics until the answer is too old to be given.
func untilError(t *testing.T, l eventlog.Log) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for begun := time.Now(); time.Since(begun) < 15*time.Second; <-again.C {
		if _, err := l.Topics(t.Context()); err != nil {
			return err
		}
	}
	return nil
}

// TestCompactionOnKafka: Kafka's own cleaner makes gaps, and reading gets past all of them.
func TestCompactionOnKafka(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := servers.StartKafka(t, "log.segment.bytes=1048576", "log.cleaner.min.cleanable.ratio=0.01", "log.cleaner.backoff.ms=100")
	l := open(t, kafka.Options{Brokers: []string{server.Addr}})
	topic := eventlog.Topic{Name: "c", Partitions: 1, Compact: true}
	ensure(t, l, topic)
	part := eventlog.Partition{Topic: "c"}
	filler := make([]byte, 20<<10)
	rand.NewChaCha8([32]byte{1}).Read(filler) // nothing that compresses: segments must fill
	var offsets [][]int64
	for i := range 400 {
		value := append(fmt.Appendf(nil, "%d ", i), filler...)
		at := appendTo(t, l,
			eventlog.Record{Topic: "c", Key: fmt.Append(nil, i%7), Value: value},
			eventlog.Record{Topic: "c", Key: fmt.Append(nil, "x", i%3), Value: value})
		offsets = append(offsets, []int64{at[0].Offset, at[1].Offset})
	}
	for again := time.NewTicker(50 * time.Millisecond); ; <-again.C { // until the cleaner came by
		page, err := l.Read(t.Context(), part, offsets[20][1], eventlog.Limit{Records: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Records) != 1 {
			t.Fatalf("the gap at %d is not passed: %+v", offsets[20][1], page)
		}
		if page.Records[0].Position.Offset > offsets[20][1] {
			break
		}
	}
	newest := make(map[string]string)
	for next, end := int64(0), offsets[399][1]+1; next < end; {
		page, err := l.Read(t.Context(), part, next, eventlog.Limit{Records: 3})
		if err != nil || page.Next <= next {
			t.Fatalf("reading on from %d: to %d, %v", next, page.Next, err)
		}
		for _, r := range page.Records {
			newest[string(r.Key)] = string(r.Value[:4])
		}
		next = page.Next
	}
	for i := 393; i < 400; i++ {
		if got := newest[fmt.Sprint(i%7)]; got != fmt.Sprint(i, " ") {
			t.Errorf("key %d has value %q, want %d", i%7, got, i)
		}
	}
}
