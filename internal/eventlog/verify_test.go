package eventlog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"lazuli/internal/eventlog"
)

// The ids that openLog's topics get; EnsureTopics does not promise which is which, so that tests ask.
func topicID(t *testing.T, l *eventlog.Embedded, name string) uint32 {
	t.Helper()
	value, closer, err := l.DB().Get([]byte("t" + name))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	id, _ := binary.Uvarint(value)
	return uint32(id)
}

// TestVerifyFindsFaults breaks one promise of keys.go after the other.
func TestVerifyFindsFaults(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(db *pebble.DB, plain, compacted uint32) error
		want   []string // a part of each line
	}{
		{"nothing", func(*pebble.DB, uint32, uint32) error { return nil }, nil},
		{"record missing", func(db *pebble.DB, id, _ uint32) error {
			return db.Delete(eventlog.RecordKey(nil, id, 0, 4), nil)
		}, []string{"t/0 is damaged from offset 4 up to 5"}},
		{"last record missing", func(db *pebble.DB, id, _ uint32) error {
			return db.Delete(eventlog.RecordKey(nil, id, 0, 9), nil)
		}, []string{"t/0 is damaged from offset 9 up to 10"}},
		{"record malformed", func(db *pebble.DB, id, _ uint32) error {
			return db.Set(eventlog.RecordKey(nil, id, 0, 4), []byte{0, 2, 9, 1}, nil)
		}, []string{"t/0 is damaged from offset 4 up to 5"}},
		{"record past the end", func(db *pebble.DB, id, _ uint32) error {
			return db.Set(eventlog.RecordKey(nil, id, 0, 77), []byte{0, 2, 0, 0}, nil)
		}, []string{"t/0 has a record at offset 77, outside"}},
		{"time goes back", func(db *pebble.DB, id, _ uint32) error {
			return db.Set(eventlog.RecordKey(nil, id, 0, 4), []byte{0, 2, 0, 0}, nil)
		}, []string{"t/0 goes back in time at offset 4"}},
		{"topic that does not exist", func(db *pebble.DB, _, _ uint32) error {
			return db.Set(eventlog.RecordKey(nil, 99, 3, 1), []byte{0, 2, 0, 0}, nil)
		}, []string{"topic id 99, partition 3"}},
		{"entry of a key missing", func(db *pebble.DB, _, id uint32) error {
			return db.Delete(eventlog.LatestKey(nil, id, []byte("key1")), nil)
		}, []string{"c/0: the key at offset 6 has no entry"}},
		{"entry of a key wrong", func(db *pebble.DB, _, id uint32) error {
			return db.Set(eventlog.LatestKey(nil, id, []byte("key1")), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, nil)
		}, []string{"c/0: the record at offset 6 was replaced by partition 0, offset 1", "c has 5 entries of keys for 4 records"}},
		{"entry of a key too many", func(db *pebble.DB, _, id uint32) error {
			return db.Set(eventlog.LatestKey(nil, id, []byte("other")), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, nil)
		}, []string{"c has 6 entries of keys for 5 records"}},
		{"group past the end", func(db *pebble.DB, id, _ uint32) error {
			key := binary.BigEndian.AppendUint32([]byte("ggroup\x00"), id)
			return db.Set(append(key, 0, 0, 0, 0), []byte{0, 0, 0, 0, 0, 0, 0, 11}, nil)
		}, []string{"group group is at offset 11 of t/0, which ends at 10"}},
		{"group of nothing", func(db *pebble.DB, _, _ uint32) error {
			return db.Set([]byte("ggroup\x00"), []byte{1}, nil)
		}, []string{"group is malformed"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := openLog(t, "dir", eventlog.Options{FS: vfs.NewMem()})
			defer closeLog(t, l)
			for i := range 10 {
				appendTo(t, l, rec("t", "", "x"), rec("c", fmt.Sprint("key", i%5), "x"))
			}
			if err := test.damage(l.DB(), topicID(t, l, "t"), topicID(t, l, "c")); err != nil {
				t.Fatal(err)
			}
			faults := verify(t, l)
			ok := slices.EqualFunc(faults, test.want, func(fault, want string) bool {
				return strings.Contains(fault, want) && !strings.Contains(fault, "\n")
			})
			if !ok {
				t.Errorf("verify reports %q, want lines with %q", faults, test.want)
			}
		})
	}
}

func TestVerifyCanBeStopped(t *testing.T) {
	l := openLog(t, "dir", eventlog.Options{FS: vfs.NewMem()})
	appendTo(t, l, rec("t", "", "x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Verify(ctx, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("verify gave %v, want that it was cancelled", err)
	}
	closeLog(t, l)
	if err := l.Verify(t.Context(), func(string) {}); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("verify gave %v after closing, want ErrClosed", err)
	}
}

// TestCompactionIsImmediate checks what the embedded log promises beyond the suite: a record that was replaced is gone.
func TestCompactionIsImmediate(t *testing.T) {
	l := openLog(t, "dir", eventlog.Options{FS: vfs.NewMem()})
	defer closeLog(t, l)
	appendTo(t, l, rec("c", "a", "0"), rec("c", "b", "1"), rec("c", "a", "2"))
	appendTo(t, l, rec("c", "b", "3"))
	tomb := eventlog.Record{Topic: "c", Key: []byte("a")}
	appendTo(t, l, tomb, tomb)
	records, _ := readAll(t, l, partitionC)
	if got := offsets(records); !slices.Equal(got, []int64{3, 5}) {
		t.Errorf("offsets are %v, want 3 and 5", got)
	}
	if records[1].Value != nil {
		t.Errorf("the last record is %v, want a tombstone", records[1])
	}
	wantSound(t, l)
}

// TestKeysMoveWithPartitions: the embedded log finds a key's record in whatever partition it was.
func TestKeysMoveWithPartitions(t *testing.T) {
	l := openLog(t, "dir", eventlog.Options{FS: vfs.NewMem()})
	defer closeLog(t, l)
	var before, after []eventlog.Record
	for i := range 20 {
		before = append(before, rec("c", fmt.Sprint(i), "old"))
		after = append(after, rec("c", fmt.Sprint(i), "new"))
	}
	appendTo(t, l, before...)
	ensure(t, l, eventlog.Topic{Name: "c", Partitions: 3, Compact: true})
	appendTo(t, l, after...)
	count := 0
	for i := range int32(3) {
		records, _ := readAll(t, l, eventlog.Partition{Topic: "c", Index: i})
		for _, r := range records {
			if count++; string(r.Value) != "new" {
				t.Errorf("%v is still there", r)
			}
		}
	}
	if count != 20 {
		t.Errorf("%d records, want 20", count)
	}
	wantSound(t, l)
}

// TestBecomesCompacted converts topics of several pages, forth and back and forth.
func TestBecomesCompacted(t *testing.T) {
	l := openLog(t, "dir", eventlog.Options{FS: vfs.NewMem()})
	defer closeLog(t, l)
	topic := eventlog.Topic{Name: "t", Partitions: 2}
	ensure(t, l, topic)
	for i := range 60 {
		var records []eventlog.Record
		for j := range 50 {
			records = append(records, rec("t", fmt.Sprint("key", (i*50+j)%700), fmt.Sprint(i*50+j)))
		}
		appendTo(t, l, append(records, rec("t", "", "no key"))...)
	}
	for _, compact := range []bool{true, false, true} {
		topic.Compact = compact
		ensure(t, l, topic)
		seen := make(map[string]bool)
		keyless := 0
		for i := range int32(2) {
			records, damage := readAll(t, l, eventlog.Partition{Topic: "t", Index: i})
			if damage != nil {
				t.Errorf("damage: %v", damage)
			}
			for _, r := range records {
				if len(r.Key) == 0 {
					keyless++
					continue
				}
				var n int
				if _, err := fmt.Sscan(string(r.Value), &n); err != nil || n < 2300 || seen[string(r.Key)] {
					t.Errorf("record %s under %s was replaced and is still there", r.Value, r.Key)
				}
				seen[string(r.Key)] = true
			}
		}
		if len(seen) != 700 || keyless != 60 {
			t.Errorf("%d keys and %d records without, want 700 and 60", len(seen), keyless)
		}
		wantSound(t, l)
	}
}
