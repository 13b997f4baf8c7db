package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"lazuli/internal/eventlog"
)

// batch makes the records of one Append: some in t, one in c under a key that batches share. All carry the batch's number.
func batch(n int) []eventlog.Record {
	records := []eventlog.Record{rec("c", fmt.Sprint("key", n%5), fmt.Sprint(n))}
	for range n%3 + 1 {
		records = append(records, rec("t", "", fmt.Sprint(n)))
	}
	return records
}

// checkBatches checks a log that batch filled: every acknowledged batch is there, none in part, and the compacted topic
// holds what the batches that are there left in it. order tells whether the batches were appended by number.
func checkBatches(t *testing.T, l *eventlog.Embedded, acknowledged []int, order bool) {
	t.Helper()
	wantSound(t, l)
	records, damage := readAll(t, l, partitionT)
	if damage != nil {
		t.Errorf("damage after a crash: %v", damage)
	}
	found := make(map[string]int)
	for _, r := range records {
		found[string(r.Value)]++
	}
	for _, n := range acknowledged {
		if found[fmt.Sprint(n)] == 0 {
			t.Errorf("batch %d was acknowledged and is gone", n)
		}
	}
	last := make(map[string]int)
	for value, count := range found {
		var n int
		if _, err := fmt.Sscan(value, &n); err != nil || count != n%3+1 {
			t.Errorf("of batch %s there are %d records, want %d (%v)", value, count, n%3+1, err)
		}
		key := fmt.Sprint("key", n%5)
		last[key] = max(last[key], n)
	}
	kept, _ := readAll(t, l, partitionC)
	if len(kept) != len(last) {
		t.Errorf("the compacted topic has %d records, want %d", len(kept), len(last))
	}
	for _, r := range kept {
		value, key := string(r.Value), string(r.Key)
		if found[value] == 0 || order && value != fmt.Sprint(last[key]) {
			t.Errorf("the compacted topic has batch %s under %s, and the newest there is %d", value, key, last[key])
		}
	}
}

// script uses a log in every way, and calls acknowledged when a batch is.
func script(fs vfs.FS, acknowledged func(int)) error {
	ctx := context.Background()
	n := 0
	for range 3 {
		l, err := eventlog.Open("dir", eventlog.Options{FS: fs, Logger: quiet(), RetentionInterval: -1})
		if err != nil {
			return err
		}
		topics := []eventlog.Topic{{Name: "t", Partitions: 1}, {Name: "c", Partitions: 1, Compact: true}}
		err = l.EnsureTopics(ctx, topics)
		for i := 0; i < 6 && err == nil; i++ {
			if _, err = l.Append(ctx, batch(n)); err == nil {
				acknowledged(n)
			}
			n++
		}
		if err == nil {
			err = l.DB().Flush()
		}
		if err == nil {
			err = l.Commit(ctx, "g", map[eventlog.Partition]int64{partitionT: int64(n)})
		}
		if err := errors.Join(err, l.Close()); err != nil {
			return err
		}
	}
	return nil
}

// TestCrashAtAnyWrite takes the power away before every second operation that the script makes on the disk, and loses all,
// half or nothing of what was not synced.
func TestCrashAtAnyWrite(t *testing.T) {
	t.Parallel()
	for k := 0; ; k += 2 {
		memory := vfs.NewCrashableMem()
		rng := rand.New(rand.NewPCG(1, uint64(k)))
		var operations atomic.Int64
		var mu sync.Mutex
		var acknowledged, atCrash []int
		var crashed *vfs.MemFS
		fs := errorfs.Wrap(memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && operations.Add(1) == int64(k)+1 {
				mu.Lock()
				defer mu.Unlock()
				atCrash = append(atCrash, acknowledged...)
				crashed = memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * (k / 2 % 3), RNG: rng})
			}
			return nil
		}))
		err := script(fs, func(n int) {
			mu.Lock()
			defer mu.Unlock()
			acknowledged = append(acknowledged, n)
		})
		if err != nil {
			t.Fatal(err)
		}
		if crashed == nil {
			if k < 100 {
				t.Errorf("the script made %d operations only", k)
			}
			return
		}
		l := openLog(t, "dir", eventlog.Options{FS: crashed})
		checkBatches(t, l, atCrash, true)
		closeLog(t, l)
		if t.Failed() {
			t.Fatalf("after a crash before operation %d of the script", k)
		}
	}
}

// TestCrashUnderLoad takes the power away while many append.
func TestCrashUnderLoad(t *testing.T) {
	for seed := range uint64(5) {
		memory := vfs.NewCrashableMem()
		l := openLog(t, "dir", eventlog.Options{FS: memory})
		var mu sync.Mutex
		var acknowledged []int
		var next atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		enough := make(chan struct{})
		var writers sync.WaitGroup
		for range 8 {
			writers.Go(func() {
				for ctx.Err() == nil {
					n := int(next.Add(1))
					if _, err := l.Append(context.Background(), batch(n)); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, n)
					if len(acknowledged) == 200+int(seed)*37 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		mu.Lock()
		atCrash := append([]int(nil), acknowledged...)
		mu.Unlock()
		crashed := memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 40, RNG: rand.New(rand.NewPCG(seed, 0))})
		stop()
		writers.Wait()
		closeLog(t, l)

		l = openLog(t, "dir", eventlog.Options{FS: crashed})
		checkBatches(t, l, atCrash, false)
		closeLog(t, l)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
