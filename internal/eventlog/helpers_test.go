package eventlog_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"lazuli/internal/eventlog"
)

var (
	partitionT = eventlog.Partition{Topic: "t"}
	partitionC = eventlog.Partition{Topic: "c"}
)

// openLog opens a log that the test closes, with the topics t (plain) and c (compacted), both with one partition.
func openLog(t testing.TB, dir string, opts eventlog.Options) *eventlog.Embedded {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = quiet()
	}
	l, err := eventlog.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1}, eventlog.Topic{Name: "c", Partitions: 1, Compact: true})
	return l
}

func ensure(t testing.TB, l eventlog.Log, topics ...eventlog.Topic) {
	t.Helper()
	if err := l.EnsureTopics(context.Background(), topics); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t testing.TB, l eventlog.Log, records ...eventlog.Record) []eventlog.Position {
	t.Helper()
	positions, err := l.Append(context.Background(), records)
	if err != nil {
		t.Fatal(err)
	}
	return positions
}

func closeLog(t testing.TB, l eventlog.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// readAll reads a partition to its end, past all damage, which it returns.
func readAll(t testing.TB, l eventlog.Log, p eventlog.Partition) (records []eventlog.Record, damage []*eventlog.CorruptError) {
	t.Helper()
	bounds, err := l.Bounds(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	for next := bounds.Start; next < bounds.End; {
		page, err := l.Read(context.Background(), p, next, eventlog.Limit{})
		if corrupt, ok := err.(*eventlog.CorruptError); ok {
			damage, next = append(damage, corrupt), corrupt.To
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		records, next = append(records, page.Records...), page.Next
	}
	return records, damage
}

// verify returns what Verify reports.
func verify(t testing.TB, l *eventlog.Embedded) (faults []string) {
	t.Helper()
	if err := l.Verify(context.Background(), func(fault string) { faults = append(faults, fault) }); err != nil {
		t.Fatal(err)
	}
	return faults
}

func wantSound(t testing.TB, l *eventlog.Embedded) {
	t.Helper()
	for _, fault := range verify(t, l) {
		t.Errorf("verify: %s", fault)
	}
}

func rec(topic, key, value string) eventlog.Record {
	return eventlog.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

// padded makes n records of topic t of about size bytes, which do not compress.
func padded(n, size int) []eventlog.Record {
	records := make([]eventlog.Record, n)
	state := uint32(1)
	for i := range records {
		value := fmt.Appendf(nil, "%d:", i)
		for len(value) < size {
			state = state*1664525 + 1013904223 // Numerical Recipes' generator
			value = append(value, byte(state>>24))
		}
		records[i] = eventlog.Record{Topic: "t", Value: value}
	}
	return records
}

// copyDir copies a directory as it is at the moment, and so makes what a killed process leaves.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// newest returns the file that matches pattern and has the highest number.
func newest(t testing.TB, dir, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s in %s (%v)", pattern, dir, err)
	}
	return paths[len(paths)-1]
}

// listing returns names and sizes of all files.
func listing(t testing.TB, dir string) map[string]int64 {
	t.Helper()
	files := make(map[string]int64)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		files[d.Name()] = info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// flip changes a bit of a file. at is counted from the end if it is negative.
func flip(t testing.TB, path string, at int64) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += int64(len(content))
	}
	content[at] ^= 0x10
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
