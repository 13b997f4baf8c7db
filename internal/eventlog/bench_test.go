package eventlog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lazuli/internal/eventlog"
)

// benchRecords is how many records the benchmarks of reading have: LAZULI_BENCH_RECORDS, or 100,000.
func benchRecords(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("LAZULI_BENCH_RECORDS"))
	if err != nil {
		n = 100_000
	}
	b.Logf("%d records of 2 KB, %s, %d CPUs", n, runtime.GOARCH, runtime.NumCPU())
	return n
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

func benchLog(b *testing.B, dir string) *eventlog.Embedded {
	l, err := eventlog.Open(dir, eventlog.Options{Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func BenchmarkAppend(b *testing.B) {
	for _, topic := range []eventlog.Topic{
		{Name: "plain", Partitions: 1},
		{Name: "compacted", Partitions: 1, Compact: true},
	} {
		for _, mode := range []struct{ writers, batch int }{{1, 1}, {128, 1}, {1, 100}, {4, 100}} {
			b.Run(fmt.Sprintf("%s/writers=%d/batch=%d", topic.Name, mode.writers, mode.batch), func(b *testing.B) {
				l := benchLog(b, b.TempDir())
				defer closeLog(b, l)
				ensure(b, l, topic)
				var next atomic.Uint64
				var calls atomic.Int64
				var writers sync.WaitGroup
				b.ResetTimer()
				for range mode.writers {
					writers.Go(func() {
						value := eventValue(rand.New(rand.NewPCG(1, 2)))
						for calls.Add(1) <= int64(b.N) {
							records := make([]eventlog.Record, mode.batch)
							for i := range records {
								key := fmt.Appendf(nil, "%032x", next.Add(1)*0x9e3779b97f4a7c15)
								records[i] = eventlog.Record{Topic: topic.Name, Key: key, Value: value}
							}
							if _, err := l.Append(context.Background(), records); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				writers.Wait()
				b.ReportMetric(float64(next.Load())/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// fill appends n records to topic t, and closes the log.
func fill(b *testing.B, dir string, n int) {
	l := benchLog(b, dir)
	ensure(b, l, eventlog.Topic{Name: "t", Partitions: 1, Compact: true})
	rng := rand.New(rand.NewPCG(1, 2))
	for at := 0; at < n; at += 500 {
		records := make([]eventlog.Record, min(500, n-at))
		for i := range records {
			records[i] = eventlog.Record{Topic: "t", Key: fmt.Appendf(nil, "%032x", rng.Uint64()), Value: eventValue(rng)}
		}
		appendTo(b, l, records...)
	}
	stats, err := l.Stats()
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d MiB on disk", stats.DiskBytes>>20)
	closeLog(b, l)
}

func BenchmarkRead(b *testing.B) {
	n := benchRecords(b)
	dir := b.TempDir()
	fill(b, dir, n)

	b.Run("reopen", func(b *testing.B) {
		for b.Loop() {
			closeLog(b, benchLog(b, dir))
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			l := benchLog(b, dir)
			b.StopTimer()
			closeLog(b, l)
			b.StartTimer()
		}
	})
	l := benchLog(b, dir)
	defer closeLog(b, l)
	debug.FreeOSMemory()
	b.Logf("resident after opening: %s", resident())

	b.Run("scan", func(b *testing.B) {
		records := 0
		for b.Loop() {
			for next := int64(0); next < int64(n); {
				page, err := l.Read(context.Background(), partitionT, next, eventlog.Limit{})
				if err != nil {
					b.Fatal(err)
				}
				records, next = records+len(page.Records), page.Next
			}
		}
		b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
	})
	point := func(offset func() int64) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				page, err := l.Read(context.Background(), partitionT, offset(), eventlog.Limit{Records: 1})
				if err != nil || len(page.Records) != 1 {
					b.Fatal(len(page.Records), err)
				}
			}
		}
	}
	b.Run("point/anywhere", point(func() int64 { return rand.Int64N(int64(n)) }))
	b.Run("point/recent", point(func() int64 { return int64(n) - 1 - rand.Int64N(1000) }))
	b.Run("past the end", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := l.Read(context.Background(), partitionT, int64(n), eventlog.Limit{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// resident is what the kernel says this process has in memory; "" where it does not say.
func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(size)
		}
	}
	return ""
}
