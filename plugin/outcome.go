package plugin

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"lazuli/event"
)

// Input is what one run is given.
type Input struct {
	Event *event.Binary
	// Open opens one of the event's streams. It is called lazily, when the plugin first reads the stream.
	Open func(ctx context.Context, s event.Datastream) (Content, error)
	// TempDir is where what the plugin produces is kept until the outcome is closed.
	TempDir string
}

// Content is a stream that is being read.
type Content interface {
	io.ReaderAt
	Size() int64 // bytes
	Close() error
}

// Outcome is what one run left behind. State, Error and Message are as a status event carries them.
type Outcome struct {
	State   event.State
	Error   string
	Message string
	Runtime time.Duration

	Features []event.Feature // of the file itself, without those of its children
	Info     json.RawMessage // a JSON object, or nil
	Streams  []Stream        // made from the file itself
	Children []*Child
	Parts    []PartOutcome // of the parts that ran

	cleanup []func()
}

// PartOutcome is what one part of a plugin left behind. It is closed with the plugin's.
type PartOutcome struct {
	Part string // its name
	Outcome
}

// Close removes what the outcome keeps on disk.
func (o *Outcome) Close() {
	for _, f := range o.cleanup {
		f()
	}
	o.cleanup = nil
}

// Stream is a stream that a run produced: for a child also its content.
type Stream struct {
	Label    event.Label
	Language string
	SHA256   string // lower-case hex
	Size     int64  // bytes
	Open     func() (io.ReadCloser, error)
}

// Child is a file that a run found inside another. The same bytes found twice under one parent are one child with two
// filenames.
type Child struct {
	Content      Stream
	Relationship map[string]string
	Features     []event.Feature
	Streams      []Stream
	Children     []*Child
}
