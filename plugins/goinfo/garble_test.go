package goinfo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
)

// TestGarble: programs whose names the real tool removed.
func TestGarble(t *testing.T) {
	if os.Getenv("LAZULI_LONG") == "" {
		t.Skip("SKIPPED: garble compiles a linker of its own, which is left to make test-long (LAZULI_LONG=1); TestGolden has a made program like its")
	}
	garble, err := filepath.Abs("../../.cache/garble/garble")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(garble); err != nil {
		missing(t, "garble is not there")
	}
	for _, b := range []build{
		{os: "linux", arch: "amd64", obfuscator: []string{garble}},
		{os: "linux", arch: "amd64", obfuscator: []string{garble, "-tiny"}},
		{os: "windows", arch: "amd64", obfuscator: []string{garble, "-literals"}},
	} {
		b.release, b.pkg = go127, "."
		t.Run(b.String(), func(t *testing.T) {
			out := run(t, b.program(t))
			if out.State != event.Completed {
				t.Errorf("%s: %s", out.State, out.Message)
			}
			if got := values(out, "go_obfuscator"); len(got) != 1 || !strings.HasPrefix(got[0], "garble|") {
				t.Errorf("the obfuscator is %q", got)
			}
			if got := values(out, "go_compiler_version"); !slices.Equal(got, []string{"go1.27 or newer|by the layout of its tables"}) {
				t.Errorf("the version is %q", got)
			}
			if slices.Contains(values(out, "go_package"), "example.com/rat/internal/beacon") || len(values(out, "go_package_method")) == 0 || len(values(out, "go_type")) < 5 {
				t.Errorf("%v", out.Features)
			}
			for _, f := range out.Features {
				if strings.HasPrefix(f.Name, "go_package_") && f.Offset == nil {
					t.Errorf("%s has no offset", f.Value)
				}
			}
		})
	}
}
