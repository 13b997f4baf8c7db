package azul

import (
	"context"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"lazuli/internal/api/access"
	"lazuli/internal/index"
)

// Base is what nearly every request may say.
type Base struct {
	X              []string `query:"x,explode" doc:"parts of labels; what has one is left out"`
	I              []string `query:"i,explode" doc:"groups; only what names all of them is left"`
	IncludeQueries bool     `query:"include_queries" doc:"say in meta what was looked for"`
}

func (b *Base) shared() *Base { return b }

// request is an input that has a Base.
type request[I any] interface {
	*I
	shared() *Base
}

// call is one request under way.
type call struct {
	*access.Access
	reader  index.Reader
	labels  []string // of what is answered
	filter  string
	wants   bool // include_queries
	queries []queryInfo
	partial *bool
	begun   time.Time
}

// meta stands beside the data of an answer.
type meta struct {
	Security  string      `json:"security,omitempty"`
	SecFilter string      `json:"sec_filter,omitempty"`
	Queries   []queryInfo `json:"queries,omitempty"`
	Complete  *bool       `json:"complete,omitempty"`
}

// queryInfo is what was asked of the index.
type queryInfo struct {
	QueryType string            `json:"query_type"`
	Index     string            `json:"index"`
	Query     map[string]string `json:"query"`
	RunTimeMS int64             `json:"run_time_ms"`
}

type envelope[T any] struct {
	Data T    `json:"data"`
	Meta meta `json:"meta"`
}

// answer has the headers of every answer.
type answer[T any] struct {
	Security  string `header:"X-Azul-Security" doc:"label of what is answered"`
	Defaulted string `header:"X-Azul-Security-Defaulted" doc:"true when the label is the default one, because what is answered has none"`
	Username  string `header:"X-Username"`
	Body      T
}

// note keeps a query for meta, if it is wanted.
func (c *call) note(kind, text string) {
	if c.wants {
		c.queries = append(c.queries, queryInfo{kind, "lazuli", map[string]string{"term": text}, time.Since(c.begun).Milliseconds()})
	}
}

// label adds labels to those of the answer.
func (c *call) label(labels ...string) { c.labels = append(c.labels, labels...) }

// security returns the label of the answer, and whether it is the default one because the answer has none. "" when the labels of
// what is answered have none together.
func (c *call) security() (label string, defaulted bool) {
	if len(c.labels) == 0 {
		return c.Scheme.Default().String(), true
	}
	label, _ = c.Highest(c.labels)
	return label, false
}

// wrap puts data into the envelope.
func wrap[T any](c *call, data T) *answer[envelope[T]] {
	a := raw(c, envelope[T]{Data: data, Meta: meta{SecFilter: c.filter, Queries: c.queries, Complete: c.partial}})
	if a.Defaulted == "" {
		a.Body.Meta.Security = a.Security
	}
	return a
}

// raw answers without an envelope.
func raw[T any](c *call, body T) *answer[T] {
	a := &answer[T]{Username: c.User, Body: body}
	var defaulted bool
	if a.Security, defaulted = c.security(); defaulted {
		a.Defaulted = "true"
	}
	return a
}

type accessKey struct{}

// identify finds out who asks.
func (s *Server) identify(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	who, err := s.Access(r)
	if err != nil {
		writeError(w, &refusal{http.StatusUnauthorized, err.Error()})
		return
	}
	next(huma.WithValue(ctx, accessKey{}, who))
}

func (s *Server) begin(ctx context.Context, b *Base) (*call, error) {
	who := ctx.Value(accessKey{}).(*access.Access)
	return s.callFor(who, b)
}

func (s *Server) callFor(who *access.Access, b *Base) (*call, error) {
	c := &call{Access: who, filter: "OR", wants: b.IncludeQueries, begun: time.Now()}
	if len(present(b.I)) > 0 {
		c.filter = "AND"
	}
	var err error
	if c.reader, err = who.Reader(b.X, b.I); err != nil {
		return nil, invalid("query", "x", err.Error(), strings.Join(slices.Concat(b.X, b.I), ","))
	}
	return c, nil
}

// present leaves out blank values, which clients send for what they do not say.
func present(list []string) []string {
	var out []string
	for _, text := range list {
		if text != "" {
			out = append(out, text)
		}
	}
	return out
}

func operation(method, path, id, summary, tag string) huma.Operation {
	return huma.Operation{OperationID: "azul-" + id, Method: method, Path: path, Summary: summary, Tags: []string{tag}}
}

// enveloped registers a handler whose answer is {data, meta}.
func enveloped[I any, P request[I], T any](s *Server, op huma.Operation, handle func(context.Context, *call, P) (T, error)) {
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*answer[envelope[T]], error) {
		c, err := s.begin(ctx, P(in).shared())
		if err != nil {
			return nil, err
		}
		data, err := handle(ctx, c, P(in))
		if err != nil {
			return nil, s.failure(err)
		}
		return wrap(c, data), nil
	})
}

// bare registers a handler whose answer stands alone.
func bare[I any, P request[I], T any](s *Server, op huma.Operation, handle func(context.Context, *call, P) (T, error)) {
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*answer[T], error) {
		c, err := s.begin(ctx, P(in).shared())
		if err != nil {
			return nil, err
		}
		body, err := handle(ctx, c, P(in))
		if err != nil {
			return nil, s.failure(err)
		}
		return raw(c, body), nil
	})
}

// streamed registers a handler that writes its answer itself, and describes it. Nothing of the body is read before.
func (s *Server) streamed(op huma.Operation, pattern string, handle func(http.ResponseWriter, *http.Request, *call) error) {
	if pattern == "" {
		pattern = op.Path
	}
	s.spec.AddOperation(&op)
	s.mux.HandleFunc(op.Method+" "+pattern, func(w http.ResponseWriter, r *http.Request) {
		who, err := s.Access(r)
		if err != nil {
			writeError(w, &refusal{http.StatusUnauthorized, err.Error()})
			return
		}
		q := r.URL.Query()
		c, err := s.callFor(who, &Base{X: q["x"], I: q["i"]})
		if err == nil {
			err = handle(w, r, c)
		}
		if err != nil {
			writeError(w, s.failure(err))
		}
	})
}

// stampHeaders sets the headers of every answer.
func stampHeaders(w http.ResponseWriter, c *call) {
	label, defaulted := c.security()
	if label != "" {
		w.Header().Set("X-Azul-Security", label)
	}
	if defaulted {
		w.Header().Set("X-Azul-Security-Defaulted", "true")
	}
	w.Header().Set("X-Username", c.User)
}

// timeLayout is ISO 8601 in UTC, as precise as events are.
const timeLayout = "2006-01-02T15:04:05.999999Z07:00"

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// SchemaName names a shape in the description of all endpoints: those of this package begin with Azul, those of package inspect with
// Inspect, so that they are not mixed up with others of the same name.
func SchemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch path.Base(t.PkgPath()) {
	case "azul":
		name = "Azul" + name
	case "inspect":
		name = "Inspect" + name
	}
	return name
}
