package dispatcher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

func TestReset(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"), b.file("src", "two"))
	old := b.mustPoll("P", "one")
	b.status(b.mustPoll("P", "two"), "P", event.Completed)
	b.mustPoll("Other", "one")
	b.publish(b.file("src", "three"))
	again, _ := b.poll("P", allFeeds+"&reset=true")
	if again == nil || again.Entity.SHA256 != old.Entity.SHA256 {
		t.Fatalf("after a reset the first job is %+v", again)
	}
	b.status(old, "P", event.Completed) // of before: it ends nothing
	b.restart()
	b.status(old, "P", event.Completed)
	b.mustPoll("P", "two")
	b.mustPoll("P", "three") // the new birth came after it: historic
	b.mustIdle("P")
	b.status(again, "P", event.Completed)
	b.clock.advance(2 * time.Minute)
	b.d.reap(t.Context())
	b.mustPoll("P", "two") // its lease ended; that of the first did not come back
	b.mustPoll("P", "three")
	b.mustIdle("P")
	if got := b.why("azul.lazuli.src.binary.sourced/0/0"); got != "Other waiting historic, 1 ahead\nP ended historic" {
		t.Errorf("the other consumer: %s", got)
	}
}

func TestResetOfAnUnknownConsumerIsABirth(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"))
	if got, _ := b.poll("P", allFeeds+"&reset=true"); got == nil {
		t.Error("no job")
	}
}

func TestDebugKeepsProgressApart(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"))
	b.status(b.mustPoll("P", "one"), "P", event.Completed)
	if got, _ := b.poll("P", allFeeds+"&debug=true"); got == nil {
		t.Error("a poll with debug=true does not begin anew")
	}
	b.mustIdle("P")
}

// A consumer that is reset twice within a second, or after the clock was set back, is born twice: what it handed out in between ends
// nothing.
func TestResetsWithinASecond(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"))
	job := b.mustPoll("P", "one")
	for _, later := range []time.Duration{0, 0, -time.Hour, time.Millisecond} {
		b.clock.advance(later)
		next, _ := b.poll("P", allFeeds+"&reset=true")
		if next == nil || next.Dequeued == job.Dequeued {
			t.Fatalf("after a reset the job is %+v", next)
		}
		b.status(job, "P", event.Completed)
		job = next
	}
	b.restart()
	b.clock.advance(2 * time.Hour)
	b.d.reap(t.Context())
	b.status(b.mustPoll("P", "one"), "P", event.Completed)
	b.mustIdle("P")
}

// birthLog does something before it keeps a birth, and may refuse it.
type birthLog struct {
	eventlog.Log
	first func() error
}

func (l *birthLog) Append(ctx context.Context, records []eventlog.Record) ([]eventlog.Position, error) {
	if first := l.first; first != nil && len(records) > 0 && strings.HasPrefix(string(records[0].Key), "birth ") {
		l.first = nil
		if err := first(); err != nil {
			return nil, err
		}
	}
	return l.Log.Append(ctx, records)
}

// While a reset waits for the log nothing is handed out whose end would count for the new consumer.
func TestResetThatTakesLong(t *testing.T) {
	b := newBench(t)
	log := &birthLog{}
	b.aroundLog = func(l eventlog.Log) eventlog.Log { log.Log = l; return log }
	b.restart()
	b.publish(b.file("src", "one"), b.file("src", "two"))
	b.mustPoll("P", "one")
	log.first = func() error {
		b.clock.advance(5 * time.Second)
		b.mustIdle("P")
		return nil
	}
	if got, _ := b.poll("P", allFeeds+"&reset=true"); got == nil || got.Entity.SHA256 != b.file("src", "one").Entity.SHA256 {
		t.Errorf("after the reset the first job is %+v", got)
	}
	b.mustPoll("P", "two")
	b.mustIdle("P")
}

// A reset that the log refuses leaves the old consumer as it was.
func TestResetThatFails(t *testing.T) {
	b := newBench(t)
	log := &birthLog{}
	b.aroundLog = func(l eventlog.Log) eventlog.Log { log.Log = l; return log }
	b.restart()
	b.publish(b.file("src", "one"), b.file("src", "two"))
	job := b.mustPoll("P", "one")
	log.first = func() error { return errors.New("the log is away") }
	c, err := b.d.consumer(t.Context(), identity{Name: "P", Version: "1", Model: event.ModelBinary})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.d.reset(t.Context(), c.identity); err == nil {
		t.Fatal("the reset came through")
	}
	b.status(job, "P", event.Completed)
	b.status(b.mustPoll("P", "two"), "P", event.Completed)
	b.mustIdle("P")
}
