package oldrar

import (
	"io"
	"strings"
)

// input reads bits, the highest of a byte first. Behind the end there are zeros.
type input struct {
	r      io.ByteReader
	ahead  uint32 // bits that were read
	n      int    // of them
	beyond int    // of these, those behind the end; more than n if some were used
	err    error  // of reading, other than the end
}

// peek is the next 16 bits.
func (in *input) peek() int {
	for in.n < 16 {
		c, err := in.r.ReadByte()
		if err != nil {
			c = 0
			in.beyond += 8
			if err != io.EOF {
				in.err = err
			}
		}
		in.ahead = in.ahead<<8 | uint32(c)
		in.n += 8
	}
	return int(in.ahead >> (in.n - 16) & 0xffff)
}

func (in *input) skip(n int) { in.n -= n }

func (in *input) bits(n int) int {
	v := in.peek() >> (16 - n)
	in.skip(n)
	return v
}

// over tells whether more was used than there is.
func (in *input) over() bool { return in.n < in.beyond || in.err != nil }

// code is a prefix code: numbers from 0 on in the order of their codes, shorter ones first.
type code struct {
	shortest int   // bits
	counts   []int // of codes of that many bits, of one more, …
}

// The codes of lengths, and of places in the rankings: the higher the average of places is, the more even is the code.
var (
	lengths1 = code{2, []int{2, 1, 2, 2, 4, 5, 4, 4, 8, 0, 224}}
	lengths2 = code{3, []int{5, 2, 2, 4, 5, 4, 4, 8, 2, 220}}
	codes    = [5]code{
		{4, []int{8, 8, 8, 9, 0, 0, 0, 0, 224}},
		{5, []int{4, 40, 16, 16, 4, 0, 47, 130}},
		{5, []int{2, 5, 46, 64, 116, 24}},
		{6, []int{2, 14, 202, 33, 6}},
		{8, []int{255, 2}},
	}
)

// read decodes a number. All codes are complete, so that there is one.
func (c *code) read(in *input) int {
	ahead, first, number := in.peek(), 0, 0
	for i, count := range c.counts {
		bits := c.shortest + i
		if n := ahead>>(16-bits) - first; n < count {
			in.skip(bits)
			return number + n
		}
		number += count
		first = (first + count) << 1
	}
	panic("a code that is not complete")
}

// ranking is a table of symbols, those that came more often in front. A symbol that comes changes places with the first of those that came as often as it did.
type ranking struct {
	entries [256]struct{ symbol, count byte }
	first   [256]byte // place of those with a count
}

// use is the symbol at a place, which came once more. Counts begin anew before one is larger than most.
func (r *ranking) use(place int, most byte) byte {
	if r.entries[place].count >= most {
		r.even()
	}
	e := r.entries[place]
	to := r.first[e.count]
	r.first[e.count]++
	e.count++
	r.entries[place] = r.entries[to]
	r.entries[to] = e
	return e.symbol
}

// even forgets how often symbols came, but for eight groups of them.
func (r *ranking) even() {
	r.first = [256]byte{}
	for i := range r.entries {
		r.entries[i].count = byte(7 - i/32)
	}
	for count := range 7 {
		r.first[count] = byte((7 - count) * 32)
	}
}

// shortKind is what a code of a short match stands for.
type shortKind struct{ number, bits byte }

// shortCodes are by eight bits: for short and for long averages, and each with one code that is longer by a bit. Only that leaves room for the last.
var shortCodes = [2][2][256]shortKind{
	{
		shortTable("0 101 1101 1110 11110 111110 1111110 11111110 11111111 1100 1000 10010 100110 100111 1011"),
		shortTable("0 1010 1101 1110 11110 111110 1111110 11111110 11111111 1100 1000 10010 100110 100111 1011"),
	},
	{
		shortTable("00 010 011 101 1101 1110 11110 111110 111111 1100 1000 10010 100110 100111 1011"),
		shortTable("00 010 011 1010 1101 1110 11110 111110 111111 1100 1000 10010 100110 100111 1011"),
	},
}

// shortTable decodes a code, of which the first of two that begin alike counts.
func shortTable(codes string) (t [256]shortKind) {
	list := strings.Fields(codes)
	for number := len(list) - 1; number >= 0; number-- {
		from, bits := 0, len(list[number])
		for _, bit := range list[number] {
			from = from<<1 | int(bit-'0')
		}
		from <<= 8 - bits
		for i := range 1 << (8 - bits) {
			t[from+i] = shortKind{byte(number), byte(bits)}
		}
	}
	return t
}
