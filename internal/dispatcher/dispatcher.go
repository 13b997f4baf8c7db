// Package dispatcher stands between the log and the plugins: it publishes events, hands jobs out under leases, follows
// statuses, and keeps the streams. Its HTTP interface is the reference dispatcher's.
//
// The way of an event: Publish (publish.go) checks it, gives it its key and appends it. A consumer (consumer.go) looks at
// new offsets through pages of routing records (pages.go), skips by its filter (filter.go) and opens jobs in its cells
// (cell.go). A poll (http_poll.go) takes a job; a status that comes back through the log (statuses.go) ends it; a lease that
// runs out gives it to the next poll (leases.go). What is open is written to the log every second (progress.go).
//
// It knows nothing of the index or of pages. Begin with New.
package dispatcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/eventlog"
	"lazuli/internal/security"
)

// Options of a dispatcher. Zero values mean the default in brackets.
type Options struct {
	Prefix         string           // of topics and groups ["lazuli"]
	Keys           event.Keys       // [event.KeysV2]
	Sources        Sources          // required
	Topics         TopicSettings    // what is configured of topics [nothing]
	Security       *security.Scheme // the labels that there are [security.Default]
	Ownership      Ownership        // [this instance owns every consumer]
	Address        string           // base URL at which other instances reach this one; required with an Ownership
	PeerAuth       string           // the Authorization header of requests of other instances; "" sends none
	PeerClient     *http.Client     // for requests of other instances [one with a transport of its own]
	Lease          time.Duration    // [2 min]
	MaxAttempts    int              // [3]
	MaxEventBytes  int64            // of one event's JSON [2 MiB, results of a status not counted]
	MaxPostBytes   int64            // of a request that posts events [64 MiB]
	MaxUploadBytes int64            // of one stream [1 GiB]
	AllowDelete    bool             // of streams, by clients
	Registry       prometheus.Registerer
	Logger         *slog.Logger
	Now            func() time.Time

	flushEvery  time.Duration // bounds how late the consumers' progress is [1 s]
	logPatience time.Duration // for the log, of final statuses and registrations; negative is none [12 s]
	bodyTimeout time.Duration // for a body to come in, and for an answer to be taken; of streams, for each part [30 s]
	manual      bool          // nothing runs in the background: the model's test makes each round itself, in an order that a seed gives
}

func (o *Options) defaults() {
	if o.Prefix == "" {
		o.Prefix = "lazuli"
	}
	if o.Keys == "" {
		o.Keys = event.KeysV2
	}
	if o.Lease == 0 {
		o.Lease = 2 * time.Minute
	}
	if o.logPatience == 0 {
		o.logPatience = logPatience
	}
	if o.bodyTimeout == 0 {
		o.bodyTimeout = 30 * time.Second
	}
	if o.flushEvery == 0 {
		o.flushEvery = time.Second
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = 3
	}
	if o.MaxEventBytes == 0 {
		o.MaxEventBytes = 2 << 20
	}
	if o.MaxPostBytes == 0 {
		o.MaxPostBytes = 64 << 20
	}
	if o.MaxUploadBytes == 0 {
		o.MaxUploadBytes = 1 << 30
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.PeerClient == nil {
		o.PeerClient = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Dispatcher is one instance. It is safe for use from many goroutines.
type Dispatcher struct {
	opts      Options
	log       eventlog.Log
	store     blob.Store
	names     names
	logger    *slog.Logger
	metrics   *metrics
	pages     *pages
	sources   *sourceRegistry
	progress  *progress
	statuses  *statusFollower
	letters   *letters
	pause     *pause
	inserts   *inserts
	downloads *downloads
	deletions *deletions
	own       Ownership
	peers     *peers // nil when this instance owns everything
	began     time.Time

	mu          sync.Mutex
	tails       map[eventlog.Partition]*tail
	shards      map[int32]*shard // that this instance owns
	consumers   map[string]*consumer
	ownersMoved chan struct{} // closed, and replaced, when shards come, go or become ready
	births      sync.Mutex    // one birth at a time

	cellsMu sync.RWMutex
	cells   map[cellID][]cellOf

	storeAway atomic.Bool
	checking  sync.Mutex // one look at the store at a time
	reaping   sync.Mutex // one round at a time, or two would bury the same job
	reapNow   chan struct{}
	awaySince time.Time // since when the log cannot be read; for reap alone
	turn      atomic.Uint32
	draining  atomic.Bool
	drained   chan struct{} // closed by Drain: waiting polls answer

	stop context.CancelFunc
	done sync.WaitGroup
}

// cellID is how a job id names a cell.
type cellID struct {
	hash      uint32
	partition int32
}

type cellOf struct {
	consumer *consumer
	cell     *cell
}

// pagesBudget bounds the memory of the shared routing pages, in bytes.
const pagesBudget = 24 << 20

// New starts following the log. Without an Ownership it has taken every consumer over when it returns; with one, consumers
// come and go, and polls for those that belong elsewhere or to nobody yet are passed on or wait.
func New(ctx context.Context, log eventlog.Log, store blob.Store, opts Options) (*Dispatcher, error) {
	opts.defaults()
	if opts.Security == nil {
		labels, err := security.New(security.Default())
		if err != nil {
			return nil, fmt.Errorf("the labels that are built in: %w", err)
		}
		opts.Security = labels
	}
	d := &Dispatcher{
		opts: opts, log: log, store: store, logger: opts.Logger,
		names:   names{opts.Prefix},
		metrics: newMetrics(opts.Registry),
		pages:   newPages(log, opts.Logger, pagesBudget),
		tails:   map[eventlog.Partition]*tail{},
		own:     opts.Ownership, shards: map[int32]*shard{}, consumers: map[string]*consumer{}, ownersMoved: make(chan struct{}),
		cells:   map[cellID][]cellOf{},
		reapNow: make(chan struct{}, 1),
		drained: make(chan struct{}),
		began:   opts.Now(),
	}
	d.store = measuredStore{store, d.metrics}
	opts.Registry.MustRegister(scraper{d})
	d.sources = &sourceRegistry{log: log, names: d.names, sources: opts.Sources, settings: opts.Topics, known: map[string]bool{}}
	d.progress = newProgress(d)
	d.statuses = &statusFollower{d: d}
	d.letters = &letters{d: d, at: map[letterID]openLetter{}, of: map[letterID][]letterID{}}
	d.pause = newPause(d)
	d.inserts, d.deletions, d.downloads = newInserts(d), newDeletions(d), newDownloads(d)
	if d.own == nil {
		d.own = alone{log}
	}
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.Background())
	d.stop = stop
	if opts.manual {
		return d, nil
	}
	d.follow(run, "look at the topics", d.findTails)
	d.follow(run, "follow the statuses", d.statuses.catchUp)
	d.follow(run, "follow the dead letters", d.letters.catchUp)
	d.follow(run, "follow the pauses", d.pause.catchUp)
	d.follow(run, "follow the inserts", d.inserts.catchUp)
	d.follow(run, "follow the deletions", d.deletions.catchUp)
	d.follow(run, "follow the downloads", d.downloads.catchUp)
	d.done.Go(func() { d.deletions.writePurges(run) })
	if opts.Ownership != nil {
		d.peers = newPeers(d)
		d.follow(run, "follow the instances", d.peers.catchUp)
		d.done.Go(func() { d.own.Run(run, d.gained, d.lost) })
	}
	d.done.Go(func() { d.progress.run(run) })
	d.done.Go(func() { d.reapLeases(run) })
	d.done.Go(func() { d.watchStore(run) })
	return d, nil
}

// begin reads what a dispatcher must know before it does anything. It waits for a log that does not answer.
func (d *Dispatcher) begin(ctx context.Context) error {
	steps := []func(context.Context) error{
		func(ctx context.Context) error {
			if err := d.sources.ensureSystem(ctx, d.own.Partitions()); err != nil {
				return fmt.Errorf("make the system topics: %w", err)
			}
			return nil
		},
		func(ctx context.Context) error { return d.sources.reconcile(ctx, d.logger) },
		d.findTails, d.statuses.begin, d.downloads.begin, d.letters.catchUp, d.pause.catchUp, d.inserts.catchUp, d.deletions.catchUp,
	}
	if d.opts.Ownership == nil {
		steps = append(steps, d.takeAll)
	}
	for _, step := range steps {
		if err := d.insist(ctx, step, isAway); err != nil {
			return err
		}
	}
	return nil
}

// takeAll takes every consumer over, of an instance that is alone.
func (d *Dispatcher) takeAll(ctx context.Context) error {
	s := newShard(0)
	d.shards[0] = s
	if err := d.takeOver(ctx, s); err != nil {
		d.withdraw(s)
		return fmt.Errorf("take over from the log: %w", err)
	}
	return nil
}

func (d *Dispatcher) now() time.Time { return d.opts.Now() }

// Drain answers waiting polls at once and hands out nothing more. Statuses and events are still accepted.
func (d *Dispatcher) Drain() {
	if !d.draining.Swap(true) {
		close(d.drained)
	}
}

// Close drains, writes the progress of every consumer and stops following the log, which it leaves open.
func (d *Dispatcher) Close(ctx context.Context) error {
	d.Drain()
	d.stop()
	d.done.Wait()
	if d.peers != nil {
		d.peers.close()
	}
	d.mu.Lock()
	owned := slices.Collect(maps.Keys(d.shards))
	d.mu.Unlock()
	return d.release(ctx, owned)
}

// follow calls catchUp whenever something came into the log, until ctx ends.
func (d *Dispatcher) follow(ctx context.Context, doing string, catchUp func(context.Context) error) {
	watch := d.log.Watch(ctx)
	d.done.Go(func() {
		for {
			err := catchUp(ctx)
			var again <-chan time.Time
			if err != nil && ctx.Err() == nil {
				d.logger.Error(doing, "err", err)
				again = time.After(retryPause)
			}
			select {
			case <-ctx.Done():
				return
			case <-watch:
			case <-again:
			}
		}
	})
}

// findTails brings tails and cells in line with the topics of the log.
func (d *Dispatcher) findTails(ctx context.Context) error {
	topics, err := d.log.Topics(ctx)
	if err != nil {
		return fmt.Errorf("list the topics: %w", err)
	}
	for i := range topics {
		for p, b := range topics[i].Bounds {
			d.tail(eventlog.Partition{Topic: topics[i].Name, Index: int32(p)}, b).moved(b.End)
		}
	}
	return nil
}

// tail returns the tail of a partition. A new one gives every consumer that reads the topic its cells: live from the
// partition's first event on, because the partition did not exist at the consumer's birth.
func (d *Dispatcher) tail(part eventlog.Partition, b eventlog.Bounds) *tail {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.tails[part]; t != nil {
		return t
	}
	t := &tail{part: part}
	t.end.Store(b.End)
	d.tails[part] = t
	for _, c := range d.consumers {
		if c.reads(part.Topic) {
			c.mu.Lock()
			c.addPartition(t, 0)
			c.wakeAll()
			c.mu.Unlock()
			t.subscribe(c)
		}
	}
	return t
}

// errNotOwned tells that a consumer does not belong to this instance, or not yet.
var errNotOwned = errors.New("the consumer is not this instance's")

// consumer returns the consumer of a poll, or errNotOwned. One that is not known yet is born: what exists in the log now is
// its historic feed, what comes from now on its live feed; that border is durable before the first poll is answered.
func (d *Dispatcher) consumer(ctx context.Context, id identity) (*consumer, error) {
	if c, _, err := d.known(id); c != nil || err != nil {
		return c, err
	}
	d.births.Lock()
	defer d.births.Unlock()
	c, s, err := d.known(id)
	if c != nil || err != nil {
		return c, err
	}
	if err := d.findTails(ctx); err != nil {
		return nil, err
	}
	c = d.newConsumer(id, s)
	ends := d.endsFor(c)
	if err := d.progress.writeBirth(ctx, s, id, ends); err != nil {
		return nil, fmt.Errorf("record the new consumer %s: %w", c.key, err)
	}
	c.born = d.now()
	if !d.admit(c, ends) {
		return nil, errNotOwned
	}
	d.logger.Info("new consumer", "name", id.Name, "version", id.Version, "model", id.Model)
	return c, nil
}

// known returns a consumer if there is one, and the shard that it belongs to, or errNotOwned.
func (d *Dispatcher) known(id identity) (*consumer, *shard, error) {
	n := d.shardOf(id)
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shards[n]
	if s == nil || !s.ready {
		return nil, nil, errNotOwned
	}
	return d.consumers[id.key()], s, nil
}

func (d *Dispatcher) newConsumer(id identity, s *shard) *consumer {
	return &consumer{identity: id, key: id.key(), shard: s, d: d, waiters: map[*waiter]bool{}}
}

// reads tells whether any flow of the consumer reads a topic.
func (c *consumer) reads(topic string) bool {
	n := c.d.names
	return c.wantsTopic(n, topic) || c.Model == event.ModelBinary && (topic == n.system(topicExpedite) || topic == n.system(topicRetry))
}

// admit gives a consumer its cells and makes it known, unless its shard has been lost meanwhile. ends are the borders between
// historic and live.
func (d *Dispatcher) admit(c *consumer, ends map[eventlog.Partition]int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shards[c.shard.number] != c.shard {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	parts := slices.SortedFunc(maps.Keys(d.tails), func(a, b eventlog.Partition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Index, b.Index))
	})
	for _, part := range parts {
		if !c.reads(part.Topic) {
			continue
		}
		t := d.tails[part]
		c.addPartition(t, ends[part])
		t.subscribe(c)
	}
	d.consumers[c.key] = c
	return true
}

// registerCell lets job ids find a cell.
func (d *Dispatcher) registerCell(c *consumer, cl *cell) {
	d.cellsMu.Lock()
	defer d.cellsMu.Unlock()
	id := cellID{cl.hash, cl.part.Index}
	d.cells[id] = append(d.cells[id], cellOf{c, cl})
}

// unregisterCells makes the cells of consumers unknown to job ids.
func (d *Dispatcher) unregisterCells(consumers []*consumer) {
	d.cellsMu.Lock()
	defer d.cellsMu.Unlock()
	for id, list := range d.cells {
		list = slices.DeleteFunc(slices.Clone(list), func(of cellOf) bool { return slices.Contains(consumers, of.consumer) })
		if len(list) == 0 {
			delete(d.cells, id)
			continue
		}
		d.cells[id] = list
	}
}

// findCell returns the cell that a job id names.
func (d *Dispatcher) findCell(id event.JobID) (*consumer, *cell) {
	d.cellsMu.RLock()
	defer d.cellsMu.RUnlock()
	for _, of := range d.cells[cellID{id.Cell, id.Partition}] {
		if of.cell.feed.letter() == id.Feed && of.consumer.nameVersion() == id.Consumer {
			return of.consumer, of.cell
		}
	}
	return nil, nil
}

// all returns the consumers as they are now, by their keys, so that the same history gives the same log.
func (d *Dispatcher) all() []*consumer {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*consumer, 0, len(d.consumers))
	for _, c := range d.consumers {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *consumer) int { return strings.Compare(a.key, b.key) })
	return list
}

// jobID makes the name of a hand-out; key is the event's.
func (c *consumer) jobID(j *job, key string) event.JobID {
	return event.JobID{
		Key: key, Consumer: c.nameVersion(), Feed: j.cell.feed.letter(), Cell: j.cell.hash,
		Partition: j.cell.part.Index, Offset: j.offset, Attempt: j.attempt, Unix: j.since.Unix(),
	}
}

// errGone tells that a job's event is no longer in the log, or that a deletion names it.
var errGone = errors.New("the event is no longer in the log")

// load reads the record of a job.
func (d *Dispatcher) load(ctx context.Context, part eventlog.Partition, offset int64) (*eventlog.Record, error) {
	page, err := d.log.Read(ctx, part, offset, eventlog.Limit{Records: 1, Bytes: 1})
	var corrupt *eventlog.CorruptError
	if errors.As(err, &corrupt) {
		d.logger.Error("an event cannot be read", "err", err)
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	if len(page.Records) == 0 || page.Records[0].Position.Offset != offset || len(page.Records[0].Value) == 0 {
		return nil, errGone
	}
	if d.deletions.deleted(&page.Records[0]) {
		return nil, errGone
	}
	return &page.Records[0], nil
}
