// Package lzx decompresses LZX as cabinets and compiled help (CHM) have it.
//
// The format is Microsoft's "LZX Data Compression Format" (in the Cabinet SDK, and in MS-PATCH without the parts for patches). Data
// comes in frames of 32 KiB, decompressed, each beginning on a new 16-bit word; blocks, with codes of their own, may span frames.
// Begin at Decoder.Frame.
package lzx

import (
	"encoding/binary"
	"errors"
	"fmt"

	"lazuli/plugins/unbox/huffman"
)

// FrameSize is how many bytes a frame has when it is decompressed; the last of a stream may have fewer.
const FrameSize = 32 << 10

// A window has 2 to the power of 15 to 21 bytes.
const (
	MinWindowBits = 15
	MaxWindowBits = 21
)

const (
	minMatch      = 2
	headerLengths = 7   // longer matches have the rest of their length from the length tree
	lengthSymbols = 249 // of the length tree
	numLiterals   = 256
	maxSlots      = 50
	maxMain       = numLiterals + 8*maxSlots

	blockVerbatim     = 1
	blockAligned      = 2
	blockUncompressed = 3
)

// slots are ranges of distances: a match names its slot and, in extra bits, where in the slot its distance lies.
var slots = func() (s [maxSlots + 1]struct{ base, extra uint32 }) {
	base := uint32(0)
	for i := range s {
		extra := uint32(0)
		if i >= 4 {
			extra = min(uint32(i)/2-1, 17)
		}
		s[i].base, s[i].extra = base, extra
		base += 1 << extra
	}
	return s
}()

// slotsOf is how many slots a window has, by its bits.
func slotsOf(windowBits int) int {
	switch windowBits {
	case 20:
		return 42
	case 21:
		return 50
	}
	return 2 * windowBits
}

var (
	errBlock     = errors.New("LZX: a block of an unknown kind")
	errEmpty     = errors.New("LZX: an empty block")
	errCode      = errors.New("LZX: bits that are no code")
	errDistance  = errors.New("LZX: a match from before the beginning")
	errLength    = errors.New("LZX: a match beyond the end of its block or frame")
	errCut       = errors.New("LZX: the data is cut short")
	errFrameSize = errors.New("LZX: a frame of an impossible size")
	errRun       = errors.New("LZX: more lengths of codes than there are symbols")
)

// Decoder decompresses one stream, frame after frame.
type Decoder struct {
	window int
	past   []byte // up to 2 windows: what was decompressed, before calls were translated
	bits   bits

	started   bool   // the header of the stream was read
	e8Size    int32  // calls are translated as in a file of this size, 0 for not
	offset    int64  // of the next frame in the stream
	translate []byte // the frame with its calls translated

	recent           [3]int // distances of the latest matches
	kind             int    // of the block
	blockLeft        int    // bytes that are still to come out of the block
	pad              bool   // the block ends with a byte that means nothing
	mainLens         [maxMain]uint8
	lengthLens       [lengthSymbols]uint8
	numMain          int
	main, length     huffman.Table
	aligned, pretree huffman.Table
}

// New makes a decoder for a window of 1<<windowBits bytes.
func New(windowBits int) (*Decoder, error) {
	if windowBits < MinWindowBits || windowBits > MaxWindowBits {
		return nil, fmt.Errorf("LZX: a window of %d bits is not possible", windowBits)
	}
	d := &Decoder{window: 1 << windowBits, numMain: numLiterals + 8*slotsOf(windowBits)}
	d.Reset(0)
	return d, nil
}

// Reset begins anew at an offset of the decompressed stream, as compiled help does every few frames, so that what follows can be read
// without what comes before.
func (d *Decoder) Reset(offset int64) {
	d.offset = offset
	d.past = d.past[:0]
	d.started = false
	d.recent = [3]int{1, 1, 1}
	d.kind, d.blockLeft, d.pad = 0, 0, false
	clear(d.mainLens[:])
	clear(d.lengthLens[:])
}

// Frame decompresses the frame of size bytes, FrameSize or fewer, that in begins with. It returns the frame, which is valid until the
// next call, and how many bytes of in it took. With an error it returns what could be decompressed; the decoder is of no use then
// before a Reset.
func (d *Decoder) Frame(in []byte, size int) (out []byte, used int, err error) {
	if size <= 0 || size > FrameSize {
		return nil, 0, errFrameSize
	}
	d.slide(size)
	from := len(d.past)
	d.bits = bits{in: in}
	err = d.decode(size)
	if err == nil {
		d.bits.align()
	}
	out = d.translateCalls(d.past[from:])
	d.offset += int64(size)
	return out, min(d.bits.used(), len(in)), err
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

func (d *Decoder) decode(size int) error {
	if !d.started {
		d.started = true
		d.e8Size = 0
		if d.bits.read(1) == 1 {
			d.e8Size = int32(d.bits.read(16)<<16 | d.bits.read(16))
		}
	}
	for size > 0 {
		if d.blockLeft == 0 {
			if err := d.beginBlock(); err != nil {
				return err
			}
		}
		n := min(size, d.blockLeft)
		var err error
		if d.kind == blockUncompressed {
			err = d.stored(n)
		} else {
			err = d.matches(n)
		}
		if err != nil {
			return err
		}
		size -= n
		d.blockLeft -= n
	}
	return nil
}

func (d *Decoder) beginBlock() error {
	if d.pad {
		d.pad = false
		d.bits.bytes(1)
	}
	d.kind = int(d.bits.read(3))
	d.blockLeft = int(d.bits.read(24))
	if d.bits.over() {
		return errCut
	}
	if d.blockLeft == 0 {
		return errEmpty
	}
	switch d.kind {
	case blockVerbatim:
		return d.readTrees()
	case blockAligned:
		var lens [8]uint8
		for i := range lens {
			lens[i] = uint8(d.bits.read(3))
		}
		if err := d.aligned.Build(lens[:]); err != nil {
			return fmt.Errorf("LZX: aligned offsets: %w", err)
		}
		return d.readTrees()
	case blockUncompressed:
		return d.beginStored()
	}
	return errBlock
}

// beginStored reads the distances that an uncompressed block begins with. They stand on the next 16-bit word: one to 16 bits are
// skipped, not none to 15.
func (d *Decoder) beginStored() error {
	d.bits.read(1)
	d.bits.align()
	p := d.bits.bytes(12)
	if len(p) < 12 {
		return errCut
	}
	for i := range d.recent {
		d.recent[i] = int(binary.LittleEndian.Uint32(p[4*i:]))
	}
	d.pad = d.blockLeft%2 == 1
	return nil
}

func (d *Decoder) stored(n int) error {
	p := d.bits.bytes(n)
	d.past = append(d.past, p...)
	if len(p) < n {
		return errCut
	}
	if n == d.blockLeft && d.pad && d.bits.pos < len(d.bits.in) {
		d.pad = false
		d.bits.bytes(1)
	}
	return nil
}

// readTrees reads the main tree and the length tree.
func (d *Decoder) readTrees() error {
	if err := d.readLengths(d.mainLens[:numLiterals]); err != nil {
		return err
	}
	if err := d.readLengths(d.mainLens[numLiterals:d.numMain]); err != nil {
		return err
	}
	if err := d.main.Build(d.mainLens[:d.numMain]); err != nil {
		return fmt.Errorf("LZX: main tree: %w", err)
	}
	if err := d.readLengths(d.lengthLens[:]); err != nil {
		return err
	}
	if err := d.length.Build(d.lengthLens[:]); err != nil {
		return fmt.Errorf("LZX: length tree: %w", err)
	}
	return nil
}

// readLengths reads lengths of codes, which are stored as differences to those of the block before, with a small code of their own.
func (d *Decoder) readLengths(lens []uint8) error {
	var pre [20]uint8
	for i := range pre {
		pre[i] = uint8(d.bits.read(4))
	}
	if err := d.pretree.Build(pre[:]); err != nil {
		return fmt.Errorf("LZX: pretree: %w", err)
	}
	for i := 0; i < len(lens); {
		code, err := d.symbol(&d.pretree)
		if err != nil {
			return err
		}
		run, value := 1, uint8(0)
		switch code {
		case 17:
			run = 4 + int(d.bits.read(4))
		case 18:
			run = 20 + int(d.bits.read(5))
		case 19:
			run = 4 + int(d.bits.read(1))
			if code, err = d.symbol(&d.pretree); err != nil {
				return err
			}
			if code > 16 {
				return errCode
			}
			value = uint8((int(lens[i]) - code + 17) % 17)
		default:
			value = uint8((int(lens[i]) - code + 17) % 17)
		}
		if run > len(lens)-i {
			return errRun
		}
		for range run {
			lens[i] = value
			i++
		}
	}
	return nil
}

func (d *Decoder) symbol(t *huffman.Table) (int, error) {
	d.bits.fill()
	symbol, n := t.Decode(d.bits.peek16())
	if n == 0 {
		return 0, errCode
	}
	d.bits.skip(n)
	if d.bits.over() {
		return 0, errCut
	}
	return symbol, nil
}

// matches decompresses n bytes of a block with literals and matches.
func (d *Decoder) matches(n int) error {
	end := len(d.past) + n
	for len(d.past) < end {
		symbol, err := d.symbol(&d.main)
		if err != nil {
			return err
		}
		if symbol < numLiterals {
			d.past = append(d.past, byte(symbol))
			continue
		}
		symbol -= numLiterals
		length := symbol%8 + minMatch
		if symbol%8 == headerLengths {
			more, err := d.symbol(&d.length)
			if err != nil {
				return err
			}
			length += more
		}
		distance, err := d.distance(symbol / 8)
		if err != nil {
			return err
		}
		if length > end-len(d.past) {
			return errLength
		}
		if distance <= 0 || distance > min(len(d.past), d.window) {
			return errDistance
		}
		d.copyMatch(distance, length)
	}
	return nil
}

// distance reads the rest of a distance in a slot. The first three slots are the distances of the latest matches.
func (d *Decoder) distance(slot int) (int, error) {
	r := &d.recent
	if slot < 3 {
		r[0], r[slot] = r[slot], r[0]
		return r[0], nil
	}
	extra := int(slots[slot].extra)
	formatted := int(slots[slot].base)
	if d.kind == blockAligned && extra >= 3 {
		formatted += int(d.bits.read(extra-3)) << 3
		low, err := d.symbol(&d.aligned)
		if err != nil {
			return 0, err
		}
		formatted += low
	} else {
		formatted += int(d.bits.read(extra))
	}
	if d.bits.over() {
		return 0, errCut
	}
	r[2], r[1], r[0] = r[1], r[0], formatted-2
	return r[0], nil
}

func (d *Decoder) copyMatch(distance, length int) {
	from := len(d.past) - distance
	if distance >= length {
		d.past = append(d.past, d.past[from:from+length]...)
		return
	}
	for i := range length { // the match repeats itself
		d.past = append(d.past, d.past[from+i])
	}
}
