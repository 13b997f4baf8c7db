package installer

import (
	"bufio"
	"io"

	"lazuli/plugins/unbox/archive"
)

const (
	errBzip2    = archive.Damage("bzip2: the data is damaged")
	errBzip2Cut = archive.Damage("bzip2: the data is cut short")
)

const (
	bzip2Block   = 900_000 // bytes, before runs are made long again
	bzip2Begins  = 0x31
	bzip2Ends    = 0x17
	bzip2Longest = 20 // bits of a code
	bzip2Group   = 50 // symbols with one tree
)

// bunzip decompresses bzip2 as NSIS writes it: without the header, checksums and the bit for what was called randomisation; one byte tells
// a block from the end.
type bunzip struct {
	r   *bufio.Reader
	err error
	acc uint64
	n   int

	out  []byte // of the block, with its runs short
	at   int
	run  int  // copies of last that are still to be given
	same int  // bytes that were the same in a row
	last byte // the latest one
	done error
	tt   []uint32
}

func newBunzip(r io.Reader) *bunzip { return &bunzip{r: bufio.NewReader(r)} }

func (d *bunzip) bits(n int) int {
	for d.n < n {
		b, err := d.r.ReadByte()
		if err != nil && d.err == nil {
			d.err = err
			if err == io.EOF {
				d.err = errBzip2Cut
			}
		}
		d.acc = d.acc<<8 | uint64(b)
		d.n += 8
	}
	d.n -= n
	return int(d.acc >> d.n & (1<<n - 1))
}

func (d *bunzip) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if d.run > 0 {
			p[n] = d.last
			n++
			d.run--
			continue
		}
		if d.at == len(d.out) {
			if d.done == nil {
				d.done = d.block()
			}
			if d.done != nil {
				break
			}
			continue
		}
		b := d.out[d.at]
		d.at++
		if d.same == 4 { // how often the byte comes again
			d.run, d.same = int(b), 0
			continue
		}
		if d.same == 0 || b != d.last {
			d.same = 0
		}
		d.same++
		d.last = b
		p[n] = b
		n++
	}
	if n > 0 {
		return n, nil
	}
	return 0, d.done
}

// block decompresses the next block.
func (d *bunzip) block() error {
	kind := d.bits(8)
	switch {
	case d.err != nil:
		return d.err
	case kind == bzip2Ends:
		return io.EOF
	case kind != bzip2Begins:
		return errBzip2
	}
	origin := d.bits(24)
	ok := d.symbols()
	if d.err != nil {
		return d.err
	}
	if !ok || origin >= len(d.tt) {
		return errBzip2
	}
	d.transform(origin)
	d.same, d.at = 0, 0
	return nil
}

// code is one Huffman code: for each length the first code, how many there are, and the symbols in their order.
type code struct {
	first, count, offset [bzip2Longest + 1]int
	symbols              []int
}

func newCode(lens []int) (c code, ok bool) {
	for _, n := range lens {
		c.count[n]++
	}
	next := 0
	for n := 1; n <= bzip2Longest; n++ {
		next <<= 1
		c.first[n], c.offset[n] = next, len(c.symbols)
		for s, l := range lens {
			if l == n {
				c.symbols = append(c.symbols, s)
			}
		}
		next += c.count[n]
		if next > 1<<n {
			return c, false
		}
	}
	return c, true
}

func (d *bunzip) symbol(c *code) (int, bool) {
	v := 0
	for n := 1; n <= bzip2Longest; n++ {
		v = v<<1 | d.bits(1)
		if i := v - c.first[n]; i >= 0 && i < c.count[n] {
			return c.symbols[c.offset[n]+i], true
		}
	}
	return 0, false
}

// symbols reads the block into tt, a byte in the lowest bits of each.
func (d *bunzip) symbols() bool {
	var used []byte
	groups := d.bits(16)
	for i := range 16 {
		if groups>>(15-i)&1 == 0 {
			continue
		}
		in := d.bits(16)
		for j := range 16 {
			if in>>(15-j)&1 == 1 {
				used = append(used, byte(16*i+j))
			}
		}
	}
	trees, selected := d.bits(3), d.bits(15)
	if len(used) == 0 || trees < 2 || trees > 6 || selected == 0 {
		return false
	}
	selectors, ok := d.selectors(trees, selected)
	if !ok {
		return false
	}
	codes, ok := d.codes(trees, len(used)+2)
	if !ok {
		return false
	}
	return d.moves(used, selectors, codes)
}

func (d *bunzip) selectors(trees, n int) ([]byte, bool) {
	order := []byte{0, 1, 2, 3, 4, 5}
	selectors := make([]byte, n)
	for i := range selectors {
		j := 0
		for d.bits(1) == 1 {
			if j++; j >= trees {
				return nil, false
			}
		}
		s := order[j]
		copy(order[1:], order[:j])
		order[0] = s
		selectors[i] = s
	}
	return selectors, true
}

func (d *bunzip) codes(trees, symbols int) ([]code, bool) {
	codes := make([]code, trees)
	for i := range codes {
		lens := make([]int, symbols)
		length := d.bits(5)
		for s := range lens {
			for d.bits(1) == 1 {
				length += 1 - 2*d.bits(1)
				if length < 1 || length > bzip2Longest {
					return nil, false
				}
			}
			if length < 1 || length > bzip2Longest {
				return nil, false
			}
			lens[s] = length
		}
		var ok bool
		if codes[i], ok = newCode(lens); !ok {
			return nil, false
		}
	}
	return codes, true
}

// moves undoes the moves to the front, and makes runs of the first byte long.
func (d *bunzip) moves(front, selectors []byte, codes []code) bool {
	d.tt = d.tt[:0]
	run, weight := 0, 1
	for group := 0; ; group++ {
		if group >= len(selectors) || d.err != nil {
			return false
		}
		for range bzip2Group {
			s, ok := d.symbol(&codes[selectors[group]])
			if !ok {
				return false
			}
			if s < 2 { // digits of a run's length
				run += weight << s
				weight <<= 1
				if run > bzip2Block {
					return false
				}
				continue
			}
			if len(d.tt)+run > bzip2Block {
				return false
			}
			for range run {
				d.tt = append(d.tt, uint32(front[0]))
			}
			run, weight = 0, 1
			if s == len(front)+1 {
				return true
			}
			b := front[s-1]
			copy(front[1:], front[:s-1])
			front[0] = b
			if len(d.tt) >= bzip2Block {
				return false
			}
			d.tt = append(d.tt, uint32(b))
		}
	}
}

// transform undoes the Burrows-Wheeler transform.
func (d *bunzip) transform(origin int) {
	var starts [256]int
	for _, v := range d.tt {
		starts[v&255]++
	}
	sum := 0
	for i, n := range starts {
		starts[i] = sum
		sum += n
	}
	for i, v := range d.tt {
		b := v & 255
		d.tt[starts[b]] |= uint32(i) << 8
		starts[b]++
	}
	d.out = d.out[:0]
	at := d.tt[origin] >> 8
	for range d.tt {
		d.out = append(d.out, byte(d.tt[at]))
		at = d.tt[at] >> 8
	}
}
