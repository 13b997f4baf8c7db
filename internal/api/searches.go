package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/api/notes"
	"lazuli/internal/index/query"
)

type searchList struct {
	Searches []notes.Search `json:"searches"`
}

func (a *API) searches(ctx context.Context, _ *struct{}) (*struct{ Body searchList }, error) {
	list, err := a.Notes.Searches(ctx, accessOf(ctx).User)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body searchList }{searchList{list}}, nil
}

const maxSearches = 1000 // of one owner

type saveInput struct {
	Name string `path:"name" minLength:"1" maxLength:"100"`
	Body struct {
		Query     string `json:"query" maxLength:"40000"`
		Order     string `json:"order,omitempty" enum:"timestamp,source.timestamp"`
		Ascending bool   `json:"ascending,omitempty"`
	}
}

func (a *API) saveSearch(ctx context.Context, in *saveInput) (*struct{ Body notes.Search }, error) {
	if _, err := query.Parse(in.Body.Query, time.Now()); err != nil {
		return nil, a.problem(err)
	}
	s := notes.Search{Owner: accessOf(ctx).User, Name: in.Name, Query: in.Body.Query, Order: in.Body.Order, Ascending: in.Body.Ascending, Saved: time.Now().UTC()}
	list, err := a.Notes.Searches(ctx, s.Owner)
	if err != nil {
		return nil, a.problem(err)
	}
	if len(list) >= maxSearches {
		return nil, huma.Error409Conflict(fmt.Sprintf("you have %d saved searches: forget one first", len(list)))
	}
	if err := a.Notes.SaveSearch(ctx, s); err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body notes.Search }{s}, nil
}

type forgetInput struct {
	Name string `path:"name"`
}

func (a *API) forgetSearch(ctx context.Context, in *forgetInput) (*struct{}, error) {
	if _, err := a.savedSearch(ctx, in.Name); err != nil {
		return nil, err
	}
	if err := a.Notes.ForgetSearch(ctx, accessOf(ctx).User, in.Name); err != nil {
		return nil, a.problem(err)
	}
	return nil, nil
}

func (a *API) savedSearch(ctx context.Context, name string) (notes.Search, error) {
	list, err := a.Notes.Searches(ctx, accessOf(ctx).User)
	if err != nil {
		return notes.Search{}, a.problem(err)
	}
	i := slices.IndexFunc(list, func(s notes.Search) bool { return s.Name == name })
	if i < 0 {
		return notes.Search{}, huma.Error404NotFound("you have no saved search of that name")
	}
	return list[i], nil
}

// maxTold is how many files a watch remembers, so that it tells of each once.
const maxTold = 100_000

// watchSearch tells, as server-sent events, of every file that changes from now on and matches a saved search: its line as in the answer to
// a search, once for each connection.
func (a *API) watchSearch(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	saved, err := a.savedSearch(ctx, r.PathValue("name"))
	if err == nil {
		_, err = query.Parse(saved.Query, time.Now())
	}
	if err != nil {
		a.failSearch(w, err)
		return
	}
	changes := a.Settler.Subscribe(ctx)
	events := beginEvents(w)
	told := map[string]bool{}
	alive := time.NewTicker(15 * time.Second)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.drained.Done():
			return
		case <-alive.C:
			err = events.alive()
		case sha := <-changes:
			if told[sha] {
				continue
			}
			var line []byte
			if line, err = a.matching(ctx, saved.Query, sha); err == nil && line != nil {
				if len(told) >= maxTold {
					clear(told)
				}
				told[sha] = true
				err = events.send("match", line)
			}
		}
		if err != nil {
			return
		}
	}
}

// matching returns the line of a file if it matches a query now, else nil.
func (a *API) matching(ctx context.Context, text, sha string) ([]byte, error) {
	expr, err := query.Parse(text, time.Now()) // again and again, for queries that speak of now
	if err != nil {
		return nil, err
	}
	this := &query.Term{Field: query.Lookup("sha256"), Op: query.Is, Text: sha}
	n, err := a.Index.Count(ctx, readerOf(ctx), both(this, expr))
	if err != nil || n == 0 {
		return nil, err
	}
	hits, err := a.Index.Hits(ctx, readerOf(ctx), []string{sha})
	if err != nil {
		return nil, err
	}
	return json.Marshal(hits[0])
}

// both joins two expressions; an And has no And in it.
func both(one, other query.Expr) query.Expr {
	switch e := other.(type) {
	case query.All:
		return one
	case query.And:
		return append(query.And{one}, e...)
	}
	return query.And{one, other}
}

// eventStream writes server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func beginEvents(w http.ResponseWriter) *eventStream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	s := &eventStream{w, http.NewResponseController(w)}
	_ = s.control.Flush()
	return s
}

func (s *eventStream) alive() error {
	_, err := io.WriteString(s.w, ": still here\n\n")
	return s.flush(err)
}

func (s *eventStream) send(kind string, data []byte) error {
	_, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, data)
	return s.flush(err)
}

func (s *eventStream) flush(err error) error {
	if err := errors.Join(err, s.control.Flush()); err != nil {
		return err
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(time.Minute)) // moved on with each event; not every test's writer can
	return nil
}
