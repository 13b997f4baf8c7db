package dispatcher

import (
	"testing"
	"time"

	"lazuli/event"
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
