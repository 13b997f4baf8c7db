// Package quantum decompresses Quantum as cabinets have it.
//
// The format was never published by its owner; it is known through "Quantum compression format" by Matthew Russotto. Symbols are
// coded arithmetically by adaptive models. Data comes in frames of 32 KiB, decompressed; the coder begins anew in each, models and
// window go on. Begin at Decoder.Frame.
package quantum

import (
	"errors"
	"fmt"
)

// FrameSize is how many bytes a frame has when it is decompressed; the last of a stream may have fewer.
const FrameSize = 32 << 10

// A window has 2 to the power of 10 to 21 bytes.
const (
	MinWindowBits = 10
	MaxWindowBits = 21
)

var (
	errFrameSize = errors.New("quantum: a frame of an impossible size")
	errCut       = errors.New("quantum: the data is cut short")
	errDistance  = errors.New("quantum: a match from before the beginning")
	errLength    = errors.New("quantum: a match beyond the end of its frame")
	errCode      = errors.New("quantum: bits that are no code")
)

// slot is a range of values: a symbol names it, extra bits say where in it the value lies.
type slot struct{ base, extra uint32 }

var distances = func() (s [2 * MaxWindowBits]slot) {
	base := uint32(0)
	for i := range s {
		extra := uint32(max(0, i/2-1))
		s[i] = slot{base, extra}
		base += 1 << extra
	}
	return s
}()

var lengths = func() (s [27]slot) {
	base := uint32(0)
	for i := range s {
		extra := uint32(0)
		if i >= 6 {
			extra = uint32(i-2) / 4
		}
		s[i] = slot{base, extra}
		base += 1 << extra
	}
	s[26] = slot{254, 0}
	return s
}()

// Decoder decompresses one stream, frame after frame.
type Decoder struct {
	window int
	past   []byte

	in        []byte
	bit       int // of in, that comes next
	low, high uint16
	code      uint16

	selector                model
	literals                [4]model // for bytes of 64 values each
	three, four             model    // distances of matches of three and four bytes
	longLength, longDistant model    // of longer ones
}

// New makes a decoder for a window of 1<<windowBits bytes.
func New(windowBits int) (*Decoder, error) {
	if windowBits < MinWindowBits || windowBits > MaxWindowBits {
		return nil, fmt.Errorf("quantum: a window of %d bits is not possible", windowBits)
	}
	d := &Decoder{window: 1 << windowBits}
	d.selector.init(0, 7)
	for i := range d.literals {
		d.literals[i].init(64*i, 64)
	}
	d.three.init(0, min(2*windowBits, 24))
	d.four.init(0, min(2*windowBits, 36))
	d.longDistant.init(0, 2*windowBits)
	d.longLength.init(0, len(lengths))
	return d, nil
}

// Frame decompresses the frame of size bytes, FrameSize or fewer, that in holds. The frame is valid until the next call. With an error
// it returns what could be decompressed; the decoder is of no use then.
func (d *Decoder) Frame(in []byte, size int) ([]byte, error) {
	if size <= 0 || size > FrameSize {
		return nil, errFrameSize
	}
	d.slide(size)
	from := len(d.past)
	d.in, d.bit = in, 0
	d.low, d.high, d.code = 0, 0xffff, uint16(d.bits(16))
	err := d.decode(from + size)
	return d.past[from:], err
}

// slide makes room for size more bytes behind a window of past ones.
func (d *Decoder) slide(size int) {
	if len(d.past)+size <= cap(d.past) {
		return
	}
	keep := d.past[max(0, len(d.past)-d.window):]
	if want := 2*d.window + FrameSize; len(keep)+size > cap(d.past) || cap(d.past) < want {
		grown := make([]byte, len(keep), min(want, 2*cap(d.past)+4*FrameSize)) // grows with what is really there
		copy(grown, keep)
		d.past = grown
		return
	}
	d.past = d.past[:copy(d.past, keep)]
}

// bits reads n bits, most significant first. Beyond the end there are zeros: an arithmetic decoder looks further than it goes.
func (d *Decoder) bits(n uint32) (v uint32) {
	for range n {
		v <<= 1
		if at := d.bit / 8; at < len(d.in) {
			v |= uint32(d.in[at]>>(7-d.bit%8)) & 1
		}
		d.bit++
	}
	return v
}

// over tells whether the coder has gone beyond the end of the input; it looks 16 bits ahead.
func (d *Decoder) over() bool { return d.bit-16 > 8*len(d.in) }

func (d *Decoder) decode(end int) error {
	for len(d.past) < end {
		if d.over() {
			return errCut
		}
		selector, err := d.symbol(&d.selector)
		if err != nil {
			return err
		}
		length, distant := 0, &d.longDistant
		switch selector {
		case 0, 1, 2, 3:
			literal, err := d.symbol(&d.literals[selector])
			if err != nil {
				return err
			}
			d.past = append(d.past, literal)
			continue
		case 4:
			length, distant = 3, &d.three
		case 5:
			length, distant = 4, &d.four
		default:
			more, err := d.value(&d.longLength, lengths[:])
			if err != nil {
				return err
			}
			length = 5 + more
		}
		distance, err := d.value(distant, distances[:])
		if err != nil {
			return err
		}
		if err := d.copyMatch(distance+1, length, end); err != nil {
			return err
		}
	}
	if d.over() {
		return errCut
	}
	return nil
}

func (d *Decoder) copyMatch(distance, length, end int) error {
	if length > end-len(d.past) {
		return errLength
	}
	if distance > min(len(d.past), d.window) {
		return errDistance
	}
	from := len(d.past) - distance
	for i := range length {
		d.past = append(d.past, d.past[from+i])
	}
	return nil
}

func (d *Decoder) value(m *model, slots []slot) (int, error) {
	symbol, err := d.symbol(m)
	if err != nil {
		return 0, err
	}
	s := slots[symbol]
	return int(s.base + d.bits(s.extra)), nil
}

// symbol decodes one symbol and counts it.
func (d *Decoder) symbol(m *model) (byte, error) {
	width := uint32(d.high-d.low) + 1
	total := uint32(m.symbols[0].above)
	at := ((uint32(d.code-d.low)+1)*total - 1) / width
	i := 0
	for i < m.n && uint32(m.symbols[i+1].above) > at {
		i++
	}
	if i >= m.n || at >= total {
		return 0, errCode
	}
	symbol := m.symbols[i].symbol
	d.high = d.low + uint16(uint32(m.symbols[i].above)*width/total) - 1
	d.low += uint16(uint32(m.symbols[i+1].above) * width / total)
	m.seen(i)
	for {
		if d.low&0x8000 != d.high&0x8000 {
			if d.low&0x4000 == 0 || d.high&0x4000 != 0 {
				return symbol, nil
			}
			d.code ^= 0x4000 // the two come close around the middle
			d.low &= 0x3fff
			d.high |= 0x4000
		}
		d.low <<= 1
		d.high = d.high<<1 | 1
		d.code = d.code<<1 | uint16(d.bits(1))
	}
}
