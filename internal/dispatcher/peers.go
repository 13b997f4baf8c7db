package dispatcher

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lazuli/internal/eventlog"
)

// peers knows which instance owns which partition of system.progress, and passes polls on to it. The owners stand in the
// compacted topic system.instances, which every instance follows: "owner <partition>" → ownerRecord.
//
// An answer that is passed on is only pending at the owner until the instance that passes it on has told whether its client
// took it whole (confirm), so that a client that vanishes gives its jobs back at once wherever it was connected.
type peers struct {
	d      *Dispatcher
	self   string // base URL of this instance
	auth   string // value of the Authorization header; "" sends none
	client *http.Client

	mu     sync.Mutex
	next   int64
	owners map[int32]string

	answersMu sync.Mutex
	answers   map[string]*pendingAnswer
}

// ownerRecord says where polls for the consumers of a partition are answered.
type ownerRecord struct {
	Version int    `json:"v"`
	Address string `json:"address"`
}

// pendingAnswer is a poll that was passed on to this instance, from its beginning until it is known what became of its answer.
type pendingAnswer struct {
	cancel  context.CancelFunc // ends the poll
	answer  *answer            // nil while the poll waits
	outcome outcome            // "" while it is not known
	timer   *time.Timer
}

// The headers between instances: passedOn marks a request as such, so that it is not passed on again; answerToken is the name
// that the instance which passes a poll on gives to its answer, and comes back with an answer that is to be confirmed.
const (
	passedOn    = "Lazuli-Passed-On"
	answerToken = "Lazuli-Answer"
)

// confirmTime is how long an answer stays pending without a word.
const confirmTime = 10 * time.Second

func newPeers(d *Dispatcher) *peers {
	return &peers{d: d, self: d.opts.Address, auth: d.opts.PeerAuth, client: d.opts.PeerClient, owners: map[int32]string{}, answers: map[string]*pendingAnswer{}}
}

func ownerKey(partition int32) string { return "owner " + strconv.Itoa(int(partition)) }

// announce tells everybody that this instance owns a partition.
func (p *peers) announce(ctx context.Context, partition int32) error {
	record := mustRecord(p.d.names.system(topicInstances), ownerKey(partition), ownerRecord{progressVersion, p.self})
	_, err := p.d.log.Append(ctx, []eventlog.Record{record})
	return err
}

// catchUp learns of the owners that are in the topic now.
func (p *peers) catchUp(ctx context.Context) error {
	part := eventlog.Partition{Topic: p.d.names.system(topicInstances)}
	for {
		page, err := p.d.log.Read(ctx, part, p.next, eventlog.Limit{})
		var corrupt *eventlog.CorruptError
		if errors.As(err, &corrupt) {
			p.next = max(corrupt.To, p.next+1)
			continue
		}
		if err != nil {
			return err
		}
		for i := range page.Records {
			p.learn(&page.Records[i])
		}
		if page.Next <= p.next {
			return nil
		}
		p.next = page.Next
		p.d.ownersChanged()
	}
}

func (p *peers) learn(r *eventlog.Record) {
	text, ok := strings.CutPrefix(string(r.Key), "owner ")
	n, err := strconv.ParseInt(text, 10, 32)
	var owner ownerRecord
	if !ok || err != nil || json.Unmarshal(r.Value, &owner) != nil {
		p.d.logger.Error("a record of an instance is not readable", "key", string(r.Key))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owners[int32(n)] = owner.Address
}

// owner returns the address of the instance that owns a partition; "" when that is this one, or not known.
func (p *peers) owner(partition int32) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if address := p.owners[partition]; address != p.self {
		return address
	}
	return ""
}

// others returns the addresses of all other instances that own something.
func (p *peers) others() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[string]bool{}
	for _, address := range p.owners {
		if address != p.self {
			seen[address] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// ownerOf returns where polls for a consumer go: mine, or the address of another instance, or neither while nobody is known.
func (d *Dispatcher) ownerOf(id identity) (mine bool, address string) {
	n := d.shardOf(id)
	d.mu.Lock()
	mine = d.shards[n] != nil
	d.mu.Unlock()
	if mine || d.peers == nil {
		return true, ""
	}
	return false, d.peers.owner(n)
}

// send makes a request of another instance. token names the answer if the request is a poll.
func (p *peers) send(ctx context.Context, method, address, path, token string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set(passedOn, p.self)
	if token != "" {
		req.Header.Set(answerToken, token)
	}
	if p.auth != "" {
		req.Header.Set("Authorization", p.auth)
	}
	return p.client.Do(req)
}

// passOn answers a poll through the consumer's owner, and tells false when that is this instance. While the owner is not
// known or cannot be reached it waits, up to the poll's deadline, for another one.
func (d *Dispatcher) passOn(w http.ResponseWriter, r *http.Request, p *poll) bool {
	over := time.Now().Add(p.deadline)
	for {
		d.mu.Lock()
		moved := d.ownersMoved
		d.mu.Unlock()
		mine, address := d.ownerOf(p.identity)
		if mine {
			p.deadline = max(time.Until(over), 0)
			return false
		}
		if r.Header.Get(passedOn) != "" {
			writeProblem(w, http.StatusMisdirectedRequest, "not the owner", "the consumer belongs to another instance by now")
			return true
		}
		if address != "" && d.peers.relay(w, r, address, over) {
			return true
		}
		timer := time.NewTimer(min(retryPause, time.Until(over)))
		select {
		case <-moved:
		case <-timer.C:
		case <-d.drained:
		case <-r.Context().Done():
		}
		timer.Stop()
		if d.draining.Load() || r.Context().Err() != nil || !time.Now().Before(over) {
			a := &answer{d: d, idle: true, avro: p.avro, unserved: p.feeds}
			_ = writeMultipart(w, a) // it holds no job
			return true
		}
	}
}

// relay asks the owner and gives its answer to the client. It tells false when the owner gave none.
func (p *peers) relay(w http.ResponseWriter, r *http.Request, address string, over time.Time) bool {
	query := r.URL.Query()
	query.Set("deadline", strconv.Itoa(max(1, int(time.Until(over).Seconds()))))
	token := rand.Text()
	what, pending := outcomeLeft, true
	defer func() {
		if pending {
			p.confirm(r.Context(), address, token, what)
		}
	}()
	res, err := p.send(r.Context(), r.Method, address, r.URL.EscapedPath()+"?"+query.Encode(), token, nil)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusMisdirectedRequest || res.StatusCode == http.StatusServiceUnavailable {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 2*maxAnswerBytes))
	if err != nil {
		return false
	}
	pending = res.Header.Get(answerToken) != ""
	w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	p.d.boundWrite(w)
	w.WriteHeader(res.StatusCode)
	_, err = w.Write(body)
	if err == nil && r.Context().Err() == nil {
		what = outcomeTaken
	}
	return true
}

// outcome is what became of an answer.
type outcome string

const (
	outcomeTaken  outcome = "taken"  // the client has it whole
	outcomeLeft   outcome = "left"   // the client went away
	outcomeUnused outcome = "unused" // nobody was to blame: another answer came first
)

// confirm tells the owner what became of an answer, or that nobody waits for it any more.
func (p *peers) confirm(ctx context.Context, address, token string, what outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), confirmTime)
	defer cancel()
	path := fmt.Sprintf("/api/v1/answers/%s?outcome=%s", url.PathEscape(token), what)
	res, err := p.send(ctx, http.MethodPost, address, path, "", nil)
	if err != nil {
		p.d.logger.Warn("tell the owner of a job what became of its answer", "owner", address, "err", err)
		return
	}
	res.Body.Close()
}

// begin notes a poll that was passed on to this instance. The poll is to use the returned context, and to call end.
func (p *peers) begin(r *http.Request) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(r.Context())
	token := r.Header.Get(answerToken)
	p.answersMu.Lock()
	defer p.answersMu.Unlock()
	pending := &pendingAnswer{cancel: cancel}
	p.answers[token] = pending
	return ctx, func() {
		cancel()
		p.answersMu.Lock()
		defer p.answersMu.Unlock()
		if pending.answer == nil && p.answers[token] == pending {
			delete(p.answers, token)
		}
	}
}

// hold keeps an answer with jobs pending until it is confirmed. Without a word jobs under a lease stay out, since the lease
// gives them back; the others go back at once. It tells false, and gives the jobs back, when nobody waits for them any more.
func (p *peers) hold(token string, a *answer) bool {
	silent := outcomeUnused
	if a.leased {
		silent = outcomeTaken
	}
	p.answersMu.Lock()
	pending := p.answers[token]
	if pending == nil || pending.outcome != "" {
		p.answersMu.Unlock()
		a.finish(outcomeUnused)
		return false
	}
	pending.answer = a
	pending.timer = time.AfterFunc(confirmTime, func() { p.settle(token, silent) })
	p.answersMu.Unlock()
	return true
}

// settle tells a poll, or its answer, what became of it.
func (p *peers) settle(token string, what outcome) bool {
	p.answersMu.Lock()
	pending := p.answers[token]
	if pending == nil {
		p.answersMu.Unlock()
		return false
	}
	pending.outcome = what
	if pending.answer != nil {
		delete(p.answers, token)
	}
	p.answersMu.Unlock()
	pending.cancel()
	if pending.answer != nil {
		pending.timer.Stop()
		pending.answer.finish(what)
	}
	return true
}

// close settles what is still pending.
func (p *peers) close() {
	p.answersMu.Lock()
	tokens := slices.Collect(maps.Keys(p.answers))
	p.answersMu.Unlock()
	for _, token := range tokens {
		p.settle(token, outcomeTaken)
	}
	p.client.CloseIdleConnections()
}

// confirmAnswer is what confirm calls: POST /api/v1/answers/{token}?outcome=.
func (d *Dispatcher) confirmAnswer(w http.ResponseWriter, r *http.Request) {
	what := outcome(r.URL.Query().Get("outcome"))
	if what != outcomeTaken && what != outcomeLeft && what != outcomeUnused {
		writeProblem(w, http.StatusUnprocessableEntity, "bad parameters", "outcome must be taken, left or unused")
		return
	}
	if d.peers == nil || !d.peers.settle(r.PathValue("token"), what) {
		writeProblem(w, http.StatusNotFound, "not found", "no answer waits under that name")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// hand writes an answer and settles it, or leaves it pending when the client is another instance.
func (d *Dispatcher) hand(w http.ResponseWriter, r *http.Request, a *answer, write func() error) {
	d.boundWrite(w)
	if !d.passedOn(r) || len(a.jobs) == 0 {
		what := outcomeTaken
		if write() != nil || r.Context().Err() != nil {
			what = outcomeLeft
		}
		a.finish(what)
		return
	}
	token := r.Header.Get(answerToken)
	w.Header().Set(answerToken, token) // there is something to confirm
	if d.peers.hold(token, a) && (write() != nil || r.Context().Err() != nil) {
		d.peers.settle(token, outcomeUnused)
	}
}

// passedOn tells whether a request comes from another instance.
func (d *Dispatcher) passedOn(r *http.Request) bool {
	return d.peers != nil && r.Header.Get(passedOn) != ""
}

// pollFor is poll for a request: if that was passed on, the instance that did may call it off.
func (d *Dispatcher) pollFor(r *http.Request, polls []*poll, worker string, count int, deadline time.Duration) (a *answer, end func()) {
	if !d.passedOn(r) {
		return d.poll(r.Context(), polls, worker, count, deadline), func() {}
	}
	ctx, end := d.peers.begin(r)
	return d.poll(ctx, polls, worker, count, deadline), end
}
