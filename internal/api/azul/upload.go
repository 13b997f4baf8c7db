package azul

import (
	"context"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/event"
	"lazuli/internal/api/submit"
)

func (s *Server) registerUploads() {
	const tag = "uploads"
	s.streamed(uploadOperation("/binaries/source", "upload", "Submit a file", tag, "source_id", "references"), "", s.upload)
	s.streamed(uploadOperation("/binaries/source/dataless", "upload-dataless", "Say something of a file without submitting it", tag, "source_id", "references", "sha256"), "", s.uploadDataless)
	s.streamed(uploadOperation("/binaries/child", "upload-child", "Submit a file that belongs under another", tag, "parent_sha256", "relationship"), "", s.uploadChild)
	s.streamed(uploadOperation("/binaries/child/dataless", "upload-child-dataless", "Say that a stored file belongs under another", tag, "parent_sha256", "relationship", "sha256"), "", s.uploadChildDataless)
	bare(s, operation(http.MethodPost, prefix+"/binaries/{sha256}/expedite", "expedite", "Have a file analysed before others", tag), s.expedite)
}

// uploadOperation describes an upload: the fields that all have, and some more.
func uploadOperation(path, id, summary, tag string, fields ...string) huma.Operation {
	op := operation(http.MethodPost, prefix+path, id, summary, tag)
	properties := map[string]*huma.Schema{"binary": {Type: "string", Format: "binary", Description: "the file, as it is or as CaRT or MalPZ"},
		"stream_data": {Type: "array", Items: &huma.Schema{Type: "string", Format: "binary"}, Description: "other streams of it"}}
	for _, name := range append(fields, "timestamp", "security", "filename", "settings", "stream_labels") {
		properties[name] = &huma.Schema{Type: "string"}
	}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{Type: "object", Properties: properties, Required: append([]string{"timestamp"}, fields[0])}}}}
	op.Parameters = []*huma.Param{
		{Name: "extract", In: "query", Schema: &huma.Schema{Type: "boolean"}, Description: "submit what is in the ZIP file"},
		{Name: "password", In: "query", Schema: &huma.Schema{Type: "string"}, Description: "of the ZIP file"},
		{Name: "refresh", In: "query", Schema: &huma.Schema{Type: "boolean"}, Description: "answer when it can be searched for"},
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "what was kept"}}
	return op
}

// uploaded is a file that was taken in.
type uploaded struct {
	FileInfo
	Filename string `json:"filename,omitempty"`
	Track    string `json:"track_source_references,omitempty"`
	Label    string `json:"label,omitempty"`
}

func uploadedOf(e *event.Entity, filename, track, label string) uploaded {
	return uploaded{FileInfo{e.SHA256, e.SHA512, e.SHA1, e.MD5, e.SSDeep, e.TLSH, int64(e.Size), e.FileFormat, e.FileExtension, e.MIME, e.Magic}, filename, track, label}
}

// kept is a file of an upload that is in the store: its content and its other streams.
type kept struct {
	filename string
	streams  []event.Datastream
}

// receiver keeps the files of a form in the store, under one source.
type receiver struct {
	s        *Server
	ctx      context.Context
	extract  bool
	password string
	check    func(f *form) (source string, err error) // looks at the form, before anything is kept
	dataless bool                                     // there must not be a file

	source   string
	filename string
	files    []kept
	streams  []event.Datastream
}

func (s *Server) receiver(r *http.Request, check func(*form) (string, error)) *receiver {
	q := r.URL.Query()
	extract, _ := strconv.ParseBool(q.Get("extract"))
	return &receiver{s: s, ctx: r.Context(), extract: extract, password: q.Get("password"), check: check}
}

func (u *receiver) begin(f *form) (err error) {
	u.filename = f.values["filename"]
	u.source, err = u.check(f)
	return err
}

func (u *receiver) binary(r io.Reader, filename string) error {
	if u.dataless {
		return invalid("body", "binary", "there must be no file here", filename)
	}
	if len(u.files) > 0 {
		return invalid("body", "binary", "there must be one file", filename)
	}
	name := u.filename
	if name == "" {
		name = filename
		if err := checkFilename(name); err != nil {
			return err
		}
	}
	if u.extract {
		return u.archive(r)
	}
	plain, name, err := submit.Unwrap(r, name)
	if err != nil {
		return u.s.uploadError(err)
	}
	return u.keep(plain, name)
}

// keep stores the content of one file.
func (u *receiver) keep(r io.Reader, name string) error {
	stream, err := u.s.Dispatcher.Store(u.ctx, u.source, string(event.LabelContent), r)
	if err != nil {
		return u.s.uploadError(err)
	}
	u.files = append(u.files, kept{name, []event.Datastream{stream}})
	return nil
}

func (u *receiver) stream(r io.Reader, label string) error {
	stream, err := u.s.Dispatcher.Store(u.ctx, u.source, label, r)
	if err != nil {
		return u.s.uploadError(err)
	}
	u.streams = append(u.streams, stream)
	return nil
}

// uploadError is the answer to a file that cannot be kept.
func (s *Server) uploadError(err error) error {
	if s.Dispatcher.Invalid(err) || submit.Damaged(err) {
		return refuse(http.StatusBadRequest, "bad file", "%s", err.Error())
	}
	return err
}

// receive reads a form whose files u takes.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, u *receiver) error {
	if err := readForm(w, r, s.Config.Limits.MaxUploadBytes, u); err != nil {
		return err
	}
	switch {
	case len(u.files) == 0 && !u.dataless:
		return invalid("body", "binary", "the file is missing", "")
	case len(u.files) > 1 && len(u.streams) > 0:
		return invalid("body", "stream_data", "streams belong to one file, and the archive has several", len(u.files))
	case len(u.files) == 1:
		u.files[0].streams = append(u.files[0].streams, u.streams...)
	}
	return nil
}

// publish publishes events, waits for the index if that is asked for, and answers.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, c *call, events []event.Event, answer []uploaded) error {
	if err := s.Dispatcher.Publish(r.Context(), events...); err != nil {
		return s.uploadError(err)
	}
	if refresh, _ := strconv.ParseBool(r.URL.Query().Get("refresh")); refresh {
		if err := s.Indexed(r.Context()); err != nil {
			return err
		}
	}
	stampHeaders(w, c)
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request, c *call) error {
	var said submit.Said
	u := s.receiver(r, func(f *form) (source string, err error) {
		said, err = s.saidOfSource(c, f)
		return said.Source, err
	})
	if err := s.receive(w, r, u); err != nil {
		return err
	}
	c.label(said.Label)
	var events []event.Event
	var answer []uploaded
	for _, f := range u.files {
		said.Filename = f.filename
		ev := submit.Sourced(said, f.streams...)
		event.Track(ev)
		events = append(events, ev)
		answer = append(answer, uploadedOf(&ev.Entity, f.filename, ev.TrackSourceReferences, string(event.LabelContent)))
	}
	return s.publish(w, r, c, events, answer)
}

// uploadDataless says something of a file that is not given, and may have other streams of it. If its content is stored under another
// source, it stays there.
func (s *Server) uploadDataless(w http.ResponseWriter, r *http.Request, c *call) error {
	var said submit.Said
	var sha string
	u := s.receiver(r, func(f *form) (source string, err error) {
		if sha, err = formHash(f, "sha256"); err != nil {
			return "", err
		}
		said, err = s.saidOfSource(c, f)
		return said.Source, err
	})
	u.dataless = true
	if err := s.receive(w, r, u); err != nil {
		return err
	}
	c.label(said.Label)
	ev := submit.Mapped(said, sha, u.streams...)
	event.Track(ev)
	return s.publish(w, r, c, []event.Event{ev}, []uploaded{uploadedOf(&ev.Entity, said.Filename, ev.TrackSourceReferences, "")})
}

// formHash reads a field that is a SHA-256.
func formHash(f *form, name string) (string, error) {
	sha := strings.ToLower(strings.TrimSpace(f.values[name]))
	if len(sha) != 64 || !isHash(sha) {
		return "", invalid("body", name, name+" must be a SHA-256 in hex", f.values[name])
	}
	return sha, nil
}

// memberName is the name of a file in an archive, as a submission has it.
func memberName(name string) string {
	return strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
}
