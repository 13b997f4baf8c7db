package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// expireEvery removes expired records again and again until ctx ends.
func (l *Embedded) expireEvery(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := l.Expire(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			l.log.Warn("event log: expired records stay for now", "err", err)
		}
	}
}

// Expire removes the records that are older than their topics keep them, and moves the starts. It is called by the log
// itself every RetentionInterval. What keeps it from one partition does not keep it from the others.
func (l *Embedded) Expire(ctx context.Context) error {
	var faults []error
	for _, t := range l.topics.Load().sorted {
		if t.Retention == 0 {
			continue
		}
		cutoff := l.now().Add(-t.Retention).UnixMicro()
		for i := range t.partitions {
			at := Partition{t.Name, int32(i)}
			if err := l.expirePartition(ctx, at, cutoff); err != nil {
				faults = append(faults, fmt.Errorf("expire %s: %w", at, err))
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return errors.Join(faults...)
}

// expirePartition removes the records that were appended before cutoff, in µs since 1970.
func (l *Embedded) expirePartition(ctx context.Context, at Partition, cutoff int64) error {
	start, err := l.firstSince(at, cutoff)
	if err != nil {
		return err
	}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := l.committer.do(ctx, &op{alone: true, stage: func(s *stage) (err error) {
			more, err = l.stageExpiry(ctx, s, at, start)
			return err
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// stageExpiry removes the records before an offset. Of a compacted topic it removes one page of them, with the entries of
// their keys, and says whether there are more.
func (l *Embedded) stageExpiry(ctx context.Context, s *stage, at Partition, before int64) (more bool, err error) {
	t, p, err := l.topics.Load().find(at)
	if err != nil || p.start.Load() >= before {
		return false, err
	}
	start := before
	if t.Compact {
		if start, err = l.stageExpiredKeys(ctx, s, t, p, at, before); err != nil {
			return false, err
		}
	}
	s.deleteRange(recordKey(nil, t.id, at.Index, p.start.Load()), recordKey(nil, t.id, at.Index, start))
	s.touch(p, t.id, at.Index)
	p.start.Store(start) // before the batch, so that no reader takes the new gap for damage
	return start < before, nil
}

// stageExpiredKeys removes the 'k' entries of a page of records, and returns where the page ends.
func (l *Embedded) stageExpiredKeys(ctx context.Context, s *stage, t *topic, p *partition, at Partition, before int64) (int64, error) {
	r := stretchReader{db: l.db, topic: t, part: p, at: at}
	page, err := r.read(ctx, p.start.Load(), compactPage)
	if err != nil {
		return 0, err
	}
	var latest []byte
	for i := range page.Records {
		record := &page.Records[i]
		if record.Position.Offset >= before {
			break
		}
		latest = latestKey(latest, t.id, record.Key)
		newest, err := readPlace(l.db, latest)
		if err != nil {
			return 0, err
		}
		if newest != nil && *newest == (place{at.Index, record.Position.Offset}) {
			s.delete(latest)
		}
	}
	return min(page.Next, before), nil
}

// firstSince returns the offset of the first record that was appended at or after a time in µs since 1970, or the end.
// Times never go back within a partition, so that it can halve the stretch until it is found.
func (l *Embedded) firstSince(at Partition, micros int64) (int64, error) {
	release, err := l.hold()
	if err != nil {
		return 0, err
	}
	defer release()
	t, p, err := l.topics.Load().find(at)
	if err != nil {
		return 0, err
	}
	r := stretchReader{db: l.reader(), topic: t, part: p, at: at}
	b := p.bounds()
	it, err := r.iter(b.Start, b.End)
	if err != nil {
		return 0, err
	}
	low, high := b.Start, b.End // what is before low is older, the first record from high on is not
	for low < high {
		middle := low + (high-low)/2
		offset, older, err := r.olderThan(it, middle, micros)
		if err != nil {
			return 0, errors.Join(describe(err), it.Close())
		}
		if older {
			low = offset + 1
		} else {
			high = middle
		}
	}
	return low, it.Close()
}

// olderThan tells whether the first record from an offset on is older than a time, and where it is.
func (r *stretchReader) olderThan(it *pebble.Iterator, from, micros int64) (offset int64, older bool, err error) {
	if !it.SeekGE(recordKey(nil, r.topic.id, r.at.Index, from)) {
		return 0, false, it.Error()
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, false, err
	}
	record, err := decodeRecord(value)
	if err != nil {
		return 0, false, err
	}
	offset, err = recordOffset(it.Key())
	return offset, record.Time.UnixMicro() < micros, err
}
