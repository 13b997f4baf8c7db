package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
)

// flaky is a store that does what its script says: each call takes the next error; nil, and the script's end, let the call
// through.
type flaky struct {
	blob.Store
	script []error
	calls  int
	after  bool // a call is done although it fails: only its answer is lost
	cut    int  // bytes after which a read breaks off; 0 for never
}

func (s *flaky) next() error {
	s.calls++
	if len(s.script) == 0 {
		return nil
	}
	err := s.script[0]
	s.script = s.script[1:]
	return err
}

func (s *flaky) call(do func() error) error {
	err := s.next()
	if err == nil || s.after {
		if e := do(); e != nil {
			return e
		}
	}
	return err
}

func (s *flaky) Stat(ctx context.Context, k blob.Key) (info blob.Info, err error) {
	err = s.call(func() error { info, err = s.Store.Stat(ctx, k); return err })
	return info, err
}

func (s *flaky) Delete(ctx context.Context, k blob.Key) error {
	return s.call(func() error { return s.Store.Delete(ctx, k) })
}

func (s *flaky) Copy(ctx context.Context, from, to blob.Key) error {
	return s.call(func() error { return s.Store.Copy(ctx, from, to) })
}

func (s *flaky) Check(ctx context.Context) error {
	return s.call(func() error { return s.Store.Check(ctx) })
}

func (s *flaky) Create(ctx context.Context) (blob.Upload, error) {
	up, err := s.Store.Create(ctx)
	return flakyUpload{up, s}, err
}

type flakyUpload struct {
	blob.Upload
	store *flaky
}

func (u flakyUpload) Commit(ctx context.Context, k blob.Key) error {
	return u.store.call(func() error { return u.Upload.Commit(ctx, k) })
}

func (s *flaky) Open(ctx context.Context, k blob.Key, off, n int64) (io.ReadCloser, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	r, err := s.Store.Open(ctx, k, off, n)
	if err != nil || s.cut == 0 {
		return r, err
	}
	broken := io.MultiReader(io.LimitReader(r, int64(s.cut)), iotest.ErrReader(errAway))
	return struct {
		io.Reader
		io.Closer
	}{broken, r}, nil
}

var errAway = fmt.Errorf("it went away: %w", blob.ErrAway)

func away(n int) (script []error) {
	for range n {
		script = append(script, errAway)
	}
	return script
}

func TestRetry(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return blob.Retry(openFS(t, t.TempDir())) })
}

// TestRetryPatience counts attempts and the time between them.
func TestRetryPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &flaky{Store: openFS(t, t.TempDir())}
		s := blob.Retry(inner)
		k := blobtest.Put(t, inner, []byte("content"))
		other := k
		other.Label = "text"
		operations := map[string]func() error{
			"Stat":   func() error { _, err := s.Stat(t.Context(), k); return err },
			"Copy":   func() error { return s.Copy(t.Context(), k, other) },
			"Commit": func() error { return put(t.Context(), s, blobtest.Key([]byte("more")), []byte("more")) },
			"Open":   func() error { _, err := read(t.Context(), s, k, 0, -1); return err },
		}
		for name, do := range operations {
			inner.calls, inner.script = 0, away(7)
			begin := time.Now()
			if err := do(); err != nil || inner.calls != 8 {
				t.Errorf("%s: %d calls, %v; want 8 and no error", name, inner.calls, err)
			}
			if took := time.Since(begin); took < 3*time.Second || took > 7*time.Second {
				t.Errorf("%s: seven pauses took %v", name, took)
			}
			inner.calls, inner.script = 0, away(8)
			if err := do(); !errors.Is(err, blob.ErrAway) || inner.calls != 8 {
				t.Errorf("%s: %d calls, %v; want 8 and ErrAway", name, inner.calls, err)
			}
			inner.calls, inner.script = 0, []error{blob.ErrFull}
			if err := do(); !errors.Is(err, blob.ErrFull) || inner.calls != 1 {
				t.Errorf("%s: %d calls, %v; ErrFull is not tried again", name, inner.calls, err)
			}
		}
		inner.calls, inner.script = 0, away(1)
		if err := s.Check(t.Context()); !errors.Is(err, blob.ErrAway) || inner.calls != 1 {
			t.Errorf("Check: %d calls, %v; it tells how the store is now", inner.calls, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		inner.script = away(8)
		begin := time.Now()
		if _, err := s.Stat(ctx, k); !errors.Is(err, blob.ErrAway) || time.Since(begin) > time.Second {
			t.Errorf("Stat with a second to spare: %v after %v", err, time.Since(begin))
		}
	})
}

// TestRetryDelete loses the answer to a deletion: that the object is gone then is no error.
func TestRetryDelete(t *testing.T) {
	inner := &flaky{Store: openFS(t, t.TempDir()), after: true}
	s := blob.Retry(inner)
	k := blobtest.Put(t, inner, []byte("content"))
	inner.script = away(1)
	if err := s.Delete(t.Context(), k); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if err := s.Delete(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Delete of what is gone: %v, want ErrNotFound", err)
	}
}

// TestRetryReads breaks reads off after every few bytes, also right at the end.
func TestRetryReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &flaky{Store: openFS(t, t.TempDir())}
		content := []byte("0123456789")
		k := blobtest.Put(t, inner, content)
		s := blob.Retry(inner)
		for _, inner.cut = range []int{1, 2, 3, 5, 10} {
			for _, c := range []struct{ off, n, end int64 }{{0, -1, 10}, {0, 10, 10}, {3, 4, 7}, {3, 100, 10}, {9, 1, 10}} {
				got, err := read(t.Context(), s, k, c.off, c.n)
				if err != nil || !bytes.Equal(got, content[c.off:c.end]) {
					t.Errorf("Open(%d, %d), broken off every %d bytes: %q, %v", c.off, c.n, inner.cut, got, err)
				}
			}
		}
		inner.cut = 4
		r, err := s.Open(t.Context(), k, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		inner.script = append([]error{}, away(20)...)
		if got, err := io.ReadAll(r); !errors.Is(err, blob.ErrAway) || string(got) != "0123" {
			t.Errorf("from a store that stays away: %q, %v; want what came, and ErrAway", got, err)
		}
	})
}

func read(ctx context.Context, s blob.Store, k blob.Key, off, n int64) ([]byte, error) {
	r, err := s.Open(ctx, k, off, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
