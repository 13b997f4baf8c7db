package eventlog_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"lazuli/internal/eventlog"
)

// testClock is a clock that the test sets, in seconds since 1970.
type testClock struct{ seconds atomic.Int64 }

func (c *testClock) set(seconds int64) { c.seconds.Store(seconds) }
func (c *testClock) now() time.Time    { return time.Unix(c.seconds.Load(), 0) }

func openAt(t *testing.T, clock *testClock, fs vfs.FS) *eventlog.Embedded {
	return openLog(t, "dir", eventlog.Options{FS: fs, Now: clock.now, RetentionInterval: -1})
}

func expire(t *testing.T, l *eventlog.Embedded) {
	t.Helper()
	if err := l.Expire(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func offsets(records []eventlog.Record) []int64 {
	var out []int64
	for _, r := range records {
		out = append(out, r.Position.Offset)
	}
	return out
}

func bounds(t *testing.T, l eventlog.Log, p eventlog.Partition) eventlog.Bounds {
	t.Helper()
	b, err := l.Bounds(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExpire(t *testing.T) {
	fs, clock := vfs.NewMem(), new(testClock)
	clock.set(0)
	l := openAt(t, clock, fs)
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1, Retention: 100 * time.Second})
	for second := range int64(50) {
		clock.set(second)
		appendTo(t, l, rec("t", "", "x"), rec("t", "", "x"), rec("c", fmt.Sprint(second), "x"))
	}
	for _, test := range []struct{ now, start int64 }{
		{100, 0}, {101, 2}, {101, 2}, {110, 20}, {149, 98}, {149, 98},
	} {
		clock.set(test.now)
		expire(t, l)
		if got, want := bounds(t, l, partitionT), (eventlog.Bounds{Start: test.start, End: 100}); got != want {
			t.Errorf("at %d s bounds are %v, want %v", test.now, got, want)
		}
		records, damage := readAll(t, l, partitionT)
		if damage != nil || int64(len(records)) != 100-test.start || records[0].Position.Offset != test.start {
			t.Errorf("at %d s offsets are %v (damage %v), want them from %d on", test.now, offsets(records), damage, test.start)
		}
		page, err := l.Read(context.Background(), partitionT, 0, eventlog.Limit{Records: 1})
		if err != nil || len(page.Records) != 1 || page.Records[0].Position.Offset != test.start {
			t.Errorf("at %d s a read from 0 gave %v, %v", test.now, page, err)
		}
		wantSound(t, l)
	}
	clock.set(1000)
	expire(t, l)
	closeLog(t, l)
	l = openAt(t, clock, fs)
	defer closeLog(t, l)
	if got, want := bounds(t, l, partitionT), (eventlog.Bounds{Start: 100, End: 100}); got != want {
		t.Errorf("bounds are %v when all is expired, want %v", got, want)
	}
	if got := bounds(t, l, partitionC); got.Start != 0 {
		t.Errorf("a topic without retention lost records: %v", got)
	}
	if at := appendTo(t, l, rec("t", "", "x")); at[0].Offset != 100 {
		t.Errorf("the next record got offset %d, want 100", at[0].Offset)
	}
	wantSound(t, l)
}

// TestExpireCompacted checks that the entries of expired keys go too: a key that comes back must be found again, and one
// that was written again since must stay.
func TestExpireCompacted(t *testing.T) {
	fs, clock := vfs.NewMem(), new(testClock)
	clock.set(0)
	l := openAt(t, clock, fs)
	defer closeLog(t, l)
	ensure(t, l, eventlog.Topic{Name: "c", Partitions: 1, Compact: true, Retention: 100 * time.Second})
	for i := range 2500 { // more than a page
		appendTo(t, l, rec("c", fmt.Sprint("old", i), "x"))
	}
	appendTo(t, l, rec("c", "again", "1"))
	clock.set(50)
	appendTo(t, l, rec("c", "again", "2"), rec("c", "new", "1"), rec("c", "old7", "2"))
	clock.set(120)
	expire(t, l)
	records, _ := readAll(t, l, partitionC)
	if got, want := offsets(records), []int64{2501, 2502, 2503}; !slices.Equal(got, want) {
		t.Errorf("offsets are %v, want %v", got, want)
	}
	if b := bounds(t, l, partitionC); b.Start != 2500 { // where "again" was at first
		t.Errorf("bounds are %v, want them to start at 2500", b)
	}
	wantSound(t, l)
	appendTo(t, l, rec("c", "old1", "2"), rec("c", "again", "3"))
	records, _ = readAll(t, l, partitionC)
	if got, want := offsets(records), []int64{2502, 2503, 2504, 2505}; !slices.Equal(got, want) {
		t.Errorf("offsets are %v, want %v", got, want)
	}
	wantSound(t, l)
}

// TestClockGoesBack checks that the times of records never do.
func TestClockGoesBack(t *testing.T) {
	fs, clock := vfs.NewMem(), new(testClock)
	clock.set(5000)
	l := openAt(t, clock, fs)
	appendTo(t, l, rec("t", "", "1"))
	clock.set(1400)
	appendTo(t, l, rec("t", "", "2"))
	closeLog(t, l)
	l = openAt(t, clock, fs)
	defer closeLog(t, l)
	appendTo(t, l, rec("t", "", "3"))
	clock.set(6000)
	appendTo(t, l, rec("t", "", "4"))
	var got []int64
	records, _ := readAll(t, l, partitionT)
	for _, r := range records {
		got = append(got, r.Time.Unix())
	}
	if want := []int64{5000, 5000, 5000, 6000}; !slices.Equal(got, want) {
		t.Errorf("times are %v, want %v", got, want)
	}
	wantSound(t, l)
}
