package plugintest

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Tool returns the path of the first of some programs that is there, to compare with. Without one the test is skipped, with a line that
// says what was not compared; with CI=true it fails.
func Tool(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("there is no %s: test/setup installs it on a Debian", strings.Join(names, " or "))
	}
	t.Skipf("SKIPPED: there is no %s, nothing was compared; run test/setup on a Debian", strings.Join(names, " or "))
	return ""
}

// Output runs a program in a folder with some input, and returns what it prints.
func Output(t testing.TB, dir string, input []byte, path string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%.2000s", cmd, err, &errOut)
	}
	return out
}
