package digest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The oracles: Debian's ssdeep, and py-tlsh in the Python environment that test/setup makes.

// TestSystemFiles: of some thousand files of the machine that this runs on, every fuzzy hash is the oracle's.
func TestSystemFiles(t *testing.T) {
	const want = 3000
	files := systemFiles(t, 3200, 512<<10)
	if len(files) < want {
		missing(t, fmt.Sprintf("/usr has only %d of %d files", len(files), want))
	}
	compareWithOracles(t, files)
}

// TestEdgeCases: and so it is of files made to be difficult.
func TestEdgeCases(t *testing.T) {
	compareWithOracles(t, writeEdgeCases(t))
}

// TestGibibyte: and of large ones. make test-long has time for it.
func TestGibibyte(t *testing.T) {
	if os.Getenv("LAZULI_LONG") == "" {
		t.Skip("SKIPPED: a gibibyte is compared by make test-long only (LAZULI_LONG=1)")
	}
	folder := t.TempDir()
	var files []string
	for _, kind := range []string{"zeros", "mixed"} {
		path := filepath.Join(folder, kind)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "zeros" {
			err = f.Truncate(1 << 30)
		} else {
			_, err = io.CopyN(f, newMixed(1), 1<<30)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	compareWithOracles(t, files)
}

// compareWithOracles runs each oracle once over all files.
func compareWithOracles(t *testing.T, files []string) {
	t.Run("ssdeep", func(t *testing.T) {
		theirs := askSSDeep(t, files)
		for i, path := range files {
			var s ssdeep
			hashFile(t, &s, path)
			if got := s.String(); got != theirs[i] {
				t.Errorf("%s:\n   we say %s\nssdeep says %s", path, got, theirs[i])
			}
		}
	})
	t.Run("tlsh", func(t *testing.T) {
		var questions strings.Builder
		for _, path := range files {
			fmt.Fprintln(&questions, "hash", path)
		}
		theirs := askTLSH(t, questions.String(), len(files))
		empty := 0
		for i, path := range files {
			var h tlsh
			hashFile(t, &h, path)
			want := strings.Replace(strings.ToLower(theirs[i]), "t1", "T1", 1)
			if got := h.String(); got != want {
				t.Errorf("%s:\n   we say %s\npy-tlsh says %s", path, got, want)
			}
			if want == "" {
				empty++
			}
		}
		t.Logf("%d files, of which %d have no hash", len(files), empty)
	})
}

func hashFile(t *testing.T, w io.Writer, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		t.Fatal(err)
	}
}

// askSSDeep returns the hashes that ssdeep prints.
func askSSDeep(t *testing.T, files []string) []string {
	t.Helper()
	lines := runSSDeep(t, append([]string{"-s", "-c", "--"}, files...)...)[1:] // without the heading
	if len(lines) != len(files) {
		t.Fatalf("ssdeep gave %d answers for %d files", len(lines), len(files))
	}
	for i, line := range lines {
		hash, path, _ := strings.Cut(line, ",")
		if path != strconv.Quote(files[i]) {
			t.Fatalf("ssdeep answered for %s where %q was asked for", path, files[i])
		}
		lines[i] = hash
	}
	return lines
}

func runSSDeep(t *testing.T, args ...string) []string {
	t.Helper()
	program, err := exec.LookPath("ssdeep")
	if err != nil {
		missing(t, "ssdeep is not installed (the package ssdeep)")
	}
	return outputLines(t, exec.CommandContext(t.Context(), program, args...))
}

// askTLSH returns the answers of testdata/oracle.py, one for each question.
func askTLSH(t *testing.T, questions string, n int) []string {
	t.Helper()
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.CommandContext(t.Context(), python, "-c", "import tlsh").Run() != nil {
		missing(t, "py-tlsh is not installed (it needs Python and a C++ compiler)")
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/oracle.py")
	cmd.Stdin = strings.NewReader(questions)
	answers := outputLines(t, cmd)
	if len(answers) != n {
		t.Fatalf("py-tlsh gave %d answers to %d questions", len(answers), n)
	}
	return answers
}

func outputLines(t *testing.T, cmd *exec.Cmd) []string {
	t.Helper()
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, &errOut)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// missing ends a test whose oracle is not there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: on a Debian with what test/setup installs there is", what)
	}
	t.Skipf("SKIPPED: %s, nothing was compared; run test/setup on a Debian", what)
}

// systemFiles are up to n files under /usr of at most maxBytes, chosen by the hash of their paths: the same ones each time.
func systemFiles(t *testing.T, n int, maxBytes int64) []string {
	t.Helper()
	plain := regexp.MustCompile(`^[\w/.+@-]+$`) // names that every oracle reads and prints as they are
	type choice struct {
		path string
		rank [sha256.Size]byte
	}
	var all []choice
	err := filepath.WalkDir("/usr", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !plain.MatchString(path) {
			return nil // what cannot be read is left out
		}
		if info, err := entry.Info(); err == nil && info.Size() <= maxBytes && info.Mode().Perm()&0o444 == 0o444 {
			all = append(all, choice{path, sha256.Sum256([]byte(path))})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b choice) int { return bytes.Compare(a.rank[:], b.rank[:]) })
	var files []string
	for _, c := range all[:min(n, len(all))] {
		files = append(files, c.path)
	}
	return files
}
