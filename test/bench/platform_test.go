// Package bench measures what docs/benchmarks.md states, against the real binary. `make bench` runs it.
package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/config"
	"lazuli/internal/dispatcher"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
	"lazuli/internal/ingest"
	"lazuli/test/platform"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverVariable); dir != "" {
		if err := serveBench(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	platform.Cleanup()
	os.Exit(code)
}

// BenchmarkReady starts the platform on a data directory with 100,000 events: time to the ready line, and what it takes
// of the machine when nothing happens.
func BenchmarkReady(b *testing.B) {
	data := filepath.Join(b.TempDir(), "data")
	prepare(b, data, 100_000)
	var ready []time.Duration
	for range b.N {
		up := platform.Start(b, data)
		ready = append(ready, up.Ready)
		if len(ready) == 1 {
			<-time.After(3 * time.Second) // start-up work is over
			before, at := cpu(b, up), time.Now()
			<-time.After(10 * time.Second)
			b.ReportMetric(100*(cpu(b, up)-before).Seconds()/time.Since(at).Seconds(), "%core-idle")
			b.ReportMetric(resident(b, up)/1e6, "MB-idle")
		}
		up.Stop(b)
	}
	slices.Sort(ready)
	b.ReportMetric(float64(ready[len(ready)/2].Milliseconds()), "ms-to-ready")
	b.ReportMetric(0, "ns/op")
}

// prepare makes a data directory as the platform itself would, with n events about n files.
func prepare(b *testing.B, path string, n int) {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	check(os.MkdirAll(filepath.Join(path, "index"), 0o700))
	check(os.WriteFile(filepath.Join(path, "VERSION"), []byte("lazuli data 1\n"), 0o600))
	log, err := eventlog.Open(filepath.Join(path, "log"), eventlog.Options{})
	check(err)
	store, err := blob.OpenFS(filepath.Join(path, "store"))
	check(err)
	idx, err := index.OpenSQLite(filepath.Join(path, "index", "index.db"))
	check(err)
	d, err := dispatcher.New(b.Context(), log, store, dispatcher.Options{Sources: config.Defaults()})
	check(err)
	now, author := event.Now(), event.Author{Category: "plugin", Name: "Bench", Version: "1"}
	for done := 0; done < n; {
		var batch []event.Event
		for range min(1000, n-done) {
			sum := sha256.Sum256(strconv.AppendInt(nil, int64(done), 10))
			sha := hex.EncodeToString(sum[:])
			batch = append(batch, &event.Binary{
				Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: now, Author: author},
				Action: event.Mapped,
				Entity: event.Entity{SHA256: sha, Size: uint64(done), FileFormat: "text/plain", Features: []event.Feature{
					{Name: "entropy", Type: event.Float, Value: "7.5"}, {Name: "tag", Type: event.String, Value: "number " + strconv.Itoa(done%100)}}},
				Source: event.Source{Name: "bench", Timestamp: now, Path: event.Path{{Author: author, Action: event.Mapped, SHA256: sha, Timestamp: now}}},
			})
			done++
		}
		_, err := d.Publish(b.Context(), batch...)
		check(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	in := ingest.New(log, idx, ingest.Options{Prefix: "lazuli"})
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	topics, err := log.Topics(ctx)
	check(err)
	ends := map[eventlog.Partition]int64{}
	for _, t := range topics {
		if strings.Contains(t.Name, ".binary.") {
			ends[eventlog.Partition{Topic: t.Name}] = t.Bounds[0].End
		}
	}
	check(in.Reached(ctx, ends))
	stop()
	check(<-ended)
	check(errors.Join(d.Close(b.Context()), idx.Close(), store.Close(), log.Close()))
}

// processes are the platform and its workers.
func processes(up *platform.Up) []int { return append(up.Workers(), up.Pid) }

func cpu(b *testing.B, up *platform.Up) time.Duration {
	b.Helper()
	var ticks int64
	for _, pid := range processes(up) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			b.Fatal(err)
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
		for _, f := range fields[11:13] { // user and system time, proc(5)
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

func resident(b *testing.B, up *platform.Up) float64 {
	b.Helper()
	var pages int64
	for _, pid := range processes(up) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			b.Fatal(err)
		}
		n, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		pages += n
	}
	return float64(pages) * float64(os.Getpagesize())
}

// BenchmarkSubmitToFeature is what a user waits for: from the beginning of an upload until the entropy of the file is read
// back through REST, one file at a time on an idle machine.
func BenchmarkSubmitToFeature(b *testing.B) {
	up := platform.Start(b, filepath.Join(b.TempDir(), "data"))
	random := rand.New(rand.NewPCG(1, 2))
	var took []time.Duration
	for range max(b.N, 200) {
		content := noise(random, 64<<10)
		begun := time.Now()
		sha, err := up.Submit(b.Context(), "latency.bin", content)
		if err != nil {
			b.Fatal(err)
		}
		for !hasEntropy(b, up, sha) {
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
	b.ReportMetric(0, "ns/op")
}

func hasEntropy(b *testing.B, up *platform.Up, sha string) bool {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	f, err := up.Settled(ctx, sha)
	if err != nil {
		b.Fatal(err)
	}
	return slices.ContainsFunc(f.Features, func(v struct{ Name, Value, Label, Plugin string }) bool { return v.Name == "entropy" })
}

// BenchmarkIngest submits 2,000 files of 64 KiB from eight clients, every one answered when it is on disk, and waits until the results of every
// plugin are in the index.
func BenchmarkIngest(b *testing.B) {
	const files, size = 2000, 64 << 10
	for range b.N {
		up := platform.Start(b, filepath.Join(b.TempDir(), "data"))
		random := rand.New(rand.NewPCG(3, 4))
		contents := make([][]byte, files)
		for i := range contents {
			contents[i] = noise(random, size)
		}
		shas := make([]string, files)
		begun := time.Now()
		var next atomic.Int64
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				for i := next.Add(1) - 1; i < files; i = next.Add(1) - 1 {
					sha, err := up.Submit(b.Context(), fmt.Sprintf("file-%d.bin", i), contents[i])
					if err != nil {
						b.Error(err)
						return
					}
					shas[i] = sha
				}
			})
		}
		clients.Wait()
		if b.Failed() {
			return
		}
		b.ReportMetric(files/time.Since(begun).Seconds(), "acknowledged/s")
		for completed(b, up, "Entropy") < files {
			<-time.After(200 * time.Millisecond) // of 15 s: asking more often would take from what is measured
		}
		b.ReportMetric(files/time.Since(begun).Seconds(), "indexed/s")
		for _, i := range random.Perm(files)[:100] {
			if !hasEntropy(b, up, shas[i]) {
				b.Fatalf("file %s is settled without its entropy", shas[i])
			}
		}
		up.Stop(b)
	}
	b.ReportMetric(0, "ns/op")
}

// completed is how many of a plugin's jobs are in the index as completed.
func completed(b *testing.B, up *platform.Up, plugin string) int {
	b.Helper()
	var list struct {
		Plugins []struct {
			Name   string
			States map[string]int
		}
	}
	if err := up.Get(b.Context(), "/api/v1/plugins", &list); err != nil {
		b.Fatal(err)
	}
	for _, p := range list.Plugins {
		if p.Name == plugin {
			return p.States["completed"]
		}
	}
	return 0
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
