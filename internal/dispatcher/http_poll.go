package dispatcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"lazuli/event"
)

// poll is one request for events, as its query says (protocol 1.3).
type poll struct {
	identity identity
	filter   filter
	feeds    feedSet
	count    int
	deadline time.Duration
	leased   bool // a job's end is reported: by a status, or by a download event
	active   bool
	reset    bool   // the consumer begins anew first
	query    string // what the filter was read from
	avro     bool   // the events are wanted as a bulk record of Avro
}

// Bounds on what a poll may ask for.
const (
	defaultDeadline = 5 * time.Second
	maxDeadline     = 60 * time.Second
	maxCount        = 1000
	maxAnswerBytes  = 32 << 20
)

// getEvents serves one consumer.
func (d *Dispatcher) getEvents(w http.ResponseWriter, r *http.Request, active bool) {
	p, err := d.parsePoll(r.PathValue("model"), r.URL.Query(), active)
	if err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, "bad parameters", err.Error())
		return
	}
	if d.passOn(w, r, p) {
		return
	}
	answer, end := d.pollFor(r, []*poll{p}, "", p.count, p.deadline)
	defer end()
	d.metrics.polled(answer)
	d.hand(w, r, answer, func() error { return writeMultipart(w, answer) })
}

// pollRequest is the body of POST /api/v1/poll: each consumer is the query of an active binary poll.
type pollRequest struct {
	Worker    string   `json:"worker"`
	Deadline  int      `json:"deadline"` // seconds; 0 answers at once
	Consumers []string `json:"consumers"`
}

// pollAnswer is its answer: which of the consumers the event is for, or -1.
type pollAnswer struct {
	Consumer int             `json:"consumer"`
	Event    json.RawMessage `json:"event,omitempty"`
}

// pollMany serves a worker that runs several plugins, one job at a time: the first job of any of them.
func (d *Dispatcher) pollMany(w http.ResponseWriter, r *http.Request) {
	body, err := d.readBody(w, r, 1<<20)
	if err != nil {
		d.writeFailure(w, r, "read the poll", err)
		return
	}
	var req pollRequest
	if err := json.Unmarshal(body, &req); err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, "bad poll", err.Error())
		return
	}
	if len(req.Consumers) == 0 || len(req.Consumers) > 1000 {
		writeProblem(w, http.StatusUnprocessableEntity, "bad poll", "consumers must name 1 to 1000 consumers")
		return
	}
	polls := make([]*poll, len(req.Consumers))
	for i, text := range req.Consumers {
		query, err := url.ParseQuery(text)
		if err == nil {
			polls[i], err = d.parsePoll(string(event.ModelBinary), query, true)
		}
		if err == nil && polls[i].avro {
			err = errors.New("avro-format is for polls of one consumer")
		}
		if err != nil {
			writeProblem(w, http.StatusUnprocessableEntity, fmt.Sprintf("bad consumer %d", i), err.Error())
			return
		}
	}
	deadline := min(time.Duration(max(req.Deadline, 0))*time.Second, maxDeadline)
	d.pollAll(w, r, &req, polls, deadline)
}

// write writes what a worker gets.
func (a *pollAnswer) write(w http.ResponseWriter) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	_, err := w.Write(text.Bytes())
	return err
}

// poll waits until one of the polls gets something, the deadline, the client's leaving or the dispatcher's draining.
// Trouble of the log is not told to the client, whom it would kill: it is logged and the poll waits on.
func (d *Dispatcher) poll(ctx context.Context, polls []*poll, worker string, count int, deadline time.Duration) *answer {
	over := time.NewTimer(deadline)
	defer over.Stop()
	until := d.now().Add(deadline)
	a := &answer{d: d, skipped: map[string]int{}, ready: true, avro: len(polls) > 0 && polls[0].avro}
	w := newWaiter()
	leased := len(polls) > 0 && polls[0].leased
	if leased {
		if a.paused, _ = d.waitPause(ctx, over.C); a.paused { // nor is a consumer born or reset
			a.ready = false
			return a
		}
	}
	consumers := make([]*consumer, len(polls))
	for i, p := range polls {
		c, err := d.await(ctx, p, over.C)
		if err != nil {
			if a.ready, a.idle = errors.Is(err, errRival), true; !a.ready {
				a.unserved = p.feeds
			}
			return a
		}
		defer c.join(w)()
		consumers[i], a.consumer = c, c
	}
	for !d.draining.Load() {
		var pauses <-chan struct{}
		if leased {
			if a.paused, pauses = d.waitPause(ctx, over.C); a.paused {
				a.ready = false
				return a
			}
		}
		failed := false
		first := int(d.turn.Add(1)) // polls for many consumers take turns with whom they begin
		for i := range consumers {
			i = (first + i) % len(consumers)
			c := consumers[i]
			jobs, err := c.take(ctx, &demand{count: count, leased: polls[i].leased, worker: worker, company: consumers, until: until,
				limit: polls[i].filter.security.limit(), skipped: a.skipped})
			rivalled := errors.Is(err, errRival)
			if err != nil && !rivalled && ctx.Err() == nil {
				d.logger.Error("look for jobs", "consumer", c.key, "err", err)
				failed = true
			}
			a.index, a.consumer, a.leased, a.avro = i, c, polls[i].leased, polls[i].avro
			a.security = polls[i].filter.security
			failed = !a.fill(ctx, jobs) || failed
			if len(a.jobs) > 0 {
				return a
			}
			if rivalled || c.isGone() {
				a.idle = true // ask again at once: somebody else owns the consumer by now, or its filter is another's
				return a
			}
			failed = failed || !d.own.Holds()
		}
		if deadline <= 0 { // at once, not: as soon as a timer is noticed
			a.idle = true
			return a
		}
		var again <-chan time.Time
		wake := w.wake
		switch {
		case failed:
			again, wake = time.After(retryPause), nil
		case ctx.Err() == nil && d.now().Before(until) && d.anyReady(consumers):
			continue // something came, or jobs were dropped, while others were looked at
		}
		select {
		case <-wake:
		case <-again:
		case <-pauses:
		case <-d.drained:
		case <-ctx.Done():
			return a
		case <-over.C:
			a.idle = true
			return a
		}
	}
	return a
}

// await returns a poll's consumer as soon as this instance serves it, or an error when the time is over. Trouble of the log
// is waited out.
func (d *Dispatcher) await(ctx context.Context, p *poll, over <-chan time.Time) (*consumer, error) {
	id, reset := p.identity, p.reset
	for {
		d.mu.Lock()
		moved := d.ownersMoved
		variant := p.variant()
		if d.consumers[variant.key()] != nil {
			id = variant
		}
		d.mu.Unlock()
		c, err := d.consumer(ctx, id)
		if err == nil && reset {
			if err = d.reset(ctx, id); err == nil {
				reset = false
				continue
			}
		}
		var again <-chan time.Time
		switch {
		case err == nil:
			switch c.settleRivals(p, d.now()) {
			case filterCounts:
				return c, nil
			case filterSplits:
				id = variant
				continue
			}
			err = errRival
			again = time.After(retryPause)
		case !errors.Is(err, errNotOwned):
			if ctx.Err() == nil {
				d.logger.Error("admit a consumer", "name", id.Name, "err", err)
			}
			again = time.After(retryPause)
		}
		select {
		case <-moved:
		case <-again:
		case <-d.drained:
			return nil, err
		case <-ctx.Done():
			return nil, err
		case <-over:
			return nil, err
		}
	}
}

// retryPause is how long a poll waits before it looks at a log again that could not be read.
const retryPause = time.Second

// anyReady tells whether a consumer has something that take has not looked at yet.
func (d *Dispatcher) anyReady(consumers []*consumer) bool {
	now := d.now()
	for _, c := range consumers {
		if c.ready(now) {
			return true
		}
	}
	return false
}

func (c *consumer) isGone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

func (c *consumer) ready(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readyLocked(now)
}

// readyLocked is ready for who holds c.mu.
func (c *consumer) readyLocked(now time.Time) bool {
	if c.held() {
		return false
	}
	room := c.room()
	for f, on := range c.feeds {
		if !on {
			continue
		}
		for _, cl := range c.cells[f] {
			if room && cl.behind() || cl.waiting(now) != nil {
				return true
			}
		}
	}
	return false
}
