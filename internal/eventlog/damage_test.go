package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/internal/eventlog"
)

// wantDamaged opens a damaged log: it must fail, name the file, and leave all files where they are.
func wantDamaged(t *testing.T, dir, file string) {
	t.Helper()
	before := listing(t, dir)
	for range 2 { // the second try must not succeed because of what the first one did
		l, err := eventlog.Open(dir, eventlog.Options{Logger: quiet()})
		if err == nil {
			records, _ := readAll(t, l, partitionT)
			t.Fatalf("a damaged log was opened, with %d records: %v", len(records), l.Close())
		}
		if !errors.Is(err, eventlog.ErrDamaged) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got error %q, want ErrDamaged in one line that names %s", err, file)
		}
	}
	after := listing(t, dir)
	for name, size := range before {
		if kept, ok := after[name]; !ok || kept < size {
			if strings.HasPrefix(name, "OPTIONS-") || strings.HasPrefix(name, "marker.") {
				continue // holds nothing of the log's
			}
			t.Errorf("%s had %d bytes before opening and has %d now (there: %v)", name, size, kept, ok)
		}
	}
}

// crashed returns a copy of the directory of a log that was killed with 200 records of 500 bytes in its write-ahead log.
func crashed(t *testing.T) string {
	dir := t.TempDir()
	l := openLog(t, dir, eventlog.Options{})
	for _, r := range padded(200, 500) {
		appendTo(t, l, r)
	}
	copied := copyDir(t, dir)
	closeLog(t, l)
	return copied
}

func TestKilledLogOpens(t *testing.T) {
	l := openLog(t, crashed(t), eventlog.Options{})
	defer closeLog(t, l)
	if records, damage := readAll(t, l, partitionT); len(records) != 200 || damage != nil {
		t.Errorf("%d records and damage %v after a crash, want 200 and none", len(records), damage)
	}
	wantSound(t, l)
}

func TestDamagedWAL(t *testing.T) {
	for _, at := range []int64{3, 30, 100, 20_000, 32 << 10, 70_000, 98_500, 100_000} {
		dir := crashed(t)
		wal := newest(t, dir, "*.log")
		flip(t, wal, at)
		wantDamaged(t, dir, strings.TrimSuffix(filepath.Base(wal), ".log"))
	}
}

// closed returns the directory of a log with 3,000 records in several tables that was closed. Everything is in tables.
func closed(t *testing.T) string {
	dir := t.TempDir()
	l := openLog(t, dir, eventlog.Options{})
	for range 3 {
		appendTo(t, l, padded(1000, 500)...)
		closeLog(t, l)
		l = openLog(t, dir, eventlog.Options{})
	}
	closeLog(t, l)
	return dir
}

func TestDamagedManifest(t *testing.T) {
	for _, at := range []int64{20, 100, -3} {
		dir := closed(t)
		manifest := newest(t, dir, "MANIFEST-*")
		flip(t, manifest, at)
		wantDamaged(t, dir, filepath.Base(manifest))
	}
}

func TestTruncatedManifest(t *testing.T) {
	dir := closed(t)
	manifest := newest(t, dir, "MANIFEST-*")
	info, err := os.Stat(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(manifest, info.Size()-30); err != nil {
		t.Fatal(err)
	}
	wantDamaged(t, dir, filepath.Base(manifest))
}

func TestMissingFiles(t *testing.T) {
	for _, pattern := range []string{"*.sst", "MANIFEST-*", "marker.manifest*", "marker.format*"} {
		t.Run(pattern, func(t *testing.T) {
			dir := closed(t)
			path := newest(t, dir, pattern)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(path)
			if strings.HasPrefix(name, "marker.") {
				name = "marker."
			}
			wantDamaged(t, dir, strings.TrimSuffix(name, ".sst"))
		})
	}
}

// TestLostTail damages the very last record of the write-ahead log of a log that was closed well. To Pebble that is a torn
// write; only the guard knows better.
func TestLostTail(t *testing.T) {
	dir := crashed(t)
	l := openLog(t, dir, eventlog.Options{})
	closeLog(t, l)
	guard, err := os.ReadFile(filepath.Join(dir, "GUARD"))
	if err != nil {
		t.Fatal(err)
	}
	older := crashed(t)
	wal := newest(t, older, "*.log")
	content, err := os.ReadFile(wal)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, wal, int64(len(bytes.TrimRight(content, "\x00")))-40)
	lines := strings.SplitAfter(string(guard), "\n")
	var ends []string
	for _, line := range lines {
		if !strings.HasPrefix(line, "manifest ") && !strings.HasPrefix(line, "crc32c ") {
			ends = append(ends, line)
		}
	}
	writeGuard(t, older, strings.Join(ends, ""))
	wantDamaged(t, older, "t/0")

	if err := os.Remove(filepath.Join(older, "GUARD")); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, older, eventlog.Options{})
	defer closeLog(t, l)
	if records, damage := readAll(t, l, partitionT); len(records) != 199 || damage != nil {
		t.Errorf("without the guard there are %d records and damage %v, want 199 and none", len(records), damage)
	}
}

func TestDamagedGuard(t *testing.T) {
	dir := closed(t)
	for _, at := range []int64{0, 25, -2} {
		flip(t, filepath.Join(dir, "GUARD"), at)
		wantDamaged(t, dir, "GUARD")
		flip(t, filepath.Join(dir, "GUARD"), at)
	}
	closeLog(t, openLog(t, dir, eventlog.Options{}))
}

func TestDamagedTable(t *testing.T) {
	t.Parallel()
	dir := closed(t)
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := ""
	for _, table := range tables {
		if info, err := os.Stat(table); err == nil && info.Size() > 400_000 {
			damaged = table
		}
	}
	flip(t, damaged, 100_000) // two bad blocks with good ones between them
	flip(t, damaged, 300_000)

	l := openLog(t, dir, eventlog.Options{})
	defer closeLog(t, l)
	records, damage := readAll(t, l, partitionT)
	if len(damage) != 2 {
		t.Fatalf("damage is %v, want two stretches", damage)
	}
	lost := int64(0)
	for _, d := range damage {
		lost += d.To - d.From
		if d.Partition != partitionT || !strings.Contains(d.Error(), filepath.Base(damaged)) {
			t.Errorf("damage %q does not name %s and %s", d, partitionT, filepath.Base(damaged))
		}
	}
	d := damage[0]
	_, err = l.Read(context.Background(), partitionT, d.To-1, eventlog.Limit{Records: 1})
	if corrupt := (*eventlog.CorruptError)(nil); !errors.As(err, &corrupt) || corrupt.From != d.To-1 || corrupt.To != d.To {
		t.Errorf("read of the last record of %v gave %v", d, err)
	}
	if int64(len(records))+lost != 3000 || lost > 100 {
		t.Errorf("%d records are readable and %d lost, want 3000 together and the lost ones those of two blocks", len(records), lost)
	}
	if faults := verify(t, l); len(faults) != 2 {
		t.Errorf("verify reports %q, want the two stretches", faults)
	}
	appendTo(t, l, rec("t", "", "more")) // the log stays in use
}

// TestWholeTableDamaged makes a table's footer unreadable while its size stays.
func TestWholeTableDamaged(t *testing.T) {
	dir := closed(t)
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		flip(t, table, -5)
	}
	l, err := eventlog.Open(dir, eventlog.Options{Logger: quiet()})
	if err == nil {
		closeLog(t, l)
		t.Fatal("a log was opened without a readable table")
	}
	if !errors.Is(err, eventlog.ErrDamaged) || !strings.Contains(err.Error(), ".sst") {
		t.Errorf("got error %q, want ErrDamaged that names a table", err)
	}
}

func writeGuard(t *testing.T, dir, lines string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "GUARD"), []byte(eventlog.GuardText(lines)), 0o600); err != nil {
		t.Fatal(err)
	}
}
