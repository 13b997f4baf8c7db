package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// statusFollower reads the status topic and tells each job's consumer. It does not matter which instance a status was
// posted to.
type statusFollower struct {
	d *Dispatcher

	reading sync.Mutex // one reader at a time
	mu      sync.Mutex
	next    positions // every status before it has been applied to all consumers that were known
}

// positions are offsets in the partitions of the status topic, by partition. What is not there is 0.
type positions []int64

func (p positions) at(partition int32) int64 {
	if int(partition) < len(p) {
		return p[partition]
	}
	return 0
}

// position returns a copy of how far the follower is.
func (f *statusFollower) position() positions {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.next)
}

func (f *statusFollower) moved(partition int32, next int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.next) <= int(partition) {
		f.next = append(f.next, 0)
	}
	f.next[partition] = next
}

// ends returns where the partitions of the status topic end now.
func (f *statusFollower) ends(ctx context.Context) (positions, error) {
	topic := f.d.names.system(string(event.ModelStatus))
	var ends positions
	for n := int32(0); ; n++ {
		b, err := f.d.log.Bounds(ctx, eventlog.Partition{Topic: topic, Index: n})
		if errors.Is(err, eventlog.ErrNoTopic) && n > 0 {
			return ends, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find the end of the status topic: %w", err)
		}
		ends = append(ends, b.End)
	}
}

// begin makes the follower start at the end: what came before is replayed for each shard that is taken over.
func (f *statusFollower) begin(ctx context.Context) error {
	ends, err := f.ends(ctx)
	f.next = ends
	return err
}

// replay applies the statuses from a position up to the present end to the consumers of one shard.
func (f *statusFollower) replay(ctx context.Context, s *shard, from positions) error {
	ends, err := f.ends(ctx)
	if err != nil {
		return err
	}
	for n, end := range ends {
		if err := f.read(ctx, int32(n), from.at(int32(n)), end, s, nil); err != nil {
			return err
		}
	}
	return nil
}

// catchUp applies everything that is in the topic now.
func (f *statusFollower) catchUp(ctx context.Context) error {
	f.reading.Lock()
	defer f.reading.Unlock()
	ends, err := f.ends(ctx)
	if err != nil {
		return err
	}
	have := f.position()
	for n, end := range ends {
		n := int32(n)
		if err := f.read(ctx, n, have.at(n), end, nil, func(next int64) { f.moved(n, next) }); err != nil {
			return err
		}
	}
	return nil
}

// read applies the statuses of a partition from one offset up to another, to the consumers of a shard or, without one, to
// all. moved, if there is one, is told how far it came.
func (f *statusFollower) read(ctx context.Context, partition int32, at, end int64, s *shard, moved func(int64)) error {
	part := eventlog.Partition{Topic: f.d.names.system(string(event.ModelStatus)), Index: partition}
	for at < end {
		page, err := f.d.log.Read(ctx, part, at, eventlog.Limit{Records: 1000, Bytes: 4 << 20})
		var corrupt *eventlog.CorruptError
		switch {
		case errors.As(err, &corrupt):
			f.d.logger.Error("statuses cannot be read; their jobs run again when their leases end", "err", err)
			page.Next = max(corrupt.To, at+1)
		case err != nil:
			return fmt.Errorf("read the status topic: %w", err)
		case page.Next <= at:
			page.Next = end // nothing is kept between here and the end
		}
		for i := range page.Records {
			if err := f.apply(ctx, &page.Records[i], s); err != nil {
				return fmt.Errorf("apply a status: %w", err)
			}
		}
		at = page.Next
		if moved != nil {
			moved(at)
		}
	}
	return nil
}

// behind tells whether statuses are in the log that have not been applied. An error means that the log cannot tell.
func (f *statusFollower) behind(ctx context.Context) (bool, error) {
	ends, err := f.ends(ctx)
	if err != nil {
		return true, err
	}
	have := f.position()
	for n, end := range ends {
		if have.at(int32(n)) < end {
			return true, nil
		}
	}
	return false, nil
}

// apply applies a status to the consumer that it is about. An error means that the log cannot tell: it is to be tried again.
func (f *statusFollower) apply(ctx context.Context, r *eventlog.Record, only *shard) error {
	routing := readEntry(r, event.ModelStatus).routing
	id, ok := event.ParseJobID(routing.Dequeued)
	if !ok {
		return nil // made by a pusher, or by another system
	}
	c, cl := f.d.findCell(id)
	if c == nil || only != nil && c.shard != only || c.before(id) {
		return nil // another instance's
	}
	if c.hasPart(routing.Author) {
		c.report(cl, id, event.Heartbeat) // a sign of life: the main author's status comes last and ends the job
		return nil
	}
	if routing.Author != c.Name {
		return nil // a stranger's
	}
	if id.Offset >= cl.tail.end.Load() {
		// It was handed out by an instance that knew more of the log, or it is made up.
		b, err := f.d.log.Bounds(ctx, cl.part)
		if err != nil && !errors.Is(err, eventlog.ErrNoTopic) {
			return err // not known is not made up
		}
		cl.tail.moved(b.End)
	}
	state := routing.State
	if state == event.ErrorNetwork && givenUp(r) {
		state = event.ErrorTimeout // ends the job, in contrast to what a plugin says of its network
	}
	c.report(cl, id, state)
	if routing.State.Final() {
		f.d.progress.poke()
	}
	return nil
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
//
// What this life of the dispatcher handed out itself is the newest there is, so any other id is an older one's.
func (j *job) newer(id event.JobID) bool {
	if j.ours {
		return id.Attempt != j.attempt || id.Unix != j.since.Unix()
	}
	return id.Attempt < j.attempt || id.Unix < j.since.Unix()
}

// hasPart tells whether an author is a part of the consumer's plugin. azul-runner reports on each part of a multiplugin in the
// part's name, NAME-PART, and while a part runs it sends heartbeats in that name alone.
func (c *consumer) hasPart(author string) bool { return strings.HasPrefix(author, c.Name+"-") }

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
		c.ended(cl, id) // of any attempt: late is not wrong
	case j != nil && j.out && j.shown && !j.givenUp && j.newer(id):
		// a newer attempt is with a client; its word counts
	case state == event.ErrorNetwork:
		if j == nil || !j.out || j.givenUp {
			return // not handed out as far as is known: it will be, again; or its end is about to be written
		}
		if c.d.storeAway.Load() {
			cl.back(j, c.d.now().Add(networkDelayFirst))
			return // nobody could read anything
		}
		if j.network++; j.network >= maxNetwork {
			c.giveUpLocked(j, event.ErrorNetwork, fmt.Sprintf("%d attempts ended with error-network", j.network))
			return
		}
		delay := min(networkDelayFirst<<(j.network-1), networkDelayLong)
		cl.back(j, c.d.now().Add(delay))
	default:
		c.ended(cl, id)
	}
}

// ended ends the job of a final status. The caller holds c.mu.
func (c *consumer) ended(cl *cell, id event.JobID) {
	cl.end(id.Offset)
	if cl.feed == feedExpedite {
		c.remember(newLetterID(id.Key))
	}
}
