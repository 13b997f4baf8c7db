package dispatcher

import (
	"fmt"
	"testing"
	"time"

	"lazuli/event"
)

// urgent publishes a file expedited and plain, as the reference's REST service does.
func (b *bench) urgent(content string) {
	b.t.Helper()
	fast := b.file("src", content)
	fast.Flags.Expedite = true
	b.publish(fast, b.file("src", content))
}

func TestExpeditedWorkIsNotRepeatedFromLive(t *testing.T) {
	for _, state := range []event.State{event.Completed, event.OptOut, event.ErrorException} {
		t.Run(string(state), func(t *testing.T) {
			b := newBench(t)
			b.mustIdle("P")
			b.urgent("x")
			job := b.mustPoll("P", "x")
			b.mustIdle("P") // the plain one waits for it
			b.restart()
			b.mustIdle("P") // after a restart too
			b.status(job, "P", state)
			b.mustIdle("P")
			b.restart()
			b.mustIdle("P")
			// Those who do not read the expedite feed get the plain one.
			if ev, _ := b.poll("Slow", "r-live=true&r-historic=true"); ev == nil || ev.Flags.Expedite {
				t.Errorf("a consumer without the expedite feed got %+v", ev)
			}
		})
	}
}

func TestExpeditedWorkIsNotRepeatedFromHistoric(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	b.poll("P", "r-expedite=true&r-live=true")
	fast := b.file("src", "x")
	fast.Flags.Expedite = true
	b.publish(fast)
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	b.mustIdle("P")
}

func TestExpeditedEventWaitsForItsLiveJob(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	b.publish(b.file("src", "x"))
	live := b.mustPoll("P", "x")
	fast := b.file("src", "x")
	fast.Flags.Expedite = true
	b.publish(fast)
	b.mustIdle("P")
	b.status(live, "P", event.Completed)
	b.mustIdle("P")
}

func TestLostExpeditedJobComesAgainOnce(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	b.urgent("x")
	b.mustPoll("P", "x")
	b.mustIdle("P")
	b.clock.advance(2 * time.Minute)
	b.d.reap(t.Context())
	again := b.mustPoll("P", "x")
	if !again.Flags.Expedite {
		t.Error("the plain one went first")
	}
	b.mustIdle("P")
	b.status(again, "P", event.Completed)
	b.mustIdle("P")
}

func TestBypassCacheRunsRegardless(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	fast, plain := b.file("src", "x"), b.file("src", "x")
	fast.Flags.Expedite = true
	plain.Flags.BypassCache = true
	b.publish(fast, plain)
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	b.mustPoll("P", "x")
}

func TestWhatWasExpeditedIsForgottenWithItsTopic(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	for i := range 2*onceBucketKeys + 1 {
		b.urgent(fmt.Sprint(i))
	}
	for range 2*onceBucketKeys + 1 {
		ev, _ := b.poll("P", "r-expedite=true")
		if ev == nil {
			t.Fatal("no job")
		}
		b.status(ev, "P", event.Completed)
	}
	b.restart()
	c := b.d.consumers[identity{Name: "P", Version: "1", Model: event.ModelBinary}.key()]
	if len(c.once.done) != 2*onceBucketKeys+1 || len(c.once.buckets) != 3 {
		t.Fatalf("%d keys in %d buckets after a restart", len(c.once.done), len(c.once.buckets))
	}
	b.clock.advance(expediteRetention + time.Hour)
	b.restart()
	b.restart()
	c = b.d.consumers[c.key]
	if len(c.once.done) != 0 || len(c.once.buckets) != 0 {
		t.Errorf("%d keys in %d buckets after their time", len(c.once.done), len(c.once.buckets))
	}
}
