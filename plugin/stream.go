package plugin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	"lazuli/event"
)

// Limits on the streams that one job may produce, children and their streams included. What exceeds them is left out, and
// the job ends as completed-with-errors.
const (
	MaxChildren   = 5000    // files found inside, on all levels
	MaxStreams    = 900     // added to one file
	MaxSpoolBytes = 4 << 30 // of all streams together
)

const (
	smallBytes  = 64 << 10  // streams up to this size may stay in memory
	writeBytes  = 256 << 10 // go to disk at once: whole pages in few system calls, and still in the processor's cache when they are hashed
	memoryBytes = 16 << 20  // of all streams of a job that stay in memory
)

// errSpoolFull tells that a stream does not fit into what one job may produce.
var errSpoolFull = Partial(fmt.Sprintf("what was found has more than %d bytes", int64(MaxSpoolBytes)))

// spool keeps the streams that a job produces until its outcome is closed: small ones in memory, the rest in new files with
// names of their own in dir.
type spool struct {
	dir    string
	buf    []byte // scratch
	memory int64  // bytes that may still stay in memory
	left   int64  // bytes that may still be kept at all
	files  map[string]struct{}
}

func newSpool(dir string) *spool {
	return &spool{dir: dir, memory: memoryBytes, left: MaxSpoolBytes, files: map[string]struct{}{}}
}

// spooled is a stream and where it is kept.
type spooled struct {
	Stream
	file string // "" when in memory
}

// keep reads r to its end and hashes it on the way. An error of r comes back as it is, one of the disk as a spoolError; then
// nothing is kept.
func (s *spool) keep(ctx context.Context, label event.Label, r io.Reader) (spooled, error) {
	if s.buf == nil {
		s.buf = make([]byte, writeBytes)
	}
	r = &boundedReader{ctx: ctx, r: r, left: s.left}
	n, err := fill(r, s.buf)
	if err != nil && err != io.EOF {
		return spooled{}, err
	}
	sum := sha256.New()
	sum.Write(s.buf[:n])
	kept := spooled{Stream: Stream{Label: label, Size: int64(n)}}
	if err == io.EOF && n <= smallBytes && int64(n) <= s.memory {
		data := bytes.Clone(s.buf[:n])
		kept.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		s.memory -= kept.Size
	} else if err := s.write(&kept, n, err, r, sum); err != nil {
		return spooled{}, err
	}
	kept.SHA256 = hex.EncodeToString(sum.Sum(nil))
	s.left -= kept.Size
	return kept, nil
}

// write keeps a stream in a file: the first n bytes of s.buf, which are in sum already, then the rest of r, unless it ended with them.
func (s *spool) write(kept *spooled, n int, end error, r io.Reader, sum hash.Hash) error {
	file, err := os.CreateTemp(s.dir, "stream-") // opens with O_EXCL
	if err != nil {
		return &spoolError{err}
	}
	kept.file = file.Name()
	s.files[kept.file] = struct{}{}
	err = end
	if _, failed := file.Write(s.buf[:n]); failed != nil {
		err = &spoolError{failed}
	}
	for err == nil {
		n, err = fill(r, s.buf)
		sum.Write(s.buf[:n])
		kept.Size += int64(n)
		if _, failed := file.Write(s.buf[:n]); failed != nil {
			err = &spoolError{failed}
		}
	}
	if failed := file.Close(); failed != nil && err == io.EOF {
		err = &spoolError{failed}
	}
	if err != io.EOF {
		s.remove(kept.file)
		return err
	}
	name := kept.file
	kept.Open = func() (io.ReadCloser, error) { return os.Open(name) }
	return nil
}

// drop forgets a stream that is not needed after all.
func (s *spool) drop(kept spooled) {
	s.left += kept.Size
	if kept.file == "" {
		s.memory += kept.Size
		return
	}
	s.remove(kept.file)
}

func (s *spool) remove(name string) {
	if os.Remove(name) == nil { // else close tries again
		delete(s.files, name)
	}
}

// close removes every file.
func (s *spool) close() {
	for name := range s.files {
		_ = os.Remove(name) // whoever owns the folder empties it in the end
	}
	s.files = nil
}

// fill reads until b is full, and then returns nil, or until r ends with an error, which may be io.EOF.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var k int
		k, err = r.Read(b[n:])
		n += k
	}
	return n, err
}

// boundedReader ends when the job's time is over or its space is used up.
type boundedReader struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errSpoolFull
	}
	return n, err
}
