package plugin

import (
	"bytes"
	"context"
	"errors"
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
}

func (p funcPlugin) Spec() Spec {
	return Spec{Name: "Func", Version: "1", Timeout: p.timeout, Features: []Feature{
		{"count", event.Integer, "a number"}, {"ratio", event.Float, "a ratio"}, {"raw", event.Bytes, "bytes"}, {"when", event.Datetime, "a time"}}}
}

func (p funcPlugin) Run(ctx context.Context, job *Job) error { return p.run(ctx, job) }

type content struct{ *bytes.Reader }

func (content) Close() error { return nil }

// execute runs fn over a file and expects that nothing is left on disk when the outcome is closed.
func execute(t *testing.T, fn func(context.Context, *Job) error, change ...func(*Input, *funcPlugin)) *Outcome {
	t.Helper()
	dir := t.TempDir()
	ev := &event.Binary{Action: event.Sourced, Entity: event.Entity{SHA256: "aa", Datastreams: []event.Datastream{
		{Label: event.LabelContent, SHA256: "aa", Size: 5}, {Label: event.LabelPasswordDictionary, SHA256: "bb", Size: 10}}},
		Source: event.Source{Settings: map[string]string{"passwords": "from settings\n"}, Path: event.Path{{SHA256: "aa"}}}}
	in := Input{Event: ev, TempDir: dir, Open: func(_ context.Context, s event.Datastream) (Content, error) {
		if s.SHA256 == "bb" {
			return content{bytes.NewReader([]byte("one\r\ntwo\n"))}, nil
		}
		return content{bytes.NewReader([]byte("12345"))}, nil
	}}
	p := funcPlugin{run: fn}
	for _, c := range change {
		c(&in, &p)
	}
	out := Execute(t.Context(), p, in)
	t.Cleanup(func() {
		out.Close()
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%d files are left", len(left))
		}
	})
	return out
}

func TestStates(t *testing.T) {
	broken := errors.New("the store is away")
	opens := func(err error) func(*Input, *funcPlugin) {
		return func(in *Input, _ *funcPlugin) {
			in.Open = func(context.Context, event.Datastream) (Content, error) { return nil, err }
		}
	}
	read := func(_ context.Context, job *Job) error { _, err := job.Content(); return err }
	for _, c := range []struct {
		name   string
		run    func(context.Context, *Job) error
		change func(*Input, *funcPlugin)
		state  event.State
		code   string
		text   string
		values int
	}{
		{"nothing found", func(context.Context, *Job) error { return nil }, nil, event.CompletedEmpty, "", "", 0},
		{"found", func(_ context.Context, job *Job) error { return job.Feature("count", 7) }, nil, event.Completed, "", "", 1},
		{"opt out", func(_ context.Context, job *Job) error {
			return errors.Join(job.Feature("count", 7), OptOut("wrong_file_type", "not mine"))
		}, nil, event.OptOut, "wrong_file_type", "not mine", 0},
		{"malformed", func(_ context.Context, job *Job) error {
			return errors.Join(job.Feature("count", 7), Malformed("cut short"))
		}, nil, event.CompletedWithErrors, "", "cut short", 2},
		{"partial", func(_ context.Context, job *Job) error { return errors.Join(job.Feature("count", 7), Partial("more")) }, nil,
			event.CompletedWithErrors, "", "more", 1},
		{"exception", func(_ context.Context, job *Job) error { return errors.Join(job.Feature("count", 7), errors.New("oops")) }, nil,
			event.ErrorException, "*errors.joinError", "oops", 0},
		{"panic", func(context.Context, *Job) error { panic("at the disco") }, nil, event.ErrorException, "panic", "at the disco", 0},
		{"undeclared", func(_ context.Context, job *Job) error { job.Feature("nope", 1); return nil }, nil, event.ErrorOutput, "Invalid Plugin Output", `"nope" is not declared`, 0},
		{"wrong type", func(_ context.Context, job *Job) error { job.Feature("count", "seven"); return nil }, nil, event.ErrorOutput, "Invalid Plugin Output", "string is not a value of type integer", 0},
		{"no JSON", func(_ context.Context, job *Job) error { job.Info("x", func() {}); return nil }, nil, event.ErrorOutput, "Invalid Plugin Output", "cannot be written", 0},
		{"bad label", func(_ context.Context, job *Job) error { job.AddStream("bogus", strings.NewReader("x")); return nil }, nil, event.ErrorOutput, "Invalid Plugin Output", "bogus", 0},
		{"empty child", func(_ context.Context, job *Job) error { job.AddChild(strings.NewReader("")); return nil }, nil, event.ErrorOutput, "Invalid Plugin Output", "no bytes", 0},
		{"not stored", read, opens(ErrNoContent), event.OptOut, "no_content", "requires binary content", 0},
		{"store away", read, opens(broken), event.ErrorNetwork, "Storage Failure", "away", 0},
		{"too slow", func(ctx context.Context, _ *Job) error { <-ctx.Done(); return ctx.Err() },
			func(_ *Input, p *funcPlugin) { p.timeout = time.Millisecond }, event.ErrorTimeout, "timeout", "time was over", 0},
		{"too deep", func(context.Context, *Job) error { return errors.New("must not run") },
			func(in *Input, _ *funcPlugin) { in.Event.Source.Path = make(event.Path, MaxDepth) }, event.OptOut, "depth_limit", "10 levels", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*Input, *funcPlugin) {}
			}
			out := execute(t, c.run, change)
			if out.State != c.state || out.Error != c.code || !strings.Contains(out.Message, c.text) || len(out.Features) != c.values {
				t.Errorf("%s %q %q with %d values; want %s %q %q with %d", out.State, out.Error, out.Message, len(out.Features), c.state, c.code, c.text, c.values)
			}
		})
	}
}

func TestValues(t *testing.T) {
	out := execute(t, func(_ context.Context, job *Job) error {
		return errors.Join(job.Feature("count", uint64(1<<63)), job.Feature("ratio", 0.1), job.Feature("raw", []byte{0, 255}),
			job.Feature("when", time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))),
			job.Feature("filename", "bad\xffname", Label("l"), At(0, 3)), job.Feature("filename", "bad\xffname", Label("l"), At(0, 3)))
	})
	want := []string{"9223372036854775808", "0.1", "AP8=", "2024-01-02T02:04:05Z", "bad\ufffdname"}
	if len(out.Features) != len(want) {
		t.Fatalf("%d values: %+v", len(out.Features), out.Features)
	}
	for i, f := range out.Features {
		if f.Value != want[i] {
			t.Errorf("%s is %q, want %q", f.Name, f.Value, want[i])
		}
	}
	if last := out.Features[4]; last.Label != "l" || *last.Offset != 0 || *last.Size != 3 {
		t.Errorf("label and place: %+v", last)
	}
}

func TestLimits(t *testing.T) {
	out := execute(t, func(_ context.Context, job *Job) error {
		for i := range MaxValuesPerFeature + 5 {
			if err := job.Feature("count", i); err != nil {
				return err
			}
		}
		return job.Feature("filename", strings.Repeat("é", MaxValueLength+1))
	})
	if out.State != event.CompletedWithErrors || len(out.Features) != MaxValuesPerFeature+1 || !strings.Contains(out.Message, "more than 1000 values") {
		t.Errorf("%s with %d values: %s", out.State, len(out.Features), out.Message)
	}
	if n := len([]rune(out.Features[MaxValuesPerFeature].Value)); n != MaxValueLength {
		t.Errorf("the long value has %d characters", n)
	}
}

func TestChildrenAndStreams(t *testing.T) {
	big := strings.Repeat("big ", 100_000)
	out := execute(t, func(_ context.Context, job *Job) error {
		passwords, err := job.Passwords()
		if err != nil || strings.Join(passwords, "|") != "one|two|from settings" {
			t.Errorf("passwords %q %v", passwords, err)
		}
		first, err := job.AddChild(strings.NewReader(big), Filename("a"))
		if err != nil {
			return err
		}
		if _, err := first.AddChild(strings.NewReader("grandchild"), Relationship("action", "unpacked")); err != nil {
			return err
		}
		if _, err := job.AddChild(strings.NewReader(big), Filename("b")); err != nil {
			return err
		}
		return job.AddText(strings.NewReader("text"), "english")
	})
	if len(out.Children) != 1 || len(out.Children[0].Features) != 2 || len(out.Children[0].Children) != 1 || len(out.Streams) != 1 {
		t.Fatalf("%s %s: %+v", out.State, out.Message, out.Children)
	}
	c := out.Children[0]
	if c.Relationship["action"] != "extracted" || c.Children[0].Relationship["action"] != "unpacked" || out.Streams[0].Language != "english" {
		t.Errorf("relationships %v %v, language %q", c.Relationship, c.Children[0].Relationship, out.Streams[0].Language)
	}
	for range 2 { // a stream can be read again
		r, err := c.Content.Open()
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(r); err != nil || got.String() != big || c.Content.Size != int64(len(big)) {
			t.Fatalf("%d bytes, %v", got.Len(), err)
		}
		r.Close()
	}
}
