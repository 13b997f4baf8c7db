package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// readerBytes is how much a Reader reads ahead.
const readerBytes = 32 << 10

// Reader reads a stream of the file, one byte after the other or at any place. Small reads are buffered. It stops when the
// job's time is over.
type Reader struct {
	content Content
	at      int64  // where Read goes on
	ahead   []byte // what lies at at
	buf     []byte // holds ahead
}

// Size is the stream's size in bytes.
func (r *Reader) Size() int64 { return r.content.Size() }

// ReadAt implements io.ReaderAt. It may be called at the same time from several goroutines. A place before the beginning, to which
// damaged files like to point, is an error of whoever asks, not of the store.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read a stream: the place lies before its beginning")
	}
	return r.content.ReadAt(p, off)
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.ahead) == 0 && len(p) >= readerBytes {
		n, err := r.content.ReadAt(p, r.at)
		r.at += int64(n)
		if n > 0 {
			err = nil // comes again with the next read
		}
		return n, err
	}
	if err := r.look(); err != nil {
		return 0, err
	}
	n := copy(p, r.ahead)
	r.skip(n)
	return n, nil
}

// ReadByte implements io.ByteReader.
func (r *Reader) ReadByte() (byte, error) {
	if err := r.look(); err != nil {
		return 0, err
	}
	b := r.ahead[0]
	r.skip(1)
	return b, nil
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	to := offset
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		to += r.at
	case io.SeekEnd:
		to += r.Size()
	default:
		return 0, fmt.Errorf("seek in a stream: whence %d is not known", whence)
	}
	if to < 0 {
		return 0, errors.New("seek in a stream: the place lies before its beginning")
	}
	if to >= r.at && to-r.at <= int64(len(r.ahead)) {
		r.skip(int(to - r.at))
	} else {
		r.at, r.ahead = to, nil
	}
	return to, nil
}

// look sees to it that there is something ahead.
func (r *Reader) look() error {
	if len(r.ahead) > 0 {
		return nil
	}
	if r.buf == nil {
		r.buf = make([]byte, readerBytes)
	}
	n, err := r.content.ReadAt(r.buf, r.at)
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	if n == 0 {
		return err
	}
	r.ahead = r.buf[:n]
	return nil
}

func (r *Reader) skip(n int) {
	r.at += int64(n)
	r.ahead = r.ahead[n:]
}

// watchedContent is a stream of a job: what goes wrong with it is the job's fault, and reading ends with the job's time.
type watchedContent struct {
	Content
	ctx context.Context
	job *Job
}

func (c *watchedContent) ReadAt(p []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.Content.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = c.job.readFailed(err)
	}
	return n, err
}
