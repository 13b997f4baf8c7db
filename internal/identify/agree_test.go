package identify

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// minAgreement is the share of files of which file(1) and this package must give the same MIME type.
const minAgreement = 0.85

// TestAgreesWithFile compares MIME types with those of file(1) for some hundred files of the machine that it runs on.
func TestAgreesWithFile(t *testing.T) {
	program, err := exec.LookPath("file")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("file(1) is not installed: install the package file")
		}
		t.Skip("SKIPPED: file(1) is not installed, nothing was compared; install the package file")
	}
	files := systemFiles(t, 250)
	if len(files) == 0 {
		t.Skip("SKIPPED: no files under /usr to compare")
	}
	cmd := exec.CommandContext(t.Context(), program, "--brief", "--mime-type", "--files-from", "-")
	cmd.Stdin = strings.NewReader(strings.Join(files, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("file: %v", err)
	}
	theirs := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(theirs) != len(files) {
		t.Fatalf("file gave %d answers for %d files", len(theirs), len(files))
	}
	agreed := 0
	differ := map[string]int{}
	for i, name := range files {
		ours := identifyPath(t, name).MIME
		if ours == theirs[i] {
			agreed++
		} else {
			differ[fmt.Sprintf("file says %s, we say %s", theirs[i], ours)]++
		}
	}
	rate := float64(agreed) / float64(len(files))
	t.Logf("agreement with file(1): %d of %d files, %.1f %%", agreed, len(files), 100*rate)
	for what, n := range differ {
		t.Logf("%4d × %s", n, what)
	}
	if rate < minAgreement {
		t.Errorf("agreement is %.3f, want at least %.2f", rate, minAgreement)
	}
}

// systemFiles returns up to n files, evenly chosen, from each of three directories. Caches are left out: they are all alike.
func systemFiles(t testing.TB, n int) []string {
	t.Helper()
	var chosen []string
	for _, dir := range []string{"/usr/bin", "/usr/lib", "/usr/share"} {
		var all []string
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // not ours to read
			case d.IsDir() && d.Name() == "__pycache__":
				return fs.SkipDir
			case d.Type().IsRegular() && !strings.ContainsAny(path, "\n\r"):
				all = append(all, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(n, len(all)) {
			chosen = append(chosen, all[i*len(all)/min(n, len(all))])
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

// BenchmarkFile identifies programs and scripts that are in memory.
func BenchmarkFile(b *testing.B) {
	const most = 4 << 20 // bytes of one file
	var contents [][]byte
	entries, err := os.ReadDir("/usr/bin")
	if err != nil {
		b.Skipf("SKIPPED: %v", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > most {
			continue
		}
		if content, err := os.ReadFile(filepath.Join("/usr/bin", e.Name())); err == nil {
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
