package dispatcher

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// An event that is submitted expedited is in the log twice: in the expedite topic, and in its source's, which keeps it. What a
// consumer did in the expedite feed it does not do again from live or historic, and while one of the two is out the other
// waits. That is decided when a job is about to be handed out, since only then the event's key is read. An event with
// flags.bypass_cache is handed out regardless.
type once struct {
	holding map[letterID][]*job // that are out, by event
	done    map[letterID]bool   // ended in the expedite feed
	buckets []*onceBucket       // what done holds, in order, as it is kept
	number  int                 // of the next bucket
}

// onceBucket is a progress record of keys: "once <number> <consumer>". The newest is written again as it fills.
type onceBucket struct {
	Version int      `json:"v"`
	Time    int64    `json:"time"` // of the newest key, Unix seconds
	Keys    []string `json:"keys"` // hex

	number int
	dirty  bool
	gone   bool // forgotten; a tombstone is to be written
}

// A consumer remembers at most maxOnceBuckets × onceBucketKeys keys, the newest, for as long as the expedite topic keeps events.
const (
	onceBucketKeys = 256
	maxOnceBuckets = 400
)

// mayGoOut decides whether a job may be handed out under an id, or has been done, or waits for another one.
func (d *Dispatcher) mayGoOut(ctx context.Context, c *consumer, j *job, record *eventlog.Record, id string) (bool, error) {
	if j.cell.feed == feedRetry {
		// A letter may have been put here twice. It is tried again as long as it is open.
		if err := d.letters.catchUp(ctx); err != nil {
			return false, err
		}
		letter := newLetterID(string(record.Key))
		return c.claim(j, letter, id, !d.letters.open(letter)), nil
	}
	routing, _ := event.ParseRouting(record.Header) // without one nothing is bypassed
	c.mu.Lock()
	free := routing.Flags.BypassCache || !c.feeds[feedExpedite]
	c.mu.Unlock()
	if free {
		return c.show(j, id), nil
	}
	return c.claim(j, newLetterID(eventKey(record)), id, false), nil
}

// claim lets a job hold an event, or says no: because another job holds it, or because it has been done, in the expedite feed
// or for what the caller knows.
func (c *consumer) claim(j *job, event letterID, id string, done bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isOpen(j) {
		return false
	}
	j.id = id
	if slices.ContainsFunc(c.once.holding[event], func(other *job) bool { return other != j && rivals(j, other) }) {
		j.waitsFor = event
		j.cell.back(j, never)
		return false
	}
	if done || c.once.done[event] && j.cell.feed != feedExpedite {
		j.cell.end(j.offset)
		c.d.metrics.repeated.Inc()
		c.d.progress.poke()
		return false
	}
	c.hold(j, event)
	j.shown = true
	return true
}

// show notes that a job goes to a client under an id, or says no: it has ended meanwhile.
func (c *consumer) show(j *job, id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isOpen(j) {
		return false
	}
	j.id, j.shown = id, true
	return true
}

// never is later than any time at which a job may be handed out.
var never = time.Unix(1<<40, 0)

// rivals tells whether two jobs of one event must not be out together: one is expedited and the other is not, or both are
// retries of one letter. Two records of one source are two events: the newer one says something else.
func rivals(a, b *job) bool {
	if a.cell.feed == feedRetry || b.cell.feed == feedRetry {
		return a.cell.feed == b.cell.feed
	}
	return (a.cell.feed == feedExpedite) != (b.cell.feed == feedExpedite)
}

// hold notes that a job of an event is out. The caller holds c.mu.
func (c *consumer) hold(j *job, event letterID) {
	if c.once.holding == nil {
		c.once.holding = map[letterID][]*job{}
	}
	j.key = event
	c.once.holding[event] = append(c.once.holding[event], j)
}

// freed is told by the cells of jobs that are not out any more. The caller holds c.mu.
func (c *consumer) freed(j *job, ended bool) {
	event := j.key
	if event == (letterID{}) {
		return
	}
	j.key = letterID{}
	if c.once.holding[event] = slices.DeleteFunc(c.once.holding[event], func(o *job) bool { return o == j }); len(c.once.holding[event]) == 0 {
		delete(c.once.holding, event)
	}
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			for _, other := range slices.Clone(cl.again) {
				if other.waitsFor != event || !rivals(j, other) {
					continue
				}
				other.waitsFor, other.notBefore = letterID{}, time.Time{}
				if ended {
					cl.end(other.offset)
				}
			}
		}
	}
	c.wakeAll()
}

// remember notes an event that ended in the expedite feed. The caller holds c.mu.
func (c *consumer) remember(event letterID) {
	o := &c.once
	if o.done[event] {
		return
	}
	if o.done == nil {
		o.done = map[letterID]bool{}
	}
	o.done[event] = true
	if len(o.buckets) == 0 || len(o.buckets[len(o.buckets)-1].Keys) >= onceBucketKeys {
		o.buckets = append(o.buckets, &onceBucket{Version: progressVersion, number: o.number})
		o.number++
	}
	b := o.buckets[len(o.buckets)-1]
	b.Keys, b.Time, b.dirty = append(b.Keys, hex.EncodeToString(event[:])), c.d.now().Unix(), true
	c.d.progress.poke()
}

// onceRecords returns the buckets that changed, and forgets those that are too old or too many. written is to be called when
// the records are in the log. The caller holds c.mu.
func (c *consumer) onceRecords(topic string) (records []eventlog.Record, written func()) {
	o := &c.once
	oldest := c.d.now().Add(-expediteRetention).Unix()
	for i, b := range o.buckets {
		if b.Time >= oldest && len(o.buckets)-i <= maxOnceBuckets || b.gone {
			break
		}
		for _, text := range b.Keys {
			delete(o.done, parseOnceKey(text))
		}
		b.gone, b.dirty = true, true
	}
	var changed []*onceBucket
	for _, b := range o.buckets {
		if !b.dirty {
			continue
		}
		b.dirty = false
		changed = append(changed, b)
		if b.gone {
			records = append(records, eventlog.Record{Topic: topic, Key: []byte(onceKey(c.key, b.number))})
		} else {
			records = append(records, mustRecord(topic, onceKey(c.key, b.number), b))
		}
	}
	return records, func() {
		o.buckets = slices.DeleteFunc(o.buckets, func(b *onceBucket) bool { return b.gone && !b.dirty && slices.Contains(changed, b) })
	}
}

const oncePrefix = "once "

func onceKey(consumer string, number int) string {
	return fmt.Sprintf("%s%d %s", oncePrefix, number, consumer)
}

// parseOnceBucketKey reads what onceKey wrote.
func parseOnceBucketKey(key string) (consumer string, number int, ok bool) {
	text, consumer, ok := strings.Cut(strings.TrimPrefix(key, oncePrefix), " ")
	number, err := strconv.Atoi(text)
	return consumer, number, ok && err == nil
}

// parseOnceKey reads a key of a bucket; what is not readable is a key that no event has.
func parseOnceKey(text string) letterID {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(letterID{}) {
		return letterID{}
	}
	return letterID(raw)
}

// restoreOnce takes the buckets of the progress records over. The caller holds c.mu.
func (c *consumer) restoreOnce(buckets map[int]*onceBucket) {
	o := &c.once
	o.done = map[letterID]bool{}
	for number, b := range buckets {
		b.number = number
		o.number = max(o.number, number+1)
		o.buckets = append(o.buckets, b)
		for _, text := range b.Keys {
			o.done[parseOnceKey(text)] = true
		}
	}
	slices.SortFunc(o.buckets, func(a, b *onceBucket) int { return a.number - b.number })
}
