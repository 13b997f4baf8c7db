package eventlog

import (
	"context"
	"sync"
)

// watchers hands tokens to everyone who watches.
type watchers struct {
	mu       sync.Mutex
	channels map[chan struct{}]func() bool // each with what ends the wait for its context
}

func (w *watchers) add(ctx context.Context) <-chan struct{} {
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

// wake leaves a token with everyone who has none.
func (w *watchers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.channels {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// close forgets all watchers. Nothing changes any more, so that they get no further token.
func (w *watchers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, stop := range w.channels {
		stop()
		delete(w.channels, c)
	}
}
