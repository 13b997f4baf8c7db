package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"lazuli/event"
)

// GetStream opens n bytes of a stored stream from off on; a negative n means to its end, and what lies past the end is left
// out. It also returns the size of the whole stream in bytes. A stream that is not there is a *StatusError of code 404, an
// off at or past the end one of code 416. The reader fails with io.ErrUnexpectedEOF if the dispatcher sends less than it
// said.
func (d *Dispatcher) GetStream(ctx context.Context, source string, label event.Label, sha256 string, off, n int64) (io.ReadCloser, int64, error) {
	path, err := streamPath(source, label, sha256)
	if err != nil {
		return nil, 0, err
	}
	want := byteRange{off, n}
	if off < 0 || n == 0 {
		return nil, 0, fmt.Errorf("read stream %s: the range %s is empty or negative", sha256, want)
	}
	var (
		body  io.ReadCloser
		total int64
	)
	err = d.do(ctx, &call{
		method: http.MethodGet, path: path, header: http.Header{"Range": {want.String()}}, idempotent: true,
	}, func(resp *http.Response) error {
		length, size, err := want.check(resp)
		if err != nil {
			resp.Body.Close()
			return &answerError{err}
		}
		body, total = &exactBody{resp.Body, length}, size
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read stream %s: %w", sha256, err)
	}
	return body, total, nil
}

// byteRange is n bytes from off on; a negative n means to the end.
type byteRange struct{ off, n int64 }

// String is the range as the Range header wants it (RFC 9110 14.2).
func (r byteRange) String() string {
	if r.n < 0 {
		return fmt.Sprintf("bytes=%d-", r.off)
	}
	return fmt.Sprintf("bytes=%d-%d", r.off, r.off+r.n-1)
}

// check compares what an answer says it holds with the range; it returns how many bytes follow and the stream's size.
func (r byteRange) check(resp *http.Response) (length, total int64, err error) {
	if resp.StatusCode == http.StatusOK && r.off == 0 && r.n < 0 && resp.ContentLength >= 0 {
		return resp.ContentLength, resp.ContentLength, nil // a server without ranges sends everything
	}
	if resp.StatusCode != http.StatusPartialContent {
		return 0, 0, fmt.Errorf("code %d does not answer %s", resp.StatusCode, r)
	}
	header := resp.Header.Get("Content-Range")
	first, last, total, err := parseContentRange(header)
	if err != nil {
		return 0, 0, err
	}
	end := total - 1
	if r.n > 0 {
		end = min(end, r.off+r.n-1)
	}
	if first != r.off || last != end {
		return 0, 0, fmt.Errorf("Content-Range %.80q does not answer %s", header, r)
	}
	return last - first + 1, total, nil
}

// parseContentRange reads "bytes first-last/total".
func parseContentRange(header string) (first, last, total int64, err error) {
	bad := fmt.Errorf("Content-Range %.80q is not like bytes 0-9/100", header)
	span, size, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	from, to, ok2 := strings.Cut(span, "-")
	if !ok || !ok2 {
		return 0, 0, 0, bad
	}
	for _, field := range []struct {
		text string
		into *int64
	}{{from, &first}, {to, &last}, {size, &total}} {
		if *field.into, err = strconv.ParseInt(field.text, 10, 64); err != nil || *field.into < 0 {
			return 0, 0, 0, bad
		}
	}
	if first > last || last >= total {
		return 0, 0, 0, bad
	}
	return first, last, total, nil
}

// exactBody turns an early end into an error, and ignores what comes after rest bytes.
type exactBody struct {
	io.ReadCloser
	rest int64
}

func (b *exactBody) Read(p []byte) (int, error) {
	if b.rest == 0 {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.rest)])
	b.rest -= int64(n)
	if errors.Is(err, io.EOF) && b.rest > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// PutStream stores a stream of size bytes (negative if not known) and returns what the dispatcher found out about it. If r
// is an io.ReaderAt of known size it is read from its beginning, whatever its position, and sent again if the connection
// breaks; any other r is sent once.
func (d *Dispatcher) PutStream(ctx context.Context, source string, label event.Label, r io.Reader, size int64) (event.Datastream, error) {
	path, err := streamPath(source, label)
	if err != nil {
		return event.Datastream{}, err
	}
	c := &call{method: http.MethodPost, path: path, size: size, idempotent: true}
	if at, ok := r.(io.ReaderAt); ok && size >= 0 {
		c.body = at
	} else {
		c.once = r
	}
	var answer struct {
		Data *event.Datastream `json:"data"`
	}
	err = d.do(ctx, c, readJSON(&answer))
	if err == nil && answer.Data == nil {
		err = &answerError{errors.New("it has no data")}
	}
	if err != nil {
		return event.Datastream{}, fmt.Errorf("store a %s stream: %w", label, err)
	}
	answer.Data.Label = label // the reference always says content
	return *answer.Data, nil
}

// HeadStream tells whether a stream is stored.
func (d *Dispatcher) HeadStream(ctx context.Context, source string, label event.Label, sha256 string) (bool, error) {
	path, err := streamPath(source, label, sha256)
	if err != nil {
		return false, err
	}
	err = d.do(ctx, &call{method: http.MethodHead, path: path, timeout: postTimeout, idempotent: true},
		func(resp *http.Response) error { return resp.Body.Close() })
	if status := (*StatusError)(nil); errors.As(err, &status) && status.Code == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for stream %s: %w", sha256, err)
	}
	return true, nil
}

// streamPath names a stream; its parts come from events and must not reach other paths.
func streamPath(source string, label event.Label, sha256 ...string) (string, error) {
	path := "/api/v3/stream"
	for _, name := range append([]string{source, string(label)}, sha256...) {
		segment, err := pathSegment(name)
		if err != nil {
			return "", fmt.Errorf("name a stream: %w", err)
		}
		path += "/" + segment
	}
	return path, nil
}
