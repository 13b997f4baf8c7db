package dispatcher

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// Explanation says where one event stands with one consumer.
type Explanation struct {
	Plugin   string `json:"plugin"`
	Version  string `json:"version"`
	Consumer string `json:"consumer"`
	Position string `json:"position"` // of the event, "topic/partition/offset"
	Feed     string `json:"feed,omitempty"`
	State    string `json:"state"`
	Active   bool   `json:"active"` // somebody works for the consumer: it polls, or did within the last minute

	// Of a skipped event: the rule, as the answers to polls name it, and what it found, in words.
	Rule   string `json:"rule,omitempty"`
	Detail string `json:"detail,omitempty"`

	// Of a waiting job: at most how many events are looked at or handed out before it, and not before when, if it is delayed.
	Ahead     int64     `json:"ahead,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`

	// Of a running job.
	Worker  string    `json:"worker,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Lease   time.Time `json:"lease_ends,omitzero"`
	Attempt int       `json:"attempt,omitempty"` // the number of the present or last hand-out
	Failed  int       `json:"failed,omitempty"`  // attempts that count against the limit
}

// The states of an Explanation: where an event stands with a consumer.
const (
	StateWaiting = "waiting" // for a poll
	StateRunning = "running" // out with a plugin
	StateSkipped = "skipped" // by a rule of the filter
	StateEnded   = "ended"   // the job has ended; what it came to is in the status
	StateStill   = "still"   // in a feed that the plugin does not ask for
	StateAbsent  = "absent"  // the event is no longer in the log: replaced, deleted or expired
)

// Explain says for every consumer of binary events that this instance owns where it stands with some events, given as
// "topic/partition/offset". The answer is sorted by plugin, version and position.
func (d *Dispatcher) Explain(ctx context.Context, positions []string) ([]Explanation, error) {
	list := []Explanation{}
	now := d.now()
	active := d.active(now)
	at := make([]eventlog.Position, len(positions))
	for i, text := range positions {
		var err error
		if at[i], err = parsePosition(text); err != nil {
			return nil, err
		}
	}
	for _, c := range d.binaryConsumers() {
		all, err := c.explainAll(ctx, at, now)
		if err != nil {
			return nil, err
		}
		for i := range all {
			all[i].Position, all[i].Active = positions[i], active[c]
		}
		list = append(list, all...)
	}
	sortExplanations(list)
	return list, nil
}

func sortExplanations(list []Explanation) {
	slices.SortFunc(list, func(a, b Explanation) int {
		return strings.Compare(a.Plugin+"\x00"+a.Version+"\x00"+a.Consumer+"\x00"+a.Position, b.Plugin+"\x00"+b.Version+"\x00"+b.Consumer+"\x00"+b.Position)
	})
}

// active returns the consumers for which somebody works: a poll waits or did lately, or may be on its way from a former owner,
// or a job is out with somebody who will poll again when it is done.
func (d *Dispatcher) active(now time.Time) map[*consumer]bool {
	working := map[*consumer]bool{}
	for _, c := range d.all() {
		arriving := d.peers != nil && now.Sub(d.servedSince(c.shard)) < arrivalTime
		c.mu.Lock()
		if arriving || len(c.waiters) > 0 || now.Sub(c.lastPoll) < activeFor {
			working[c] = true
		}
		for f := range c.cells {
			for _, cl := range c.cells[f] {
				for _, j := range cl.jobs {
					if j.out {
						working[c] = true
						for _, other := range j.company {
							working[other] = true
						}
					}
				}
			}
		}
		c.mu.Unlock()
	}
	return working
}

// arrivalTime is how long after a take-over polls may take to find their new owner: until then every consumer counts as one
// for which somebody works.
const arrivalTime = 10 * time.Second

// activeFor is how long after its last poll a consumer counts as one for which somebody works.
const activeFor = time.Minute

// explainEvent says where an event stands with the consumer, retries aside, and returns the hash of its key. The caller holds c.mu.
func (c *consumer) explainEvent(ctx context.Context, e *Explanation, pos eventlog.Position, now time.Time) (uint64, error) {
	entries, _, err := c.d.pages.from(ctx, pos.Partition, c.Model, pos.Offset, pos.Offset+1)
	if err != nil || len(entries) == 0 || entries[0].offset != pos.Offset || entries[0].bad {
		return 0, err
	}
	r, key := &entries[0].routing, entries[0].key
	if e.Rule, err = c.skip(ctx, pos.Partition, &entries[0], now); err != nil {
		return key, err
	}
	if e.Rule != passed {
		e.State, e.Detail = StateSkipped, c.filter.describe(e.Rule, r)
	}
	cl := c.cellAt(pos)
	if cl == nil {
		if e.State == StateSkipped {
			return key, nil
		}
		e.State, e.Rule = StateSkipped, skipSource
		e.Detail = fmt.Sprintf("the plugin does not read %s", pos.Topic)
		return key, nil
	}
	e.Feed = cl.feed.String()
	j := cl.jobs[pos.Offset]
	switch {
	case j != nil && j.out:
		e.Rule, e.Detail = "", ""
		e.running(j)
	case j != nil:
		e.Rule, e.Detail, e.Ahead = "", "", c.ahead(cl, pos.Offset)
		e.waiting(j, now)
		if j.waitsFor != (letterID{}) {
			e.Detail = "the same event is out in the other feed"
		}
	case e.State == StateSkipped:
	case pos.Offset < cl.high || cl.ended[pos.Offset]:
		e.State = StateEnded
	case !c.feeds[cl.feed]:
		e.State = StateStill
		e.Detail = fmt.Sprintf("the plugin does not ask for the %s feed", cl.feed)
	default:
		e.State, e.Ahead = StateWaiting, c.ahead(cl, pos.Offset)
	}
	return key, nil
}

// cellAt returns the cell that an event belongs to. The caller holds c.mu.
func (c *consumer) cellAt(pos eventlog.Position) *cell {
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			if cl.part == pos.Partition && pos.Offset >= cl.start && pos.Offset < cl.until {
				return cl
			}
		}
	}
	return nil
}

// ahead returns how many events at most are looked at or handed out before one: all of the feeds that go first, and the older
// ones of its own cell. The caller holds c.mu.
func (c *consumer) ahead(at *cell, offset int64) int64 {
	n := max(0, offset-at.high)
	for _, j := range at.jobs {
		if !j.out && j.offset < offset {
			n++
		}
	}
	for f := range at.feed {
		if !c.feeds[f] {
			continue
		}
		for _, cl := range c.cells[f] {
			n += max(0, min(cl.until, cl.tail.end.Load())-cl.high) + int64(len(cl.first)+len(cl.again))
		}
	}
	return n
}

// describe says in words what a rule found in an event.
func (f *filter) describe(rule string, r *event.Routing) string {
	switch rule {
	case skipExpired:
		return fmt.Sprintf("source %s keeps events for %s, and it was submitted at %s", r.Source, f.expiry(r.Source), r.Submitted.UTC().Format(time.RFC3339))
	case skipDeep:
		return fmt.Sprintf("it is %d levels deep, and plugins get at most %d", r.Depth, f.maxDepth)
	case skipSecurity:
		return fmt.Sprintf("its label is %.200q, and the plugin may have at most %s", r.Security, f.security.reader)
	case skipSource:
		return fmt.Sprintf("it is of source %s, and the plugin asks for %s", r.Source, strings.Join(f.sources, ", "))
	case skipEventType:
		if slices.Contains(f.deny, r.Action) {
			return fmt.Sprintf("the event is %s, which the plugin does not want", r.Action)
		}
		return fmt.Sprintf("the event is %s, and the plugin asks for %s", r.Action, join(f.actions))
	case skipSelf:
		return fmt.Sprintf("%s made it, and does not want its own events", r.Author)
	case skipTooLarge:
		return fmt.Sprintf("the content has %d bytes, and the plugin takes at most %d", contentSize(r), f.under)
	case skipTooSmall:
		return fmt.Sprintf("the content has %d bytes, and the plugin takes at least %d", contentSize(r), f.over)
	case skipNoContent:
		return "it has no content stream"
	case skipPluginOnly:
		return fmt.Sprintf("it was expedited for %s alone", r.Settings)
	case skipDeleted:
		return "a delete event names it"
	case skipStream, skipFormat:
		return fmt.Sprintf("it has %s, and the plugin asks for %s", streamsText(r.Streams), rulesText(f.streams))
	}
	return ""
}

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

func contentSize(r *event.Routing) (size uint64) {
	for i := range r.Streams {
		if r.Streams[i].Label == event.LabelContent {
			size = max(size, r.Streams[i].Size)
		}
	}
	return size
}

func streamsText(streams []event.RoutingStream) string {
	if len(streams) == 0 {
		return "no streams"
	}
	texts := make([]string, len(streams))
	for i := range streams {
		texts[i] = strings.TrimSpace(string(streams[i].Label) + " " + streams[i].Format)
	}
	return strings.Join(texts, ", ")
}

func rulesText(rules []streamRule) string {
	texts := make([]string, len(rules))
	for i, rule := range rules {
		texts[i] = string(rule.label)
		if len(rule.prefixes) > 0 {
			texts[i] += " of " + strings.Join(rule.prefixes, " or ")
		}
	}
	return strings.Join(texts, ", ")
}

// parsePosition reads "topic/partition/offset".
func parsePosition(text string) (eventlog.Position, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 {
		partition, err1 := strconv.ParseInt(parts[1], 10, 32)
		offset, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err1 == nil && err2 == nil && partition >= 0 && offset >= 0 {
			return eventlog.Position{Partition: eventlog.Partition{Topic: parts[0], Index: int32(partition)}, Offset: offset}, nil
		}
	}
	return eventlog.Position{}, fmt.Errorf("%q is not topic/partition/offset", text)
}
