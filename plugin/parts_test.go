package plugin

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/worker/dispatchertest"
)

// partsPlugin has parts and a run of its own.
type partsPlugin struct {
	specOnly
	run func(context.Context, *Job) error
}

func (p partsPlugin) Run(ctx context.Context, job *Job) error { return p.run(ctx, job) }

func nothing(context.Context, *Job) error { return nil }

// inParts is a plugin with a part for digits that finds something, one that fails, one for another format, and one for every format.
func inParts(run func(context.Context, *Job) error) partsPlugin {
	return partsPlugin{specOnly{Spec{
		Name: "Many", Version: "1", Features: []Feature{{"count", event.Integer, "a number"}},
		Parts: []Part{
			{Name: "digits", Description: "Counts digits.", Formats: []string{"text/x", "text/digits"}, Run: found(nil)},
			{Name: "broken", Formats: []string{"text/"}, Run: func(context.Context, *Job) error { panic("at the disco") }},
			{Name: "shy", Run: func(_ context.Context, job *Job) error { return errors.Join(job.Feature("count", 1), ErrNotMine) }},
			{Name: "other", Formats: []string{"image/"}, Run: found(nil)},
			{Name: "any", Run: func(_ context.Context, job *Job) error {
				return errors.Join(readAll(context.Background(), job), OptOut("none", "nothing for it"))
			}},
		},
	}}, run}
}

func executeParts(t *testing.T, p Plugin, format string) *Outcome {
	t.Helper()
	dir := t.TempDir()
	ev := &event.Binary{Entity: event.Entity{Datastreams: []event.Datastream{{Label: event.LabelContent, SHA256: "aa", Size: 5, FileFormat: format}}}}
	opened := 0
	out := Execute(t.Context(), p, Input{Event: ev, TempDir: dir, Open: func(context.Context, event.Datastream) (Content, error) {
		if opened++; opened > 1 {
			t.Error("the content was fetched twice")
		}
		return content{strings.NewReader(fileText)}, nil
	}})
	t.Cleanup(func() {
		out.Close()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%d files are left on disk (%v)", len(left), err)
		}
	})
	return out
}

// TestParts: parts run on their formats, each with findings and an end of its own.
func TestParts(t *testing.T) {
	out := executeParts(t, inParts(readAllOfJob), "text/digits")
	var ends []string
	for _, p := range out.Parts {
		ends = append(ends, p.Part+" "+string(p.State))
	}
	if want := []string{"digits completed", "broken error-exception", "any opt-out"}; !slices.Equal(ends, want) || out.State != event.CompletedEmpty {
		t.Fatalf("%s %s with parts %q, want %q", out.State, out.Message, ends, want)
	}
	if p := out.Parts[0]; len(p.Features) != 1 || len(p.Children) != 1 || len(p.Streams) != 1 || len(out.Features)+len(out.Children) != 0 {
		t.Errorf("the part found %+v, the plugin %+v", p.Outcome, out)
	}
	if text := out.Text(); !strings.Contains(text, "part digits: completed\n  count (integer) = \"7\"\n") || !strings.Contains(text, "part broken: error-exception (panic): panic: at the disco\n") {
		t.Errorf("as text:\n%s", text)
	}
}

// readAllOfJob reads the content, which its parts then need not fetch again.
func readAllOfJob(ctx context.Context, job *Job) error { return readAll(ctx, job) }

// TestPartsDoNotRun: what the plugin itself says of a file counts for all parts.
func TestPartsDoNotRun(t *testing.T) {
	for _, c := range []struct {
		name, format string
		run          func(context.Context, *Job) error
		want         event.State
	}{
		{"the plugin opts out", "text/digits", func(context.Context, *Job) error { return OptOut("mine_not", "not mine") }, event.OptOut},
		{"the plugin fails", "text/digits", func(context.Context, *Job) error { return errors.New("no") }, event.ErrorException},
	} {
		if out := executeParts(t, inParts(c.run), c.format); out.State != c.want || out.Parts != nil {
			t.Errorf("%s: %s with %d parts", c.name, out.State, len(out.Parts))
		}
	}
	p := inParts(nothing)
	p.spec.Parts = p.spec.Parts[:4]
	if out := executeParts(t, p, "audio/mp3"); out.State != event.OptOut || out.Error != "wrong_file_type" || out.Message != "no part of Many is for audio/mp3" {
		t.Errorf("no part: %s %s %s", out.State, out.Error, out.Message)
	}
}

// TestPartTimesOut: the time is that of the plugin and its parts together; what a part found in time stays.
func TestPartTimesOut(t *testing.T) {
	p := inParts(nothing)
	p.spec.Timeout = time.Millisecond
	p.spec.Parts[1].Run = func(ctx context.Context, _ *Job) error { <-ctx.Done(); return ctx.Err() }
	out := executeParts(t, p, "text/digits")
	if out.State != event.ErrorTimeout || out.Parts[1].State != event.ErrorTimeout {
		t.Errorf("%s with %+v", out.State, out.Parts)
	}
}

// TestPartsAreReported: every part is registered behind the plugin and posts its status before it, in its own name.
func TestPartsAreReported(t *testing.T) {
	s := dispatchertest.New(t)
	p := inParts(nothing)
	startRunner(t, s, RunnerOptions{}, nil, p)
	sha := s.Submit("Many", []byte("12345"), "text/digits")
	last := s.WaitFinal(t, "Many", sha)
	var posted, registered []string
	for _, status := range s.Statuses() {
		posted = append(posted, status.Author.Name+" "+string(status.Entity.Status))
		if status.Entity.Input.Dequeued != last.Entity.Input.Dequeued {
			t.Errorf("%s answers another job", status.Author.Name)
		}
		for _, result := range status.Entity.Results {
			if n := result.Source.Path; result.Author.Name != status.Author.Name || n[len(n)-1].Author.Name != status.Author.Name {
				t.Errorf("a result of %s is by %s, its path by %s", status.Author.Name, result.Author.Name, n[len(n)-1].Author.Name)
			}
		}
	}
	if want := []string{"Many-digits completed", "Many-broken error-exception", "Many-any opt-out", "Many completed-empty"}; !slices.Equal(posted, want) {
		t.Errorf("posted %q, want %q", posted, want)
	}
	for _, r := range s.Plugins() {
		registered = append(registered, r.Author.Name+" "+r.Entity.Description)
	}
	if want := []string{"Many ", "Many-digits Counts digits.", "Many-broken ", "Many-shy ", "Many-other ", "Many-any "}; !slices.Equal(registered, want) {
		t.Errorf("registered %q, want %q", registered, want)
	}
}

func TestPartsAreRefused(t *testing.T) {
	for name, parts := range map[string][]Part{
		"no name": {{Run: nothing}}, "no run": {{Name: "a"}}, "twice": {{Name: "a", Run: nothing}, {Name: "a", Run: nothing}},
	} {
		if _, err := NewRunner(nil, RunnerOptions{}, specOnly{Spec{Name: "A", Parts: parts}}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
