package branch

import (
	"bufio"
	"errors"
	"io"
)

// NewBCJ2 undoes the filter that puts the addresses of x86's calls and jumps into two streams of their own, and tells by bits of a range coder
// which opcodes had one (the public code of the LZMA SDK describes it). rest is the code without the addresses.
func NewBCJ2(rest, calls, jumps, bits io.Reader) io.Reader {
	b := &bcj2{rest: bufio.NewReader(rest), calls: bufio.NewReader(calls), jumps: bufio.NewReader(jumps), bits: bufio.NewReader(bits)}
	for i := range b.probs {
		b.probs[i] = 1 << 10
	}
	return b
}

type bcj2 struct {
	rest, calls, jumps, bits *bufio.Reader

	started     bool
	width, code uint32
	probs       [258]uint16 // by the byte before a call, then for jumps, then for conditional jumps

	at      uint32 // of the next byte that comes out
	before  byte
	address [4]byte // to be given out
	left    int     // bytes of it
	err     error
}

var errBits = errors.New("BCJ2: the first byte of the bits is not zero")

func (b *bcj2) Read(p []byte) (n int, err error) {
	if !b.started && b.err == nil {
		b.started = true
		b.err = b.begin()
	}
	for n < len(p) {
		if b.left > 0 {
			k := copy(p[n:], b.address[4-b.left:])
			b.left -= k
			n += k
			continue
		}
		if b.err != nil {
			break
		}
		c, err := b.rest.ReadByte()
		if err != nil {
			b.err = err
			break
		}
		p[n] = c
		n++
		b.at++
		b.err = b.opcode(c)
	}
	if n > 0 {
		return n, nil
	}
	return 0, b.err
}

func (b *bcj2) begin() error {
	var first [5]byte
	if _, err := io.ReadFull(b.bits, first[:]); err != nil {
		return cutShort(err)
	}
	if first[0] != 0 {
		return errBits
	}
	b.width = 0xffffffff
	for _, c := range first[1:] {
		b.code = b.code<<8 | uint32(c)
	}
	return nil
}

// opcode decodes the address that belongs to a byte, if it is an opcode that has one.
func (b *bcj2) opcode(c byte) error {
	before := b.before
	b.before = c
	prob, from := 257, b.jumps
	switch {
	case c == 0xe8:
		prob, from = int(before), b.calls
	case c == 0xe9:
		prob = 256
	case before != 0x0f || c&0xf0 != 0x80:
		return nil
	}
	moved, err := b.bit(&b.probs[prob])
	if err != nil || !moved {
		return err
	}
	var raw [4]byte
	if _, err := io.ReadFull(from, raw[:]); err != nil {
		return cutShort(err)
	}
	b.at += 4
	distance := uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
	distance -= b.at
	b.address = [4]byte{byte(distance), byte(distance >> 8), byte(distance >> 16), byte(distance >> 24)}
	b.left, b.before = 4, b.address[3]
	return nil
}

// bit decodes a bit with a probability in 2048ths, as LZMA does.
func (b *bcj2) bit(p *uint16) (bool, error) {
	if b.width < 1<<24 {
		c, err := b.bits.ReadByte()
		if err != nil {
			return false, cutShort(err)
		}
		b.width <<= 8
		b.code = b.code<<8 | uint32(c)
	}
	bound := b.width >> 11 * uint32(*p)
	if b.code < bound {
		b.width = bound
		*p += (1<<11 - *p) >> 5
		return false, nil
	}
	b.width -= bound
	b.code -= bound
	*p -= *p >> 5
	return true, nil
}

func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
