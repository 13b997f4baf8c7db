package dispatcher

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/blob"
)

// flakyStore says that it is away when it is told to.
type flakyStore struct {
	blob.Store
	away atomic.Bool
}

func (s *flakyStore) Check(ctx context.Context) error {
	if s.away.Load() {
		return errors.New("the disk is gone")
	}
	return s.Store.Check(ctx)
}

func TestStoreAwayForHalfAnHourWithABacklog(t *testing.T) {
	b := newBench(t)
	store := &flakyStore{}
	b.around = func(s blob.Store) blob.Store { store.Store = s; return store }
	b.restart()
	for _, content := range []string{"one", "two", "three"} {
		b.publish(b.file("src", content))
	}
	first := b.mustPoll("P", "one")
	store.away.Store(true)
	b.d.checkStore(t.Context())
	b.mustIdle("P")
	for range 60 {
		b.status(first, "P", event.ErrorNetwork)
		b.clock.advance(30 * time.Second)
		b.d.reap(t.Context())
		b.mustIdle("P")
	}
	if events, _ := b.pollModel("binary/passive", "name=ingest&version=1&count=100&deadline=1&r-historic=true"); len(events) != 3 {
		t.Errorf("a passive reader got %d events", len(events))
	}
	store.away.Store(false)
	b.d.checkStore(t.Context())
	for _, content := range []string{"one", "two", "three"} {
		b.status(b.mustPoll("P", content), "P", event.Completed)
	}
	b.mustIdle("P")
	if got := b.openLetters(); len(got) != 0 {
		t.Errorf("dead letters %q", got)
	}
}
