// Package archivetest tries parsers of archives: Suite has what holds for all of them, Tool and Run bring in the programs that they
// are compared with.
package archivetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
)

// Walk is the function that each parser has.
type Walk func(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error

// File is an entry that was read.
type File struct {
	archive.Entry
	Content  string
	Err      error // of reading
	Readable bool  // there was something to read from
}

// mostRead is how many bytes of a hostile archive are read before a test lets go.
const mostRead = 16 << 20

// Read walks through an archive and reads all there is, up to 16 MiB.
func Read(walk Walk, data []byte) (files []File, err error) {
	left := int64(mostRead)
	err = walk(context.Background(), bytes.NewReader(data), int64(len(data)), func(e archive.Entry, r io.Reader) error {
		f := File{Entry: e, Readable: r != nil}
		if r != nil {
			var buf bytes.Buffer
			var n int64
			n, f.Err = io.Copy(&buf, io.LimitReader(r, left))
			left -= n
			f.Content = buf.String()
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// MustRead is Read of an archive in which nothing is wrong.
func MustRead(t testing.TB, walk Walk, data []byte) []File {
	t.Helper()
	files, err := Read(walk, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Err != nil {
			t.Fatalf("%s: %v", f.Name, f.Err)
		}
	}
	return files
}

// Contents are the readable files by their names.
func Contents(files []File) map[string]string {
	contents := map[string]string{}
	for _, f := range files {
		if f.Readable {
			contents[f.Name] = f.Content
		}
	}
	return contents
}

// Compare tells where two sets of files differ.
func Compare(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name, content := range want {
		switch is, ok := got[name]; {
		case !ok:
			t.Errorf("%q is missing", name)
		case is != content:
			t.Errorf("%q differs: %d bytes %.40q, not %d bytes %.40q", name, len(is), is, len(content), content)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%q should not be there", name)
		}
	}
}

// Tool leaves a test out when a program is missing, loudly; with CI=true that is a failure.
func Tool(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: test/setup installs it on Debian", name)
		}
		t.Skipf("SKIPPED: %s is missing, nothing was compared; run test/setup on a Debian", name)
	}
}

// Run runs a program in a folder and returns what it printed.
func Run(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// WriteFiles writes files below a folder; a name that ends with a slash is a folder.
func WriteFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		folder := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			folder = path
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if folder == path {
			continue
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// ReadFiles reads the files below a folder.
func ReadFiles(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// MustReadFile reads one file.
func MustReadFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// errVisit ends a walk.
var errVisit = errors.New("the visitor has had enough")

// errSource is what a file system says, not what an archive is.
var errSource = errors.New("the disk is gone")

// failing is an archive whose file cannot be read from some offset on.
type failing struct {
	io.ReaderAt
	from int64
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, errSource
	}
	return f.ReaderAt.ReadAt(p, off)
}
