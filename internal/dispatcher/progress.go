package dispatcher

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// progress writes what the consumers' cells know to the compacted topic system.progress: at most a second late while work
// goes on, and at once when the dispatcher stops. Five kinds of records, told apart by the beginning of their keys:
//
//	birth <consumer>                            → birthRecord
//	cell <consumer> <feed> <topic>/<partition>  → cellRecord
//	poll <consumer>                             → pollRecord
//	once <number> <consumer>                    → onceBucket
//	statuses <partition of progress>            → statusesRecord
//
// What is written of a partition is one append, so the position in its statuses record holds for every cell in it.
type progress struct {
	d         *Dispatcher
	dirty     chan struct{}
	committed time.Time // when the groups' offsets were last committed
	writing   sync.Mutex
}

// commitEvery bounds how late the groups' offsets are. How late progress is, is Options.flushEvery.
const commitEvery = 10 * time.Second

const progressVersion = 2

// birthRecord says when a consumer came and where its live feed begins and its historic feed ends.
type birthRecord struct {
	Version  int              `json:"v"`
	Identity identity         `json:"consumer"`
	Born     time.Time        `json:"born"`
	Ends     map[string]int64 `json:"ends"` // "topic/partition" → first offset of the live feed
}

// cellRecord is the state of a cell. Every offset from Low up to High that is not in Open has ended.
type cellRecord struct {
	Version int       `json:"v"`
	Low     int64     `json:"low"`
	High    int64     `json:"high"`
	Open    []openJob `json:"open,omitempty"`
	Ended   []int64   `json:"ended,omitempty"` // at or above High
	Polled  feedSet   `json:"polled"`          // the feeds that the consumer's newest poll asked for
	Feeds   []bool    `json:"feeds,omitempty"` // version 1: the same, of expedite, live and historic
}

func (r *cellRecord) polled() feedSet {
	if r.Version == 1 && len(r.Feeds) == 3 {
		return feedSet{feedExpedite: r.Feeds[0], feedLive: r.Feeds[1], feedHistoric: r.Feeds[2]}
	}
	return r.Polled
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
	Appended int64  `json:"t"`           // Unix milliseconds of the event's append
	Key      string `json:"k,omitempty"` // hex of the event that the job holds; see once
}

// pollRecord is the newest poll of a consumer, so that its filter is known before it polls again.
type pollRecord struct {
	Version int    `json:"v"`
	Active  bool   `json:"active"`
	Query   string `json:"query"`
}

// statusesRecord says up to where the status topic has been applied to the cells of its partition of progress.
type statusesRecord struct {
	Version int       `json:"v"`
	At      positions `json:"at"`
	Next    int64     `json:"next,omitempty"` // version 1: the position in the only partition
}

const statusesPrefix = "statuses"

func statusesKey(partition int32) string { return fmt.Sprintf("%s %d", statusesPrefix, partition) }

const pollPrefix = "poll "

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
	now := d.now()
	commit := all || now.Sub(p.committed) >= commitEvery
	if commit {
		p.committed = now
	}
	type owned struct {
		shard     *shard
		consumers []*consumer
	}
	byShard := map[int32]*owned{}
	for _, c := range d.all() {
		o := byShard[c.shard.number]
		if o == nil {
			o = &owned{shard: c.shard}
			byShard[c.shard.number] = o
		}
		o.consumers = append(o.consumers, c)
	}
	var errs []error
	for _, n := range slices.Sorted(maps.Keys(byShard)) {
		o := byShard[n]
		if !d.serves(o.shard) {
			continue // its consumers do not know yet what the follower's position promises
		}
		if err := p.write(ctx, o.shard, d.statuses.position(), o.consumers, commit); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil && !errors.Is(err, eventlog.ErrInvalid) {
		p.committed = time.Time{} // what was to be committed is committed with the next flush
	}
	return errors.Join(errs...)
}

// write writes a record for every cell of the consumers of a shard that is taken over that changed since it was last written, and, if commit is set,
// the groups' offsets. statuses is a position that was read before: whatever was applied since is applied again at a take-over,
// which changes nothing.
func (p *progress) write(ctx context.Context, s *shard, statuses positions, consumers []*consumer, commit bool) error {
	d := p.d
	p.writing.Lock()
	defer p.writing.Unlock()
	topic := d.names.system(topicProgress)
	records := []eventlog.Record{mustRecord(topic, statusesKey(s.number), statusesRecord{Version: progressVersion, At: statuses})}
	groups := map[string]map[eventlog.Partition]int64{}
	commits := map[string][]func(){} // what to note when a group's offsets are kept
	var written []*cell
	kept := map[*consumer]func(){}
	for _, c := range consumers {
		c.mu.Lock()
		if c.replaced {
			c.mu.Unlock()
			continue
		}
		if c.queryDirty {
			records = append(records, mustRecord(topic, pollPrefix+c.key, pollRecord{progressVersion, c.active, c.query}))
			c.queryDirty = false
		}
		buckets, done := c.onceRecords(topic)
		if len(buckets) > 0 {
			records = append(records, buckets...)
			kept[c] = done
		}
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
	if len(records) > 1 {
		for i := range records {
			records[i].PartitionKey = []byte(consumers[0].base())
		}
		if err := d.own.Append(ctx, s.number, records); err != nil {
			for _, c := range consumers {
				c.markDirty(written)
			}
			return fmt.Errorf("append to %s: %w", topic, err)
		}
		for c, done := range kept {
			c.mu.Lock()
			done()
			c.mu.Unlock()
		}
	}
	var faults []error
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if err := d.log.Commit(ctx, group, groups[group]); err != nil {
			faults = append(faults, fmt.Errorf("commit group %s: %w", group, err))
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
	for _, b := range c.once.buckets {
		b.dirty = true
	}
	c.queryDirty = c.query != ""
}

// group is the standard name of a flow's consumer group (protocol 3.2).
func (c *consumer) group(f feed) string {
	letters := ""
	for i, on := range c.feeds {
		if on && feed(i) != feedRetry {
			letters += strings.ToUpper(feedLetters[i : i+1])
		}
	}
	id, tail := c.identity, ""
	if id.Debug {
		tail = "D"
	}
	if id.Variant != "" {
		tail += "-f" + id.Variant
	}
	id.Debug, id.Variant = false, ""
	return fmt.Sprintf("%s-azul-%s-%s%s-%s", c.d.opts.Prefix, id.key(), letters, tail, f)
}

// record makes the cell's progress record. The caller holds the consumer's lock.
func (cl *cell) record(feeds feedSet, now time.Time) cellRecord {
	r := cellRecord{Version: progressVersion, Low: cl.low(), High: cl.high, Polled: feeds,
		Ended: slices.Sorted(maps.Keys(cl.ended))}
	for _, offset := range slices.Sorted(maps.Keys(cl.jobs)) {
		j := cl.jobs[offset]
		o := openJob{Offset: offset, Attempt: j.attempt, Failures: j.failures, Network: j.network, Lease: -1,
			Worker: j.worker, Appended: j.time.UnixMilli()}
		if j.attempt > 0 {
			o.Spent, o.Since = int64(now.Sub(j.begun).Seconds()), j.since.Unix()
		}
		if key := j.key; key != (letterID{}) || j.about != (letterID{}) {
			if key == (letterID{}) {
				key = j.about
			}
			o.Key = hex.EncodeToString(key[:])
		}
		if j.out && j.shown && j.leased {
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

// writeBirth makes a new consumer's borders durable.
func (p *progress) writeBirth(ctx context.Context, s *shard, id identity, ends map[eventlog.Partition]int64) error {
	return p.d.own.Append(ctx, s.number, []eventlog.Record{p.birth(id, p.d.now(), ends)})
}

// birth makes the record of a birth.
func (p *progress) birth(id identity, born time.Time, ends map[eventlog.Partition]int64) eventlog.Record {
	birth := birthRecord{Version: progressVersion, Identity: id, Born: born.UTC(), Ends: map[string]int64{}}
	for part, end := range ends {
		birth.Ends[part.String()] = end
	}
	record := mustRecord(p.d.names.system(topicProgress), birthKey(id.key()), birth)
	record.PartitionKey = []byte(id.base())
	return record
}

type progressRecords struct {
	births   map[string]birthRecord // by consumer: the newest, where the log still has others
	cells    map[string]cellRecord
	once     map[string]map[int]*onceBucket // by consumer and number
	polls    map[string]pollRecord          // by consumer
	statuses positions
}

// readProgress reads one partition of the topic.
func (d *Dispatcher) readProgress(ctx context.Context, partition int32) (*progressRecords, error) {
	all := &progressRecords{births: map[string]birthRecord{}, cells: map[string]cellRecord{}, once: map[string]map[int]*onceBucket{},
		polls: map[string]pollRecord{}}
	part := eventlog.Partition{Topic: d.names.system(topicProgress), Index: partition}
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
	case strings.HasPrefix(key, oncePrefix):
		return all.addOnce(key, r.Value)
	case len(r.Value) == 0:
		delete(all.cells, key)
		return nil
	case strings.HasPrefix(key, pollPrefix):
		var p pollRecord
		err := json.Unmarshal(r.Value, &p)
		all.polls[strings.TrimPrefix(key, pollPrefix)] = p
		return err
	case strings.HasPrefix(key, statusesPrefix):
		var at statusesRecord
		err := json.Unmarshal(r.Value, &at)
		if all.statuses = at.At; at.Version == 1 {
			all.statuses = positions{at.Next}
		}
		return err
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

func (all *progressRecords) addOnce(key string, value []byte) error {
	consumer, number, ok := parseOnceBucketKey(key)
	if !ok {
		return errors.New("unknown kind of record")
	}
	if len(value) == 0 {
		delete(all.once[consumer], number)
		return nil
	}
	b := &onceBucket{}
	if err := json.Unmarshal(value, b); err != nil {
		return err
	}
	if all.once[consumer] == nil {
		all.once[consumer] = map[int]*onceBucket{}
	}
	all.once[consumer][number] = b
	return nil
}

// restorePoll gives the consumer the filter of its newest poll. The caller holds c.mu.
func (c *consumer) restorePoll(r pollRecord) {
	query, err := url.ParseQuery(r.Query)
	if err != nil || r.Query == "" {
		return // the next poll says
	}
	p, err := c.d.parsePoll(string(c.Model), query, r.Active)
	if err != nil {
		c.d.logger.Warn("the last poll of a consumer is not understood; the next one counts", "consumer", c.key, "err", err)
		return
	}
	c.configure(p)
	c.queryDirty = false
}

// restore gives the consumer what its records say.
func (c *consumer) restore(all *progressRecords) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restoreOnce(all.once[c.key])
	c.restorePoll(all.polls[c.key])
	records := all.cells
	now := c.d.now()
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			r, ok := records[cellKey(c.key, cl)]
			if !ok {
				continue
			}
			c.feeds = r.polled()
			cl.high, cl.dirty = r.High, false
			for _, offset := range r.Ended {
				cl.ended[offset] = true
			}
			for _, o := range r.Open {
				j := &job{cell: cl, offset: o.Offset, time: time.UnixMilli(o.Appended), attempt: o.Attempt, failures: o.Failures, network: o.Network}
				cl.jobs[o.Offset] = j
				if c.Model == event.ModelDownload {
					j.about, o.Key = parseOnceKey(o.Key), ""
				}
				switch {
				case o.Attempt == 0:
					cl.first = append(cl.first, j)
					continue
				case o.Lease >= 0:
					j.out, j.shown, j.leased, j.worker, j.deadline = true, true, true, o.Worker, now.Add(c.lease())
					if o.Key != "" {
						c.hold(j, parseOnceKey(o.Key))
					}
				default:
					cl.again = append(cl.again, j)
				}
				j.begun, j.since = now.Add(-time.Duration(o.Spent)*time.Second), time.Unix(o.Since, 0)
			}
		}
	}
}
