// Package lzw reads what compress of Unix makes, files with the ending .Z: LZW with codes of 9 to 16 bits, the lowest first. The standard
// library's compress/lzw knows the forms of GIF and TIFF alone.
package lzw

import (
	"bufio"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

// Magic begins a file.
const Magic = "\x1f\x9d"

const (
	leastBits = 9
	mostBits  = 16
	clear     = 256 // the code that begins a new table, where there is one
)

func damaged(what string) error { return fmt.Errorf("compress: %s: %w", what, archive.ErrDamaged) }

type reader struct {
	in      *bufio.Reader
	clears  bool // code 256 clears
	most    uint // bits of a code
	bits    uint // of a code at the moment
	group   [mostBits]byte
	at, end uint // in bits, of the group of eight codes at hand

	prefix [1 << mostBits]uint16
	suffix [1 << mostBits]byte
	next   int // free code
	last   int // code; -1 for none
	first  byte

	stack [1 << mostBits]byte // what the last code stands for, at its end
	out   []byte              // of it, not yet given out
	err   error
}

// NewReader reads a file, which ends where in ends.
func NewReader(in *bufio.Reader) (io.Reader, error) {
	var h [3]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	r := &reader{in: in, clears: h[2]&0x80 != 0, most: uint(h[2] & 0x1f)}
	if string(h[:2]) != Magic || r.most < leastBits || r.most > mostBits {
		return nil, damaged("there is no such header")
	}
	for i := range clear {
		r.suffix[i] = byte(i)
	}
	r.restart()
	return r, nil
}

// restart begins a new table.
func (r *reader) restart() {
	r.bits, r.next, r.last = leastBits, clear, -1
	if r.clears {
		r.next++
	}
}

func (r *reader) Read(p []byte) (int, error) {
	for len(r.out) == 0 && len(p) > 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.decode()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// decode takes one code.
func (r *reader) decode() error {
	code, err := r.code()
	if err != nil {
		return err
	}
	switch {
	case code == clear && r.clears:
		r.restart()
		r.at = r.end // the rest of the group is padding
		return nil
	case r.last < 0 && code >= clear, code > r.next, code == r.next && r.next >= 1<<r.most:
		return damaged("a code stands for nothing")
	}
	top := len(r.stack)
	symbol := code
	if code == r.next { // it is what is about to be defined: the last one and its first byte again
		top--
		r.stack[top] = r.first
		symbol = r.last
	}
	for ; symbol >= clear; symbol = int(r.prefix[symbol]) {
		top--
		r.stack[top] = r.suffix[symbol]
	}
	top--
	r.stack[top] = byte(symbol)
	r.first = byte(symbol)
	r.out = r.stack[top:]
	if r.last >= 0 && r.next < 1<<r.most {
		r.prefix[r.next], r.suffix[r.next] = uint16(r.last), r.first
		r.next++
	}
	r.last = code
	if r.next >= 1<<r.bits && r.bits < r.most {
		r.bits++
		r.at = r.end
	}
	return nil
}

// code reads a code. They come in groups of eight; where their width changes, the rest of a group is padding.
func (r *reader) code() (int, error) {
	if r.end-r.at < r.bits {
		n, err := io.ReadFull(r.in, r.group[:r.bits])
		if n == 0 && err != nil {
			return 0, err
		}
		r.at, r.end = 0, uint(8*n)
		if r.end < r.bits {
			return 0, io.EOF
		}
	}
	code := 0
	for i := range r.bits {
		bit := r.at + i
		code |= int(r.group[bit/8]>>(bit%8)&1) << i
	}
	r.at += r.bits
	return code, nil
}
