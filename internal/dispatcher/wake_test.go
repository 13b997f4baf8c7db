package dispatcher

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// waitPoll is a poll inside the process, of any length.
func (b *bench) waitPoll(ctx context.Context, name string, deadline time.Duration) []*job {
	p := &poll{identity: identity{Name: name, Version: "1", Model: event.ModelBinary}, leased: true, active: true, count: 1}
	p.feeds = feedSet{true, true, true, true}
	a := b.d.poll(ctx, []*poll{p}, "", 1, deadline)
	return a.jobs
}

// TestOneEventWakesOnePoll: of many that wait for work, as many look as there is work.
func TestOneEventWakesOnePoll(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "first"))
	b.mustPoll("P", "first")
	c, err := b.d.consumer(t.Context(), identity{Name: "P", Version: "1", Model: event.ModelBinary})
	if err != nil {
		t.Fatal(err)
	}
	waiters := make([]*waiter, 100)
	for i := range waiters {
		waiters[i] = newWaiter()
		defer c.join(waiters[i])()
	}
	woken := func() (n int) {
		for _, w := range waiters {
			n += len(w.wake)
		}
		return n
	}
	for i, published := range []int{1, 3, 200} {
		for range published {
			b.publish(b.file("src", fmt.Sprint("file ", i, woken())))
		}
		if got, want := woken(), []int{1, 4, 100}[i]; got != want {
			t.Errorf("%d more events: %d of %d polls are awake, want %d", published, got, len(waiters), want)
		}
	}
}

// TestNoWakeIsLost: a poll that ends just when it is woken leaves the event to the other one that waits.
func TestNoWakeIsLost(t *testing.T) {
	b := newBench(t)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	start := func(ctx context.Context) <-chan []*job {
		got := make(chan []*job, 1)
		go func() { got <- b.waitPoll(ctx, "P", time.Hour) }()
		return got
	}
	b.publish(b.file("src", "first")) // makes the topic
	<-start(ctx)
	b.d.mu.Lock()
	events := b.d.tails[eventlog.Partition{Topic: b.d.names.binary("src", event.Sourced)}]
	b.d.mu.Unlock()
	patient := start(ctx)
	var c *consumer
	for ; c == nil; runtime.Gosched() {
		for _, known := range b.d.all() {
			if known.Name == "P" {
				c = known
			}
		}
	}
	for i := range 100 {
		brief, leave := context.WithCancel(ctx)
		leaving := start(brief)
		for waiting := 0; waiting != 2 && ctx.Err() == nil; runtime.Gosched() {
			c.mu.Lock()
			waiting = len(c.waiters)
			c.mu.Unlock()
		}
		before := events.end.Load()
		go func() { // in the moment in which it may be woken
			for events.end.Load() == before && ctx.Err() == nil {
				runtime.Gosched()
			}
			leave()
		}()
		b.publish(b.file("src", fmt.Sprint("file ", i)))
		jobs := <-leaving
		if len(jobs) == 0 {
			select {
			case jobs = <-patient:
				patient = start(ctx)
			case <-time.After(time.Minute):
			}
		}
		if len(jobs) != 1 {
			t.Fatalf("event %d went to nobody", i)
		}
	}
	end()
	<-patient
}
