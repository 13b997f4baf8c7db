package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

// Bounds on what one transaction applies. A page has at least one record whatever its size, so a batch may exceed the
// bytes by one record.
const (
	maxRecords = 1000
	minRecords = 50
	maxBytes   = 8 << 20
	longBatch  = 150 * time.Millisecond
)

// source is a partition to read from.
type source struct {
	part   eventlog.Partition
	kind   string
	bounds eventlog.Bounds
}

// step applies one batch, takes offsets on and tells whether there is more to apply.
func (in *Ingest) step(ctx context.Context, offsets map[string]int64) (more bool, err error) {
	sources, err := in.sources(ctx)
	if err != nil {
		return false, err
	}
	b := newBatch(in.labels)
	next := map[eventlog.Partition]int64{}
	ends := map[eventlog.Partition]int64{}
	for i := range sources {
		s := &sources[(in.first+i)%len(sources)]
		at := in.begin(s, offsets)
		next[s.part], ends[s.part] = at, s.bounds.End
		if at < s.bounds.End && b.records < in.limit && b.bytes < maxBytes {
			if next[s.part], err = in.read(ctx, s, at, b); err != nil {
				return false, err
			}
		}
		if to := next[s.part]; to != offsets[s.part.String()] {
			b.Offsets[s.part.String()] = to
		}
		more = more || next[s.part] < s.bounds.End
	}
	in.first++
	if len(b.Offsets) > 0 {
		begun := time.Now()
		switch err := in.idx.Apply(ctx, b.Batch); {
		case errors.Is(err, index.ErrRefused) && b.records > 1:
			in.limit = max(b.records/2, 1) // to find out which record it is
			return true, nil
		case errors.Is(err, index.ErrRefused) && b.records == 1:
			if b, err = in.giveUp(ctx, b, err); err != nil {
				return false, err
			}
		case err != nil:
			return false, err
		}
		in.pace(b.records, time.Since(begun))
	}
	for place, to := range b.Offsets {
		offsets[place] = to
	}
	for _, err := range b.damage { // once: what is skipped is not read again
		in.logger.Error("events of the log cannot be read and are left out; a dead letter names them", "err", err)
	}
	in.moveTo(next, ends, b)
	return more, nil
}

// giveUp puts a dead letter in the place of a record that the index refuses.
func (in *Ingest) giveUp(ctx context.Context, refused *batch, cause error) (*batch, error) {
	b := newBatch(in.labels)
	if len(refused.damage) > 0 {
		b.Dead = refused.Dead
	}
	b.addUnreadable(&refused.last, cause)
	b.records, b.damage = 1, append(refused.damage, cause)
	b.Offsets = refused.Offsets
	return b, in.idx.Apply(ctx, b.Batch)
}

// pace keeps batches short, so that what is in the log can be found soon however much there is to do, and large enough that what a transaction
// costs is shared by many.
func (in *Ingest) pace(records int, took time.Duration) {
	switch {
	case took > longBatch:
		in.limit = max(in.limit/2, minRecords)
	case records == in.limit && took < longBatch/2:
		in.limit = min(2*in.limit, maxRecords)
	}
}

// sources lists the partitions that are indexed.
func (in *Ingest) sources(ctx context.Context) ([]source, error) {
	topics, err := in.log.Topics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the log's topics: %w", err)
	}
	var list []source
	for i := range topics {
		if kind := in.kind(topics[i].Name); kind != "" {
			for p, bounds := range topics[i].Bounds {
				list = append(list, source{eventlog.Partition{Topic: topics[i].Name, Index: int32(p)}, kind, bounds})
			}
		}
	}
	return list, nil
}

// The kinds of topics that hold no events; the other kinds are models.
const (
	kindDead       = "dead"
	kindAnnotation = "annotation"
)

// kind tells what a topic holds: a model's events, dead letters, or "" for nothing that is indexed. A source may have dots in
// its name.
func (in *Ingest) kind(topic string) string {
	rest, ok := strings.CutPrefix(topic, "azul."+in.prefix+".")
	if !ok {
		return ""
	}
	switch rest {
	case "system.expedite":
		return string(event.ModelBinary)
	case "system.status":
		return string(event.ModelStatus)
	case "system.plugin":
		return string(event.ModelPlugin)
	case "system.dead":
		return kindDead
	case "system.delete":
		return string(event.ModelDelete)
	case "system.download":
		return string(event.ModelDownload)
	case "system.annotation":
		return kindAnnotation
	}
	for _, action := range event.Actions {
		if name, ok := strings.CutSuffix(rest, ".binary."+string(action)); ok && name != "" && name != "system" {
			return string(event.ModelBinary)
		}
	}
	return ""
}

// begin tells where to read on. An index that is ahead of the log belongs to a log that was replaced: everything is applied
// from the start then, which changes nothing of what is the same.
func (in *Ingest) begin(s *source, offsets map[string]int64) int64 {
	at := offsets[s.part.String()]
	if at <= s.bounds.End {
		return at
	}
	in.logger.Warn("the index is ahead of the log, which must have been replaced by an older one; all that the log has is applied again",
		"partition", s.part.String(), "index", at, "log", s.bounds.End)
	return s.bounds.Start
}

// read adds a page to the batch and returns where the next begins.
func (in *Ingest) read(ctx context.Context, s *source, at int64, b *batch) (int64, error) {
	page, err := in.log.Read(ctx, s.part, at, eventlog.Limit{Records: in.limit - b.records, Bytes: maxBytes - b.bytes})
	var corrupt *eventlog.CorruptError
	if errors.As(err, &corrupt) {
		b.addDamage(s.part, corrupt)
		return max(corrupt.To, at+1), nil
	}
	if err != nil {
		return at, fmt.Errorf("read the log: %w", err)
	}
	for i := range page.Records {
		r := &page.Records[i]
		b.add(s.kind, r)
		b.last = *r
		b.records++
		b.bytes += len(r.Key) + len(r.Header) + len(r.Value)
	}
	return page.Next, nil
}

// moveTo makes known what was applied.
func (in *Ingest) moveTo(next, ends map[eventlog.Partition]int64, b *batch) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.applied, in.ends = next, ends
	in.records += uint64(b.records)
	in.failed += uint64(b.failed)
	close(in.moved)
	in.moved = make(chan struct{})
	for f := range in.feeds {
		f.add(b.changed)
	}
}

// batch gathers what one transaction applies.
type batch struct {
	index.Batch
	last    eventlog.Record // the newest that was added
	labels  labels
	changed map[string]bool // SHA-256 of files of which something is new
	damage  []error
	records int
	bytes   int
	failed  int
}

func newBatch(l labels) *batch {
	return &batch{labels: l, Batch: index.Batch{Offsets: map[string]int64{}}, changed: map[string]bool{}}
}
