// Package quantumtest compresses Quantum for tests: valid streams that use all there is of the format, not small ones.
package quantumtest

import (
	"math/rand/v2"
	"sort"
)

const (
	frameSize = 32 << 10
	fromCode  = -1
)

type symbol struct {
	value, count int
}

// model counts symbols, each for itself. The decoder keeps sums; that both agree is the point.
type model struct {
	symbols []symbol
	left    int
}

func newModel(first, n int) *model {
	m := &model{left: 4}
	for i := range n {
		m.symbols = append(m.symbols, symbol{first + i, 1})
	}
	return m
}

func (m *model) total() (sum int) {
	for _, s := range m.symbols {
		sum += s.count
	}
	return sum
}

// seen counts a symbol, as the decoder does.
func (m *model) seen(i int) {
	m.symbols[i].count += 8
	if m.total() <= 3800 {
		return
	}
	if m.left--; m.left > 0 {
		above := 0 // sums are halved, not counts
		sum := 0
		for i := len(m.symbols) - 1; i >= 0; i-- {
			sum += m.symbols[i].count
			half := max(sum/2, above+1)
			m.symbols[i].count = half - above
			above = half
		}
		return
	}
	m.left = 50
	for i := range m.symbols {
		m.symbols[i].count = (m.symbols[i].count + 1) / 2
	}
	for i := range m.symbols { // an exchange sort, because equal symbols change places in it
		for j := i + 1; j < len(m.symbols); j++ {
			if m.symbols[i].count < m.symbols[j].count {
				m.symbols[i], m.symbols[j] = m.symbols[j], m.symbols[i]
			}
		}
	}
}

type encoder struct {
	rng       *rand.Rand
	low, high uint32
	underflow int
	code      []byte // bits of the arithmetic coder
	reads     []int8 // what the decoder reads behind the first 16 of them: raw bits, or fromCode for the next of code

	selector, three, four, distance, length *model
	literals                                [4]*model
	bases, lengthBases                      []int
}

// Encode compresses data for a window of 1<<windowBits bytes, frame by frame.
func Encode(data []byte, windowBits int, seed uint64) (frames [][]byte) {
	e := &encoder{
		rng: rand.New(rand.NewPCG(seed, 3)), selector: newModel(0, 7), three: newModel(0, min(24, 2*windowBits)),
		four: newModel(0, min(36, 2*windowBits)), distance: newModel(0, 2*windowBits), length: newModel(0, 27),
	}
	for i := range e.literals {
		e.literals[i] = newModel(64*i, 64)
	}
	for i, base := 0, 0; i <= 2*windowBits; i++ {
		e.bases = append(e.bases, base)
		base += 1 << max(0, i/2-1)
	}
	e.lengthBases = []int{0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 18, 22, 26, 30, 38, 46, 54, 62, 78, 94, 110, 126, 158, 190, 222, 254, 255}
	seen := map[[3]byte]int{}
	for from := 0; from < len(data); from += frameSize {
		end := min(len(data), from+frameSize)
		e.low, e.high, e.underflow, e.code, e.reads = 0, 0xffff, 0, nil, nil
		for at := from; at < end; {
			size := e.token(data, at, end, 1<<windowBits, seen)
			for range size {
				if at+3 <= len(data) {
					seen[[3]byte(data[at:])] = at
				}
				at++
			}
		}
		frames = append(frames, e.frame())
	}
	return frames
}

func (e *encoder) token(data []byte, at, end, window int, seen map[[3]byte]int) int {
	distance, size := 0, 0
	if at+3 <= end && e.rng.IntN(10) > 0 {
		if p, ok := seen[[3]byte(data[at:])]; ok && at-p <= window {
			distance = at - p
			for at+size < end && size < 259 && data[at+size] == data[p+size] {
				size++
			}
			if size > 5 && e.rng.IntN(3) == 0 {
				size = 3 + e.rng.IntN(3)
			}
		}
	}
	limit := len(e.bases) - 1
	switch {
	case size == 3:
		limit = min(24, limit)
	case size == 4:
		limit = min(36, limit)
	}
	slot := sort.SearchInts(e.bases, distance) - 1 // distances are stored less one
	switch {
	case size < 3 || slot >= limit:
		e.put(e.selector, int(data[at]/64))
		e.put(e.literals[data[at]/64], int(data[at]))
		return 1
	case size == 3:
		e.put(e.selector, 4)
		e.put(e.three, slot)
	case size == 4:
		e.put(e.selector, 5)
		e.put(e.four, slot)
	default:
		e.put(e.selector, 6)
		ls := sort.SearchInts(e.lengthBases, size-5+1) - 1
		e.put(e.length, ls)
		if ls >= 6 && ls < 26 {
			e.raw(size-5-e.lengthBases[ls], (ls-2)/4)
		}
		e.put(e.distance, slot)
	}
	e.raw(distance-1-e.bases[slot], max(0, slot/2-1))
	return size
}

// raw writes bits past the coder.
func (e *encoder) raw(v, n int) {
	for i := n - 1; i >= 0; i-- {
		e.reads = append(e.reads, int8(v>>i&1))
	}
}

func (e *encoder) put(m *model, value int) {
	above := m.total()
	total := uint32(above)
	for i, s := range m.symbols {
		if s.value != value {
			above -= s.count
			continue
		}
		width := e.high - e.low + 1
		e.high = e.low + uint32(above)*width/total - 1
		e.low += uint32(above-s.count) * width / total
		m.seen(i)
		break
	}
	for {
		if e.low&0x8000 == e.high&0x8000 {
			e.codeBits(e.low>>15&1, 1)
		} else if e.low&0x4000 != 0 && e.high&0x4000 == 0 {
			e.underflow++
			e.low &= 0x3fff
			e.high |= 0x4000
		} else {
			return
		}
		e.low = e.low << 1 & 0xffff
		e.high = e.high<<1&0xffff | 1
		e.reads = append(e.reads, fromCode)
	}
}

// codeBits writes the upper of n bits, then what was put off, then the others.
func (e *encoder) codeBits(v uint32, n int) {
	first := byte(v >> (n - 1) & 1)
	e.code = append(e.code, first)
	for ; e.underflow > 0; e.underflow-- {
		e.code = append(e.code, first^1)
	}
	for i := n - 2; i >= 0; i-- {
		e.code = append(e.code, byte(v>>i&1))
	}
}

// frame puts together what the decoder reads: 16 bits of code, by which it is ahead, then one for each that it is done with, and raw
// bits in between.
func (e *encoder) frame() []byte {
	e.codeBits(e.low, 16)
	stream, code := e.code[:16:16], e.code[16:]
	for _, r := range e.reads {
		if r == fromCode {
			stream, code = append(stream, code[0]), code[1:]
			continue
		}
		stream = append(stream, byte(r))
	}
	out := make([]byte, (len(stream)+7)/8)
	for i, b := range stream {
		out[i/8] |= b << (7 - i%8)
	}
	return out
}
