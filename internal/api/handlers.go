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
	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

type searchInput struct {
	Q      string `query:"q" maxLength:"2000"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
	Cursor string `query:"cursor"`
}

func (a *API) search(ctx context.Context, in *searchInput) (*struct{ Body index.SearchPage }, error) {
	expr, err := query.Parse(in.Q, time.Now())
	if err != nil {
		return nil, a.problem(err)
	}
	page, err := a.Index.Search(ctx, index.Everyone, expr, index.SearchOptions{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body index.SearchPage }{page}, nil
}

type pluginList struct {
	Plugins []index.Plugin `json:"plugins"`
}

func (a *API) plugins(ctx context.Context, _ *struct{}) (*struct{ Body pluginList }, error) {
	list, err := a.Index.Plugins(ctx, index.Everyone)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body pluginList }{pluginList{list}}, nil
}

type platformStatus struct {
	Version       string       `json:"version"`
	UptimeSeconds int64        `json:"uptime_seconds"`
	Counts        index.Counts `json:"counts"`
}

func (a *API) status(ctx context.Context, _ *struct{}) (*struct{ Body platformStatus }, error) {
	counts, err := a.Index.Counts(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body platformStatus }{platformStatus{a.opts.Version, int64(time.Since(a.begun).Seconds()), counts}}, nil
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

// Submit keeps a file and publishes it. What comes in a container is unwrapped, unless s.Raw.
func (a *API) Submit(ctx context.Context, r io.Reader, s Submission) (*Submitted, error) {
	if s.Source == "" {
		s.Source = a.opts.DefaultSource
	}
	if s.User == "" {
		s.User = "lazuli"
	}
	if !s.Raw {
		var err error
		if r, s.Filename, err = unwrap(r, s.Filename); err != nil {
			return nil, err
		}
	}
	stream, err := a.Dispatcher.Store(ctx, s.Source, string(event.LabelContent), r)
	if err != nil {
		return nil, err
	}
	now := event.Now()
	author := event.Author{Category: "user", Name: s.User, Security: s.Security}
	ev := &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: now, Author: author},
		Action: event.Sourced,
		Entity: event.Entity{SHA256: stream.SHA256, SHA512: stream.SHA512, SHA1: stream.SHA1, MD5: stream.MD5, SSDeep: stream.SSDeep, TLSH: stream.TLSH,
			Size: stream.Size, MIME: stream.MIME, Magic: stream.Magic, FileFormat: stream.FileFormat, FileExtension: stream.FileExtension,
			Datastreams: []event.Datastream{stream}},
		Source: event.Source{Name: s.Source, Timestamp: now, References: s.References, Security: s.Security, Path: event.Path{{Author: author,
			Action: event.Sourced, SHA256: stream.SHA256, Timestamp: now, FileFormat: stream.FileFormat, Filename: s.Filename, Size: stream.Size}}},
	}
	for _, f := range []event.Feature{
		{Name: "filename", Type: event.Filepath, Value: s.Filename}, {Name: "file_format", Type: event.String, Value: stream.FileFormat},
		{Name: "file_extension", Type: event.String, Value: stream.FileExtension}, {Name: "magic", Type: event.String, Value: stream.Magic},
		{Name: "mime", Type: event.String, Value: stream.MIME},
	} {
		if f.Value != "" {
			ev.Entity.Features = append(ev.Entity.Features, f)
		}
	}
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
			fail(w, http.StatusBadRequest, fmt.Sprintf("ref %q is not key=value", ref))
			return
		}
		s.References[k] = v
	}
	control := http.NewResponseController(w)
	got, err := a.Submit(r.Context(), &PatientReader{R: http.MaxBytesReader(w, r.Body, a.opts.MaxUploadBytes), Control: control}, s)
	var tooBig *http.MaxBytesError
	switch {
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
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(code), "status": code, "detail": detail})
}

func (a *API) events(w http.ResponseWriter, r *http.Request) {
	hash := strings.ToLower(r.URL.Query().Get("hash"))
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	_ = control.Flush()
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
			_, err = io.WriteString(w, ": still here\n\n")
		case sha := <-changes:
			if hash != "" && sha != hash {
				continue
			}
			_, err = fmt.Fprintf(w, "event: changed\ndata: %s\n\n", sha)
		}
		if errors.Join(err, control.Flush()) != nil {
			return
		}
		_ = control.SetWriteDeadline(time.Now().Add(time.Minute)) // moved on with each keep-alive; not every test's writer can
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
