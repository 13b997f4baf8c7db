package dispatcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// poll is one request for events, as its query says (protocol 1.3).
type poll struct {
	identity identity
	filter   filter
	feeds    feedSet
	count    int
	deadline time.Duration
	leased   bool // a job's end is reported by a status
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

// answer is what a poll got.
type answer struct {
	d        *Dispatcher
	index    int       // of the poll that got it
	consumer *consumer // of that poll; for an idle answer the last one
	jobs     []*job
	events   [][]byte // of the jobs, in order: JSON, or Avro
	leased   bool
	avro     bool // of the events' form
	security *guard
	skipped  map[string]int
	idle     bool // the client should ask again at once
	ready    bool // there is somebody who serves the consumer
	paused   bool
}

// finish tells the consumer what became of the answer.
func (a *answer) finish(what outcome) {
	switch {
	case len(a.jobs) == 0:
	case what == outcomeTaken:
		a.consumer.keep(a.jobs, a.leased)
	default:
		a.consumer.giveBack(a.jobs, what == outcomeLeft)
	}
}

func (a *answer) skippedTotal() int {
	n := 0
	for _, v := range a.skipped {
		n += v
	}
	return n
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
			a.ready, a.idle = errors.Is(err, errRival), true
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

// fill reads the events of jobs. A job whose event is gone ends; jobs past the size of an answer go back. It returns false
// when the log could not be read.
func (a *answer) fill(ctx context.Context, jobs []*job) bool {
	if len(jobs) > 0 {
		defer a.d.metrics.stage(a.d.metrics.consumeSeconds, stageRead, time.Now())
	}
	if a.leased && slices.ContainsFunc(jobs, (*job).mayHaveEnded) {
		// Who was acknowledged a moment ago must not see the job again.
		if err := a.d.statuses.catchUp(ctx); err != nil {
			a.d.logger.Error("look for the ends of jobs", "err", err)
			a.consumer.giveBack(jobs, false)
			return false
		}
	}
	size := 0
	for i, j := range jobs {
		if size > maxAnswerBytes {
			a.consumer.giveBack(jobs[i:], false)
			return true
		}
		record, err := a.d.load(ctx, j.cell.part, j.offset)
		switch {
		case errors.Is(err, errGone):
			a.consumer.drop(j)
			continue
		case err != nil:
			a.d.logger.Error("read an event", "err", err)
			a.consumer.giveBack(jobs[i:], false)
			return false
		}
		if a.withheld(record) {
			a.skipped[skipSecurity]++
			a.consumer.endJob(j)
			continue
		}
		if a.leased && !a.consumer.stillOut(j) {
			continue
		}
		id := ""
		if a.leased {
			key := eventKey(record)
			id = a.consumer.jobID(j, key).String()
			may, err := a.d.mayGoOut(ctx, a.consumer, j, record, id)
			if err != nil {
				a.d.logger.Error("look for what was done", "err", err)
				a.consumer.giveBack(jobs[i:], false)
				return false
			}
			if !may {
				continue
			}
		}
		value, err := handOut(a.consumer.Model, record.Value, id, a.avro)
		if err != nil {
			a.d.logger.Error("an event cannot be handed out", "at", record.Position, "err", err) // ingest keeps a dead letter of it
			a.consumer.drop(j)
			continue
		}
		size += len(value)
		a.jobs, a.events = append(a.jobs, j), append(a.events, value)
	}
	return true
}

// withheld tells whether a job is above the poll's max-security. The filter has seen to that when it opened the job; but the
// poll that it was of, or the configuration that counted then, may have allowed more.
func (a *answer) withheld(record *eventlog.Record) bool {
	if a.security == nil {
		return false
	}
	e := readEntry(record, a.consumer.Model)
	return e.bad || a.security.denies(e.routing.Security)
}

// spliceDequeued puts the job's id into the event's JSON, which the log keeps without it.
func spliceDequeued(value []byte, id string) []byte {
	quoted, err := json.Marshal(id)
	if err != nil {
		panic(fmt.Sprintf("encode a job id: %v", err)) // a string: cannot happen
	}
	out := make([]byte, 0, len(value)+len(quoted)+16)
	out = append(out, `{"dequeued":`...)
	out = append(out, quoted...)
	if len(value) > 2 {
		out = append(out, ',')
	}
	return append(out, value[1:]...)
}

// info is the first part of the answer.
type info struct {
	Filtered int            `json:"filtered"`
	Fetched  int            `json:"fetched"`
	Ready    bool           `json:"ready"`
	Paused   bool           `json:"paused"`
	Filters  map[string]int `json:"filters,omitempty"`
}

// writeMultipart writes the answer as the reference does: two parts, info and events (protocol 1.3). An idle answer says
// that one thing was filtered, because azul-runner then asks again at once in place of sleeping for ten seconds.
func writeMultipart(w http.ResponseWriter, a *answer) error {
	i := info{Filtered: a.skippedTotal(), Fetched: len(a.events), Ready: a.ready, Paused: a.paused, Filters: a.skipped}
	if a.idle && i.Filtered == 0 {
		i.Filtered, i.Filters = 1, map[string]int{longPollIdle: 1}
	}
	if a.d.draining.Load() && len(a.events) == 0 {
		// The runner sleeps ten seconds after this, and so survives a restart that is shorter.
		i.Filtered, i.Filters = 0, nil
	}
	head, err := json.Marshal(i)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	if err := writePart(parts, "info", head); err != nil {
		return err
	}
	if err := writePart(parts, "events", a.bulk()); err != nil {
		return err
	}
	if err := parts.Close(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "multipart/form-data; boundary="+parts.Boundary())
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	_, err = w.Write(body.Bytes())
	return err
}

func writePart(parts *multipart.Writer, name string, data []byte) error {
	part, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="%s.json"`, name, name)},
		"Content-Type":        {"application/octet-stream"},
	})
	if err == nil {
		_, err = part.Write(data)
	}
	return err
}

func clampDeadline(d time.Duration) time.Duration {
	if d <= 0 {
		return defaultDeadline
	}
	return min(d, maxDeadline)
}

// parsePoll reads a poll's query. Every message names the parameter.
func (d *Dispatcher) parsePoll(modelName string, q url.Values, active bool) (*poll, error) {
	model, err := event.ParseModel(modelName)
	if err != nil {
		return nil, err
	}
	get := &queryReader{q: q}
	p := &poll{active: active, leased: active && model == event.ModelBinary, avro: get.bool("avro-format")}
	text := func(key string) string { return strings.ToValidUTF8(q.Get(key), "\uFFFD") } // names of groups and JSON must be
	p.identity = identity{Name: text("name"), Version: text("version"), Model: model, Debug: get.bool("debug")}
	p.count = min(max(get.int("count", 1), 1), maxCount)
	p.deadline = clampDeadline(time.Duration(get.int("deadline", int(defaultDeadline.Seconds()))) * time.Second)
	p.feeds[feedExpedite], p.feeds[feedLive], p.feeds[feedHistoric] = get.bool("r-expedite"), get.bool("r-live"), get.bool("r-historic")
	f := filter{model: model, maxDepth: passiveMaxDepth, expiry: d.opts.Sources.Expiry}
	if active {
		f.maxDepth = activeMaxDepth
	}
	f.sources = q["r-source"]
	f.actions, f.deny = get.actions("r-action"), get.actions("d-action")
	if f.content = get.bool("r-content"); f.content {
		if len(f.actions)+len(f.deny) > 0 {
			return nil, errors.New("r-content cannot be combined with r-action or d-action")
		}
		f.actions = []event.Action{event.Sourced, event.Extracted}
	}
	if get.bool("d-self") {
		f.self = p.identity.Name
	}
	f.under, f.over = uint64(max(get.int("r-under-content-size", 0), 0)), uint64(max(get.int("r-over-content-size", 0), 0))
	f.streams = streamRules(q["r-streams"])
	if get.err != nil {
		return nil, get.err
	}
	switch {
	case len(p.identity.Name) > 256 || len(p.identity.Version) > 256:
		return nil, errors.New("name and version must be at most 256 bytes")
	case strings.ContainsRune(p.identity.Name+p.identity.Version+strings.Join(f.sources, ""), 0):
		return nil, errors.New("name, version and r-source must not hold zero bytes: no consumer group could have that name")
	case p.feeds == feedSet{}:
		return nil, errors.New("one of r-expedite, r-live and r-historic must be true")
	case p.feeds[feedExpedite] && model != event.ModelBinary:
		return nil, errors.New("r-expedite is for model binary alone")
	case f.under > 0 && f.over > f.under:
		return nil, errors.New("r-over-content-size is larger than r-under-content-size")
	}
	if limit := q.Get("max-security"); limit != "" {
		guard, err := newGuard(d.opts.Security, limit)
		if err != nil {
			return nil, fmt.Errorf("max-security: %w", err)
		}
		if model == event.ModelBinary || model == event.ModelDownload {
			f.security = guard
		}
	}
	if model == event.ModelBinary {
		p.identity.Sources, p.identity.Actions = sortedSet(f.sources), sortedSet(f.actions)
	}
	p.feeds[feedRetry], p.reset = p.leased, get.bool("reset")
	p.filter = f
	q = maps.Clone(q)
	for _, key := range []string{"count", "deadline", "deployment_key", "reset", "avro-format"} {
		q.Del(key)
	}
	p.query = q.Encode()
	return p, nil
}

func sortedSet[T ~string](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// streamRules reads r-streams values: "label,format,format…"; rules for the same label are one.
func streamRules(values []string) []streamRule {
	var rules []streamRule
	for _, value := range values {
		parts := slices.DeleteFunc(strings.Split(value, ","), func(s string) bool { return strings.TrimSpace(s) == "" })
		if len(parts) == 0 {
			continue
		}
		label := event.Label(parts[0])
		if i := slices.IndexFunc(rules, func(r streamRule) bool { return r.label == label }); i >= 0 {
			rules[i].prefixes = append(rules[i].prefixes, parts[1:]...)
			continue
		}
		rules = append(rules, streamRule{label, parts[1:]})
	}
	return rules
}

// queryReader reads typed parameters and keeps the first error. An empty value is the default.
type queryReader struct {
	q   url.Values
	err error
}

func (r *queryReader) fail(key, value, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s=%q is not %s", key, value, want)
	}
}

func (r *queryReader) bool(key string) bool {
	text := r.q.Get(key)
	if text == "" {
		return false
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		r.fail(key, text, "true or false")
	}
	return v
}

func (r *queryReader) int(key string, def int) int {
	text := r.q.Get(key)
	if text == "" {
		return def
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		r.fail(key, text, "a whole number")
	}
	return v
}

func (r *queryReader) actions(key string) []event.Action {
	var list []event.Action
	for _, text := range r.q[key] {
		a, err := event.ParseAction(text)
		if err != nil {
			r.fail(key, text, "an action of binary events")
		}
		list = append(list, a)
	}
	return list
}
