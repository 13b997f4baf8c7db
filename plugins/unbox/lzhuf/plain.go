package lzhuf

import "io"

// NewLZS decompresses -lzs- of LArc: a bit tells a literal from a match, whose place in the window of 2 KiB is absolute.
func NewLZS(r io.Reader, size int64) *Reader {
	const windowBits, lengthBits = 11, 4
	s := &absolute{at: 1<<windowBits - 17, mask: 1<<windowBits - 1}
	s.next = func(b *bits) (token, int) {
		if b.read(1) == 1 {
			return token{literal: byte(b.read(8))}, 0
		}
		place := b.read(windowBits)
		return token{length: b.read(lengthBits) + 2}, place
	}
	d := newReader(r, size, windowBits, s, spaces)
	d.at = s.at
	return d
}

// NewLZ5 decompresses -lz5- of LArc: eight bits tell literals from matches, whose places in the window of 4 KiB are absolute. The
// window is filled with what programs may have.
func NewLZ5(r io.Reader, size int64) *Reader {
	const windowBits = 12
	s := &absolute{at: 1<<windowBits - 18, mask: 1<<windowBits - 1}
	flags, left := 0, 0
	s.next = func(b *bits) (token, int) {
		if left == 0 {
			flags, left = b.read(8), 8
		}
		literal := flags&1 == 1
		flags >>= 1
		left--
		if literal {
			return token{literal: byte(b.read(8))}, 0
		}
		low, high := b.read(8), b.read(8)
		return token{length: high&15 + minMatch}, low | high&0xf0<<4
	}
	d := newReader(r, size, windowBits, s, larc)
	d.at = s.at
	return d
}

// larc fills a window as LArc does: runs of each byte, all bytes up and down, zeros and spaces.
func larc(window []byte) {
	p := window[:0]
	for b := range 256 {
		for range 13 {
			p = append(p, byte(b))
		}
	}
	for b := range 256 {
		p = append(p, byte(b))
	}
	for b := range 256 {
		p = append(p, byte(255-b))
	}
	p = append(p, make([]byte, 128)...)
	for range 128 - 18 {
		p = append(p, ' ')
	}
	clear(window[len(p):])
}

// absolute turns places in the window into distances.
type absolute struct {
	next     func(*bits) (token, int)
	at, mask int
}

func (s *absolute) token(b *bits) (token, error) {
	t, place := s.next(b)
	if t.length == 0 {
		s.at = (s.at + 1) & s.mask
		return t, nil
	}
	t.distance = (s.at - place) & s.mask
	if t.distance == 0 {
		t.distance = s.mask + 1 // the byte that is overwritten next
	}
	s.at = (s.at + t.length) & s.mask
	return t, nil
}

// NewFastest decompresses method 4 of ARJ: lengths and distances in codes that are always the same.
func NewFastest(r io.Reader, size int64) *Reader {
	return newReader(r, size, arjWindowBits, fastest{}, nil)
}

type fastest struct{}

func (fastest) token(b *bits) (token, error) {
	length := ones(b, 0, 7)
	if length == 0 {
		return token{literal: byte(b.read(8))}, nil
	}
	return token{length: length - 1 + minMatch, distance: ones(b, 9, 13) + 1}, nil
}

// ones reads a number: as many ones as it has bits more than the fewest, a zero unless there are the most, and those bits.
func ones(b *bits, fewest, most int) int {
	base, width := 0, fewest
	for width < most && b.read(1) == 1 {
		base += 1 << width
		width++
	}
	return base + b.read(width)
}
