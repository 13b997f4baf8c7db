// Package branch undoes the filters that make machine code compress better: in calls and jumps they replace the distance by the address, so
// that calls of one function look the same. 7z and xz have them in front of their compression.
//
// A filter never fails; what is no machine code comes out as something else, as it went in. Begin with New.
package branch

import (
	"encoding/binary"
	"io"
)

// convert undoes a filter in b, which begins at address at, and returns how many bytes are done: the rest is the beginning of something.
type convert func(b []byte, at uint32) int

// A Kind is the machine whose code was filtered.
type Kind int

// The kinds of code that are known.
const (
	X86 Kind = iota
	PowerPC
	IA64
	ARM
	ARMThumb
	SPARC
	ARM64
)

// New undoes a filter over r, which begins at address start.
func New(kind Kind, r io.Reader, start uint32) io.Reader {
	f := &filter{r: r, at: start}
	switch kind {
	case X86:
		f.convert = new(x86).convert
	case PowerPC:
		f.convert = powerPC
	case IA64:
		f.convert = ia64
	case ARM:
		f.convert = arm
	case ARMThumb:
		f.convert = armThumb
	case SPARC:
		f.convert = sparc
	case ARM64:
		f.convert = arm64
	}
	return f
}

// Alignment is what the start address must be a multiple of.
func (k Kind) Alignment() uint32 {
	return [...]uint32{X86: 1, PowerPC: 4, IA64: 16, ARM: 4, ARMThumb: 2, SPARC: 4, ARM64: 4}[k]
}

// filter runs a convert over a stream.
type filter struct {
	r       io.Reader
	convert convert
	at      uint32 // address of what comes next in buf
	buf     [16 << 10]byte
	from    int // given out up to here
	done    int // converted up to here
	to      int // read up to here
	err     error
}

func (f *filter) Read(p []byte) (int, error) {
	for f.from == f.done {
		if f.err != nil {
			return 0, f.err
		}
		f.fill()
	}
	n := copy(p, f.buf[f.from:f.done])
	f.from += n
	return n, nil
}

// fill reads more and converts it. At the end the rest is given out as it is.
func (f *filter) fill() {
	f.to = copy(f.buf[:], f.buf[f.done:f.to])
	f.from, f.done = 0, 0
	n, err := f.r.Read(f.buf[f.to:])
	f.to += n
	f.done = f.convert(f.buf[:f.to], f.at)
	f.at += uint32(f.done)
	if err != nil {
		f.done, f.err = f.to, err
	}
}

// x86 undoes the filter for calls and jumps with 32 bits: E8 and E9. An address is only there if its highest byte is 0 or FF.
type x86 struct {
	// recent tells which of the last three bytes were opcodes whose operands were left alone, bit 0 being the last byte.
	recent uint32
}

func (f *x86) convert(b []byte, at uint32) int {
	i := 0
	for i+5 <= len(b) {
		if b[i]&0xfe != 0xe8 {
			f.recent = f.recent << 1 & 7
			i++
			continue
		}
		if f.operand(b[i+1:i+5], at+uint32(i)+5) {
			f.recent = 0
			i += 5
			continue
		}
		f.recent = f.recent<<1&7 | 1
		i++
	}
	return i
}

// operand converts the operand in front of address next, if it was converted by the filter.
func (f *x86) operand(b []byte, next uint32) bool {
	extends := func(c byte) bool { return c == 0 || c == 0xff }
	// overlap is how many bytes of the operand belong to that of an opcode before.
	overlap := [8]int{0, 1, 2, -1, 3, -1, -1, -1}[f.recent]
	if overlap < 0 || overlap > 0 && extends(b[3-overlap]) || !extends(b[3]) {
		return false
	}
	address := binary.LittleEndian.Uint32(b)
	distance := address - next
	for overlap > 0 && extends(byte(distance>>(24-8*overlap))) {
		// The filter does not write what would look like the end of an operand there; it wrote the complement.
		address = distance ^ (1<<(32-8*overlap) - 1)
		distance = address - next
	}
	distance = distance&0x1ffffff | -(distance>>24&1)<<25 // the sign is bit 24
	binary.LittleEndian.PutUint32(b, distance)
	return true
}

func powerPC(b []byte, at uint32) int {
	i := 0
	for ; i+4 <= len(b); i += 4 {
		if w := binary.BigEndian.Uint32(b[i:]); w&0xfc000003 == 0x48000001 { // bl
			binary.BigEndian.PutUint32(b[i:], 0x48000001|(w-at-uint32(i))&0x03fffffc)
		}
	}
	return i
}

func arm(b []byte, at uint32) int {
	i := 0
	for ; i+4 <= len(b); i += 4 {
		if w := binary.LittleEndian.Uint32(b[i:]); w>>24 == 0xeb { // bl
			binary.LittleEndian.PutUint32(b[i:], 0xeb000000|(w-(at+uint32(i)+8)>>2)&0xffffff)
		}
	}
	return i
}

func armThumb(b []byte, at uint32) int {
	i := 0
	for ; i+4 <= len(b); i += 2 {
		high, low := uint32(binary.LittleEndian.Uint16(b[i:])), uint32(binary.LittleEndian.Uint16(b[i+2:]))
		if high&0xf800 != 0xf000 || low&0xf800 != 0xf800 { // bl, in two halves
			continue
		}
		distance := (high&0x7ff<<11 | low&0x7ff) - (at+uint32(i)+4)>>1
		binary.LittleEndian.PutUint16(b[i:], uint16(0xf000|distance>>11&0x7ff))
		binary.LittleEndian.PutUint16(b[i+2:], uint16(0xf800|distance&0x7ff))
		i += 2
	}
	return i
}

func sparc(b []byte, at uint32) int {
	i := 0
	for ; i+4 <= len(b); i += 4 {
		w := binary.BigEndian.Uint32(b[i:])
		if w>>22 != 0x100 && w>>22 != 0x1ff { // call, with an address of 23 bits
			continue
		}
		distance := w - (at+uint32(i))>>2
		sign := -(distance >> 22 & 1)
		binary.BigEndian.PutUint32(b[i:], 0x40000000|sign<<22&0x3fffffff|distance&0x3fffff)
	}
	return i
}

func arm64(b []byte, at uint32) int {
	i := 0
	for ; i+4 <= len(b); i += 4 {
		w, here := binary.LittleEndian.Uint32(b[i:]), at+uint32(i)
		switch {
		case w>>26 == 0x25: // bl
			w = 0x94000000 | (w-here>>2)&0x03ffffff
		case w&0x9f000000 == 0x90000000: // adrp, if the page is near
			page := w>>29&3 | w>>3&0x1ffffc
			if (page+0x20000)&0x1c0000 != 0 {
				continue
			}
			page -= here >> 12
			w = w&0x9000001f | page&3<<29 | page&0x3fffc<<3 | -(page&0x20000)&0xe00000
		default:
			continue
		}
		binary.LittleEndian.PutUint32(b[i:], w)
	}
	return i
}

// ia64Slots tells by the template of a bundle which of its three instructions may be branches.
var ia64Slots = [32]byte{16: 4, 17: 4, 18: 6, 19: 6, 22: 7, 23: 7, 24: 4, 25: 4, 28: 4, 29: 4}

func ia64(b []byte, at uint32) int {
	i := 0
	for ; i+16 <= len(b); i += 16 {
		slots := ia64Slots[b[i]&0x1f]
		for slot := range 3 {
			if slots>>slot&1 == 0 {
				continue
			}
			bit := 5 + 41*slot // an instruction has 41 bits; it lies within six bytes
			raw := b[i+bit/8 : i+bit/8+6]
			var all uint64
			for k, c := range raw {
				all |= uint64(c) << (8 * k)
			}
			instruction := all >> (bit % 8)
			if instruction>>37&0xf != 5 || instruction>>9&7 != 0 { // br.call
				continue
			}
			address := uint32(instruction>>13&0xfffff) | uint32(instruction>>36&1)<<20
			distance := uint64(address<<4-(at+uint32(i))) >> 4
			instruction = instruction&^(0x8fffff<<13) | distance&0xfffff<<13 | distance&0x100000<<16
			all = all&(1<<(bit%8)-1) | instruction<<(bit%8)
			for k := range raw {
				raw[k] = byte(all >> (8 * k))
			}
		}
	}
	return i
}
