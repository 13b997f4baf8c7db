package dispatcher

import (
	"context"
	"errors"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// retries are the jobs of one consumer's retry feed that have not ended: those that are open, and those that it has not looked
// at yet. They are found by the hash of their event's key, since the record of a retry lies elsewhere than the event.
type retries map[uint64][]retry

type retry struct {
	cell   *cell
	offset int64
}

// retries finds the consumer's.
func (c *consumer) retries(ctx context.Context, now time.Time) (retries, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := retries{}
	if !c.feeds[feedRetry] {
		return found, nil
	}
	for _, cl := range c.cells[feedRetry] {
		for offset := range cl.jobs {
			entries, _, err := c.d.pages.from(ctx, cl.part, c.Model, offset, offset+1)
			if err != nil {
				return nil, err
			}
			if len(entries) > 0 && entries[0].offset == offset {
				found[entries[0].key] = append(found[entries[0].key], retry{cl, offset})
			}
		}
		end := min(cl.until, cl.tail.end.Load())
		for at := cl.high; at < end && ctx.Err() == nil; {
			entries, next, err := c.d.pages.from(ctx, cl.part, c.Model, at, end)
			if err != nil {
				return nil, err
			}
			for i := range entries {
				e := &entries[i]
				if e.offset >= end || e.bad || e.routing.Settings != c.key || cl.ended[e.offset] || c.filter.skip(&e.routing, c.Name, now) != passed {
					continue
				}
				found[e.key] = append(found[e.key], retry{cl, e.offset})
			}
			at = max(next, at+1)
		}
	}
	return found, ctx.Err()
}

// explainRetry says where an event stands that is tried again, if it is. The caller holds c.mu.
func (c *consumer) explainRetry(ctx context.Context, e *Explanation, list []retry, now time.Time) error {
	for _, r := range list {
		j := r.cell.jobs[r.offset]
		if j == nil && (r.offset < r.cell.high || r.cell.ended[r.offset]) {
			continue // it has ended meanwhile
		}
		record, err := c.d.load(ctx, r.cell.part, r.offset)
		if errors.Is(err, errGone) {
			continue // tried again once more, or deleted
		}
		if err != nil {
			return err
		}
		out := j != nil && j.out
		if !out && !c.d.letters.open(newLetterID(string(record.Key))) {
			continue // it ended well meanwhile, and does not go out
		}
		e.Feed, e.Rule, e.Detail = feedRetry.String(), "", ""
		if out {
			e.running(j)
			return nil
		}
		e.State, e.Detail, e.Ahead = StateWaiting, "it was given up, and somebody has it tried again", c.ahead(r.cell, r.offset)
		if j != nil {
			e.waiting(j, now)
		}
	}
	return nil
}

// running fills in what is known of a job that is out.
func (e *Explanation) running(j *job) {
	e.State, e.Ahead = StateRunning, 0
	e.Worker, e.Since, e.Lease, e.Attempt, e.Failed = j.worker, j.since, j.deadline, j.attempt, j.failures
}

// waiting fills in what is known of an open job that is not out.
func (e *Explanation) waiting(j *job, now time.Time) {
	e.State, e.Attempt, e.Failed = StateWaiting, j.attempt, j.failures
	if j.notBefore.After(now) && !j.notBefore.Equal(never) {
		e.NotBefore = j.notBefore
	}
}

// explainAll says where events stand with the consumer, one answer for each position. Others may use the consumer in between.
func (c *consumer) explainAll(ctx context.Context, at []eventlog.Position, now time.Time) ([]Explanation, error) {
	again, err := c.retries(ctx, now)
	if err != nil {
		return nil, err
	}
	list := make([]Explanation, len(at))
	for i, pos := range at {
		if list[i], err = c.explain(ctx, pos, again, now); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// explain says where one event stands with the consumer: with a retry of it, unless the event itself is still to be done.
func (c *consumer) explain(ctx context.Context, pos eventlog.Position, again retries, now time.Time) (Explanation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := Explanation{Plugin: c.Name, Version: c.Version, Consumer: c.key, State: StateAbsent}
	key, err := c.explainEvent(ctx, &e, pos, now)
	if err == nil && e.State != StateAbsent && e.State != StateRunning && e.State != StateWaiting {
		err = c.explainRetry(ctx, &e, again[key], now)
	}
	return e, err
}

// binaryConsumers returns the consumers of binary events.
func (d *Dispatcher) binaryConsumers() (list []*consumer) {
	for _, c := range d.all() {
		if c.Model == event.ModelBinary {
			list = append(list, c)
		}
	}
	return list
}
