package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// item is one event on its way through the produce pipeline.
type item struct {
	ev         event.Event
	client     bool   // posted, in contrast to made by the pipeline
	input, run string // the job that made it; see event.Routing
	both       bool   // if expedited, append without the flag to the source's own topic as well
	dropped    string // by which step; empty while it goes on
	single     bool   // what cannot be kept of it is refused alone, not the whole request
	refused    error  // why it was
}

// The steps that drop events: those that their source has let expire, those that deletions name, and those that the log cannot keep.
const (
	dropExpired = "ageoff"
	dropDeleted = "deleted"
	dropInvalid = "invalid"
)

// Published is what became of a set of events.
type Published struct {
	Kept    []event.Event // those posted that are in the log, in their final form
	Expired int           // those posted that had expired already
	Deleted int           // those posted that deletions name
}

// Publish checks events, gives them their keys and appends them with all that follows from them, in one append. On an error
// nothing was kept; *InvalidError says what is wrong with an event, anything else is trouble of the back end.
func (d *Dispatcher) Publish(ctx context.Context, events ...event.Event) (Published, error) {
	items := make([]*item, 0, len(events))
	for _, ev := range events {
		if err := ev.Validate(); err != nil {
			return Published{}, &invalidError{err}
		}
		items = append(items, &item{ev: ev, client: true})
	}
	return d.append(ctx, items)
}

// IsInvalid tells whether an error of Publish or Store is about what was given, not about the back end.
func IsInvalid(err error) bool {
	var invalid *invalidError
	return errors.As(err, &invalid)
}

// append runs the produce pipeline over the items and appends what is left, together with extra records.
func (d *Dispatcher) append(ctx context.Context, items []*item, extra ...eventlog.Record) (Published, error) {
	begun := time.Now()
	for _, it := range items {
		if p, ok := it.ev.(*event.Plugin); ok {
			hideSecrets(p)
		}
	}
	items = d.ageOff(items)
	items = expandResults(items)
	for _, it := range items {
		if err := it.refuse(d.name(it)); err != nil {
			return Published{}, err
		}
	}
	items, letters := d.inserts.inject(ctx, items)
	extra = append(extra, letters...)
	records := make([]eventlog.Record, 0, len(items)+len(extra))
	var p Published
	patience := d.patience(items)
	for _, it := range items {
		if it.dropped != "" {
			p.drop(it)
			d.metrics.dropped.WithLabelValues(it.dropped).Inc()
			continue
		}
		endSettings(it.ev)
		made, err := d.encode(ctx, it, patience)
		if err = it.refuse(err); err != nil {
			return Published{}, err
		}
		if it.refused != nil {
			continue
		}
		records = append(records, made...)
		if it.client {
			p.Kept = append(p.Kept, it.ev)
		}
	}
	extra = append(extra, d.letters.close(ctx, items)...)
	records = append(records, extra...)
	if len(records) == 0 {
		return p, nil
	}
	d.metrics.stage(d.metrics.produceSeconds, stageTransform, begun)
	var positions []eventlog.Position
	err := d.patiently(ctx, patience, func(ctx context.Context) (err error) {
		positions, err = d.appendEvents(ctx, records)
		return err
	})
	if err != nil {
		return Published{}, fmt.Errorf("append to the log: %w", err)
	}
	d.noteEnds(positions)
	for _, it := range items {
		d.metrics.published(it)
	}
	d.heed(ctx, items)
	return p, nil
}

// refuse notes what is wrong with an event that is refused alone; any other error is the whole request's.
func (it *item) refuse(err error) error {
	if !it.single || !IsInvalid(err) {
		return err
	}
	it.refused, it.dropped = err, dropInvalid
	return nil
}

// drop counts a posted event that was dropped.
func (p *Published) drop(it *item) {
	switch {
	case !it.client, it.refused != nil:
	case it.dropped == dropExpired:
		p.Expired++
	default:
		p.Deleted++
	}
}

// heed makes the inserts, deletions and ends of downloads among the items effective before their post is answered.
func (d *Dispatcher) heed(ctx context.Context, items []*item) {
	for _, it := range items {
		var err error
		switch it.ev.(type) {
		case *event.Insert:
			err = d.inserts.catchUp(ctx)
		case *event.Delete:
			err = d.deletions.catchUp(ctx)
		case *event.Download:
			err = d.downloads.catchUp(ctx)
		}
		if err != nil && ctx.Err() == nil {
			d.logger.Error("follow what was published", "err", err) // it is tried again when the log moves
		}
	}
}

// noteEnds wakes the polls that wait for what was just appended, before the log's own notice.
func (d *Dispatcher) noteEnds(positions []eventlog.Position) {
	ends := make(map[eventlog.Partition]int64, 2)
	for _, p := range positions {
		ends[p.Partition] = max(ends[p.Partition], p.Offset+1)
	}
	for part, end := range ends {
		d.mu.Lock()
		t := d.tails[part]
		d.mu.Unlock()
		if t != nil {
			t.moved(end)
		}
	}
}

// ageOff drops binaries, and results of statuses, whose source lets them expire and whose time is over. The statuses
// themselves go on: a plugin that finished late must still be able to say so.
func (d *Dispatcher) ageOff(items []*item) []*item {
	expired := func(b *event.Binary) bool {
		expiry := d.opts.Sources.Expiry(b.Source.Name)
		return expiry > 0 && b.Source.Timestamp.Add(expiry).Before(d.now())
	}
	for _, it := range items {
		switch ev := it.ev.(type) {
		case *event.Binary:
			if expired(ev) {
				it.dropped = dropExpired
			}
		case *event.Status:
			if expired(&ev.Entity.Input) {
				d.metrics.dropped.WithLabelValues(dropExpired).Add(float64(len(ev.Entity.Results)))
				ev.Entity.Results = nil
			}
		}
	}
	return items
}

// expandResults takes the results out of statuses and puts them in front as events of their own, so that whoever sees a
// final status finds its results in the log. Results of an expedited job go out twice: expedited, and to the topic of
// their source, which keeps them.
func expandResults(items []*item) []*item {
	out := make([]*item, 0, len(items))
	for _, it := range items {
		status, ok := it.ev.(*event.Status)
		if !ok {
			out = append(out, it)
			continue
		}
		input := &status.Entity.Input
		it.input, it.run = input.KafkaKey, input.Dequeued
		if id, ok := event.ParseJobID(input.Dequeued); ok {
			it.input, it.run = id.Key, id.Run()
		}
		if status.Entity.Status.Success() || status.Entity.Status == event.ErrorOutput { // of which mend left what is valid
			for i := range status.Entity.Results {
				result := &status.Entity.Results[i]
				result.Flags = event.Flags{Expedite: input.Flags.Expedite, BypassCache: input.Flags.BypassCache}
				out = append(out, &item{ev: result, input: it.input, run: it.run, both: true})
			}
			status.Entity.Results = nil
		}
		out = append(out, it)
	}
	return out
}

// name gives an event what the dispatcher alone decides, key and tracking fields, and drops it if deletions name it.
func (d *Dispatcher) name(it *item) error {
	if it.dropped != "" {
		return nil
	}
	it.ev.Header().ModelVersion = event.ModelVersion
	if err := d.opts.Keys.Assign(it.ev); err != nil {
		return &invalidError{fmt.Errorf("make the key: %w", err)}
	}
	event.Track(it.ev)
	if b, ok := it.ev.(*event.Binary); ok {
		b.Dequeued, b.Flags.Retry = "", false
		if _, deleted := d.deletions.find(b); deleted {
			it.dropped = dropDeleted
		}
	}
	return nil
}

// endSettings takes the source's settings away at the depth that they name themselves. The key is made before that, as in the
// reference: with either way of making keys an event that is published again as it came has the same one.
func endSettings(ev event.Event) {
	b, ok := ev.(*event.Binary)
	if !ok {
		return
	}
	if depth, err := strconv.Atoi(b.Source.Settings["remove_at_depth"]); err == nil && len(b.Source.Path) >= depth {
		b.Source.Settings = nil
	}
}

// encode makes the records of an event: one, or two of an expedited one that goes to its source's topic as well.
func (d *Dispatcher) encode(ctx context.Context, it *item, patience time.Time) ([]eventlog.Record, error) {
	topic := d.names.system(string(it.ev.Model()))
	b, ok := it.ev.(*event.Binary)
	if !ok {
		record, err := d.record(topic, it.ev, it)
		return []eventlog.Record{record}, err
	}
	ensure := func(ctx context.Context) error { return d.sources.ensure(ctx, b.Source.Name) }
	if err := d.patiently(ctx, patience, ensure); err != nil {
		return nil, err
	}
	topic = d.names.binary(b.Source.Name, b.Action)
	if !b.Flags.Expedite {
		record, err := d.record(topic, b, it)
		return []eventlog.Record{record}, err
	}
	expedited, err := d.record(d.names.system(topicExpedite), b, it)
	if err != nil || !it.both {
		return []eventlog.Record{expedited}, err
	}
	plain := *b
	plain.Flags.Expedite = false
	record, err := d.record(topic, &plain, it)
	return []eventlog.Record{expedited, record}, err
}

// record makes the record of an event for a topic.
func (d *Dispatcher) record(topic string, ev event.Event, it *item) (eventlog.Record, error) {
	routing := event.Route(ev)
	routing.Input, routing.Run = it.input, it.run
	value, err := event.AppendJSON(make([]byte, 0, 4<<10), ev)
	if err != nil {
		return eventlog.Record{}, &invalidError{fmt.Errorf("encode the event: %w", err)}
	}
	if int64(len(value)) > d.opts.MaxEventBytes {
		return eventlog.Record{}, &invalidError{fmt.Errorf("the event has %d bytes, the limit is %d", len(value), d.opts.MaxEventBytes)}
	}
	return eventlog.Record{Topic: topic, Key: []byte(recordKey(ev)), Header: routing.Append(nil), Value: value}, nil
}

// recordKey is the key of an event's record: its kafka_key. Statuses of one job have one kafka_key, whatever the attempt, but
// one that says less must not replace one that says more in the log: who takes the consumer over would not find the end of a job.
// So a status of our jobs that is neither success nor opt-out has a suffix: how far the job is (.progress), an attempt's error
// (.error and its number), or that the dispatcher gave the job up (.dead). Readers tell by kafka_key and worth what counts.
func recordKey(ev event.Event) string {
	key := ev.Header().KafkaKey
	status, ok := ev.(*event.Status)
	if !ok {
		return key
	}
	id, ok := event.ParseJobID(status.Entity.Input.Dequeued)
	state := status.Entity.Status
	switch {
	case !ok || state.Success() || state == event.OptOut:
		return key
	case status.Entity.Error == givenUpError:
		return key + suffixDead
	case !state.Final() || state == event.ErrorNetwork:
		return key + ".progress"
	}
	return key + ".error" + strconv.Itoa(id.Attempt)
}

const suffixDead = ".dead"
