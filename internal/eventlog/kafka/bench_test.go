package kafka_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
	"lazuli/test/servers"
)

// benchLog opens a log with topic t in a namespace of its own on the shared Kafka. A topic has one replica there, so that every
// write is synced.
func benchLog(b *testing.B) (l, other *kafka.Log) {
	var number atomic.Int64
	opts := kafka.Options{Brokers: []string{servers.Kafka(b)}, Namespace: namespace(&number)}
	l, other = open(b, opts), open(b, opts)
	ensure(b, l, eventlog.Topic{Name: "t", Partitions: 1})
	return l, other
}

// eventValue makes about 2 KB that compress as an event does: JSON with digests in it.
func eventValue(rng *rand.Rand) []byte {
	var s strings.Builder
	for i := range 10 {
		fmt.Fprintf(&s, `{"name":"feature_%d","type":"string","value":"%016x%016x%016x%016x","label":"section","offset":%d,"size":4096,`+
			`"description":"the value of a feature as a plugin reports it"},`, i, rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint32())
	}
	return []byte(s.String())
}

func BenchmarkAppend(b *testing.B) {
	for _, mode := range []struct{ writers, batch int }{{1, 1}, {32, 1}, {1, 100}, {8, 100}} {
		b.Run(fmt.Sprintf("writers=%d/batch=%d", mode.writers, mode.batch), func(b *testing.B) {
			l, _ := benchLog(b)
			var calls, done atomic.Int64
			var writers sync.WaitGroup
			b.ResetTimer()
			for range mode.writers {
				writers.Go(func() {
					rng := rand.New(rand.NewPCG(1, 2))
					values := make([][]byte, 500)
					for i := range values {
						values[i] = eventValue(rng)
					}
					for calls.Add(1) <= int64(b.N) {
						records := make([]eventlog.Record, mode.batch)
						for i := range records {
							records[i] = eventlog.Record{Topic: "t", Key: fmt.Appendf(nil, "%032x", rng.Uint64()), Value: values[rng.IntN(len(values))]}
						}
						if _, err := l.Append(context.Background(), records); err != nil {
							b.Error(err)
							return
						}
						done.Add(int64(mode.batch))
					}
				})
			}
			writers.Wait()
			b.ReportMetric(float64(done.Load())/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	const n = 50_000
	l, _ := benchLog(b)
	rng := rand.New(rand.NewPCG(1, 2))
	for range n / 100 {
		records := make([]eventlog.Record, 100)
		for i := range records {
			records[i] = eventlog.Record{Topic: "t", Header: []byte("routing"), Value: eventValue(rng)}
		}
		appendTo(b, l, records...)
	}
	part := eventlog.Partition{Topic: "t"}
	scan := func(limit eventlog.Limit) func(*testing.B) {
		return func(b *testing.B) {
			records := 0
			for b.Loop() {
				for next := int64(0); next < n; {
					page, err := l.Read(context.Background(), part, next, limit)
					if err != nil {
						b.Fatal(err)
					}
					records, next = records+len(page.Records), page.Next
				}
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		}
	}
	b.Run("scan", scan(eventlog.Limit{}))
	b.Run("scan/pages=10", scan(eventlog.Limit{Records: 10}))
	b.Run("point", func(b *testing.B) {
		for b.Loop() {
			page, err := l.Read(context.Background(), part, rand.Int64N(n), eventlog.Limit{Records: 1, Bytes: 1})
			if err != nil || len(page.Records) != 1 {
				b.Fatal(len(page.Records), err)
			}
		}
	})
	b.Run("past the end", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.Read(context.Background(), part, n, eventlog.Limit{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("topics", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.Topics(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkWatch measures how long after its acknowledgement another process sees a record, and how long from the call on.
func BenchmarkWatch(b *testing.B) {
	l, other := benchLog(b)
	watch := other.Watch(b.Context())
	if _, err := other.Bounds(b.Context(), eventlog.Partition{Topic: "t"}); err != nil { // it knows of the topic now
		b.Fatal(err)
	}
	var late []time.Duration
	for b.Loop() {
		at := appendTo(b, l, eventlog.Record{Topic: "t", Value: []byte("x")})[0]
		acknowledged := time.Now()
		for end(b, other) <= at.Offset {
			<-watch
		}
		late = append(late, time.Since(acknowledged))
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "p99-µs")
}
