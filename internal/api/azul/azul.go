// Package azul is Azul's REST interface as azul-client and scripts for it know it: paths, shapes, envelopes and traps are the
// reference's, what is behind them is ours. New endpoints of our own belong to internal/api, because the models of azul-client refuse
// keys that they do not know.
//
// Every handler gets a call: who asks, through whose eyes the index is read, and which labels the answer has. Begin with New;
// envelope.go has what all answers have in common, errors.go the three shapes of errors.
package azul

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"lazuli/event"
	"lazuli/internal/api/access"
	"lazuli/internal/blob"
	"lazuli/internal/config"
	"lazuli/internal/index"
	"lazuli/internal/security"
)

// Dispatcher is what is needed of the dispatcher.
type Dispatcher interface {
	Store(ctx context.Context, source, label string, r io.Reader) (event.Datastream, error)
	Publish(ctx context.Context, events ...event.Event) error
	// Standing tells, for events given by position, which plugins have them waiting, running or skipped.
	Standing(ctx context.Context, positions []string) ([]Standing, error)
	// Event returns the record at a position as it is in the log.
	Event(ctx context.Context, position string) ([]byte, error)
	// Invalid tells whether an error is about what was given.
	Invalid(err error) bool
}

// Standing is where one event stands with one plugin: waiting, running, skipped, ended, …
type Standing struct {
	Plugin, Version, State, Detail string
	Since                          time.Time
}

// Notes keeps what people say; a tag of nil removes what is there. When PutTag returns nil the index has it.
type Notes interface {
	PutTag(ctx context.Context, id string, tag *index.Tag) error
}

// Deps are the parts that this stands on.
type Deps struct {
	Index      index.Index
	Dispatcher Dispatcher
	Notes      Notes
	Indexed    func(ctx context.Context) error // waits until the index has all that the log has now
	Store      blob.Store
	Access     access.Of
	Scheme     *security.Scheme
	Config     *config.Config // its sources, labels (which Scheme was made of) and limits
	Logger     *slog.Logger
	Now        func() time.Time // nil is time.Now
}

// Server answers below the paths of Paths.
type Server struct {
	Deps
	mux  router
	huma huma.API
	spec *huma.OpenAPI
}

// Paths is where a Server belongs: what is below each.
var Paths = []string{prefix + "/", "/api/v1/security/", "/api/v1/content/"}

// New makes a server, and describes its endpoints in the document of cfg.
func New(cfg huma.Config, deps Deps) *Server {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	cfg.OpenAPIPath = "" // the document is served once, by whoever made it
	cfg.Transformers = append(cfg.Transformers, transformError)
	mux := router{http.NewServeMux(), http.NewServeMux()}
	s := &Server{Deps: deps, mux: mux, huma: humago.New(mux, cfg), spec: cfg.OpenAPI}
	s.huma.UseMiddleware(s.identify)
	s.registerBinaries()
	s.registerFind()
	s.registerRelations()
	s.registerTags()
	s.registerContent()
	s.registerUploads()
	s.registerDownloads()
	s.registerFeatures()
	s.registerPlugins()
	s.registerSources()
	s.registerPurge()
	s.registerSecurity()
	return s
}

const prefix = "/api/v0"

// ServeHTTP implements http.Handler. What has no endpoint is refused as clients know it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.of(r).Handler(r); pattern == "" {
		writeError(w, &refusal{http.StatusNotFound, "there is no such endpoint"})
		return
	}
	s.mux.ServeHTTP(w, r)
}

// router keeps the patterns for HEAD apart: in one ServeMux those with a part of any value would be in the way of GET's with a given one.
type router struct{ others, heads *http.ServeMux }

// HandleFunc implements humago.Mux.
func (m router) HandleFunc(pattern string, handle func(http.ResponseWriter, *http.Request)) {
	if strings.HasPrefix(pattern, http.MethodHead+" ") {
		m.heads.HandleFunc(pattern, handle)
		return
	}
	m.others.HandleFunc(pattern, handle)
}

// ServeHTTP implements humago.Mux.
func (m router) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.of(r).ServeHTTP(w, r) }

func (m router) of(r *http.Request) *http.ServeMux {
	if r.Method == http.MethodHead {
		if _, pattern := m.heads.Handler(r); pattern != "" {
			return m.heads
		}
	}
	return m.others
}

// SHA256Input is the path of everything that is about one file.
type SHA256Input struct {
	Base
	SHA256 string `path:"sha256" pattern:"^[0-9a-fA-F]{64}$" doc:"SHA-256 in hex"`
}
