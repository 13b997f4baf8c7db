// Package ingest brings what the log says into the index. Its place in the log is kept in the index's own transactions, so
// nothing is left out and nothing counts twice, whatever dies when.
//
// It knows nothing of jobs or of HTTP. Begin with New; Run follows the log, decode.go says what becomes of a record.
package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"lazuli/internal/eventlog"
	"lazuli/internal/index"
	"lazuli/internal/security"
)

// Options of an Ingest.
type Options struct {
	Prefix   string           // of the topics; "" means lazuli
	Security *security.Scheme // the labels that there are; nil means security.Default
	Logger   *slog.Logger
}

// Ingest follows the log. Run is called once; everything else may be called at any time from many goroutines.
type Ingest struct {
	log    eventlog.Log
	idx    index.Index
	prefix string
	labels labels
	logger *slog.Logger
	limit  int // records of the next batch
	first  int // the partition that the next batch begins with, so that a busy one does not starve the others

	rebuilt chan func(map[string]int64) map[string]int64 // to be called between two batches with the index's place in the log; returns that of its index

	stopped chan struct{} // closed when Run has ended

	mu      sync.Mutex
	applied map[eventlog.Partition]int64 // the next offset to apply
	ends    map[eventlog.Partition]int64 // as last seen
	moved   chan struct{}                // closed and replaced when applied moves
	feeds   map[*feed]bool
	records uint64
	failed  uint64
	err     error
}

// New makes an Ingest; Run starts it.
func New(log eventlog.Log, idx index.Index, opts Options) *Ingest {
	if opts.Prefix == "" {
		opts.Prefix = "lazuli"
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Ingest{log: log, idx: idx, prefix: opts.Prefix, labels: newLabels(opts.Security), logger: opts.Logger, limit: maxRecords, rebuilt: make(chan func(map[string]int64) map[string]int64), applied: map[eventlog.Partition]int64{},
		stopped: make(chan struct{}), ends: map[eventlog.Partition]int64{}, moved: make(chan struct{}), feeds: map[*feed]bool{}}
}

// The pause before a failed batch is tried again doubles from the first to the second of these.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
)

// Run applies the log to the index until ctx ends, and returns nil then. It waits for the log to move; nothing is looked at
// in between. What fails is tried again, with nothing lost and nothing skipped; Err tells about it. It returns an error only
// if the index's place in the log cannot be read at the start.
func (in *Ingest) Run(ctx context.Context) error {
	defer close(in.stopped)
	offsets, err := in.idx.Offsets(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the index's place in the log: %w", err)
	}
	watch := in.log.Watch(ctx)
	pause := firstPause
	for ctx.Err() == nil {
		select {
		case replace := <-in.rebuilt:
			offsets = replace(offsets)
		default:
		}
		begun := time.Now()
		more, err := in.step(ctx, offsets)
		if ctx.Err() != nil {
			return nil
		}
		took := time.Since(begun)
		in.note(err)
		switch {
		case err != nil:
			if !sleep(ctx, pause) {
				return nil
			}
			pause = min(2*pause, longPause)
			continue
		case !more:
			select {
			case <-ctx.Done():
				return nil
			case <-watch:
				sleep(ctx, gathering(took)-time.Since(begun.Add(took)))
			case replace := <-in.rebuilt:
				offsets = replace(offsets)
			}
		}
		pause = firstPause
	}
	return nil
}

// longestGathering bounds by how much later a result is found because others come with it.
const longestGathering = 50 * time.Millisecond

// gathering is how long after a batch that left nothing the next one begins, at least: what a transaction costs is shared by what comes in between, and where
// records come one by one the index takes a quarter of a processor, not all of it. What comes after a pause is applied at once.
func gathering(took time.Duration) time.Duration { return min(3*took, longestGathering) }

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// note keeps how the last batch went. Trouble is logged when it begins and when it is over, not at every attempt.
func (in *Ingest) note(err error) {
	in.mu.Lock()
	before := in.err
	in.err = err
	in.mu.Unlock()
	switch {
	case err != nil && before == nil:
		in.logger.Error("the index cannot be brought up to date; it is tried again until it can", "err", err)
	case err == nil && before != nil:
		in.logger.Info("the index is brought up to date again")
	}
}

// Err tells why the index falls behind, or nil.
func (in *Ingest) Err() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}

// Position returns, for each partition, the next offset to apply.
func (in *Ingest) Position() map[eventlog.Partition]int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return maps.Clone(in.applied)
}

// Stats are counts for metrics.
type Stats struct {
	Applied uint64 // records, since New
	Failed  uint64 // records and damaged stretches that became dead letters, since New
	Lag     int64  // offsets between what is applied and the log's end as last seen
}

// Stats returns the counts.
func (in *Ingest) Stats() Stats {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := Stats{Applied: in.records, Failed: in.failed}
	for part, end := range in.ends {
		s.Lag += max(0, end-in.applied[part])
	}
	return s
}

// Reached waits until everything before the given ends is in the index. Partitions that are not indexed do not count.
func (in *Ingest) Reached(ctx context.Context, ends map[eventlog.Partition]int64) error {
	for {
		in.mu.Lock()
		moved, reached := in.moved, true
		for part, end := range ends {
			if in.applied[part] < end && in.kind(part.Topic) != "" {
				reached = false
			}
		}
		in.mu.Unlock()
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
