package azul

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/api/submit"
	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// domainError is what is wrong with what was asked. azul-client shows Message.
type domainError struct {
	status  int
	Ref     string `json:"ref"`
	Message string `json:"message"`
}

func (e *domainError) Error() string  { return e.Message }
func (e *domainError) GetStatus() int { return e.status }

func refuse(status int, ref, format string, args ...any) error {
	return &domainError{status, ref, fmt.Sprintf(format, args...)}
}

// validationError is what is wrong with the form of a request.
type validationError struct {
	Detail []fault `json:"detail"`
}

type fault struct {
	Type  string `json:"type"`
	Loc   []any  `json:"loc"`
	Msg   string `json:"msg"`
	Input any    `json:"input"`
}

func (e *validationError) Error() string  { return e.Detail[0].Msg }
func (e *validationError) GetStatus() int { return http.StatusUnprocessableEntity }

// invalid tells of one field; where is query, path or body.
func invalid(where, field, msg string, input any) error {
	return &validationError{[]fault{{"value_error", []any{where, field}, msg, input}}}
}

// refusal is the answer to who may not, and to what there is no endpoint for.
type refusal struct {
	status int
	Detail string `json:"detail"`
}

func (e *refusal) Error() string  { return e.Detail }
func (e *refusal) GetStatus() int { return e.status }

// failure makes the answer of an error.
func (s *Server) failure(err error) error {
	var known huma.StatusError
	var bad *query.Error
	var tooBig *http.MaxBytesError
	var said *submit.Bad
	switch {
	case errors.As(err, &known):
		return known.(error)
	case errors.As(err, &said):
		return refuse(http.StatusBadRequest, "bad "+said.What, "%s", said.Error())
	case errors.Is(err, index.ErrNotFound):
		return refuse(http.StatusNotFound, "not found", "nothing is known of it")
	case errors.Is(err, index.ErrCursor):
		return refuse(http.StatusBadRequest, "bad cursor", "after is not what an answer before gave")
	case errors.Is(err, context.Canceled): // who asked is gone
		return refuse(http.StatusServiceUnavailable, "given up", "the request was given up")
	case errors.As(err, &bad):
		return refuse(http.StatusBadRequest, "bad term", "%s", bad.Error())
	case errors.As(err, &tooBig):
		return refuse(http.StatusRequestEntityTooLarge, "too large", "the request is larger than %d bytes", tooBig.Limit)
	}
	s.Logger.Error("answer a request", "err", err)
	return refuse(http.StatusInternalServerError, "internal", "the platform's log has the details")
}

// transformError gives the errors that huma finds itself the shapes that clients know.
func transformError(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	ctx.SetHeader("Content-Type", "application/json")
	if model.Status != http.StatusUnprocessableEntity || len(model.Errors) == 0 {
		return &refusal{model.Status, model.Detail}, nil
	}
	e := &validationError{}
	for _, d := range model.Errors {
		loc := []any{}
		for part := range strings.SplitSeq(d.Location, ".") {
			loc = append(loc, part)
		}
		e.Detail = append(e.Detail, fault{"value_error", loc, d.Message, d.Value})
	}
	return e, nil
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var known huma.StatusError
	if errors.As(err, &known) {
		status = known.GetStatus()
	}
	writeJSON(w, status, err)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // the client is gone, if anything
}
