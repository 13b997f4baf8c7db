package dispatcher

import (
	"context"
	"errors"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// While the log is away, plugins must not be told: a 503 to a final status or a registration ends an azul-runner, and its
// successors. Such posts wait for the log, almost as long as clients wait for an answer (15 s); others are answered 503 at once,
// heartbeats 200.
const logPatience = 12 * time.Second

// patience is how long a set of events may wait for the log.
func (d *Dispatcher) patience(items []*item) time.Duration {
	for _, it := range items {
		switch ev := it.ev.(type) {
		case *event.Plugin:
			return d.opts.logPatience
		case *event.Status:
			if it.client && ev.Entity.Status.Final() {
				return d.opts.logPatience
			}
		}
	}
	return 0
}

// appendPatiently appends, again and again while the log has trouble, for at most a while. What it appends it may append twice.
func (d *Dispatcher) appendPatiently(ctx context.Context, patience time.Duration, records []eventlog.Record) ([]eventlog.Position, error) {
	if patience <= 0 {
		return d.appendEvents(ctx, records)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := 10 * time.Millisecond
	for {
		positions, err := d.appendEvents(ctx, records)
		if err == nil || permanent(err) {
			return positions, err
		}
		d.logger.Warn("the log takes nothing; who waits for it is kept waiting", "err", err)
		wait(ctx, pause)
		if ctx.Err() != nil {
			return nil, err
		}
		pause = min(2*pause, time.Second)
	}
}

// permanent tells whether an error of the log stays when the call is tried again.
func permanent(err error) bool {
	for _, stays := range []error{eventlog.ErrNoTopic, eventlog.ErrInvalid, eventlog.ErrTooLarge, eventlog.ErrClosed} {
		if errors.Is(err, stays) {
			return true
		}
	}
	return false
}
