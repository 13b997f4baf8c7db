package dispatcher

import (
	"runtime"
	"testing"
	"time"

	"lazuli/event"
)

func TestPauseDelaysWorkAndLosesNone(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "before"))
	out := b.mustPoll("P", "before")
	b.publish(b.file("src", "waiting"))
	if code, body := b.call("POST", "/api/v2/event?model=binary&pause_plugins=true", []any{b.file("src", "restored")}); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	paused := func() {
		t.Helper()
		if ev, info := b.poll("P", allFeeds); ev != nil || !info.Paused || info.Ready || info.Filtered != 0 {
			t.Errorf("while plugins are paused: %v %+v", ev, info)
		}
	}
	paused()
	b.status(out, "P", event.Completed) // who has a job may end it
	if events, info := b.pollModel("binary/passive", "name=ingest&version=1&count=100&deadline=1&r-historic=true&r-live=true"); len(events) != 3 || info.Paused {
		t.Errorf("a passive poll got %d events, %+v", len(events), info)
	}
	b.restart()
	paused()
	b.clock.advance(pauseTime - time.Minute)
	if code, _ := b.call("POST", "/api/v2/event?model=nonsense&pause_plugins=1", "[]"); code != 400 { // the flag counts all the same
		t.Errorf("a request that fails: %d", code)
	}
	b.clock.advance(2 * time.Minute)
	paused()
	b.clock.advance(pauseTime)
	b.status(b.mustPoll("P", "waiting"), "P", event.Completed)
	b.status(b.mustPoll("P", "restored"), "P", event.Completed)
	b.mustIdle("P")
}

func TestResumeWakesPolls(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	if err := b.d.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := make(chan *event.Binary)
	go func() {
		ev, _ := b.poll("P", allFeeds+"&deadline=30")
		got <- ev
	}()
	if err := b.d.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ev := <-got; ev == nil {
		t.Error("the poll ended without the event")
	}
}

// A poll that waits when a pause begins gets nothing of what comes with it.
func TestPauseReachesPollsThatWait(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	c, err := b.d.consumer(t.Context(), identity{Name: "P", Version: "1", Model: event.ModelBinary})
	if err != nil {
		t.Fatal(err)
	}
	type polled struct {
		ev   *event.Binary
		info pollInfo
	}
	got := make(chan polled)
	go func() {
		ev, info := b.poll("P", allFeeds+"&deadline=1")
		got <- polled{ev, info}
	}()
	for waits := false; !waits; runtime.Gosched() {
		c.mu.Lock()
		waits = len(c.waiters) > 0
		c.mu.Unlock()
	}
	if code, body := b.call("POST", "/api/v2/event?model=binary&pause_plugins=true", []any{b.file("src", "restored")}); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	if p := <-got; p.ev != nil || !p.info.Paused || p.info.Ready {
		t.Errorf("a poll that waited got %+v %+v", p.ev, p.info)
	}
	if err := b.d.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.mustPoll("P", "restored")
}
