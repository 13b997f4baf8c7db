package dispatcher

import (
	"encoding/json"
	"sync"
	"time"

	"lazuli/internal/eventlog"

	"context"
)

// pause delays active polls for binary events on all instances, while events are restored for example: they are answered
// empty, after their deadline as always. Work is delayed and none is lost: leases run on, nothing is skipped (the reference
// deletes consumer groups and goes on at the end of the log). It stands in the compacted topic system.pause, and ends by itself
// pauseTime after it was last asked for.
type pause struct {
	follower

	mu    sync.Mutex
	until time.Time
	moved chan struct{} // closed, and replaced, when until moves
}

// pauseTime is how long a pause lasts; a post that asks for one within pauseAgain of the last changes nothing.
const (
	pauseTime  = 10 * time.Minute
	pauseAgain = time.Minute
)

const pauseKey = "pause"

type pauseRecord struct {
	Version int       `json:"v"`
	Until   time.Time `json:"until"`
}

func newPause(d *Dispatcher) *pause {
	p := &pause{moved: make(chan struct{})}
	p.follower = follower{d: d, topic: d.names.system(topicPause), apply: p.learn}
	return p
}

func (p *pause) learn(r *eventlog.Record) {
	var record pauseRecord
	if len(r.Value) > 0 {
		if err := json.Unmarshal(r.Value, &record); err != nil {
			p.d.logger.Error("a record of a pause is not readable", "err", err)
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = record.Until
	close(p.moved)
	p.moved = make(chan struct{})
}

// state returns until when there is a pause, the zero time if there is none, and a channel that is closed when that changes.
func (p *pause) state() (until time.Time, moved <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.After(p.d.now()) {
		return p.until, p.moved
	}
	return time.Time{}, p.moved
}

// Pause delays active polls for binary events for ten minutes from now.
func (d *Dispatcher) Pause(ctx context.Context) error {
	until := d.now().Add(pauseTime)
	if had, _ := d.pause.state(); until.Sub(had) < pauseAgain {
		return nil
	}
	d.logger.Warn("plugins are paused", "until", until)
	return d.setPause(ctx, until)
}

// Resume ends a pause.
func (d *Dispatcher) Resume(ctx context.Context) error { return d.setPause(ctx, time.Time{}) }

func (d *Dispatcher) setPause(ctx context.Context, until time.Time) error {
	if _, err := d.log.Append(ctx, []eventlog.Record{mustRecord(d.pause.topic, pauseKey, pauseRecord{progressVersion, until.UTC()})}); err != nil {
		return err
	}
	return d.pause.catchUp(ctx)
}

// waitPause waits while there is a pause, up to the end of a poll. It tells whether there still is one; if not, moved is closed
// when one begins.
func (d *Dispatcher) waitPause(ctx context.Context, over <-chan time.Time) (still bool, moved <-chan struct{}) {
	for {
		until, moved := d.pause.state()
		if until.IsZero() {
			return false, moved
		}
		ends := time.NewTimer(until.Sub(d.now()))
		select {
		case <-moved:
			ends.Stop()
			continue
		case <-ends.C:
			continue
		case <-ctx.Done():
		case <-d.drained:
		case <-over:
		}
		ends.Stop()
		return true, nil
	}
}
