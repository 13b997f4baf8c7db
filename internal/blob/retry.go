package blob

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"
)

// Retrying is another store whose ErrAway is met with patience: what failed is tried again after a pause that doubles and
// is partly chance, so that many processes do not come back at once. A read that breaks off goes on where it was. Walk and
// Check are left as they are: the one cannot go on in the middle, the other asks how the store is now.
type Retrying struct{ Store }

// Retry wraps a store.
func Retry(s Store) *Retrying { return &Retrying{s} }

const (
	attempts   = 8
	firstPause = 50 * time.Millisecond
	maxPause   = 3 * time.Second // all pauses together are six seconds at most
)

// do calls try until it returns something other than ErrAway, or the attempts are used up.
func (s *Retrying) do(ctx context.Context, try func(attempt int) error) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := try(attempt)
		if !errors.Is(err, ErrAway) || attempt == attempts {
			return err
		}
		wait := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
		pause = min(2*pause, maxPause)
	}
}

// Create implements Store.
func (s *Retrying) Create(ctx context.Context) (u Upload, err error) {
	err = s.do(ctx, func(int) error { u, err = s.Store.Create(ctx); return err })
	if err != nil {
		return nil, err
	}
	return retryingUpload{u, s}, nil
}

type retryingUpload struct {
	Upload
	store *Retrying
}

// Commit implements Upload.
func (u retryingUpload) Commit(ctx context.Context, k Key) error {
	return u.store.do(ctx, func(int) error { return u.Upload.Commit(ctx, k) })
}

// Stat implements Store.
func (s *Retrying) Stat(ctx context.Context, k Key) (info Info, err error) {
	err = s.do(ctx, func(int) error { info, err = s.Store.Stat(ctx, k); return err })
	return info, err
}

// Copy implements Store.
func (s *Retrying) Copy(ctx context.Context, from, to Key) error {
	return s.do(ctx, func(int) error { return s.Store.Copy(ctx, from, to) })
}

// Delete implements Store.
func (s *Retrying) Delete(ctx context.Context, k Key) error {
	return s.do(ctx, func(attempt int) error {
		err := s.Store.Delete(ctx, k)
		if attempt > 1 && errors.Is(err, ErrNotFound) {
			return nil // the attempt before did it, and only its answer was lost
		}
		return err
	})
}

// Open implements Store.
func (s *Retrying) Open(ctx context.Context, k Key, off, n int64) (io.ReadCloser, error) {
	r := &retryingReader{ctx: ctx, store: s, key: k, off: off, left: n}
	if err := s.do(ctx, func(int) error { return r.open() }); err != nil {
		return nil, err
	}
	return r, nil
}

// retryingReader is what of an object has not been read yet.
type retryingReader struct {
	ctx   context.Context
	store *Retrying
	key   Key
	off   int64
	left  int64         // bytes; negative: to the end
	body  io.ReadCloser // nil when it broke off
}

func (r *retryingReader) open() (err error) {
	r.body, err = r.store.Store.Open(r.ctx, r.key, r.off, r.left)
	if err != nil {
		r.body = nil // not an interface that holds a nil pointer
	}
	return err
}

// Read implements io.Reader.
func (r *retryingReader) Read(p []byte) (n int, err error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.left > 0 {
		p = p[:min(int64(len(p)), r.left)]
	}
	err = r.store.do(r.ctx, func(int) error {
		if r.body == nil {
			if err := r.open(); errors.Is(err, ErrRange) {
				return io.EOF // all had come but the end
			} else if err != nil {
				return err
			}
		}
		n, err = r.body.Read(p)
		if errors.Is(err, ErrAway) {
			r.body.Close()
			r.body = nil
			if n > 0 {
				err = nil // the next Read opens it again
			}
		}
		return err
	})
	r.off += int64(n)
	if r.left > 0 {
		r.left -= int64(n)
	}
	return n, err
}

// Close implements io.Closer.
func (r *retryingReader) Close() error {
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}
