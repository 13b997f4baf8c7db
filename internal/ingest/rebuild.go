package ingest

import (
	"context"
	"errors"
	"fmt"

	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

// ErrStopped tells that Run has ended.
var ErrStopped = errors.New("ingest has stopped")

// Rebuild applies the whole log to an empty index while the one in use goes on, and calls replace when it has nearly caught up, at a moment when
// nothing is written: replace puts it in the place of the other, which New was given. What came into the log meanwhile is applied by Run, which must be under way,
// from where the new index is. progress is called now and then with how many of how many records are applied; it may be nil.
func (in *Ingest) Rebuild(ctx context.Context, fresh index.Index, replace func() error, progress func(done, all int64)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	side := New(in.log, fresh, Options{Prefix: in.prefix, Security: in.labels.scheme, Logger: in.logger})
	ended := make(chan error, 1)
	go func() { ended <- side.Run(ctx) }()
	stop := func() error {
		cancel()
		return <-ended
	}
	err := side.follow(ctx, in.log, progress)
	if end := stop(); err == nil {
		err = end
	}
	if err != nil {
		return fmt.Errorf("build the index anew: %w", err)
	}
	done := make(chan error, 1)
	swap := func(offsets map[string]int64) map[string]int64 {
		if err := replace(); err != nil {
			done <- err
			return offsets
		}
		next, err := in.idx.Offsets(context.WithoutCancel(ctx))
		done <- err
		if err != nil {
			return map[string]int64{} // applying everything again changes nothing
		}
		return next
	}
	select {
	case in.rebuilt <- swap:
		return <-done
	case <-in.stopped:
		return ErrStopped
	}
}

// follow waits until everything that is in the log now is applied.
func (in *Ingest) follow(ctx context.Context, log eventlog.Log, progress func(done, all int64)) error {
	topics, err := log.Topics(ctx)
	if err != nil {
		return err
	}
	ends := map[eventlog.Partition]int64{}
	all := int64(0)
	for i := range topics {
		if in.kind(topics[i].Name) == "" {
			continue
		}
		for p, b := range topics[i].Bounds {
			ends[eventlog.Partition{Topic: topics[i].Name, Index: int32(p)}] = b.End
			all += b.End
		}
	}
	for {
		in.mu.Lock()
		moved, done, reached := in.moved, int64(0), true
		for part, end := range ends {
			done += min(end, in.applied[part])
			reached = reached && in.applied[part] >= end
		}
		in.mu.Unlock()
		if progress != nil {
			progress(done, all)
		}
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
