// Package azul runs plugins written with the real azul-runner, unmodified, against the real platform, and reads all events
// back through azul_bedrock's strict models. It also runs azul-client against REST: TestClient.
//
// Begin with TestAzul: one platform for all plugins, each with a test of its own that runs beside the others. Every plugin gets
// every file of all tests, so that a test looks at its own files alone.
package azul

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/test/platform"
)

func TestMain(m *testing.M) {
	code := m.Run()
	platform.Cleanup()
	os.Exit(code)
}

// suite is what the tests share.
type suite struct {
	*platform.Up
	*feed
	python string
}

// TestAzul runs all of them. A lease and the number of attempts are as small as they may be: a plugin that dies is waited for.
func TestAzul(t *testing.T) {
	python := findPython(t)
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--no-plugins", "--allow-delete", "--lease", "10s", "--max-attempts", "2")
	s := &suite{Up: up, feed: follow(t, python, up.Plugins), python: python}
	files := startMischief(t.Context(), t, s) // first: its leases run out while the others are at work
	t.Run("Together", func(t *testing.T) {
		for name, test := range map[string]func(context.Context, *testing.T, *suite){
			"Links":    testLinks,
			"Features": testFeatures,
			"Family":   testFamily,
			"Parts":    testParts,
			"Download": testDownload,
			"API":      testAPI,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(soon(t), t, s)
			})
		}
	})
	t.Run("Mischief", func(t *testing.T) { testMischief(soon(t), t, s, files) })
	t.Run("Pause", func(t *testing.T) { s.script(soon(t), t, "api.py", s.Plugins, "pause") }) // it holds for all plugins
}

// soon is how long a test may take at most.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// findPython finds the interpreter of the environment that test/setup makes.
func findPython(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.Command(path, "-c", "import azul_runner, azul_client").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("azul-runner and azul-client are not installed: test/setup should have done it")
		}
		t.Skip("SKIPPED: azul-runner and azul-client are not installed (run test/setup; it needs Python 3.12 or newer)")
	}
	return path
}

// run runs a plugin until the test ends, and again whenever it ends by itself, as a supervisor would. azul-runner answers no
// signal while it idles, so it is killed with its group.
func (s *suite) run(t *testing.T, script string, env ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "plugin.log"))
	if err != nil {
		t.Fatal(err)
	}
	env = append(append(os.Environ(), "PLUGIN_EVENTS_URL="+s.Plugins, "PLUGIN_DATA_URL="+s.Plugins, "TMPDIR="+t.TempDir()), env...)
	var mu sync.Mutex
	var running *exec.Cmd
	stopped := false
	start := func() error { // the caller holds mu
		running = exec.Command(s.python, script)
		running.Env, running.Stdout, running.Stderr = env, log, log
		running.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return running.Start()
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for {
			_ = running.Wait() // how it ended is in its log
			mu.Lock()
			kill(running)
			if stopped {
				mu.Unlock()
				ended <- nil
				return
			}
			err := start()
			mu.Unlock()
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	t.Cleanup(func() {
		mu.Lock()
		stopped = true
		kill(running)
		mu.Unlock()
		if err := <-ended; err != nil {
			t.Errorf("start %s again: %v", script, err)
		}
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the plugin said:\n%s", text)
		}
	})
}

// kill ends a process with all that it started.
func kill(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the group may be gone already
}

// submit puts a file on the platform and returns its SHA-256.
func (s *suite) submit(ctx context.Context, t *testing.T, content string) string {
	t.Helper()
	sha, err := s.Submit(ctx, "sample.txt", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

// wantState waits for a plugin's word on a file.
func (s *suite) wantState(ctx context.Context, t *testing.T, plugin, sha string, want event.State) *event.Status {
	t.Helper()
	got := s.status(ctx, t, plugin, sha)
	if got.Entity.Status != want {
		t.Fatalf("%s on %s: %s (%s: %s), want %s", plugin, sha, got.Entity.Status, got.Entity.Error, got.Entity.Message, want)
	}
	return got
}

// file is what REST tells of a file now.
func (s *suite) file(ctx context.Context, t *testing.T, sha string) *platform.File {
	t.Helper()
	var f platform.File
	if err := s.Get(ctx, "/api/v1/binaries/"+sha, &f); err != nil {
		t.Fatal(err)
	}
	return &f
}

// fileUntil asks REST about a file until what it tells is enough: the index may be behind what follow.py has read.
func (s *suite) fileUntil(ctx context.Context, t *testing.T, sha, what string, enough func(*platform.File) bool) {
	t.Helper()
	for {
		f := s.file(ctx, t, sha)
		if enough(f) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited for %s in vain: %+v", what, f)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// testAPI calls every method of azul_bedrock's DispatcherAPI; what they answer is asserted in the script.
func testAPI(ctx context.Context, t *testing.T, s *suite) {
	if said := s.script(ctx, t, "api.py", s.Plugins); said != "17 methods\n" {
		t.Errorf("api.py said %q", said)
	}
}

// script runs a script to its end and returns what it printed.
func (s *suite) script(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	var said, wrong bytes.Buffer
	cmd := exec.CommandContext(ctx, s.python, args...)
	cmd.Stdout, cmd.Stderr = &said, &wrong
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, &wrong)
	}
	return said.String()
}
