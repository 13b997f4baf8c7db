package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lazuli/event"
	"lazuli/event/eventtest"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sourced     = "azul.lazuli.src.binary.sourced"
	statusTopic = "azul.lazuli.system.status"
	plugins     = "azul.lazuli.system.plugin"
	dead        = "azul.lazuli.system.dead"
)

// bench is a log, an index and an ingest between them.
type bench struct {
	t   *testing.T
	log *eventlog.Embedded
	idx *index.SQLite
	in  *Ingest
}

// failing is an index that cannot be written for a while.
type failing struct {
	index.Index
	left atomic.Int32
}

func (f *failing) Apply(ctx context.Context, b index.Batch) error {
	if f.left.Add(-1) >= 0 {
		return index.ErrFull
	}
	return f.Index.Apply(ctx, b)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	log, err := eventlog.Open(filepath.Join(t.TempDir(), "log"), eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	idx, err := index.OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(idx.Close(), log.Close()); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, log: log, idx: idx}
	for _, name := range []string{sourced, statusTopic, plugins, dead, "azul.lazuli.system.progress", "azul.other.src.binary.sourced"} {
		if err := log.EnsureTopics(t.Context(), []eventlog.Topic{{Name: name, Partitions: 1, Compact: true}}); err != nil {
			t.Fatal(err)
		}
	}
	b.start(idx)
	return b
}

func (b *bench) start(idx index.Index) {
	b.in = New(b.log, idx, Options{})
	ctx, stop := context.WithCancel(b.t.Context())
	ended := make(chan error, 1)
	in := b.in
	go func() { ended <- in.Run(ctx) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

// append adds an event to a topic.
func (b *bench) append(topic string, ev event.Event) {
	b.t.Helper()
	value, err := json.Marshal(ev)
	if err != nil {
		b.t.Fatal(err)
	}
	routing := event.Route(ev)
	b.raw(eventlog.Record{Topic: topic, Key: []byte(ev.Header().KafkaKey), Header: routing.Append(nil), Value: value})
}

func (b *bench) raw(r eventlog.Record) {
	b.t.Helper()
	if _, err := b.log.Append(b.t.Context(), []eventlog.Record{r}); err != nil {
		b.t.Fatal(err)
	}
}

// settle waits until everything in the log is in the index.
func (b *bench) settle() {
	b.t.Helper()
	topics, err := b.log.Topics(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	ends := map[eventlog.Partition]int64{}
	for _, t := range topics {
		ends[eventlog.Partition{Topic: t.Name}] = t.Bounds[0].End
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	if err := b.in.Reached(ctx, ends); err != nil {
		b.t.Fatal(err)
	}
}

func keyed(ev event.Event, key string) event.Event {
	ev.Header().KafkaKey = key
	return ev
}

func TestEventsBecomeDocuments(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := b.in.Subscribe(ctx)
	file := eventtest.Binary()
	b.append(sourced, keyed(file, "k1"))
	input := *file
	input.Dequeued = "k1.P.1.x"
	b.append(statusTopic, keyed(eventtest.Status(&input, event.Completed), "s1"))
	b.append(plugins, keyed(eventtest.Plugin("P", "1"), "p1"))
	b.append("azul.other.src.binary.sourced", keyed(eventtest.Binary(), "other"))
	b.settle()
	got, err := b.idx.Binary(t.Context(), index.Everyone, file.Entity.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Statuses) != 1 || got.Statuses[0].State != "completed" || len(got.Streams) != 1 || got.Events[0].Position != sourced+"/0/0" {
		t.Errorf("%+v", got)
	}
	if counts, err := b.idx.Counts(t.Context()); err != nil || counts.Documents != 1 {
		t.Errorf("%+v %v: another platform's events count", counts, err)
	}
	if list, err := b.idx.Plugins(t.Context(), index.Everyone); err != nil || len(list) != 1 {
		t.Errorf("plugins %+v %v", list, err)
	}
	select {
	case sha := <-changes:
		if sha != file.Entity.SHA256 {
			t.Errorf("changed: %s", sha)
		}
	default:
		t.Error("no change was told")
	}
	b.raw(eventlog.Record{Topic: statusTopic, Key: []byte("s1")}) // a tombstone
	b.settle()
	if got, err := b.idx.Binary(t.Context(), index.Everyone, file.Entity.SHA256); err != nil || len(got.Statuses) != 0 {
		t.Errorf("after the removal of its status: %+v %v", got, err)
	}
	b.raw(eventlog.Record{Topic: sourced, Key: []byte("k1")}) // a tombstone
	b.settle()
	if _, err := b.idx.Binary(t.Context(), index.Everyone, file.Entity.SHA256); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("after its removal: %v", err)
	}
}

func TestWhatCannotBeReadIsADeadLetter(t *testing.T) {
	b := newBench(t)
	b.raw(eventlog.Record{Topic: sourced, Key: []byte("bad"), Value: []byte("{not an event")})
	b.append(sourced, keyed(eventtest.Binary(), "good"))
	b.raw(eventlog.Record{Topic: dead, Key: []byte("job"), Value: []byte(`{"id":"job","plugin":"P","reason":"gave up","attempts":3}`)})
	b.settle()
	page, err := b.idx.DeadLetters(t.Context(), 10, "")
	list := page.Dead
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	for _, d := range list {
		if d.ID != "job" && (d.Consumer != "ingest" || !strings.HasPrefix(d.Position, sourced) || d.Reason == "") {
			t.Errorf("dead letter %+v", d)
		}
	}
	b.raw(eventlog.Record{Topic: dead, Key: []byte("job")})
	b.settle()
	if page, _ = b.idx.DeadLetters(t.Context(), 10, ""); len(page.Dead) != 1 {
		t.Errorf("a closed dead letter is still there: %+v", list)
	}
}

func TestPlaceIsKeptWithTheDocuments(t *testing.T) {
	b := newBench(t)
	b.append(sourced, keyed(eventtest.Binary(), "k1"))
	b.settle()
	b.start(b.idx) // a second ingest on the same index begins where the first one is
	b.append(sourced, keyed(eventtest.Binary(eventtest.Content([]byte("another"), "text/plain")), "k2"))
	b.settle()
	offsets, err := b.idx.Offsets(t.Context())
	if err != nil || offsets[sourced+"/0"] != 2 {
		t.Errorf("offsets %v %v", offsets, err)
	}
	if counts, err := b.idx.Counts(t.Context()); err != nil || counts.Documents != 2 {
		t.Errorf("%+v %v", counts, err)
	}
}

func TestIndexThatCannotBeWritten(t *testing.T) {
	b := newBench(t)
	b.append(sourced, keyed(eventtest.Binary(), "k0"))
	b.settle()
	bad := &failing{Index: b.idx}
	bad.left.Store(3)
	in := New(b.log, bad, Options{})
	offsets := map[string]int64{}
	for try := range 3 {
		if _, err := in.step(t.Context(), offsets); !errors.Is(err, index.ErrFull) || len(offsets) != 0 {
			t.Fatalf("try %d: %v, offsets %v: want the index's error, and no step forward", try, err, offsets)
		}
	}
	if _, err := in.step(t.Context(), offsets); err != nil || offsets[sourced+"/0"] != 1 {
		t.Errorf("when it can be written again: %v, %v", err, offsets)
	}
}

func TestReachedEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.in.Reached(ctx, map[eventlog.Partition]int64{{Topic: sourced}: 99}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
