package inspect

import "encoding/binary"

// block tells of 56 bytes where a string may begin, a bit for each. It takes four cycles a byte, for all codings at once and
// without a branch that depends on the content; only what may begin a string is looked at closely.
type block struct {
	narrow, little, big uint64
	// plain has a bit for each of all 64 bytes that is text in ASCII; ascii tells that none of them is 0x80 or above.
	plain uint64
	ascii bool
}

// A block is made of blockBytes and tells of the first blockStarts of them: behind each it needs seven more.
const (
	blockBytes  = 64
	blockStarts = blockBytes - 8
)

// newBlock looks at the first 64 bytes of b for strings of at least n characters. What lies behind the end of b counts as
// zeros.
func newBlock(b []byte, n int) block {
	if len(b) < blockBytes {
		var padded [blockBytes]byte
		copy(padded[:], b)
		b = padded[:]
	}
	if [blockBytes]byte(b) == [blockBytes]byte{} {
		return block{ascii: true} // as much of many programs is
	}
	const starts = 1<<blockStarts - 1
	p := newPlanes((*[blockBytes]byte)(b))
	plain, zero := p.plain(), p.zero()
	k := block{plain: plain, ascii: p[7] == 0}
	if k.ascii {
		k.narrow = inARow(plain, 1, min(n, 8)) & starts
	} else {
		k.narrow = p.utf8(plain, n) & starts
	}
	// A code unit is a character of Latin-1 beside a zero, or its upper byte is one of few. Among the first units of a string is
	// one of ASCII or of another script.
	upper, script := p.upper()
	if zero|script == 0 {
		return k
	}
	single := plain | p[7]&(p[6]|p[5])
	units := min(n, firstUnits)
	k.little = inARow(single&(zero>>1)|upper>>1, 2, units) & anyOf(plain&(zero>>1)|script>>1, 2, units) & starts
	k.big = inARow(zero&(single>>1)|upper, 2, units) & anyOf(zero&(plain>>1)|script, 2, units) & starts
	return k
}

// inARow returns the bits of m from which on n of them, one every step bits, are set.
func inARow(m uint64, step, n int) uint64 {
	all := m
	for i := step; i < step*n; i += step {
		all &= m >> i
	}
	return all
}

// anyOf returns the bits of m from which on one of n, one every step bits, is set.
func anyOf(m uint64, step, n int) uint64 {
	some := m
	for i := step; i < step*n; i += step {
		some |= m >> i
	}
	return some
}

// planes are 64 bytes, turned: plane k holds bit k of each. One operation on planes is one on 64 bytes.
type planes [8]uint64

// newPlanes turns each word of eight bytes, and then the square of the words. (H. S. Warren, Hacker's Delight, 7-3.)
func newPlanes(b *[blockBytes]byte) planes {
	w0, w1 := turned(b[0:8]), turned(b[8:16])
	w2, w3 := turned(b[16:24]), turned(b[24:32])
	w4, w5 := turned(b[32:40]), turned(b[40:48])
	w6, w7 := turned(b[48:56]), turned(b[56:64])

	const m8, m16, m32 = 0x00ff00ff00ff00ff, 0x0000ffff0000ffff, 0x00000000ffffffff
	w0, w1 = exchange(w0, w1, 8, m8)
	w2, w3 = exchange(w2, w3, 8, m8)
	w4, w5 = exchange(w4, w5, 8, m8)
	w6, w7 = exchange(w6, w7, 8, m8)
	w0, w2 = exchange(w0, w2, 16, m16)
	w1, w3 = exchange(w1, w3, 16, m16)
	w4, w6 = exchange(w4, w6, 16, m16)
	w5, w7 = exchange(w5, w7, 16, m16)
	w0, w4 = exchange(w0, w4, 32, m32)
	w1, w5 = exchange(w1, w5, 32, m32)
	w2, w6 = exchange(w2, w6, 32, m32)
	w3, w7 = exchange(w3, w7, 32, m32)
	return planes{w0, w1, w2, w3, w4, w5, w6, w7}
}

// turned makes bit k of byte i the bit i of byte k.
func turned(b []byte) uint64 {
	w := binary.LittleEndian.Uint64(b)
	t := (w ^ w>>7) & 0x00aa00aa00aa00aa
	w ^= t ^ t<<7
	t = (w ^ w>>14) & 0x0000cccc0000cccc
	w ^= t ^ t<<14
	t = (w ^ w>>28) & 0x00000000f0f0f0f0
	return w ^ t ^ t<<28
}

// exchange swaps the bits of a that are n above those of the mask with those of b in the mask.
func exchange(a, b uint64, n int, mask uint64) (uint64, uint64) {
	t := (a>>n ^ b) & mask
	return a ^ t<<n, b ^ t
}

// plain are the bytes 0x20 to 0x7e, and tabs.
func (p *planes) plain() uint64 {
	del := p[6] & p[5] & p[4] & p[3] & p[2] & p[1] & p[0]
	tab := p[3] & p[0] &^ (p[6] | p[5] | p[4] | p[2] | p[1])
	return ((p[6]|p[5])&^del | tab) &^ p[7]
}

func (p *planes) zero() uint64 {
	return ^(p[0] | p[1] | p[2] | p[3] | p[4] | p[5] | p[6] | p[7])
}

// upper are 0x01 to 0x06 and 0x1e to 0x21: the upper bytes of code units that may be text; script are 0x03 to 0x06, those of
// letters that are not Latin.
func (p *planes) upper() (upper, script uint64) {
	below7 := ^(p[7] | p[6] | p[5] | p[4] | p[3] | p[2]&p[1]&p[0])
	from1e := p[4] & p[3] & p[2] & p[1] &^ (p[7] | p[6] | p[5])
	from20 := p[5] &^ (p[7] | p[6] | p[4] | p[3] | p[2] | p[1])
	return below7&(p[2]|p[1]|p[0]) | from1e | from20, below7 & (p[2] | p[1]&p[0])
}

// utf8 returns where n characters may stand, of which some are not in ASCII. What lies behind the block may be anything.
func (p *planes) utf8(plain uint64, n int) uint64 {
	other := p[7] &^ p[6] // 0x80 to 0xbf: not the first byte of a character
	next, second, third := other>>1|1<<63, other>>2|3<<62, other>>3|7<<61
	first := p[7] & p[6]
	two := first &^ p[5] & next
	three := first & p[5] &^ p[4] & next & second
	four := first & p[5] & p[4] & next & second & third
	begin := plain | two | three | four
	text := begin | (two|three|four)<<1 | (three|four)<<2 | four<<3
	// A character of two bytes and more takes the place of one, so that what has one is longer.
	return begin & inARow(text, 1, min(n, 7)) & (text>>min(n, 7) | ^anyOf(p[7], 1, min(n, 7)))
}
