package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

const (
	defaultPageRecords = 1000
	defaultPageBytes   = 1 << 20
)

// WithDefaults fills in what is 0.
func (l Limit) WithDefaults() Limit {
	if l.Records <= 0 {
		l.Records = defaultPageRecords
	}
	if l.Bytes <= 0 {
		l.Bytes = defaultPageBytes
	}
	return l
}

// Read implements Log.
func (l *Embedded) Read(ctx context.Context, p Partition, offset int64, limit Limit) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	release, err := l.hold()
	if err != nil {
		return Page{}, err
	}
	defer release()
	topic, part, err := l.topics.Load().find(p)
	if err != nil {
		return Page{}, err
	}
	r := stretchReader{db: l.reader(), topic: topic, part: part, at: p}
	return r.read(ctx, offset, limit.WithDefaults())
}

// stretchReader reads one partition.
type stretchReader struct {
	db    source
	topic *topic
	part  *partition
	at    Partition
}

func (r *stretchReader) iter(from, to int64) (*pebble.Iterator, error) {
	return r.db.NewIter(&pebble.IterOptions{
		LowerBound: recordKey(nil, r.topic.id, r.at.Index, from),
		UpperBound: recordKey(nil, r.topic.id, r.at.Index, to),
	})
}

// read returns one page. Damage behind good records waits for the next call.
func (r *stretchReader) read(ctx context.Context, offset int64, limit Limit) (Page, error) {
	// The end comes before the iterator, which then sees every record below it.
	from, end := max(offset, r.part.start.Load()), r.part.end.Load()
	if from >= end {
		return Page{Next: from}, nil
	}
	page := Page{Next: from}
	err := r.fill(&page, end, limit)
	if err != nil && len(page.Records) == 0 {
		return Page{}, r.fault(ctx, page.Next, end, err)
	}
	return page, nil
}

// fill adds records to the page until it is full or there are no more, and sets where to go on. On an error, Next is the
// offset that could not be read.
func (r *stretchReader) fill(page *Page, end int64, limit Limit) (err error) {
	it, err := r.iter(page.Next, end)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	bytes := 0
	for it.First(); it.Valid(); it.Next() {
		record, err := r.record(it)
		if err != nil {
			return err
		}
		if err := r.missing(page.Next, record.Position.Offset); err != nil {
			return err
		}
		bytes += record.Size()
		if len(page.Records) > 0 && bytes > limit.Bytes {
			return nil
		}
		page.Records = append(page.Records, record)
		page.Next = record.Position.Offset + 1
		if len(page.Records) == limit.Records {
			return nil
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	if err := r.missing(page.Next, end); err != nil {
		return err
	}
	page.Next = end
	return nil
}

// missing returns an error if there is a gap in [from, to), unless the topic may have gaps or retention made it meanwhile.
func (r *stretchReader) missing(from, to int64) error {
	if from == to || r.topic.gaps || from < r.part.start.Load() {
		return nil
	}
	return &CorruptError{r.at, from, to, fmt.Errorf("%w: records are missing", ErrDamaged)}
}

// record copies the record that the iterator is at.
func (r *stretchReader) record(it *pebble.Iterator) (Record, error) {
	offset, err := recordOffset(it.Key())
	if err != nil {
		return Record{}, err
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return Record{}, err
	}
	record, err := decodeRecord(bytes.Clone(value))
	if err != nil {
		return Record{}, &CorruptError{r.at, offset, offset + 1, err}
	}
	record.Topic, record.Position = r.at.Topic, Position{r.at, offset}
	return record, nil
}

// fault turns an error of reading at from into a *CorruptError that says where reading can go on.
func (r *stretchReader) fault(ctx context.Context, from, end int64, err error) error {
	if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) {
		return corrupt
	}
	if !pebble.IsCorruptionError(err) {
		return fmt.Errorf("read %s at offset %d: %w", r.at, from, err)
	}
	to, probeErr := r.readableFrom(ctx, from+1, end)
	if probeErr != nil {
		return probeErr
	}
	return &CorruptError{r.at, from, to, describe(err)}
}

// firstProbe is how far behind a bad record the next try is made; steps double from there. Every try that fails costs up to
// 0.3 s, in which Pebble looks for a flipped bit that would explain the checksum, and a bad block of 16 KiB holds some tens
// of records.
const firstProbe = 16

// readableFrom returns an offset in [from, end] from which reading succeeds: the first behind the bad stretch. Where bad
// stretches lie close together, good records between them may be left out.
func (r *stretchReader) readableFrom(ctx context.Context, from, end int64) (int64, error) {
	bad, good := from-1, end
	for step := int64(firstProbe); end-bad > step; step *= 2 {
		if r.readable(bad+step, end) {
			good = bad + step
			break
		}
		bad += step
	}
	for bad+1 < good {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if middle := bad + (good-bad)/2; r.readable(middle, end) {
			good = middle
		} else {
			bad = middle
		}
	}
	return good, nil
}

// readable tells whether the first record from an offset on can be read, or there is none.
func (r *stretchReader) readable(from, end int64) bool {
	it, err := r.iter(from, end)
	if err != nil {
		return false
	}
	if it.First() {
		_, err = it.ValueAndErr()
	}
	return errors.Join(err, it.Close()) == nil
}
