package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lazuli/internal/eventlog"
)

// Ownership shares out the partitions of a topic among processes, each with the sole right to write to its partitions. Who
// gains a partition locks its former owner out before it is told, so that what it reads from then on is all there is.
type Ownership struct {
	log        *Log
	group      string
	topic      string
	partitions int32

	mu    sync.Mutex
	share *Share
	sole  map[int32]*Sole
}

// Owning prepares to take part in sharing out the partitions of a topic; Run does.
func (l *Log) Owning(group, topic string, partitions int32) *Ownership {
	return &Ownership{log: l, group: group, topic: topic, partitions: partitions, sole: map[int32]*Sole{}}
}

// Partitions is how many there are.
func (o *Ownership) Partitions() int32 { return o.partitions }

// Holds tells whether nobody else can have what is owned, for all that Kafka has answered.
func (o *Ownership) Holds() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.share != nil && time.Now().Before(o.share.ValidUntil())
}

// Run takes part until ctx ends, and calls gained and lost, one at a time. Before it returns it has called lost for
// everything.
func (o *Ownership) Run(ctx context.Context, gained, lost func(partitions []int32)) {
	for ctx.Err() == nil {
		share, err := o.log.Share(ctx, o.group, o.topic, 0, ShareEvents{
			Gained: func(partitions []int32) {
				if o.lockOut(ctx, partitions) {
					gained(partitions)
				}
			},
			Lost: func(partitions []int32, _ bool) {
				lost(partitions)
				o.giveUp(partitions)
			},
		})
		if err != nil {
			o.log.logger.Error("take part in sharing out the work; it is tried again", "group", o.group, "err", err)
			_ = wait(ctx, time.Second) // the loop looks at ctx
			continue
		}
		o.mu.Lock()
		o.share = share
		o.mu.Unlock()
		<-ctx.Done()
		share.Leave()
	}
}

// lockOut takes the right to write from the former owners of partitions. It tells false when ctx ended before that.
func (o *Ownership) lockOut(ctx context.Context, partitions []int32) bool {
	for _, n := range partitions {
		for {
			err := o.take(ctx, n)
			if err == nil {
				break
			}
			o.log.logger.Error("lock the former owner out; it is tried again", "partition", n, "err", err)
			if wait(ctx, time.Second) != nil {
				return false
			}
		}
	}
	return true
}

// take gets the right to write to a partition, in place of the one that this process may have had.
func (o *Ownership) take(ctx context.Context, n int32) error {
	sole, err := o.log.Sole(ctx, fmt.Sprintf("%s-%d", o.group, n))
	if err != nil {
		return err
	}
	o.mu.Lock()
	old := o.sole[n]
	o.sole[n] = sole
	o.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return nil
}

func (o *Ownership) giveUp(partitions []int32) {
	for _, n := range partitions {
		o.mu.Lock()
		sole := o.sole[n]
		delete(o.sole, n)
		o.mu.Unlock()
		if sole != nil {
			sole.Close()
		}
	}
}

// Append keeps records in a partition, all or none. eventlog.ErrFenced when another process owns it.
func (o *Ownership) Append(ctx context.Context, partition int32, records []eventlog.Record) error {
	at := eventlog.Partition{Topic: o.topic, Index: partition}
	sole := o.right(partition)
	if sole == nil {
		return fmt.Errorf("append to %s: %w", at, eventlog.ErrFenced)
	}
	_, err := sole.Append(ctx, at, records)
	if !errors.Is(err, eventlog.ErrFenced) || !o.Holds() || o.right(partition) == nil {
		return err
	}
	// It is still ours: Kafka gave up a transaction that trouble had cut short.
	if err := o.take(ctx, partition); err != nil {
		return err
	}
	_, err = o.right(partition).Append(ctx, at, records)
	return err
}

// right returns the right to write to a partition, or nil.
func (o *Ownership) right(partition int32) *Sole {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sole[partition]
}
