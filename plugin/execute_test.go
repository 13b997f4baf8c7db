package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"lazuli/event"
)

// funcPlugin runs a function.
type funcPlugin struct {
	run     func(context.Context, *Job) error
	timeout time.Duration
	more    []Feature // declared besides count, ratio, raw, when and link
}

func (p funcPlugin) Spec() Spec {
	return Spec{Name: "Func", Version: "1", Timeout: p.timeout, Features: append([]Feature{
		{"count", event.Integer, "a number"}, {"ratio", event.Float, "a ratio"}, {"raw", event.Bytes, "bytes"},
		{"when", event.Datetime, "a time"}, {"link", event.URI, "a link"}, {"note", event.String, "a text"},
	}, p.more...)}
}

func (p funcPlugin) Run(ctx context.Context, job *Job) error { return p.run(ctx, job) }

type content struct{ io.ReaderAt }

func (content) Size() int64  { return int64(len(fileText)) }
func (content) Close() error { return nil }

// readAtFunc is a stream that can be told to fail.
type readAtFunc func([]byte, int64) (int, error)

func (f readAtFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

const (
	fileText       = "12345"
	dictionaryText = "one\r\ntwo\n\none\n"
)

type change = func(*Input, *funcPlugin)

// execute runs fn over a file with fileText, and expects that nothing is left on disk when the outcome is closed.
func execute(t *testing.T, fn func(context.Context, *Job) error, changes ...change) *Outcome {
	t.Helper()
	dir := t.TempDir()
	ev := &event.Binary{Action: event.Sourced, Entity: event.Entity{SHA256: "aa", FileFormat: "text/plain", Datastreams: []event.Datastream{
		{Label: event.LabelContent, SHA256: "aa", Size: 5, FileFormat: "text/digits"}, {Label: event.LabelPasswordDictionary, SHA256: "bb", Size: 10}}},
		Source: event.Source{Settings: map[string]string{"passwords": "from settings\ntwo\n"}, Path: event.Path{{SHA256: "aa"}}}}
	in := Input{Event: ev, TempDir: dir, Open: func(_ context.Context, s event.Datastream) (Content, error) {
		if s.SHA256 == "bb" {
			return memory{bytes.NewReader([]byte(dictionaryText))}, nil
		}
		return memory{bytes.NewReader([]byte(fileText))}, nil
	}}
	p := funcPlugin{run: fn}
	for _, c := range changes {
		c(&in, &p)
	}
	out := Execute(t.Context(), p, in)
	t.Cleanup(func() {
		out.Close()
		out.Close() // twice is harmless
		if left, err := os.ReadDir(dir); err == nil && len(left) > 0 {
			t.Errorf("%d files are left on disk", len(left))
		}
	})
	return out
}

// opening makes every stream be answered by open.
func opening(open func() (Content, error)) change {
	return func(in *Input, _ *funcPlugin) {
		in.Open = func(context.Context, event.Datastream) (Content, error) { return open() }
	}
}

func failingWith(err error) change {
	return opening(func() (Content, error) { return nil, err })
}

func timeout(d time.Duration) change {
	return func(_ *Input, p *funcPlugin) { p.timeout = d }
}

func readAll(_ context.Context, job *Job) error {
	r, err := job.Content()
	if err != nil {
		return err
	}
	_, err = io.ReadAll(r)
	return err
}

// found is a run that finds a value, a stream and a large child, and then ends with err.
func found(err error) func(context.Context, *Job) error {
	return func(_ context.Context, job *Job) error {
		_, childErr := job.AddChild(strings.NewReader(strings.Repeat("x", 2*smallBytes)))
		return errors.Join(job.Feature("count", 7), job.AddText(strings.NewReader("text"), ""), job.Info("k", 1), childErr, err)
	}
}

func TestStates(t *testing.T) {
	away := errors.New("the store is away")
	breaking := opening(func() (Content, error) {
		return content{readAtFunc(func([]byte, int64) (int, error) { return 0, away })}, nil
	})
	waits := func(err func(context.Context) error) func(context.Context, *Job) error {
		return func(ctx context.Context, job *Job) error {
			<-ctx.Done()
			return errors.Join(job.Feature("count", 1), err(ctx))
		}
	}
	for _, c := range []struct {
		name   string
		run    func(context.Context, *Job) error
		change change
		state  event.State
		code   string
		text   string
		values int // features that are kept
	}{
		{"nothing found", found0, nil, event.CompletedEmpty, "", "", 0},
		{"found", found(nil), nil, event.Completed, "", "", 1},
		{"opt out", found(OptOut("wrong_file_type", "not mine")), nil, event.OptOut, "wrong_file_type", "not mine", 0},
		{"malformed", found(Malformed("cut short")), nil, event.CompletedWithErrors, "", "cut short", 2},
		{"partial", found(fmt.Errorf("wrapped: %w", Partial("more"))), nil, event.CompletedWithErrors, "", "more", 1},
		{"exception", found(errors.New("oops")), nil, event.ErrorException, "exception", "oops", 0},
		{"panic", func(ctx context.Context, job *Job) error { _ = found(nil)(ctx, job); panic("at the disco") }, nil,
			event.ErrorException, "panic", "panic: at the disco\n\ngoroutine", 0},
		{"panic after a mistake", func(_ context.Context, job *Job) error { _ = job.Feature("nope", 1); panic("at the disco") }, nil,
			event.ErrorException, "panic", "at the disco", 0},

		{"undeclared, and overlooked", func(_ context.Context, job *Job) error { _ = job.Feature("nope", 1); return nil }, nil,
			event.ErrorOutput, "Invalid Plugin Output", `"nope" is not declared`, 0},
		{"undeclared wins over an opt-out", func(_ context.Context, job *Job) error { _ = job.Feature("nope", 1); return OptOut("a", "b") }, nil,
			event.ErrorOutput, "Invalid Plugin Output", `"nope"`, 0},
		{"undeclared on a child", func(_ context.Context, job *Job) error {
			c, err := job.AddChild(strings.NewReader("child"))
			_ = c.Feature("nope", 1)
			return err
		}, nil, event.ErrorOutput, "Invalid Plugin Output", `"nope"`, 0},
		{"wrong type", func(_ context.Context, job *Job) error { return job.Feature("count", "seven") }, nil,
			event.ErrorOutput, "Invalid Plugin Output", "string is not a value of type integer", 0},
		{"no JSON", func(_ context.Context, job *Job) error { _ = job.Info("x", func() {}); return nil }, nil,
			event.ErrorOutput, "Invalid Plugin Output", "cannot be written", 0},
		{"unknown label", func(_ context.Context, job *Job) error {
			_ = job.AddStream("bogus", strings.NewReader("x"))
			return nil
		}, nil,
			event.ErrorOutput, "Invalid Plugin Output", "bogus", 0},
		{"content as a stream", func(_ context.Context, job *Job) error {
			return job.AddStream(event.LabelContent, strings.NewReader("x"))
		}, nil, event.ErrorOutput, "Invalid Plugin Output", "content", 0},
		{"empty child", func(_ context.Context, job *Job) error { _, err := job.AddChild(strings.NewReader("")); return err }, nil,
			event.ErrorOutput, "Invalid Plugin Output", "no bytes", 0},
		{"malformed of another type", found(Malformed("x")),
			func(_ *Input, p *funcPlugin) { p.more = []Feature{{"malformed", event.Integer, "wrong"}} },
			event.ErrorOutput, "Invalid Plugin Output", `"malformed"`, 0},

		{"read", readAll, nil, event.CompletedEmpty, "", "", 0},
		{"not stored", readAll, failingWith(fmt.Errorf("404: %w", ErrNoContent)), event.OptOut, "no_content",
			"plugin requires binary content but none exists", 0},
		{"no stream at all", readAll, func(in *Input, _ *funcPlugin) { in.Event.Entity.Datastreams = nil }, event.OptOut, "no_content",
			"plugin requires binary content", 0},
		{"store away", readAll, failingWith(away), event.ErrorNetwork, "Storage Failure", "away", 0},
		{"store breaks off", readAll, breaking, event.ErrorNetwork, "Storage Failure", "away", 0},
		{"store breaks off, and overlooked", func(ctx context.Context, job *Job) error {
			_ = readAll(ctx, job)
			return Malformed("it looks damaged")
		}, breaking, event.ErrorNetwork, "Storage Failure", "away", 0},
		{"disk full", found(nil), func(in *Input, _ *funcPlugin) { in.TempDir += "/nowhere" }, event.ErrorRunner, "Temporary Storage Failure",
			"keep what was found", 0},

		{"too slow", waits(context.Context.Err), timeout(time.Millisecond), event.ErrorTimeout, "PluginTimeout Error", "time was over", 0},
		{"too slow, and overlooked", waits(func(context.Context) error { return Malformed("cut off") }), timeout(time.Millisecond),
			event.ErrorTimeout, "PluginTimeout Error", "cut off", 0},
		{"too slow, and content with it", waits(func(context.Context) error { return Partial("no time for more") }), timeout(time.Millisecond),
			event.CompletedWithErrors, "", "no time for more", 1},
		{"too deep", func(context.Context, *Job) error { panic("must not run") },
			func(in *Input, _ *funcPlugin) { in.Event.Source.Path = make(event.Path, MaxDepth) }, event.OptOut, "depth_limit", "10 levels", 0},
		{"almost too deep", found(nil), func(in *Input, _ *funcPlugin) { in.Event.Source.Path = make(event.Path, MaxDepth-1) },
			event.Completed, "", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var changes []change
			if c.change != nil {
				changes = append(changes, c.change)
			}
			out := execute(t, c.run, changes...)
			if out.State != c.state || out.Error != c.code || !strings.Contains(out.Message, c.text) || len(out.Features) != c.values {
				t.Errorf("%s %q %q with %d values; want %s %q %q with %d",
					out.State, out.Error, out.Message, len(out.Features), c.state, c.code, c.text, c.values)
			}
			if kept := len(out.Children) + len(out.Streams) + len(out.Info); !c.state.Success() && kept > 0 {
				t.Errorf("%s keeps children, streams or info", c.state)
			}
			if c.text == "" && out.Message != "" {
				t.Errorf("an unexpected message: %s", out.Message)
			}
		})
	}
}

func found0(context.Context, *Job) error { return nil }

// TestTimeIsOver: everything that a job can do ends with its time, so that a loop over any of it ends.
func TestTimeIsOver(t *testing.T) {
	out := execute(t, func(ctx context.Context, job *Job) error {
		r, err := job.Content()
		if err != nil {
			return err
		}
		<-ctx.Done()
		for name, err := range map[string]error{
			"Err": job.Err(), "AddText": job.AddText(strings.NewReader("x"), ""),
			"Read":      func() error { _, err := r.Read(make([]byte, 1)); return err }(),
			"AddChild":  func() error { _, err := job.AddChild(strings.NewReader("x")); return err }(),
			"Passwords": func() error { _, err := job.Passwords(); return err }(),
		} {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s returns %v", name, err)
			}
		}
		return job.Err()
	}, timeout(5*time.Millisecond))
	if out.State != event.ErrorTimeout || out.Runtime < 5*time.Millisecond {
		t.Errorf("%s after %s", out.State, out.Runtime)
	}
}

// TestInput is what a plugin learns of its file.
func TestInput(t *testing.T) {
	opened := 0
	out := execute(t, func(_ context.Context, job *Job) error {
		if opened != 0 {
			t.Error("the content is fetched before anybody asks for it")
		}
		for range 2 { // each reader begins anew
			r, err := job.Content()
			if err != nil {
				return err
			}
			if text, err := io.ReadAll(r); err != nil || string(text) != fileText || r.Size() != 5 {
				t.Errorf("content %q of %d bytes, %v", text, r.Size(), err)
			}
		}
		if opened != 1 {
			t.Errorf("the content was fetched %d times", opened)
		}
		passwords, err := job.Passwords()
		if strings.Join(passwords, "|") != "one|two|from settings" {
			t.Errorf("passwords %q", passwords)
		}
		if job.HasStream(event.LabelText) || !job.HasStream(event.LabelContent) || job.Format() != "text/digits" || job.Event().Entity.SHA256 != "aa" {
			t.Errorf("format %q, event %+v", job.Format(), job.Event())
		}
		if _, err := job.Stream(event.LabelText); !errors.Is(err, ErrNoContent) {
			t.Errorf("a stream that is not there: %v", err)
		}
		return err
	}, func(in *Input, _ *funcPlugin) {
		open := in.Open
		in.Open = func(ctx context.Context, s event.Datastream) (Content, error) {
			if s.Label == event.LabelContent {
				opened++
			}
			return open(ctx, s)
		}
	})
	if out.State != event.CompletedEmpty {
		t.Errorf("%s %s", out.State, out.Message)
	}
}

// TestClosesStreams: what was opened is closed with the outcome, also after a panic.
func TestClosesStreams(t *testing.T) {
	closed := 0
	out := Execute(t.Context(), funcPlugin{run: func(_ context.Context, job *Job) error {
		if _, err := job.Content(); err != nil {
			return err
		}
		panic("before the end")
	}}, Input{
		Event: &event.Binary{Entity: event.Entity{Datastreams: []event.Datastream{{Label: event.LabelContent}}}},
		Open: func(context.Context, event.Datastream) (Content, error) {
			return closing{memory{bytes.NewReader(nil)}, &closed}, nil
		},
	})
	out.Close()
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

type closing struct {
	Content
	closed *int
}

func (c closing) Close() error { *c.closed++; return c.Content.Close() }

func TestInfo(t *testing.T) {
	out := execute(t, func(_ context.Context, job *Job) error {
		return errors.Join(job.Info("b", []int{1}), job.Info("a", "old"), job.Info("a", map[string]any{"x": nil}),
			job.Info("large", strings.Repeat("x", MaxInfoBytes)))
	})
	if string(out.Info) != `{"a":{"x":null},"b":[1]}` || out.State != event.CompletedWithErrors || !strings.Contains(out.Message, "info had more than") {
		t.Errorf("%s %s: %s", out.State, out.Message, out.Info)
	}
	if !json.Valid(out.Info) {
		t.Error("not JSON")
	}
}
