package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"lazuli/event"
)

// Job is one file for one run of a plugin, and what the run finds in it. Its methods are for Run's goroutine alone.
type Job struct {
	ctx   context.Context
	in    Input
	out   *Outcome
	found *findings
	info  map[string]json.RawMessage
	open  map[string]*Reader
	fault error // the first mistake of the plugin
}

// findings is what was found in one file: the job's own, or a child.
type findings struct {
	job      *Job
	features *features
	streams  []Stream
	children []*NewChild
}

// Event is the event that the job is about. It must not be changed.
func (j *Job) Event() *event.Binary { return j.in.Event }

// Reader reads a stream of the file from its beginning, or at any place.
type Reader struct {
	*io.SectionReader
	content Content
}

// Content reads the file itself. The error is for Run to return.
func (j *Job) Content() (*Reader, error) { return j.Stream(event.LabelContent) }

// HasStream tells whether the event has a stream with a label.
func (j *Job) HasStream(label event.Label) bool { return j.find(label) != nil }

func (j *Job) find(label event.Label) *event.Datastream {
	for i := range j.in.Event.Entity.Datastreams {
		if s := &j.in.Event.Entity.Datastreams[i]; s.Label == label {
			return s
		}
	}
	return nil
}

// Stream reads the first stream with a label. Each call gives a reader at the beginning.
func (j *Job) Stream(label event.Label) (*Reader, error) {
	s := j.find(label)
	if s == nil {
		return nil, ErrNoContent
	}
	if r := j.open[s.SHA256]; r != nil {
		return &Reader{io.NewSectionReader(r.content, 0, r.content.Size()), r.content}, nil
	}
	content, err := j.in.Open(j.ctx, *s)
	if err != nil {
		if errors.Is(err, ErrNoContent) {
			return nil, err
		}
		return nil, &readError{err}
	}
	content = &checkedContent{content}
	r := &Reader{io.NewSectionReader(content, 0, content.Size()), content}
	j.open[s.SHA256] = r
	j.out.cleanup = append(j.out.cleanup, func() { content.Close() })
	return r, nil
}

// readError is trouble with reading a stream, in contrast to trouble with what is in it.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// checkedContent marks errors of the stream as such.
type checkedContent struct{ Content }

func (c *checkedContent) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.Content.ReadAt(b, off)
	if err != nil && err != io.EOF {
		err = &readError{err}
	}
	return n, err
}

// Passwords lists what may open an encrypted file: the lines of the event's password_dictionary stream and of the submission's
// setting, in this order.
func (j *Job) Passwords() ([]string, error) {
	var text bytes.Buffer
	if j.HasStream(event.LabelPasswordDictionary) {
		r, err := j.Stream(event.LabelPasswordDictionary)
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(&text, io.LimitReader(r, 1<<20)); err != nil {
			return nil, err
		}
		text.WriteByte('\n')
	}
	text.WriteString(j.in.Event.Source.Settings["passwords"])
	var list []string
	for _, line := range strings.Split(text.String(), "\n") {
		if line = strings.TrimSuffix(line, "\r"); line != "" {
			list = append(list, line)
		}
	}
	return list, nil
}

// keep remembers the first mistake, so that it decides the job's end even when the plugin does not look at errors.
func (j *Job) keep(err error) error {
	if j.fault == nil {
		j.fault = err
	}
	return err
}

// Feature sets a value of a declared feature: an integer, a float64, text, bytes or a time, as its type says. Values over the
// limits are left out and the job ends as completed-with-errors.
func (j *Job) Feature(name string, value any, opts ...FeatureOption) error {
	return j.found.feature(name, value, opts)
}

func (f *findings) feature(name string, value any, opts []FeatureOption) error {
	if err := f.features.add(name, value, opts); err != nil {
		return f.job.keep(err)
	}
	return nil
}

// Info sets a key of the job's free JSON object.
func (j *Job) Info(key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return j.keep(&outputError{fmt.Sprintf("info %q cannot be written as JSON: %v", key, err)})
	}
	j.info[key] = raw
	return nil
}

// AddText adds a stream of text made from the file; language may be empty.
func (j *Job) AddText(r io.Reader, language string) error {
	return j.found.stream(event.LabelText, r, language)
}

// AddStream adds another representation of the file.
func (j *Job) AddStream(label event.Label, r io.Reader) error { return j.found.stream(label, r, "") }

func (f *findings) stream(label event.Label, r io.Reader, language string) error {
	if !label.Valid() || label == event.LabelContent {
		return f.job.keep(&outputError{fmt.Sprintf("a stream with label %q cannot be added", label)})
	}
	s, err := f.job.spool(label, r)
	if err != nil {
		return err
	}
	s.Language = language
	f.streams = append(f.streams, s)
	return nil
}

func (j *Job) spool(label event.Label, r io.Reader) (Stream, error) {
	s, cleanup, err := spool(j.in.TempDir, label, &contextReader{j.ctx, r})
	j.out.cleanup = append(j.out.cleanup, cleanup)
	return s, err
}

// contextReader ends when the job's time is over.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// NewChild is a file that was found inside another, and what is known of it.
type NewChild struct {
	findings
	content      Stream
	relationship map[string]string
}

// ChildOption describes a child.
type ChildOption func(*NewChild) error

// Relationship adds to how the child relates to its parent; without any it is {"action": "extracted"}.
func Relationship(key, value string) ChildOption {
	return func(c *NewChild) error { c.relationship[key] = value; return nil }
}

// Filename is the name under which the child was found.
func Filename(name string) ChildOption {
	return func(c *NewChild) error { return c.Feature("filename", name) }
}

// AddChild adds a file that was found inside the job's file. The same bytes added again give the same child, with both names.
func (j *Job) AddChild(r io.Reader, opts ...ChildOption) (*NewChild, error) {
	return j.found.child(r, opts)
}

// AddChild adds a file that was found inside this child.
func (c *NewChild) AddChild(r io.Reader, opts ...ChildOption) (*NewChild, error) {
	return c.child(r, opts)
}

// Feature sets a value on the child.
func (c *NewChild) Feature(name string, value any, opts ...FeatureOption) error {
	return c.feature(name, value, opts)
}

// AddStream adds another representation of the child.
func (c *NewChild) AddStream(label event.Label, r io.Reader) error { return c.stream(label, r, "") }

// Size is how many bytes the child has.
func (c *NewChild) Size() int64 { return c.content.Size }

func (f *findings) child(r io.Reader, opts []ChildOption) (*NewChild, error) {
	content, err := f.job.spool(event.LabelContent, r)
	if err != nil {
		return nil, err
	}
	if content.Size == 0 {
		return nil, f.job.keep(&outputError{"a child has no bytes"})
	}
	var c *NewChild
	for _, known := range f.children {
		if known.content.SHA256 == content.SHA256 {
			c = known
		}
	}
	if c == nil {
		c = &NewChild{content: content, relationship: map[string]string{}}
		c.findings = findings{job: f.job, features: newFeatures(f.features.declared)}
		f.children = append(f.children, c)
	}
	for _, o := range opts {
		if err := o(c); err != nil {
			return nil, err
		}
	}
	if len(c.relationship) == 0 {
		c.relationship["action"] = "extracted"
	}
	return c, nil
}
