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

	"go.uber.org/goleak"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/eventlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// mustPoll polls and expects the file with the given content.
func (b *bench) mustPoll(name, content string) *event.Binary {
	b.t.Helper()
	got, info := b.poll(name, allFeeds)
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

func TestHistoricEndsWhereLiveBegan(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"), b.file("src", "two"))
	first := b.mustPoll("P", "one") // the consumer is born here: one and two are historic
	b.publish(b.file("src", "three"))
	b.status(first, "P", event.Completed)
	b.status(b.mustPoll("P", "three"), "P", event.Completed) // live goes first
	b.status(b.mustPoll("P", "two"), "P", event.CompletedEmpty)
	b.mustIdle("P")
}

func TestFeedsThatAreNotAskedForStandStill(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "old"))
	if got, _ := b.poll("P", "r-live=true"); got != nil {
		t.Fatalf("live gave the historic %s", got.Entity.SHA256)
	}
	b.publish(b.file("src", "new"))
	got, _ := b.poll("P", "r-live=true")
	if got == nil {
		t.Fatal("live gave nothing")
	}
	b.status(got, "P", event.Completed)
	b.status(b.mustPoll("P", "old"), "P", event.Completed)
	b.mustIdle("P")
}

func TestExpediteGoesFirst(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	urgent := b.file("src", "urgent")
	urgent.Flags.Expedite = true
	b.publish(b.file("src", "normal"), urgent)
	job := b.mustPoll("P", "urgent")
	if !job.Flags.Expedite {
		t.Error("the flag is gone")
	}
	b.status(job, "P", event.Completed)
	b.mustPoll("P", "normal")
}

func TestNewSourceIsNoticed(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	b.publish(b.file("brand-new", "x"))
	b.mustPoll("P", "x")
}

func TestWaitingPollIsAnsweredByAnEvent(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	got := make(chan *event.Binary)
	go func() {
		ev, _ := b.poll("P", allFeeds+"&deadline=30")
		got <- ev
	}()
	b.publish(b.file("src", "wake"))
	if ev := <-got; ev == nil {
		t.Fatal("the poll ended without the event")
	}
}

func TestIdleAnswerMakesTheRunnerPollAgain(t *testing.T) {
	b := newBench(t)
	_, info := b.poll("P", allFeeds)
	if info.Filtered != 1 || info.Filters[longPollIdle] != 1 || !info.Ready || info.Fetched != 0 {
		t.Errorf("idle answer %+v", info)
	}
	b.d.Drain()
	_, info = b.poll("P", allFeeds)
	if info.Filtered != 0 {
		t.Errorf("while draining: %+v, want filtered 0 so that the runner sleeps", info)
	}
}

func TestSkipsAreCounted(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "a text"))
	_, info := b.poll("P", allFeeds+"&r-streams="+url.QueryEscape("content,image/"))
	if info.Filters[skipFormat] != 1 || info.Filtered != 1 {
		t.Errorf("info %+v", info)
	}
	if _, info = b.poll("P", allFeeds+"&r-streams="+url.QueryEscape("content,image/")); info.Filters[skipFormat] != 0 {
		t.Errorf("the same event was looked at twice: %+v", info)
	}
}

func TestLeaseRunsOut(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	first := b.mustPoll("P", "x")
	b.mustIdle("P")
	b.clock.advance(50 * time.Second)
	b.status(first, "P", event.Heartbeat) // now it holds a minute from here
	b.clock.advance(50 * time.Second)
	b.d.reap(t.Context())
	b.mustIdle("P")
	b.clock.advance(11 * time.Second)
	b.d.reap(t.Context())
	second := b.mustPoll("P", "x")
	if first.Dequeued == second.Dequeued {
		t.Error("two hand-outs have one id")
	}
	b.status(first, "P", event.Completed) // late is not wrong
	b.clock.advance(time.Hour)
	b.d.reap(t.Context())
	b.mustIdle("P")
}

// TestPartsKeepTheLease: while a part of a multiplugin runs, azul-runner sends its heartbeats in the part's name.
func TestPartsKeepTheLease(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	job := b.mustPoll("P", "x")
	for _, said := range []event.State{event.Heartbeat, event.Completed, event.ErrorException, event.Heartbeat} {
		b.clock.advance(50 * time.Second)
		b.status(job, "P-part", said)
		b.d.reap(t.Context())
		b.mustIdle("P")
	}
	b.clock.advance(50 * time.Second)
	b.status(job, "Person", event.Heartbeat) // no part of P
	b.clock.advance(11 * time.Second)
	b.d.reap(t.Context())
	b.mustPoll("P", "x")
}

func TestErrorOfAnOlderAttemptDoesNotEndTheJob(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	first := b.mustPoll("P", "x")
	b.clock.advance(2 * time.Minute)
	b.d.reap(t.Context())
	second := b.mustPoll("P", "x")
	b.status(first, "P", event.ErrorException)
	b.clock.advance(2 * time.Minute)
	b.d.reap(t.Context())
	b.mustPoll("P", "x")
	b.status(second, "P", event.Completed)
	b.mustIdle("P")
}

func TestAttemptsAreBounded(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "poison"), b.file("src", "good"))
	for range 3 {
		b.mustPoll("P", "poison")
		b.clock.advance(2 * time.Minute)
		b.d.reap(t.Context())
	}
	b.d.reap(t.Context())
	b.status(b.mustPoll("P", "good"), "P", event.Completed)
	b.mustIdle("P")

	dead := b.records("azul.lazuli.system.dead")
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	var letter DeadLetter
	if err := json.Unmarshal(dead[0].Value, &letter); err != nil {
		t.Fatal(err)
	}
	if letter.Plugin != "P" || letter.Attempts != 3 || !strings.Contains(letter.Reason, "3 attempts") {
		t.Errorf("dead letter %+v", letter)
	}
	var last *event.Status
	for _, r := range b.records("azul.lazuli.system.status") {
		ev, err := event.Decode(event.ModelStatus, r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if st := ev.(*event.Status); st.Entity.Status == event.ErrorTimeout {
			last = st
		}
	}
	if last == nil || last.Author.Name != "P" || last.Author.Version != "1" {
		t.Errorf("no error in the plugin's name: %+v", last)
	}
	b.restart()
	b.mustIdle("P")
}

func TestNetworkErrorIsTriedAgainLater(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	b.status(b.mustPoll("P", "x"), "P", event.ErrorNetwork)
	b.mustIdle("P")
	b.clock.advance(31 * time.Second)
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	b.mustIdle("P")
}

func TestClientThatLeavesGivesItsJobBack(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	p, err := b.d.parsePoll("binary", url.Values{"name": {"P"}, "version": {"1"}, "r-historic": {"true"}, "r-live": {"true"}, "r-expedite": {"true"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	a := b.d.poll(t.Context(), []*poll{p}, "", 1, time.Second)
	if len(a.jobs) != 1 {
		t.Fatal("no job")
	}
	a.finish(outcomeLeft) // what getEvents does when the write failed
	b.mustPoll("P", "x")
}

func TestWorkerGoneEndsItsAttemptsAtOnce(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	poll := map[string]any{"worker": "w1", "deadline": 1, "consumers": []string{"name=A&version=1&" + allFeeds, "name=B&version=1&" + allFeeds}}
	seen := map[int]bool{}
	for range 2 {
		code, body := b.call("POST", "/api/v1/poll", poll)
		var got struct {
			Consumer int             `json:"consumer"`
			Event    json.RawMessage `json:"event"`
		}
		if err := json.Unmarshal(body, &got); code != 200 || err != nil || got.Event == nil {
			t.Fatalf("%d %s", code, body)
		}
		seen[got.Consumer] = true
	}
	if !seen[0] || !seen[1] {
		t.Errorf("consumers served: %v", seen)
	}
	if code, body := b.call("POST", "/api/v1/poll", poll); code != 200 || strings.TrimSpace(string(body)) != `{"consumer":-1}` {
		t.Fatalf("idle: %d %s", code, body)
	}
	if code, body := b.call("DELETE", "/api/v1/workers/w1?state=error-out-of-memory&message=killed", nil); code != 200 || string(body) != `{"ended":2}` {
		t.Fatalf("%d %s", code, body)
	}
	b.mustPoll("A", "x")
	b.mustPoll("B", "x")
}

func TestRestart(t *testing.T) {
	for _, how := range []string{"stop", "crash"} {
		t.Run(how, func(t *testing.T) {
			b := newBench(t)
			b.publish(b.file("src", "done"), b.file("src", "out"), b.file("src", "waiting"))
			done, out := b.mustPoll("P", "done"), b.mustPoll("P", "out")
			if how == "crash" {
				if err := b.d.progress.flush(t.Context(), false); err != nil {
					t.Fatal(err)
				}
				b.status(done, "P", event.Completed) // acknowledged, and not in any progress record
				b.crash()
				b.start()
			} else {
				b.status(done, "P", event.Completed)
				b.restart()
			}
			b.status(b.mustPoll("P", "waiting"), "P", event.Completed)
			b.mustIdle("P") // out is still out
			b.status(out, "P", event.Completed)
			b.clock.advance(time.Hour)
			b.d.reap(t.Context())
			b.mustIdle("P")
		})
	}
}

func TestStatusOfAJobThatNoProgressRecordKnows(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	b.opts.flushEvery = time.Hour // so that no record knows of the jobs
	b.restart()
	b.publish(b.file("src", "one"), b.file("src", "two"))
	one, two := b.mustPoll("P", "one"), b.mustPoll("P", "two")
	b.status(two, "P", event.Completed)
	b.crash()
	b.start()
	again := b.mustPoll("P", "one") // at most once per change of owner
	b.mustIdle("P")
	b.status(one, "P", event.Completed)
	b.status(again, "P", event.Completed)
	b.mustIdle("P")
}

func TestReleaseWorkersCountsNoAttempt(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	poll := map[string]any{"worker": "local-1", "deadline": 1, "consumers": []string{"name=A&version=1&" + allFeeds}}
	for range 10 {
		if code, body := b.call("POST", "/api/v1/poll", poll); code != 200 || !strings.Contains(string(body), `"consumer":0`) {
			t.Fatalf("%d %s", code, body)
		}
		b.restart()
		if n := b.d.ReleaseWorkers("local-"); n != 1 {
			t.Fatalf("released %d", n)
		}
	}
}

func TestResultsComeBeforeTheirStatus(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	job := b.mustPoll("P", "x")
	result := *job
	result.Head = event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()), Author: event.Author{Category: "plugin", Name: "P", Version: "1"}}
	result.Action = event.Enriched
	result.Entity = event.Entity{SHA256: job.Entity.SHA256, Features: []event.Feature{{Name: "f", Type: event.String, Value: "v"}}}
	result.Source.Path = append(result.Source.Path, event.PathNode{Author: result.Author, Action: event.Enriched, SHA256: job.Entity.SHA256, Timestamp: result.Timestamp})
	b.status(job, "P", event.Completed, result)

	records := b.records("azul.lazuli.src.binary.enriched")
	if len(records) != 1 {
		t.Fatalf("%d results", len(records))
	}
	routing, err := event.ParseRouting(records[0].Header)
	if err != nil {
		t.Fatal(err)
	}
	if routing.Input != job.KafkaKey || routing.Run == "" || !strings.HasPrefix(job.Dequeued, routing.Run) {
		t.Errorf("input %q run %q, want those of %q", routing.Input, routing.Run, job.Dequeued)
	}
	if bytes.Contains(records[0].Value, []byte("dequeued")) {
		t.Error("the result carries the job's id")
	}
	statuses := b.records("azul.lazuli.system.status")
	if len(statuses) != 1 || bytes.Contains(statuses[0].Value, []byte(`"results"`)) {
		t.Errorf("statuses: %d, the results are still inside", len(statuses))
	}
	b.status(job, "P", event.Completed, result) // doing it twice changes nothing
	if n := len(b.records("azul.lazuli.src.binary.enriched")); n != 1 {
		t.Errorf("%d results after the second post", n)
	}
}

func TestInvalidStatusEndsTheJobAndIsAccepted(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"), b.file("src", "y"))
	x, y := b.mustPoll("P", "x"), b.mustPoll("P", "y")
	bad := *x
	bad.Action = "nonsense"
	b.status(x, "P", event.Completed, bad)
	code, body := b.call("POST", "/api/v2/event?model=status", fmt.Sprintf(
		`[{"model_version":6,"author":{"name":"P","version":"1"},"entity":{"input":{"dequeued":%q,"kafka_key":%q},"status":17}}]`, y.Dequeued, y.KafkaKey))
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	b.settle()
	b.clock.advance(time.Hour)
	b.d.reap(t.Context())
	b.mustIdle("P")
	for _, r := range b.records("azul.lazuli.system.status") {
		ev, err := event.Decode(event.ModelStatus, r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if st := ev.(*event.Status); st.Entity.Status != event.ErrorOutput || st.Entity.Message == "" {
			t.Errorf("status %+v", st.Entity)
		}
	}
}

func TestCompactedJobIsSuperseded(t *testing.T) {
	b := newBench(t)
	if onKafka() {
		t.Skip("Kafka keeps the older event for a while, and it is handed out")
	}
	b.mustIdle("P")
	b.publish(b.file("src", "x"), b.file("src", "y"))
	b.mustPoll("P", "x") // looks ahead: y waits
	again := b.file("src", "y")
	again.Entity.FileFormat = "text/html"
	b.publish(again)
	if job := b.mustPoll("P", "y"); job.Entity.FileFormat != "text/html" {
		t.Errorf("got the replaced event")
	}
	b.mustIdle("P")
}

func TestPending(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	at := []string{"azul.lazuli.src.binary.sourced/0/0"}
	pending := func() string {
		t.Helper()
		list, _, err := b.d.Pending(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		var states []string
		for _, p := range list {
			states = append(states, p.Plugin+" "+p.State)
		}
		return strings.Join(states, ", ")
	}
	if got := pending(); got != "" {
		t.Errorf("nobody works, and %q is pending", got)
	}
	if _, info := b.poll("B", allFeeds+"&r-streams="+url.QueryEscape("content,image/")); info.Filtered != 1 {
		t.Fatalf("%+v", info)
	}
	job := b.mustPoll("A", "x")
	if got := pending(); got != "A running" {
		t.Errorf("pending %q", got)
	}
	b.status(job, "A", event.Completed)
	if got := pending(); got != "" {
		t.Errorf("pending %q", got)
	}
}

func TestPassivePollsEndWithTheAnswer(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"), b.file("src", "y"))
	events, info := b.pollModel("binary/passive", "name=ingest&version=1&count=100&deadline=1&r-historic=true")
	if len(events) != 2 || info.Fetched != 2 || bytes.Contains(events[0], []byte("dequeued")) {
		t.Fatalf("%d events: %s", len(events), events)
	}
	if events, _ = b.pollModel("binary/passive", "name=ingest&version=1&count=100&deadline=1&r-historic=true"); len(events) != 0 {
		t.Errorf("again %d events", len(events))
	}
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	if events, _ = b.pollModel("status/passive", "name=ingest&version=1&count=100&deadline=1&r-historic=true&r-live=true"); len(events) != 1 {
		t.Errorf("%d statuses", len(events))
	}
}

func TestCommittedGroupsHaveTheStandardNames(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	b.mustIdle("P")
	b.restart()
	offsets, err := b.log.Committed(t.Context(), "lazuli-azul-P-1-binary-allsrc-alltype-ELH-historic")
	if err != nil {
		t.Fatal(err)
	}
	if got := offsets[eventlog.Partition{Topic: "azul.lazuli.src.binary.sourced"}]; got != 1 {
		groups, _ := b.log.Groups(t.Context())
		t.Errorf("committed %v; groups %q", offsets, groups)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
