package dispatcher

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/eventlog"
)

// bench is a dispatcher on an embedded log with a clock that the test moves.
type bench struct {
	t     *testing.T
	dir   string
	clock *clock
	opts  Options

	brokers   []string // of Kafka, when the log is on it
	namespace string

	around    func(blob.Store) blob.Store     // what the dispatcher gets as its store; nil is the store itself
	aroundLog func(eventlog.Log) eventlog.Log // the same for the log

	log    eventlog.Log
	store  *blob.FS
	d      *Dispatcher
	server *httptest.Server

	answered sync.Map // of chan struct{}, by the number of a request: closed when its handler has returned
	requests atomic.Int64
}

const requestNumber = "Test-Request"

// watched lets send wait for a handler's end: a client has its answer before the lease of what it got begins.
func (b *bench) watched(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if done, ok := b.answered.LoadAndDelete(r.Header.Get(requestNumber)); ok {
			defer close(done.(chan struct{}))
		}
		h.ServeHTTP(w, r)
	})
}

// send makes a request and returns when its handler has returned.
func (b *bench) send(req *http.Request) (*http.Response, []byte) {
	b.t.Helper()
	number, done := fmt.Sprint(b.requests.Add(1)), make(chan struct{})
	b.answered.Store(number, done)
	req.Header.Set(requestNumber, number)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	<-done
	return res, body
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// anySource allows every well-formed source; the source "shortlived" expires after a day.
type anySource struct{}

func (anySource) SourceAllowed(name string) error {
	if name == "" || strings.ContainsAny(name, "/ ") {
		return fmt.Errorf("source %q is not well-formed", name)
	}
	return nil
}

func (anySource) Expiry(name string) time.Duration {
	if name == "shortlived" {
		return 24 * time.Hour
	}
	return 0
}

func newBench(t *testing.T) *bench {
	parallel(t)
	b := &bench{t: t, dir: t.TempDir(), clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}}
	b.opts = Options{Sources: anySource{}, Lease: time.Minute, Now: b.clock.Now}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *bench) start() {
	b.t.Helper()
	var err error
	b.openLog()
	if b.store, err = blob.OpenFS(b.dir + "/store"); err != nil {
		b.t.Fatal(err)
	}
	b.opts.Registry = nil
	var store blob.Store = b.store
	if b.around != nil {
		store = b.around(store)
	}
	log := b.log
	if b.aroundLog != nil {
		log = b.aroundLog(log)
	}
	d, err := New(b.t.Context(), log, store, b.opts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.d = d
	b.server = httptest.NewServer(b.watched(b.d.Handler()))
}

// stop ends the dispatcher in order; crash lets go of everything without writing progress.
func (b *bench) stop() {
	if err := b.d.Close(context.Background()); err != nil {
		b.t.Error(err)
	}
	b.release()
}

func (b *bench) crash() {
	b.d.Drain() // lets polls under way end, so that the server can close
	b.d.stop()
	b.d.done.Wait()
	b.release()
}

func (b *bench) release() {
	b.server.Close()
	if err := errors.Join(b.store.Close(), b.log.Close()); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) restart() { b.stop(); b.start() }

// file makes a legal sourced event of a file with the given content.
func (b *bench) file(source, content string) *event.Binary {
	sum := sha256.Sum256([]byte(content))
	sha := hex.EncodeToString(sum[:])
	now := event.At(b.clock.Now())
	author := event.Author{Category: "user", Name: "tester"}
	return &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: now, Author: author},
		Action: event.Sourced,
		Entity: event.Entity{SHA256: sha, Size: uint64(len(content)), FileFormat: "text/plain",
			Datastreams: []event.Datastream{{Label: event.LabelContent, SHA256: sha, Size: uint64(len(content)), FileFormat: "text/plain"}}},
		Source: event.Source{Name: source, Timestamp: now,
			Path: event.Path{{Author: author, Action: event.Sourced, SHA256: sha, Timestamp: now, Size: uint64(len(content))}}},
	}
}

func (b *bench) publish(files ...*event.Binary) {
	b.t.Helper()
	for _, f := range files {
		if _, err := b.d.Publish(b.t.Context(), f); err != nil {
			b.t.Fatal(err)
		}
	}
}

// call makes a request and returns code and body.
func (b *bench) call(method, path string, body any) (int, []byte) {
	b.t.Helper()
	var reader io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(v)
	default:
		data, err := json.Marshal(v)
		if err != nil {
			b.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, reader)
	if err != nil {
		b.t.Fatal(err)
	}
	res, data := b.send(req)
	return res.StatusCode, data
}

type pollInfo struct {
	Filtered int            `json:"filtered"`
	Fetched  int            `json:"fetched"`
	Ready    bool           `json:"ready"`
	Paused   bool           `json:"paused"`
	NotReady string         `json:"consumers_not_ready"`
	Filters  map[string]int `json:"filters"`
}

const allFeeds = "r-expedite=true&r-live=true&r-historic=true"

// poll asks as azul-runner does and reads the answer as strictly. extra is appended to the query.
func (b *bench) poll(name, extra string) (*event.Binary, pollInfo) {
	b.t.Helper()
	events, info := b.pollModel("binary/active", "name="+name+"&"+extra+"&version=1&count=1&deadline=1")
	if len(events) == 0 {
		return nil, info
	}
	ev, err := event.Decode(event.ModelBinary, events[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return ev.(*event.Binary), info
}

func (b *bench) pollModel(path, query string) ([]json.RawMessage, pollInfo) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), "GET", b.server.URL+"/api/v2/event/"+path+"?"+query, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, body := b.send(req)
	if res.StatusCode != http.StatusOK {
		b.t.Fatalf("poll: %s: %s", res.Status, body)
	}
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		b.t.Fatalf("content type %q: %v", res.Header.Get("Content-Type"), err)
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	var info pollInfo
	var events struct {
		Events []json.RawMessage `json:"events"`
	}
	for _, want := range []struct {
		name string
		into any
	}{{"info", &info}, {"events", &events}} {
		part, err := parts.NextPart()
		if err != nil {
			b.t.Fatal(err)
		}
		if part.FormName() != want.name || part.Header.Get("Content-Length") != "" {
			b.t.Fatalf("part %q with %v, want %q", part.FormName(), part.Header, want.name)
		}
		dec := json.NewDecoder(part)
		dec.DisallowUnknownFields()
		if err := dec.Decode(want.into); err != nil {
			b.t.Fatal(err)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		b.t.Fatalf("more than two parts: %v", err)
	}
	if events.Events == nil {
		b.t.Fatal("events is null")
	}
	return events.Events, info
}

// mustPoll polls and expects the file with the given content; on Kafka it may take a while until the dispatcher has read the log after a start.
func (b *bench) mustPoll(name, content string) *event.Binary {
	b.t.Helper()
	got, info := b.poll(name, allFeeds+"&deadline=30")
	sum := sha256.Sum256([]byte(content))
	if got == nil || got.Entity.SHA256 != hex.EncodeToString(sum[:]) {
		b.t.Fatalf("%s: got %v (%+v), want the file %q", name, got, info, content)
	}
	return got
}

// mustIdle expects that there is nothing to hand out. A poll looks before it waits, so its deadline may be short.
func (b *bench) mustIdle(name string) {
	b.t.Helper()
	query := url.Values{"name": {name}, "version": {"1"}, "r-expedite": {"true"}, "r-live": {"true"}, "r-historic": {"true"}}
	p, err := b.d.parsePoll("binary", query, true)
	if err != nil {
		b.t.Fatal(err)
	}
	a := b.d.poll(b.t.Context(), []*poll{p}, "", 1, time.Millisecond)
	a.finish(outcomeLeft)
	if len(a.events) > 0 {
		b.t.Fatalf("%s: got %s", name, a.events[0])
	}
}

// status reports the end of a job, with results.
func (b *bench) status(job *event.Binary, author string, state event.State, results ...event.Binary) {
	b.t.Helper()
	input := *job
	input.Entity.Datastreams = nil
	st := event.Status{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()), Author: event.Author{Category: "plugin", Name: author, Version: "1"}},
		Entity: event.StatusEntity{Input: input, Status: state, Results: results},
	}
	code, body := b.call("POST", "/api/v2/event?model=status&avro-format=false", []any{st})
	if code != http.StatusOK || string(body) != `{"total_ok":1,"total_failures":0,"failures":[]}` {
		b.t.Fatalf("post a status: %d %s", code, body)
	}
	b.settle()
}

// settle applies every status that is in the log.
func (b *bench) settle() {
	b.t.Helper()
	if err := b.d.statuses.catchUp(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// records reads a whole partition: of each key the newest record, as compaction leaves it sooner or later.
func (b *bench) records(topic string) []eventlog.Record {
	b.t.Helper()
	var all []eventlog.Record
	for at := int64(0); ; {
		page, err := b.log.Read(b.t.Context(), eventlog.Partition{Topic: topic}, at, eventlog.Limit{})
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, page.Records...)
		if page.Next <= at {
			return newest(all)
		}
		at = page.Next
	}
}

func newest(records []eventlog.Record) []eventlog.Record {
	last := map[string]int{}
	for i := range records {
		last[string(records[i].Key)] = i
	}
	var kept []eventlog.Record
	for i := range records {
		if last[string(records[i].Key)] == i {
			kept = append(kept, records[i])
		}
	}
	return kept
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
