package dispatcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"lazuli/internal/blob"
)

// Handler serves the reference dispatcher's interface (protocol 1) and, under /api/v1, what lazuli's own workers use.
func (d *Dispatcher) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, d.observe(pattern, h)) }
	handle("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, "Azul Dispatcher")
	})
	handle("POST /api/v2/event", d.postEvents)
	handle("POST "+simulatePath, d.simulate)
	handle("GET /api/v2/event/{model}/passive", func(w http.ResponseWriter, r *http.Request) { d.getEvents(w, r, false) })
	handle("GET /api/v2/event/{model}/active", func(w http.ResponseWriter, r *http.Request) { d.getEvents(w, r, true) })
	handle("POST /api/v3/stream/{source}/{label}", d.postStream)
	handle("GET /api/v3/stream/{source}/{label}/{hash}", d.getStream) // and HEAD
	handle("DELETE /api/v3/stream/{source}/{label}/{hash}", d.deleteStream)
	handle("PATCH /api/v3/stream/{source}/{target}/{label}/{hash}", d.copyStream)
	handle("POST /api/v1/poll", d.pollMany)
	handle("GET /api/v1/explain", d.getExplain)
	handle("POST /api/v1/explain", d.postExplain)
	handle("POST /api/v1/answers/{token}", d.confirmAnswer)
	handle("DELETE /api/v1/workers/{id}", d.deleteWorker)
	mux.Handle("/", d.observe(otherLabel, func(w http.ResponseWriter, r *http.Request) { notServed(mux, w, r) }))
	return mux
}

// notServed answers requests that no route takes, and says which methods a path has.
func notServed(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := mux.Handler(probe); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, http.StatusMethodNotAllowed, "method not allowed", fmt.Sprintf("%s has %s", r.URL.Path, strings.Join(allowed, ", ")))
		return
	}
	writeProblem(w, http.StatusNotFound, "not found", fmt.Sprintf("there is nothing at %s; docs/protocol.md has what is", r.URL.Path))
}

// observe counts and times the answers of a route, and answers for a handler that panics.
func (d *Dispatcher) observe(pattern string, h http.HandlerFunc) http.Handler {
	route := routeLabel(pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		rec := &codeRecorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				d.logger.Error("a handler panicked", "route", pattern, "panic", p, "stack", string(debug.Stack()))
				if rec.code == 0 {
					writeProblem(rec, http.StatusInternalServerError, "internal error", "the dispatcher's log has the details")
				}
			}
			d.metrics.answered(r.Method, route, rec.code, time.Since(begun))
			if w.Header().Get("Connection") != "close" {
				// The connection lives on, and the server does not take back deadlines that a handler set.
				control := http.NewResponseController(w)
				_ = errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})) // not every test's writer can
			}
		}()
		rec.Header().Set("X-Content-Type-Options", "nosniff")
		h(rec, r)
	})
}

// codeRecorder remembers the status code. It passes on what the ResponseWriter can do beyond writing.
type codeRecorder struct {
	http.ResponseWriter
	code int
}

func (c *codeRecorder) WriteHeader(code int) {
	if c.code == 0 {
		c.code = code
	}
	c.ResponseWriter.WriteHeader(code)
}

func (c *codeRecorder) Write(b []byte) (int, error) {
	if c.code == 0 {
		c.code = http.StatusOK
	}
	return c.ResponseWriter.Write(b)
}

func (c *codeRecorder) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// problem is the reference's error body (protocol 1.2).
type problem struct {
	Status string `json:"status,omitempty"`
	Title  string `json:"title,omitempty"`
	Detail string `json:"detail,omitempty"`
	Enum   string `json:"error_enum,omitempty"`
}

// The values of problem.Enum.
const (
	enumUnset   = "ErrorStringEnumUnset"
	enumAgedOff = "ErrorStringEnumAllEventsAgedOffImmediately"
	enumAllGone = "ErrorStringEnumAllEventsFiltered"
)

// WriteProblem answers with an error in the reference's words, for what stands in front of the Handler.
func WriteProblem(w http.ResponseWriter, code int, title, detail string) {
	writeProblem(w, code, title, detail)
}

func writeProblem(w http.ResponseWriter, code int, title, detail string) {
	writeProblemEnum(w, code, title, detail, enumUnset)
}

func writeProblemEnum(w http.ResponseWriter, code int, title, detail, enum string) {
	writeJSON(w, code, problem{strconv.Itoa(code), title, detail, enum})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode an answer: %v", err)) // our own types: cannot happen
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body) // a client that went away is no error of ours
}

// writeFailure answers with the code that an error of Publish, Upload or the store deserves.
func (d *Dispatcher) writeFailure(w http.ResponseWriter, r *http.Request, doing string, err error) {
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		writeProblem(w, http.StatusRequestEntityTooLarge, doing, fmt.Sprintf("the body is larger than %d bytes", tooBig.Limit))
	case errors.Is(err, ErrTooLarge):
		writeProblem(w, http.StatusRequestEntityTooLarge, doing, err.Error())
	case errors.Is(err, ErrMismatch), errors.Is(err, ErrEmpty):
		writeProblem(w, http.StatusBadRequest, err.Error(), doing)
	case IsInvalid(err), errors.Is(err, blob.ErrKey):
		writeProblem(w, http.StatusBadRequest, doing, err.Error())
	case errors.Is(err, blob.ErrNotFound):
		writeProblem(w, http.StatusNotFound, "not found", "not found")
	case r.Context().Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close") // nobody waits for the rest of the body
		writeProblem(w, http.StatusRequestTimeout, doing, "the client stopped sending")
	case errors.Is(err, blob.ErrFull):
		d.logger.Error(doing, "err", err)
		writeProblem(w, http.StatusInsufficientStorage, doing, err.Error())
	default:
		d.logger.Error(doing, "err", err)
		w.Header().Set("Retry-After", "5")
		writeProblem(w, http.StatusServiceUnavailable, doing, err.Error())
	}
}

// readBody reads a request's body, bounded in size and time.
func (d *Dispatcher) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(d.opts.bodyTimeout)) // not every test's writer can
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{}) // or a long poll would be taken for a client that left
	}
	return body, err
}
