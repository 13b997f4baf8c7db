package branch

import (
	"encoding/binary"
	"io"
)

// innoBlock is how many bytes Inno Setup filters at a time: what lies across the end of one is left alone.
const innoBlock = 64 << 10

// NewInno undoes the filter for calls and jumps of x86 code that Inno Setup has since 5.2. signed tells that of 5.3.9 and later, which
// turns the highest byte of distances backwards from FF into 0.
func NewInno(r io.Reader, signed bool) io.Reader {
	return &filter{r: r, convert: func(b []byte, at uint32) int { return inno(b, at, signed) }}
}

// inno undoes the filter for E8 and E9. An operand is an address if its highest byte is 0 or FF; the lower three count from the
// beginning of the file.
func inno(b []byte, at uint32, signed bool) int {
	i := 0
	for i+5 <= len(b) {
		if b[i]&0xfe != 0xe8 || innoBlock-(at+uint32(i))%innoBlock < 5 {
			i++
			continue
		}
		operand := b[i+1 : i+5]
		i += 5
		address := binary.LittleEndian.Uint32(operand)
		high := address & 0xff000000
		if high != 0 && high != 0xff000000 {
			continue
		}
		distance := (address - at - uint32(i)) & 0xffffff
		if signed && distance&0x800000 != 0 {
			high ^= 0xff000000
		}
		binary.LittleEndian.PutUint32(operand, high|distance)
	}
	return i
}

// NewInnoOld undoes the filter that Inno Setup had before 5.2: the address of every call and jump counts from the beginning of the file.
// What is left of one at the end of the file was filtered, too.
func NewInnoOld(r io.Reader) io.Reader { return &innoOld{r: r} }

type innoOld struct {
	r       io.Reader
	at      uint32
	address uint32 // what is still to be added to an operand
	left    int    // bytes of it
}

func (f *innoOld) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	for i, c := range p[:n] {
		switch {
		case f.left > 0:
			f.address += uint32(c)
			p[i] = byte(f.address)
			f.address >>= 8
			f.left--
		case c&0xfe == 0xe8:
			f.address, f.left = -(f.at + uint32(i) + 5), 4
		}
	}
	f.at += uint32(n)
	return n, err
}
