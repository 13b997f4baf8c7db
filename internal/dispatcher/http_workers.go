package dispatcher

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"lazuli/event"
)

// pollAll answers a worker with the first job of any of its consumers. Those that belong to other instances are asked for
// there, at the same time; what comes second goes back.
func (d *Dispatcher) pollAll(w http.ResponseWriter, r *http.Request, req *pollRequest, polls []*poll, deadline time.Duration) {
	if d.passedOn(r) {
		d.pollOwn(w, r, req, polls, deadline)
		return
	}
	over := time.Now().Add(deadline)
	var found *offer
	for {
		d.mu.Lock()
		moved := d.ownersMoved
		d.mu.Unlock()
		asks, all := d.asks(req, polls)
		left := max(0, time.Until(over))
		if !all {
			left = min(left, retryPause) // some consumers have no owner yet: look again soon
		}
		if found = firstOffer(r.Context(), asks, int(d.turn.Add(1)), left); found.Consumer >= 0 {
			break
		}
		if r.Context().Err() != nil || d.draining.Load() || !time.Now().Before(over) {
			break
		}
		if len(asks) == 0 {
			timer := time.NewTimer(left)
			select {
			case <-moved:
			case <-timer.C:
			case <-d.drained:
			case <-r.Context().Done():
			}
			timer.Stop()
		}
	}
	d.boundWrite(w)
	what := outcomeTaken
	if found.write(w) != nil || r.Context().Err() != nil {
		what = outcomeLeft
	}
	found.settle(what)
}

// pollOwn answers a poll that was passed on to this instance.
func (d *Dispatcher) pollOwn(w http.ResponseWriter, r *http.Request, req *pollRequest, polls []*poll, deadline time.Duration) {
	a, end := d.pollFor(r, polls, req.Worker, 1, deadline)
	defer end()
	d.metrics.polled(a)
	out := pollAnswer{Consumer: -1}
	if len(a.jobs) > 0 {
		out = pollAnswer{a.index, a.events[0]}
	}
	d.hand(w, r, a, func() error { return out.write(w) })
}

// asks returns how each owner of a worker's consumers is asked, and whether all of them have one.
func (d *Dispatcher) asks(req *pollRequest, polls []*poll) (asks []func(context.Context, time.Duration) *offer, all bool) {
	var mine []*poll
	var at []int // index of each of mine among all
	elsewhere := map[string][]int{}
	all = true
	for i, p := range polls {
		own, address := d.ownerOf(p.identity)
		switch {
		case own:
			mine, at = append(mine, p), append(at, i)
		case address != "":
			elsewhere[address] = append(elsewhere[address], i)
		default:
			all = false
		}
	}
	if len(mine) > 0 {
		asks = append(asks, func(ctx context.Context, deadline time.Duration) *offer {
			return d.offerOwn(ctx, req.Worker, mine, at, deadline)
		})
	}
	for address, indexes := range elsewhere {
		asks = append(asks, func(ctx context.Context, deadline time.Duration) *offer {
			return d.peers.ask(ctx, address, req, indexes, deadline)
		})
	}
	return asks, all
}

// offer is one instance's answer to a worker.
type offer struct {
	pollAnswer
	settle func(outcome) // must be called
}

var noOffer = &offer{pollAnswer{Consumer: -1}, func(outcome) {}}

// firstOffer asks one after the other for what is there, beginning with a different one each turn, and then all at once.
func firstOffer(ctx context.Context, asks []func(context.Context, time.Duration) *offer, turn int, deadline time.Duration) *offer {
	if len(asks) == 1 {
		return asks[0](ctx, deadline)
	}
	for i := range asks {
		o := asks[(turn+i)%len(asks)](ctx, 0)
		if o.Consumer >= 0 {
			return o
		}
		o.settle(outcomeUnused)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found := make(chan *offer)
	for _, ask := range asks {
		go func() { found <- ask(ctx, deadline) }()
	}
	first := noOffer
	for range asks {
		o := <-found
		if o.Consumer >= 0 && first == noOffer {
			first = o
			cancel()
			continue
		}
		o.settle(outcomeUnused)
	}
	return first
}

// offerOwn polls the consumers that are this instance's; at is the index of each among all that the worker named.
func (d *Dispatcher) offerOwn(ctx context.Context, worker string, mine []*poll, at []int, deadline time.Duration) *offer {
	a := d.poll(ctx, mine, worker, 1, deadline)
	d.metrics.polled(a)
	if len(a.jobs) == 0 {
		return noOffer
	}
	return &offer{pollAnswer{at[a.index], a.events[0]}, a.finish}
}

// ask polls another instance for some of a worker's consumers. An instance that does not answer has nothing to offer.
func (p *peers) ask(ctx context.Context, address string, req *pollRequest, indexes []int, deadline time.Duration) *offer {
	part := pollRequest{Worker: req.Worker, Deadline: int(deadline.Seconds())}
	for _, i := range indexes {
		part.Consumers = append(part.Consumers, req.Consumers[i])
	}
	body, err := json.Marshal(part)
	if err != nil {
		panic(fmt.Sprintf("encode a poll: %v", err)) // our own type: cannot happen
	}
	token := rand.Text()
	res, err := p.send(ctx, http.MethodPost, address, "/api/v1/poll", token, body)
	if err != nil {
		if ctx.Err() == nil {
			p.d.logger.Warn("ask another instance for jobs", "owner", address, "err", err)
			wait(ctx, min(deadline, retryPause))
		}
		p.confirm(ctx, address, token, outcomeUnused)
		return noOffer
	}
	defer res.Body.Close()
	answer := pollAnswer{Consumer: -1}
	text, err := io.ReadAll(io.LimitReader(res.Body, 2*maxAnswerBytes))
	if err == nil && res.StatusCode == http.StatusOK {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil || res.StatusCode != http.StatusOK || answer.Consumer >= len(indexes) {
		p.confirm(ctx, address, token, outcomeUnused)
		return noOffer
	}
	if answer.Consumer < 0 {
		return noOffer
	}
	answer.Consumer = indexes[answer.Consumer]
	return &offer{answer, func(what outcome) { p.confirm(ctx, address, token, what) }}
}

// wait returns after a while, or when ctx ends.
func wait(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// deleteWorker ends the attempts of a worker that died, wherever its jobs are decided:
// DELETE /api/v1/workers/{id}?state=…&message=….
func (d *Dispatcher) deleteWorker(w http.ResponseWriter, r *http.Request) {
	state := event.State(r.URL.Query().Get("state"))
	if state == "" {
		state = event.ErrorRunner
	}
	if !state.Valid() || !state.Error() {
		writeProblem(w, http.StatusUnprocessableEntity, "bad parameters", fmt.Sprintf("state %q is not an error state", state))
		return
	}
	id := r.PathValue("id")
	ended := struct {
		Ended int `json:"ended"`
	}{d.WorkerGone(id, state, r.URL.Query().Get("message"))}
	if d.peers != nil && r.Header.Get(passedOn) == "" {
		for _, address := range d.peers.others() {
			ended.Ended += d.peers.workerGone(r, address, "/api/v1/workers/"+url.PathEscape(id)+"?"+r.URL.RawQuery)
		}
	}
	writeJSON(w, http.StatusOK, ended)
}

// workerGone tells another instance of a death and returns how many attempts that ended.
func (p *peers) workerGone(r *http.Request, address, path string) int {
	res, err := p.send(r.Context(), http.MethodDelete, address, path, "", nil)
	if err != nil {
		p.d.logger.Warn("tell another instance of a worker's death; its leases will end", "instance", address, "err", err)
		return 0
	}
	defer res.Body.Close()
	var ended struct {
		Ended int `json:"ended"`
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&ended) // a number for the caller's log, no more
	return ended.Ended
}
