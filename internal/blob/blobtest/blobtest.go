// Package blobtest is the suite that every blob.Store passes. It knows only the contract in blob.Store.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lazuli/internal/blob"
)

// Run runs the suite. open returns an empty store; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, blob.Store)
	}{
		{"Put", testPut},
		{"Ranges", testRanges},
		{"EmptyObject", testEmptyObject},
		{"UploadIsReadable", testUploadIsReadable},
		{"CommitKeepsWhatIsThere", testCommitKeepsWhatIsThere},
		{"DiscardKeepsNothing", testDiscardKeepsNothing},
		{"UploadEnds", testUploadEnds},
		{"ConcurrentCommits", testConcurrentCommits},
		{"Copy", testCopy},
		{"Delete", testDelete},
		{"NotFound", testNotFound},
		{"Walk", testWalk},
		{"BadKeys", testBadKeys},
		{"CaseMatters", testCaseMatters},
		{"EndedContext", testEndedContext},
		{"Check", testCheck},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			test.run(t, s)
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// Key is the key of content in the source and label that the suite uses.
func Key(content []byte) blob.Key {
	sum := sha256.Sum256(content)
	return blob.Key{Source: "samples", Label: "content", SHA256: hex.EncodeToString(sum[:])}
}

// Put keeps content in s and returns its key.
func Put(t testing.TB, s blob.Store, content []byte) blob.Key {
	t.Helper()
	k := Key(content)
	up := begin(t, s, content)
	defer up.Discard()
	if err := up.Commit(t.Context(), k); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	return k
}

// Get returns n bytes of an object from off on.
func Get(t testing.TB, s blob.Store, k blob.Key, off, n int64) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), k, off, n)
	if err != nil {
		t.Fatalf("Open(%s, %d, %d): %v", k, off, n, err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", k, err)
	}
	return got
}

func begin(t testing.TB, s blob.Store, content []byte) blob.Upload {
	t.Helper()
	up, err := s.Create(t.Context())
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if _, err := up.Write(content); err != nil {
		up.Discard()
		t.Fatalf("Write: %v", err)
	}
	return up
}

func keys(t *testing.T, s blob.Store) map[blob.Key]blob.Info {
	t.Helper()
	found := map[blob.Key]blob.Info{}
	err := s.Walk(t.Context(), func(k blob.Key, info blob.Info) error {
		if _, twice := found[k]; twice {
			t.Errorf("Walk shows %s twice", k)
		}
		found[k] = info
		return nil
	})
	if err != nil {
		t.Fatalf("Walk: %v", err)
	}
	return found
}

func testPut(t *testing.T, s blob.Store) {
	before := time.Now().Add(-time.Minute) // clocks of back ends differ
	content := bytes.Repeat([]byte("lapis lazuli "), 50_000)
	k := Put(t, s, content)
	if got := Get(t, s, k, 0, -1); !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back differently (%d)", len(content), len(got))
	}
	info, err := s.Stat(t.Context(), k)
	if err != nil || info.Size != int64(len(content)) {
		t.Errorf("Stat: %+v, %v; want %d bytes", info, err, len(content))
	}
	if info.ModTime.Before(before) || info.ModTime.After(time.Now().Add(time.Minute)) {
		t.Errorf("the object is from %v, it is now %v", info.ModTime, time.Now())
	}
}

func testRanges(t *testing.T, s blob.Store) {
	k := Put(t, s, []byte("0123456789"))
	for _, c := range []struct {
		off, n int64
		want   string
	}{
		{0, -1, "0123456789"}, {0, 10, "0123456789"}, {0, 3, "012"}, {4, 3, "456"}, {4, -1, "456789"}, {9, 1, "9"},
		{7, 100, "789"}, {0, 100, "0123456789"}, {5, 1 << 62, "56789"}, {3, 0, ""}, {0, 0, ""},
	} {
		if got := Get(t, s, k, c.off, c.n); string(got) != c.want {
			t.Errorf("Open(%d, %d): %q, want %q", c.off, c.n, got, c.want)
		}
		r, err := s.Open(t.Context(), k, c.off, c.n)
		if err != nil {
			t.Fatal(err)
		}
		var copied bytes.Buffer
		if _, err := io.Copy(&copied, r); err != nil || copied.String() != c.want {
			t.Errorf("io.Copy of Open(%d, %d): %q, %v; want %q", c.off, c.n, copied.String(), err, c.want)
		}
		r.Close()
	}
	for _, off := range []int64{10, 11, 1 << 62, -1} {
		if r, err := s.Open(t.Context(), k, off, -1); !errors.Is(err, blob.ErrRange) {
			t.Errorf("Open at %d of 10 bytes: %v, %v; want ErrRange", off, r, err)
		}
	}
}

func testEmptyObject(t *testing.T, s blob.Store) {
	k := Put(t, s, nil)
	for _, n := range []int64{-1, 0, 5} {
		if got := Get(t, s, k, 0, n); len(got) != 0 {
			t.Errorf("Open(0, %d) of an empty object: %q", n, got)
		}
	}
	if _, err := s.Open(t.Context(), k, 1, -1); !errors.Is(err, blob.ErrRange) {
		t.Errorf("Open at 1 of an empty object: %v, want ErrRange", err)
	}
	if info, err := s.Stat(t.Context(), k); err != nil || info.Size != 0 {
		t.Errorf("Stat: %+v, %v", info, err)
	}
}

func testUploadIsReadable(t *testing.T, s blob.Store) {
	up := begin(t, s, []byte("first "))
	defer up.Discard()
	buf := make([]byte, 5)
	if _, err := up.ReadAt(buf, 0); err != nil || string(buf) != "first" {
		t.Errorf("ReadAt: %q, %v", buf, err)
	}
	if _, err := io.WriteString(up, "second"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(up, 0, 100)); err != nil || string(got) != "first second" {
		t.Errorf("after another write: %q, %v", got, err)
	}
	if n, err := up.ReadAt(buf, 10); n != 2 || err != io.EOF || string(buf[:n]) != "nd" {
		t.Errorf("ReadAt over the end: %q, %v; want io.EOF", buf[:n], err)
	}
	k := Key([]byte("first second"))
	if err := up.Commit(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if got := Get(t, s, k, 0, -1); string(got) != "first second" {
		t.Errorf("the object is %q", got)
	}
}

func testCommitKeepsWhatIsThere(t *testing.T, s blob.Store) {
	content := []byte("the same twice")
	k := Put(t, s, content)
	first, err := s.Stat(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	Put(t, s, content)
	second, err := s.Stat(t.Context(), k)
	if err != nil || !second.ModTime.Equal(first.ModTime) {
		t.Errorf("the second commit changed %+v to %+v, %v", first, second, err)
	}
	if found := keys(t, s); len(found) != 1 {
		t.Errorf("one object was put twice; Walk shows %v", found)
	}
}

func testDiscardKeepsNothing(t *testing.T, s blob.Store) {
	content := []byte("not to be kept")
	up := begin(t, s, content)
	if _, err := s.Stat(t.Context(), Key(content)); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Stat before Commit: %v, want ErrNotFound", err)
	}
	if found := keys(t, s); len(found) != 0 {
		t.Errorf("Walk shows an upload: %v", found)
	}
	up.Discard()
	up.Discard()
	if found := keys(t, s); len(found) != 0 {
		t.Errorf("Walk after Discard shows %v", found)
	}
}

func testUploadEnds(t *testing.T, s blob.Store) {
	content := []byte("once only")
	for name, end := range map[string]func(blob.Upload) error{
		"Discard": func(up blob.Upload) error { up.Discard(); return nil },
		"Commit":  func(up blob.Upload) error { return up.Commit(t.Context(), Key(content)) },
	} {
		up := begin(t, s, content)
		if err := end(up); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := up.Write([]byte("x")); err == nil {
			t.Errorf("Write after %s is accepted", name)
		}
		if err := up.Commit(t.Context(), Key([]byte("other"))); err == nil {
			t.Errorf("Commit after %s is accepted", name)
		}
		up.Discard()
	}
	if got := Get(t, s, Key(content), 0, -1); !bytes.Equal(got, content) {
		t.Errorf("Discard after Commit left %q", got)
	}
	if found := keys(t, s); len(found) != 1 {
		t.Errorf("Walk shows %v", found)
	}
}

func testConcurrentCommits(t *testing.T, s blob.Store) {
	content := bytes.Repeat([]byte("x"), 100_000)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			own := fmt.Appendf(nil, "object %d", i%4)
			for _, c := range [][]byte{content, own} {
				up, err := s.Create(t.Context())
				if err != nil {
					t.Errorf("Create: %v", err)
					return
				}
				defer up.Discard()
				if _, err := up.Write(c); err != nil {
					t.Errorf("Write: %v", err)
				}
				if err := up.Commit(t.Context(), Key(c)); err != nil {
					t.Errorf("Commit: %v", err)
				}
				if info, err := s.Stat(t.Context(), Key(c)); err != nil || info.Size != int64(len(c)) {
					t.Errorf("Stat after Commit: %+v, %v; want %d bytes", info, err, len(c))
				}
			}
		})
	}
	group.Wait()
	if found := keys(t, s); len(found) != 5 {
		t.Errorf("5 different objects were put; Walk shows %d: %v", len(found), found)
	}
	if got := Get(t, s, Key(content), 0, -1); !bytes.Equal(got, content) {
		t.Errorf("the object has %d other bytes", len(got))
	}
}

func testCopy(t *testing.T, s blob.Store) {
	content := []byte("in two places")
	from := Put(t, s, content)
	to := from
	to.Source, to.Label = "other", "text"
	for range 2 { // the second finds what is there
		if err := s.Copy(t.Context(), from, to); err != nil {
			t.Fatalf("Copy: %v", err)
		}
	}
	if err := s.Copy(t.Context(), to, to); err != nil {
		t.Errorf("Copy to itself: %v", err)
	}
	if err := s.Delete(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	if got := Get(t, s, to, 0, -1); !bytes.Equal(got, content) {
		t.Errorf("after the original is gone the copy is %q", got)
	}
	if err := s.Copy(t.Context(), from, to); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Copy of what is gone: %v, want ErrNotFound", err)
	}
	other := to
	other.SHA256 = Key([]byte("other")).SHA256
	if err := s.Copy(t.Context(), to, other); !errors.Is(err, blob.ErrKey) {
		t.Errorf("Copy to another SHA-256: %v, want ErrKey", err)
	}
}

func testDelete(t *testing.T, s blob.Store) {
	content := []byte("short-lived")
	k, rest := Put(t, s, content), Put(t, s, []byte("long-lived"))
	r, err := s.Open(t.Context(), rest, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := s.Delete(t.Context(), k); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if err := s.Delete(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("second Delete: %v, want ErrNotFound", err)
	}
	if found := slices.Collect(maps.Keys(keys(t, s))); len(found) != 1 || found[0] != rest {
		t.Errorf("Walk shows %v, want %v", found, rest)
	}
	Put(t, s, content)
	if got := Get(t, s, k, 0, -1); !bytes.Equal(got, content) {
		t.Errorf("put again after Delete: %q", got)
	}
}

func testNotFound(t *testing.T, s blob.Store) {
	k := Key([]byte("never put"))
	to := k
	to.Label = "text"
	_, openErr := s.Open(t.Context(), k, 0, -1)
	_, statErr := s.Stat(t.Context(), k)
	for name, err := range map[string]error{
		"Open": openErr, "Stat": statErr, "Delete": s.Delete(t.Context(), k), "Copy": s.Copy(t.Context(), k, to),
	} {
		if !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s of what is not there: %v, want ErrNotFound", name, err)
		}
	}
}

func testWalk(t *testing.T, s blob.Store) {
	if found := keys(t, s); len(found) != 0 {
		t.Fatalf("a new store holds %v", found)
	}
	want := map[blob.Key]int64{}
	for i := range 20 {
		content := bytes.Repeat([]byte{'w'}, i)
		k := Put(t, s, content)
		want[k] = int64(i)
		to := k
		to.Source = "copies"
		if err := s.Copy(t.Context(), k, to); err != nil {
			t.Fatal(err)
		}
		want[to] = int64(i)
	}
	found := map[blob.Key]int64{}
	for k, info := range keys(t, s) {
		found[k] = info.Size
	}
	if !maps.Equal(found, want) {
		t.Errorf("Walk shows %v\nwant %v", found, want)
	}
	stop := errors.New("enough")
	calls := 0
	err := s.Walk(t.Context(), func(blob.Key, blob.Info) error { calls++; return stop })
	if calls != 1 || !errors.Is(err, stop) {
		t.Errorf("Walk went on for %d calls and returned %v", calls, err)
	}
}

func testBadKeys(t *testing.T, s blob.Store) {
	good := Put(t, s, []byte("good"))
	sha := good.SHA256
	for _, bad := range [][3]string{
		{},
		{"", "content", sha},
		{"samples", "", sha},
		{"samples", "content", ""},
		{"..", "content", sha},
		{"../samples", "content", sha},
		{"samples", "../content", sha},
		{"samples", "..", sha},
		{"samples", ".", sha},
		{".tmp", "content", sha},
		{"samples/content", "content", sha},
		{"samples\\", "content", sha},
		{"samples\x00", "content", sha},
		{"sämples", "content", sha},
		{"samples ", "content", sha},
		{strings.Repeat("s", 65), "content", sha},
		{"samples", "content", sha[:63]},
		{"samples", "content", sha + "0"},
		{"samples", "content", strings.ToUpper(sha)},
		{"samples", "content", "../" + sha[3:]},
		{"samples", "content", sha[:63] + "\x00"},
		{"samples", "content", sha[:63] + "g"},
	} {
		k := blob.Key{Source: bad[0], Label: bad[1], SHA256: bad[2]}
		up := begin(t, s, []byte("good"))
		_, openErr := s.Open(t.Context(), k, 0, -1)
		_, statErr := s.Stat(t.Context(), k)
		for name, err := range map[string]error{
			"Open": openErr, "Stat": statErr, "Delete": s.Delete(t.Context(), k), "Commit": up.Commit(t.Context(), k),
			"Copy from": s.Copy(t.Context(), k, good), "Copy to": s.Copy(t.Context(), good, k),
		} {
			if !errors.Is(err, blob.ErrKey) {
				t.Errorf("%s with the key %q: %v, want ErrKey", name, k, err)
			}
		}
		up.Discard()
	}
	if found := slices.Collect(maps.Keys(keys(t, s))); len(found) != 1 || found[0] != good {
		t.Errorf("bad keys left %v", found)
	}
}

func testCaseMatters(t *testing.T, s blob.Store) {
	k := Put(t, s, []byte("case"))
	k.Source = "Samples"
	if _, err := s.Stat(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Stat in the source %s: %v, want ErrNotFound", k.Source, err)
	}
}

func testEndedContext(t *testing.T, s blob.Store) {
	k := Put(t, s, []byte("here"))
	up := begin(t, s, []byte("there"))
	defer up.Discard()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	to := k
	to.Label = "text"
	_, createErr := s.Create(ctx)
	_, openErr := s.Open(ctx, k, 0, -1)
	_, statErr := s.Stat(ctx, k)
	for name, err := range map[string]error{
		"Create": createErr, "Open": openErr, "Stat": statErr, "Delete": s.Delete(ctx, k), "Copy": s.Copy(ctx, k, to),
		"Commit": up.Commit(ctx, Key([]byte("there"))), "Check": s.Check(ctx),
		"Walk": s.Walk(ctx, func(blob.Key, blob.Info) error { return nil }),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s after the context ended: %v, want context.Canceled", name, err)
		}
	}
	if found := keys(t, s); len(found) != 1 {
		t.Errorf("the store holds %v", found)
	}
}

func testCheck(t *testing.T, s blob.Store) {
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	if found := keys(t, s); len(found) != 0 {
		t.Errorf("Check left %v", found)
	}
}
