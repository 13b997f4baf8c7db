package goplugin

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/test/platform"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Cleanup()
	platform.Cleanup()
	os.Exit(code)
}

// start runs a program until the test ends and returns the file that it writes to.
func start(t *testing.T, cmd *exec.Cmd, env ...string) string {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "plugin.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be dead already, which the log tells
		_ = cmd.Wait()
		log.Close()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("the plugin said:\n%s", text)
		}
	})
	return log.Name()
}

// reported waits until the plugin has reported on a file and everything has settled.
func reported(ctx context.Context, t *testing.T, up *platform.Up, sha, plugin string) (*platform.File, string) {
	t.Helper()
	for {
		f, err := up.Settled(ctx, sha)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Statuses {
			if s.Plugin == plugin {
				return f, s.State
			}
		}
		select { // the plugin needs a moment to start: until then nobody waits for it
		case <-ctx.Done():
			t.Fatalf("no status: %+v", f.Statuses)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// TestGoPlugin: a plugin that speaks nothing but Avro, beside the built-in ones that speak JSON.
func TestGoPlugin(t *testing.T) {
	program := avro.build(t)
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	submit := func(content string) string {
		sha, err := up.Submit(ctx, "sample.txt", []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		return sha
	}
	before := submit("first line\nsecond line\n") // historic when the plugin comes
	log := start(t, exec.Command(program, "run"), "PLUGIN_EVENTS_URL="+up.Plugins, "PLUGIN_DATA_URL="+up.Plugins)
	for _, c := range []struct {
		sha, state, lines string
		children          int
	}{
		{before, "completed", "2", 1},
		{submit("please go raise\n"), "error-exception", "", 0},
		{submit("live\n"), "completed", "1", 1},
	} {
		f, state := reported(ctx, t, up, c.sha, "GoLines")
		if state != c.state || len(f.Children) != c.children {
			t.Errorf("%s: %s with %d children, want %s with %d", c.sha, state, len(f.Children), c.state, c.children)
		}
		lines := ""
		for _, feature := range f.Features {
			if feature.Name == "go_lines" {
				lines = feature.Value
			}
		}
		if lines != c.lines {
			t.Errorf("%s: go_lines %q, want %q", c.sha, lines, c.lines)
		}
		for _, child := range f.Children { // the child goes round as well, through JSON plugins and this one
			inner, state := reported(ctx, t, up, child.SHA256, "GoLines")
			if state != "completed" || !slices.ContainsFunc(inner.Statuses, func(s struct{ Plugin, State, Error, Message string }) bool { return s.Plugin != "GoLines" }) {
				t.Errorf("the child %s: %s, %+v", child.SHA256, state, inner.Statuses)
			}
		}
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "registered\njob ") || strings.Count(string(text), "heartbeat\n") != 5 {
		t.Errorf("the plugin said:\n%s", text)
	}
}
