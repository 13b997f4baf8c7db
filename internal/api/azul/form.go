package azul

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"lazuli/event"
	"lazuli/internal/api/submit"
)

// Limits of a form.
const (
	maxFieldBytes = 1 << 20 // of one value
	maxFields     = 1000
	maxStreams    = 100     // beside the file itself
	formOverhead  = 8 << 20 // of all that is no file
	maxFilename   = 4096    // bytes
)

// form is what an upload says, beside the files in it. azul-client sends filename behind all of it but the labels of streams, so
// that it is complete before the first file comes.
type form struct {
	values map[string]string
	labels []string // of stream_data, in the order of the files
	fields int
	bytes  int // of all names and values
}

func (f *form) add(name, value string) error {
	if f.fields++; f.fields > maxFields {
		return refuse(http.StatusBadRequest, "too many fields", "a form has at most %d fields", maxFields)
	}
	if f.bytes += len(name) + len(value); f.bytes > formOverhead {
		return refuse(http.StatusBadRequest, "too large", "the fields of the form have together more than %d bytes", formOverhead)
	}
	if name == "stream_labels" {
		f.labels = append(f.labels, value)
		return nil
	}
	f.values[name] = value
	return nil
}

// pairs reads a field that is a JSON object of texts.
func (f *form) pairs(name string) (map[string]string, error) {
	text := strings.TrimSpace(f.values[name])
	if text == "" || text == "null" {
		return nil, nil
	}
	var m map[string]string
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, invalid("body", name, name+" must be a JSON object whose values are texts", text)
	}
	return m, nil
}

// said checks everything that is said of a file but where it comes from.
func (s *Server) said(c *call, f *form) (submit.Said, error) {
	said := submit.Said{User: c.User, Filename: f.values["filename"]}
	if err := checkFilename(said.Filename); err != nil {
		return said, err
	}
	if f.values["timestamp"] == "" {
		return said, invalid("body", "timestamp", "timestamp is missing", "")
	}
	at, err := parseTime("body", "timestamp", f.values["timestamp"])
	if err != nil {
		return said, err
	}
	if now := s.Now().UTC(); at.After(now) {
		at = now
	}
	said.Time = at.Truncate(time.Microsecond)
	if said.Label, err = s.submitLabel(c, f.values["security"]); err != nil {
		return said, err
	}
	said.Settings, err = f.pairs("settings")
	return said, err
}

func checkFilename(name string) error {
	if len(name) > maxFilename || !utf8.ValidString(name) {
		return invalid("body", "filename", "filename must be text of at most 4096 bytes", "")
	}
	return nil
}

// saidOfSource is said with source and references.
func (s *Server) saidOfSource(c *call, f *form) (submit.Said, error) {
	said, err := s.said(c, f)
	if err != nil {
		return said, err
	}
	if said.Source = f.values["source_id"]; said.Source == "" {
		return said, invalid("body", "source_id", "source_id is missing", "")
	}
	if said.References, err = f.pairs("references"); err != nil {
		return said, err
	}
	return said, submit.Check(s.Config, said.Source, said.References)
}

// uploads takes the files of a form as they come.
type uploads interface {
	// begin is called once, when the form is complete; nothing has been kept yet.
	begin(f *form) error
	// binary gets the file itself, stream what belongs to it. They read to the end.
	binary(r io.Reader, filename string) error
	stream(r io.Reader, label string) error
}

// readForm reads a form, which may be multipart or urlencoded, without keeping a file in memory. Files that come before the form is
// complete wait on disk.
func readForm(w http.ResponseWriter, r *http.Request, limit int64, to uploads) error {
	body := &formBody{ReadCloser: http.MaxBytesReader(w, r.Body, limit+formOverhead), control: http.NewResponseController(w),
		last: []byte("\n")} // its first line begins, too
	r.Body = body
	f := &form{values: map[string]string{}}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "application/x-www-form-urlencoded" {
		r.Body = http.MaxBytesReader(w, r.Body, formOverhead)
		if err := r.ParseForm(); err != nil {
			return invalid("body", "form", err.Error(), "")
		}
		body.ended()
		for name, values := range r.PostForm {
			for _, v := range values {
				if err := f.add(name, v); err != nil {
					return err
				}
			}
		}
		return to.begin(f)
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return invalid("body", "form", "the body must be multipart/form-data", r.Header.Get("Content-Type"))
	}
	p := &partReader{form: f, to: to, body: body, end: []byte("\n--" + params["boundary"] + "--")}
	defer p.discard()
	return body.failure(p.readAll(parts))
}

// formBody remembers of a body that is read how it broke, if it did, and what came last. It is cut off when nothing comes for half a
// minute, however long all of it takes.
type formBody struct {
	io.ReadCloser
	control *http.ResponseController
	next    time.Time // the deadline is put off
	err     error
	last    []byte
}

// lastBytes of a body hold the end of its form, where the reader of forms stops: it has a buffer of 4 KiB.
const lastBytes = 8 << 10

func (b *formBody) Read(p []byte) (int, error) {
	if now := time.Now(); now.After(b.next) {
		_ = b.control.SetReadDeadline(now.Add(30 * time.Second)) // not every test's writer can
		b.next = now.Add(time.Second)
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { // the client went away
		b.err = err
	}
	b.last = append(b.last, p[:n]...)
	if len(b.last) > 2*lastBytes {
		b.last = append(b.last[:0], b.last[len(b.last)-lastBytes:]...)
	}
	return n, err
}

// ended lets whoever sent the form wait for its answer: a deadline that passes would end the request.
func (b *formBody) ended() {
	_ = b.control.SetReadDeadline(time.Time{})
}

// failure makes what is wrong with a form the sender's mistake. What is wrong with its body is not, nor with who takes the files.
func (b *formBody) failure(err error) error {
	var damaged *formError
	switch {
	case err != nil && errors.Is(b.err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "too slow", "the rest of the form did not come in time")
	case err == nil || b.err != nil:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &damaged) && errors.Is(err, io.EOF):
		return invalid("body", "form", "the form ends early", "")
	case damaged != nil:
		return invalid("body", "form", "the form is damaged: "+strings.ToValidUTF8(err.Error(), "\ufffd"), "")
	}
	return err
}

// formError is what Go's reader says of a form.
type formError struct{ error }

func (e *formError) Unwrap() error { return e.error }

type partReader struct {
	*form
	to      uploads
	body    *formBody
	end     []byte // of the form: the beginning of a line that is in no part
	began   bool
	streams int
	waiting []waiting
}

// waiting is a file that came before the form was complete.
type waiting struct {
	name, filename string
	file           *os.File
}

func (p *partReader) readAll(parts *multipart.Reader) error {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && bytes.Contains(p.body.last, p.end) { // in the head of a part it is the same error
			p.body.ended()
			return p.finish()
		}
		if err != nil {
			return &formError{err}
		}
		if err := p.read(part); err != nil {
			return err
		}
	}
}

func (p *partReader) read(part *multipart.Part) error {
	name := part.FormName()
	if name != "binary" && name != "stream_data" {
		value, err := io.ReadAll(io.LimitReader(part, maxFieldBytes+1))
		if err != nil {
			return &formError{err}
		}
		if len(value) > maxFieldBytes {
			return refuse(http.StatusBadRequest, "too large", "field %.80q has more than %d bytes", name, maxFieldBytes)
		}
		return p.add(name, string(value))
	}
	if _, complete := p.values["filename"]; !complete && !p.began {
		return p.wait(name, part)
	}
	return p.deliver(name, part, part.FileName())
}

// wait keeps a file on disk until the form is complete.
func (p *partReader) wait(name string, part *multipart.Part) error {
	if len(p.waiting) > maxStreams {
		return tooManyStreams()
	}
	file, err := os.CreateTemp("", "lazuli-upload-")
	if err != nil {
		return err
	}
	_ = os.Remove(file.Name()) // it lives as long as it is open
	p.waiting = append(p.waiting, waiting{name, part.FileName(), file})
	if _, err := io.Copy(file, part); err != nil {
		return err
	}
	_, err = file.Seek(0, io.SeekStart)
	return err
}

func (p *partReader) discard() {
	for _, w := range p.waiting {
		w.file.Close()
	}
}

func (p *partReader) deliver(name string, r io.Reader, filename string) error {
	if !p.began {
		p.began = true
		if err := p.to.begin(p.form); err != nil {
			return err
		}
	}
	if name == "binary" {
		return p.to.binary(r, filename)
	}
	if p.streams++; p.streams > maxStreams {
		return tooManyStreams()
	}
	if p.streams > len(p.labels) {
		return invalid("body", "stream_labels", "every stream_data needs a label of its own in stream_labels", len(p.labels))
	}
	label := p.labels[p.streams-1]
	if !event.Label(label).Valid() || label == string(event.LabelContent) {
		return invalid("body", "stream_labels", "a label must be one that streams may have, and not content", label)
	}
	return p.to.stream(r, label)
}

func tooManyStreams() error {
	return refuse(http.StatusBadRequest, "too many streams", "an upload has at most %d streams", maxStreams)
}

// finish delivers what waited: the form has everything now. The file itself goes first.
func (p *partReader) finish() error {
	for _, binary := range []bool{true, false} {
		for _, w := range p.waiting {
			if (w.name == "binary") != binary {
				continue
			}
			if err := p.deliver(w.name, w.file, w.filename); err != nil {
				return err
			}
		}
	}
	if !p.began {
		p.began = true
		return p.to.begin(p.form)
	}
	return nil
}
