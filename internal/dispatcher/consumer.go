package dispatcher

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/security"
)

// feed is one of the ways by which a consumer gets events, in the order of their priority.
type feed byte

const (
	feedExpedite feed = iota
	feedRetry         // dead letters that somebody wants to be tried again
	feedLive
	feedHistoric
	feedCount
)

var feedNames = [feedCount]string{"expedite", "retry", "live", "historic"}

func (f feed) String() string { return feedNames[f] }

// letter is how a job id and a progress record write the feed.
func (f feed) letter() byte { return feedLetters[f] }

const feedLetters = "erlh"

// feedSet is a set of feeds. Its text is the letters of those that are in it.
type feedSet [feedCount]bool

func (s feedSet) MarshalText() ([]byte, error) {
	var text []byte
	for f, on := range s {
		if on {
			text = append(text, feedLetters[f])
		}
	}
	return text, nil
}

// names lists the feeds that plugins know of, with commas between.
func (s feedSet) names() string {
	var names []string
	for f, on := range s {
		if on && feed(f) != feedRetry {
			names = append(names, feed(f).String())
		}
	}
	return strings.Join(names, ",")
}

func (s *feedSet) UnmarshalText(text []byte) error {
	*s = feedSet{}
	for f := range s {
		s[f] = bytes.IndexByte(text, feedLetters[f]) >= 0
	}
	return nil
}

// identity is what makes two polls the same consumer. Filters are not part of it: the newest poll's filter counts.
type identity struct {
	Name    string         `json:"name"`
	Version string         `json:"version"`
	Model   event.Model    `json:"model"`
	Sources []string       `json:"sources,omitempty"` // sorted; none is all
	Actions []event.Action `json:"actions,omitempty"` // sorted; none is all
	Debug   bool           `json:"debug,omitempty"`
	Variant string         `json:"variant,omitempty"` // a hash of the filter, if the consumer was split off; see rivals.go
}

// key names the consumer as the reference does (protocol 3.2), without the feeds' letters.
func (id identity) key() string {
	parts := []string{id.Name, id.Version, string(id.Model)}
	if id.Model == event.ModelBinary {
		sources, actions := "allsrc", "alltype"
		if len(id.Sources) > 0 {
			sources = strings.Join(id.Sources, ".")
		}
		if len(id.Actions) > 0 {
			texts := make([]string, len(id.Actions))
			for i, a := range id.Actions {
				texts[i] = string(a)
			}
			actions = strings.Join(texts, ".")
		}
		parts = append(parts, sources, actions)
	}
	if id.Debug {
		parts = append(parts, "D")
	}
	if id.Variant != "" {
		parts = append(parts, "f"+id.Variant)
	}
	return strings.Join(parts, "-")
}

// base is the key without the variant: all variants belong to one owner.
func (id identity) base() string {
	id.Variant = ""
	return id.key()
}

// nameVersion is how job ids write the consumer.
func (id identity) nameVersion() string { return id.Name + "." + id.Version }

// consumer is one plugin version with its cells. Its lock guards everything below it.
type consumer struct {
	identity
	key   string
	shard *shard
	born  time.Time
	d     *Dispatcher

	mu        sync.Mutex
	gone      bool // belongs to another instance by now, or to nobody
	replaced  bool // by a reset: nothing more is written of it
	resetting bool // is about to be: nothing is handed out
	filter    filter
	rival     rival
	query     string // that the filter was read from, of an active or a passive poll
	active    bool
	feeds     feedSet // those that the newest poll asked for
	cells     [feedCount][]*cell
	waiters   map[*waiter]bool
	lastPoll  time.Time
	lastTake  time.Time          // of a job
	outcomes  map[letterID]int64 // of downloads: where the newest is; see downloads
	burials   []burial
	once      once

	queryDirty bool // the query differs from its progress record
}

// waiter is a poll that waits for work.
type waiter struct{ wake chan struct{} }

func newWaiter() *waiter { return &waiter{make(chan struct{}, 1)} }

// signal wakes the poll, and tells whether nobody else did before.
func (w *waiter) signal() bool {
	select {
	case w.wake <- struct{}{}:
		return true
	default:
		return false
	}
}

// join adds a waiting poll; the returned function takes it out again. What a poll that leaves has not looked at, or not taken, it
// leaves to another: not all of them were woken for it.
func (c *consumer) join(w *waiter) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters[w] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiters, w)
		c.lastPoll = c.d.now()
		if len(c.waiters) > 0 && c.readyLocked(c.lastPoll) {
			c.wake(1)
		}
	}
}

// wake lets as many more of the waiting polls look again. The caller holds c.mu.
func (c *consumer) wake(more int64) {
	for w := range c.waiters {
		if more <= 0 {
			return
		}
		if w.signal() {
			more--
		}
	}
}

// wakeAll lets every waiting poll look again. The caller holds c.mu.
func (c *consumer) wakeAll() {
	for w := range c.waiters {
		w.signal()
	}
}

// wantsTopic tells whether the consumer's live and historic flows read a topic.
func (c *consumer) wantsTopic(n names, topic string) bool {
	if c.Model != event.ModelBinary {
		return topic == n.system(string(c.Model))
	}
	source, action, ok := n.parseBinary(topic)
	return ok && (len(c.Sources) == 0 || slices.Contains(c.Sources, source)) &&
		(len(c.Actions) == 0 || slices.Contains(c.Actions, action))
}

// addPartition gives the consumer its cells on a partition that it reads. born is where live begins and historic ends: the
// end at the consumer's birth, or 0 for a partition that did not exist then. The caller holds c.mu.
func (c *consumer) addPartition(t *tail, born int64) {
	topic := t.part.Topic
	add := func(f feed, from, until int64) {
		cl := newCell(f, t.part, cellHash(c.key, f, topic), from, until, t)
		cl.freed = c.freed
		c.cells[f] = append(c.cells[f], cl)
		c.d.registerCell(c, cl)
	}
	switch {
	case topic == c.d.names.system(topicExpedite):
		add(feedExpedite, born, forever)
	case topic == c.d.names.system(topicRetry):
		add(feedRetry, born, forever)
	default:
		add(feedLive, born, forever)
		if born > 0 {
			add(feedHistoric, 0, born)
		}
	}
}

// cellHash names a cell in a job id, together with consumer and partition.
func cellHash(consumer string, f feed, topic string) uint32 {
	h := fnv.New32a()
	for _, s := range []string{consumer, f.String(), topic} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return h.Sum32()
}

// inherit notes that whatever is in the log by now may be with clients of the instance that had the consumer before.
func (c *consumer) inherit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			cl.inherited = cl.tail.end.Load()
		}
	}
}

// mayHaveEnded tells whether a job that is to go out was with a client before, so that its end may be in the log.
func (j *job) mayHaveEnded() bool { return j.attempt > 1 || j.offset < j.cell.inherited }

// maxWaiting bounds how many matches one consumer keeps ready; then looking stops until jobs are taken.
const maxWaiting = 64

// maxOpen bounds the open jobs of one consumer: those ready, those out and those to be handed out again.
const maxOpen = 4096

// demand is what one poll asks for.
type demand struct {
	count   int
	leased  bool           // the job's end is reported by a status
	worker  string         // who asks, when it says so
	company []*consumer    // for whom else it asks
	until   time.Time      // when to stop looking
	limit   security.Label // the poll's max-security
	skipped map[string]int // by reason; take adds to it
}

// take hands out up to want.count jobs, by feed, then by age. It looks at new offsets as far as it has to. The jobs are out
// when it returns; the caller gives each back by keep or giveBack. errRival tells that a poll with another max-security has set
// the filter meanwhile: by that one nothing is taken.
func (c *consumer) take(ctx context.Context, want *demand) ([]*job, error) {
	defer c.d.metrics.stage(c.d.metrics.consumeSeconds, stagePipelines, time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	var taken []*job
	for len(taken) < want.count && !c.gone && !c.held() && c.d.own.Holds() {
		now := c.d.now()
		j, err := c.next(ctx, want, now)
		if err != nil || j == nil || c.gone || c.held() { // next lets others in
			return taken, err
		}
		if c.filter.security.limit() != want.limit {
			return taken, errRival
		}
		j.cell.take(j, now)
		if j.since.Before(c.born) {
			j.since = c.born // another instance's clock; the statuses of what came before the birth do not count
		}
		j.leased, j.worker, j.company = want.leased, want.worker, want.company
		c.lastTake = now
		taken = append(taken, j)
	}
	return taken, nil
}

// next finds the job to hand out. The caller holds c.mu, which is let go for a moment between pages.
func (c *consumer) next(ctx context.Context, want *demand, now time.Time) (*job, error) {
	for f := range feedCount {
		if !c.feeds[f] {
			continue
		}
		for {
			var best *job
			more, room := false, c.room()
			for _, cl := range c.cells[f] {
				if room && len(cl.first) == 0 && cl.behind() {
					if err := c.look(ctx, cl, want, now); err != nil {
						return nil, err
					}
					more = more || cl.behind()
				}
				if j := cl.waiting(now); j != nil && (best == nil || better(j, best)) {
					best = j
				}
			}
			if best != nil {
				return best, nil
			}
			if !more {
				break
			}
			if ctx.Err() != nil || c.d.now().After(want.until) {
				return nil, nil
			}
			c.mu.Unlock() // statuses may have come meanwhile
			c.mu.Lock()
		}
	}
	return nil, nil
}

// better prefers redeliveries, then the older event.
func better(a, b *job) bool {
	if (a.attempt > 0) != (b.attempt > 0) {
		return a.attempt > 0
	}
	return a.time.Before(b.time)
}

func (c *consumer) room() bool {
	waiting, open := 0, 0
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			waiting += len(cl.first)
			open += len(cl.jobs)
		}
	}
	return waiting < maxWaiting && open < maxOpen
}

// look moves a cell on by at most one page, until it has a few matches. The caller holds c.mu.
func (c *consumer) look(ctx context.Context, cl *cell, want *demand, now time.Time) error {
	end := min(cl.until, cl.tail.end.Load())
	entries, next, err := c.d.pages.from(ctx, cl.part, c.Model, cl.high, end)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if e.offset >= end {
			break
		}
		if e.bad || cl.feed == feedRetry && e.routing.Settings != c.key {
			cl.advance(e.offset + 1)
			continue
		}
		reason, err := c.skip(ctx, cl.part, e, now)
		if err != nil {
			return err
		}
		if reason != passed {
			want.skipped[reason]++
			cl.advance(e.offset + 1)
			continue
		}
		cl.open(e)
		cl.advance(e.offset + 1)
		if len(cl.first) >= lookAhead {
			return nil
		}
	}
	cl.advance(min(next, end))
	return nil
}

// skip returns why an event of a partition is not for the consumer: by its rules, or because deletions name it.
func (c *consumer) skip(ctx context.Context, part eventlog.Partition, e *entry, now time.Time) (string, error) {
	if reason := c.filter.skip(&e.routing, c.Name, now); reason != passed || !c.d.deletions.suspect(e.key, &e.routing) {
		return reason, nil
	}
	_, err := c.d.load(ctx, part, e.offset)
	if errors.Is(err, errGone) {
		return skipDeleted, nil
	}
	return passed, err
}

// lookAhead is how many matches a cell keeps ready. More would only be memory: looking again costs next to nothing.
const lookAhead = 16

// giveBack puts jobs whose client never had them to the front. left tells that the client went away: when that happens five
// times in a row on one job, the job waits behind the others and has lost an attempt.
func (c *consumer) giveBack(jobs []*job, left bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.d.now()
	for _, j := range jobs {
		if !c.isOpen(j) {
			continue
		}
		if left {
			j.left++
		}
		if j.left < maxLeft {
			j.cell.back(j, time.Time{})
			continue
		}
		j.left = 0
		if !j.leased || c.Model != event.ModelBinary { // nobody reports such a job, so nothing is given up in anybody's name
			j.cell.back(j, now.Add(c.d.opts.Lease/4))
			continue
		}
		c.failLocked(j, event.ErrorNetwork, "the client left before it had the whole answer", now.Add(c.d.opts.Lease/4))
	}
	c.wakeAll()
}

const maxLeft = 5

// lease is how long a job may be out of which nothing is heard.
func (c *consumer) lease() time.Duration {
	if c.Model == event.ModelDownload {
		return downloadTime
	}
	return c.d.opts.Lease
}

// keep is called when the answer was written whole: leases begin, or, where nobody will report (every poll but active
// ones of binaries and downloads), the jobs end.
func (c *consumer) keep(jobs []*job, leased bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := c.d.now().Add(c.lease())
	for _, j := range jobs {
		switch {
		case !c.isOpen(j):
		case leased && j.leased:
			j.left = 0
			j.deadline = deadline
			j.cell.dirty = true
		default:
			j.cell.end(j.offset)
		}
	}
	c.d.progress.poke()
}

// drop ends a job whose record is gone: compacted, deleted or aged off.
func (c *consumer) drop(j *job) {
	c.endJob(j)
	c.d.metrics.superseded.Inc()
}

// endJob ends a job that was taken and must not go out.
func (c *consumer) endJob(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isOpen(j) {
		j.cell.end(j.offset)
	}
}

// stillOut is isOpen for who does not hold c.mu.
func (c *consumer) stillOut(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isOpen(j)
}

// isOpen tells whether a job that was handed out is still the one at its offset. The caller holds c.mu.
func (c *consumer) isOpen(j *job) bool { return j.cell.jobs[j.offset] == j && j.out && !j.givenUp }

// tail knows the end of a partition.
type tail struct {
	part eventlog.Partition
	end  atomic.Int64

	mu        sync.Mutex
	consumers []*consumer
}

// moved notes a new end and wakes a poll of each consumer that reads the partition for every new record: of a thousand that wait
// the others would find nothing. Ends only grow.
func (t *tail) moved(end int64) {
	var have int64
	for {
		have = t.end.Load()
		if end <= have {
			return
		}
		if t.end.CompareAndSwap(have, end) {
			break
		}
	}
	t.mu.Lock()
	consumers := t.consumers
	t.mu.Unlock()
	for _, c := range consumers {
		c.mu.Lock()
		c.wake(end - have)
		c.mu.Unlock()
	}
}

func (t *tail) unsubscribe(consumers []*consumer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.consumers = slices.DeleteFunc(slices.Clone(t.consumers), func(c *consumer) bool { return slices.Contains(consumers, c) })
}

func (t *tail) subscribe(c *consumer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.consumers, c) {
		t.consumers = append(slices.Clip(t.consumers), c)
	}
}
