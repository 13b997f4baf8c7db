package dispatcher

import (
	"context"
	"time"

	"lazuli/event"
)

// While the store is away, no job that needs a stream is handed out: every one would come to nothing and cost an attempt.

// checkEvery is how often the store is looked at; storePatience is how long that may take.
const (
	checkEvery    = 10 * time.Second
	storePatience = 5 * time.Second
)

// watchStore looks at the store until ctx ends.
func (d *Dispatcher) watchStore(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		d.checkStore(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// checkStore looks at the store once.
func (d *Dispatcher) checkStore(ctx context.Context) {
	d.checking.Lock()
	defer d.checking.Unlock()
	check, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	err := d.store.Check(check)
	if ctx.Err() != nil {
		return
	}
	away := err != nil
	if d.storeAway.Swap(away) == away {
		return
	}
	if away {
		d.logger.Error("the store is away: jobs wait until it is back", "err", err)
		return
	}
	d.logger.Info("the store is back")
	for _, c := range d.all() {
		c.mu.Lock()
		c.wakeAll()
		c.mu.Unlock()
	}
}

// held tells whether the consumer's jobs have to wait: for the store, or for a reset. The caller holds c.mu.
func (c *consumer) held() bool {
	return c.resetting || c.Model == event.ModelBinary && c.feeds[feedRetry] && c.d.storeAway.Load()
}
