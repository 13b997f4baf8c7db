package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/index"
)

type deadInput struct {
	Limit  int    `query:"limit" default:"1000" minimum:"1" maximum:"1000"`
	Cursor string `query:"cursor"`
}

// dead is GET /api/v1/dead.
func (a *API) dead(ctx context.Context, in *deadInput) (*struct{ Body index.DeadPage }, error) {
	if err := onlyAdmins(ctx); err != nil {
		return nil, err
	}
	page, err := a.Index.DeadLetters(ctx, in.Limit, in.Cursor)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body index.DeadPage }{page}, nil
}

type deadID struct {
	ID string `path:"id" doc:"or the beginning of one, if no other begins like that"`
}

// deadEvent is a dead letter with its event, if the log still has that.
type deadEvent struct {
	index.DeadLetter
	Event json.RawMessage `json:"event,omitempty"`
}

// deadOne is GET /api/v1/dead/{id}.
func (a *API) deadOne(ctx context.Context, in *deadID) (*struct{ Body deadEvent }, error) {
	if err := onlyAdmins(ctx); err != nil {
		return nil, err
	}
	letter, err := a.Index.DeadLetter(ctx, in.ID)
	var several *index.AmbiguousError
	switch {
	case errors.As(err, &several):
		return nil, huma.Error409Conflict(several.Error())
	case errors.Is(err, index.ErrNotFound):
		return nil, huma.Error404NotFound("no job that was given up has an ID that is or begins like " + in.ID)
	case err != nil:
		return nil, a.problem(err)
	}
	out := &struct{ Body deadEvent }{deadEvent{DeadLetter: letter}}
	if letter.Position == "" {
		return out, nil
	}
	text, err := a.Dispatcher.Event(ctx, letter.Position)
	if err != nil && !errors.Is(err, ErrEventGone) {
		return nil, a.problem(fmt.Errorf("read the event at %s: %w", letter.Position, err))
	}
	if json.Valid(text) { // that of a letter of ingest may be anything
		out.Body.Event = text
	}
	return out, nil
}

// The errors of Dispatcher.Retry and Dispatcher.Event that are about what was given.
var (
	ErrNoLetter  = errors.New("there is no such dead letter, or it is about an event that could not be indexed")
	ErrEventGone = errors.New("the event is no longer in the log: submit the file again")
)

type retryInput struct {
	Body struct {
		IDs []string `json:"ids" minItems:"1" maxItems:"10000" doc:"of dead letters"`
	}
}

// Retried is what became of one dead letter.
type Retried struct {
	ID    string `json:"id"`
	Error string `json:"error,omitempty"` // why it is not tried again
}

type retryAnswer struct {
	Retried []Retried `json:"retried"`
}

// retry is POST /api/v1/dead/retry.
func (a *API) retry(ctx context.Context, in *retryInput) (*struct{ Body retryAnswer }, error) {
	if err := onlyAdmins(ctx); err != nil {
		return nil, err
	}
	list, err := a.Retry(ctx, in.Body.IDs)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body retryAnswer }{retryAnswer{list}}, nil
}

// Retry has jobs that were given up tried again. An error is trouble of the platform; what is wrong with one letter stands with it.
func (a *API) Retry(ctx context.Context, ids []string) ([]Retried, error) {
	list := make([]Retried, len(ids))
	for i, id := range ids {
		list[i].ID = id
		err := a.Dispatcher.Retry(ctx, id)
		switch {
		case errors.Is(err, ErrNoLetter), errors.Is(err, ErrEventGone):
			list[i].Error = err.Error()
		case err != nil:
			return nil, fmt.Errorf("retry %s: %w", id, err)
		}
	}
	return list, nil
}
