package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// statusFollower reads the status topic and tells each job's consumer. It does not matter which instance a status was
// posted to.
type statusFollower struct {
	d    *Dispatcher
	next atomic.Int64 // every status before it has been applied
}

func (f *statusFollower) partition() eventlog.Partition {
	return eventlog.Partition{Topic: f.d.names.system(string(event.ModelStatus))}
}

// catchUp applies everything that is in the topic now.
func (f *statusFollower) catchUp(ctx context.Context) error {
	for {
		at := f.next.Load()
		page, err := f.d.log.Read(ctx, f.partition(), at, eventlog.Limit{Records: 1000, Bytes: 4 << 20})
		var corrupt *eventlog.CorruptError
		if errors.As(err, &corrupt) {
			f.d.logger.Error("statuses cannot be read; their jobs run again when their leases end", "err", err)
			f.next.Store(max(corrupt.To, at+1))
			continue
		}
		if err != nil {
			return fmt.Errorf("read the status topic: %w", err)
		}
		for i := range page.Records {
			f.apply(&page.Records[i])
		}
		if page.Next <= at {
			return nil
		}
		f.next.Store(page.Next)
	}
}

func (f *statusFollower) run(ctx context.Context) {
	watch := f.d.log.Watch(ctx)
	for {
		if err := f.catchUp(ctx); err != nil && ctx.Err() == nil {
			f.d.logger.Error("follow the statuses", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-watch:
		}
	}
}

// behind tells whether statuses are in the log that have not been applied.
func (f *statusFollower) behind(ctx context.Context) bool {
	b, err := f.d.log.Bounds(ctx, f.partition())
	return err != nil || f.next.Load() < b.End
}

func (f *statusFollower) apply(r *eventlog.Record) {
	routing := readEntry(r, event.ModelStatus).routing
	id, ok := event.ParseJobID(routing.Dequeued)
	if !ok {
		return // made by a pusher, or by another system
	}
	c, cl := f.d.findCell(id)
	if c == nil || routing.Author != c.Name {
		return // a sub-plugin's: the main author's status comes last and ends the job
	}
	state := routing.State
	if state == event.ErrorNetwork && givenUp(r) {
		state = event.ErrorTimeout // ends the job, in contrast to what a plugin says of its network
	}
	c.report(cl, id, state)
	if routing.State.Final() {
		f.d.progress.poke()
	}
}

// givenUp tells whether the dispatcher made a status.
func givenUp(r *eventlog.Record) bool {
	ev, err := event.Decode(event.ModelStatus, r.Value)
	if err != nil {
		return false
	}
	return ev.(*event.Status).Entity.Error == givenUpError
}

// maxNetwork is how many error-network statuses a job may have; the delay before each next attempt doubles from the first
// to the longest.
const (
	maxNetwork        = 10
	networkDelayFirst = 30 * time.Second
	networkDelayLong  = time.Hour
)

// newer tells whether the current hand-out came after the one that a status names. Attempts count again from the last
// record after a crash, so the time counts as well.
func (j *job) newer(id event.JobID) bool {
	return id.Attempt < j.attempt || id.Unix < j.since.Unix()
}

// report applies one status of the consumer itself to the job it names.
func (c *consumer) report(cl *cell, id event.JobID, state event.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := cl.jobs[id.Offset]
	switch {
	case id.Offset >= cl.tail.end.Load():
		// made up: nothing is there that could have been handed out, and what comes there must be
	case !state.Final():
		if j != nil && j.out && !j.givenUp && !j.deadline.IsZero() {
			j.deadline = c.d.now().Add(c.d.opts.Lease)
		}
	case state.Success() || state == event.OptOut:
		cl.end(id.Offset) // of any attempt: late is not wrong
	case j != nil && j.out && !j.givenUp && j.newer(id):
		// a newer attempt is out; its word counts
	case state == event.ErrorNetwork:
		if j == nil || !j.out || j.givenUp {
			return // not handed out as far as is known: it will be, again; or its end is about to be written
		}
		if j.network++; j.network >= maxNetwork {
			c.giveUpLocked(j, event.ErrorNetwork, fmt.Sprintf("%d attempts ended with error-network", j.network))
			return
		}
		delay := min(networkDelayFirst<<(j.network-1), networkDelayLong)
		cl.back(j, c.d.now().Add(delay))
	default:
		cl.end(id.Offset)
	}
}
