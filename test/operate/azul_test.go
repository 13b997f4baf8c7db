package operate

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lazuli/test/platform"
)

// azulPlugin is a plugin as its author would write it.
const azulPlugin = `
from azul_runner import BinaryPlugin, Feature, FeatureType, Job, cmdline_run

class AzulPluginGuarded(BinaryPlugin):
    """Counts bytes."""
    VERSION = "1.0"
    CONTACT = "lazuli"
    FEATURES = [Feature("guarded_size", desc="bytes read", type=FeatureType.Integer)]

    def execute(self, job: Job):
        self.add_feature_values("guarded_size", len(job.get_data().read()))

if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginGuarded)
`

// runner starts azul-runner on a plugin against a URL, in a group of its own that ends with the test.
func runner(t *testing.T, dispatcher string, env ...string) (said *bytes.Buffer, ended <-chan error) {
	t.Helper()
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.Command(python, "-c", "import azul_runner").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("azul-runner is not installed: test/setup should have done it")
		}
		t.Skip("SKIPPED: azul-runner is not installed (run test/setup; it needs Python 3.12 or newer)")
	}
	cmd := exec.Command(python, writeFile(t, "guarded.py", azulPlugin))
	cmd.Env = append(append(os.Environ(), "PLUGIN_EVENTS_URL="+dispatcher, "PLUGIN_DATA_URL="+dispatcher, "TMPDIR="+t.TempDir()), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	said = &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may be dead already
		<-done
		if t.Failed() {
			t.Logf("the plugin said:\n%s", said)
		}
	})
	return said, done
}

// withUser puts user and password into a URL.
func withUser(t *testing.T, base, name, password string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}

// TestAzulRunner: an unmodified plugin carries its credentials in its URL, over HTTP and over HTTPS.
func TestAzulRunner(t *testing.T) {
	plain := func(t *testing.T) (*platform.Up, []string) {
		config := fmt.Sprintf("dispatcher_auth: {users: [{name: runner, password_hash: %q}]}", mustLazuli(t, password, "hash-password"))
		return platform.Start(t, filepath.Join(t.TempDir(), "data"), "--no-plugins", "--config", writeFile(t, "lazuli.yaml", config)), nil
	}
	overTLS := func(t *testing.T) (*platform.Up, []string) {
		up, roots := startGuarded(t)
		return up, []string{"SSL_CERT_FILE=" + roots}
	}
	for name, start := range map[string]func(*testing.T) (*platform.Up, []string){"HTTP": plain, "HTTPS": overTLS} {
		t.Run(name, func(t *testing.T) {
			up, env := start(t)
			_, ended := runner(t, withUser(t, up.Plugins, "runner", password), env...)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			sha, err := up.Submit(ctx, "a.txt", []byte("twelve bytes"))
			if err != nil {
				t.Fatal(err)
			}
			for {
				f, err := up.Settled(ctx, sha)
				if err != nil {
					t.Fatal(err)
				}
				for _, feature := range f.Features {
					if feature.Name == "guarded_size" && feature.Value == "12" {
						return
					}
				}
				select { // until the plugin has started nobody waits for it
				case err := <-ended:
					t.Fatalf("the plugin ended: %v", err)
				case <-ctx.Done():
					t.Fatalf("no result: %+v", f.Statuses)
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
}

// TestAzulRunnerRefused: with a wrong password it ends, and says why, in place of going on without work.
func TestAzulRunnerRefused(t *testing.T) {
	config := fmt.Sprintf("dispatcher_auth: {users: [{name: runner, password_hash: %q}]}", mustLazuli(t, password, "hash-password"))
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--no-plugins", "--config", writeFile(t, "lazuli.yaml", config))
	said, ended := runner(t, withUser(t, up.Plugins, "runner", "wrong"))
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(said.String(), "401") {
			t.Errorf("it ended with %v and said:\n%s", err, said)
		}
	case <-time.After(2 * time.Minute):
		t.Error("it goes on")
	}
}
