// Package deflate64 reads Deflate64, which zip calls method 9: Deflate (RFC 1951) with a window of 64 KiB, two more codes for distances and a
// longest match of 65,538 bytes. There is no specification but PKWARE's leaflet and what programs do.
package deflate64

import (
	"bufio"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

const windowBytes = 64 << 10

func damaged(what string) error { return fmt.Errorf("deflate64: %s: %w", what, archive.ErrDamaged) }

// lengths and distances: the first value of each code, and how many bits follow it.
var (
	lengthBase = [29]int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 3}
	lengthBits = [29]uint{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 16}

	distanceBase, distanceBits = distances()
)

func distances() (base [32]int, bits [32]uint) {
	next := 1
	for code := range base {
		if code >= 4 {
			bits[code] = uint(code/2 - 1)
		}
		base[code] = next
		next += 1 << bits[code]
	}
	return base, bits
}

// codeOrder is the order of the lengths of the codes for lengths (RFC 1951 3.2.7).
var codeOrder = [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

type reader struct {
	in    *bufio.Reader
	hold  uint32 // bits read ahead, the next one the lowest
	held  uint
	last  bool // the block at hand is the last one
	stage func(*reader) error

	symbols, distances huffman
	stored             int // bytes left of a stored block

	window [windowBytes]byte
	at     int // where the next byte goes
	given  int
	full   bool // the window was filled once
	length int  // left of the match at hand
	back   int  // its distance
	err    error
}

// NewReader reads what begins at in; when it ends, in is at the byte behind it.
func NewReader(in *bufio.Reader) io.Reader { return &reader{in: in, stage: (*reader).header} }

func (r *reader) Read(p []byte) (int, error) {
	for r.given == r.at && len(p) > 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.at == windowBytes {
			r.at, r.given, r.full = 0, 0, true
		}
		r.err = r.stage(r)
		if r.err == io.EOF && !r.last {
			r.err = io.ErrUnexpectedEOF
		}
	}
	n := copy(p, r.window[r.given:r.at])
	r.given += n
	return n, nil
}

// bits takes n bits, at most 16.
func (r *reader) bits(n uint) (int, error) {
	for r.held < n {
		c, err := r.in.ReadByte()
		if err != nil {
			return 0, cutShort(err)
		}
		r.hold |= uint32(c) << r.held
		r.held += 8
	}
	v := r.hold & (1<<n - 1)
	r.hold >>= n
	r.held -= n
	return int(v), nil
}

// header begins a block, or ends the stream.
func (r *reader) header() error {
	if r.last {
		return io.EOF
	}
	h, err := r.bits(3)
	if err != nil {
		return err
	}
	r.last = h&1 != 0
	switch h >> 1 {
	case 0:
		return r.beginStored()
	case 1:
		r.fixed()
	case 2:
		if err := r.dynamic(); err != nil {
			return err
		}
	default:
		return damaged("there is no such block")
	}
	r.stage = (*reader).block
	return nil
}

func (r *reader) beginStored() error {
	r.hold, r.held = 0, 0 // never more than 7 bits: whole bytes are only read when they are needed
	var size [4]byte
	if _, err := io.ReadFull(r.in, size[:]); err != nil {
		return cutShort(err)
	}
	r.stored = int(size[0]) | int(size[1])<<8
	if int(size[2])|int(size[3])<<8 != r.stored^0xffff {
		return damaged("the size of a stored block is wrong")
	}
	r.stage = (*reader).copyStored
	return nil
}

func (r *reader) copyStored() error {
	n, err := io.ReadFull(r.in, r.window[r.at:min(windowBytes, r.at+r.stored)])
	r.at += n
	r.stored -= n
	if r.stored == 0 {
		r.stage = (*reader).header
	}
	return cutShort(err)
}

func (r *reader) fixed() {
	var lengths [288]byte
	for i := range lengths {
		lengths[i] = [...]byte{8, 8, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 7, 8}[i/16]
		if i >= 256 && i < 280 {
			lengths[i] = 7
		}
	}
	_ = r.symbols.build(lengths[:]) // they are right
	var fives [32]byte
	for i := range fives {
		fives[i] = 5
	}
	_ = r.distances.build(fives[:])
}

// dynamic reads the codes of a block (RFC 1951 3.2.7).
func (r *reader) dynamic() error {
	counts, err := r.bits(14)
	if err != nil {
		return err
	}
	symbols, distances := counts&31+257, counts>>5&31+1
	if symbols > 286 {
		return damaged("there are too many codes")
	}
	var short [19]byte
	for _, i := range codeOrder[:counts>>10+4] {
		n, err := r.bits(3)
		if err != nil {
			return err
		}
		short[i] = byte(n)
	}
	var codes huffman
	if err := codes.build(short[:]); err != nil {
		return err
	}
	var lengths [286 + 32]byte
	for i := 0; i < symbols+distances; {
		symbol, err := codes.decode(r)
		if err != nil {
			return err
		}
		if symbol < 16 {
			lengths[i] = byte(symbol)
			i++
			continue
		}
		again, value := 0, byte(0)
		switch symbol {
		case 16:
			if i == 0 {
				return damaged("there is no length to repeat")
			}
			again, err = r.bits(2)
			again, value = again+3, lengths[i-1]
		case 17:
			again, err = r.bits(3)
			again += 3
		default:
			again, err = r.bits(7)
			again += 11
		}
		if err != nil {
			return err
		}
		if i+again > symbols+distances {
			return damaged("there are more lengths than codes")
		}
		for range again {
			lengths[i] = value
			i++
		}
	}
	if err := r.symbols.build(lengths[:symbols]); err != nil {
		return err
	}
	return r.distances.build(lengths[symbols : symbols+distances])
}

// block decodes until the window is full or the block ends.
func (r *reader) block() error {
	for r.at < windowBytes {
		if r.length > 0 {
			r.copyMatch()
			continue
		}
		symbol, err := r.symbols.decode(r)
		switch {
		case err != nil:
			return err
		case symbol < 256:
			r.window[r.at] = byte(symbol)
			r.at++
		case symbol == 256:
			r.stage = (*reader).header
			return nil
		case symbol > 285:
			return damaged("there is no such length")
		default:
			if err := r.match(symbol - 257); err != nil {
				return err
			}
		}
	}
	return nil
}

// match decodes the rest of a match.
func (r *reader) match(code int) error {
	more, err := r.bits(lengthBits[code])
	if err != nil {
		return err
	}
	r.length = lengthBase[code] + more
	if code, err = r.distances.decode(r); err != nil {
		return err
	}
	if more, err = r.bits(distanceBits[code]); err != nil {
		return err
	}
	r.back = distanceBase[code] + more
	if r.back > r.at && !r.full {
		return damaged("a match lies before the beginning")
	}
	return nil
}

func (r *reader) copyMatch() {
	from := r.at - r.back
	if from < 0 {
		from += windowBytes
	}
	n := min(r.length, windowBytes-r.at, windowBytes-from)
	if from < r.at && r.back < n { // what is copied is copied from
		for i := range n {
			r.window[r.at+i] = r.window[from+i]
		}
	} else {
		copy(r.window[r.at:r.at+n], r.window[from:from+n])
	}
	r.at += n
	r.length -= n
}

func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
