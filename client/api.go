package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// API speaks REST to a lazuli server: files in, what is known of them out. All methods may be called at the same time.
// Nothing is sent again by itself: submitting the same file twice is harmless, so callers may.
//
// Errors: *APIError for an answer that is not a success, ErrUnreachable when there was no answer at all, the context's
// error when it ended.
type API struct {
	base   *url.URL
	token  string
	client *http.Client
}

// APIOption changes how an API works.
type APIOption func(*API)

// The errors of an API.
var (
	ErrUnreachable = errors.New("cannot be reached")
	ErrNotFound    = errors.New("not known") // an *APIError of status 404 is one
	// ErrSaid is an *APIError about what is said of a file: source, references or security. The next file fares no better with it.
	ErrSaid = errors.New("the source does not take what is said of the file")
)

// APIError is an answer that is not a success (RFC 9457).
type APIError struct {
	Status        int // of HTTP
	Title, Detail string
}

func (e *APIError) Error() string {
	switch {
	case e.Detail != "":
		return e.Detail
	case e.Title != "":
		return e.Title
	}
	return fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
}

// Is makes an answer of 404 an ErrNotFound, and one of 400 with a title for what is said of a file an ErrSaid.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrSaid:
		return e.Status == http.StatusBadRequest && slices.Contains([]string{"bad source", "bad references", "bad security"}, e.Title)
	}
	return false
}

// expectBytes is from which size on it pays to ask whether an upload is wanted.
const expectBytes = 1 << 20

// answerSlack is what an answer may take beyond the time that the server was asked to wait.
const answerSlack = 60 * time.Second

// NewAPI makes a client for the server at baseURL, such as http://127.0.0.1:8080 or https://name:secret@host/lazuli, whose
// credentials become basic authentication. Nothing is sent yet.
func NewAPI(baseURL string, opts ...APIOption) (*API, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, errors.New("the server's URL cannot be read: write it like http://127.0.0.1:8080")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the server's URL %.200q must be http or https with a host and no query, like http://127.0.0.1:8080", u.Redacted())
	}
	a := &API{base: u, client: &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ExpectContinueTimeout: 2 * time.Second,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}}}
	for _, opt := range opts {
		opt(a)
	}
	return a, nil
}

// URL is the server's address, without a password.
func (a *API) URL() string { return a.base.Redacted() }

// Close gives up idle connections.
func (a *API) Close() { a.client.CloseIdleConnections() }

// Submit uploads what r holds; size is its length in bytes, negative if it is not known. It is streamed, never held whole.
func (a *API) Submit(ctx context.Context, r io.Reader, size int64, s Submission) (*Submitted, error) {
	query := url.Values{}
	set(query, "source", s.Source)
	set(query, "filename", s.Filename)
	set(query, "security", s.Security)
	if s.Raw {
		query.Set("raw", "true")
	}
	for k, v := range s.References {
		query.Add("ref", k+"="+v)
	}
	slices.Sort(query["ref"])
	req, err := a.request(ctx, http.MethodPost, "/api/v1/binaries", query, &uploadBody{r, size})
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	if size < 0 || size > expectBytes {
		req.Header.Set("Expect", "100-continue") // what is too large is refused before it is sent
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	out := &Submitted{}
	return out, a.do(req, out)
}

// Sources lists where files may come from, and what submitters are asked for.
func (a *API) Sources(ctx context.Context) (*Sources, error) {
	out := &Sources{}
	return out, a.get(ctx, "/api/v1/sources", nil, 0, out)
}

// File returns all that is known of a file, by SHA-256, SHA-1 or MD5. With a wait the server answers when State is
// StateDone, at the latest after that time.
func (a *API) File(ctx context.Context, hash string, wait time.Duration) (*File, error) {
	out := &File{}
	return out, a.get(ctx, "/api/v1/binaries/"+url.PathEscape(hash), waitFor(wait), wait, out)
}

// Content returns a file: as a CaRT, or raw as it is. The caller closes it. A read ends with an error if the server breaks off.
func (a *API) Content(ctx context.Context, hash string, raw bool) (io.ReadCloser, error) {
	query := url.Values{"format": {"cart"}}
	if raw {
		query.Set("format", "raw")
	}
	return a.open(ctx, "/api/v1/binaries/"+url.PathEscape(hash)+"/content", query)
}

// open returns the body of an answer; the caller closes it.
func (a *API) open(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	req, err := a.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, a.unreachable(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return nil, a.unreachable(ctx, err)
	}
	return nil, problem(resp.StatusCode, text)
}

// Tree returns a file with the files inside it. wait is as for File.
func (a *API) Tree(ctx context.Context, hash string, wait time.Duration) (*Tree, error) {
	out := &Tree{}
	return out, a.get(ctx, "/api/v1/binaries/"+url.PathEscape(hash)+"/tree", waitFor(wait), wait, out)
}

// Plugins lists the registered plugins.
func (a *API) Plugins(ctx context.Context) ([]Plugin, error) {
	var out struct {
		Plugins []Plugin `json:"plugins"`
	}
	err := a.get(ctx, "/api/v1/plugins", nil, 0, &out)
	return out.Plugins, err
}

// DeadLetters returns one page of the jobs that were given up, newest first. limit 0 leaves it to the server; cursor is a page's Next.
func (a *API) DeadLetters(ctx context.Context, limit int, cursor string) (*DeadPage, error) {
	q := url.Values{}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	set(q, "cursor", cursor)
	out := &DeadPage{}
	return out, a.get(ctx, "/api/v1/dead", q, 0, out)
}

// DeadLetter returns a job that was given up, by its ID or the beginning of one that no other has, with its event.
func (a *API) DeadLetter(ctx context.Context, id string) (*DeadLetter, error) {
	out := &DeadLetter{}
	return out, a.get(ctx, "/api/v1/dead/"+url.PathEscape(id), nil, 0, out)
}

// Why says of every plugin why it did or did not run on a file; plugin may name one.
func (a *API) Why(ctx context.Context, hash, plugin string) (*WhyAnswer, error) {
	q := url.Values{}
	set(q, "plugin", plugin)
	out := &WhyAnswer{}
	return out, a.get(ctx, "/api/v1/binaries/"+url.PathEscape(hash)+"/why", q, 0, out)
}

// Retry has jobs that were given up tried again, by the IDs of their dead letters.
func (a *API) Retry(ctx context.Context, ids []string) ([]Retried, error) {
	body, err := json.Marshal(map[string][]string{"ids": ids})
	if err != nil {
		return nil, err
	}
	req, err := a.request(ctx, http.MethodPost, "/api/v1/dead/retry", nil, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	var out struct {
		Retried []Retried `json:"retried"`
	}
	return out.Retried, a.do(req, &out)
}

// Ready returns nil if every part of the server answers.
func (a *API) Ready(ctx context.Context) error {
	return a.get(ctx, "/readyz", nil, 0, nil)
}

func set(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

func waitFor(d time.Duration) url.Values {
	if d <= 0 {
		return nil
	}
	return url.Values{"wait": {d.String()}}
}

// get reads JSON into out, or nothing when out is nil. The answer may take wait and some more.
func (a *API) get(ctx context.Context, path string, query url.Values, wait time.Duration, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, wait+answerSlack, errSlow)
	defer cancel()
	req, err := a.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	return a.do(req, out)
}

// errSlow ends a request that the server does not answer.
var errSlow = errors.New("it did not answer in time")

func (a *API) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	target := strings.TrimRight(a.base.String(), "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "lazuli")
	req.Header.Set("Accept", "application/json")
	if a.token != "" {
		req.Header.Set("Authorization", bearer(a.token))
	}
	return req, nil
}

func (a *API) do(req *http.Request, out any) error {
	resp, err := a.client.Do(req)
	if err != nil {
		return a.unreachable(req.Context(), err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return a.unreachable(req.Context(), err)
	}
	if len(raw) > maxAnswerBytes {
		return fmt.Errorf("the server's answer is larger than %d bytes", maxAnswerBytes)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return problem(resp.StatusCode, raw)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("the answer of %s is not lazuli's REST: %w", a.URL(), err)
	}
	return nil
}

// unreachable explains a request that got no answer.
func (a *API) unreachable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSlow) {
		return cause
	} else if cause != nil {
		err = cause
	}
	var failed *bodyError
	if errors.As(err, &failed) {
		return failed.cause // the file could not be read: not the server's fault
	}
	var onTheWay *url.Error
	if errors.As(err, &onTheWay) {
		err = onTheWay.Err // without the URL, which holds the whole query
	}
	return fmt.Errorf("%s %w: %w", a.URL(), ErrUnreachable, err)
}

// bodyError marks an error of what is uploaded.
type bodyError struct{ cause error }

func (e *bodyError) Error() string { return e.cause.Error() }

// uploadBody passes on what r returns, with its errors marked, and holds it to its announced size: a file that changes while
// it is read must not be taken for one of those it was.
type uploadBody struct {
	r    io.Reader
	left int64 // negative if the size is not known
}

func (u *uploadBody) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	if err != nil && err != io.EOF {
		return n, &bodyError{err}
	}
	if u.left < 0 {
		return n, err
	}
	u.left -= int64(n)
	if u.left < 0 || err == io.EOF && u.left > 0 {
		return 0, &bodyError{errors.New("it changed while it was read: submit it again")}
	}
	return n, err
}

// problem reads problem JSON; whatever else a proxy may answer with is left out.
func problem(status int, raw []byte) error {
	e := &APIError{Status: status}
	var body struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(raw, &body) == nil {
		e.Title, e.Detail = cut(body.Title, maxProblemText), cut(body.Detail, maxProblemText)
		if len(body.Errors) > 0 && body.Errors[0].Message != "" {
			e.Detail = cut(strings.TrimPrefix(e.Detail+": "+body.Errors[0].Message, ": "), maxProblemText)
		}
	}
	return e
}
