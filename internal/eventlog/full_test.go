package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"lazuli/internal/eventlog"
)

// TestWriteFails lets one kind of write fail, from some moment on and for ever, while many append. The process must live,
// what was acknowledged must be readable at once and after the next Open, and what failed must not.
func TestWriteFails(t *testing.T) {
	const wal, table, manifest = ".log", ".sst", "MANIFEST"
	for _, test := range []struct {
		name  string
		kind  errorfs.OpKind
		file  string
		bytes int // of each record: with many, memtables rotate and flush
		torn  bool
	}{
		{"write of the WAL", errorfs.OpFileWrite, wal, 100, false},
		{"write of the WAL, records of half a memtable", errorfs.OpFileWrite, wal, 5 << 20, false},
		{"sync of the WAL", errorfs.OpFileSyncData, wal, 100, true},
		{"creation of a WAL", errorfs.OpCreate, wal, 300 << 10, true},
		{"reuse of a WAL", errorfs.OpReuseForWrite, wal, 300 << 10, true},
		{"creation of a table", errorfs.OpCreate, table, 300 << 10, true},
		{"write of a table", errorfs.OpFileWrite, table, 300 << 10, true},
		{"write of the MANIFEST", errorfs.OpFileWrite, manifest, 300 << 10, true},
		{"sync of the MANIFEST", errorfs.OpFileSync, manifest, 300 << 10, true},
		{"rename of the guard", errorfs.OpRename, "GUARD", 300 << 10, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			memory := vfs.NewMem()
			var armed atomic.Bool
			failing := errorfs.Wrap(memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if armed.Load() && op.Kind == test.kind && strings.Contains(path.Base(op.Path), test.file) {
					return syscall.ENOSPC
				}
				return nil
			}))
			l := openLog(t, "dir", eventlog.Options{FS: failing, ReserveBytes: -1})
			appendTo(t, l, rec("c", "key", "first"))
			armed.Store(true)
			kept, failed := fillUntilError(t, l, test.bytes)

			check := func(l *eventlog.Embedded) {
				t.Helper()
				wantSound(t, l)
				records, damage := readAll(t, l, partitionT)
				if damage != nil {
					t.Errorf("damage: %v", damage)
				}
				found := make(map[string]bool)
				for _, r := range records {
					found[string(r.Key)] = true
				}
				for _, key := range kept {
					if !found[key] {
						t.Errorf("%s was acknowledged and is gone", key)
					}
				}
				for _, key := range failed {
					if found[key] && !test.torn {
						t.Errorf("the append of %s failed, and it is there", key)
					}
				}
				compacted, _ := readAll(t, l, partitionC)
				if len(compacted) != 1 || !found[string(compacted[0].Value)] && string(compacted[0].Value) != "first" {
					t.Errorf("the compacted topic has %d records, or one of a batch that is not there", len(compacted))
				}
			}
			check(l)
			if _, err := l.Append(context.Background(), []eventlog.Record{rec("t", "", "x")}); !errors.Is(err, eventlog.ErrFull) {
				t.Errorf("a later append gave %v, want ErrFull", err)
			}
			if err := l.Commit(context.Background(), "g", map[eventlog.Partition]int64{partitionT: 1}); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("a later commit gave %v, want ENOSPC", err)
			}
			if stats, err := l.Stats(); err != nil || !errors.Is(stats.Failed, syscall.ENOSPC) {
				t.Errorf("stats say the failure is %v (error %v)", stats.Failed, err)
			}
			if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("close gave %v, want ENOSPC", err)
			}

			l = openLog(t, "dir", eventlog.Options{FS: memory})
			check(l)
			appendTo(t, l, rec("t", "", "goes on"))
			closeLog(t, l)
		})
	}
}

// fillUntilError appends from four goroutines until all had an error. It returns the keys of what was kept and what not.
func fillUntilError(t *testing.T, l *eventlog.Embedded, size int) (kept, failed []string) {
	var mu sync.Mutex
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%d", w, i)
				record := eventlog.Record{Topic: "t", Key: []byte(key), Value: slices.Repeat([]byte{byte(i)}, size)}
				_, err := l.Append(context.Background(), []eventlog.Record{record, rec("c", "key", key)})
				mu.Lock()
				if err == nil {
					kept = append(kept, key)
				} else {
					failed = append(failed, key)
				}
				mu.Unlock()
				if err == nil && i < 400 {
					continue
				}
				if !errors.Is(err, eventlog.ErrFull) || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("append %s gave %v, want ErrFull and ENOSPC", key, err)
				}
				return
			}
		})
	}
	writers.Wait()
	return kept, failed
}

// smallDisk says how much space it has.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

func TestReserve(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(1 << 30)
	l := openLog(t, "dir", eventlog.Options{FS: disk, ReserveBytes: 1 << 20})
	defer closeLog(t, l)
	appendTo(t, l, rec("t", "", "before"))
	disk.free.Store(1<<20 + 3)
	if _, err := l.Append(context.Background(), []eventlog.Record{rec("t", "", "four")}); !errors.Is(err, eventlog.ErrFull) {
		t.Errorf("append to a full disk gave %v, want ErrFull", err)
	}
	if err := l.Commit(context.Background(), "g", map[eventlog.Partition]int64{partitionT: 1}); err != nil {
		t.Errorf("commit, which needs next to nothing, gave %v", err)
	}
	disk.free.Store(1 << 30)
	appendTo(t, l, rec("t", "", "after"))
	if records, _ := readAll(t, l, partitionT); len(records) != 2 {
		t.Errorf("%d records, want 2", len(records))
	}
}
