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

// patience is until when a set of events may wait for the log, with all that is asked of it for them; zero is not at all.
func (d *Dispatcher) patience(items []*item) time.Time {
	for _, it := range items {
		status, ok := it.ev.(*event.Status)
		if _, registers := it.ev.(*event.Plugin); (registers || ok && it.client && status.Entity.Status.Final()) && d.opts.logPatience > 0 {
			return time.Now().Add(d.opts.logPatience)
		}
	}
	return time.Time{}
}

// patiently calls do until it succeeds, its error is none of the log's, or it is too late; without patience, once. What do
// appends it may append twice.
func (d *Dispatcher) patiently(ctx context.Context, until time.Time, do func(context.Context) error) error {
	if until.IsZero() {
		return do(ctx)
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return d.insist(ctx, do, func(err error) bool { return !permanent(err) })
}

// insist calls do until it succeeds, its error is not worth another try, or ctx ends: also when it would end before another try that
// takes as long as the last, for an append that has begun does not heed ctx.
func (d *Dispatcher) insist(ctx context.Context, do func(context.Context) error, worth func(error) bool) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		begun := time.Now()
		err := do(ctx)
		took := time.Since(begun)
		if err == nil || !worth(err) {
			return err
		}
		d.logger.Warn("the log has trouble; what needs it waits", "err", err)
		wait(ctx, pause)
		if end, bounded := ctx.Deadline(); ctx.Err() != nil || bounded && time.Until(end) < took {
			return err
		}
	}
}

// isAway tells whether the log did not answer: a start waits for it.
func isAway(err error) bool { return errors.Is(err, eventlog.ErrAway) }

// permanent tells whether an error of the log stays when the call is tried again.
func permanent(err error) bool {
	for _, stays := range []error{eventlog.ErrNoTopic, eventlog.ErrInvalid, eventlog.ErrTooLarge, eventlog.ErrClosed} {
		if errors.Is(err, stays) {
			return true
		}
	}
	return IsInvalid(err)
}
