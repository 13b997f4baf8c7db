package azul

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"lazuli/event"
)

var codeInDocs = regexp.MustCompile("(?s)```python\n(.*?)```")

// testLinks runs the plugin of docs/plugins.md as it stands there, set as it says there.
func testLinks(ctx context.Context, t *testing.T, s *suite) {
	page, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	code := codeInDocs.FindSubmatch(page)
	if code == nil {
		t.Fatal("docs/plugins.md has no plugin")
	}
	script := filepath.Join(t.TempDir(), "links.py")
	if err := os.WriteFile(script, code[1], 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, script)

	program := s.submit(ctx, t, "\x7fELF\x02\x01\x01 https://example.com/not/in/text")
	sha := s.submit(ctx, t, "see https://example.com/a?b, and\nhttp://b.example")
	s.wantState(ctx, t, "Links", sha, event.Completed)
	found := s.binary(ctx, t, event.Augmented, "Links", sha)
	want := []string{"http://b.example 33 16", "https://example.com/a?b, 4 24"}
	var got []string
	for _, f := range found.Entity.Features {
		got = append(got, f.Value+" "+place(f.Offset)+" "+place(f.Size))
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	s.wantContent(ctx, t, "text", "https://example.com/a?b,\nhttp://b.example")
	s.wantState(ctx, t, "Links", s.submit(ctx, t, "text without any"), event.OptOut)
	s.wantSkipped(ctx, t, "Links", program)
}

// wantSkipped waits until the platform says that a plugin's filter passed over a file.
func (s *suite) wantSkipped(ctx context.Context, t *testing.T, plugin, sha string) {
	t.Helper()
	for {
		var why struct {
			Plugins []struct{ State, Rule, Detail string }
		}
		if err := s.Get(ctx, "/api/v1/binaries/"+sha+"/why?plugin="+plugin, &why); err != nil {
			t.Fatal(err)
		}
		if len(why.Plugins) == 1 && why.Plugins[0].State == "skipped" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not pass over %s: %+v", plugin, sha, why)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
