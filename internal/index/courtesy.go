package index

import (
	"context"
	"sync"
	"time"
)

// courtesy lets readers go first: what works in the background for long asks now and then whether somebody waits for an answer.
type courtesy struct {
	mu      sync.Mutex
	readers int
	none    chan struct{} // closed when there is no reader any more
}

func (c *courtesy) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readers++; c.readers == 1 {
		c.none = make(chan struct{})
	}
}

func (c *courtesy) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readers--; c.readers == 0 {
		close(c.none)
	}
}

// wait returns when nobody reads, after a time at the latest: work that waits as long as it has worked goes on half as fast when there is always a reader.
func (c *courtesy) wait(ctx context.Context, atMost time.Duration) {
	c.mu.Lock()
	readers, none := c.readers, c.none
	c.mu.Unlock()
	if readers == 0 {
		return
	}
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-none:
	case <-timer.C:
	case <-ctx.Done():
	}
}
