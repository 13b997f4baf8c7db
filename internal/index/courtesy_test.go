package index

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestCourtesy: work in the background waits for readers, as long as it is told and no longer than they read.
func TestCourtesy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c courtesy
		waited := func(ctx context.Context, atMost time.Duration) time.Duration {
			begun := time.Now()
			c.wait(ctx, atMost)
			return time.Since(begun)
		}
		if took := waited(t.Context(), time.Hour); took != 0 {
			t.Errorf("nobody reads: waited %v", took)
		}
		c.begin()
		c.begin()
		c.end()
		if took := waited(t.Context(), time.Second); took != time.Second {
			t.Errorf("one reads on: waited %v", took)
		}
		time.AfterFunc(time.Minute, c.end)
		if took := waited(t.Context(), time.Hour); took != time.Minute {
			t.Errorf("the last one ends: waited %v", took)
		}
		c.begin()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took := waited(ctx, time.Hour); took != time.Second {
			t.Errorf("the index is closed: waited %v", took)
		}
	})
}
