package azul

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"lazuli/event"
	"lazuli/test/platform"
)

// testParts: the parts of a multiplugin report under names of their own, one after the other. The job goes on until the plugin
// itself has reported, whatever its parts said.
func testParts(ctx context.Context, t *testing.T, s *suite) {
	gate := filepath.Join(t.TempDir(), "gate")
	s.run(t, "parts.py", "PLUGIN_GATE="+gate, "PLUGIN_HEARTBEAT_INTERVAL=1")
	sha := s.submit(ctx, t, "parts")
	refused := s.submit(ctx, t, "parts refused") // waits behind the first

	parts := []struct {
		name, version string
		state         event.State
	}{
		{"Parts-first", "1.0-2.0", event.Completed},
		{"Parts-broken", "1.0", event.ErrorException},
		{"Parts-away", "1.0-1", event.OptOut},
		{"Parts-last", "1.0-3", event.Completed},
		{"Parts", "1.0", event.Completed},
	}
	var job string
	for _, part := range parts[:3] {
		job = s.wantPart(ctx, t, part.name, part.version, sha, part.state)
	}
	s.until(ctx, t, "heartbeats of the part that waits", func(events []event.Event) bool {
		return len(statuses(events, "Parts-last", sha)) > 11 // one a second, so that a lease would have run out
	})
	pending := s.file(ctx, t, sha).Pending
	if i := slices.IndexFunc(pending, ofParts); i < 0 || pending[i].State != "running" {
		t.Errorf("the last part runs, and the job is not out with its plugin: %+v", pending)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts[3:] {
		if again := s.wantPart(ctx, t, part.name, part.version, sha, part.state); again != job {
			t.Errorf("%s reported on job %s, the others on %s", part.name, again, job)
		}
	}

	s.wantState(ctx, t, "Parts", refused, event.ErrorException)
	for _, part := range []string{"first", "last"} {
		found := s.binary(ctx, t, event.Enriched, "Parts-"+part, sha)
		if len(found.Entity.Features) != 1 || found.Entity.Features[0].Value != part {
			t.Errorf("%s found %+v", part, found.Entity.Features)
		}
	}
	child := s.binary(ctx, t, event.Extracted, "Parts-first", sum("a child of the first part"))
	s.wantState(ctx, t, "Parts", child.Entity.SHA256, event.OptOut)

	s.fileUntil(ctx, t, sha, "the job over and all statuses in", func(file *platform.File) bool {
		for _, part := range parts {
			if !slices.ContainsFunc(file.Statuses, func(s struct{ Plugin, State, Error, Message string }) bool {
				return s.Plugin == part.name && s.State == string(part.state)
			}) {
				return false
			}
		}
		return !slices.ContainsFunc(file.Pending, ofParts)
	})
	events := s.until(ctx, t, "nothing more", func([]event.Event) bool { return true })
	for _, part := range parts[:4] {
		if said := statuses(events, part.name, refused); len(said) > 0 {
			t.Errorf("%s was run although the plugin failed: %+v", part.name, said)
		}
	}
}

func ofParts(p platform.Pending) bool { return p.Plugin == "Parts" }

// wantPart waits for a part's word on a file and returns the job that it names.
func (s *suite) wantPart(ctx context.Context, t *testing.T, name, version, sha string, want event.State) (job string) {
	t.Helper()
	got := s.wantState(ctx, t, name, sha, want)
	if got.Author.Version != version {
		t.Errorf("%s has version %s, want %s", name, got.Author.Version, version)
	}
	return got.Entity.Input.Dequeued
}
