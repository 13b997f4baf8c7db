package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/api/submit"
	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

type platformStatus struct {
	Version       string       `json:"version"`
	UptimeSeconds int64        `json:"uptime_seconds"`
	Counts        index.Counts `json:"counts"`
}

func (a *API) status(ctx context.Context, _ *struct{}) (*struct{ Body platformStatus }, error) {
	counts, err := a.Counts(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body platformStatus }{platformStatus{a.opts.Version, int64(time.Since(a.begun).Seconds()), counts}}, nil
}

// Counts tells how much there is: of all to who sees everything, of files alone to others.
func (a *API) Counts(ctx context.Context) (index.Counts, error) {
	if r := readerOf(ctx); r.See != nil {
		n, err := a.Index.Count(ctx, r, query.All{})
		return index.Counts{Binaries: n}, err
	}
	return a.Index.Counts(ctx)
}

// Submission is what is said of a file that is submitted.
type Submission struct {
	Source, Filename, Security, User string
	References                       map[string]string

	Raw bool // a container (CaRT, MalPZ) is kept as it is, not what is in it
}

// Submitted is the answer.
type Submitted struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Source string `json:"source"`
	Event  string `json:"event"`
	State  string `json:"state"`
}

// Submit keeps a file and publishes it, if its source takes what is said of it. What comes in a container is unwrapped, unless s.Raw.
func (a *API) Submit(ctx context.Context, r io.Reader, s Submission) (*Submitted, error) {
	if s.Source == "" {
		s.Source = a.Config.DefaultSource
	}
	if s.User == "" {
		s.User = "lazuli"
	}
	if err := submit.Check(a.Config, s.Source, s.References); err != nil {
		return nil, err
	}
	if !s.Raw {
		var err error
		if r, s.Filename, err = submit.Unwrap(r, s.Filename); err != nil {
			return nil, err
		}
	}
	stream, err := a.Dispatcher.Store(ctx, s.Source, string(event.LabelContent), r)
	if err != nil {
		return nil, err
	}
	ev := submit.Sourced(submit.Said{Source: s.Source, Filename: s.Filename, User: s.User, Label: s.Security, Time: event.Now().Time, References: s.References}, stream)
	if err := a.Dispatcher.Publish(ctx, ev); err != nil {
		return nil, err
	}
	return &Submitted{stream.SHA256, int64(stream.Size), s.Source, ev.KafkaKey, "queued"}, nil
}

func (a *API) submit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s := Submission{Source: q.Get("source"), Filename: q.Get("filename"), Security: q.Get("security"), User: q.Get("user"), References: map[string]string{}}
	switch raw := q.Get("raw"); raw {
	case "", "false":
	case "true":
		s.Raw = true
	default:
		fail(w, http.StatusBadRequest, fmt.Sprintf("raw is %q, and must be true or false", raw))
		return
	}
	for _, ref := range q["ref"] {
		k, v, ok := strings.Cut(ref, "=")
		if !ok || k == "" {
			failSaid(w, &submit.Bad{What: "references", Err: fmt.Errorf("ref %.80q is not key=value", ref)})
			return
		}
		if _, twice := s.References[k]; twice {
			failSaid(w, &submit.Bad{What: "references", Err: fmt.Errorf("ref %.80q is there twice", k)})
			return
		}
		s.References[k] = v
	}
	if s.Security != "" {
		if err := accessOf(r.Context()).MaySubmit(s.Security); err != nil {
			failSaid(w, &submit.Bad{What: "security", Err: fmt.Errorf("security: %w", err)})
			return
		}
	}
	control := http.NewResponseController(w)
	got, err := a.Submit(r.Context(), &PatientReader{R: http.MaxBytesReader(w, r.Body, a.Config.Limits.MaxUploadBytes), Control: control}, s)
	var tooBig *http.MaxBytesError
	var said *submit.Bad
	switch {
	case errors.As(err, &said):
		failSaid(w, said)
	case errors.As(err, &tooBig):
		fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the file is larger than %d bytes", tooBig.Limit))
	case err != nil && a.Refused(err):
		text := err.Error()
		if !a.Dispatcher.Invalid(err) {
			text += " (raw keeps the container as it is)"
		}
		fail(w, http.StatusBadRequest, text)
	case err != nil:
		a.Logger.Error("submit", "err", err)
		code := http.StatusServiceUnavailable
		if errors.Is(err, os.ErrDeadlineExceeded) {
			code = http.StatusRequestTimeout
			w.Header().Set("Connection", "close") // nobody waits for the rest of the body
		}
		fail(w, code, err.Error())
	default:
		_ = control.SetReadDeadline(time.Time{}) // the connection lives on
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(got)
	}
}

// PatientReader reads a body as long as something comes in now and then: a client that is silent for half a minute is cut off, a slow one
// is not.
type PatientReader struct {
	R       io.Reader
	Control *http.ResponseController
	next    time.Time
}

func (p *PatientReader) Read(b []byte) (int, error) {
	if now := time.Now(); now.After(p.next) {
		_ = p.Control.SetReadDeadline(now.Add(30 * time.Second)) // not every test's writer can
		p.next = now.Add(time.Second)
	}
	return p.R.Read(b)
}

func fail(w http.ResponseWriter, code int, detail string) {
	failTitled(w, code, http.StatusText(code), detail)
}

// failSaid refuses what is said of a file. The title tells clients that the next file would fare no better.
func failSaid(w http.ResponseWriter, bad *submit.Bad) {
	failTitled(w, http.StatusBadRequest, "bad "+bad.What, bad.Error())
}

func failTitled(w http.ResponseWriter, code int, title, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": title, "status": code, "detail": detail})
}

func (a *API) events(w http.ResponseWriter, r *http.Request) {
	hash := strings.ToLower(r.URL.Query().Get("hash"))
	stream := beginEvents(w)
	changes := a.Settler.Subscribe(r.Context())
	alive := time.NewTicker(15 * time.Second)
	defer alive.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-a.drained.Done():
			return
		case <-alive.C:
			err = stream.alive()
		case sha := <-changes:
			if hash != "" && sha != hash || !a.sees(r.Context(), sha) {
				continue
			}
			err = stream.send("changed", []byte(sha))
		}
		if err != nil {
			return
		}
	}
}

func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	var bad []string
	for _, c := range a.Ready {
		if err := c.Ready(r.Context()); err != nil {
			bad = append(bad, c.Name+": "+err.Error())
		}
	}
	if len(bad) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, strings.Join(bad, "\n"))
		return
	}
	fmt.Fprintln(w, "ready")
}

// Handler serves REST.
func (a *API) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) })
}
