// Package client speaks to lazuli from Go: Dispatcher for what plugins and feeds need (events and streams), API for what
// analysts need (uploads, search, results).
//
// It knows nothing of how plugins are run. Begin with NewDispatcher or NewAPI.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lazuli/event"
)

// Dispatcher speaks to a dispatcher: the reference's event and stream interface, and the polls for many consumers that
// lazuli's own adds. All methods may be called at the same time.
//
// A request that could not reach the dispatcher, or was answered 429 or 503, is sent again a few times; one that broke off
// only if doing it twice is the same as doing it once. Polls are never repeated: the caller polls again anyway. Errors are
// *StatusError for an answer that is not a success, otherwise what went wrong on the way; Temporary tells them apart.
type Dispatcher struct {
	base     *url.URL // without credentials; its path has no slash at the end
	user     *url.Userinfo
	token    string // goes before user
	client   *http.Client
	agent    string
	tries    int
	pause    time.Duration // before the second try; doubled for each one after
	idleTime time.Duration // how long a stream may stand still
}

// DispatcherOption changes how a Dispatcher works.
type DispatcherOption func(*Dispatcher)

// WithTransport sends requests through t in place of a transport of its own.
func WithTransport(t http.RoundTripper) DispatcherOption {
	return func(d *Dispatcher) { d.client.Transport = t }
}

// WithUserAgent names the program to the dispatcher; "lazuli" if not given.
func WithUserAgent(agent string) DispatcherOption {
	return func(d *Dispatcher) { d.agent = agent }
}

// WithTries bounds how often a request is sent (at least once) and how long to wait before the second time. Each further
// wait is twice as long, at most 5 s, or what the dispatcher asks for. The default is 4 and 200 ms.
func WithTries(n int, pause time.Duration) DispatcherOption {
	return func(d *Dispatcher) { d.tries, d.pause = max(n, 1), pause }
}

// The time-outs of requests.
const (
	dialTimeout = 5 * time.Second
	postTimeout = 30 * time.Second // one try of a post, from connecting to the last byte of its answer
	pollSlack   = 15 * time.Second // what a poll may take beyond its deadline
	streamIdle  = 60 * time.Second // a stream that does not move for so long is given up
)

// NewDispatcher makes a client for the dispatcher at baseURL, such as http://127.0.0.1:8111 or https://name:secret@host/azul.
// Credentials become basic authentication. Nothing is sent yet.
func NewDispatcher(baseURL string, opts ...DispatcherOption) (*Dispatcher, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		// The parser's own message repeats the URL, and that may hold a password.
		return nil, errors.New("the dispatcher's URL cannot be read: write it like http://127.0.0.1:8111")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the dispatcher's URL %q must be http or https with a host and no query, like http://127.0.0.1:8111", u.Redacted())
	}
	d := &Dispatcher{user: u.User, agent: "lazuli", tries: 4, pause: 200 * time.Millisecond, idleTime: streamIdle}
	u.User = nil
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	d.base = u
	d.client = &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout:   dialTimeout,
			ExpectContinueTimeout: time.Second,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			DisableCompression:    true, // a content-encoded stream would have another length than its event says
			ForceAttemptHTTP2:     true,
		},
		// The interface has no redirects; following one could carry the credentials elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, opt := range opts {
		opt(d)
	}
	return d, nil
}

// URL is the dispatcher's address without credentials.
func (d *Dispatcher) URL() string { return d.base.String() }

// Close gives up idle connections. The Dispatcher can still be used.
func (d *Dispatcher) Close() { d.client.CloseIdleConnections() }

// Response tells what became of posted events. OK holds their final form when it was asked for.
type Response struct {
	TotalOK       int               `json:"total_ok"`
	TotalFailures int               `json:"total_failures"`
	Failures      []Failure         `json:"failures"`
	OK            []json.RawMessage `json:"ok"`
}

// Failure is an event that was refused, as it was sent, and why.
type Failure struct {
	Event string `json:"event"`
	Error string `json:"error"`
}

// Err returns nil if no event was refused, otherwise the first refusal.
func (r Response) Err() error {
	switch {
	case len(r.Failures) > 0:
		return fmt.Errorf("the dispatcher refused %d of %d events: %s", r.TotalFailures, r.TotalFailures+r.TotalOK, r.Failures[0].Error)
	case r.TotalFailures > 0:
		return fmt.Errorf("the dispatcher refused %d of %d events", r.TotalFailures, r.TotalFailures+r.TotalOK)
	}
	return nil
}

// Register makes a plugin known. Doing it again changes nothing.
func (d *Dispatcher) Register(ctx context.Context, p *event.Plugin) error {
	answer, err := d.PostEvents(ctx, event.ModelPlugin, p)
	if err == nil {
		err = answer.Err()
	}
	if err != nil {
		return fmt.Errorf("register plugin %s: %w", p.Entity.Name, err)
	}
	return nil
}

// PostEvents publishes events of one model. When it returns nil, those not among Failures are on disk; a Response with
// failures is no error (see Response.Err), but when nothing at all could be kept the error is a *StatusError of code 425.
func (d *Dispatcher) PostEvents(ctx context.Context, model event.Model, events ...event.Event) (Response, error) {
	return d.post(ctx, model, url.Values{}, events)
}

// PostEventsOK is PostEvents with the final form of the events in Response.OK: with their keys and tracking fields.
func (d *Dispatcher) PostEventsOK(ctx context.Context, model event.Model, events ...event.Event) (Response, error) {
	return d.post(ctx, model, url.Values{"include_ok": {"true"}}, events)
}

func (d *Dispatcher) post(ctx context.Context, model event.Model, query url.Values, events []event.Event) (Response, error) {
	body, err := json.Marshal(events)
	if err != nil {
		return Response{}, fmt.Errorf("encode %s events: %w", model, err)
	}
	query.Set("avro-format", "false")
	query.Set("model", string(model))
	var answer Response
	err = d.do(ctx, &call{
		method: http.MethodPost, path: "/api/v2/event", query: query, timeout: postTimeout,
		header: http.Header{"Content-Type": {"application/json"}}, body: bytes.NewReader(body), size: int64(len(body)),
		idempotent: sameKeyTwice(model),
	}, readJSON(&answer))
	if err != nil {
		return Response{}, fmt.Errorf("post %s events: %w", model, err)
	}
	return answer, nil
}

// sameKeyTwice tells whether the dispatcher gives the same event the same key each time, so that posting it twice leaves
// one (protocol 2.3). The other models get a random key.
func sameKeyTwice(m event.Model) bool {
	switch m {
	case event.ModelBinary, event.ModelStatus, event.ModelPlugin, event.ModelInsert:
		return true
	}
	return false
}

// EndWorker tells that a worker is gone: the attempts of all jobs it had end at once with the state and the message, and
// the jobs are handed out again. It returns how many there were.
func (d *Dispatcher) EndWorker(ctx context.Context, worker string, state event.State, message string) (int, error) {
	segment, err := pathSegment(worker)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Ended int `json:"ended"`
	}
	query := url.Values{"state": {string(state)}}
	if message != "" {
		query.Set("message", cut(message, maxQueryMessage))
	}
	err = d.do(ctx, &call{
		method: http.MethodDelete, path: "/api/v1/workers/" + segment, query: query, timeout: postTimeout, idempotent: true,
	}, readJSON(&answer))
	if err != nil {
		return 0, fmt.Errorf("end the jobs of worker %s: %w", worker, err)
	}
	return answer.Ended, nil
}

// maxQueryMessage keeps a message well below what servers take as the size of a request line.
const maxQueryMessage = 2 << 10

// cut shortens text to at most n bytes, between characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
