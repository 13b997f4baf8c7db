package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"lazuli/event"
)

// MaxInfoBytes bounds a job's info as JSON; a key that would exceed it is left out.
const MaxInfoBytes = 1 << 20

const maxDictionaryBytes = 1 << 20 // of a password dictionary

// Job is one file for one run of a plugin, and what the run finds in it.
//
// Its methods are for Run's goroutine alone; only a Reader's ReadAt may be used by others. Errors that a method returns are
// for Run to return: those that only the platform can judge (a stream that cannot be read, a feature that was not declared,
// a full disk) decide the job's end even when Run overlooks them, see Err.
type Job struct {
	finding
	*execution
	declared  map[string]event.FeatureType
	children  int // on all levels
	info      map[string]json.RawMessage
	infoBytes int

	mu    sync.Mutex // guards first
	first error      // the first fault
}

// execution is what a plugin and its parts share while they run on one event: what they read, and the space for what they produce.
type execution struct {
	ctx   context.Context
	in    Input
	spool *spool
	open  map[string]Content // by label and SHA-256
}

func newExecution(ctx context.Context, in Input) *execution {
	return &execution{ctx: ctx, in: in, spool: newSpool(in.TempDir), open: map[string]Content{}}
}

// close ends what is kept open and on disk.
func (e *execution) close() {
	for _, c := range e.open {
		_ = c.Close() // it was only read
	}
	e.open = nil
	e.spool.close()
}

func newJob(e *execution, spec Spec) *Job {
	j := &Job{execution: e, declared: spec.declared(), info: map[string]json.RawMessage{}}
	j.finding = newFinding(j)
	return j
}

// Err is not nil when there is no point in going on: the job's time is over, or something went wrong that decides its end
// whatever Run returns.
func (j *Job) Err() error {
	if fault := j.fault(); fault != nil {
		return fault
	}
	return j.ctx.Err()
}

func (j *Job) fault() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first
}

// keepFault remembers the first fault and returns err.
func (j *Job) keepFault(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.first == nil {
		j.first = err
	}
	return err
}

// readFailed makes an error of reading a stream: a fault, unless the job's time was over anyway or there is no such stream.
func (j *Job) readFailed(err error) error {
	if j.ctx.Err() != nil || errors.Is(err, ErrNoContent) {
		return err
	}
	return j.keepFault(&readError{err})
}

// Event is the event that the job is about. It must not be changed.
func (j *Job) Event() *event.Binary { return j.in.Event }

// Format is the content's file_format, such as "archive/zip".
func (j *Job) Format() string {
	if s := j.datastream(event.LabelContent); s != nil && s.FileFormat != "" {
		return s.FileFormat
	}
	return j.in.Event.Entity.FileFormat
}

// Content reads the file itself. It is fetched by the first call. ErrNoContent if there is none, which Run just returns.
func (j *Job) Content() (*Reader, error) { return j.Stream(event.LabelContent) }

// HasStream tells whether the event has a stream with a label.
func (j *Job) HasStream(label event.Label) bool { return j.datastream(label) != nil }

func (j *Job) datastream(label event.Label) *event.Datastream {
	for i := range j.in.Event.Entity.Datastreams {
		if s := &j.in.Event.Entity.Datastreams[i]; s.Label == label {
			return s
		}
	}
	return nil
}

// Stream reads the first stream with a label. Every call returns a new reader at the stream's beginning. ErrNoContent if
// there is no such stream, or it is not stored.
func (j *Job) Stream(label event.Label) (*Reader, error) {
	s := j.datastream(label)
	if s == nil {
		return nil, fmt.Errorf("%w: the event has no %s", ErrNoContent, label)
	}
	id := string(s.Label) + "/" + s.SHA256
	if err := j.Err(); err != nil {
		return nil, err
	}
	c := j.open[id]
	if c == nil {
		var err error
		if c, err = j.in.Open(j.ctx, *s); err != nil {
			return nil, j.readFailed(err)
		}
		j.open[id] = c
	}
	return &Reader{content: &watchedContent{c, j.ctx, j}}, nil
}

// Passwords lists what may open an encrypted file, each once: the lines of the event's password_dictionary stream, then
// those of the submission's setting "passwords".
func (j *Job) Passwords() ([]string, error) {
	text := ""
	if j.HasStream(event.LabelPasswordDictionary) {
		r, err := j.Stream(event.LabelPasswordDictionary)
		if err != nil {
			return nil, err
		}
		dictionary, err := io.ReadAll(io.LimitReader(r, maxDictionaryBytes))
		if err != nil {
			return nil, err
		}
		text = string(dictionary) + "\n"
	}
	text += j.in.Event.Source.Settings["passwords"]
	var list []string
	known := map[string]bool{"": true}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSuffix(line, "\r"); !known[line] {
			known[line] = true
			list = append(list, line)
		}
	}
	return list, nil
}

// Info sets a key of the job's free JSON object.
func (j *Job) Info(key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return j.keepFault(&outputError{fmt.Sprintf("info %q cannot be written as JSON: %v", key, err)})
	}
	size := j.infoBytes - len(j.info[key]) + len(raw)
	if size > MaxInfoBytes {
		j.features.left(fmt.Sprintf("info had more than %d bytes", MaxInfoBytes))
		return nil
	}
	j.info[key], j.infoBytes = raw, size
	return nil
}
