package inspect

import (
	"context"
	"fmt"
	"io"
)

// chunkBytes is how much is read, and worked on, at a time.
var chunkBytes = 128 << 10 // smaller in tests

// window slides over a range of a file, which is one request to its store.
type window struct {
	body io.ReadCloser // nil if the range is empty
	buf  []byte        // what is seen now
	base int64         // offset of buf[0] in the file
	to   int64         // end of the range
}

// openWindow shows the range [from, to); keep is how many bytes besides a chunk must be seen at a time.
func openWindow(ctx context.Context, src Source, from, to int64, keep int) (*window, error) {
	w := &window{base: from, to: to}
	if from >= to {
		return w, nil
	}
	var err error
	if w.body, err = src.Open(ctx, from, to-from); err != nil {
		return nil, err
	}
	w.buf = make([]byte, 0, min(int64(chunkBytes+keep), to-from))
	return w, nil
}

func (w *window) close() {
	if w.body != nil {
		w.body.Close()
	}
}

// end is the offset behind what is seen.
func (w *window) end() int64 { return w.base + int64(len(w.buf)) }

// atEnd tells that what is seen goes to the end of the range.
func (w *window) atEnd() bool { return w.end() == w.to }

// slide forgets what lies before the offset from, and reads on.
func (w *window) slide(from int64) error {
	if gone := from - w.base; gone > 0 {
		w.buf = w.buf[:copy(w.buf, w.buf[gone:])]
		w.base = from
	}
	n := min(int64(cap(w.buf)-len(w.buf)), w.to-w.end())
	if n == 0 {
		return nil
	}
	read, err := io.ReadFull(w.body, w.buf[len(w.buf):len(w.buf)+int(n)])
	w.buf = w.buf[:len(w.buf)+read]
	return ended(err, w.end(), w.to)
}

// ended says more of an end that came too early: at an offset, in place of another one.
func ended(err error, at, want int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the file ends at %d, not at %d or behind: %w", at, want, io.ErrUnexpectedEOF)
	}
	return err
}
