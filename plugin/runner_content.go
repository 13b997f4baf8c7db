package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"

	"lazuli/client"
	"lazuli/event"
)

// ErrNoContent is returned when a stream is opened that the store does not hold. A plugin that does not expect it just
// returns it: the job ends as an opt-out.
var ErrNoContent = errors.New("the stream is not stored")

const (
	wholeBytes  = 4 << 20 // streams up to this size are read at once
	chunkBytes  = 1 << 20 // larger ones in chunks that begin at multiples of this
	chunksKept  = 8
	fetchTries  = 3 // for a chunk whose answer broke off
	maxIntBytes = math.MaxInt64
)

// streamReader opens the streams of one job and remembers the first one that could not be read.
type streamReader struct {
	d      *client.Dispatcher
	source string

	mu  sync.Mutex
	bad error
}

// failure returns why a stream could not be read, other than that there is none; nil if all went well.
func (r *streamReader) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bad
}

// open is Input.Open.
func (r *streamReader) open(ctx context.Context, s event.Datastream) (Content, error) {
	if s.Size > maxIntBytes {
		return nil, r.failed(ctx, fmt.Errorf("stream %s cannot be %d bytes large", s.SHA256, s.Size))
	}
	c := &remoteContent{r: r, ctx: ctx, stream: s, size: int64(s.Size)}
	if c.size > wholeBytes {
		// The first chunk tells at once whether the stream is there.
		if _, err := c.chunk(0); err != nil {
			return nil, err
		}
		return c, nil
	}
	if c.size == 0 {
		return memory{bytes.NewReader(nil)}, nil
	}
	whole := make([]byte, c.size)
	if err := c.fetch(whole, 0); err != nil {
		return nil, err
	}
	return memory{bytes.NewReader(whole)}, nil
}

// failed makes an error of a read and remembers it, unless the job itself is over or the stream is just not there.
func (r *streamReader) failed(ctx context.Context, err error) error {
	if status := (*client.StatusError)(nil); errors.As(err, &status) && status.Code == http.StatusNotFound {
		return fmt.Errorf("%w: %w", ErrNoContent, err)
	}
	if ctx.Err() == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.bad == nil {
			r.bad = err
		}
	}
	return err
}

// memory is a stream that was read whole.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// remoteContent reads a large stream in aligned chunks and keeps the last few. Reads at the same time take turns.
type remoteContent struct {
	r      *streamReader
	ctx    context.Context // of the job: io.ReaderAt has none
	stream event.Datastream
	size   int64

	mu     sync.Mutex
	chunks []keptChunk // the one used last at the end
	closed bool
}

type keptChunk struct {
	index int64
	data  []byte
}

// Size is the stream's size in bytes.
func (c *remoteContent) Size() int64 { return c.size }

// Close forgets the chunks; reading ends with an error from now on.
func (c *remoteContent) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chunks, c.closed = nil, true
	return nil
}

// ReadAt is as io.ReaderAt wants it.
func (c *remoteContent) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read stream %s: negative offset %d", c.stream.SHA256, off)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, fmt.Errorf("read stream %s: it is closed", c.stream.SHA256)
	}
	n := 0
	for n < len(p) && off < c.size {
		data, err := c.chunk(off / chunkBytes)
		if err != nil {
			return n, err
		}
		k := copy(p[n:], data[off%chunkBytes:])
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// chunk returns one chunk, from those kept if it is there. The caller holds c.mu, or has c for itself.
func (c *remoteContent) chunk(index int64) ([]byte, error) {
	for i, k := range c.chunks {
		if k.index == index {
			c.chunks = append(append(c.chunks[:i:i], c.chunks[i+1:]...), k)
			return k.data, nil
		}
	}
	var buf []byte
	if len(c.chunks) >= chunksKept {
		buf = c.chunks[0].data[:0]
		c.chunks = append(c.chunks[:0:0], c.chunks[1:]...)
	}
	off := index * chunkBytes
	length := int(min(chunkBytes, c.size-off))
	if cap(buf) < length {
		buf = make([]byte, length, chunkBytes)
	}
	buf = buf[:length]
	if err := c.fetch(buf, off); err != nil {
		return nil, err
	}
	c.chunks = append(c.chunks, keptChunk{index, buf})
	return buf, nil
}

// fetch fills p with the stream's bytes from off on.
func (c *remoteContent) fetch(p []byte, off int64) error {
	var err error
	for range fetchTries {
		if err = c.fetchOnce(p, off); err == nil {
			return nil
		}
		if !client.Temporary(err) || c.ctx.Err() != nil {
			break
		}
	}
	return c.r.failed(c.ctx, err)
}

func (c *remoteContent) fetchOnce(p []byte, off int64) error {
	body, total, err := c.r.d.GetStream(c.ctx, c.r.source, c.stream.Label, c.stream.SHA256, off, int64(len(p)))
	if err != nil {
		return err
	}
	defer body.Close()
	if total != c.size {
		return fmt.Errorf("read stream %s: %d bytes are stored, but the event says %d", c.stream.SHA256, total, c.size)
	}
	if _, err := io.ReadFull(body, p); err != nil {
		return fmt.Errorf("read stream %s: %w", c.stream.SHA256, err)
	}
	return nil
}
