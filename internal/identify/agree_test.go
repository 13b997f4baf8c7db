package identify

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/internal/identify/zoo"
)

// What must agree with file(1) over the files of the machine, as shares; docs/identify.md judges the rest.
const (
	minMIMEs   = 0.97
	minFormats = 0.99
)

// sampledFiles is how many files of /usr are compared, evenly chosen; with LAZULI_LONG=1 it is all of them.
const sampledFiles = 4000

// TestAgreesWithFile compares this package with file(1) over /usr: MIME types directly, formats by the rules of the reference
// applied to what file(1) says.
func TestAgreesWithFile(t *testing.T) {
	program := fileProgram(t)
	n := sampledFiles
	if os.Getenv("LAZULI_LONG") != "" {
		n = 1 << 30
	}
	files := systemFiles(t, n)
	if len(files) == 0 {
		t.Skip("SKIPPED: no files under /usr to compare")
	}
	mimes := askFile(t, program, files, "--mime-type")
	descriptions := askFile(t, program, files)

	var mime, format, literal comparison
	for i, path := range files {
		ours := identifyPath(t, path)
		mime.add(path, mimes[i], ours.MIME)
		theirs := referenceFormat(descriptions[i], mimes[i])
		if refines(theirs, ours.Format) {
			literal.agreed++
		} else {
			literal.add(path, theirs, ours.Format)
		}
		if want := theirFormat(theirs, descriptions[i], mimes[i]); want == ours.Format || refines(theirs, ours.Format) {
			format.agreed++
		} else {
			format.add(path, want, ours.Format)
		}
	}
	mime.report(t, "MIME types", minMIMEs)
	format.report(t, "formats", minFormats)
	t.Logf("formats with the reference's mistakes: %.2f %% agree", 100*literal.rate())
}

// TestZooAgreesWithFile compares MIME types over the samples. Most are as small as their specification allows, and file(1) wants
// more of some; docs/identify.md names the kinds.
func TestZooAgreesWithFile(t *testing.T) {
	const least = 0.75
	program := fileProgram(t)
	dir := t.TempDir()
	var paths []string
	for i, s := range zoo.Samples() {
		path := filepath.Join(dir, fmt.Sprintf("%03d", i))
		if err := os.WriteFile(path, s.Content, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	mimes := askFile(t, program, paths, "--mime-type")
	descriptions := askFile(t, program, paths)
	var mime, magic comparison
	for i, s := range zoo.Samples() {
		ours := File(bytes.NewReader(s.Content), int64(len(s.Content)))
		mime.add(s.Name, mimes[i], ours.MIME)
		magic.add(s.Name, descriptions[i], ours.Magic)
	}
	mime.report(t, "MIME types of the samples", least)
	magic.report(t, "descriptions of the samples", 0)
}

// theirFormat is the format that the reference's rules mean where they stumble over words (docs/identify.md): "bytes" in the
// description of compiled Python is taken for source, the name of a translated program for XML, "pwsh script" for a shell,
// "awk or perl script" for Perl, and the modes of a file come before what it is.
func theirFormat(format, description, mime string) string {
	switch {
	case mime == "application/x-bytecode.python":
		return "python/bytecode"
	case mime == "application/x-gettext-translation":
		return "resource/mo"
	case strings.HasPrefix(description, "a pwsh script"):
		return "code/ps1"
	case strings.HasPrefix(description, "awk or perl script"):
		return "text/plain"
	}
	for _, mode := range []string{"setuid ", "setgid ", "sticky "} {
		if rest, found := strings.CutPrefix(description, mode); found {
			return theirFormat(referenceFormat(rest, mime), rest, mime)
		}
	}
	return format
}

// refines tells whether later steps of the reference may turn the one format into the other: it looks into archives, and decides
// on languages where file(1) sees text or nothing it knows.
func refines(from, to string) bool {
	switch from {
	case "archive/zip", "document/office/unknown":
		return slices.Contains([]string{"java/jar", "android/apk", "ios/ipa", "archive/zip"}, to) || strings.HasPrefix(to, "document/office/")
	case "document/pdf":
		return strings.HasPrefix(to, "document/pdf/")
	case "text/plain", unknown:
		return to == "text/plain" || strings.HasPrefix(to, "code/") && to != "code/a3x" && to != "code/class" ||
			slices.Contains([]string{"log/vipermonkey", "document/email", "text/rdp", "document/ps", "text/json"}, to)
	}
	return false
}

// languageOf gives the formats of files by the ends of their names.
var languageOf = map[string][]string{
	".go": {"code/go"}, ".py": {"code/python"}, ".pl": {"code/perl"}, ".pm": {"code/perl"}, ".rb": {"code/ruby"}, ".php": {"code/php"},
	".js": {"code/javascript", "code/jscript"}, ".c": {"code/c"}, ".h": {"code/h", "code/c"}, ".css": {"code/css"}, ".sql": {"code/sql"},
	".md": {"code/markdown"}, ".rs": {"code/rust"}, ".java": {"code/java"}, ".proto": {"code/protobuf"}, ".bat": {"code/batch"},
	".html": {"code/html"}, ".json": {"text/json"}, ".xml": {"document/xml", "code/xml", "image/svg"}, ".svg": {"image/svg"}, ".sh": {"code/shell"},
	".el": {"code/lisp"}, ".ps1": {"code/ps1"},
}

// TestLanguagesOfNames compares the languages of texts with the ends of their names, which identification does not see.
func TestLanguagesOfNames(t *testing.T) {
	const minRight, minFound = 0.95, 0.85 // of what is called a language; of the files of a language
	var right comparison
	called, found := 0, 0
	for _, path := range systemFiles(t, 10*sampledFiles) {
		want, known := languageOf[filepath.Ext(path)]
		info, err := os.Stat(path)
		if !known || err != nil || info.Size() < 200 {
			continue
		}
		got := identifyPath(t, path).Format
		called++
		if slices.Contains(want, got) {
			found++
			right.agreed++
		} else if strings.HasPrefix(got, "code/") {
			right.add(path, want[0], got)
		}
	}
	if called < 100 {
		t.Skipf("SKIPPED: only %d files under /usr have names that say a language", called)
	}
	right.report(t, "languages", minRight)
	share := float64(found) / float64(called)
	t.Logf("%d of %d files have the language of their name, %.1f %%", found, called, 100*share)
	if share < minFound {
		t.Errorf("%.3f of the files have the language of their name, want %.2f", share, minFound)
	}
}

// TestNoFalseAlarms looks for scripts of Windows among files whose names say that they are something else.
func TestNoFalseAlarms(t *testing.T) {
	const most = 0.01
	ends := []string{".vim", ".cmake", ".yaml", ".rst", ".tcl", ".txt", ".h", ".go", ".py", ".conf", ".pc"}
	alarms := []string{"code/batch", "code/vbs", "code/ps1", "code/jscript", "code/hta", "code/wsf", "code/au3", "code/ducky", "code/a3x", "text/rdp"}
	var others comparison
	for _, path := range systemFiles(t, 10*sampledFiles) {
		if !slices.Contains(ends, filepath.Ext(path)) {
			continue
		}
		if got := identifyPath(t, path).Format; slices.Contains(alarms, got) {
			others.add(path, filepath.Ext(path), got)
		} else {
			others.agreed++
		}
	}
	others.report(t, "no scripts of Windows", 1-most)
}

// comparison counts what two say of the same files.
type comparison struct {
	agreed int
	differ map[string][]string // paths by what was said
}

func (c *comparison) add(path, theirs, ours string) {
	if theirs == ours {
		c.agreed++
		return
	}
	if c.differ == nil {
		c.differ = map[string][]string{}
	}
	what := fmt.Sprintf("%s there, %s here", theirs, ours)
	c.differ[what] = append(c.differ[what], path)
}

func (c *comparison) rate() float64 {
	all := c.agreed
	for _, paths := range c.differ {
		all += len(paths)
	}
	return float64(c.agreed) / float64(max(all, 1))
}

func (c *comparison) report(t *testing.T, what string, least float64) {
	t.Helper()
	t.Logf("%s: %.2f %% agree", what, 100*c.rate())
	var kinds []string
	for kind := range c.differ {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b string) int {
		return cmp.Or(len(c.differ[b])-len(c.differ[a]), strings.Compare(a, b))
	})
	for _, kind := range kinds {
		t.Logf("%5d × %s, as %s", len(c.differ[kind]), kind, c.differ[kind][0])
	}
	if c.rate() < least {
		t.Errorf("%s: %.4f agree, want at least %.2f", what, c.rate(), least)
	}
}

// fileProgram finds file(1).
func fileProgram(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("file")
	if err == nil {
		return program
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("file(1) is not installed: install the package file")
	}
	t.Skip("SKIPPED: file(1) is not installed, nothing was compared; install the package file")
	return ""
}

// askFile returns one line of file(1) for every path.
func askFile(t testing.TB, program string, paths []string, flags ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append(flags, "--brief", "--files-from", "-")...)
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("file: %v", err)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(paths) {
		t.Fatalf("file gave %d answers for %d files", len(answers), len(paths))
	}
	return answers
}

// systemFiles returns up to n files of /usr that can be read, evenly chosen.
func systemFiles(t testing.TB, n int) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("/usr", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.ContainsAny(path, "\n\r") {
			all = append(all, path)
		}
		return nil // what is not ours to read is left out
	})
	if err != nil {
		t.Fatal(err)
	}
	chosen := all
	if n < len(all) {
		chosen = nil
		for i := range n {
			chosen = append(chosen, all[i*len(all)/n])
		}
	}
	return slices.DeleteFunc(chosen, func(path string) bool {
		f, err := os.Open(path)
		if err == nil {
			f.Close()
		}
		return err != nil
	})
}

func identifyPath(t testing.TB, path string) Result {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return File(f, info.Size())
}

// BenchmarkFile identifies files of /usr: opens, reads, decides.
func BenchmarkFile(b *testing.B) {
	files := systemFiles(b, sampledFiles)
	if len(files) == 0 {
		b.Skip("SKIPPED: no files under /usr")
	}
	for _, path := range files { // so that all of them are in memory
		identifyPath(b, path)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		identifyPath(b, files[n%len(files)])
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkContent is the same without opening and reading, on files of /usr/bin.
func BenchmarkContent(b *testing.B) {
	const most = 4 << 20 // bytes of one file
	var contents [][]byte
	for _, path := range systemFiles(b, sampledFiles/4) {
		if info, err := os.Stat(path); err != nil || info.Size() > most {
			continue
		}
		if content, err := os.ReadFile(path); err == nil {
			contents = append(contents, content)
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		content := contents[n%len(contents)]
		n++
		File(bytes.NewReader(content), int64(len(content)))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "files/s")
}
