package azul

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/goleak"

	"lazuli/event"
	"lazuli/internal/api/access"
	"lazuli/internal/blob"
	"lazuli/internal/config"
	"lazuli/internal/index"
	"lazuli/internal/security"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server over a real index and a real store. The dispatcher and the log are made up.
type world struct {
	*httptest.Server
	index  *index.SQLite
	store  *blob.FS
	scheme *security.Scheme
	config *config.Config
	spec   *huma.OpenAPI

	mu        sync.Mutex
	published []event.Event
	records   map[string][]byte // position → record
	standing  []Standing
}

var errInvalid = errors.New("not like this")

// testLabels are those of the tests: two classifications, two groups, an enforced TLP.
func testLabels() security.Config {
	threshold := 100
	return security.Config{
		Labels: security.Labels{
			Classification: security.Classifications{Title: "Class", Options: []security.Classification{{Name: "LOW"}, {Name: "HIGH", Priority: 100}}},
			Caveat:         security.Caveats{Options: []security.Caveat{{Name: "EYES"}}},
			Releasability:  security.Releasability{Options: []security.Group{{Name: "REL:A"}, {Name: "REL:B"}}},
			TLP:            security.TLPs{Options: []security.TLP{{Name: "TLP:CLEAR"}, {Name: "TLP:RED", Enforce: true}}},
		},
		Default: "LOW TLP:CLEAR", Presets: []string{"LOW TLP:CLEAR", "HIGH REL:A"}, RelPriority: &threshold, Required: []string{"LOW"}, AdminRoles: []string{"admin"},
	}
}

// testNow is when the tests are: what plugins did before at(3) was more than a week ago.
var testNow = at(3).AddDate(0, 0, 7)

func newWorld(t *testing.T, batches ...index.Batch) *world {
	t.Helper()
	cfg := config.Defaults()
	cfg.Security = testLabels()
	cfg.Sources = map[string]config.Source{
		"samples": {Description: "what comes in", References: []config.Reference{{Name: "user", Required: true, Description: "who"}, {Name: "case"}}},
		"local":   {ExpireEventsAfter: "3 days"},
	}
	w := &world{config: cfg, records: map[string][]byte{}}
	var err error
	if w.scheme, err = security.New(cfg.Security); err != nil {
		t.Fatal(err)
	}
	if w.index, err = index.OpenSQLite(filepath.Join(t.TempDir(), "index.db")); err != nil {
		t.Fatal(err)
	}
	if w.store, err = blob.OpenFS(filepath.Join(t.TempDir(), "store")); err != nil {
		t.Fatal(err)
	}
	spec := huma.DefaultConfig("test", "1")
	spec.CreateHooks = nil
	spec.Components = &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", SchemaName)}
	spec.OpenAPIPath, spec.DocsPath, spec.SchemasPath = "", "", ""
	s := New(spec, Deps{Index: w.index, Dispatcher: w, Notes: w, Indexed: func(context.Context) error { return nil }, Store: w.store, Access: w.access, Scheme: w.scheme,
		Config: cfg, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return testNow }})
	w.spec = s.spec
	w.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		w.Close()
		if err := errors.Join(w.index.Close(), w.store.Close()); err != nil {
			t.Error(err)
		}
	})
	for _, b := range batches {
		w.apply(t, b)
	}
	return w
}

func (w *world) apply(t *testing.T, b index.Batch) {
	t.Helper()
	if err := w.index.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// access takes the token for what somebody may read: labels with ; between them, or admin.
func (w *world) access(r *http.Request) (*access.Access, error) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "admin" {
		return &access.Access{User: "root", Org: "here", Roles: []string{"admin"}, Admin: true, Scheme: w.scheme, All: true}, nil
	}
	if token == "" || token == "Bearer" {
		return nil, errors.New("who are you?")
	}
	a := &access.Access{User: "reader", Org: "here", Roles: []string{"validated"}, Scheme: w.scheme}
	for text := range strings.SplitSeq(token, ";") {
		l, err := w.scheme.Parse(text)
		if err != nil {
			return nil, err
		}
		a.Up = append(a.Up, l)
	}
	return a, nil
}

func (w *world) Store(ctx context.Context, source, label string, r io.Reader) (event.Datastream, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return event.Datastream{}, err
	}
	if len(content) == 0 {
		return event.Datastream{}, fmt.Errorf("%w: no content in request body", errInvalid)
	}
	sum := sha256.Sum256(content)
	sha := hex.EncodeToString(sum[:])
	up, err := w.store.Create(ctx)
	if err != nil {
		return event.Datastream{}, err
	}
	defer up.Discard()
	if _, err := up.Write(content); err != nil {
		return event.Datastream{}, err
	}
	err = up.Commit(ctx, blob.Key{Source: source, Label: label, SHA256: sha})
	return event.Datastream{Label: event.Label(label), SHA256: sha, Size: uint64(len(content)), FileFormat: "text/plain", MIME: "text/plain", Magic: "ASCII text", IdentifyVersion: 2}, err
}

func (w *world) Publish(_ context.Context, events ...event.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ev := range events {
		if err := ev.Validate(); err != nil {
			return fmt.Errorf("%w: %w", errInvalid, err)
		}
		w.published = append(w.published, ev)
	}
	return nil
}

func (w *world) Standing(context.Context, []string) ([]Standing, error) { return w.standing, nil }

func (w *world) Event(_ context.Context, position string) ([]byte, error) {
	if r, ok := w.records[position]; ok {
		return r, nil
	}
	return nil, errors.New("the event is no longer in the log")
}

func (w *world) Invalid(err error) bool { return errors.Is(err, errInvalid) }

// PutTag is what ingest does with a tag.
func (w *world) PutTag(ctx context.Context, id string, tag *index.Tag) error {
	t := index.Tag{}
	if tag != nil {
		t = *tag
	}
	t.ID = id
	return w.index.Apply(ctx, index.Batch{Tags: []index.Tag{t}})
}

// ask makes a request as somebody and returns status, body and headers.
func (w *world) ask(t *testing.T, as, method, path, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+as)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(content), res.Header
}

// data asks as an administrator and returns the data of the answer, written in one way.
func (w *world) data(t *testing.T, method, path, body string) string {
	t.Helper()
	code, text, _ := w.ask(t, "admin", method, path, body)
	if code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, code, text)
	}
	var e struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.Data == nil {
		t.Fatalf("%s %s: no data: %v: %s", method, path, err, text)
	}
	return string(e.Data)
}

// want compares JSON without looking at the order of keys.
func want(t *testing.T, what, got, expected string) {
	t.Helper()
	if g, e := canonical(t, got), canonical(t, expected); g != e {
		t.Errorf("%s:\n got %s\nwant %s", what, g, e)
	}
}

func canonical(t *testing.T, text string) string {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// sha is the SHA-256 of files that are not there: a digit, 64 times.
func sha(digit string) string { return strings.Repeat(digit, 64) }

func at(minute int) time.Time { return time.Date(2025, 5, 1, 10, minute, 0, 0, time.UTC) }

// submission is a document of a file that came in.
func submission(id, file string, minute int, label string) index.Document {
	d := index.Document{
		ID: id, SHA256: file, Position: "t/0/" + id, Action: "sourced", Label: label, Timestamp: at(minute),
		Author: index.Author{Category: "user", Name: "bob", Security: label}, SourceName: "samples", SourceSecurity: label, SourceTimestamp: at(minute),
		SourceReferences: map[string]string{"user": "bob"}, TrackSourceReferences: "samples." + strings.Repeat("0", 32),
		Size: 10, MD5: file[:32], SHA1: file[:40], SHA512: file + file, MIME: "text/plain", Magic: "ASCII text", FileFormat: "text/plain", Extension: "txt",
		Features: []index.Feature{{Name: "filename", Type: "filepath", Value: "a.txt"}},
		Streams:  []index.Stream{{Label: "content", SHA256: file, Size: 10, FileFormat: "text/plain", MIME: "text/plain", IdentifyVersion: 2}},
	}
	d.Path = []index.PathNode{{SHA256: file, Action: "sourced", Author: d.Author, Timestamp: d.SourceTimestamp, Filename: "a.txt", FileFormat: "text/plain", Size: 10}}
	d.TrackAuthors = []string{"user.bob."}
	return d
}

// result is a document that a plugin made of what another document is about.
func result(id string, of index.Document, minute int, action, file string, features ...index.Feature) index.Document {
	author := index.Author{Category: "plugin", Name: "Finder", Version: "1.0", Security: "LOW TLP:CLEAR"}
	d := of
	d.ID, d.SHA256, d.Position, d.Action, d.Author, d.Timestamp, d.Features = id, file, "t/0/"+id, action, author, at(minute), features
	d.Streams, d.Input, d.Run = nil, of.ID, "run"
	if action == "extracted" {
		d.Streams = []index.Stream{{Label: "content", SHA256: file, Size: 5, FileFormat: "text/plain", MIME: "text/plain"}}
		d.Size, d.MD5, d.SHA1, d.SHA512 = 5, file[:32], file[:40], file+file
	}
	node := index.PathNode{SHA256: file, Action: action, Author: author, Timestamp: at(minute), Relationship: map[string]string{"action": action}, FileFormat: "text/plain",
		Size: d.Size, Filename: "inner.txt", TrackLink: of.SHA256 + "." + file + ".link"}
	d.Path = append(append([]index.PathNode{}, of.Path...), node)
	d.TrackLinks = append(append([]string{}, of.TrackLinks...), node.TrackLink)
	d.TrackAuthors = append(append([]string{}, of.TrackAuthors...), "plugin.Finder.1.0")
	return d
}

// status is what Finder says of a document.
func status(of index.Document, state string, minute int) index.StatusDocument {
	return index.StatusDocument{ID: "status-" + of.ID, SHA256: of.SHA256, Author: index.Author{Category: "plugin", Name: "Finder", Version: "1.0", Security: "LOW TLP:CLEAR"},
		Label: of.Label, Input: of.ID, Run: "run", State: state, Runtime: 0.5, Timestamp: at(minute), SourceName: of.SourceName}
}

// finder is Finder's registration.
func finder() index.PluginDocument {
	return index.PluginDocument{Name: "Finder", Version: "1.0", Category: "plugin", Description: "finds", Contact: "c", Security: "LOW TLP:CLEAR", Timestamp: at(0), Config: map[string]string{"depth": `"3"`},
		Features: []index.PluginFeature{{Name: "url", Type: "uri", Description: "an address"}}}
}

// operationID is that of a *huma.Operation, "" for none.
func operationID(op any) string {
	if o, ok := op.(*huma.Operation); ok && o != nil {
		return o.OperationID
	}
	return ""
}
