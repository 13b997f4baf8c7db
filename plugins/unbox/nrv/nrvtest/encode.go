// Package nrvtest compresses NRV for tests: valid streams that use all there is of the format, not small ones.
package nrvtest

import (
	"math/rand/v2"

	"lazuli/plugins/unbox/nrv"
)

type encoder struct {
	method nrv.Method
	word   int
	out    []byte
	acc    uint32
	n      int // bits in acc
	place  int // where acc goes
	last   int
}

// Encode compresses data.
func Encode(data []byte, method nrv.Method, bits nrv.Bits, seed uint64) []byte {
	e := &encoder{method: method, word: int(bits), last: 1}
	rng := rand.New(rand.NewPCG(seed, 21))
	seen := map[[3]byte]int{}
	for at := 0; at < len(data); {
		distance, n := 0, 0
		if at+3 <= len(data) && rng.IntN(12) > 0 {
			if p, ok := seen[[3]byte(data[at:])]; ok {
				distance = at - p
			}
			if rng.IntN(3) == 0 && e.last <= at {
				distance = e.last
			}
			for distance > 0 && at+n < len(data) && n < 5000 && data[at+n] == data[at+n-distance] {
				n++
			}
		}
		if n < 4 {
			e.bit(1)
			e.out = append(e.out, data[at])
			n = 1
		} else {
			e.match(distance, n)
		}
		for range n {
			if at+3 <= len(data) {
				seen[[3]byte(data[at:])] = at
			}
			at++
		}
	}
	e.bit(0)
	e.number((0xffffffff>>8)+3, false)
	e.out = append(e.out, 0xff)
	for e.n > 0 {
		e.bit(0)
	}
	return e.out
}

// bit writes a bit into a word that has its place before the bytes that follow its first bit.
func (e *encoder) bit(b uint32) {
	if e.n == 0 {
		e.place = len(e.out)
		e.out = append(e.out, make([]byte, e.word/8)...)
		e.acc = 0
	}
	e.n++
	e.acc |= b << (e.word - e.n)
	for i := range e.word / 8 {
		e.out[e.place+i] = byte(e.acc >> (8 * i))
	}
	if e.n == e.word {
		e.n = 0
	}
}

// number writes a number from two on, as the upper part of a distance, or as a length.
func (e *encoder) number(v uint64, isLength bool) {
	if e.method == nrv.B || isLength {
		top := 0
		for v>>(top+1) > 0 {
			top++
		}
		for i := top - 1; i >= 0; i-- {
			e.bit(uint32(v>>i) & 1)
			if i > 0 {
				e.bit(0)
			}
		}
		e.bit(1)
		return
	}
	// v = f(bits): begin at 1; take a bit; if it does not end, subtract one and take another.
	var steps []uint64 // backwards
	for {
		steps = append(steps, v&1)
		v >>= 1
		if v == 1 {
			break
		}
		steps = append(steps, v&1)
		v = v>>1 + 1
	}
	for i := len(steps) - 1; i >= 0; i-- {
		e.bit(uint32(steps[i]))
		if (len(steps)-1-i)%2 == 0 {
			if i == 0 {
				e.bit(1)
			} else {
				e.bit(0)
			}
		}
	}
}

func (e *encoder) match(distance, n int) {
	e.bit(0)
	far := 0x500
	if e.method == nrv.B {
		far = 0xd00
	}
	length := n - 1
	if distance > far {
		length--
	}
	first, rest := e.split(length)
	switch {
	case distance == e.last:
		e.number(2, false)
		if e.method != nrv.B {
			e.bit(first)
		}
	case e.method == nrv.B:
		e.number(uint64(distance-1)>>8+3, false)
		e.out = append(e.out, byte(distance-1))
	default:
		v := uint64(distance-1)<<1 | uint64(first^1)
		e.number(v>>8+3, false)
		e.out = append(e.out, byte(v))
	}
	e.last = distance
	if e.method == nrv.B {
		e.bit(first)
	}
	rest()
}

// split is the first bit of a length and what writes the rest.
func (e *encoder) split(length int) (uint32, func()) {
	if e.method == nrv.E {
		switch {
		case length <= 2:
			return 1, func() { e.bit(uint32(length - 1)) }
		case length <= 4:
			return 0, func() { e.bit(1); e.bit(uint32(length - 3)) }
		}
		return 0, func() { e.bit(0); e.number(uint64(length-3), true) }
	}
	if length <= 3 {
		return uint32(length >> 1), func() { e.bit(uint32(length & 1)) }
	}
	return 0, func() { e.bit(0); e.number(uint64(length-2), true) }
}
