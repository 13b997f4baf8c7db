// Package lzhuftest compresses what package lzhuf decompresses, for tests: valid streams that use all there is of a format, not small
// ones.
package lzhuftest

import (
	"math/rand/v2"

	"lazuli/plugins/unbox/huffman/huffmantest"
)

// token is a literal, or a match.
type token struct {
	literal          byte
	length, distance int
}

// tokens finds matches of three to most bytes, up to window bytes back; before the data lies what the window is filled with.
func tokens(before, data []byte, window, most int, rng *rand.Rand) (list []token) {
	all := append(append([]byte(nil), before...), data...)
	seen := map[[3]byte]int{}
	remember := func(at int) {
		if at+3 <= len(all) {
			seen[[3]byte(all[at:])] = at
		}
	}
	for at := range before {
		remember(at)
	}
	for at := len(before); at < len(all); {
		n := 0
		if at+3 <= len(all) && rng.IntN(10) > 0 {
			if p, ok := seen[[3]byte(all[at:])]; ok && at-p <= window {
				for at+n < len(all) && n < most && all[at+n] == all[p+n] {
					n++
				}
				list = append(list, token{length: n, distance: at - p})
			}
		}
		if n == 0 {
			list = append(list, token{literal: all[at]})
			n = 1
		}
		for range n {
			remember(at)
			at++
		}
	}
	return list
}

// writer writes bits, most significant first.
type writer struct {
	out []byte
	acc uint64
	n   int
}

func (w *writer) put(v, n int) {
	w.acc = w.acc<<n | uint64(v)&(1<<n-1)
	w.n += n
	for w.n >= 8 {
		w.n -= 8
		w.out = append(w.out, byte(w.acc>>w.n))
	}
}

func (w *writer) end() []byte {
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
	return w.out
}

// LH compresses for -lh4- to -lh7-, by the bits of their windows.
func LH(data []byte, windowBits int, seed uint64) []byte {
	slots, slotBits := max(14, windowBits+1), 4
	if windowBits > 14 {
		slotBits = 5
	}
	spaces := make([]byte, 300)
	for i := range spaces {
		spaces[i] = ' '
	}
	return static(spaces, data, 1<<windowBits, slots, slotBits, seed)
}

// ARJ compresses for methods 1 to 3.
func ARJ(data []byte, seed uint64) []byte { return static(nil, data, 26624, 17, 5, seed) }

func static(before, data []byte, window, slots, slotBits int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 11))
	w := &writer{}
	list := tokens(before, data, window, 256, rng)
	for len(list) > 0 {
		n := min(len(list), 1+rng.IntN(20_000))
		w.block(list[:n], slots, slotBits)
		list = list[n:]
	}
	return w.end()
}

func slotOf(distance int) (slot, extra int) {
	distance--
	for distance >= 1<<slot {
		slot++
	}
	if slot < 2 {
		return slot, 0
	}
	return slot, distance - 1<<(slot-1)
}

func (w *writer) block(list []token, slots, slotBits int) {
	counts, slotCounts := make([]int, 510), make([]int, slots)
	for _, t := range list {
		if t.length == 0 {
			counts[t.literal]++
			continue
		}
		counts[256+t.length-3]++
		slot, _ := slotOf(t.distance)
		slotCounts[slot]++
	}
	lens, slotLens := huffmantest.Lengths(counts, 16), huffmantest.Lengths(slotCounts, 16)
	codes, slotCodes := huffmantest.Codes(lens), huffmantest.Codes(slotLens)
	w.put(len(list), 16)
	w.codeLengths(lens)
	used := used(slotCounts)
	if len(used) < 2 { // one symbol takes no bits
		w.put(0, slotBits)
		w.put(append(used, 0)[0], slotBits)
		slotLens = make([]uint8, slots)
	} else {
		w.lengths(slotLens, slotBits, -1)
	}
	for _, t := range list {
		if t.length == 0 {
			w.put(int(codes[t.literal]), int(lens[t.literal]))
			continue
		}
		c := 256 + t.length - 3
		w.put(int(codes[c]), int(lens[c]))
		slot, extra := slotOf(t.distance)
		w.put(int(slotCodes[slot]), int(slotLens[slot]))
		w.put(extra, max(0, slot-1))
	}
}

func used(counts []int) (symbols []int) {
	for s, n := range counts {
		if n > 0 {
			symbols = append(symbols, s)
		}
	}
	return symbols
}

func trimmed(lens []uint8) []uint8 {
	for len(lens) > 0 && lens[len(lens)-1] == 0 {
		lens = lens[:len(lens)-1]
	}
	return lens
}

// lengths writes a small tree.
func (w *writer) lengths(lens []uint8, bits, zerosBehind int) {
	lens = trimmed(lens)
	w.put(len(lens), bits)
	for i := 0; i < len(lens); {
		if n := int(lens[i]); n < 7 {
			w.put(n, 3)
		} else {
			w.put(1<<(n-3)-2, n-3)
		}
		i++
		if i == zerosBehind {
			zeros := 0
			for zeros < 3 && i+zeros < len(lens) && lens[i+zeros] == 0 {
				zeros++
			}
			w.put(zeros, 2)
			i += zeros
		}
	}
}

// codeLengths writes the tree of literals and lengths, whose lengths have a code of their own.
func (w *writer) codeLengths(lens []uint8) {
	lens = trimmed(lens)
	type step struct{ symbol, extra, bits int }
	var steps []step
	counts := make([]int, 19)
	for i := 0; i < len(lens); {
		zeros := 0
		for i+zeros < len(lens) && lens[i+zeros] == 0 {
			zeros++
		}
		s, n := step{int(lens[i]) + 2, 0, 0}, 1
		switch {
		case zeros >= 20:
			s, n = step{2, zeros - 20, 9}, zeros
		case zeros >= 3:
			n = min(zeros, 18)
			s = step{1, n - 3, 4}
		case zeros > 0:
			s = step{0, 0, 0}
		}
		steps = append(steps, s)
		counts[s.symbol]++
		i += n
	}
	stepLens := huffmantest.Lengths(counts, 16)
	w.lengths(stepLens, 5, 3)
	codes := huffmantest.Codes(stepLens)
	w.put(len(lens), 9)
	for _, s := range steps {
		w.put(int(codes[s.symbol]), int(stepLens[s.symbol]))
		w.put(s.extra, s.bits)
	}
}

// Fastest compresses for method 4 of ARJ.
func Fastest(data []byte, seed uint64) []byte {
	w := &writer{}
	for _, t := range tokens(nil, data, 15872, 255, rand.New(rand.NewPCG(seed, 12))) {
		if t.length == 0 {
			w.put(0, 1)
			w.put(int(t.literal), 8)
			continue
		}
		w.ones(t.length-2, 0, 7)
		w.ones(t.distance-1, 9, 13)
	}
	return w.end()
}

func (w *writer) ones(v, fewest, most int) {
	width := fewest
	for width < most && v >= 1<<width {
		w.put(1, 1)
		v -= 1 << width
		width++
	}
	if width < most {
		w.put(0, 1)
	}
	w.put(v, width)
}

// LZS compresses for -lzs- of LArc.
func LZS(data []byte, seed uint64) []byte {
	w := &writer{}
	at := 1<<11 - 17
	for _, t := range tokens(nil, data, 1<<11-20, 17, rand.New(rand.NewPCG(seed, 13))) {
		if t.length == 0 {
			w.put(1, 1)
			w.put(int(t.literal), 8)
			at++
			continue
		}
		w.put(0, 1)
		w.put((at-t.distance)&(1<<11-1), 11)
		w.put(t.length-2, 4)
		at += t.length
	}
	return w.end()
}

// LZ5 compresses for -lz5- of LArc, without matches in what the window is filled with.
func LZ5(data []byte, seed uint64) []byte {
	var out []byte
	flags := 0
	at, n := 1<<12-18, 0
	for _, t := range tokens(nil, data, 1<<12-20, 18, rand.New(rand.NewPCG(seed, 14))) {
		if n%8 == 0 {
			flags = len(out)
			out = append(out, 0)
		}
		if t.length == 0 {
			out[flags] |= 1 << (n % 8)
			out = append(out, t.literal)
			at++
		} else {
			place := (at - t.distance) & (1<<12 - 1)
			out = append(out, byte(place), byte(place>>4)&0xf0|byte(t.length-3))
			at += t.length
		}
		n++
	}
	return out
}
