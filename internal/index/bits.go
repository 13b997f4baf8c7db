package index

import (
	"iter"
	"math/bits"
)

// bitset is a set of small numbers: documents or files. A number beyond its end is not in it.
type bitset []uint64

func newBitset(numbers int64) bitset { return make(bitset, (numbers+63)/64) }

func (b bitset) has(n uint32) bool {
	word := int(n >> 6)
	return word < len(b) && b[word]&(1<<(n&63)) != 0
}

// add needs a set that is long enough.
func (b bitset) add(n uint32) {
	if word := int(n >> 6); word < len(b) {
		b[word] |= 1 << (n & 63)
	}
}

func (b bitset) and(c bitset) {
	for i := range b {
		if i < len(c) {
			b[i] &= c[i]
		} else {
			b[i] = 0
		}
	}
}

func (b bitset) or(c bitset) {
	for i := range min(len(b), len(c)) {
		b[i] |= c[i]
	}
}

func (b bitset) without(c bitset) {
	for i := range min(len(b), len(c)) {
		b[i] &^= c[i]
	}
}

func (b bitset) count() int64 {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return int64(n)
}

func (b bitset) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

func (b bitset) clone() bitset { return append(bitset(nil), b...) }

// all gives the numbers in order.
func (b bitset) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i, w := range b {
			for ; w != 0; w &= w - 1 {
				if !yield(uint32(i<<6 | bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}
