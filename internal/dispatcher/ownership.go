package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lazuli/internal/eventlog"
)

// Ownership shares the partitions of system.progress out among the instances of a dispatcher. A consumer belongs to one
// partition, and who owns the partition decides the consumer's priorities, leases and duplicates.
type Ownership interface {
	// Partitions is how many there are; every instance says the same.
	Partitions() int32
	// Run takes part until ctx ends. It calls gained and lost, one at a time, for partitions that are this instance's from
	// now on and for those that are not any more; until lost returns, nobody else gains them, unless this instance is taken
	// for dead. Before Run returns it has called lost for everything.
	Run(ctx context.Context, gained, lost func(partitions []int32))
	// Holds tells whether the instance may still act on what it owns: its last sign of life was answered so lately that
	// nobody can have taken it for dead.
	Holds() bool
	// Append keeps records in one partition of system.progress, to which their PartitionKey leads. ErrFenced when another
	// instance owns it.
	Append(ctx context.Context, partition int32, records []eventlog.Record) error
}

// ErrFenced tells that a partition of system.progress belongs to another instance by now.
var ErrFenced = eventlog.ErrFenced

// alone owns everything: the embedded log has one instance, and one partition of progress.
type alone struct{ log eventlog.Log }

func (alone) Partitions() int32 { return 1 }
func (alone) Holds() bool       { return true }

// Run is not called: New takes everything over, and Close lets go of it.
func (alone) Run(context.Context, func([]int32), func([]int32)) {}

func (a alone) Append(ctx context.Context, _ int32, records []eventlog.Record) error {
	_, err := a.log.Append(ctx, records)
	return err
}

// shard is one partition of system.progress that this instance owns, with the consumers in it.
type shard struct {
	number int32
	ready  bool      // guarded by Dispatcher.mu: the consumers are taken over and may be served
	since  time.Time // guarded by Dispatcher.mu: when it became ready

	ctx    context.Context // of the taking over
	cancel context.CancelFunc
	taking sync.WaitGroup
}

func newShard(number int32) *shard {
	s := &shard{number: number}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// shardOf returns the partition of system.progress that a consumer belongs to.
func (d *Dispatcher) shardOf(id identity) int32 {
	return eventlog.PartitionFor([]byte(id.base()), d.own.Partitions())
}

// gained begins to take over the consumers of partitions. Polls for them wait until that is done.
func (d *Dispatcher) gained(partitions []int32) {
	for _, n := range partitions {
		s := newShard(n)
		d.mu.Lock()
		d.shards[n] = s
		d.mu.Unlock()
		s.taking.Go(func() {
			for {
				err := d.takeOver(s.ctx, s)
				if err == nil {
					err = d.peers.announce(s.ctx, s.number)
				}
				if err == nil || s.ctx.Err() != nil {
					return
				}
				d.logger.Error("take consumers over; it is tried again", "partition", s.number, "err", err)
				d.withdraw(s)
				select {
				case <-s.ctx.Done():
				case <-time.After(retryPause):
				}
			}
		})
	}
}

// lost lets go of the consumers of partitions.
func (d *Dispatcher) lost(partitions []int32) {
	ctx, cancel := context.WithTimeout(context.Background(), giveUpTime)
	defer cancel()
	if err := d.release(ctx, partitions); err != nil {
		d.logger.Error("let go of consumers", "err", err)
	}
}

// release stops handing out for the consumers of partitions, writes what they have done, and forgets them.
func (d *Dispatcher) release(ctx context.Context, partitions []int32) error {
	var errs []error
	for _, n := range partitions {
		d.mu.Lock()
		s := d.shards[n]
		delete(d.shards, n)
		d.mu.Unlock()
		if s == nil {
			continue
		}
		s.cancel()
		s.taking.Wait()
		whole := d.serves(s)
		statuses := d.statuses.position() // from here on the follower does not find the consumers any more
		consumers := d.withdraw(s)
		if !whole {
			continue // not all statuses have been applied, and what is in the log is right
		}
		if err := d.progress.write(ctx, s, statuses, consumers, true); err != nil && !errors.Is(err, ErrFenced) {
			errs = append(errs, fmt.Errorf("write the progress of %d consumers: %w", len(consumers), err))
		}
	}
	return errors.Join(errs...)
}

// giveUpTime bounds how long the giving up of partitions may take.
const giveUpTime = 10 * time.Second

// serves tells whether a shard's consumers are taken over: they know every status up to where the follower is.
func (d *Dispatcher) serves(s *shard) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return s.ready
}

// servedSince tells since when a shard's consumers are served here.
func (d *Dispatcher) servedSince(s *shard) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return s.since
}

// withdraw takes a shard's consumers out of service: polls that wait are answered, and nothing more is handed out. It returns
// the consumers.
func (d *Dispatcher) withdraw(s *shard) []*consumer {
	d.mu.Lock()
	s.ready = false
	var consumers []*consumer
	for key, c := range d.consumers {
		if c.shard == s {
			consumers = append(consumers, c)
			delete(d.consumers, key)
		}
	}
	for _, t := range d.tails {
		t.unsubscribe(consumers)
	}
	d.mu.Unlock()
	slices.SortFunc(consumers, func(a, b *consumer) int { return strings.Compare(a.key, b.key) })
	d.unregisterCells(consumers)
	for _, c := range consumers {
		c.mu.Lock()
		c.gone = true
		c.wakeAll()
		c.mu.Unlock()
	}
	d.ownersChanged()
	return consumers
}

// takeOver rebuilds the consumers of a shard from its progress and applies the statuses since. So a job whose final status
// was acknowledged is not run again, and jobs in flight stay in flight, each with one full lease.
func (d *Dispatcher) takeOver(ctx context.Context, s *shard) error {
	if err := d.findTails(ctx); err != nil {
		return err
	}
	records, err := d.readProgress(ctx, s.number)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(records.births)) {
		value := records.births[key]
		if value.Version > progressVersion {
			return fmt.Errorf("the progress of consumer %s has format %d, this release knows %d: start a newer release", value.Identity.key(), value.Version, progressVersion)
		}
		c := d.newConsumer(value.Identity, s)
		c.born = value.Born
		ends := map[eventlog.Partition]int64{}
		d.mu.Lock()
		for part := range d.tails {
			ends[part] = value.Ends[part.String()]
		}
		d.mu.Unlock()
		if !d.admit(c, ends) {
			return errNotOwned
		}
		c.restore(records)
	}
	// From here on the follower tells these consumers of new statuses; what it was told before is looked up.
	if err := d.statuses.replay(ctx, s, records.statuses); err != nil {
		return err
	}
	var consumers []*consumer
	for _, c := range d.all() {
		if c.shard == s {
			consumers = append(consumers, c)
			c.inherit()
		}
	}
	if err := d.downloads.replay(ctx, consumers); err != nil {
		return err
	}
	d.mu.Lock()
	s.ready, s.since = ctx.Err() == nil, d.now()
	d.mu.Unlock()
	d.ownersChanged()
	return nil
}

// ownersChanged wakes the polls that wait for a consumer's owner.
func (d *Dispatcher) ownersChanged() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.ownersMoved)
	d.ownersMoved = make(chan struct{})
}

// unserved returns how many partitions have nobody who serves their consumers, as far as this instance knows, and a channel
// that is closed when that may have changed.
func (d *Dispatcher) unserved() (n int, moved <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.peers == nil {
		return 0, d.ownersMoved
	}
	for part := range d.own.Partitions() {
		if s := d.shards[part]; s != nil && s.ready || s == nil && d.peers.owner(part) != "" {
			continue
		}
		n++
	}
	return n, d.ownersMoved
}

// AwaitOwners returns when every consumer has an instance that serves it.
func (d *Dispatcher) AwaitOwners(ctx context.Context) error {
	for {
		n, moved := d.unserved()
		if n == 0 {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d parts of the consumers have no instance that serves them: %w", n, d.own.Partitions(), context.Cause(ctx))
		}
	}
}
