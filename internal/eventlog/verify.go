package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// Verify reads everything as it is at the moment of the call, and reports each fault in a line: damaged and missing
// records, records outside their partition's bounds, and whatever else breaks the promises of keys.go. Appends go on
// meanwhile. The error is nil when all could be looked at, whatever was found.
func (l *Embedded) Verify(ctx context.Context, report func(fault string)) error {
	release, err := l.hold()
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.stopped, cancel)()

	db := l.before.Load()
	if db == nil {
		if db, err = pin(l.db); err != nil {
			return fmt.Errorf("verify the log: %w", err)
		}
		defer db.Close()
	}
	topics, err := loadTopics(db)
	if err != nil {
		return fmt.Errorf("verify the log: %w", describe(err))
	}
	v := verifier{db: db, topics: topics, report: report}
	for _, step := range []func(context.Context) error{v.partitions, v.strays, v.groups} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("verify the log: %w", err)
		}
	}
	return nil
}

// verifier looks through one state of the log.
type verifier struct {
	db     source
	topics *topicTable
	report func(string)
}

func (v *verifier) faultf(format string, args ...any) { v.report(fmt.Sprintf(format, args...)) }

// note reports damage, and returns any other error.
func (v *verifier) note(what string, err error) error {
	if pebble.IsCorruptionError(err) || errors.Is(err, errMalformed) {
		v.faultf("%s: %s", what, oneLine(describe(err).Error()))
		return nil
	}
	return err
}

func (v *verifier) partitions(ctx context.Context) error {
	for _, t := range v.topics.sorted {
		keyed := 0
		for i, p := range t.partitions {
			n, err := v.partition(ctx, t, p, Partition{t.Name, int32(i)})
			if err != nil {
				return err
			}
			keyed += n
		}
		if err := v.keys(ctx, t, keyed); err != nil {
			return err
		}
	}
	return nil
}

// partition reads all records of a partition, and returns how many the 'k' entries rightly point at.
func (v *verifier) partition(ctx context.Context, t *topic, p *partition, at Partition) (keyed int, err error) {
	r := stretchReader{db: v.db, topic: t, part: p, at: at}
	bounds := p.bounds()
	for _, outside := range []Bounds{{0, bounds.Start}, {bounds.End, math.MaxInt64}} {
		if err := v.nothingIn(&r, outside); err != nil {
			return 0, err
		}
	}
	newest := int64(math.MinInt64)
	for next := bounds.Start; next < bounds.End; {
		page, err := r.read(ctx, next, Limit{}.WithDefaults())
		if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) {
			v.report(oneLine(corrupt.Error()))
			next = corrupt.To
			continue
		}
		if err != nil {
			return 0, err
		}
		for i := range page.Records {
			record := &page.Records[i]
			micros := record.Time.UnixMicro()
			if micros < newest {
				v.faultf("log: %s goes back in time at offset %d", at, record.Position.Offset)
			}
			newest = max(newest, micros)
			if t.Compact && len(record.Key) > 0 {
				right, err := v.pointedAt(t, record)
				if err != nil {
					return 0, err
				}
				if right {
					keyed++
				}
			}
		}
		next = page.Next
	}
	return keyed, ctx.Err()
}

func (v *verifier) nothingIn(r *stretchReader, b Bounds) error {
	it, err := r.iter(b.Start, b.End)
	if err != nil {
		return err
	}
	if it.First() {
		offset, _ := recordOffset(it.Key())
		v.faultf("log: %s has a record at offset %d, outside its bounds", r.at, offset)
	}
	return v.note(fmt.Sprintf("log: %s outside its bounds", r.at), it.Close())
}

// pointedAt checks that the 'k' entry of a record's key names the record.
func (v *verifier) pointedAt(t *topic, record *Record) (bool, error) {
	at := record.Position
	newest, err := readPlace(v.db, latestKey(nil, t.id, record.Key))
	if err != nil {
		return false, v.note(fmt.Sprintf("log: %s: entry of the key at offset %d", at.Partition, at.Offset), err)
	}
	if newest == nil {
		v.faultf("log: %s: the key at offset %d has no entry", at.Partition, at.Offset)
		return false, nil
	}
	if *newest != (place{at.Index, at.Offset}) {
		v.faultf("log: %s: the record at offset %d was replaced by partition %d, offset %d, and is still there",
			at.Partition, at.Offset, newest.partition, newest.offset)
		return false, nil
	}
	return true, nil
}

// keys checks that there are as many 'k' entries as records that they rightly point at.
func (v *verifier) keys(ctx context.Context, t *topic, keyed int) error {
	entries := 0
	err := scan(v.db, latestPrefix(t.id), func(_, _ []byte) error {
		entries++
		return ctx.Err()
	})
	if err != nil {
		return v.note(fmt.Sprintf("log: topic %s: entries of keys", t.Name), err)
	}
	if entries != keyed {
		v.faultf("log: topic %s has %d entries of keys for %d records", t.Name, entries, keyed)
	}
	return nil
}

// strays looks for records of topics and partitions that do not exist.
func (v *verifier) strays(context.Context) error {
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixRecord}, UpperBound: []byte{prefixRecord + 1}})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; {
		key := it.Key()
		if len(key) != recordKeyBytes {
			v.faultf("log: a record's key has %d bytes", len(key))
			ok = it.Next()
			continue
		}
		id, index := binary.BigEndian.Uint32(key[1:]), int32(binary.BigEndian.Uint32(key[5:]))
		if p, _ := v.topics.byID(id, index); p == nil {
			v.faultf("log: there are records of topic id %d, partition %d, which does not exist", id, index)
		}
		ok = it.SeekGE(after(key[:recordKeyBytes-8]))
	}
	return v.note("log: records", it.Close())
}

// groups checks that committed offsets are offsets of partitions.
func (v *verifier) groups(ctx context.Context) error {
	err := scan(v.db, []byte{prefixGroup}, func(key, value []byte) error {
		group, id, index, err := splitGroupKey(key)
		if err != nil || len(value) != 8 {
			v.faultf("log: entry %q of a group is malformed", key)
			return ctx.Err()
		}
		p, name := v.topics.byID(id, index)
		if p == nil {
			v.faultf("log: group %s has an offset in topic id %d, partition %d, which does not exist", group, id, index)
			return ctx.Err()
		}
		if offset := int64(binary.BigEndian.Uint64(value)); offset < 0 || offset > p.end.Load() {
			v.faultf("log: group %s is at offset %d of %s/%d, which ends at %d", group, offset, name, index, p.end.Load())
		}
		return ctx.Err()
	})
	return v.note("log: groups", err)
}
