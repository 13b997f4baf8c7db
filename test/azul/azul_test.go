// Package azul runs a plugin written with the real azul-runner, unmodified, against the real platform.
package azul

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"lazuli/test/platform"
)

func TestMain(m *testing.M) {
	code := m.Run()
	platform.Cleanup()
	os.Exit(code)
}

// python finds the interpreter of the environment that test/setup makes.
func python(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.Command(path, "-c", "import azul_runner").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("azul-runner is not installed: test/setup should have done it")
		}
		t.Skip("SKIPPED: azul-runner is not installed (run test/setup; it needs Python 3.12 or newer)")
	}
	return path
}

// startPlugin runs a plugin until the test ends, and again when it dies, as a container would. azul-runner answers no signal while
// it idles, so it is killed with its group.
func startPlugin(t *testing.T, up *platform.Up, script string, env ...string) {
	t.Helper()
	interpreter, temp := python(t), t.TempDir()
	log, err := os.Create(filepath.Join(t.TempDir(), "plugin.log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, interpreter, script)
			cmd.Env = append(append(os.Environ(), "PLUGIN_EVENTS_URL="+up.Plugins, "PLUGIN_DATA_URL="+up.Plugins, "TMPDIR="+temp), env...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
			cmd.Stdout, cmd.Stderr = log, log
			fmt.Fprintln(log, "ended with", cmd.Run())
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the plugin %s said:\n%s", script, text)
		}
	})
}

// states waits until a plugin has reported on a file and everything has settled.
func states(ctx context.Context, t *testing.T, up *platform.Up, sha, plugin string) *platform.File {
	t.Helper()
	for {
		f, err := up.Settled(ctx, sha)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Statuses {
			if s.Plugin == plugin {
				return f
			}
		}
		select { // the plugin needs a moment to start: until then nobody waits for it
		case <-ctx.Done():
			t.Fatalf("no status of %s: %+v", plugin, f.Statuses)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestUnmodifiedPlugin(t *testing.T) {
	t.Parallel()
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"))
	startPlugin(t, up, "hello.py")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		content, state string
		children       int
	}{
		{"first line\nsecond line\n", "completed", 1},
		{"please raise", "error-exception", 0},
		{"please optout", "opt-out", 0},
	} {
		sha, err := up.Submit(ctx, "sample.txt", []byte(c.content))
		if err != nil {
			t.Fatal(err)
		}
		f := states(ctx, t, up, sha, "Hello")
		i := slices.IndexFunc(f.Statuses, func(s struct{ Plugin, State, Error, Message string }) bool { return s.Plugin == "Hello" })
		if got := f.Statuses[i]; got.State != c.state || len(f.Children) != c.children {
			t.Errorf("%q: %+v with %d children, want %s with %d", c.content, got, len(f.Children), c.state, c.children)
		}
	}
	readBack(ctx, t, up, map[string]int{"plugin": 3, "status": 3, "binary": 5})
}

// readBack reads all events through azul_bedrock's strict models, and fails if there are fewer than wanted.
func readBack(ctx context.Context, t *testing.T, up *platform.Up, want map[string]int) {
	t.Helper()
	out, err := exec.CommandContext(ctx, python(t), "readback.py", up.Plugins).Output()
	if err != nil {
		t.Fatalf("read back through strict models: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	var counts map[string]int
	if err := json.Unmarshal(out, &counts); err != nil {
		t.Fatal(err)
	}
	for model, n := range want {
		if counts[model] < n {
			t.Errorf("read back %v, want at least %v", counts, want)
		}
	}
}
