// Package lzxtest compresses LZX for tests: valid streams that use all there is of the format, not small ones. Choices are random.
package lzxtest

import (
	"encoding/binary"
	"math/rand/v2"

	"lazuli/plugins/unbox/huffman/huffmantest"
)

const (
	frameSize = 32 << 10
	e8Tail    = 10
)

// Stream is what Encode makes: frames of 32 KiB, decompressed, each compressed to whole 16-bit words.
type Stream struct {
	Frames [][]byte
	Kinds  [4]int // how many blocks of which kind there are
}

// Encode compresses data for a window of 1<<windowBits bytes. It translates calls as in a file of e8Size bytes, unless that is 0. All
// begins anew every reset frames, unless that is 0.
func Encode(data []byte, windowBits int, e8Size int32, reset int, seed uint64) Stream {
	e := &encoder{
		rng: rand.New(rand.NewPCG(seed, 7)), data: translated(data, e8Size), window: 1 << windowBits, slots: slotsOf(windowBits), e8Size: e8Size,
	}
	for from := 0; from < len(data); {
		end := len(data)
		if reset > 0 {
			end = min(end, from+reset*frameSize)
		}
		e.stretch(from, end)
		from = end
	}
	return e.out
}

func slotsOf(windowBits int) int {
	return map[int]int{15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}[windowBits]
}

// translated makes operands of E8 absolute.
func translated(data []byte, size int32) []byte {
	out := append([]byte(nil), data...)
	for from := 0; size != 0 && from < len(data); from += frameSize {
		frame := out[from:min(len(out), from+frameSize)]
		for i := 0; i < len(frame)-e8Tail; i++ {
			if frame[i] != 0xe8 {
				continue
			}
			operand := frame[i+1 : i+5]
			relative, at := int32(binary.LittleEndian.Uint32(operand)), int32(from+i)
			switch {
			case relative >= -at && relative < size-at:
				binary.LittleEndian.PutUint32(operand, uint32(relative+at))
			case relative >= size-at && relative < size:
				binary.LittleEndian.PutUint32(operand, uint32(relative-size))
			}
			i += 4
		}
	}
	return out
}

type encoder struct {
	rng           *rand.Rand
	data          []byte
	window, slots int
	e8Size        int32
	out           Stream

	start   int // of what does not refer to anything before it
	acc     uint64
	n       int // bits in acc
	buf     []byte
	recent  [3]int
	lens    [256 + 8*50]uint8
	lengths [249]uint8
	seen    map[[2]byte]int // where two bytes were last
}

// put writes the low n bits of v.
func (e *encoder) put(v uint32, n int) {
	e.acc = e.acc<<n | uint64(v)&(1<<n-1)
	e.n += n
	for e.n >= 16 {
		e.n -= 16
		e.buf = binary.LittleEndian.AppendUint16(e.buf, uint16(e.acc>>e.n))
	}
}

func (e *encoder) align() {
	if e.n > 0 {
		e.put(0, 16-e.n)
	}
}

func (e *encoder) endFrame() {
	e.align()
	e.out.Frames = append(e.out.Frames, e.buf)
	e.buf = nil
}

// stretch compresses what does not depend on anything before it.
func (e *encoder) stretch(from, end int) {
	e.start, e.recent, e.seen = from, [3]int{1, 1, 1}, map[[2]byte]int{}
	clear(e.lens[:])
	clear(e.lengths[:])
	if e.e8Size != 0 {
		e.put(1, 1)
		e.put(uint32(e.e8Size)>>16, 16)
		e.put(uint32(e.e8Size)&0xffff, 16)
	} else {
		e.put(0, 1)
	}
	for from < end {
		n := min(end-from, 1+e.rng.IntN(3*frameSize))
		kind := 1 + e.rng.IntN(3)
		left := frameSize - from%frameSize
		if kind == 3 && from%2 == 1 {
			n = min(n, left) // raw bytes of a frame that is left must be even
		}
		e.out.Kinds[kind]++
		e.put(uint32(kind), 3)
		e.put(uint32(n), 24)
		if kind == 3 {
			e.stored(from, from+n)
		} else {
			e.compressed(from, from+n, kind == 2)
		}
		from += n
	}
	if len(e.buf) > 0 || e.n > 0 {
		e.endFrame()
	}
}

func (e *encoder) stored(from, end int) {
	if e.n == 0 {
		e.put(0, 16)
	}
	e.align()
	for _, r := range e.recent {
		e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(r))
	}
	for at := from; at < end; at++ {
		e.buf = append(e.buf, e.data[at])
		e.remember(at)
		if last := at == end-1; (at+1)%frameSize == 0 || last {
			if last && (end-from)%2 == 1 {
				e.buf = append(e.buf, 0)
			}
			if (at+1)%frameSize == 0 {
				e.endFrame()
			}
		}
	}
}

func (e *encoder) remember(at int) {
	if at+1 < len(e.data) {
		e.seen[[2]byte(e.data[at:])] = at
	}
}

// token is a literal, or a match with a slot of distance.
type token struct {
	main, length int // symbols; length is -1 for none
	extra, bits  int // the rest of the distance
	size         int
}

// tokens finds literals and matches for what lies between from and end.
func (e *encoder) tokens(from, end int) (list []token) {
	for at := from; at < end; {
		limit := min(end, at-at%frameSize+frameSize)
		distance, size := e.match(at, limit)
		if size == 0 {
			list = append(list, token{main: int(e.data[at]), length: -1, size: 1})
			e.remember(at)
			at++
			continue
		}
		t := token{length: -1, size: size}
		header := min(size-2, 7)
		if header == 7 {
			t.length = size - 2 - 7
		}
		slot := e.slot(distance, &t)
		t.main = 256 + 8*slot + header
		list = append(list, t)
		for range size {
			e.remember(at)
			at++
		}
	}
	return list
}

// match finds a match, mostly the nearest.
func (e *encoder) match(at, limit int) (distance, size int) {
	if at+2 > limit || e.rng.IntN(20) == 0 {
		return 0, 0
	}
	length := func(distance int) int {
		if distance > at-e.start || distance > e.window-3 || distance < 1 {
			return 0
		}
		n := 0
		for at+n < limit && n < 257 && e.data[at+n] == e.data[at+n-distance] {
			n++
		}
		return n
	}
	for _, r := range e.recent {
		if n := length(r); n >= 2 && e.rng.IntN(2) == 0 {
			return r, n
		}
	}
	if p, ok := e.seen[[2]byte(e.data[at:])]; ok {
		if n := length(at - p); n >= 2 {
			return at - p, n
		}
	}
	return 0, 0
}

func (e *encoder) slot(distance int, t *token) int {
	for i, r := range e.recent {
		if r == distance {
			e.recent[0], e.recent[i] = e.recent[i], e.recent[0]
			return i
		}
	}
	e.recent = [3]int{distance, e.recent[0], e.recent[1]}
	base, slot, extra := 0, 0, 0
	for distance+2 >= base+1<<extra {
		base += 1 << extra
		slot++
		extra = 0
		if slot >= 4 {
			extra = min(slot/2-1, 17)
		}
	}
	t.extra, t.bits = distance+2-base, extra
	return slot
}

func (e *encoder) compressed(from, end int, aligned bool) {
	list := e.tokens(from, end)
	main, length, low := make([]int, 256+8*e.slots), make([]int, len(e.lengths)), make([]int, 8)
	for _, t := range list {
		main[t.main]++
		if t.length >= 0 {
			length[t.length]++
		}
		if aligned && t.bits >= 3 {
			low[t.extra&7]++
		}
	}
	lowLens := huffmantest.Lengths(low, 7)
	if aligned {
		for _, n := range lowLens {
			e.put(uint32(n), 3)
		}
	}
	mainLens, lengthLens := huffmantest.Lengths(main, 16), huffmantest.Lengths(length, 16)
	e.putLengths(e.lens[:256], mainLens[:256])
	e.putLengths(e.lens[256:len(mainLens)], mainLens[256:])
	e.putLengths(e.lengths[:], lengthLens)
	mainCodes, lengthCodes, lowCodes := huffmantest.Codes(mainLens), huffmantest.Codes(lengthLens), huffmantest.Codes(lowLens)
	at := from
	for _, t := range list {
		e.put(mainCodes[t.main], int(mainLens[t.main]))
		if t.length >= 0 {
			e.put(lengthCodes[t.length], int(lengthLens[t.length]))
		}
		if aligned && t.bits >= 3 {
			e.put(uint32(t.extra>>3), t.bits-3)
			e.put(lowCodes[t.extra&7], int(lowLens[t.extra&7]))
		} else {
			e.put(uint32(t.extra), t.bits)
		}
		at += t.size
		if at%frameSize == 0 {
			e.endFrame()
		}
	}
}

// putLengths writes lengths of codes as differences to those before.
func (e *encoder) putLengths(before, now []uint8) {
	type step struct{ code, extra, bits, then int }
	var steps []step
	for i := 0; i < len(now); {
		run := 1
		for i+run < len(now) && now[i+run] == now[i] {
			run++
		}
		delta := (int(before[i]) - int(now[i]) + 17) % 17
		switch {
		case now[i] == 0 && run >= 20:
			run = min(run, 51)
			steps = append(steps, step{18, run - 20, 5, -1})
		case now[i] == 0 && run >= 4:
			run = min(run, 19)
			steps = append(steps, step{17, run - 4, 4, -1})
		case run >= 4:
			run = min(run, 5)
			steps = append(steps, step{19, run - 4, 1, delta})
		default:
			run = 1
			steps = append(steps, step{delta, 0, 0, -1})
		}
		i += run
	}
	counts := make([]int, 20)
	for _, s := range steps {
		counts[s.code]++
		if s.then >= 0 {
			counts[s.then]++
		}
	}
	lens := huffmantest.Lengths(counts, 15)
	codes := huffmantest.Codes(lens)
	for _, n := range lens {
		e.put(uint32(n), 4)
	}
	for _, s := range steps {
		e.put(codes[s.code], int(lens[s.code]))
		e.put(uint32(s.extra), s.bits)
		if s.then >= 0 {
			e.put(codes[s.then], int(lens[s.then]))
		}
	}
	copy(before, now)
}
