package pdf

import (
	"bytes"
	"context"
	"errors"
	"io"
)

const (
	windowBytes = 32 << 10 // of a file that are in memory at a time
	jumpBytes   = 2 << 10  // that are read after a jump, to one object mostly
	backBytes   = 256      // that are read before the byte that was asked for, since headers of objects are read backwards
)

// source gives the bytes of a file, through a window, or those of a stream that is in memory. When the file cannot be read any
// more, when the context ends or when the work is used up, it ends: then err says why.
type source struct {
	ctx    context.Context
	file   io.ReaderAt // nil if all is in the window
	size   int64
	window []byte
	from   int64 // offset of the window
	work   *work
	err    error
}

// inMemory is the source of bytes that were decoded.
func inMemory(content []byte, w *work) *source {
	return &source{size: int64(len(content)), window: content, work: w}
}

const noByte = -1 // where there is nothing to read

// byteAt returns the byte at an offset, or noByte.
func (s *source) byteAt(at int64) int {
	if i := uint64(at - s.from); i < uint64(len(s.window)) {
		return int(s.window[i])
	}
	if !s.load(at, 1) {
		return noByte
	}
	return int(s.window[at-s.from])
}

// load moves the window so that it has n bytes from at on, as far as the file goes. It tells whether there is one at all.
func (s *source) load(at int64, n int) bool {
	if at < 0 || at >= s.size || s.file == nil || s.err != nil {
		return false
	}
	if s.err = s.ctx.Err(); s.err != nil {
		return false
	}
	usual := windowBytes
	if at < s.from || at > s.from+int64(len(s.window)) {
		usual = jumpBytes
	}
	from := max(0, at-backBytes)
	want := min(int64(max(usual, backBytes+n)), s.size-from)
	if s.err = s.work.spend(want); s.err != nil {
		return false
	}
	if int64(cap(s.window)) < want {
		s.window = make([]byte, want)
	}
	window := s.window[:want]
	got, err := s.file.ReadAt(window, from)
	s.window, s.from = window[:got], from
	if int64(got) < want {
		if err != nil && !errors.Is(err, io.EOF) {
			s.err = err
		}
		s.size = from + int64(got) // what is not there is not asked for again
	}
	return at < s.from+int64(len(s.window))
}

// peek returns up to n bytes from at on. They are valid until something else is read.
func (s *source) peek(at int64, n int) []byte {
	if at < 0 || at >= s.size {
		return nil
	}
	n = int(min(int64(n), s.size-at))
	if at < s.from || at+int64(n) > s.from+int64(len(s.window)) {
		if !s.load(at, n) {
			return nil
		}
	}
	rest := s.window[at-s.from:]
	return rest[:min(n, len(rest))]
}

// ahead returns what is in the window from at on, which is at least n bytes as far as the file goes. They are valid until something
// else is read.
func (s *source) ahead(at int64, n int) []byte {
	if at < s.from || at+int64(n) > s.from+int64(len(s.window)) {
		return s.peek(at, max(n, windowBytes-backBytes))
	}
	return s.window[at-s.from:]
}

// has tells whether text stands at an offset.
func (s *source) has(at int64, text string) bool { return string(s.peek(at, len(text))) == text }

// index returns the offset of the first text that begins in [from, to), or -1.
func (s *source) index(from, to int64, text string) int64 {
	for to = min(to, s.size); from < to; {
		chunk := s.ahead(from, len(text))
		if len(chunk) < len(text) {
			return -1
		}
		if i := bytes.Index(chunk, []byte(text)); i >= 0 {
			if found := from + int64(i); found < to {
				return found
			}
			return -1
		}
		from += int64(len(chunk) - len(text) + 1)
	}
	return -1
}

// lastIndex returns the offset of the last text that begins before to, or -1.
func (s *source) lastIndex(to int64, text string) int64 {
	for to > 0 {
		from := max(0, to-windowBytes/2)
		chunk := s.peek(from, int(to-from)+len(text)-1)
		if i := bytes.LastIndex(chunk, []byte(text)); i >= 0 {
			return from + int64(i)
		}
		to = from
	}
	return -1
}

// section reads a stretch of the file as it is.
func (s *source) section(at, size int64) io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.peek(at, int(size)))
	}
	return &sectionReader{src: s, r: io.NewSectionReader(s.file, at, size)}
}

// sectionReader ends with the context.
type sectionReader struct {
	src *source
	r   *io.SectionReader
}

func (s *sectionReader) Read(p []byte) (int, error) {
	if err := s.src.ctx.Err(); err != nil {
		return 0, &readError{err}
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.src.err = err // nothing else can be had either
		err = &readError{err}
	}
	return n, err
}

// readError is an error of the file below, not of what is in it.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }
