package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"lazuli/internal/api/access"
	"lazuli/internal/api/azul"
	"lazuli/internal/index"
)

// asking is who asks, and through whose eyes the index is read for them.
type asking struct {
	who    *access.Access
	reader index.Reader
}

type askingKey struct{}

// ask finds out who makes a request. x and i narrow what they see, as in Azul's interface.
func (a *API) ask(r *http.Request) (context.Context, int, error) {
	who, err := a.Access(r)
	if err != nil {
		return nil, http.StatusUnauthorized, err
	}
	q := r.URL.Query()
	reader, err := who.Reader(q["x"], q["i"])
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	return context.WithValue(r.Context(), askingKey{}, asking{who, reader}), 0, nil
}

func (a *API) identify(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	asked, code, err := a.ask(r)
	if err != nil {
		fail(w, code, err.Error())
		return
	}
	next(huma.WithContext(ctx, asked))
}

// raw registers a handler that reads and writes bodies itself, and describes it.
func (a *API) raw(spec *huma.OpenAPI, op huma.Operation, query []string, answer string, handle http.HandlerFunc) {
	for part := range strings.SplitSeq(op.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			op.Parameters = append(op.Parameters, &huma.Param{Name: strings.TrimSuffix(name, "}"), In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
		}
	}
	for _, name := range query {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Schema: &huma.Schema{Type: "string"}})
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "the answer", Content: map[string]*huma.MediaType{answer: {}}}}
	spec.AddOperation(&op)
	a.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		asked, code, err := a.ask(r)
		if err != nil {
			fail(w, code, err.Error())
			return
		}
		handle(w, r.WithContext(asked))
	})
}

// Asked is r with who makes it, for pages that read through this API. An error is for the reader, with its status.
func (a *API) Asked(r *http.Request) (*http.Request, int, error) {
	asked, code, err := a.ask(r)
	if err != nil {
		return nil, code, err
	}
	return r.WithContext(asked), 0, nil
}

// Reader is the reader of a context that came from a request.
func (a *API) Reader(ctx context.Context) index.Reader { return readerOf(ctx) }

// nobody sees nothing: what a context has that did not come from a request.
var nobody = index.Reader{See: func(string) bool { return false }}

func readerOf(ctx context.Context) index.Reader {
	if asked, ok := ctx.Value(askingKey{}).(asking); ok {
		return asked.reader
	}
	return nobody
}

func accessOf(ctx context.Context) *access.Access {
	return ctx.Value(askingKey{}).(asking).who
}

// Admin tells whether who asks is an administrator.
func (a *API) Admin(ctx context.Context) bool { return accessOf(ctx).Admin }

func onlyAdmins(ctx context.Context) error {
	if !accessOf(ctx).Admin {
		return huma.Error403Forbidden("only administrators may do this")
	}
	return nil
}

// sees tells whether the reader may know of a file.
func (a *API) sees(ctx context.Context, sha string) bool {
	r := readerOf(ctx)
	if r.See == nil {
		return true
	}
	_, _, err := a.Index.Documents(ctx, r, sha, index.DocumentFilter{Limit: 1})
	return err == nil
}

// shownPlugins tells which plugins the reader may know of.
func (a *API) shownPlugins(ctx context.Context) (func(name, version string) bool, error) {
	r := readerOf(ctx)
	if r.See == nil {
		return shownAmong(r, nil), nil
	}
	list, err := a.Index.Plugins(ctx, r)
	return shownAmong(r, list), err
}

// shownAmong: those that the reader finds registered. Who sees everything also knows of those that have polled and not registered.
func shownAmong(r index.Reader, registered []index.Plugin) func(name, version string) bool {
	if r.See == nil {
		return func(string, string) bool { return true }
	}
	known := map[[2]string]bool{}
	for i := range registered {
		known[[2]string{registered[i].Name, registered[i].Version}] = true
	}
	return func(name, version string) bool { return known[[2]string{name, version}] }
}

// azulDispatcher is the dispatcher as package azul needs it.
type azulDispatcher struct{ Dispatcher }

func (d azulDispatcher) Standing(ctx context.Context, positions []string) ([]azul.Standing, error) {
	list, _, err := d.Explain(ctx, positions)
	out := make([]azul.Standing, len(list))
	for i := range list {
		e := &list[i]
		out[i] = azul.Standing{Plugin: e.Plugin, Version: e.Version, State: e.State, Detail: e.Detail, Since: e.Since}
	}
	return out, err
}
