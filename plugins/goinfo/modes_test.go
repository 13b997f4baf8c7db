package goinfo

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

// modes are the ways to build, and the releases that every run tries them with; with LAZULI_LONG=1 it is all releases.
var modes = map[string][]string{
	"c-archive": {go116},
	"c-shared":  {go126},
	"pie":       {go126},
	"plugin":    {go116},
}

// TestBuildModes: libraries, objects and position-independent programs, which the C compiler links.
func TestBuildModes(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		missing(t, "there is no C compiler")
	}
	for mode, releases := range modes {
		if os.Getenv("LAZULI_LONG") != "" {
			releases = []string{go112, go116, go118, go121, go123, go126, go127}
		}
		for _, release := range releases {
			b := build{release: release, os: "linux", arch: "amd64", pkg: "./lib", cgo: true}.with("-buildmode=" + mode)
			if mode == "pie" {
				b.pkg = "."
			}
			t.Run(b.String(), func(t *testing.T) {
				t.Parallel()
				whole, stripped := b.program(t), b.with("-ldflags=-s -w").program(t)
				checkMode(t, b, mode, whole)
				checkMode(t, b, mode, stripped)
				compareWithSymbols(t, whole)
				if a, b := namesOf(t, whole), namesOf(t, stripped); !slices.Equal(a, b) {
					t.Errorf("there are %d functions, and %d when it is stripped", len(a), len(b))
				}
			})
		}
	}
}

// checkMode: what is in the source is told.
func checkMode(t *testing.T, b build, mode string, content []byte) {
	t.Helper()
	out := run(t, content)
	if out.State != event.Completed {
		t.Errorf("%s: %s", out.State, out.Message)
	}
	want := map[string][]string{
		"go_package":          {"example.com/rat/internal/beacon"},
		"go_package_function": {"Show|example.com/rat/internal/beacon"},
		"go_build_id":         nil,
	}
	main := "main"
	switch mode {
	case "pie":
		want["go_type"] = []string{"main.task|struct", "beacon.Config|struct"}
		want["go_vendor_package"] = []string{"example.org/dep"}
	case "plugin":
		main = "example.com/rat/lib"
		fallthrough
	default:
		want["go_type"] = []string{"main.implant|struct"}
		want["go_type_method"] = []string{"Work|main.implant"}
		want["go_package_method"] = []string{"(*implant).Work|" + main}
		want["go_package_function"] = append(want["go_package_function"], "Start|"+main)
	}
	want["go_package"] = append(want["go_package"], main)
	if mode != "plugin" || b.release >= go121 { // plugins had no build information, and have no version of their own
		want["go_compiler_version"] = []string{"go" + b.release}
	}
	for feature, list := range want {
		got := values(out, feature)
		for _, v := range list {
			if !slices.Contains(got, v) {
				t.Errorf("%s is %q, want %q in it", feature, got, v)
			}
		}
		if feature == "go_build_id" && len(got) != 1 {
			t.Errorf("build ids are %q", got)
		}
	}
	for _, f := range out.Features {
		if strings.HasPrefix(f.Name, "go_package_") && f.Offset == nil {
			t.Errorf("%s has no offset", f.Value)
		}
	}
}

// namesOf returns the names of all functions, sorted.
func namesOf(t *testing.T, content []byte) (names []string) {
	t.Helper()
	for _, f := range functionsOf(t, content) {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return names
}

// compareWithSymbols: every function lies where the symbol table has one of its name.
func compareWithSymbols(t *testing.T, content []byte) {
	t.Helper()
	type place struct {
		name   string
		offset uint64
	}
	symbols := map[place]bool{}
	for _, part := range partsOf(file{bytes.NewReader(content), 0, int64(len(content))}) {
		f, err := elf.NewFile(io.NewSectionReader(part.content, part.base, part.size))
		if err != nil {
			continue
		}
		list, err := f.Symbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, y := range list {
			if int(y.Section) < len(f.Sections) {
				s := f.Sections[y.Section]
				symbols[place{plainName(y.Name), uint64(part.base) + s.Offset + y.Value - s.Addr}] = true
			}
		}
	}
	functions := functionsOf(t, content)
	var wrong []string
	for _, f := range functions {
		if strings.HasPrefix(f.name, "type") { // plugins have hashes for these names
			continue
		}
		if !symbols[place{plainName(f.name), f.offset}] {
			wrong = append(wrong, fmt.Sprintf("%s at %d", f.name, f.offset))
		}
	}
	if len(functions) < 900 || len(wrong)*100 > len(functions) {
		t.Errorf("of %d functions %d are not among the symbols: %v", len(functions), len(wrong), wrong[:min(len(wrong), 20)])
	}
}

// goldenBuild is a build of which everything is known: without folders of this machine, and with a build id that does not tell toolchains apart.
func goldenBuild(release, system, arch string) build {
	return build{release: release, os: system, arch: arch, pkg: "."}.with("-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=of-the-test")
}

// TestGoldenPrograms: what an analyst sees of real programs.
func TestGoldenPrograms(t *testing.T) {
	for name, b := range map[string]build{
		"linux-amd64-go1.27":  goldenBuild(go127, "linux", "amd64"),
		"windows-386-go1.21":  goldenBuild(go121, "windows", "386"),
		"darwin-arm64-go1.26": goldenBuild(go126, "darwin", "arm64"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plugintest.Golden(t, "testdata/"+name+".golden", run(t, b.program(t)))
		})
	}
}
