// Package lzhuf decompresses what LHA and ARJ compress: matches with earlier data and literals, coded by Huffman's trees, static or
// adaptive, or not at all.
//
// The formats are known through the sources that their authors published: LHarc and LHA by Haruyasu Yoshizaki, LZHUF and ar002 by
// Haruhiko Okumura, LArc by Kazuhiko Miki, ARJ by Robert Jung. Begin at Reader; each New… makes one for a format.
package lzhuf

import (
	"bufio"
	"io"

	"lazuli/plugins/unbox/archive"
)

const (
	errCut      = archive.Damage("the compressed data is cut short")
	errCode     = archive.Damage("the compressed data has bits that are no code")
	errDistance = archive.Damage("the compressed data has a match from before the beginning")
	errLengths  = archive.Damage("the compressed data has more lengths of codes than there are symbols")
)

// token is a literal, or a match of some bytes.
type token struct {
	literal  byte
	length   int // 0 for a literal
	distance int // back from the next byte; 1 is the last one
}

// scheme reads tokens.
type scheme interface {
	token(b *bits) (token, error)
}

// Reader decompresses one stream of known size. Errors of the source are returned as they are; the others are archive.Damage.
type Reader struct {
	bits   bits
	scheme scheme
	window []byte // a ring, its size a power of two
	at     int    // in the window
	known  int    // bytes in the window that may be referred to
	match  token  // what is left of it
	left   int64
	err    error
}

// newReader makes a reader with a window of 1<<windowBits bytes. If it is filled, matches may refer to what it is filled with.
func newReader(r io.Reader, size int64, windowBits int, s scheme, fill func([]byte)) *Reader {
	d := &Reader{scheme: s, left: size, window: make([]byte, 1<<windowBits)}
	d.bits.r = bufio.NewReader(r)
	if fill != nil {
		fill(d.window)
		d.known = len(d.window)
	}
	return d
}

// spaces is what windows of LHA are filled with.
func spaces(window []byte) {
	for i := range window {
		window[i] = ' '
	}
}

func (d *Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case d.left <= 0:
			d.err = io.EOF
		case d.match.length == 0 && d.err == nil:
			d.match, d.err = d.scheme.token(&d.bits)
			if d.err == nil {
				d.err = d.bits.verdict()
			}
			if d.err == nil && d.match.distance > min(d.known, len(d.window)) {
				d.err = errDistance
			}
		}
		if d.err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, d.err
		}
		n += d.put(p[n:])
	}
	return n, nil
}

// put writes what is left of the match, as far as there is room.
func (d *Reader) put(p []byte) int {
	if d.match.length == 0 {
		p[0] = d.match.literal
		d.remember(p[0])
		return 1
	}
	n := int(min(int64(min(d.match.length, len(p))), d.left))
	for i := range n {
		p[i] = d.window[(d.at-d.match.distance)&(len(d.window)-1)]
		d.remember(p[i])
	}
	d.match.length -= n
	return n
}

func (d *Reader) remember(b byte) {
	d.window[d.at] = b
	d.at = (d.at + 1) & (len(d.window) - 1)
	d.known++
	d.left--
	if d.known > len(d.window) {
		d.known = len(d.window)
	}
}

// bits reads bits from the most significant one of each byte on. Past the end of the input there are zeros, because a decoder may look
// further than it goes.
type bits struct {
	r       *bufio.Reader
	acc     uint64 // its low n bits come next
	n       int
	phantom int // bits at the end of acc that are not from r
	err     error
}

// fill makes at least 48 bits available.
func (b *bits) fill() {
	for b.n <= 48 {
		c, err := b.r.ReadByte()
		if err != nil {
			if err != io.EOF && b.err == nil {
				b.err = err
			}
			b.phantom += 8
		}
		b.acc = b.acc<<8 | uint64(c)
		b.n += 8
	}
}

// peek16 returns the next 16 bits.
func (b *bits) peek16() uint16 {
	if b.n < 16 {
		b.fill()
	}
	return uint16(b.acc >> (b.n - 16))
}

func (b *bits) skip(n int) { b.n -= n }

// read returns the next n bits, up to 32.
func (b *bits) read(n int) int {
	if b.n < n {
		b.fill()
	}
	b.n -= n
	return int(b.acc >> b.n & (1<<n - 1))
}

// verdict tells whether more was taken than there is.
func (b *bits) verdict() error {
	if b.phantom <= b.n {
		return nil
	}
	if b.err != nil {
		return b.err
	}
	return errCut
}
