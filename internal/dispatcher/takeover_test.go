package dispatcher

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// stuckLog gives statuses one at a time, and when it is stuck only the first.
type stuckLog struct {
	eventlog.Log
	stuck   atomic.Bool
	topic   string
	reached chan struct{} // gets a token when the second one is asked for
}

func (l *stuckLog) Read(ctx context.Context, p eventlog.Partition, offset int64, limit eventlog.Limit) (eventlog.Page, error) {
	if p.Topic == l.topic && l.stuck.Load() {
		if offset > 0 {
			l.reached <- struct{}{}
			<-ctx.Done()
			return eventlog.Page{}, ctx.Err()
		}
		limit.Records = 1
	}
	return l.Log.Read(ctx, p, offset, limit)
}

// TestTakeOverThatDoesNotEnd: an instance that has applied a part of the statuses to consumers that it takes over writes nothing of
// them, neither now and then nor when it loses them; whoever takes them over next applies all of the statuses.
func TestTakeOverThatDoesNotEnd(t *testing.T) {
	for name, move := range map[string]bool{"killed": false, "moved": true} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 1)
			c.opts.flushEvery = time.Hour // only births are written
			first := c.join()
			log := &stuckLog{topic: c.d.names.system(string(event.ModelStatus)), reached: make(chan struct{}, 10)}
			c.aroundLog = func(l eventlog.Log) eventlog.Log { log.Log = l; return log }
			second := c.join()
			c.aroundLog = nil
			c.give(1, everyPartition...)
			c.publish(c.file("src", "one"), c.file("src", "two"))
			c.status(c.mustPoll("P", "one"), "P", event.Completed)
			c.status(c.mustPoll("P", "two"), "P", event.Completed)
			first.vanish()

			partition := second.d.shardOf(identity{Name: "P", Version: "1", Model: event.ModelBinary})
			if err := second.d.statuses.catchUp(t.Context()); err != nil { // its follower has seen them all
				t.Fatal(err)
			}
			log.stuck.Store(true)
			c.mu.Lock()
			c.owner[partition] = second
			c.mu.Unlock()
			second.tell(true, partition)
			<-log.reached
			if err := second.d.progress.flush(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			if move {
				second.tell(false, partition)
			} else {
				second.vanish()
			}
			for _, p := range everyPartition {
				c.seize(0, p)
			}
			if ev, info := c.poll("P", allFeeds); ev != nil {
				t.Errorf("an ended job is out again: %+v", info)
			}
		})
	}
}
