package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openFS(t testing.TB, dir string) *blob.FS {
	t.Helper()
	s, err := blob.OpenFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestFS(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return openFS(t, filepath.Join(t.TempDir(), "new", "store")) })
}

func TestFSWithoutHardLinks(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		s := openFS(t, t.TempDir())
		blob.ForbidHardLinks(s)
		return s
	})
}

func TestObjectsOutliveTheStore(t *testing.T) {
	dir := t.TempDir()
	s := openFS(t, dir)
	k := blobtest.Put(t, s, []byte("kept"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := blobtest.Get(t, openFS(t, dir), k, 0, -1); string(got) != "kept" {
		t.Errorf("after opening again: %q", got)
	}
	if _, err := s.Create(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Create after Close: %v, want os.ErrClosed", err)
	}
}

func TestLayoutAndModes(t *testing.T) {
	dir := t.TempDir()
	k := blobtest.Put(t, openFS(t, dir), []byte("private"))
	path := objectPath(dir, k)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o400 {
		t.Errorf("object has mode %v, want 0400", info.Mode())
	}
	for d := filepath.Dir(path); d != dir; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("directory %s: %v, %v; want 0700", d, info, err)
		}
	}
}

// A whole object must come as a file and a part must offer its file: only then can the kernel send them by itself.
func TestReadersAllowSendfile(t *testing.T) {
	s := openFS(t, t.TempDir())
	k := blobtest.Put(t, s, []byte("0123456789"))
	whole, err := s.Open(t.Context(), k, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	if _, ok := whole.(*os.File); !ok {
		t.Errorf("a whole object is a %T, want *os.File", whole)
	}
	part, err := s.Open(t.Context(), k, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	var sink readerFrom
	if _, err := io.Copy(&sink, part); err != nil {
		t.Fatal(err)
	}
	limited, ok := sink.from.(*io.LimitedReader)
	if !ok {
		t.Fatalf("a part copies itself from a %T, want *io.LimitedReader", sink.from)
	}
	if _, ok := limited.R.(*os.File); !ok {
		t.Errorf("under it is a %T, want *os.File", limited.R)
	}
}

type readerFrom struct{ from io.Reader }

func (r *readerFrom) Write(p []byte) (int, error) { return len(p), nil }
func (r *readerFrom) ReadFrom(from io.Reader) (int64, error) {
	r.from = from
	return 0, nil
}

func TestLeftoversOfACrash(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, ".tmp", "12345")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "1"), []byte("half a file"), 0o400); err != nil {
		t.Fatal(err)
	}
	alive := openFS(t, dir)
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the leftover is still there: %v", err)
	}
	up, err := alive.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer up.Discard()
	if _, err := up.Write([]byte("being written")); err != nil {
		t.Fatal(err)
	}
	openFS(t, dir) // as a second process would: it must leave the upload alone
	if err := up.Commit(t.Context(), blobtest.Key([]byte("being written"))); err != nil {
		t.Errorf("Commit after the store was opened a second time: %v", err)
	}
	if err := alive.Close(); err != nil {
		t.Fatal(err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, ".tmp", "*", "*")); err != nil || len(names) != 0 {
		t.Errorf("temporary files are left: %v, %v", names, err)
	}
}

func TestDiskFull(t *testing.T) {
	s := openFS(t, t.TempDir())
	blob.FillDisk(t, s)
	up, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer up.Discard()
	content := []byte("does not fit")
	if _, err := up.Write(content); !errors.Is(err, blob.ErrFull) {
		t.Errorf("Write: %v, want ErrFull", err)
	}
	if err := up.Commit(t.Context(), blobtest.Key(content)); !errors.Is(err, blob.ErrFull) {
		t.Errorf("Commit: %v, want ErrFull", err)
	}
	if _, err := s.Stat(t.Context(), blobtest.Key(content)); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Stat: %v, want ErrNotFound", err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, blob.ErrFull) {
		t.Errorf("Check: %v, want ErrFull", err)
	}
}

func TestDirectoryWithoutRights(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() == 0 {
		t.Log("root may write anywhere: a file in the place of the directory stands for missing rights")
		dir = filepath.Join(dir, "file")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := blob.OpenFS(dir)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "choose another") {
		t.Errorf("OpenFS: %v; want an error that names the directory and says what to do", err)
	}
}

func TestMissingRightsAreExplained(t *testing.T) {
	s := openFS(t, t.TempDir())
	blob.FailCreate(s, fs.ErrPermission)
	if _, err := s.Create(t.Context()); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "give that user the directory") {
		t.Errorf("Create: %v", err)
	}
}

func TestDamagedObjectIsReplaced(t *testing.T) {
	dir := t.TempDir()
	s := openFS(t, dir)
	k := blobtest.Put(t, s, []byte("whole"))
	replace(t, objectPath(dir, k), []byte("who"))
	blobtest.Put(t, s, []byte("whole"))
	if got := blobtest.Get(t, s, k, 0, -1); string(got) != "whole" {
		t.Errorf("a commit over a damaged object left %q", got)
	}
}

func TestRemovedDirectoriesAreMadeAgain(t *testing.T) {
	dir := t.TempDir()
	s := openFS(t, dir)
	k := blobtest.Put(t, s, []byte("one"))
	if err := os.RemoveAll(filepath.Join(dir, k.Source)); err != nil {
		t.Fatal(err)
	}
	blobtest.Put(t, s, []byte("one"))
	if got := blobtest.Get(t, s, k, 0, -1); string(got) != "one" {
		t.Errorf("object is %q", got)
	}

	// A directory above one that was never made.
	sibling := k
	sibling.SHA256 = k.SHA256[:2] + strings.Repeat("0", 62)
	if err := os.RemoveAll(filepath.Join(dir, k.Source)); err != nil {
		t.Fatal(err)
	}
	up, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer up.Discard()
	if err := up.Commit(t.Context(), sibling); err != nil {
		t.Errorf("Commit: %v", err)
	}
}

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	s := openFS(t, dir)
	good := blobtest.Put(t, s, []byte("good"))
	damaged := blobtest.Put(t, s, []byte("damaged"))
	misnamed := blobtest.Put(t, s, []byte("misnamed"))
	up, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer up.Discard()
	if faults := verify(t, s); len(faults) != 0 {
		t.Fatalf("a good store has faults: %q", faults)
	}

	replace(t, objectPath(dir, damaged), []byte("damagee"))
	wrongFolder := filepath.Join(filepath.Dir(objectPath(dir, good)), misnamed.SHA256)
	if err := os.Rename(objectPath(dir, misnamed), wrongFolder); err != nil {
		t.Fatal(err)
	}
	stray := filepath.Join(dir, good.Source, "notes.txt")
	replace(t, stray, []byte("who put this here?"))
	folder := filepath.Join(dir, good.Source, good.Label, "zz")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(filepath.Dir(objectPath(dir, good)), good.SHA256[:63]+"0")
	if err := os.Symlink("/", link); err != nil {
		t.Fatal(err)
	}

	faults := verify(t, s)
	for path, what := range map[string]string{
		objectPath(dir, damaged): "damaged", wrongFolder: "not an object", stray: "not an object", folder: "not an object",
		link: "not an object",
	} {
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, path+": "+what) }) {
			t.Errorf("no fault %q for %s in %q", what, path, faults)
		}
	}
	if len(faults) != 5 {
		t.Errorf("%d faults, want 5: %q", len(faults), faults)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := blob.Verify(ctx, s, func(string) {}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify after the context ended: %v", err)
	}
}

func TestVerifyNamesUnreadableFolders(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("SKIPPED: root can read every folder; run the tests as another user")
	}
	dir := t.TempDir()
	s := openFS(t, dir)
	k := blobtest.Put(t, s, []byte("hidden"))
	folder := filepath.Dir(objectPath(dir, k))
	if err := os.Chmod(folder, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(folder, 0o700)
	if faults := verify(t, s); len(faults) != 1 || !strings.HasPrefix(faults[0], folder+": cannot be read") {
		t.Errorf("faults: %q", faults)
	}
	if err := s.Walk(t.Context(), func(blob.Key, blob.Info) error { return nil }); err == nil {
		t.Error("Walk leaves out a folder that it cannot read")
	}
}

func verify(t *testing.T, s *blob.FS) (faults []string) {
	t.Helper()
	if err := blob.Verify(t.Context(), s, func(f string) { faults = append(faults, f) }, nil); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return faults
}

func objectPath(dir string, k blob.Key) string {
	return filepath.Join(dir, k.Source, k.Label, k.SHA256[:2], k.SHA256[2:4], k.SHA256)
}

func replace(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o400); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkPut4KiB puts small files from 16 goroutines; LAZULI_BENCH_DIR chooses the disk.
func BenchmarkPut4KiB(b *testing.B) {
	dir, err := os.MkdirTemp(os.Getenv("LAZULI_BENCH_DIR"), "blob")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	s := openFS(b, dir)
	var serial atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			blobtest.Put(b, s, fmt.Appendf(bytes.Repeat([]byte{'x'}, 4<<10), "%d", serial.Add(1)))
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
}
