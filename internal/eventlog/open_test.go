package eventlog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"lazuli/internal/eventlog"
)

func TestLocked(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"disk": vfs.Default, "memory": vfs.NewMem()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := openLog(t, dir, eventlog.Options{FS: fs})
			_, err := eventlog.Open(dir, eventlog.Options{FS: fs, Logger: quiet()})
			if !errors.Is(err, eventlog.ErrLocked) || !strings.Contains(err.Error(), dir) {
				t.Errorf("a second open gave %v, want ErrLocked with the directory", err)
			}
			closeLog(t, l)
			closeLog(t, openLog(t, dir, eventlog.Options{FS: fs}))
		})
	}
}

// TestLockedByAnotherProcess runs this test binary again.
func TestLockedByAnotherProcess(t *testing.T) {
	const variable = "LAZULI_TEST_LOG"
	if dir := os.Getenv(variable); dir != "" {
		_, err := eventlog.Open(dir, eventlog.Options{Logger: quiet()})
		fmt.Println("locked:", errors.Is(err, eventlog.ErrLocked), err)
		return
	}
	dir := t.TempDir()
	l := openLog(t, dir, eventlog.Options{})
	defer closeLog(t, l)
	other := exec.Command(os.Args[0], "-test.run=^TestLockedByAnotherProcess$")
	other.Env = append(os.Environ(), variable+"="+dir)
	if out, err := other.CombinedOutput(); err != nil || !strings.Contains(string(out), "locked: true") {
		t.Errorf("another process said %q, %v", out, err)
	}
}

func TestNewer(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, "dir", eventlog.Options{FS: fs})
	if err := l.DB().Set(eventlog.FormatKey, binary.BigEndian.AppendUint32(nil, 7), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	for range 2 {
		_, err := eventlog.Open("dir", eventlog.Options{FS: fs, Logger: quiet()})
		if newer := (*eventlog.NewerError)(nil); !errors.As(err, &newer) || newer.Have != 7 || newer.Know != 1 {
			t.Fatalf("open gave %v, want a NewerError with 7 and 1", err)
		}
	}
}

// TestNotALog opens a directory that another program's Pebble is in.
func TestNotALog(t *testing.T) {
	fs := vfs.NewMem()
	db, err := pebble.Open("dir", &pebble.Options{FS: fs, Logger: pebbleSilence{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("x"), nil, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := eventlog.Open("dir", eventlog.Options{FS: fs, Logger: quiet()}); !errors.Is(err, eventlog.ErrDamaged) {
		t.Errorf("open gave %v, want ErrDamaged", err)
	}
}

type pebbleSilence struct{}

func (pebbleSilence) Infof(string, ...any)  {}
func (pebbleSilence) Errorf(string, ...any) {}
func (pebbleSilence) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

func TestCannotCreate(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, file + "/below"} {
		if l, err := eventlog.Open(dir, eventlog.Options{Logger: quiet()}); err == nil {
			t.Errorf("a log was opened in %s: %v", dir, l.Close())
		}
	}
}

// TestCloseWaitsForAppends closes while many append: each append is either kept or refused with ErrClosed.
func TestCloseWaitsForAppends(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, "dir", eventlog.Options{FS: fs})
	const writers = 16
	kept := make(chan int, writers)
	started := make(chan struct{}, writers)
	for range writers {
		go func() {
			for n := 0; ; n++ {
				_, err := l.Append(context.Background(), []eventlog.Record{rec("t", "", "x")})
				if n == 0 {
					started <- struct{}{}
				}
				if err == nil {
					continue
				}
				if !errors.Is(err, eventlog.ErrClosed) {
					t.Errorf("append gave %v", err)
				}
				kept <- n
				return
			}
		}()
	}
	for range writers {
		<-started
	}
	closeLog(t, l)
	want := 0
	for range writers {
		want += <-kept
	}
	l = openLog(t, "dir", eventlog.Options{FS: fs})
	defer closeLog(t, l)
	if records, _ := readAll(t, l, partitionT); len(records) != want {
		t.Errorf("%d records were kept, and %d appends said so", len(records), want)
	}
	if _, err := l.Stats(); err != nil {
		t.Error(err)
	}
}

func TestStats(t *testing.T) {
	l := openLog(t, t.TempDir(), eventlog.Options{})
	defer closeLog(t, l)
	before, err := l.Stats()
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, rec("t", "key", "value"), rec("t", "", "12"))
	appendTo(t, l, rec("t", "", "3"))
	after, err := l.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if after.Appends-before.Appends != 2 || after.Records-before.Records != 3 || after.Bytes-before.Bytes != 11 ||
		after.Batches-before.Batches != 2 || after.DiskBytes == 0 || after.Failed != nil {
		t.Errorf("stats went from %+v to %+v", before, after)
	}
}

// TestRetentionRunsByItself waits for the janitor.
func TestRetentionRunsByItself(t *testing.T) {
	var clock testClock
	clock.set(1000)
	l := openLog(t, "dir", eventlog.Options{FS: vfs.NewMem(), Now: clock.now, RetentionInterval: time.Millisecond})
	defer closeLog(t, l)
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1, Retention: time.Second})
	appendTo(t, l, rec("t", "", "x"))
	clock.set(5000)
	for {
		b, err := l.Bounds(t.Context(), partitionT)
		if err != nil {
			t.Fatal(err)
		}
		if b.Start == 1 {
			return
		}
	}
}
