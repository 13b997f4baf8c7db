package plugintest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lazuli/plugin"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

// Golden compares an outcome, as its Text has it, with a file; `go test -rewrite` writes the file.
func Golden(t testing.TB, path string, out *plugin.Outcome) {
	t.Helper()
	got := out.Text()
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -rewrite writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (go test -rewrite takes the new text over), -want +got:\n%s", path, diff)
	}
}
