package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// maxJobTime is how long a job may take in all, whatever its heartbeats say.
const maxJobTime = 24 * time.Hour

// reapLeases ends leases that ran out, wakes consumers whose delayed jobs are due, and gives up jobs that used up their
// attempts, until ctx ends.
func (d *Dispatcher) reapLeases(ctx context.Context) {
	tick := time.NewTicker(max(d.opts.Lease/20, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-d.reapNow:
		}
		d.reap(ctx)
	}
}

// reap does one round of what reapLeases does.
func (d *Dispatcher) reap(ctx context.Context) {
	d.reaping.Lock()
	defer d.reaping.Unlock()
	now := d.now()
	// A lease may only end when every status that came before its end has been applied. While the log is away clocks stand
	// still: nobody could report.
	behind, err := d.statuses.behind(ctx)
	if err != nil {
		if d.awaySince.IsZero() {
			d.awaySince = now
		}
		return
	}
	if !d.awaySince.IsZero() {
		d.prolong(now.Sub(d.awaySince))
		d.awaySince = time.Time{}
	}
	mayEnd := !behind && d.own.Holds()
	for _, c := range d.all() {
		for _, b := range c.reap(now, mayEnd) {
			if err := d.bury(ctx, c, b); err != nil && ctx.Err() == nil {
				d.logger.Error("give a job up; it is tried again", "job", b.job.id, "err", err)
			}
		}
	}
}

// prolong gives every job that is out the time back that the log was away, up to a whole lease: some went out meanwhile.
func (d *Dispatcher) prolong(by time.Duration) {
	d.logger.Warn("the log was away; leases run on", "for", by)
	d.eachOut(func(c *consumer, j *job) {
		whole := d.now().Add(c.lease())
		if j.deadline.IsZero() {
			return
		}
		if j.deadline = j.deadline.Add(by); j.deadline.After(whole) {
			j.deadline = whole
		}
	})
}

// burial is a job that is given up and whose end is not in the log yet.
type burial struct {
	job     *job
	state   event.State
	message string
}

// reap ends the consumer's leases that ran out and returns the jobs to give up.
func (c *consumer) reap(now time.Time, mayEnd bool) []burial {
	c.mu.Lock()
	defer c.mu.Unlock()
	wake := false
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			for _, offset := range slices.Sorted(maps.Keys(cl.jobs)) {
				j := cl.jobs[offset]
				switch {
				case j.givenUp || !j.out && j.attempt == 0:
				case !j.out:
					wake = wake || !j.notBefore.After(now)
				case j.deadline.IsZero() || !mayEnd:
				case c.Model == event.ModelDownload:
					if j.deadline.Before(now) {
						c.expireDownload(j)
						wake = true
					}
				case now.Sub(j.begun) > maxJobTime:
					c.giveUpLocked(j, event.ErrorTimeout, "the job took more than 24 hours in all")
				case j.deadline.Before(now):
					c.failLocked(j, event.ErrorTimeout, "nothing was heard of the plugin for "+c.d.opts.Lease.String(), time.Time{})
					wake = true
				}
			}
		}
	}
	if wake {
		c.wakeAll()
	}
	return slices.Clone(c.burials)
}

// failLocked counts an attempt that came to nothing: the job goes out again, or is given up. The caller holds c.mu.
func (c *consumer) failLocked(j *job, state event.State, message string, notBefore time.Time) {
	j.failures++
	c.d.metrics.redeliveries.Inc()
	if j.failures >= c.d.opts.MaxAttempts {
		attempts := "1 attempt"
		if j.failures != 1 {
			attempts = fmt.Sprintf("%d attempts", j.failures)
		}
		c.giveUpLocked(j, state, fmt.Sprintf("given up after %s: %s", attempts, message))
		return
	}
	c.d.logger.Warn("a job goes out again", "consumer", c.key, "job", j.id, "failures", j.failures, "why", message)
	j.cell.back(j, notBefore)
}

// giveUpLocked keeps a job from being handed out again; bury writes its end. The caller holds c.mu.
func (c *consumer) giveUpLocked(j *job, state event.State, message string) {
	j.cell.unqueue(j)
	j.out, j.givenUp = true, true
	c.burials = append(c.burials, burial{j, state, message})
	c.d.logger.Error("a job is given up", "consumer", c.key, "job", j.id, "why", message)
	select {
	case c.d.reapNow <- struct{}{}:
	default:
	}
}

// bury records the end of a job that was given up: an error in the plugin's name, and a dead letter. Both are in the log
// before the job ends.
func (d *Dispatcher) bury(ctx context.Context, c *consumer, b burial) error {
	j := b.job
	if !c.stillOpen(j) {
		c.buried(j, event.JobID{}) // a status came meanwhile, and its word counts
		return nil
	}
	record, err := d.load(ctx, j.cell.part, j.offset)
	if errors.Is(err, errGone) {
		c.buried(j, event.JobID{})
		d.metrics.superseded.Inc()
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	ev, err := event.DecodeRecord(event.ModelBinary, record.Value)
	if err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	input := ev.(*event.Binary)
	cleanInput(input)
	id := c.jobID(j, eventKey(record))
	input.Dequeued = id.String()
	status := &event.Status{
		Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(d.now()),
			Author: event.Author{Category: "plugin", Name: c.Name, Version: c.Version}},
		Entity: event.StatusEntity{Input: *input, Status: b.state, Error: givenUpError, Message: b.message,
			Runtime: j.deadlineOr(d.now()).Sub(j.since).Seconds()},
	}
	dead := DeadLetter{
		ID: letterOf(id, record), SHA256: input.Entity.SHA256, Consumer: c.key, Plugin: c.Name, Version: c.Version,
		Attempts: max(j.failures, j.network), Reason: b.message, Time: d.now().UTC(),
		Position: fmt.Sprintf("%s/%d/%d", j.cell.part.Topic, j.cell.part.Index, j.offset),
	}
	if j.cell.feed == feedRetry { // the next retry replaces this one's record, but not the event
		first, err := d.letters.read(ctx, dead.ID)
		if err != nil && !errors.Is(err, ErrNoLetter) {
			return err
		}
		if err == nil {
			dead.Position = first.Position
		}
	}
	value, err := json.Marshal(dead)
	if err != nil {
		return fmt.Errorf("encode a dead letter: %w", err)
	}
	letter := eventlog.Record{Topic: d.names.system(topicDead), Key: []byte(dead.ID), Value: value}
	if _, err := d.append(ctx, []*item{{ev: status}}, letter); err != nil {
		return err
	}
	if err := d.letters.catchUp(ctx); err != nil && ctx.Err() == nil {
		d.logger.Error("follow the dead letters", "err", err) // the follower tries again
	}
	d.metrics.dead.Inc()
	c.buried(j, id)
	return nil
}

// givenUpError is how the error of a status begins that the dispatcher made. Such a status is always the last.
const givenUpError = "given up by the dispatcher"

func (c *consumer) stillOpen(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return j.cell.jobs[j.offset] == j
}

func (j *job) deadlineOr(now time.Time) time.Time {
	if j.deadline.IsZero() || j.deadline.After(now) {
		return now
	}
	return j.deadline
}

// buried ends a job whose end is in the log; id is its last hand-out's, if its event is still there.
func (c *consumer) buried(j *job, id event.JobID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.burials = slices.DeleteFunc(c.burials, func(b burial) bool { return b.job == j })
	if j.cell.jobs[j.offset] == j {
		c.ended(j.cell, event.JobID{Key: id.Key, Offset: j.offset})
	}
	c.d.progress.poke()
}

// WorkerGone ends the attempts of all jobs that a worker had, at once; state and message say how it died. It returns how
// many there were.
func (d *Dispatcher) WorkerGone(worker string, state event.State, message string) int {
	n := 0
	d.eachOut(func(c *consumer, j *job) {
		if j.worker == worker {
			c.failLocked(j, state, message, time.Time{})
			n++
		}
	})
	return n
}

// ReleaseWorkers hands out again, at once, the jobs of workers whose names begin with prefix. They did not fail: the
// platform stopped under them, so no attempt is counted.
func (d *Dispatcher) ReleaseWorkers(prefix string) int {
	n := 0
	d.eachOut(func(c *consumer, j *job) {
		if j.worker != "" && strings.HasPrefix(j.worker, prefix) {
			j.cell.back(j, time.Time{})
			n++
		}
	})
	return n
}

// eachOut calls fn for every job that is out, under its consumer's lock, and wakes the consumers that had one.
func (d *Dispatcher) eachOut(fn func(*consumer, *job)) {
	for _, c := range d.all() {
		c.mu.Lock()
		for f := range c.cells {
			for _, cl := range c.cells[f] {
				for _, offset := range slices.Sorted(maps.Keys(cl.jobs)) {
					if j := cl.jobs[offset]; j.out && !j.givenUp {
						fn(c, j)
					}
				}
			}
		}
		c.wakeAll()
		c.mu.Unlock()
	}
	d.progress.poke()
}
