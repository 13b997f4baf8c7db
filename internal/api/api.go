// Package api is REST: what the command line, scripts and the pages ask the platform. /api/v1 is ours and stands here; /api/v0 is
// Azul's, in package azul.
//
// It knows the index, the dispatcher and the store through small interfaces. Who asks, and what they may see, comes from package
// access. Begin with New.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lazuli/event"
	"lazuli/internal/api/access"
	"lazuli/internal/api/azul"
	"lazuli/internal/api/notes"
	"lazuli/internal/blob"
	"lazuli/internal/config"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
	"lazuli/internal/index/query"
	"lazuli/internal/security"
)

// Dispatcher is what REST needs of the dispatcher.
type Dispatcher interface {
	Store(ctx context.Context, source, label string, r io.Reader) (event.Datastream, error)
	Publish(ctx context.Context, events ...event.Event) error
	// Pending and Explain ask every instance, and return which of them did not answer.
	// Pending returns the jobs of events, given by position, that have not ended; plugins nobody works for do not count.
	Pending(ctx context.Context, positions []string) ([]PendingJob, []Silent, error)
	// Explain says of every consumer of binary events where events stand with it, given by position.
	Explain(ctx context.Context, positions []string) ([]Explanation, []Silent, error)
	// Event returns the record at a position, "topic/partition/offset", as it is in the log; ErrEventGone.
	Event(ctx context.Context, position string) ([]byte, error)
	// Retry has the job of a dead letter tried again; ErrNoLetter, ErrEventGone.
	Retry(ctx context.Context, id string) error
	// Invalid tells whether an error is about what was given.
	Invalid(err error) bool
}

// PendingJob is a job that has not ended.
type PendingJob struct {
	Plugin   string    `json:"plugin"`
	Version  string    `json:"version"`
	State    string    `json:"state"` // waiting or running
	Feed     string    `json:"feed,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Position string    `json:"-"`
}

// Silent is an instance of the dispatcher that did not answer: what its plugins have is not known.
type Silent struct {
	Instance string `json:"instance"` // base URL
	Error    string `json:"error"`
}

// Settler knows how far the index is.
type Settler interface {
	Reached(ctx context.Context, ends map[eventlog.Partition]int64) error
	Subscribe(ctx context.Context) <-chan string
}

// Topics knows where the log ends.
type Topics interface {
	Topics(ctx context.Context) ([]eventlog.TopicState, error)
}

// Check is a part that must be ready before the platform is.
type Check struct {
	Name  string
	Ready func(ctx context.Context) error
}

// Deps are the parts that REST stands on.
type Deps struct {
	Index      index.Index
	Dispatcher Dispatcher
	Settler    Settler
	Reindexer  Reindexer // nil where it cannot be done
	Topics     Topics
	Store      blob.Store
	Notes      *notes.Notes
	Access     access.Of
	Scheme     *security.Scheme
	Config     *config.Config
	Ready      []Check
	Metrics    prometheus.Gatherer
	Logger     *slog.Logger
}

// Options of REST.
type Options struct {
	Version string
}

// API serves REST.
type API struct {
	Deps
	opts  Options
	begun time.Time
	mux   *http.ServeMux
	azul  *azul.Server

	drained context.Context // ends with Drain
	drain   context.CancelFunc
}

// New puts REST together.
func New(deps Deps, opts Options) *API {
	a := &API{Deps: deps, opts: opts, begun: time.Now(), mux: http.NewServeMux()}
	a.drained, a.drain = context.WithCancel(context.Background())
	cfg := huma.DefaultConfig("lazuli", opts.Version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/api/openapi", "", ""
	cfg.CreateHooks = nil
	cfg.Components = &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", azul.SchemaName)}
	a.registerOwn(humago.New(a.mux, cfg))
	reference := azul.New(cfg, azul.Deps{Index: deps.Index, Dispatcher: azulDispatcher{deps.Dispatcher}, Notes: deps.Notes, Indexed: a.indexed, Store: deps.Store,
		Access: deps.Access, Scheme: deps.Scheme, Config: deps.Config, Logger: deps.Logger})
	a.azul = reference
	for _, path := range azul.Paths {
		a.mux.Handle(path, reference)
	}
	a.mux.HandleFunc("GET /api", a.reference(cfg.OpenAPI))
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	a.mux.HandleFunc("GET /readyz", a.readyz)
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(deps.Metrics, promhttp.HandlerOpts{}))
	return a
}

// registerOwn adds the endpoints of /api/v1.
func (a *API) registerOwn(h huma.API) {
	h.UseMiddleware(a.identify)
	op := func(method, path, id, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1" + path, Summary: summary, Tags: []string{"v1"}}
	}
	get := func(path, id, summary string) huma.Operation { return op(http.MethodGet, path, id, summary) }
	huma.Register(h, get("/binaries/{hash}", "show", "All that is known of a file"), a.show)
	huma.Register(h, get("/binaries/{hash}/tree", "tree", "A file and all files inside it"), a.tree)
	huma.Register(h, get("/binaries/{hash}/why", "why", "Why each plugin did or did not run on a file"), a.why)
	huma.Register(h, get("/binaries/{hash}/similar", "similar", "Files that are like a file"), a.similar)
	huma.Register(h, get("/binaries/{hash}/tags", "file-tags", "The tags of a file"), a.tags)
	huma.Register(h, op(http.MethodPut, "/binaries/{hash}/tags/{tag}", "tag-file", "Put a tag on a file"), a.putTag)
	huma.Register(h, op(http.MethodDelete, "/binaries/{hash}/tags/{tag}", "untag-file", "Take a tag off a file"), a.deleteTag)
	huma.Register(h, get("/search", "search", "Find files"), a.search)
	huma.Register(h, get("/search/complete", "complete", "What may be written at a place of a query"), a.complete)
	huma.Register(h, get("/plugins", "plugins", "The plugins and what they did"), a.plugins)
	huma.Register(h, get("/dead", "dead", "Jobs that were given up"), a.dead)
	huma.Register(h, get("/dead/{id}", "dead-letter", "A job that was given up, and its event"), a.deadOne)
	huma.Register(h, op(http.MethodPost, "/dead/retry", "retry", "Have jobs that were given up tried again"), a.retry)
	huma.Register(h, get("/status", "status", "What the platform holds"), a.status)
	huma.Register(h, get("/sources", "own-sources", "The sources that files may come from, and what they want to know"), a.sources)
	huma.Register(h, get("/searches", "searches", "Your saved searches"), a.searches)
	huma.Register(h, op(http.MethodPut, "/searches/{name}", "save-search", "Save a search"), a.saveSearch)
	huma.Register(h, op(http.MethodDelete, "/searches/{name}", "forget-search", "Forget a saved search"), a.forgetSearch)
	for _, raw := range []struct {
		op     huma.Operation
		query  []string // its parameters
		answer string   // MIME type
		handle http.HandlerFunc
	}{
		{op(http.MethodPost, "/binaries", "submit", "Submit a file, which is the body"), []string{"source", "filename", "security", "user", "ref", "raw"}, "application/json", a.submit},
		{op(http.MethodPost, "/reindex", "reindex", "Build the index anew"), nil, "text/plain", a.reindex},
		{get("/binaries/{hash}/content", "content", "A file's content, as CaRT or with format=raw as it is"), []string{"format"}, "application/octet-stream", a.content},
		{get("/events", "events", "Which files change, as server-sent events"), []string{"hash"}, "text/event-stream", a.events},
		{get("/search/export", "export", "Every match of a search, as ndjson or csv"), []string{"q", "format", "x", "i"}, "application/x-ndjson", a.export},
		{get("/searches/{name}/matches", "watch-search", "Files that change and match a saved search, as server-sent events"), []string{"x", "i"}, "text/event-stream", a.watchSearch},
	} {
		a.raw(h.OpenAPI(), raw.op, raw.query, raw.answer, raw.handle)
	}
}

// Drain ends what clients wait for: live updates stop, and a wait for a file is answered with what is known now. Of a file that is
// not in the index it cannot be said that there is none: it may be in the log.
func (a *API) Drain() { a.drain() }

// FileState is all that is known of a file, and what is still to come.
type FileState struct {
	*index.Binary
	State   string       `json:"state"`
	Pending []PendingJob `json:"pending"`
	Silent  []Silent     `json:"silent,omitempty"`
}

type hashInput struct {
	Hash string `path:"hash" doc:"SHA-256, SHA-1 or MD5 in hex"`
	Wait string `query:"wait" doc:"how long to wait for the file and all inside it to be analysed, such as 30s"`
}

func (in *hashInput) wait() (time.Duration, error) {
	if in.Wait == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(in.Wait)
	if err != nil || d < 0 || d > 10*time.Minute {
		return 0, huma.Error400BadRequest("wait must be a duration up to 10m, such as 30s")
	}
	return d, nil
}

func (a *API) show(ctx context.Context, in *hashInput) (*struct{ Body FileState }, error) {
	d, err := in.wait()
	if err != nil {
		return nil, err
	}
	if d > 0 {
		a.settle(ctx, in.Hash, d)
	}
	f, err := a.File(ctx, in.Hash)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body FileState }{*f}, nil
}

// File reads a file with its state: "working" while a plugin has it or a job waits for one, or an instance that would know does
// not answer, then "done".
func (a *API) File(ctx context.Context, hash string) (*FileState, error) {
	b, err := a.Index.Binary(ctx, readerOf(ctx), hash)
	if err != nil {
		return nil, err
	}
	pending, silent, err := a.Dispatcher.Pending(ctx, positions(b))
	if err != nil {
		return nil, err
	}
	shown, err := a.shownPlugins(ctx)
	if err != nil {
		return nil, err
	}
	f := &FileState{Binary: b, State: "done", Pending: []PendingJob{}, Silent: silent}
	for _, job := range pending {
		if shown(job.Plugin, job.Version) {
			f.Pending = append(f.Pending, job)
		}
	}
	if len(f.Pending)+len(silent) > 0 {
		f.State = "working"
	}
	return f, nil
}

func positions(b *index.Binary) []string {
	var list []string
	for _, e := range b.Events {
		list = append(list, e.Position)
	}
	return list
}

func (a *API) problem(err error) error {
	switch {
	case errors.Is(err, index.ErrNotFound) && a.drained.Err() != nil:
		return huma.Error503ServiceUnavailable("the platform stops and may not have read of this file yet: ask again when it is back")
	case errors.Is(err, index.ErrNotFound):
		return huma.Error404NotFound("no such file is known")
	case errors.Is(err, index.ErrCursor):
		return huma.Error400BadRequest("the cursor is not one that a search gave")
	case errors.Is(err, context.Canceled): // who asked is gone
		return huma.Error503ServiceUnavailable("the request was given up")
	}
	var bad *query.Error
	if errors.As(err, &bad) {
		return huma.Error400BadRequest(bad.Error())
	}
	a.Logger.Error("answer a request", "err", err)
	return huma.Error500InternalServerError("the platform's log has the details")
}
