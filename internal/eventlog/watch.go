package eventlog

import (
	"context"
	"sync"
)

// Watchers hands tokens to everyone who watches a log; its zero value is ready. It is for implementations of Log.
type Watchers struct {
	mu       sync.Mutex
	channels map[chan struct{}]func() bool // each with what ends the wait for its context
}

// Add returns a channel for Log.Watch, until ctx ends.
func (w *Watchers) Add(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.channels == nil {
		w.channels = make(map[chan struct{}]func() bool)
	}
	w.channels[c] = context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.channels, c)
	})
	return c
}

// Wake leaves a token with everyone who has none.
func (w *Watchers) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.channels {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Close forgets all watchers. Nothing changes any more, so that they get no further token.
func (w *Watchers) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, stop := range w.channels {
		stop()
		delete(w.channels, c)
	}
}
