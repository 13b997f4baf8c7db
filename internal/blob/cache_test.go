package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
)

func TestCache(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return blob.Cache(openFS(t, t.TempDir()), 16<<20) })
}

// TestCacheIsTooSmall has a cache that can keep nothing.
func TestCacheIsTooSmall(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return blob.Cache(openFS(t, t.TempDir()), 1) })
}

// opened counts the ranges that are asked of a store.
type opened struct {
	blob.Store
	mu     sync.Mutex
	ranges []string
}

func (s *opened) Open(ctx context.Context, k blob.Key, off, n int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranges = append(s.ranges, fmt.Sprintf("%d+%d", off, n))
	return s.Store.Open(ctx, k, off, n)
}

func (s *opened) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.ranges = nil }()
	return fmt.Sprint(s.ranges)
}

func randomBytes(n int) []byte {
	content := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(content)
	return content
}

// TestCacheAsks holds reads to the ranges that they need from the store below.
func TestCacheAsks(t *testing.T) {
	const mib = 1 << 20
	inner := &opened{Store: openFS(t, t.TempDir())}
	s := blob.Cache(inner, 64*mib)
	content := randomBytes(3*mib + 5)
	k := blobtest.Put(t, s, content)
	for _, c := range []struct {
		off, n int64
		want   string
	}{
		{10, 5, "[0+1048576]"},
		{0, 100, "[]"},
		{mib - 1, 2, "[1048576+1048576]"},
		{5, -1, "[2097152+-1]"},
		{0, -1, "[]"},
		{3*mib + 4, 100, "[]"},
	} {
		want := content[c.off:]
		if c.n >= 0 {
			want = want[:min(c.n, int64(len(want)))]
		}
		if got := blobtest.Get(t, s, k, c.off, c.n); !bytes.Equal(got, want) {
			t.Errorf("Open(%d, %d): %d other bytes", c.off, c.n, len(got))
		}
		if got := inner.take(); got != c.want {
			t.Errorf("Open(%d, %d) asked for %s, want %s", c.off, c.n, got, c.want)
		}
	}
}

// TestCacheRanges reads random ranges of objects that end at and around the borders of blocks, with blocks in the cache or not.
func TestCacheRanges(t *testing.T) {
	const mib = 1 << 20
	inner := openFS(t, t.TempDir())
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int64{0, 1, mib - 1, mib, mib + 1, 2 * mib, 3*mib + 100} {
		content := randomBytes(int(size))
		s := blob.Cache(inner, 5*mib)
		k := blobtest.Put(t, s, content)
		borders := []int64{0, 1, mib - 1, mib, mib + 1, 2*mib - 1, 2 * mib, size - 1, size, size + 1}
		for range 200 {
			off := borders[random.IntN(len(borders))]
			n := []int64{-1, 0, 1, 2, mib, 2 * mib, size, 1<<63 - 1}[random.IntN(8)]
			if off >= 0 {
				checkRange(t, s, k, content, off, n)
			}
		}
	}
}

// TestCacheIsBounded reads more than fits, and one object that is larger than the cache: what others read stays.
func TestCacheIsBounded(t *testing.T) {
	const mib = 1 << 20
	inner := &opened{Store: openFS(t, t.TempDir())}
	s := blob.Cache(inner, 16*mib)
	small := blobtest.Put(t, s, []byte("read by all"))
	large := blobtest.Put(t, s, randomBytes(24*mib))
	blobtest.Get(t, s, small, 0, -1)
	blobtest.Get(t, s, large, 0, -1)
	inner.take()
	blobtest.Get(t, s, small, 0, -1)
	if got := inner.take(); got != "[]" {
		t.Errorf("a large object has driven out a small one: %s", got)
	}
	for i := range 100 {
		blobtest.Get(t, s, blobtest.Put(t, s, randomBytes(mib-1-i)), 0, -1)
	}
	if kept := blob.CacheBytes(s); kept > 16*mib || kept < 14*mib {
		t.Errorf("the cache of 16 MiB keeps %d bytes", kept)
	}
}

// TestCacheForgets deletes objects: here at once, and elsewhere.
func TestCacheForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := openFS(t, t.TempDir())
		s := blob.Cache(inner, 16<<20)
		k := blobtest.Put(t, s, []byte("short-lived"))
		blobtest.Get(t, s, k, 0, -1)
		if err := s.Delete(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(t.Context(), k, 0, -1); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open after Delete: %v, want ErrNotFound", err)
		}
		blobtest.Put(t, s, []byte("short-lived"))
		blobtest.Get(t, s, k, 0, -1)
		if err := inner.Delete(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		for range 11 { // being read all the time does not keep it
			time.Sleep(time.Minute)
			if r, err := s.Open(t.Context(), k, 0, -1); err == nil {
				r.Close()
			}
		}
		if _, err := s.Open(t.Context(), k, 0, -1); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open eleven minutes after it was deleted elsewhere: %v, want ErrNotFound", err)
		}
	})
}

// TestCacheTogether reads and deletes from many goroutines; the race detector and the bytes tell.
func TestCacheTogether(t *testing.T) {
	s := blob.Cache(openFS(t, t.TempDir()), 4<<20)
	contents := [][]byte{randomBytes(100), randomBytes(1 << 20), randomBytes(3<<20 + 1)}
	var readers sync.WaitGroup
	for w := range 8 {
		readers.Go(func() {
			for i := range 20 {
				content := contents[(w+i)%len(contents)]
				k := blobtest.Key(content)
				if err := put(t.Context(), s, k, content); err != nil {
					t.Errorf("put: %v", err)
				}
				off := int64(i * len(content) / 20)
				if got, err := read(t.Context(), s, k, off, -1); err == nil && !bytes.Equal(got, content[off:]) {
					t.Errorf("%d bytes from %d on came back as %d others", len(content), off, len(got))
				} else if err != nil && !errors.Is(err, blob.ErrNotFound) {
					t.Errorf("read: %v", err)
				}
				if err := s.Delete(t.Context(), k); err != nil && !errors.Is(err, blob.ErrNotFound) {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	readers.Wait()
}
