package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jellydator/ttlcache/v3"
)

// Cached keeps in memory what was read of another store, in blocks of a mebibyte: many plugins read the same file, most of
// them its beginning. Stat asks the store; Open does not where all it needs is here. What another process deletes may be
// read for cacheTime after.
type Cached struct {
	Store
	blocks  *ttlcache.Cache[block, []byte]
	maximum int64 // bytes that one read may add, so that a large object leaves something of the others
}

// block names a part of an object, beginning at index*blockSize. All have blockSize bytes but the object's last.
type block struct {
	key   Key
	index int64
}

const (
	blockSize  = 1 << 20
	blockExtra = 512 // what keeping a block takes besides its bytes, roughly
	cacheTime  = 10 * time.Minute
)

// Cache wraps a store. It keeps size bytes at most.
func Cache(s Store, size int64) *Cached {
	cost := func(i ttlcache.CostItem[block, []byte]) uint64 { return uint64(len(i.Value)) + blockExtra }
	return &Cached{
		Store: s,
		blocks: ttlcache.New(
			ttlcache.WithMaxCost(uint64(max(size, 1)), cost),
			ttlcache.WithTTL[block, []byte](cacheTime),
			ttlcache.WithDisableTouchOnHit[block, []byte](), // or what is read often could never be deleted by another
		),
		maximum: size / 8,
	}
}

func (s *Cached) below() Store { return s.Store }

// Delete implements Store.
func (s *Cached) Delete(ctx context.Context, k Key) error {
	err := s.Store.Delete(ctx, k)
	for _, b := range s.blocks.Keys() {
		if b.key == k {
			s.blocks.Delete(b)
		}
	}
	return err
}

// Close implements Store.
func (s *Cached) Close() error {
	s.blocks.DeleteAll()
	return s.Store.Close()
}

// Open implements Store. What is missing of the blocks is one request of the store below, from the first on.
func (s *Cached) Open(ctx context.Context, k Key, off, n int64) (io.ReadCloser, error) {
	if err := errors.Join(k.Valid(), ctx.Err()); err != nil {
		return nil, err
	}
	if off < 0 {
		return nil, pastEnd(k, off)
	}
	if n == 0 {
		return openNothing(ctx, s, k, off)
	}
	r := &cachedReader{ctx: ctx, store: s, key: k, next: off / blockSize, end: -1, budget: s.maximum}
	if n > 0 && off+n > off {
		r.end = off + n
	}
	r.at = r.next * blockSize
	err := r.fill()
	skip := off - r.at
	if err == io.EOF || err == nil && skip > 0 && skip >= int64(len(r.part)) {
		err = pastEnd(k, off)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	r.part, r.at = r.part[skip:], off
	return r, nil
}

// cachedReader reads an object block by block.
type cachedReader struct {
	ctx    context.Context
	store  *Cached
	key    Key
	next   int64 // index of the block to read next
	end    int64 // offset at which the range ends; -1: where the object does
	budget int64 // bytes that this reader may still add to the cache

	body    io.ReadCloser // at the beginning of the next block; nil while all came from the cache
	scratch *[blockSize]byte
	part    []byte // what was not read yet of the block, as far as it belongs to the range
	at      int64  // offset of part
	last    bool   // nothing comes after part
	err     error
}

var scratches = sync.Pool{New: func() any { return new([blockSize]byte) }}

// fill makes the next block what is read next. io.EOF tells that there is none.
func (r *cachedReader) fill() error {
	part, err := r.block()
	if err != nil {
		return err
	}
	r.last = len(part) < blockSize
	if r.end >= 0 && r.at+int64(len(part)) >= r.end {
		part, r.last = part[:r.end-r.at], true
	}
	r.part = part
	return nil
}

// block returns the next block, from the cache or from the store below; it is good until the next call.
func (r *cachedReader) block() ([]byte, error) {
	b := block{r.key, r.next}
	if r.body == nil {
		if item := r.store.blocks.Get(b); item != nil {
			r.next++
			return item.Value(), nil
		}
		if err := r.open(); err != nil {
			return nil, err
		}
	}
	n, err := io.ReadFull(r.body, r.scratch[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if n == 0 && r.next > 0 {
		return nil, io.EOF
	}
	r.next++
	part := r.scratch[:n]
	if cost := int64(n) + blockExtra; cost <= r.budget {
		r.budget -= cost
		r.store.blocks.Set(b, bytes.Clone(part), ttlcache.DefaultTTL)
	}
	return part, nil
}

// open opens the store below from the next block to the end of the range's last.
func (r *cachedReader) open() (err error) {
	off, n := r.next*blockSize, int64(-1)
	if r.end >= 0 {
		if n = (r.end+blockSize-1)/blockSize*blockSize - off; n < 0 {
			n = -1
		}
	}
	body, err := r.store.Store.Open(r.ctx, r.key, off, n)
	if errors.Is(err, ErrRange) && off > 0 {
		return io.EOF
	}
	if err != nil {
		return err
	}
	r.body, r.scratch = body, scratches.Get().(*[blockSize]byte)
	return nil
}

// Read implements io.Reader.
func (r *cachedReader) Read(p []byte) (int, error) {
	for len(r.part) == 0 && r.err == nil {
		if r.last {
			r.err = io.EOF
			break
		}
		r.err = r.fill()
	}
	if len(r.part) == 0 {
		return 0, r.err
	}
	n := copy(p, r.part)
	r.part, r.at = r.part[n:], r.at+int64(n)
	return n, nil
}

// Close implements io.Closer.
func (r *cachedReader) Close() error {
	if r.body == nil {
		return nil
	}
	body := r.body
	scratches.Put(r.scratch)
	r.body, r.scratch, r.part, r.err = nil, nil, nil, os.ErrClosed
	return body.Close()
}
