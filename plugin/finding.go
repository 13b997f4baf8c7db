package plugin

import (
	"fmt"
	"io"
	"slices"

	"lazuli/event"
)

// finding is what was found of one file: the job's own, or one inside it. A Job and a NewChild share its methods.
type finding struct {
	job      *Job
	features features
	streams  []Stream
	inside   []*NewChild
	bySHA256 map[string]*NewChild // of inside
}

func newFinding(j *Job) finding {
	return finding{job: j, features: newFeatures(j.declared), bySHA256: map[string]*NewChild{}}
}

// Feature sets a value of a feature that the plugin declared: any integer, float, text, []byte or time.Time, as its type
// says; a bool becomes the text true or false. The same value again changes nothing. Values over the limits are left out,
// and the job ends as completed-with-errors.
func (f *finding) Feature(name string, value any, opts ...FeatureOption) error {
	if err := f.features.add(name, value, opts); err != nil {
		return f.job.keepFault(err)
	}
	return nil
}

// AddText adds text made from the file; language names its language or notation, and may be empty.
func (f *finding) AddText(r io.Reader, language string) error {
	return f.addStream(event.LabelText, r, language)
}

// AddStream adds another representation of the file.
func (f *finding) AddStream(label event.Label, r io.Reader) error { return f.addStream(label, r, "") }

func (f *finding) addStream(label event.Label, r io.Reader, language string) error {
	if !label.Valid() || label == event.LabelContent {
		return f.job.keepFault(&outputError{fmt.Sprintf("a stream with label %q cannot be added", label)})
	}
	if len(f.streams) >= MaxStreams {
		return f.leave(fmt.Sprintf("there were more than %d streams", MaxStreams))
	}
	s, err := f.put(label, r)
	if err != nil {
		return err
	}
	s.Language = language
	f.streams = append(f.streams, s.Stream)
	return nil
}

// leave notes that something was left out, and returns it as an error that keeps the rest.
func (f *finding) leave(why string) error {
	f.features.left(why)
	return Partial(why)
}

// put reads a produced stream. An error of r is the plugin's to judge; one of the disk is a fault.
func (f *finding) put(label event.Label, r io.Reader) (spooled, error) {
	if err := f.job.Err(); err != nil {
		return spooled{}, err
	}
	s, err := f.job.spool.keep(f.job.ctx, label, r)
	if _, disk := asError[*spoolError](err); disk {
		return s, f.job.keepFault(err)
	}
	if err == errSpoolFull {
		f.features.left(err.Error())
	}
	return s, err
}

// NewChild is a file that was found inside another: set its features, and add what is inside of it in turn.
type NewChild struct {
	finding
	content      Stream
	relationship map[string]string
}

// Size is how many bytes the child has.
func (c *NewChild) Size() int64 { return c.content.Size }

// SHA256 is the child's, in lower-case hex.
func (c *NewChild) SHA256() string { return c.content.SHA256 }

// Open reads the child from its beginning.
func (c *NewChild) Open() (io.ReadCloser, error) { return c.content.Open() }

// ChildOption describes a child.
type ChildOption func(*NewChild) error

// Relationship adds to how the child relates to its parent; without any it is {"action": "extracted"}.
func Relationship(key, value string) ChildOption {
	return func(c *NewChild) error {
		c.relationship[key] = c.features.clip(value, "a relationship")
		return nil
	}
}

// Filename is a name under which the child was found.
func Filename(name string) ChildOption {
	return func(c *NewChild) error { return c.Feature("filename", name) }
}

// AddChild adds a file that was found inside. The same bytes again give the same child, with both names. An error of r comes
// back as it is, and then there is no child; so it is with ErrAround. A child without any bytes is a mistake.
func (f *finding) AddChild(r io.Reader, opts ...ChildOption) (*NewChild, error) {
	content, err := f.put(event.LabelContent, r)
	if err != nil {
		return nil, err
	}
	if content.Size == 0 {
		return nil, f.job.keepFault(&outputError{"a child has no bytes"})
	}
	c := f.bySHA256[content.SHA256]
	switch {
	case c != nil:
		f.job.spool.drop(content)
	case f.job.around(content.SHA256):
		f.job.spool.drop(content)
		return nil, ErrAround
	case f.job.children >= MaxChildren:
		f.job.spool.drop(content)
		return nil, f.leave(fmt.Sprintf("there were more than %d files inside", MaxChildren))
	default:
		c = &NewChild{finding: newFinding(f.job), content: content.Stream, relationship: map[string]string{}}
		f.job.children++
		f.inside = append(f.inside, c)
		f.bySHA256[content.SHA256] = c
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

// around tells whether a file is the job's own, or one that it came out of.
func (j *Job) around(sha256 string) bool {
	return slices.ContainsFunc(j.in.Event.Source.Path, func(n event.PathNode) bool { return n.SHA256 == sha256 })
}

// export copies the children for the outcome.
func (f *finding) export() []*Child {
	var list []*Child
	for _, c := range f.inside {
		list = append(list, &Child{
			Content: c.content, Relationship: c.relationship, Features: c.features.values, Streams: c.streams, Children: c.export(),
		})
	}
	return list
}

// cuts appends why something was left out, here and in all children, each reason once.
func (f *finding) cuts(known []string) []string {
	for _, why := range f.features.cut {
		if !slices.Contains(known, why) {
			known = append(known, why)
		}
	}
	for _, c := range f.inside {
		known = c.cuts(known)
	}
	return known
}
