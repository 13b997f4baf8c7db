package azul

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/blob"
	"lazuli/internal/cart"
	"lazuli/internal/index"
)

func (s *Server) registerContent() {
	const path, tag = prefix + "/binaries/{sha256}", "content"
	s.streamed(contentOperation(http.MethodHead, path+"/content", "check-content", "Whether a file's content is stored", tag), "", s.checkContent)
	s.streamed(contentOperation(http.MethodGet, path+"/content", "content", "A file's content as CaRT", tag), "", s.content)
	s.streamed(contentOperation(http.MethodGet, path+"/content/{stream}", "stream", "A stream of a file that is harmless to look at", tag), "", s.stream)
	s.registerBulk()
	s.registerInspection()
}

func contentOperation(method, path, id, summary, tag string) huma.Operation {
	op := operation(method, path, id, summary, tag)
	for _, name := range []string{"sha256", "stream"} {
		if strings.Contains(path, "{"+name+"}") {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
		}
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "bytes", Content: map[string]*huma.MediaType{"application/octet-stream": {}}}}
	return op
}

// storedObject is a stored stream: where it lies, and how long it is.
type storedObject struct {
	blob.Key
	size int64
}

// stored finds where a stream may be read that a document lists which the reader may see. What the index knows and the store has not
// is not there.
func (s *Server) stored(ctx context.Context, c *call, sha string) (storedObject, error) {
	st, err := s.Index.Stream(ctx, c.reader, strings.ToLower(sha))
	if err != nil {
		return storedObject{}, err
	}
	key := blob.Key{Source: st.Source, Label: st.Label, SHA256: st.SHA256}
	info, err := s.Store.Stat(ctx, key)
	if errors.Is(err, blob.ErrNotFound) {
		return storedObject{}, index.ErrNotFound
	}
	return storedObject{key, info.Size}, err
}

// labelFile gives the answer the labels of what is known of a file.
func (s *Server) labelFile(ctx context.Context, c *call, sha string) error {
	list, _, err := s.Index.Documents(ctx, c.reader, strings.ToLower(sha), index.DocumentFilter{})
	for i := range list {
		c.label(list[i].Label)
	}
	return err
}

func (s *Server) checkContent(w http.ResponseWriter, r *http.Request, c *call) error {
	if _, err := s.stored(r.Context(), c, r.PathValue("sha256")); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	stampHeaders(w, c)
	return nil
}

func (s *Server) content(w http.ResponseWriter, r *http.Request, c *call) error {
	sha := strings.ToLower(r.PathValue("sha256"))
	object, err := s.stored(r.Context(), c, sha)
	if err != nil {
		return err
	}
	if err := s.labelFile(r.Context(), c, sha); err != nil && !errors.Is(err, index.ErrNotFound) {
		return err
	}
	body, err := s.Store.Open(r.Context(), object.Key, 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	s.attach(w, c, sha+".cart", "application/octet-stream")
	if err := cart.Wrap(patientWriter{w}, body, cart.Key{}, cart.Metadata{"name": sha}); err != nil {
		panic(http.ErrAbortHandler) // what was sent must not look whole
	}
	return nil
}

func (s *Server) attach(w http.ResponseWriter, c *call, name, kind string) {
	stampHeaders(w, c)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// patientWriter gives a slow client its time for each part.
type patientWriter struct{ http.ResponseWriter }

func (p patientWriter) Write(b []byte) (int, error) {
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(time.Minute)) // not every test's writer can
	return p.ResponseWriter.Write(b)
}

// stream gives a stream of a file as it is, if a browser that is told so does nothing with it but show it.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, c *call) error {
	st, err := s.shownStream(r.Context(), c, strings.ToLower(r.PathValue("sha256")), strings.ToLower(r.PathValue("stream")))
	if err != nil {
		return err
	}
	defer st.Body.Close()
	c.label(st.label)
	s.attach(w, c, st.SHA256, st.Kind)
	w.Header().Set("Content-Length", strconv.FormatInt(st.Size, 10))
	if _, err := io.Copy(patientWriter{w}, st.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// shownAs returns the MIME type under which a stream is given as it is, or "": text of any kind, and what plugins made to be
// looked at. The file itself is never given as anything but text.
func shownAs(st *index.Stream, self bool) string {
	format := st.FileFormat
	switch {
	case strings.HasPrefix(format, "code/"), strings.HasPrefix(format, "text/"), strings.HasSuffix(format, "json"), strings.Contains(format, "javascript"),
		strings.HasPrefix(st.MIME, "text/"), st.MIME == "application/json":
		return "text/plain; charset=utf-8"
	case self:
		return ""
	case strings.HasPrefix(format, "image/") && !strings.Contains(format, "svg"):
		return st.MIME
	case strings.HasSuffix(format, "pdf"):
		return "application/pdf"
	case strings.Contains(format, "pcap") || st.Label == "pcap":
		return "application/vnd.tcpdump.pcap"
	}
	return ""
}
