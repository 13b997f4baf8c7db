package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
)

// moodyLog is a log in memory whose calls fail when the test wants it, before they did anything or after, and which tells
// the test of everything that it keeps.
type moodyLog struct {
	*eventlogtest.Memory
	random *rand.Rand
	fails  struct{ reads, appends, late float64 } // chances; late is that of an append that is kept and fails all the same
	kept   func(r *eventlog.Record, at eventlog.Position)
}

var errAway = errors.New("the log is away")

func (l *moodyLog) fail(chance float64) bool { return chance > 0 && l.random.Float64() < chance }

// troubled tells whether calls may fail now.
func (l *moodyLog) troubled() bool { return l.fails.reads+l.fails.appends+l.fails.late > 0 }

func (l *moodyLog) Append(ctx context.Context, records []eventlog.Record) ([]eventlog.Position, error) {
	if l.fail(l.fails.appends) {
		return nil, errAway
	}
	positions, err := l.Memory.Append(ctx, records)
	for i := range positions {
		l.kept(&records[i], positions[i])
	}
	if err == nil && l.fail(l.fails.late) {
		return nil, errAway
	}
	return positions, err
}

func (l *moodyLog) Read(ctx context.Context, p eventlog.Partition, offset int64, limit eventlog.Limit) (eventlog.Page, error) {
	if l.fail(l.fails.reads) {
		return eventlog.Page{}, errAway
	}
	return l.Memory.Read(ctx, p, offset, limit)
}

func (l *moodyLog) Bounds(ctx context.Context, p eventlog.Partition) (eventlog.Bounds, error) {
	if l.fail(l.fails.reads) {
		return eventlog.Bounds{}, errAway
	}
	return l.Memory.Bounds(ctx, p)
}

func (l *moodyLog) Topics(ctx context.Context) ([]eventlog.TopicState, error) {
	if l.fail(l.fails.reads) {
		return nil, errAway
	}
	return l.Memory.Topics(ctx)
}

func (l *moodyLog) EnsureTopics(ctx context.Context, topics []eventlog.Topic) error {
	if l.fail(l.fails.appends) {
		return errAway
	}
	return l.Memory.EnsureTopics(ctx, topics)
}

func (l *moodyLog) Commit(ctx context.Context, group string, offsets map[eventlog.Partition]int64) error {
	if l.fail(l.fails.appends) {
		return errAway
	}
	return l.Memory.Commit(ctx, group, offsets)
}

// fact is what the model knows of a record in a topic of binary events.
type fact struct {
	at     eventlog.Position
	key    string
	bad    bool // a tombstone, or no event
	source string
	format string
}

// note remembers what the log keeps: events, and how jobs ended.
func (w *world) note(r *eventlog.Record, at eventlog.Position) {
	switch {
	case r.Topic == w.names.system(string(event.ModelStatus)):
		w.noteStatus(r, at)
	case r.Topic == w.names.system(topicExpedite):
		w.noteBinary(r, at)
	default:
		if _, _, ok := w.names.parseBinary(r.Topic); ok {
			w.noteBinary(r, at)
		}
	}
}

func (w *world) noteBinary(r *eventlog.Record, at eventlog.Position) {
	var e struct {
		Entity struct {
			Format string `json:"file_format"`
		} `json:"entity"`
		Source struct {
			Name string `json:"name"`
		} `json:"source"`
	}
	f := &fact{at: at, key: string(r.Key), bad: len(r.Value) == 0 || json.Unmarshal(r.Value, &e) != nil}
	f.source, f.format = e.Source.Name, e.Entity.Format
	w.facts[at] = f
	w.newest[f.key] = f
}

// report is a status in the log.
type report struct {
	at     eventlog.Position
	id     event.JobID
	author string
	state  event.State
	last   bool // the dispatcher gave the job up
}

func (w *world) noteStatus(r *eventlog.Record, at eventlog.Position) {
	ev, err := event.Decode(event.ModelStatus, r.Value)
	if err != nil {
		w.fatalf("a status in the log cannot be read: %v", err)
	}
	s := ev.(*event.Status)
	id, ok := event.ParseJobID(s.Entity.Input.Dequeued)
	w.statuses = append(w.statuses, report{at, id, s.Author.Name, s.Entity.Status, s.Entity.Error == "given up by the dispatcher"})
	rep := &w.statuses[len(w.statuses)-1]
	if ok && rep.state.Final() && (rep.state != event.ErrorNetwork || rep.last) {
		w.finals[id.Run()+" by "+rep.author]++
	}
}

// healthy is a store that nobody uses: no event of the model has its bytes.
type healthy struct{ blob.Store }

func (healthy) Check(context.Context) error { return nil }
