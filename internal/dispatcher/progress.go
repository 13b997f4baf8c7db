package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lazuli/internal/eventlog"
)

// progress writes what the consumers' cells know to the compacted topic system.progress: at most a second late while work
// goes on, and at once when the dispatcher stops. Three kinds of records, told apart by the beginning of their keys:
//
//	birth <consumer>                            → birthRecord
//	cell <consumer> <feed> <topic>/<partition>  → cellRecord
//	statuses                                    → statusesRecord
//
// One flush is one append, so the position in the statuses record holds for every cell.
type progress struct {
	d         *Dispatcher
	dirty     chan struct{}
	committed time.Time // when the groups' offsets were last committed
}

// commitEvery bounds how late the groups' offsets are. How late progress is, is Options.flushEvery.
const commitEvery = 10 * time.Second

const progressVersion = 1

// birthRecord says when a consumer came and where its live feed begins and its historic feed ends.
type birthRecord struct {
	Version  int              `json:"v"`
	Identity identity         `json:"consumer"`
	Born     time.Time        `json:"born"`
	Ends     map[string]int64 `json:"ends"` // "topic/partition" → first offset of the live feed
}

// cellRecord is the state of a cell. Every offset from Low up to High that is not in Open has ended.
type cellRecord struct {
	Version int             `json:"v"`
	Low     int64           `json:"low"`
	High    int64           `json:"high"`
	Open    []openJob       `json:"open,omitempty"`
	Ended   []int64         `json:"ended,omitempty"` // at or above High
	Feeds   [feedCount]bool `json:"feeds"`           // that the consumer's newest poll asked for
}

// openJob is an open offset. Lease is what remained of the lease in milliseconds, -1 for a job that waits.
type openJob struct {
	Offset   int64  `json:"o"`
	Attempt  int    `json:"a,omitempty"`
	Failures int    `json:"f,omitempty"`
	Network  int    `json:"n,omitempty"`
	Spent    int64  `json:"e,omitempty"` // seconds since the first hand-out; while nothing runs they do not count
	Since    int64  `json:"s,omitempty"` // Unix seconds
	Lease    int64  `json:"l"`
	Worker   string `json:"w,omitempty"`
	Appended int64  `json:"t"` // Unix milliseconds of the event's append
}

// statusesRecord says up to where the status topic has been applied to the cells.
type statusesRecord struct {
	Version int   `json:"v"`
	Next    int64 `json:"next"`
}

const statusesKey = "statuses"

func birthKey(consumer string) string { return "birth " + consumer }

func cellKey(consumer string, cl *cell) string {
	return fmt.Sprintf("cell %s %s %s", consumer, cl.feed, cl.part)
}

func newProgress(d *Dispatcher) *progress {
	return &progress{d: d, dirty: make(chan struct{}, 1)}
}

// poke tells that something changed.
func (p *progress) poke() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// run writes changes, at most once in flushEvery, and commits now and then what moved without anybody's telling: events that
// were only skipped.
func (p *progress) run(ctx context.Context) {
	pause := time.NewTimer(p.d.opts.flushEvery)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-p.dirty:
		default:
			if p.d.now().Sub(p.committed) < commitEvery {
				pause.Reset(p.d.opts.flushEvery)
				continue
			}
		}
		if err := p.flush(ctx, false); err != nil && ctx.Err() == nil {
			p.d.logger.Error("write the consumers' progress; it is tried again", "err", err)
			p.poke()
		}
		pause.Reset(p.d.opts.flushEvery)
	}
}

// flush writes a record for every cell that changed, and now and then, or when all is set, the groups' offsets.
func (p *progress) flush(ctx context.Context, all bool) error {
	d := p.d
	topic := d.names.system(topicProgress)
	// The position is read first: whatever is applied meanwhile is applied again at a take-over, which changes nothing.
	statuses := statusesRecord{progressVersion, d.statuses.next.Load()}
	records := []eventlog.Record{mustRecord(topic, statusesKey, statuses)}
	commit := all || d.now().Sub(p.committed) >= commitEvery
	groups := map[string]map[eventlog.Partition]int64{}
	commits := map[string][]func(){} // what to note when a group's offsets are kept
	var written []*cell
	for _, c := range d.all() {
		c.mu.Lock()
		for f := range c.cells {
			for _, cl := range c.cells[f] {
				if cl.dirty {
					records = append(records, mustRecord(topic, cellKey(c.key, cl), cl.record(c.feeds, d.now())))
					cl.dirty = false
					written = append(written, cl)
				}
				if low := cl.low(); commit && c.feeds[f] && (cl.committed != low || cl.group != c.group(cl.feed)) {
					group := c.group(cl.feed)
					if groups[group] == nil {
						groups[group] = map[eventlog.Partition]int64{}
					}
					groups[group][cl.part] = low
					commits[group] = append(commits[group], func() { cl.committed, cl.group = low, group })
				}
			}
		}
		c.mu.Unlock()
	}
	if len(written) > 0 {
		if _, err := d.log.Append(ctx, records); err != nil {
			for _, c := range d.all() {
				c.markDirty(written)
			}
			return fmt.Errorf("append to %s: %w", topic, err)
		}
	}
	if !commit {
		return nil
	}
	p.committed = d.now()
	var faults []error
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if err := d.log.Commit(ctx, group, groups[group]); err != nil {
			faults = append(faults, fmt.Errorf("commit group %s: %w", group, err))
			if !errors.Is(err, eventlog.ErrInvalid) {
				p.committed = time.Time{} // again with the next flush
			}
			continue // one group keeps no other from its offsets
		}
		for _, done := range commits[group] {
			done()
		}
	}
	return errors.Join(faults...)
}

func (c *consumer) markDirty(cells []*cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			cl.dirty = cl.dirty || slices.Contains(cells, cl)
		}
	}
}

// group is the standard name of a flow's consumer group (protocol 3.2).
func (c *consumer) group(f feed) string {
	letters := ""
	for i, on := range c.feeds {
		if on {
			letters += string("ELH"[i])
		}
	}
	id, debug := c.identity, ""
	if id.Debug {
		id.Debug, debug = false, "D"
	}
	return fmt.Sprintf("%s-azul-%s-%s%s-%s", c.d.opts.Prefix, id.key(), letters, debug, f)
}

// record makes the cell's progress record. The caller holds the consumer's lock.
func (cl *cell) record(feeds [feedCount]bool, now time.Time) cellRecord {
	r := cellRecord{Version: progressVersion, Low: cl.low(), High: cl.high, Feeds: feeds,
		Ended: slices.Sorted(maps.Keys(cl.ended))}
	for _, offset := range slices.Sorted(maps.Keys(cl.jobs)) {
		j := cl.jobs[offset]
		o := openJob{Offset: offset, Attempt: j.attempt, Failures: j.failures, Network: j.network, Lease: -1,
			Worker: j.worker, Appended: j.time.UnixMilli()}
		if j.attempt > 0 {
			o.Spent, o.Since = int64(now.Sub(j.begun).Seconds()), j.since.Unix()
		}
		if j.out && j.leased {
			o.Lease = max(0, j.deadline.Sub(now).Milliseconds())
		}
		r.Open = append(r.Open, o)
	}
	return r
}

// mustRecord encodes what can always be encoded.
func mustRecord(topic, key string, value any) eventlog.Record {
	data, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", key, err))
	}
	return eventlog.Record{Topic: topic, Key: []byte(key), Value: data}
}

// writeBirth makes a new consumer's borders durable. The first birth of all also says where statuses begin to matter.
func (p *progress) writeBirth(ctx context.Context, id identity, ends map[eventlog.Partition]int64) error {
	birth := birthRecord{Version: progressVersion, Identity: id, Born: p.d.now().UTC(), Ends: map[string]int64{}}
	for part, end := range ends {
		birth.Ends[part.String()] = end
	}
	_, err := p.d.log.Append(ctx, []eventlog.Record{mustRecord(p.d.names.system(topicProgress), birthKey(id.key()), birth)})
	return err
}

// takeOver rebuilds the consumers from the progress topic and applies the statuses since. So a job whose final status was
// acknowledged is not run again, and jobs in flight stay in flight, each with one full lease.
func (d *Dispatcher) takeOver(ctx context.Context) error {
	if err := d.findTails(ctx); err != nil {
		return err
	}
	records, err := d.readProgress(ctx)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(records.births)) {
		value := records.births[key]
		if value.Version > progressVersion {
			return fmt.Errorf("the progress of consumer %s has format %d, this release knows %d: start a newer release", value.Identity.key(), value.Version, progressVersion)
		}
		c := d.newConsumer(value.Identity)
		ends := map[eventlog.Partition]int64{}
		d.mu.Lock()
		for part := range d.tails {
			ends[part] = value.Ends[part.String()]
		}
		d.mu.Unlock()
		d.admit(c, ends)
		c.restore(records.cells)
	}
	d.statuses.next.Store(records.statuses.Next)
	return d.statuses.catchUp(ctx)
}

type progressRecords struct {
	births   map[string]birthRecord // by consumer: the newest, where the log still has others
	cells    map[string]cellRecord
	statuses statusesRecord
}

func (d *Dispatcher) readProgress(ctx context.Context) (*progressRecords, error) {
	all := &progressRecords{births: map[string]birthRecord{}, cells: map[string]cellRecord{}}
	part := eventlog.Partition{Topic: d.names.system(topicProgress)}
	for at := int64(0); ; {
		page, err := d.log.Read(ctx, part, at, eventlog.Limit{})
		var corrupt *eventlog.CorruptError
		if errors.As(err, &corrupt) {
			d.logger.Error("progress of consumers cannot be read; they begin where their older records say", "err", err)
			at = max(corrupt.To, at+1)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", part, err)
		}
		for i := range page.Records {
			if err := all.add(&page.Records[i]); err != nil {
				d.logger.Error("a progress record is not readable", "key", string(page.Records[i].Key), "err", err)
			}
		}
		if page.Next <= at {
			return all, nil
		}
		at = page.Next
	}
}

func (all *progressRecords) add(r *eventlog.Record) error {
	key := string(r.Key)
	switch {
	case len(r.Value) == 0:
		return nil
	case key == statusesKey:
		return json.Unmarshal(r.Value, &all.statuses)
	case len(key) > 6 && key[:6] == "birth ":
		var b birthRecord
		if err := json.Unmarshal(r.Value, &b); err != nil {
			return err
		}
		all.births[key] = b
		return nil
	case len(key) > 5 && key[:5] == "cell ":
		var c cellRecord
		if err := json.Unmarshal(r.Value, &c); err != nil {
			return err
		}
		all.cells[key] = c
		return nil
	}
	return errors.New("unknown kind of record")
}

// restore gives the consumer's cells what their records say.
func (c *consumer) restore(records map[string]cellRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.d.now()
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			r, ok := records[cellKey(c.key, cl)]
			if !ok {
				continue
			}
			c.feeds = r.Feeds
			cl.high, cl.dirty = r.High, false
			for _, offset := range r.Ended {
				cl.ended[offset] = true
			}
			for _, o := range r.Open {
				j := &job{cell: cl, offset: o.Offset, time: time.UnixMilli(o.Appended), attempt: o.Attempt, failures: o.Failures, network: o.Network}
				cl.jobs[o.Offset] = j
				switch {
				case o.Attempt == 0:
					cl.first = append(cl.first, j)
					continue
				case o.Lease >= 0:
					j.out, j.leased, j.worker, j.deadline = true, true, o.Worker, now.Add(c.d.opts.Lease)
				default:
					cl.again = append(cl.again, j)
				}
				j.begun, j.since = now.Add(-time.Duration(o.Spent)*time.Second), time.Unix(o.Since, 0)
			}
		}
	}
}
