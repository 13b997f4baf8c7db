package dispatcher

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lazuli/internal/blob"
)

// postStream keeps an upload: POST /api/v3/stream/{source}/{label}.
func (d *Dispatcher) postStream(w http.ResponseWriter, r *http.Request) {
	get := &queryReader{q: r.URL.Query()}
	opts := UploadOptions{SkipIdentify: get.bool("skip-identify"), SHA256: strings.ToLower(r.URL.Query().Get("expected-sha256"))}
	if get.err != nil {
		writeProblem(w, http.StatusBadRequest, "bad parameters", get.err.Error())
		return
	}
	if opts.SkipIdentify && opts.SHA256 == "" {
		writeProblem(w, http.StatusBadRequest, "bad parameters", "skip-identify needs expected-sha256")
		return
	}
	body := &patientReader{r: r.Body, control: http.NewResponseController(w), patience: d.opts.bodyTimeout}
	stream, err := d.Upload(r.Context(), r.PathValue("source"), r.PathValue("label"), body, opts)
	if err != nil {
		d.writeFailure(w, r, "keep the stream", err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": stream})
}

// patientReader gives a slow client its patience for each part, in place of one time for the whole.
type patientReader struct {
	r        io.Reader
	control  *http.ResponseController
	patience time.Duration
	next     time.Time
}

func (p *patientReader) Read(b []byte) (int, error) {
	if now := time.Now(); now.After(p.next) {
		_ = p.control.SetReadDeadline(now.Add(p.patience)) // not every test's writer can
		p.next = now.Add(p.patience / 30)
	}
	return p.r.Read(b)
}

func streamKey(r *http.Request, source string) blob.Key {
	return blob.Key{Source: source, Label: r.PathValue("label"), SHA256: strings.ToLower(r.PathValue("hash"))}
}

// getStream serves an object whole or a range of it (protocol 1.6), and HEAD. Clients insist on the bare content type, on
// an exact Content-Range, and on no content encoding.
func (d *Dispatcher) getStream(w http.ResponseWriter, r *http.Request) {
	requests := d.metrics.downloads
	if r.Method == http.MethodHead {
		requests = d.metrics.exists
	}
	requests.Inc()
	key := streamKey(r, r.PathValue("source"))
	info, err := d.store.Stat(r.Context(), key)
	if errors.Is(err, blob.ErrKey) {
		err = blob.ErrNotFound // a name that no object can have
	}
	if err != nil {
		d.writeFailure(w, r, "read the stream", err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Accept-Ranges", "bytes")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	off, n, code := int64(0), info.Size, http.StatusOK
	if header := r.Header.Get("Range"); header != "" {
		off, n, err = parseRange(header, info.Size)
		switch {
		case errors.Is(err, blob.ErrRange):
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", info.Size))
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		case err != nil:
			writeProblem(w, http.StatusBadRequest, "bad range", err.Error())
			return
		}
		code = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, info.Size))
	}
	body, err := d.store.Open(r.Context(), key, off, n)
	if err != nil {
		w.Header().Del("Content-Range")
		d.writeFailure(w, r, "read the stream", err)
		return
	}
	defer body.Close()
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	w.WriteHeader(code)
	for sent := int64(0); sent < n; {
		d.boundWrite(w)
		k, err := io.CopyN(w, body, min(n-sent, 4<<20))
		sent += k
		d.metrics.downloaded.Add(float64(k))
		if err != nil {
			return // the client went away, or the object ended early: Content-Length tells it
		}
	}
}

// boundWrite gives the client a while to take what is written next.
func (d *Dispatcher) boundWrite(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d.opts.bodyTimeout)) // not every test's writer can
}

// parseRange reads a Range header with one range: "bytes=a-b", "bytes=a-" or "bytes=-n" (RFC 9110 14.1.2). What lies past
// the end is left out; blob.ErrRange when nothing is left.
func parseRange(header string, size int64) (off, n int64, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return 0, 0, fmt.Errorf("%q is not one range of bytes", header)
	}
	if first == "" {
		suffix, err := strconv.ParseInt(last, 10, 64)
		if err != nil || suffix < 0 {
			return 0, 0, fmt.Errorf("%q is not one range of bytes", header)
		}
		suffix = min(suffix, size)
		if suffix == 0 {
			return 0, 0, blob.ErrRange
		}
		return size - suffix, suffix, nil
	}
	off, err = strconv.ParseInt(first, 10, 64)
	if err != nil || off < 0 {
		return 0, 0, fmt.Errorf("%q is not one range of bytes", header)
	}
	end := size - 1
	if last != "" {
		end, err = strconv.ParseInt(last, 10, 64)
		if err != nil || end < off {
			return 0, 0, fmt.Errorf("%q is not one range of bytes", header)
		}
		end = min(end, size-1)
	}
	if off >= size {
		return 0, 0, blob.ErrRange
	}
	return off, end - off + 1, nil
}

// copyStream keeps an object under a second source: PATCH /api/v3/stream/{from}/{to}/{label}/{hash}.
func (d *Dispatcher) copyStream(w http.ResponseWriter, r *http.Request) {
	to := r.PathValue("target")
	if err := d.checkSource(to); err != nil {
		d.writeFailure(w, r, "copy the stream", err)
		return
	}
	if err := d.store.Copy(r.Context(), streamKey(r, r.PathValue("source")), streamKey(r, to)); err != nil {
		d.writeFailure(w, r, "copy the stream", err)
		return
	}
	w.WriteHeader(http.StatusOK)
}
