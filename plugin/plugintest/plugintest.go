// Package plugintest runs a plugin over bytes and looks at what came of it.
//
//	func TestLines(t *testing.T) {
//		out := plugintest.Run(t, Lines{}, []byte("one\ntwo\n"), plugintest.Format("text/plain"))
//		plugintest.Golden(t, "testdata/lines.golden", out)
//	}
//
// Golden compares with a file that an analyst can read; Hostile gives a plugin what attackers make of good files. There is
// no platform behind it.
package plugintest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/plugin"
)

// Option changes the job that a plugin is given.
type Option func(*job)

// job is an event and its streams.
type job struct {
	event   *event.Binary
	streams map[string][]byte // by SHA-256
}

// Format says which file_format the file was identified as; without it, it is "unknown".
func Format(format string) Option {
	return func(j *job) {
		j.event.Entity.FileFormat, j.event.Entity.Datastreams[0].FileFormat = format, format
		j.event.Source.Path[0].FileFormat = format
	}
}

// Filename says under which name the file was found.
func Filename(name string) Option {
	return func(j *job) { j.event.Source.Path[0].Filename = name }
}

// Stream gives the file another stream, such as a password_dictionary.
func Stream(label event.Label, content []byte) Option {
	return func(j *job) {
		j.event.Entity.Datastreams = append(j.event.Entity.Datastreams, j.add(label, content))
	}
}

// Setting sets one of the submission's settings, such as "passwords".
func Setting(name, value string) Option {
	return func(j *job) { j.event.Source.Settings[name] = value }
}

// Event changes the event in any other way.
func Event(change func(*event.Binary)) Option {
	return func(j *job) { change(j.event) }
}

// Run runs a plugin on a file. The outcome is closed when the test ends, and then nothing that the run put on disk may be
// left.
func Run(t testing.TB, p plugin.Plugin, content []byte, opts ...Option) *plugin.Outcome {
	t.Helper()
	dir := t.TempDir()
	out := newJob(content, opts).run(t.Context(), dir, p)
	t.Cleanup(func() {
		out.Close()
		expectEmpty(t, dir)
	})
	return out
}

func expectEmpty(t testing.TB, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the run left %d files behind (%v)", len(left), err)
	}
}

func newJob(content []byte, opts []Option) *job {
	j := &job{streams: map[string][]byte{}}
	at := event.At(time.Date(2025, 5, 5, 1, 2, 3, 0, time.UTC))
	author := event.Author{Category: "user", Name: "tester"}
	stream := j.add(event.LabelContent, content)
	j.event = &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: at, Author: author},
		Action: event.Sourced,
		Entity: event.Entity{
			SHA256: stream.SHA256, Size: stream.Size, FileFormat: stream.FileFormat, Datastreams: []event.Datastream{stream},
		},
		Source: event.Source{
			Name: "test", Timestamp: at, Settings: map[string]string{},
			Path: event.Path{{Author: author, Action: event.Sourced, SHA256: stream.SHA256, Timestamp: at, Size: stream.Size}},
		},
	}
	for _, o := range opts {
		o(j)
	}
	return j
}

func (j *job) add(label event.Label, content []byte) event.Datastream {
	sum := sha256.Sum256(content)
	sha := hex.EncodeToString(sum[:])
	j.streams[sha] = content
	return event.Datastream{Label: label, SHA256: sha, Size: uint64(len(content)), FileFormat: "unknown"}
}

func (j *job) run(ctx context.Context, dir string, p plugin.Plugin) *plugin.Outcome {
	return plugin.Execute(ctx, p, plugin.Input{Event: j.event, TempDir: dir,
		Open: func(_ context.Context, s event.Datastream) (plugin.Content, error) {
			content, ok := j.streams[s.SHA256]
			if !ok {
				return nil, plugin.ErrNoContent
			}
			return memory{bytes.NewReader(content)}, nil
		}})
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }
