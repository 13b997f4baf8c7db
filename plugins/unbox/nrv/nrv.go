// Package nrv decompresses NRV2B, NRV2D and NRV2E, which UPX packs programs with.
//
// The formats are known through the UCL library by Markus Oberhumer. Begin at Decompress.
package nrv

import (
	"encoding/binary"
	"fmt"

	"lazuli/plugins/unbox/archive"
)

// Method is one of the three formats.
type Method int

// The formats differ in how distances and lengths of matches are written.
const (
	B Method = iota
	D
	E
)

// Bits is how bits are put together between whole bytes: in words of so many, which come with their least significant byte first and are
// used from their most significant bit on.
type Bits int

// The sizes of words that there are.
const (
	Bits8  Bits = 8
	Bits16 Bits = 16
	Bits32 Bits = 32
)

const (
	errCut      = archive.Damage("NRV: the data is cut short")
	errDistance = archive.Damage("NRV: a match from before the beginning")
	errTooMuch  = archive.Damage("NRV: more than it should be")
	errNumber   = archive.Damage("NRV: a number that is too large")
)

const end = 0xffffffff // instead of a distance

// decoder decompresses one block.
type decoder struct {
	method Method
	word   uint
	in     []byte
	at     int
	acc    uint32
	left   uint // bits in acc
	cut    bool
	out    []byte
	size   int
	last   int // distance of the latest match
}

// Decompress decompresses a block that gives size bytes. With an error it returns what there is. Memory is asked for as it is filled.
func Decompress(in []byte, size int, method Method, bits Bits) ([]byte, error) {
	d := &decoder{method: method, word: uint(bits), in: in, size: size, last: 1}
	if err := d.run(); err != nil {
		return d.out, err
	}
	if len(d.out) != size {
		return d.out, archive.Damage(fmt.Sprintf("NRV: %d bytes of %d", len(d.out), size))
	}
	return d.out, nil
}

func (d *decoder) bit() uint32 {
	if d.left == 0 {
		var p [4]byte
		n := int(d.word / 8)
		if copied := copy(p[:n], d.in[min(d.at, len(d.in)):]); copied < n {
			d.cut = true
			return 1 // which ends every loop over bits
		}
		d.at += n
		d.acc, d.left = binary.LittleEndian.Uint32(p[:]), d.word
	}
	d.left--
	return d.acc >> d.left & 1
}

func (d *decoder) byte() uint32 {
	if d.at >= len(d.in) {
		d.cut = true
		return 0
	}
	d.at++
	return uint32(d.in[d.at-1])
}

func (d *decoder) run() error {
	for {
		for d.bit() == 1 {
			b := d.byte()
			if d.cut {
				return errCut
			}
			if len(d.out) >= d.size {
				return errTooMuch
			}
			d.out = append(d.out, byte(b))
		}
		distance, lengthBit, done, err := d.distance()
		if err != nil || done {
			return err
		}
		length, err := d.length(lengthBit, distance)
		if err != nil {
			return err
		}
		if err := d.copyMatch(distance, length); err != nil {
			return err
		}
	}
}

// distance reads the distance of a match. D and E have a bit of the length in it.
func (d *decoder) distance() (distance int, lengthBit uint32, done bool, err error) {
	v := uint32(1)
	for n := 0; ; n++ {
		v = v<<1 + d.bit()
		if d.bit() == 1 {
			break
		}
		if d.method != B {
			v = (v-1)<<1 + d.bit()
		}
		if n > 32 {
			return 0, 0, false, errNumber
		}
	}
	if v == 2 {
		if d.method != B {
			lengthBit = d.bit()
		}
		return d.last, lengthBit, false, d.verdict()
	}
	v = (v-3)<<8 + d.byte()
	if d.cut {
		return 0, 0, false, errCut
	}
	if v == end {
		return 0, 0, true, nil
	}
	if d.method != B {
		lengthBit = ^v & 1
		v >>= 1
	}
	if v >= 1<<31-1 {
		return 0, 0, false, errNumber
	}
	d.last = int(v) + 1
	return d.last, lengthBit, false, nil
}

// length reads the length of a match.
func (d *decoder) length(first uint32, distance int) (int, error) {
	n := uint32(0)
	var err error
	switch {
	case d.method == E && first == 1:
		n = 1 + d.bit()
	case d.method == E && d.bit() == 1:
		n = 3 + d.bit()
	case d.method == E:
		n, err = d.long(3)
	default:
		if d.method == B {
			first = d.bit()
		}
		if n = first<<1 + d.bit(); n == 0 {
			n, err = d.long(2)
		}
	}
	far := 0x500
	if d.method == B {
		far = 0xd00
	}
	if distance > far {
		n++
	}
	if err == nil {
		err = d.verdict()
	}
	return int(n) + 1, err
}

// long reads the length of a long match.
func (d *decoder) long(base uint32) (uint32, error) {
	v := uint32(1)
	for {
		v = v<<1 + d.bit()
		if d.bit() == 1 {
			return v + base, nil
		}
		if v >= 1<<30 {
			return 0, errNumber
		}
	}
}

func (d *decoder) verdict() error {
	if d.cut {
		return errCut
	}
	return nil
}

func (d *decoder) copyMatch(distance, length int) error {
	if distance > len(d.out) {
		return errDistance
	}
	if length > d.size-len(d.out) {
		return errTooMuch
	}
	from := len(d.out) - distance
	for i := range length {
		d.out = append(d.out, d.out[from+i])
	}
	return nil
}
