package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
)

// keeper is a store that has the bytes itself.
type keeper interface {
	Store
	list(context.Context, listing) error
	where(Key) string // for people: the place of an object
}

// listing is told what lies in a store.
type listing struct {
	object     func(Key, Info) error
	stray      func(name string)                  // what has no place there
	unreadable func(name string, err error) error // a directory
}

// keeperOf is the store below all wrappers.
func keeperOf(s Store) keeper {
	for {
		switch wrapper := s.(type) {
		case keeper:
			return wrapper
		case interface{ below() Store }:
			s = wrapper.below()
		default:
			return plain{s}
		}
	}
}

// plain is a store of which nothing more is known.
type plain struct{ Store }

func (s plain) list(ctx context.Context, l listing) error { return s.Walk(ctx, l.object) }
func (s plain) where(k Key) string                        { return k.String() }

func (s *Encrypted) below() Store { return s.Store }
func (s *Retrying) below() Store  { return s.Store }

// Verify reads every object of a store and calls report, from one goroutine at a time, for each that is damaged or has the
// wrong name, for each thing that is no object, and for each directory that cannot be read. What is written or deleted
// meanwhile is no fault. done, if not nil, is called after each object with its size. An error means that Verify did not
// get to the end.
func Verify(ctx context.Context, s Store, report func(fault string), done func(size int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v := verifier{store: s, keeper: keeperOf(s), report: report, done: done}
	objects := make(chan Key)
	var workers sync.WaitGroup
	for range verifyWorkers {
		workers.Go(func() {
			buf := make([]byte, verifyBuffer)
			for k := range objects {
				if err := v.verify(ctx, k, buf); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := v.keeper.list(ctx, listing{
		object: func(k Key, _ Info) error {
			select {
			case objects <- k:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		stray:      func(name string) { v.tell("%s: not an object of this store: move it elsewhere", name) },
		unreadable: func(name string, err error) error { v.tell("%s: cannot be read: %v", name, err); return nil },
	})
	close(objects)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

const (
	verifyWorkers = 4
	verifyBuffer  = 256 << 10 // bytes
)

type verifier struct {
	store  Store
	keeper keeper
	report func(string)
	done   func(int64)
	mu     sync.Mutex
}

func (v *verifier) tell(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report(fmt.Sprintf(format, args...))
}

// verify reads an object. An error is of the server, not of the object.
func (v *verifier) verify(ctx context.Context, k Key, buf []byte) error {
	got, size, err := rehash(ctx, v.store, k, buf)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil // deleted meanwhile
	case ctx.Err() != nil:
		return nil // Verify tells
	case errors.Is(err, ErrAway), errors.Is(err, ErrDenied):
		return err
	case err != nil:
		v.tell("%s: cannot be read: %v", v.keeper.where(k), err)
	case got != k.SHA256:
		v.tell("%s: damaged, its bytes have the SHA-256 %s: restore it from a backup or submit the file again", v.keeper.where(k), got)
	}
	if v.done != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.done(size)
	}
	return nil
}

// rehash reads an object and returns the SHA-256 and the number of its bytes.
func rehash(ctx context.Context, s Store, k Key, buf []byte) (sum string, size int64, err error) {
	r, err := s.Open(ctx, k, 0, -1)
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	h := sha256.New()
	for ctx.Err() == nil {
		n, err := r.Read(buf)
		h.Write(buf[:n])
		size += int64(n)
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), size, nil
		}
		if err != nil {
			return "", size, err
		}
	}
	return "", size, ctx.Err()
}
