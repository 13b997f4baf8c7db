package azul

import (
	"context"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
)

// mischief is every way of a plugin to go wrong, and the word that lazuli holds of it. What kills the plugin comes first, because
// its lease has to run out.
var mischief = []struct {
	what   string
	state  event.State
	error  string
	said   string // part of the message
	values int    // that are published
}{
	{"dies", event.ErrorTimeout, "given up by the dispatcher", "given up after 2 attempts: nothing was heard of the plugin for 10s", 0},
	{"dies_once", event.Completed, "", "", 1},
	{"nothing", event.Completed, "", "", 1},
	{"raises", event.ErrorException, "ZeroDivisionError", "asked to ☃ \x00", 0},
	{"hangs", event.ErrorTimeout, "PluginTimeout Error", "Mischief timed out on job", 0},
	{"opts_out", event.OptOut, "asked_to", "the file says so", 0},
	{"nothing again", event.Completed, "", "", 1},
	{"empty", event.CompletedEmpty, "", "", 0},
	{"fails_for_lack_of_memory", event.ErrorOutOfMemory, "asked_to", "the file says so", 0},
	{"malformed", event.CompletedWithErrors, "", "cut off in the middle", 1},
	{"returns_a_wrong_type", event.ErrorOutput, "Invalid Plugin Output", "['not', 'a', 'state']", 0},
	{"gives_a_value_of_a_wrong_type", event.ErrorOutput, "Invalid Plugin Output", "number should be <class 'int'>", 0},
	{"gives_an_undeclared_feature", event.ErrorOutput, "Invalid Plugin Output", "nobody_knows_it", 0},
	{"adds_an_empty_child", event.ErrorException, "ValueError", "0 bytes", 0},
	{"gives_too_many_values", event.CompletedWithErrors, "", "too many values", 1000},
	{"gives_nearly_too_much", event.Completed, "", "", 480},
	{"gives_too_much", event.ErrorOutput, "", "too large", 0},
	{"nothing at all", event.Completed, "", "", 1},
}

// startMischief submits a file for each way to go wrong and starts the plugin. It returns their hashes.
func startMischief(ctx context.Context, t *testing.T, s *suite) (files []string) {
	t.Helper()
	for _, m := range mischief {
		files = append(files, s.submit(ctx, t, "mischief "+m.what))
	}
	marks := t.TempDir()
	for range 2 { // of one plugin: what befalls one is nothing to the other
		s.run(t, "mischief.py", "PLUGIN_MARKS="+marks, "PLUGIN_RUN_TIMEOUT=6", "PLUGIN_HEARTBEAT_INTERVAL=1")
	}
	return files
}

// testMischief: whatever a plugin does, the platform holds the right word on that file, and every other file is done.
func testMischief(ctx context.Context, t *testing.T, s *suite, files []string) {
	for i, m := range mischief {
		got := s.wantState(ctx, t, "Mischief", files[i], m.state)
		if got.Entity.Error != m.error || !strings.Contains(got.Entity.Message, m.said) {
			t.Errorf("%s: %q, %q; want %q, …%q…", m.what, got.Entity.Error, got.Entity.Message, m.error, m.said)
		}
		if m.values > 0 {
			if found := s.binary(ctx, t, event.Enriched, "Mischief", files[i]); len(found.Entity.Features) != m.values {
				t.Errorf("%s: %d values, want %d", m.what, len(found.Entity.Features), m.values)
			}
		}
	}

	// All files have their word. It is the only one, what failed gave nothing, and one job was given up.
	events := s.until(ctx, t, "what has been read", func([]event.Event) bool { return true })
	for i, m := range mischief {
		words := slices.DeleteFunc(statuses(events, "Mischief", files[i]), func(s *event.Status) bool { return s.Entity.Status == event.Heartbeat })
		if len(words) != 1 {
			t.Errorf("%s: %d words: %+v", m.what, len(words), words)
		}
	}
	for _, ev := range events {
		b, ok := ev.(*event.Binary)
		if !ok || b.Author.Name != "Mischief" {
			continue
		}
		if i := slices.Index(files, b.Entity.SHA256); i < 0 || mischief[i].values == 0 || b.Action != event.Enriched {
			t.Errorf("something came of a job that failed: %s %s", b.Action, b.Entity.SHA256)
		}
	}
	var answer struct {
		Dead []struct {
			SHA256, Plugin, Reason string
			Attempts               int
		}
	}
	if err := s.Get(ctx, "/api/v1/dead", &answer); err != nil {
		t.Fatal(err)
	}
	if d := answer.Dead; len(d) != 1 || d[0].SHA256 != files[0] || d[0].Plugin != "Mischief" || d[0].Attempts != 2 {
		t.Errorf("dead letters %+v, want one of %s", d, files[0])
	}
}
