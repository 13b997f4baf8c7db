package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// StatusError is an answer that is not a success. Title and Detail are the dispatcher's own words, if it had any.
type StatusError struct {
	Code          int // of HTTP
	Title, Detail string

	after time.Duration // what Retry-After asks for; 0 if it does not
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("the dispatcher answered %d", e.Code)
	if e.Title == "" && e.Detail == "" {
		return text + " " + http.StatusText(e.Code)
	}
	return text + ": " + strings.Trim(e.Title+": "+e.Detail, ": ")
}

// answerError is an answer that does not follow the protocol; asking again would not help.
type answerError struct{ cause error }

func (e *answerError) Error() string {
	return "the dispatcher's answer cannot be read: " + e.cause.Error()
}
func (e *answerError) Unwrap() error { return e.cause }

// errStalled ends a request that does not move.
var errStalled = errors.New("the dispatcher did not answer in time")

// Temporary tells whether an error of a Dispatcher is worth another try later: the dispatcher could not be reached, the
// connection broke, or it has trouble of its own. It is false for a request that the dispatcher refused as it was.
func Temporary(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var status *StatusError
	if errors.As(err, &status) {
		return status.Code >= 500 || status.Code == http.StatusTooManyRequests || status.Code == http.StatusRequestTimeout
	}
	if bad := (*answerError)(nil); errors.As(err, &bad) {
		return false
	}
	if lost := (*net.OpError)(nil); errors.As(err, &lost) {
		return true
	}
	if onTheWay := (*url.Error)(nil); errors.As(err, &onTheWay) {
		return true
	}
	return errors.Is(err, errStalled) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}

// call is one request.
type call struct {
	method, path string // path is escaped
	query        url.Values
	header       http.Header
	body         io.ReaderAt   // nil for none, unless once is given
	once         io.Reader     // a body that can be read once only
	size         int64         // of the body in bytes; negative if not known
	timeout      time.Duration // for one try, up to the last byte of the answer; 0 for a stream, which may not stand still
	idempotent   bool          // twice is the same as once
	single       bool          // never repeated
}

// do sends the request, again if it may be, and passes a successful answer to handle, which closes its body. An error of
// handle that is not an *answerError means that the answer broke off.
func (d *Dispatcher) do(ctx context.Context, c *call, handle func(*http.Response) error) error {
	pause := d.pause
	for try := 1; ; try++ {
		err := d.try(ctx, c, handle)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if try >= d.tries || !c.mayRepeat(err) {
			return err
		}
		wait := pause/2 + rand.N(pause/2+1)
		if status := (*StatusError)(nil); errors.As(err, &status) && status.after > 0 {
			wait = min(status.after, maxPause)
		}
		pause = min(2*pause, maxPause)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

const maxPause = 5 * time.Second

func (c *call) mayRepeat(err error) bool {
	if c.single || c.once != nil {
		return false
	}
	var status *StatusError
	if errors.As(err, &status) {
		switch status.Code {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable: // nothing was done
			return true
		case http.StatusBadGateway, http.StatusGatewayTimeout: // a proxy does not know
			return c.idempotent
		}
		return false
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		return true // nothing was sent
	}
	return c.idempotent && Temporary(err)
}

// try sends the request once.
func (d *Dispatcher) try(ctx context.Context, c *call, handle func(*http.Response) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := c.timeout
	if limit == 0 {
		limit = d.idleTime
	}
	watch := time.AfterFunc(limit, func() { cancel(errStalled) })
	release := func() { watch.Stop(); cancel(nil) }
	req, err := d.request(ctx, c, watch)
	if err != nil {
		release()
		return err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		defer release()
		return because(ctx, err)
	}
	body := &watchedBody{ReadCloser: resp.Body, ctx: ctx, release: release}
	if c.timeout == 0 {
		watch.Stop()
		body.watch, body.limit = watch, limit
	}
	resp.Body = body
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return statusError(resp)
	}
	return handle(resp)
}

// because puts the reason for which a request was ended in place of the bare "context canceled".
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		return cause
	}
	return err
}

func (d *Dispatcher) request(ctx context.Context, c *call, watch *time.Timer) (*http.Request, error) {
	target := d.base.String() + c.path
	if len(c.query) > 0 {
		target += "?" + c.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, c.method, target, nil)
	if err != nil {
		return nil, err
	}
	for key, values := range c.header {
		req.Header[key] = values
	}
	req.Header.Set("User-Agent", d.agent)
	switch {
	case d.token != "":
		req.Header.Set("Authorization", bearer(d.token))
	case d.user != nil:
		password, _ := d.user.Password()
		req.SetBasicAuth(d.user.Username(), password)
	}
	body := c.once
	if c.body != nil {
		body = io.NewSectionReader(c.body, 0, c.size)
	}
	if body == nil || c.size == 0 {
		return req, nil
	}
	if c.timeout == 0 {
		body = &watchedReader{body, watch, d.idleTime}
	}
	req.Body, req.ContentLength = io.NopCloser(body), c.size
	return req, nil
}

// watchedReader gives an upload time anew whenever the connection takes more of it.
type watchedReader struct {
	io.Reader
	watch *time.Timer
	limit time.Duration
}

func (w *watchedReader) Read(b []byte) (int, error) {
	w.watch.Reset(w.limit)
	return w.Reader.Read(b)
}

// watchedBody is an answer's body. Of a stream, each read has its own time limit: how long the reader waits between two is
// its own business.
type watchedBody struct {
	io.ReadCloser
	ctx     context.Context
	watch   *time.Timer // nil if the limit is for the whole answer
	limit   time.Duration
	release func()
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.watch != nil {
		b.watch.Reset(b.limit)
		defer b.watch.Stop()
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = because(b.ctx, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}

// statusError reads what the dispatcher says of a failure (protocol 1.2).
func statusError(resp *http.Response) error {
	e := &StatusError{Code: resp.StatusCode}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.after = min(time.Duration(seconds), 3600) * time.Second
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxProblemBytes))
	if err != nil {
		return e // the code says the essential
	}
	var problem struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(raw, &problem) == nil {
		e.Title, e.Detail = cut(problem.Title, maxProblemText), cut(problem.Detail, maxProblemText)
	}
	return e
}

// Bounds on answers.
const (
	maxProblemBytes = 64 << 10
	maxProblemText  = 2 << 10
	maxAnswerBytes  = 64 << 20
)

// readJSON decodes a whole answer into out.
func readJSON(out any) func(*http.Response) error {
	return func(resp *http.Response) error {
		defer resp.Body.Close()
		raw, err := readAll(resp.Body)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, out); err != nil {
			return &answerError{err}
		}
		return nil
	}
}

// readAll reads at most maxAnswerBytes.
func readAll(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxAnswerBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the dispatcher's answer: %w", err)
	}
	if len(raw) > maxAnswerBytes {
		return nil, &answerError{fmt.Errorf("it is larger than %d bytes", maxAnswerBytes)}
	}
	return raw, nil
}

// pathSegment escapes a name for use as one segment of a path.
func pathSegment(name string) (string, error) {
	if name == "" || name == "." || name == ".." {
		return "", fmt.Errorf("%q cannot be part of a path", name)
	}
	return url.PathEscape(name), nil
}
