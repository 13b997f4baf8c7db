package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"lazuli/internal/eventlog"
)

const (
	// maxBatchBytes bounds a batch: the largest record fits.
	maxBatchBytes = eventlog.MaxRecordBytes + 64<<10
	// What waits for Kafka; beyond it Append waits to join.
	maxBufferedRecords = 100_000
	maxBufferedBytes   = 64 << 20
)

// headerKey names the one header of a record: eventlog.Record.Header.
const headerKey = "lazuli"

// Append implements eventlog.Log. The records of all partitions but that of the last record go out at once; that one follows
// when all others are acknowledged. Concurrent calls share batches.
func (l *Log) Append(ctx context.Context, records []eventlog.Record) ([]eventlog.Position, error) {
	const what = "append to the log"
	records, err := clone(records)
	if err != nil {
		return nil, explain(what, err)
	}
	parts, err := call(ctx, l, what, func(ctx context.Context) ([]*part, error) { return l.plan(ctx, records) })
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	// Once the records are on their way the outcome counts, whatever the caller's context does meanwhile.
	return call(context.WithoutCancel(ctx), l, what, func(bounded context.Context) ([]eventlog.Position, error) {
		last := len(parts) - 1
		if err := l.produce(bounded, ctx, parts[:last]); err != nil {
			return nil, err
		}
		if err := l.produce(bounded, bounded, parts[last:]); err != nil {
			return nil, err
		}
		return l.kept(parts, len(records)), nil
	})
}

// part is what one call appends to one partition.
type part struct {
	at      eventlog.Partition
	bounds  *bounds
	records []*kgo.Record
	indexes []int // where each is among the records of the call

	ctx context.Context // of the client's records: leads back here

	taken   atomic.Bool // by the lane, or by the caller who gave up
	done    chan error  // gets one
	refused atomic.Bool // nothing was written and it is worth another try; see invalid and planned
	invalid error       // the broker said so last time: plan found the records good, so the topic's settings may be news to it
}

// plan checks the records and divides them by partition, that of the last record last.
func (l *Log) plan(ctx context.Context, records []eventlog.Record) ([]*part, error) {
	var parts []*part
	byPlace := make(map[eventlog.Partition]*part)
	for i := range records {
		r := &records[i]
		t, err := l.view.topic(ctx, r.Topic)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		if t.Compact && len(r.Key) == 0 {
			return nil, fmt.Errorf("record %d for %s: %w: a record in a compacted topic needs a key", i, r.Topic, eventlog.ErrInvalid)
		}
		at := eventlog.Partition{Topic: r.Topic, Index: r.PartitionIn(t.Partitions)}
		p := byPlace[at]
		if p == nil {
			p = &part{at: at, bounds: t.partitions[at.Index].bounds}
			p.ctx = context.WithValue(context.Background(), partKey{}, p)
			byPlace[at] = p
			parts = append(parts, p)
		}
		p.records = append(p.records, p.encode(r, t))
		p.indexes = append(p.indexes, i)
	}
	if n := len(records); n > 0 {
		i := slices.IndexFunc(parts, func(p *part) bool { return p.indexes[len(p.indexes)-1] == n-1 })
		p := parts[i]
		parts = append(slices.Delete(parts, i, i+1), p)
	}
	return parts, nil
}

// clone copies records, for the client may hold them longer than the call, and refuses too large ones.
func clone(records []eventlog.Record) ([]eventlog.Record, error) {
	size := 0
	for i := range records {
		r := &records[i]
		if r.Size() > eventlog.MaxRecordBytes {
			return nil, fmt.Errorf("record %d for %s: %d bytes: %w", i, r.Topic, r.Size(), eventlog.ErrTooLarge)
		}
		if size += r.Size(); size > eventlog.MaxAppendBytes {
			return nil, fmt.Errorf("%d bytes in one call: %w", size, eventlog.ErrTooLarge)
		}
	}
	space := make([]byte, 0, size)
	keep := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		from := len(space)
		space = append(space, b...)
		return space[from:len(space):len(space)]
	}
	copied := make([]eventlog.Record, len(records))
	for i := range records {
		r := &records[i]
		copied[i] = eventlog.Record{Topic: r.Topic, Key: keep(r.Key), Header: keep(r.Header), Value: keep(r.Value), PartitionKey: bytes.Clone(r.PartitionKey)}
	}
	return copied, nil
}

// encode makes the record of the client. It shares the bytes.
func (p *part) encode(r *eventlog.Record, t *topic) *kgo.Record {
	record := &kgo.Record{Topic: t.inKafka, Partition: p.at.Index, Value: r.Value, Context: p.ctx}
	if len(r.Key) > 0 {
		record.Key = r.Key
	}
	if len(r.Header) > 0 {
		record.Headers = []kgo.RecordHeader{{Key: headerKey, Value: r.Header}}
	}
	return record
}

// partKey finds the part in the context of a client's record.
type partKey struct{}

// produce writes the parts and waits for all of them. What has not begun when turn ends is not written.
func (l *Log) produce(ctx, turn context.Context, parts []*part) error {
	for pause, round := 5*time.Millisecond, 0; len(parts) > 0; pause, round = min(2*pause, time.Second), round+1 {
		for _, p := range parts {
			if p.invalid != nil && round == invalidRounds {
				return p.invalid
			}
			p.taken.Store(false)
			p.refused.Store(false)
			p.invalid = nil
			p.done = make(chan error, 1)
			l.lanes.join(l.client, p)
		}
		var err error
		for _, p := range parts {
			err = errors.Join(err, p.wait(ctx, turn))
		}
		if err != nil {
			return err
		}
		parts = slices.DeleteFunc(slices.Clone(parts), func(p *part) bool { return !p.refused.Load() })
		if len(parts) == 0 {
			return nil
		}
		l.client.ForceMetadataRefresh() // partitions were added, and the client learns of them late
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// invalidRounds is how often records are sent that the broker calls invalid: with their pauses it takes more than a second
// until it has certainly heard of the settings that EnsureTopics made.
const invalidRounds = 8

// wait waits until the part is written, or for its turn to end.
func (p *part) wait(ctx, turn context.Context) error {
	select {
	case err := <-p.done:
		return err
	case <-turn.Done():
		if p.taken.CompareAndSwap(false, true) {
			return context.Cause(turn)
		}
	case <-ctx.Done():
		if p.taken.CompareAndSwap(false, true) {
			return context.Cause(ctx)
		}
	}
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// kept tells the watchers, and returns where the records are.
func (l *Log) kept(parts []*part, n int) []eventlog.Position {
	positions := make([]eventlog.Position, n)
	for _, p := range parts {
		for i, record := range p.records {
			positions[p.indexes[i]] = eventlog.Position{Partition: p.at, Offset: record.Offset}
		}
		p.bounds.reach(p.records[len(p.records)-1].Offset + 1)
	}
	l.watchers.Wake()
	return positions
}

// planned is the partitioner: plan chose already. It refuses a part whose partition the client does not know yet, all of it, so
// that its records stay in order; produce tries them again.
type planned struct{}

func (planned) ForTopic(string) kgo.TopicPartitioner { return planned{} }
func (planned) RequiresConsistency(*kgo.Record) bool { return true }

func (planned) Partition(r *kgo.Record, n int) int {
	p := r.Context.Value(partKey{}).(*part)
	if p.refused.Load() || int(r.Partition) >= n {
		p.refused.Store(true)
		return -1
	}
	return int(r.Partition)
}
