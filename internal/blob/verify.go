package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
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

// each calls work for every object of a store, from several goroutines, until one returns an error. l says what happens to
// the rest; its object is not used.
func each(ctx context.Context, s keeper, l listing, work func(ctx context.Context, k Key, info Info, buf []byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type object struct {
		key  Key
		info Info
	}
	objects := make(chan object)
	var workers sync.WaitGroup
	for range eachWorkers {
		workers.Go(func() {
			buf := make([]byte, eachBuffer)
			for o := range objects {
				if err := work(ctx, o.key, o.info, buf); err != nil {
					cancel(err)
				}
			}
		})
	}
	l.object = func(k Key, info Info) error {
		select {
		case objects <- object{k, info}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := s.list(ctx, l)
	close(objects)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

const (
	eachWorkers = 4
	eachBuffer  = 256 << 10 // bytes
)

// rehash reads an object into sink and returns the SHA-256 and the number of its bytes.
func rehash(ctx context.Context, s Store, k Key, sink io.Writer, buf []byte) (sum string, size int64, err error) {
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
		if _, err := sink.Write(buf[:n]); err != nil {
			return "", size, err
		}
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), size, nil
		}
		if err != nil {
			return "", size, err
		}
	}
	return "", size, ctx.Err()
}

// Verify reads every object of a store and calls report, from one goroutine at a time, for each that is damaged or has the
// wrong name, for each thing that is no object, and for each directory that cannot be read. What is written or deleted
// meanwhile is no fault. done, if not nil, is called after each object, in the same way, with its size. An error means that
// Verify did not get to the end.
func Verify(ctx context.Context, s Store, report func(fault string), done func(size int64)) error {
	v := inspection{keeper: keeperOf(s), report: report, done: done}
	err := each(ctx, v.keeper, v.listing(), func(ctx context.Context, k Key, _ Info, buf []byte) error {
		sum, size, err := rehash(ctx, s, k, io.Discard, buf)
		if _, err := v.judge(k, sum, err); err != nil {
			return err
		}
		v.tellDone(size)
		return nil
	})
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// Mirrored is what Mirror did.
type Mirrored struct {
	Copied int64 // objects
	Bytes  int64 // of these
	Kept   int64 // objects that were there already
}

// Mirror copies every object of one store that another does not have, so that it can be ended and begun again. What is damaged
// is not copied; it is reported as by Verify. done, if not nil, is called after each object with its size.
func Mirror(ctx context.Context, from, to Store, report func(fault string), done func(size int64)) (m Mirrored, err error) {
	v := inspection{keeper: keeperOf(from), report: report, done: done}
	var copied, bytes, kept atomic.Int64
	err = each(ctx, v.keeper, v.listing(), func(ctx context.Context, k Key, _ Info, buf []byte) error {
		info, err := from.Stat(ctx, k)
		if good, err := v.judge(k, k.SHA256, err); !good {
			return err
		}
		there, err := to.Stat(ctx, k)
		switch {
		case err == nil && there.Size == info.Size:
			kept.Add(1)
			v.tellDone(info.Size)
			return nil
		case err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDecrypt):
			return err
		}
		up, err := to.Create(ctx)
		if err != nil {
			return err
		}
		defer up.Discard()
		sink := remembering{Writer: up}
		sum, size, err := rehash(ctx, from, k, &sink, buf)
		if sink.err != nil {
			return sink.err
		}
		if good, err := v.judge(k, sum, err); !good {
			return err
		}
		if err := up.Commit(ctx, k); err != nil {
			return err
		}
		copied.Add(1)
		bytes.Add(size)
		v.tellDone(size)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("copy: %w", err)
	}
	return Mirrored{copied.Load(), bytes.Load(), kept.Load()}, err
}

// remembering keeps the error of a writer, so that it can be told from that of the reader.
type remembering struct {
	io.Writer
	err error
}

func (r *remembering) Write(p []byte) (n int, err error) {
	n, r.err = r.Writer.Write(p)
	return n, r.err
}

// inspection tells one after the other what workers find.
type inspection struct {
	keeper keeper
	report func(string)
	done   func(int64)
	mu     sync.Mutex
}

func (v *inspection) listing() listing {
	return listing{
		stray:      func(name string) { v.tell("%s: not an object of this store: move it elsewhere", name) },
		unreadable: func(name string, err error) error { v.tell("%s: cannot be read: %v", name, err); return nil },
	}
}

func (v *inspection) tell(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report(fmt.Sprintf(format, args...))
}

func (v *inspection) tellDone(size int64) {
	if v.done == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done(size)
}

// judge says what it means that an object was read with this sum and error. It is good, or that is told; the error it returns
// is one that would meet all objects.
func (v *inspection) judge(k Key, sum string, err error) (good bool, fatal error) {
	switch {
	case err == nil && sum == k.SHA256:
		return true, nil
	case err == nil:
		v.tell("%s: damaged, its bytes have the SHA-256 %s: restore it from a backup or submit the file again", v.keeper.where(k), sum)
	case errors.Is(err, ErrNotFound): // deleted meanwhile
	case errors.Is(err, ErrAway), errors.Is(err, ErrDenied), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false, err
	default:
		v.tell("%s: cannot be read: %v", v.keeper.where(k), err)
	}
	return false, nil
}
