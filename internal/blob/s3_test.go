package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
	"lazuli/test/servers"
)

// buckets names the buckets of a test.
type buckets struct {
	*servers.S3Server
	n int
}

// next is the location of a new one.
func (b *buckets) next() string {
	b.n++
	return b.Location(fmt.Sprintf("bucket-%d", b.n))
}

func open(t testing.TB, location string, opts blob.Options) blob.Store {
	t.Helper()
	if opts.Scratch == "" {
		opts.Scratch = t.TempDir()
	}
	s, err := blob.Open(t.Context(), location, opts)
	if err != nil {
		t.Fatalf("open %s: %v", location, err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestS3(t *testing.T) {
	server := &buckets{S3Server: servers.StartS3(t)}
	blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, server.next(), blob.Options{}) })
}

func TestS3Encrypted(t *testing.T) {
	server := &buckets{S3Server: servers.StartS3(t)}
	blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, server.next(), blob.Options{Key: cryptKey}) })
}

// TestS3Prefixes keeps two stores in one bucket.
func TestS3Prefixes(t *testing.T) {
	server := servers.StartS3(t)
	at := func(path string) string { return strings.Replace(server.Location("shared"), "?", path+"?", 1) }
	one, two, all := open(t, at("/one"), blob.Options{}), open(t, at("/two/deep/"), blob.Options{}), open(t, at(""), blob.Options{})
	k := blobtest.Put(t, one, []byte("of the first"))
	blobtest.Put(t, two, []byte("of the second"))
	if _, err := two.Stat(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("the second store has what is in the first: %v", err)
	}
	for s, want := range map[blob.Store]string{one: "of the first", two: "of the second"} {
		var found []string
		if err := s.Walk(t.Context(), func(k blob.Key, _ blob.Info) error {
			found = append(found, string(blobtest.Get(t, s, k, 0, -1)))
			return nil
		}); err != nil || len(found) != 1 || found[0] != want {
			t.Errorf("Walk: %q, %v; want %q", found, err, want)
		}
	}
	var faults []string
	if err := blob.Verify(t.Context(), all, func(f string) { faults = append(faults, f) }, nil); err != nil {
		t.Fatal(err)
	}
	if len(faults) != 2 || !strings.Contains(faults[1], "s3://shared/two/deep/samples/content/") {
		t.Errorf("Verify of the whole bucket names %q; the prefixes make both paths too long", faults)
	}
}

// requests counts what a store asks of its server.
type requests struct {
	mu   sync.Mutex
	seen []string
}

func (r *requests) watch(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		r.mu.Lock()
		r.seen = append(r.seen, req.Method+" "+req.Header.Get("Range"))
		r.mu.Unlock()
		return next.RoundTrip(req)
	})
}

// take returns what was asked since the last time.
func (r *requests) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.seen = nil }()
	return strings.TrimSpace(strings.Join(r.seen, ","))
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestS3Requests holds each operation to the requests that it needs.
func TestS3Requests(t *testing.T) {
	var seen requests
	opts := blob.Options{}
	blob.WatchRequests(&opts, seen.watch)
	s := open(t, servers.StartS3(t).Location("counted"), opts)
	content := bytes.Repeat([]byte("0123456789"), 100)
	seen.take()
	k := blobtest.Put(t, s, content)
	other := k
	other.Label = "text"
	for _, c := range []struct {
		doing string
		do    func() error
		want  string
	}{
		{"Put", func() error { return nil }, "HEAD ,PUT"},
		{"Put what is there", func() error { blobtest.Put(t, s, content); return nil }, "HEAD"},
		{"Stat", func() error { _, err := s.Stat(t.Context(), k); return err }, "HEAD"},
		{"Open", func() error { blobtest.Get(t, s, k, 0, -1); return nil }, "GET"},
		{"Open a range", func() error { blobtest.Get(t, s, k, 10, 5); return nil }, "GET bytes=10-14"},
		{"Open the end", func() error { blobtest.Get(t, s, k, 990, -1); return nil }, "GET bytes=990-"},
		{"Copy", func() error { return s.Copy(t.Context(), k, other) }, "HEAD ,HEAD ,PUT"},
		{"Delete", func() error { return s.Delete(t.Context(), k) }, "HEAD ,DELETE"},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.doing, err)
		}
		if got := seen.take(); got != c.want {
			t.Errorf("%s asks %q, want %q", c.doing, got, c.want)
		}
	}
}

// TestS3Multipart puts an object of several parts.
func TestS3Multipart(t *testing.T) {
	var seen requests
	opts := blob.Options{}
	blob.WatchRequests(&opts, seen.watch)
	s := open(t, servers.StartS3(t).Location("large"), opts)
	content := make([]byte, 40<<20+1)
	rand.NewChaCha8([32]byte{1}).Read(content)
	seen.take()
	k := blobtest.Put(t, s, content)
	if asked := seen.take(); strings.Count(asked, "PUT") != 3 || strings.Count(asked, "POST") != 2 {
		t.Errorf("40 MiB went up as %q; want a beginning, three parts and an end", asked)
	}
	if got := blobtest.Get(t, s, k, 0, -1); !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back differently (%d)", len(content), len(got))
	}
	if got := blobtest.Get(t, s, k, 20<<20, 100); !bytes.Equal(got, content[20<<20:20<<20+100]) {
		t.Error("a range in the middle came back differently")
	}
}

// TestS3Orphans opens a store whose bucket has parts of uploads that were cut off.
func TestS3Orphans(t *testing.T) {
	server := servers.StartS3(t)
	s := open(t, server.Location("orphans"), blob.Options{})
	if err := blob.BeginMultipart(t.Context(), s, "samples/content/cut-off"); err != nil {
		t.Fatal(err)
	}
	uploads := func() int {
		found, err := filepath.Glob(filepath.Join(server.Dir, "orphans", ".sgwtmp", "multipart", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if uploads() != 1 {
		t.Fatalf("%d uploads are under way, want 1", uploads())
	}
	open(t, server.Location("orphans"), blob.Options{})
	if uploads() != 1 {
		t.Error("an upload that has just begun, perhaps by another instance, was ended")
	}
	found, _ := filepath.Glob(filepath.Join(server.Dir, "orphans", ".sgwtmp", "multipart", "*", "*"))
	old := time.Now().Add(-25 * time.Hour)
	for _, path := range found {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	open(t, server.Location("orphans"), blob.Options{})
	if uploads() != 0 {
		t.Error("an upload of yesterday is still there")
	}
}

// TestS3Killed kills the server again and again while objects are put, read and deleted. Nobody sees an error.
func TestS3Killed(t *testing.T) {
	server := servers.StartS3(t)
	s := open(t, server.Location("killed"), blob.Options{})
	blobtest.Put(t, s, []byte("stays")) // the gateway removes folders that become empty, under the feet of what is being put
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var workers sync.WaitGroup
	var rounds atomic.Int64
	for w := range 4 {
		workers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				content := bytes.Repeat(fmt.Appendf(nil, "worker %d, object %d;", w, i), 1+i%50_000)
				if err := roundTripObject(t.Context(), s, content); err != nil {
					t.Errorf("worker %d, object %d: %v", w, i, err)
					return
				}
				rounds.Add(1)
			}
		})
	}
	for range 5 {
		for goal := rounds.Load() + 20; rounds.Load() < goal && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		server.Kill()
		server.Start(t)
	}
	stop()
	workers.Wait()
	if n := rounds.Load(); n < 100 {
		t.Errorf("only %d objects went through", n)
	}
}

func roundTripObject(ctx context.Context, s blob.Store, content []byte) error {
	k := blobtest.Key(content)
	if err := put(ctx, s, k, content); err != nil {
		return err
	}
	if got, err := read(ctx, s, k, 3, -1); err != nil || !bytes.Equal(got, content[3:]) {
		return fmt.Errorf("%d bytes came back as %d others, %w", len(content), len(got), err)
	}
	return s.Delete(ctx, k)
}

// TestS3Frozen asks a server that has stopped: nobody waits longer than they want to.
func TestS3Frozen(t *testing.T) {
	server := servers.StartS3(t)
	s := open(t, server.Location("frozen"), blob.Options{})
	k := blobtest.Put(t, s, []byte("cold"))
	server.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Stat(ctx, k); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stat: %v, want the context's end", err)
	}
	server.Thaw()
	if got := blobtest.Get(t, s, k, 0, -1); string(got) != "cold" {
		t.Errorf("after that: %q", got)
	}
}

// TestS3Away and its like hold errors to what users can do about them.
func TestS3Away(t *testing.T) {
	server := servers.StartS3(t)
	location := server.Location("away")
	server.Kill()
	_, err := blob.Open(t.Context(), location, blob.Options{Scratch: t.TempDir()})
	if !errors.Is(err, blob.ErrAway) {
		t.Errorf("open: %v, want ErrAway", err)
	}
}

func TestS3Denied(t *testing.T) {
	location := servers.StartS3(t).Location("denied")
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"wrong secret": {map[string]string{"AWS_SECRET_ACCESS_KEY": "wrong"}, "let this process in"},
		"wrong key":    {map[string]string{"AWS_ACCESS_KEY_ID": "nobody"}, "let this process in"},
		"no key":       {map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nowhere"}, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			_, err := blob.Open(t.Context(), location, blob.Options{Scratch: t.TempDir()})
			if err == nil || errors.Is(err, blob.ErrAway) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("open: %v, want %q", err, c.want)
			}
		})
	}
}

func TestS3MustExist(t *testing.T) {
	location := servers.StartS3(t).Location("missing")
	_, err := blob.Open(t.Context(), location, blob.Options{Scratch: t.TempDir(), MustExist: true})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open: %v, want os.ErrNotExist", err)
	}
}

func TestBadLocations(t *testing.T) {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
	}
	for location, want := range map[string]string{
		"http://example.org/bucket":               "a store is a directory or s3://BUCKET/PREFIX",
		"s3://":                                   `"" is not a bucket's name`,
		"s3://Upper":                              "is not a bucket's name",
		"s3://a":                                  "is not a bucket's name",
		"s3://key:secret@bucket":                  "must not hold credentials",
		"s3://bucket/a//b":                        `"" in the prefix`,
		"s3://bucket/../b":                        `".." in the prefix`,
		"s3://bucket?endpiont=x":                  `what is "endpiont"?`,
		"s3://bucket?endpoint=example.org:9000":   "must be a URL such as",
		"s3://bucket?endpoint=http://u:p@host":    "must be a URL such as",
		"s3://bucket?endpoint=https://host/path/": "must be a URL such as",
	} {
		_, err := blob.Open(t.Context(), location, blob.Options{Scratch: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open %s: %v, want %q", location, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("open %s shows the secret: %v", location, err)
		}
	}
}
