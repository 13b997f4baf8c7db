package pdf

import (
	"bufio"
	"errors"
	"io"
)

// lzwReader decompresses LZW data as TIFF and PDF have it (7.4.4): codes of 9 to 12 bits, the highest bit first.
type lzwReader struct {
	in    *bufio.Reader
	early int // codes grow so many codes before they must

	bits  uint32 // that were read and not used
	count uint   // of them
	width uint   // of a code
	next  int    // code that is defined next
	last  int    // code before; -1 after a clear code

	prefix [4096]uint16
	suffix [4096]byte
	length [4096]uint16 // of what a code stands for
	out    []byte       // that was decoded and not read
	buffer [4096]byte
	err    error
}

const (
	lzwClear = 256
	lzwEnd   = 257
)

var errLZW = errors.New("a code that is not defined yet")

func newLZW(r io.Reader, early bool) *lzwReader {
	l := &lzwReader{in: bufio.NewReader(r)}
	if early {
		l.early = 1
	}
	for i := range 256 {
		l.suffix[i], l.length[i] = byte(i), 1
	}
	l.clear()
	return l
}

func (l *lzwReader) clear() { l.width, l.next, l.last = 9, lzwEnd+1, -1 }

func (l *lzwReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(l.out) == 0 {
			if l.err == nil {
				l.err = l.step()
			}
			if l.err != nil {
				break
			}
			continue
		}
		c := copy(p[n:], l.out)
		n += c
		l.out = l.out[c:]
	}
	if n == 0 && len(p) > 0 {
		return 0, l.err
	}
	return n, nil
}

// step decodes one code. Data that end without the code for it have ended all the same.
func (l *lzwReader) step() error {
	for l.count < l.width {
		c, err := l.in.ReadByte()
		if err != nil {
			return err
		}
		l.bits = l.bits<<8 | uint32(c)
		l.count += 8
	}
	l.count -= l.width
	code := int(l.bits>>l.count) & (1<<l.width - 1)
	switch {
	case code == lzwClear:
		l.clear()
		return nil
	case code == lzwEnd:
		return io.EOF
	case l.last < 0 && code > lzwEnd, code > l.next, code == l.next && l.next >= len(l.suffix):
		return errLZW
	}
	if l.last >= 0 && l.next < len(l.suffix) {
		l.define(code)
	}
	l.expand(code)
	l.last = code
	if l.next+l.early >= 1<<l.width && l.width < 12 {
		l.width++
	}
	return nil
}

// define makes the next code: what the last one stands for and the first byte of what this one does.
func (l *lzwReader) define(code int) {
	first := code
	if code == l.next {
		first = l.last
	}
	for l.length[first] > 1 {
		first = int(l.prefix[first])
	}
	l.prefix[l.next], l.suffix[l.next], l.length[l.next] = uint16(l.last), l.suffix[first], l.length[l.last]+1
	l.next++
}

// expand writes what a code stands for, from its end.
func (l *lzwReader) expand(code int) {
	n := int(l.length[code])
	for i := n - 1; i >= 0; i-- {
		l.buffer[i] = l.suffix[code]
		code = int(l.prefix[code])
	}
	l.out = l.buffer[:n]
}
