package goinfo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReleased(t *testing.T) {
	for version, want := range map[string]string{
		"go1.22.1": "2024-03-05", "go1.4": "2014-12-10", "go1": "2012-03-28", "go1.21.0 X:arenas": "2023-08-08", "go1.20.14-microsoft": "2024-02-06", "go1.20": "2023-02-01",
		"go1.20rc1": "", "go1.999": "", "devel go1.27-abcdef Mon Jan 2": "", "": "", "unknown": "",
	} {
		if got := released(version); got != want {
			t.Errorf("%q was released on %q, want %q", version, got, want)
		}
	}
}

// TestReleaseList: the list is in the order of versions, its days are days, and no minor release came before the one before it.
func TestReleaseList(t *testing.T) {
	before := []string{"", ""}
	for line := range strings.Lines(releaseList) {
		f := strings.Fields(line)
		if len(f) != 2 || !versionForm.MatchString(f[0]) {
			t.Fatalf("%q is no version and a day", line)
		}
		if _, err := time.Parse(time.DateOnly, f[1]); err != nil {
			t.Error(err)
		}
		family := func(version string) string { return strings.Join(strings.Split(version+".", ".")[:2], ".") }
		if family(f[0]) == family(before[0]) && f[1] < before[1] {
			t.Errorf("%s came before %s", f[0], before[0])
		}
		before = f
	}
}

// TestReleaseDays compares with what toolchains say themselves, since 1.21: the time of the commit, which is up to a week before the release.
func TestReleaseDays(t *testing.T) {
	for _, release := range []string{go121, go123, go126, go127} {
		text, err := os.ReadFile(filepath.Join(toolchain(t, release), "VERSION"))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "time ")
		commit, err := time.Parse(time.RFC3339, strings.TrimSpace(after))
		if err != nil {
			t.Fatal(err)
		}
		day, err := time.Parse(time.DateOnly, releases["go"+release])
		if d := day.Sub(commit); err != nil || d < -48*time.Hour || d > 10*24*time.Hour {
			t.Errorf("go%s: the list says %v (%v), the toolchain %v", release, day, err, commit)
		}
	}
}
