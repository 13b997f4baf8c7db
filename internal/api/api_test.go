package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"lazuli/event"
	"lazuli/internal/api/access"
	"lazuli/internal/api/notes"
	"lazuli/internal/blob"
	"lazuli/internal/cart"
	"lazuli/internal/config"
	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
	"lazuli/internal/index"
	"lazuli/internal/security"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// platform stands in for the dispatcher and for ingest; index and store are real.
type platform struct {
	idx       *index.SQLite
	store     *blob.FS
	pending   atomic.Int32 // how many more times a job is pending
	published *event.Binary
	changes   chan string
	refuse    error
	silent    []Silent // instances that do not answer
	drain     func()   // as when the platform stops
}

func (p *platform) Store(ctx context.Context, source, label string, r io.Reader) (event.Datastream, error) {
	up, err := p.store.Create(ctx)
	if err != nil {
		return event.Datastream{}, err
	}
	defer up.Discard()
	n, err := io.Copy(up, r)
	if err != nil {
		return event.Datastream{}, err
	}
	if p.refuse != nil {
		return event.Datastream{}, p.refuse
	}
	sha := strings.Repeat("c", 64)
	err = up.Commit(ctx, blob.Key{Source: source, Label: label, SHA256: sha})
	return event.Datastream{Label: event.Label(label), SHA256: sha, Size: uint64(n), FileFormat: "text/plain", Magic: "ASCII text"}, err
}

func (p *platform) Publish(_ context.Context, events ...event.Event) error {
	p.published = events[0].(*event.Binary)
	p.published.KafkaKey = "key"
	return p.published.Validate()
}

func (p *platform) Pending(_ context.Context, positions []string) ([]PendingJob, []Silent, error) {
	if len(positions) == 0 || p.pending.Add(-1) < 0 {
		return nil, p.silent, nil
	}
	return []PendingJob{{Plugin: "Slow", State: "running"}}, nil, nil
}

func (p *platform) Explain(_ context.Context, positions []string) ([]Explanation, []Silent, error) {
	list := []Explanation{}
	for _, at := range positions {
		list = append(list, Explanation{Plugin: "Busy", Version: "1", Consumer: "busy", Position: at, State: "waiting", Ahead: 7, Active: true},
			Explanation{Plugin: "Done", Version: "1", Consumer: "done", Position: at, State: "ended"},
			Explanation{Plugin: "Images", Version: "2", Consumer: "images", Position: at, State: "skipped", Rule: "r", Detail: "it is no image"})
	}
	return list, p.silent, nil
}

func (p *platform) Event(_ context.Context, position string) ([]byte, error) {
	switch position {
	case "t/0/1":
		return []byte(`{"kafka_key":"k"}`), nil
	case "t/0/2":
		return []byte("\x00 no JSON"), nil
	case "t/0/3":
		return nil, ErrEventGone
	}
	return nil, errors.New("the log is away")
}

func (p *platform) Retry(_ context.Context, id string) error {
	switch id {
	case "there":
		return nil
	case "gone":
		return ErrEventGone
	}
	return ErrNoLetter
}

var errInvalid = errors.New("not like this")

func (p *platform) Invalid(err error) bool                                      { return errors.Is(err, errInvalid) }
func (p *platform) Reached(context.Context, map[eventlog.Partition]int64) error { return nil }
func (p *platform) Topics(context.Context) ([]eventlog.TopicState, error)       { return nil, nil }
func (p *platform) Subscribe(context.Context) <-chan string                     { return p.changes }

func newAPI(t *testing.T) (*platform, *httptest.Server) {
	t.Helper()
	return newAPIWith(t, func(*config.Config) {})
}

func newAPIWith(t *testing.T, set func(*config.Config)) (*platform, *httptest.Server) {
	t.Helper()
	idx, err := index.OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := blob.OpenFS(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{idx: idx, store: store, changes: make(chan string, 4)}
	cfg := config.Defaults()
	cfg.Limits.MaxUploadBytes = 1000
	set(cfg)
	labels, err := security.New(cfg.Security)
	if err != nil {
		t.Fatal(err)
	}
	said := notes.New(eventlogtest.NewMemory(), p, cfg.TopicPrefix)
	if err := said.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := New(Deps{Index: idx, Dispatcher: p, Settler: p, Topics: p, Store: store, Metrics: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
		Notes: said, Config: cfg, Scheme: labels, Access: readers(labels),
		Ready: []Check{{"store", store.Check}, {"always late", func(context.Context) error { return errors.New("not yet") }}}},
		Options{Version: "v1"})
	p.drain = a.Drain
	server := httptest.NewServer(a.Handler())
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
		if err := errors.Join(store.Close(), idx.Close()); err != nil {
			t.Error(err)
		}
	})
	return p, server
}

// readers lets everybody see everything, but for those who say up to what they may read.
func readers(labels *security.Scheme) access.Of {
	return func(r *http.Request) (*access.Access, error) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return access.Anybody(labels)(r)
		}
		up, err := labels.Parse(text)
		return &access.Access{User: "reader", Scheme: labels, Up: []security.Label{up}}, err
	}
}

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestSubmit(t *testing.T) {
	p, server := newAPI(t)
	code, body := call(t, "POST", server.URL+"/api/v1/binaries?filename=a%2Fb.txt&ref=ticket%3D7&security=OFFICIAL&source=mail", "content")
	var got Submitted
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil || got != (Submitted{strings.Repeat("c", 64), 7, "mail", "key", "queued"}) {
		t.Fatalf("%d %s", code, body)
	}
	ev := p.published
	if ev.Action != event.Sourced || ev.Source.References["ticket"] != "7" || ev.Source.Security != "OFFICIAL" || ev.Author.Category != "user" || ev.Source.Path[0].Filename != "a/b.txt" {
		t.Errorf("published %+v", ev)
	}
	for i, want := range []string{"filename=a/b.txt", "file_format=text/plain", "magic=ASCII text"} {
		if f := ev.Entity.Features[i]; f.Name+"="+f.Value != want {
			t.Errorf("feature %d is %s=%s, want %s", i, f.Name, f.Value, want)
		}
	}
	if code, body := call(t, "POST", server.URL+"/api/v1/binaries?ref=nonsense", "x"); code != 400 || !strings.Contains(body, "key=value") {
		t.Errorf("a bad ref: %d %s", code, body)
	}
	if code, body := call(t, "POST", server.URL+"/api/v1/binaries", strings.Repeat("x", 1001)); code != 413 {
		t.Errorf("too large: %d %s", code, body)
	}
	p.refuse = errInvalid
	if code, body := call(t, "POST", server.URL+"/api/v1/binaries", "x"); code != 400 || !strings.Contains(body, "not like this") {
		t.Errorf("refused: %d %s", code, body)
	}
	p.refuse = errors.New("the disk is gone")
	if code, body := call(t, "POST", server.URL+"/api/v1/binaries", "x"); code != 503 {
		t.Errorf("trouble: %d %s", code, body)
	}
}

// TestReferences: what a source wants to know is asked for before a file is read.
func TestReferences(t *testing.T) {
	p, server := newAPIWith(t, func(cfg *config.Config) {
		cfg.DefaultSource = "cases"
		cfg.Sources = map[string]config.Source{
			"cases": {Description: "from the responders", References: []config.Reference{{Name: "case", Required: true, Description: "its number"}, {Name: "who", Required: false}}},
			"mail":  {}}
	})
	long := url.QueryEscape("case=" + strings.Repeat("x", config.MaxReferenceBytes))
	for _, c := range []struct{ query, title, detail string }{
		{"", "bad references", "source cases needs the reference case (its number)"},
		{"?source=cases&ref=case%3D%20", "bad references", "source cases needs the reference case (its number)"},
		{"?ref=case%3D7&ref=csae%3D8", "bad references", `source cases has no reference \"csae\": did you mean case?`},
		{"?ref=case%3D7&ref=case%3D8", "bad references", `ref \"case\" is there twice`},
		{"?ref=case", "bad references", `ref \"case\" is not key=value`},
		{"?ref=" + long, "bad references", "more than 16384 bytes"},
		{"?source=mail&ref=case%3D7", "bad references", `source mail takes no references, and \"case\" is one`},
		{"?source=nosuch&ref=case%3D7", "bad source", `source \"nosuch\" is not configured: known are cases, mail`},
		{"?source=mail&security=NOPE", "bad security", "NOPE"},
	} {
		code, body := call(t, "POST", server.URL+"/api/v1/binaries"+c.query, "content")
		if code != 400 || !strings.Contains(body, `"title":"`+c.title+`"`) || !strings.Contains(body, c.detail) {
			t.Errorf("%.80s: %d %s, want %s: %s", c.query, code, body, c.title, c.detail)
		}
	}
	if p.published != nil {
		t.Errorf("published %+v", p.published)
	}
	if code, body := call(t, "POST", server.URL+"/api/v1/binaries?ref=case%3D7%3D8", "content"); code != 200 || p.published.Source.References["case"] != "7=8" {
		t.Errorf("%d %s", code, body)
	}
	if code, body := call(t, "POST", server.URL+"/api/v1/binaries?source=mail", "content"); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	_, body := call(t, "GET", server.URL+"/api/v1/sources", "")
	want := `"default":"cases","any":false,"sources":[{"name":"cases","description":"from the responders","references":[{"name":"case","required":true,"description":"its number"},` +
		`{"name":"who","required":false}]},{"name":"mail","references":[]}]`
	if !strings.Contains(body, want) {
		t.Errorf("%s, want %s", body, want)
	}
}

// family puts a file, one inside it, and one that holds itself, into the index.
func family(t *testing.T, p *platform) {
	t.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sha := func(s string) string { return strings.Repeat(s, 64) }
	path := func(shas ...string) (nodes []index.PathNode) {
		for _, s := range shas {
			nodes = append(nodes, index.PathNode{SHA256: sha(s), Filename: "name-" + s, Relationship: map[string]string{"action": "extracted"}})
		}
		return nodes
	}
	doc := func(id string, shas ...string) index.Document {
		return index.Document{ID: id, SHA256: sha(shas[len(shas)-1]), Position: "t/0/" + id, Action: "sourced", Author: index.Author{Name: "x"}, Timestamp: at, SourceName: "local",
			SourceTimestamp: at, Path: path(shas...), Streams: []index.Stream{{Label: "content", SHA256: sha(shas[len(shas)-1]), Size: 7}}}
	}
	if err := p.idx.Apply(t.Context(), index.Batch{Documents: []index.Document{doc("1", "a"), doc("2", "a", "b"), doc("3", "b", "a"), doc("4", "c")}}); err != nil {
		t.Fatal(err)
	}
}

func TestReads(t *testing.T) {
	p, server := newAPI(t)
	family(t, p)
	a := strings.Repeat("a", 64)
	for _, c := range []struct {
		path string
		code int
		want string
	}{
		{"/api/v1/binaries/" + a, 200, `"state":"done"`},
		{"/api/v1/binaries/" + strings.ToUpper(a), 200, `"pending":[]`},
		{"/api/v1/binaries/" + strings.Repeat("9", 64), 404, "no such file"},
		{"/api/v1/binaries/nonsense", 404, "no such file"},
		{"/api/v1/binaries/" + a + "?wait=soon", 400, "duration"},
		{"/api/v1/binaries/" + a + "?wait=100h", 400, "duration"},
		{"/api/v1/binaries/" + a + "/tree", 200, `"filename":"name-b"`},
		{"/api/v1/binaries/" + strings.Repeat("9", 64) + "/tree", 404, "no such file"},
		{"/api/v1/binaries/" + a + "/content", 404, "not stored"},
		{"/api/v1/search?q=source.name:local&limit=2", 200, `"next":"`},
		{"/api/v1/search?q=bogus:x", 400, "column 1"},
		{"/api/v1/search?limit=0", 422, "limit"},
		{"/api/v1/search?cursor=bogus", 400, "cursor"},
		{"/api/v1/plugins", 200, `"plugins":[]`},
		{"/api/v1/sources", 200, `"default":"local","any":true,"sources":[{"name":"local","references":[]}]`},
		{"/api/v1/dead", 200, `"dead":[]`},
		{"/api/v1/status", 200, `"binaries":3`},
		{"/api/openapi.json", 200, `"/api/v1/search"`},
		{"/healthz", 200, "ok"},
		{"/readyz", 503, "always late: not yet"},
		{"/metrics", 200, ""},
		{"/api/v1/nothing", 404, ""},
	} {
		code, body := call(t, "GET", server.URL+c.path, "")
		if code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d, want %d with %q: %.300s", c.path, code, c.code, c.want, body)
		}
		if strings.Contains(body, "null") && !strings.Contains(c.path, "openapi") {
			t.Errorf("%s: null in %.300s", c.path, body)
		}
	}
}

func TestContent(t *testing.T) {
	p, server := newAPI(t)
	family(t, p)
	if _, err := p.Store(t.Context(), "local", "content", strings.NewReader("<html>7")); err != nil {
		t.Fatal(err)
	}
	get := func(query string) (*http.Response, []byte) {
		res, err := http.Get(server.URL + "/api/v1/binaries/" + strings.Repeat("c", 64) + "/content" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.Header.Get("Content-Type") != "application/octet-stream" ||
			res.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %q %v %v", query, body, res.Header, err)
		}
		return res, body
	}
	if _, body := get("?format=raw"); string(body) != "<html>7" {
		t.Errorf("raw: %q", body)
	}
	for _, query := range []string{"", "?format=cart"} {
		res, body := get(query)
		c, err := cart.Open(bytes.NewReader(body), cart.Key{}, 0)
		if err != nil || c.Kind != cart.CaRT || !strings.HasSuffix(res.Header.Get("Content-Disposition"), `.cart"`) {
			t.Fatalf("%q: %q %v", query, body, err)
		}
		if inner, err := io.ReadAll(c); string(inner) != "<html>7" || err != nil {
			t.Errorf("%q: %q %v", query, inner, err)
		}
	}
	if code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+strings.Repeat("c", 64)+"/content?format=zip", ""); code != 400 || !strings.Contains(body, "cart or raw") {
		t.Errorf("%d %s", code, body)
	}
}

// TestSubmitContainers: what is in a container is kept, under its name; one that is damaged is refused, unless it is to be kept as it is.
func TestSubmitContainers(t *testing.T) {
	var packed bytes.Buffer
	if err := cart.Wrap(&packed, strings.NewReader("inner content"), cart.Key{}, cart.Metadata{"name": `C:\temp\evil.exe`}); err != nil {
		t.Fatal(err)
	}
	whole := packed.String()
	for _, c := range []struct {
		name, query, body string
		code              int
		size              uint64
		filename, want    string
	}{
		{"a container", "?filename=x.cart", whole, 200, 13, "evil.exe", `"size":13`},
		{"without a name", "", whole, 200, 13, "evil.exe", ""},
		{"with another name", "?filename=other.bin", whole, 200, 13, "other.bin", ""},
		{"kept as it is", "?raw=true&filename=x.cart", whole, 200, uint64(len(whole)), "x.cart", ""},
		{"no container", "?filename=y.cart", "CART but a text", 200, 15, "y.cart", ""},
		{"cut", "", whole[:len(whole)-40], 400, 0, "", "no trailer of a CaRT follows the content (raw keeps"},
		{"cut and kept", "?raw=true", whole[:len(whole)-40], 200, uint64(len(whole)) - 40, "", ""},
		{"nonsense", "?raw=maybe", whole, 400, 0, "", "true or false"},
	} {
		p, server := newAPI(t)
		code, body := call(t, "POST", server.URL+"/api/v1/binaries"+c.query, c.body)
		if code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.name, code, body)
			continue
		}
		if code != 200 {
			if p.published != nil {
				t.Errorf("%s: published", c.name)
			}
			continue
		}
		if path := p.published.Source.Path[0]; path.Size != c.size || path.Filename != c.filename {
			t.Errorf("%s: %d bytes as %q", c.name, path.Size, path.Filename)
		}
	}
}

func TestWaiting(t *testing.T) {
	p, server := newAPI(t)
	family(t, p)
	p.pending.Store(3)
	if code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+strings.Repeat("a", 64)+"?wait=30s", ""); code != 200 || !strings.Contains(body, `"state":"done"`) {
		t.Errorf("waited: %d %.300s", code, body)
	}
	p.pending.Store(1 << 30)
	if code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+strings.Repeat("a", 64)+"?wait=1ms", ""); code != 200 || !strings.Contains(body, `"state":"working"`) {
		t.Errorf("in vain: %d %.300s", code, body)
	}
	unknown := server.URL + "/api/v1/binaries/" + strings.Repeat("9", 64) + "?wait=30s"
	if code, body := call(t, "GET", unknown, ""); code != 404 {
		t.Errorf("a file that is not there: %d %.300s", code, body)
	}
	p.drain()
	if code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+strings.Repeat("a", 64)+"?wait=30s", ""); code != 200 || !strings.Contains(body, `"state":"working"`) {
		t.Errorf("at a stop: %d %.300s", code, body)
	}
	if code, body := call(t, "GET", unknown, ""); code != 503 || !strings.Contains(body, "ask again") {
		t.Errorf("a file that may be in the log, at a stop: %d %.300s", code, body)
	}
}

func TestEvents(t *testing.T) {
	p, server := newAPI(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/events?hash=AA", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	p.changes <- "bb"
	p.changes <- "aa"
	buf := make([]byte, 100)
	n, err := res.Body.Read(buf)
	if err != nil || string(buf[:n]) != "event: changed\ndata: aa\n\n" {
		t.Errorf("%q %v", buf[:n], err)
	}
}

func TestWhy(t *testing.T) {
	p, server := newAPI(t)
	sha, now := strings.Repeat("a", 64), time.Now()
	err := p.idx.Apply(t.Context(), index.Batch{
		Documents: []index.Document{{ID: "1", SHA256: sha, Position: "t/0/0", Action: "sourced", Author: index.Author{Name: "u"}, Timestamp: now, SourceName: "s", SourceTimestamp: now}},
		Statuses:  []index.StatusDocument{{ID: "s", SHA256: sha, Author: index.Author{Name: "Done", Version: "1"}, Input: "1", Run: "r", State: "completed", Runtime: .5, Timestamp: now}},
		Plugins:   []index.PluginDocument{{Name: "Idle", Version: "3", Timestamp: now}, {Name: "Busy", Version: "1", Timestamp: now}, {Name: "Busy-bee", Version: "1", Timestamp: now}, {Name: "Busy-bee", Version: "2", Timestamp: now}},
	})
	if err != nil {
		t.Fatal(err)
	}
	code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+sha+"/why", "")
	var got struct{ Plugins []Why }
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil {
		t.Fatalf("%d %s", code, body)
	}
	var lines []string
	for _, w := range got.Plugins {
		lines = append(lines, w.Plugin+" "+w.State+": "+w.Sentence)
	}
	want := []string{"Busy waiting: has at most 7 events before it", "Busy-bee unpolled: is registered and has never asked for work", "Busy-bee part: is a part of Busy, which asks for its work", "Done ended: completed, 0.50 s, " + now.UTC().Format("2006-01-02 15:04:05 UTC"),
		"Idle unpolled: is registered and has never asked for work", "Images skipped: it is no image"}
	if text := strings.Join(lines, "\n"); text != strings.Join(want, "\n") {
		t.Errorf("got\n%s", text)
	}
	if code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+sha+"/why?plugin=images", ""); code != 200 || strings.Contains(body, "Busy") {
		t.Errorf("one plugin: %d %s", code, body)
	}
	if code, _ := call(t, "GET", server.URL+"/api/v1/binaries/"+sha+"/why?plugin=nobody", ""); code != 404 {
		t.Errorf("a plugin that nobody knows: %d", code)
	}
	if code, _ := call(t, "GET", server.URL+"/api/v1/binaries/"+strings.Repeat("b", 64)+"/why", ""); code != 404 {
		t.Errorf("a file that nobody knows: %d", code)
	}
}

func TestRetry(t *testing.T) {
	_, server := newAPI(t)
	code, body := call(t, "POST", server.URL+"/api/v1/dead/retry", `{"ids":["there","gone","never"]}`)
	var got struct{ Retried []Retried }
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil || len(got.Retried) != 3 {
		t.Fatalf("%d %s", code, body)
	}
	for i, want := range []string{"", ErrEventGone.Error(), ErrNoLetter.Error()} {
		if got.Retried[i].Error != want {
			t.Errorf("%d: %+v, want %q", i, got.Retried[i], want)
		}
	}
	if code, _ := call(t, "POST", server.URL+"/api/v1/dead/retry", `{"ids":[]}`); code != 422 {
		t.Errorf("nothing to retry: %d", code)
	}
}

func TestDeadLetter(t *testing.T) {
	p, server := newAPI(t)
	letter := func(id, position string) index.DeadLetter {
		return index.DeadLetter{ID: id, Plugin: "P", Consumer: "c", Position: position, Time: time.Unix(1, 0)}
	}
	err := p.idx.Apply(t.Context(), index.Batch{Dead: []index.DeadLetter{letter("here", "t/0/1"), letter("ingest/t/0/2", "t/0/2"), letter("gone-1", "t/0/3"),
		letter("gone-12", ""), letter("away", "t/0/4")}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"here":               {200, `"event":{"kafka_key":"k"}`},
		"he":                 {200, `"id":"here"`},
		"ingest%2Ft%2F0%2F2": {200, `"id":"ingest/t/0/2"`},
		"gone-1":             {200, `"short":"gone-1"`},
		"gone-12":            {200, `"position":""`},
		"gone":               {409, "gone-1, gone-12"},
		"never":              {404, "never"},
		"away":               {500, "log has the details"},
	} {
		code, body := call(t, "GET", server.URL+"/api/v1/dead/"+path, "")
		if code != want.code || !strings.Contains(body, want.text) || !strings.HasPrefix("here", path) && strings.Contains(body, `"event"`) {
			t.Errorf("%s: %d %s, want %d %s", path, code, body, want.code, want.text)
		}
	}
	code, body := call(t, "GET", server.URL+"/api/v1/dead?limit=3", "")
	var page index.DeadPage
	if err := json.Unmarshal([]byte(body), &page); code != 200 || err != nil || len(page.Dead) != 3 || page.Next == "" {
		t.Fatalf("%d %s", code, body)
	}
	if code, body := call(t, "GET", server.URL+"/api/v1/dead?cursor="+page.Next, ""); code != 200 || strings.Count(body, `"id"`) != 2 || strings.Contains(body, `"next"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := call(t, "GET", server.URL+"/api/v1/dead?cursor=x", ""); code != 400 {
		t.Errorf("a bad cursor: %d", code)
	}
}

// TestSilentInstance: what an instance that does not answer has is not known, so nothing says that a file is done.
func TestSilentInstance(t *testing.T) {
	p, server := newAPI(t)
	sha, now := strings.Repeat("a", 64), time.Now()
	err := p.idx.Apply(t.Context(), index.Batch{
		Documents: []index.Document{{ID: "1", SHA256: sha, Position: "t/0/0", Action: "sourced", Author: index.Author{Name: "u"}, Timestamp: now, SourceName: "s", SourceTimestamp: now}}})
	if err != nil {
		t.Fatal(err)
	}
	p.silent = []Silent{{"http://10.0.0.9:8111", "connection refused"}}
	const named = `"silent":[{"instance":"http://10.0.0.9:8111","error":"connection refused"}]`
	if code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+sha, ""); code != 200 || !strings.Contains(body, `"state":"working"`) || !strings.Contains(body, named) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+sha+"/why", ""); code != 200 || !strings.Contains(body, `"plugin":"Busy"`) || !strings.Contains(body, named) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := call(t, "GET", server.URL+"/api/v1/binaries/"+sha+"/why?plugin=Elsewhere", ""); code != 200 || !strings.Contains(body, named) {
		t.Errorf("a plugin that the silent instance may know: %d %s", code, body)
	}
}
