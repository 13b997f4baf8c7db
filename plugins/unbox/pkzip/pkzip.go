// Package pkzip reads the methods of zip that were there before Deflate: Shrink, Reduce and Implode (PKWARE APPNOTE 6.3.10, 5.1 to 5.3). None of
// them tells where its data ends, so each is read up to a size.
package pkzip

import (
	"bufio"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

const (
	windowBytes = 16 << 10 // more than any method refers back to
	roundBytes  = 4 << 10  // that are decoded before they are given out
)

func damaged(what string) error { return fmt.Errorf("%s: %w", what, archive.ErrDamaged) }

// stream is what the methods have in common: bits that come in, the lowest first, and bytes that go out.
type stream struct {
	in   *bufio.Reader
	hold uint32
	held uint

	step   func() error // decodes a little
	window [windowBytes]byte
	at     int    // where the next byte goes
	out    []byte // decoded, not yet given out
	buf    []byte // that out is a part of
	left   int64  // bytes to come that are not in out
	err    error
}

func newStream(in *bufio.Reader, size int64) stream { return stream{in: in, left: size} }

func (s *stream) Read(p []byte) (int, error) {
	if len(s.out) == 0 && len(p) > 0 {
		if err := s.round(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// round decodes some bytes into s.out. An error comes when there are none.
func (s *stream) round() error {
	s.buf = s.buf[:0]
	for s.err == nil && len(s.buf) < roundBytes && int64(len(s.buf)) < s.left {
		s.err = s.step()
	}
	s.out = s.buf[:min(int64(len(s.buf)), s.left)]
	s.left -= int64(len(s.out))
	switch {
	case len(s.out) > 0:
		return nil
	case s.left == 0:
		return io.EOF
	}
	return s.err
}

// bits takes n bits, at most 16.
func (s *stream) bits(n uint) (int, error) {
	for s.held < n {
		c, err := s.in.ReadByte()
		if err == io.EOF {
			return 0, io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		s.hold |= uint32(c) << s.held
		s.held += 8
	}
	v := s.hold & (1<<n - 1)
	s.hold >>= n
	s.held -= n
	return int(v), nil
}

func (s *stream) emit(c byte) {
	s.window[s.at] = c
	s.at = (s.at + 1) % windowBytes
	s.buf = append(s.buf, c)
}

// repeat copies what came before. In front of the first byte there are zeros (5.2.6).
func (s *stream) repeat(distance, length int) {
	from := (s.at - distance + windowBytes) % windowBytes
	for range length {
		s.emit(s.window[from])
		from = (from + 1) % windowBytes
	}
}
