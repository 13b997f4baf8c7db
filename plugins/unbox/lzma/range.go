package lzma

import (
	"bufio"
	"io"
	"math/bits"
)

// Constants of the range coder. A probability is that of a zero bit, in 2048ths.
const (
	probBits   = 11
	probEven   = 1 << (probBits - 1)
	probShift  = 5       // how fast probabilities adapt
	rangeLeast = 1 << 24 // below it the next byte is taken in
)

// symbolBytes is more than one symbol can take from the input: a match has at most 59 bits, and the range loses at most a byte for one
// of them that is decoded with a probability, and for eight that are not.
const symbolBytes = 32

// rangeDecoder reads bits from a stream of bytes. Where the stream ends early it goes on with zeros, and finds out in refill.
type rangeDecoder struct {
	width, code uint32
	in          []byte // what lies ahead, and at the end of the stream some zeros
	at          int    // in it

	source   *bufio.Reader // nil when in is all there is
	borrowed int           // bytes of in that are still to be taken from source
	padded   bool          // the zeros are there
	tail     [2 * symbolBytes]byte
}

// begin reads the first five bytes of a stream.
func (r *rangeDecoder) begin() error {
	if err := r.refill(); err != nil {
		return err
	}
	if r.in[r.at] != 0 {
		return damaged("the first byte of a stream is not zero")
	}
	r.width, r.code = 0xffffffff, 0
	for _, c := range r.in[r.at+1 : r.at+5] {
		r.code = r.code<<8 | uint32(c)
	}
	r.at += 5
	return r.check()
}

// refill sees to it that a symbol can be decoded from r.in.
func (r *rangeDecoder) refill() error {
	if len(r.in)-r.at >= symbolBytes {
		return nil
	}
	if r.padded {
		return r.check()
	}
	if r.source == nil {
		r.pad(r.in[r.at:])
		return nil
	}
	r.giveBack()
	ahead, err := r.source.Peek(max(symbolBytes, r.source.Buffered()))
	if len(ahead) < symbolBytes {
		if err != nil && err != io.EOF {
			return err
		}
		r.pad(ahead)
		return nil
	}
	r.in, r.at, r.borrowed = ahead, 0, len(ahead)
	return nil
}

// pad puts zeros behind the last bytes of the stream.
func (r *rangeDecoder) pad(last []byte) {
	n := copy(r.tail[:], last)
	r.in, r.at, r.borrowed, r.padded = r.tail[:n+symbolBytes], 0, n, true
}

// check tells whether zeros were decoded that are not in the stream.
func (r *rangeDecoder) check() error {
	if r.padded && r.at > len(r.in)-symbolBytes {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// giveBack leaves the source where the decoded bytes end.
func (r *rangeDecoder) giveBack() {
	if r.source != nil {
		_, _ = r.source.Discard(min(r.at, r.borrowed)) // they were peeked at
	}
	r.in, r.at, r.borrowed = nil, 0, 0
}

// normalize takes in a byte if the range has become small.
func (r *rangeDecoder) normalize() {
	if r.width < rangeLeast {
		r.width <<= 8
		r.code = r.code<<8 | uint32(r.in[r.at])
		r.at++
	}
}

// bit decodes one bit and adapts its probability.
func (r *rangeDecoder) bit(p *uint16) uint32 {
	r.normalize()
	bound := r.width >> probBits * uint32(*p)
	if r.code < bound {
		r.width = bound
		*p += (1<<probBits - *p) >> probShift
		return 0
	}
	r.width -= bound
	r.code -= bound
	*p -= *p >> probShift
	return 1
}

// tree decodes a number of n bits, the highest first; probs has one probability for each prefix.
func (r *rangeDecoder) tree(probs []uint16, n int) uint32 {
	width, code, at := r.width, r.code, r.at
	m := uint32(1)
	for range n {
		if width < rangeLeast {
			width <<= 8
			code = code<<8 | uint32(r.in[at])
			at++
		}
		p := uint32(probs[m])
		bound := width >> probBits * p
		if code < bound {
			width = bound
			probs[m] = uint16(p + (1<<probBits-p)>>probShift)
			m <<= 1
			continue
		}
		width -= bound
		code -= bound
		probs[m] = uint16(p - p>>probShift)
		m = m<<1 | 1
	}
	r.width, r.code, r.at = width, code, at
	return m - 1<<n
}

// treeReverse decodes a number of n bits, the lowest first.
func (r *rangeDecoder) treeReverse(probs []uint16, n int) uint32 {
	m, number := uint32(1), uint32(0)
	for i := range n {
		b := r.bit(&probs[m])
		m = m<<1 | b
		number |= b << i
	}
	return number
}

// direct decodes a number of n bits that are as likely to be zero as one.
func (r *rangeDecoder) direct(n int) uint32 {
	number := uint32(0)
	for range n {
		r.normalize()
		r.width >>= 1
		code, below := bits.Sub32(r.code, r.width, 0)
		r.code = code + r.width&-below
		number = number<<1 | (1 - below)
	}
	return number
}

// literal decodes a byte; probs are those of its context.
func (r *rangeDecoder) literal(probs *[literalProbs]uint16) byte {
	width, code, at := r.width, r.code, r.at
	m := uint32(1)
	for range 8 {
		if width < rangeLeast {
			width <<= 8
			code = code<<8 | uint32(r.in[at])
			at++
		}
		p := uint32(probs[m&0xff])
		bound := width >> probBits * p
		if code < bound {
			width = bound
			probs[m&0xff] = uint16(p + (1<<probBits-p)>>probShift)
			m <<= 1
			continue
		}
		width -= bound
		code -= bound
		probs[m&0xff] = uint16(p - p>>probShift)
		m = m<<1 | 1
	}
	r.width, r.code, r.at = width, code, at
	return byte(m)
}

// matchedLiteral decodes a byte behind a match: match is the byte that would have continued it, and decides on the probabilities as long
// as the bits are the same.
func (r *rangeDecoder) matchedLiteral(probs *[literalProbs]uint16, match byte) byte {
	m, expected, same := uint32(1), uint32(match), uint32(0x100)
	for m < 0x100 {
		expected <<= 1
		bit := expected & same
		b := r.bit(&probs[same+bit+m])
		m = m<<1 | b
		if b == 0 {
			same &^= bit
		} else {
			same &= bit
		}
	}
	return byte(m)
}
