package installer

import (
	"bufio"
	"io"
	"math/bits"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/huffman"
)

const (
	errDeflate    = archive.Damage("deflate: the data is damaged")
	errDeflateCut = archive.Damage("deflate: the data is cut short")
)

const (
	deflateWindow = 32 << 10
	endOfBlock    = 256
)

// inflate decompresses deflate (RFC 1951) as NSIS writes it: in stored blocks the length is there once only. Where NSIS was built on
// another library than its own, as Debian does, it is there twice, as the standard has it.
type inflate struct {
	r   *bufio.Reader
	err error // of the source
	acc uint64
	n   uint // bits in acc
	pad uint // of them that are not from the source

	past             []byte
	given            int
	done             error
	last             bool
	kind             int // of the block; -1 between blocks
	stored           int
	literal, further huffman.Table
}

func newInflate(r io.Reader) *inflate { return &inflate{r: bufio.NewReader(r), kind: -1} }

func (d *inflate) Read(p []byte) (int, error) {
	for d.given == len(d.past) {
		if d.done != nil {
			return 0, d.done
		}
		if len(d.past) > 4*deflateWindow {
			d.past = d.past[:copy(d.past, d.past[len(d.past)-deflateWindow:])]
			d.given = len(d.past)
		}
		d.done = d.some()
	}
	n := copy(p, d.past[d.given:])
	d.given += n
	return n, nil
}

func (d *inflate) fill() {
	for d.n <= 48 {
		b, err := d.r.ReadByte()
		if err != nil {
			if err != io.EOF && d.err == nil {
				d.err = err
			}
			d.pad += 8
		}
		d.acc |= uint64(b) << d.n
		d.n += 8
	}
}

func (d *inflate) bits(n uint) int {
	d.fill()
	v := int(d.acc & (1<<n - 1))
	d.acc >>= n
	d.n -= n
	return v
}

func (d *inflate) symbol(t *huffman.Table) (int, bool) {
	d.fill()
	symbol, n := t.Decode(bits.Reverse16(uint16(d.acc)))
	d.acc >>= uint(n)
	d.n -= uint(n)
	return symbol, n > 0
}

// over tells whether more was taken than there is.
func (d *inflate) over() error {
	switch {
	case d.pad <= d.n:
		return nil
	case d.err != nil:
		return d.err
	}
	return errDeflateCut
}

// some decompresses up to 32 KiB.
func (d *inflate) some() error {
	for end := len(d.past) + deflateWindow; len(d.past) < end; {
		if d.kind < 0 {
			if d.last {
				return io.EOF
			}
			if err := d.block(); err != nil {
				return err
			}
		}
		if d.kind == 0 {
			if d.stored == 0 {
				d.kind = -1
				continue
			}
			d.past = append(d.past, byte(d.bits(8)))
			d.stored--
		} else if !d.token() {
			if err := d.over(); err != nil {
				return err
			}
			return errDeflate
		}
		if err := d.over(); err != nil {
			d.past = d.past[:max(d.given, len(d.past)-1)]
			return err
		}
	}
	return nil
}

func (d *inflate) block() error {
	d.last = d.bits(1) == 1
	d.kind = d.bits(2)
	ok := true
	switch d.kind {
	case 0:
		d.bits(d.n % 8)
		d.stored = d.bits(16)
		if d.fill(); int(^d.acc&0xffff) == d.stored {
			d.bits(16)
		}
	case 1:
		d.fixed()
	case 2:
		ok = d.dynamic()
	default:
		ok = false
	}
	if err := d.over(); err != nil {
		return err
	}
	if !ok {
		return errDeflate
	}
	return nil
}

func (d *inflate) fixed() {
	var lens [288]uint8
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	var far [30]uint8
	for i := range far {
		far[i] = 5
	}
	_ = d.literal.Build(lens[:]) // the same each time
	_ = d.further.Build(far[:])
}

var lengthOrder = [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (d *inflate) dynamic() bool {
	literals, distances, n := 257+d.bits(5), 1+d.bits(5), 4+d.bits(4)
	var pre [19]uint8
	for _, i := range lengthOrder[:n] {
		pre[i] = uint8(d.bits(3))
	}
	var t huffman.Table
	if t.Build(pre[:]) != nil {
		return false
	}
	var lens [288 + 32]uint8
	for i := 0; i < literals+distances; {
		s, ok := d.symbol(&t)
		if !ok {
			return false
		}
		run, value := 1, uint8(s)
		switch s {
		case 16:
			if i == 0 {
				return false
			}
			run, value = 3+d.bits(2), lens[i-1]
		case 17:
			run, value = 3+d.bits(3), 0
		case 18:
			run, value = 11+d.bits(7), 0
		}
		if run > literals+distances-i {
			return false
		}
		for range run {
			lens[i] = value
			i++
		}
	}
	return d.literal.Build(lens[:literals]) == nil && d.further.Build(lens[literals:literals+distances]) == nil
}

// token decompresses a literal, a match, or the end of a block.
func (d *inflate) token() bool {
	s, ok := d.symbol(&d.literal)
	switch {
	case !ok || s > 285:
		return false
	case s < endOfBlock:
		d.past = append(d.past, byte(s))
		return true
	case s == endOfBlock:
		d.kind = -1
		return true
	}
	length := 258
	if s < 285 {
		length = d.ranged(s-257, 2) + 3
	}
	slot, ok := d.symbol(&d.further)
	if !ok || slot > 29 {
		return false
	}
	distance := d.ranged(slot, 1) + 1
	if distance > len(d.past) {
		return false
	}
	from := len(d.past) - distance
	for i := range length {
		d.past = append(d.past, d.past[from+i])
	}
	return true
}

// ranged reads a value of a slot: groups of 1<<each slots have one extra bit more than those before.
func (d *inflate) ranged(slot, each int) int {
	group := slot >> each
	if group < 2 {
		return slot
	}
	extra := group - 1
	return (1<<each|slot&(1<<each-1))<<extra + d.bits(uint(extra))
}
