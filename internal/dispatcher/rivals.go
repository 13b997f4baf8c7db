package dispatcher

import (
	"errors"
	"fmt"
	"hash/fnv"
	"time"
)

// Filters are not part of a consumer's identity: the newest poll's filter counts, so that a plugin that was restarted with
// another one goes on where it was. But two deployments that poll at the same time under one name and version with different
// filters would take each other's events. So while the filter that counts is in use, a poll with another one waits; when both
// are still in use after rivalTime, the second becomes a consumer of its own, a variant, whose key ends in a hash of its filter.
type rival struct {
	current  string    // hash of the filter that counts; "" before the first poll
	lastPoll time.Time // with it
	other    string    // hash of the filter that waits
	since    time.Time // when that came
	seen     time.Time // when it last polled
}

const (
	rivalTime  = time.Minute
	rivalGrace = 2 * time.Second // between two polls of one plugin
)

// standing is what a poll's filter is to its consumer.
type standing int

const (
	filterCounts standing = iota
	filterWaits
	filterSplits
)

// errRival tells that a poll ended while its filter waited for another.
var errRival = errors.New("another filter is in use under the same name and version")

// hash names the filter in a consumer's key. What is part of the identity anyway does not count.
func (f *filter) hash() string {
	h := fnv.New32a()
	fmt.Fprint(h, f.self, "\x00", f.deny, "\x00", f.content, f.under, f.over, "\x00", f.streams, f.maxDepth)
	if f.security != nil {
		fmt.Fprint(h, "\x00", f.security.reader)
	}
	return fmt.Sprintf("%08x", h.Sum32())
}

// variant is the identity of a poll whose filter is split off.
func (p *poll) variant() identity {
	id := p.identity
	id.Variant = p.filter.hash()
	return id
}

// settleRivals says what a poll's filter is to the consumer, and takes it over if it counts.
func (c *consumer) settleRivals(p *poll, now time.Time) standing {
	hash := p.filter.hash()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.rival
	if c.Variant != "" || r.current == "" || r.current == hash || !c.inUse(now) {
		c.configure(p)
		r.current, r.lastPoll = hash, now
		return filterCounts
	}
	if r.other != hash || now.Sub(r.seen) > rivalTime/2 {
		r.other, r.since = hash, now
		c.d.metrics.rivals.Inc()
		c.d.logger.Warn("two filters poll under one name and version: give one of the plugins a name or version suffix",
			"consumer", c.key, "filter", r.current, "waiting", hash)
	}
	r.seen = now
	switch {
	case now.Sub(r.since) < rivalTime:
		return filterWaits
	case r.lastPoll.Before(r.since): // it never polled again: only a job of its is out
		c.configure(p)
		*r = rival{current: hash, lastPoll: now}
		return filterCounts
	}
	c.d.logger.Warn("a second filter becomes a consumer of its own, from the beginning", "consumer", c.key, "filter", hash)
	return filterSplits
}

// configure takes a poll's filter and feeds over. The caller holds c.mu.
func (c *consumer) configure(p *poll) {
	known := c.filter.security
	c.filter, c.feeds, c.active = p.filter, p.feeds, p.active
	if known.limit() == p.filter.security.limit() {
		c.filter.security = known // with what it remembers
	}
	if c.query != p.query {
		c.query, c.queryDirty = p.query, true
		c.d.progress.poke()
	}
}

// inUse tells whether somebody polls with the filter that counts: a poll waits, or did just now, or a job is out. The caller
// holds c.mu.
func (c *consumer) inUse(now time.Time) bool {
	if len(c.waiters) > 0 || now.Sub(c.lastPoll) < rivalGrace && !c.lastPoll.IsZero() {
		return true
	}
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			for _, j := range cl.jobs {
				if j.out && !j.givenUp {
					return true
				}
			}
		}
	}
	return false
}
