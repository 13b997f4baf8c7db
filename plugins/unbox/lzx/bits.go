package lzx

// bits reads 16-bit little-endian words from their most significant bit on. Past the end of the input there are zeros, because
// a decoder may look further than it goes; over tells when it went there.
type bits struct {
	in      []byte
	pos     int    // of the next word in in
	acc     uint64 // its low n bits come next
	n       uint
	phantom uint // bits at the end of acc that are not from in
}

// fill makes at least 32 bits available.
func (b *bits) fill() {
	for b.n <= 48 {
		b.acc <<= 16
		b.n += 16
		if b.pos+2 > len(b.in) {
			b.phantom += 16
			continue
		}
		b.acc |= uint64(b.in[b.pos]) | uint64(b.in[b.pos+1])<<8
		b.pos += 2
	}
}

// peek16 returns the next 16 bits, after fill.
func (b *bits) peek16() uint16 { return uint16(b.acc >> (b.n - 16)) }

func (b *bits) skip(n int) { b.n -= uint(n) }

// read returns the next n bits, up to 32.
func (b *bits) read(n int) uint32 {
	b.fill()
	b.n -= uint(n)
	return uint32(b.acc >> b.n & (1<<n - 1))
}

// over tells whether more was taken than there is.
func (b *bits) over() bool { return b.phantom > b.n }

// used is how many bytes of in were taken, bits of a word that was begun included.
func (b *bits) used() int { return b.pos - int(b.n-min(b.n, b.phantom))/16*2 }

// align skips to the end of a word that was begun.
func (b *bits) align() { b.n -= b.n % 16 }

// bytes returns the next n bytes, after align; fewer at the end of the input.
func (b *bits) bytes(n int) []byte {
	b.pos = b.used()
	b.acc, b.n, b.phantom = 0, 0, 0
	p := b.in[b.pos:min(len(b.in), b.pos+n)]
	b.pos += len(p)
	return p
}
