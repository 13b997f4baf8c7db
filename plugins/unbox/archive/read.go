package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Damagef is ErrDamaged at an offset of the archive, with what is wrong there, which may be an error to wrap.
func Damagef(off int64, format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %w", ErrDamaged, off, fmt.Errorf(format, args...))
}

// ReadAt fills p from off on. What lies beyond the end of r is damage, called what; every other error of r is returned as it is.
func ReadAt(r io.ReaderAt, p []byte, off int64, what string) error {
	if off < 0 {
		return Damagef(off, "%s lies before the beginning", what)
	}
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return Damagef(off, "%s is cut short", what)
	}
	return err
}

// Begin reads the first n bytes of an archive: ErrNotThis if it has fewer.
func Begin(r io.ReaderAt, n int) ([]byte, error) {
	p := make([]byte, n)
	err := ReadAt(r, p, 0, "the beginning")
	if errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("%w: shorter than %d bytes", ErrNotThis, n)
	}
	return p, err
}

// Section reads the n bytes of r from off on. Where r ends before that it returns an error of damage instead of io.EOF, and it
// ends early when ctx does.
func Section(ctx context.Context, r io.ReaderAt, off, n int64, what string) io.Reader {
	return &section{ctx: ctx, r: r, off: off, left: n, what: what}
}

type section struct {
	ctx       context.Context
	r         io.ReaderAt
	off, left int64
	what      string
}

func (s *section) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.left <= 0 {
		return 0, io.EOF
	}
	if s.off < 0 {
		return 0, Damagef(s.off, "%s lies before the beginning", s.what)
	}
	n, err := s.r.ReadAt(p[:min(int64(len(p)), s.left)], s.off)
	s.off += int64(n)
	s.left -= int64(n)
	if n == 0 && (err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return 0, Damagef(s.off, "%s is cut short", s.what)
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}
