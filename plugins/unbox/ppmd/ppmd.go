// Package ppmd reads PPMd in variant I, revision 1, which zip calls method 98.
//
// PKWARE's APPNOTE 6.3.10 describes the header (5.10), and Shkarin's "PPM: one step to practicality" (Data Compression Conference 2002) the
// method: each byte is coded by how often it came after the last few bytes, from the longest context that is known to ever shorter ones. The
// constants stand nowhere but in programs. So does the order in which memory is taken, which matters since contexts are dropped when it is full.
//
// reader.go has the decoding of a byte, model.go what is learned from it, memory.go where that is kept.
package ppmd

import (
	"encoding/binary"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

// HeaderBytes are in front of the data.
const HeaderBytes = 2

// What becomes of the contexts when the memory is full (5.10.3).
const (
	restart = 0 // all are dropped
	cutOff  = 1 // those that were used least are
)

// Header says how data is coded.
type Header struct {
	order   int   // bytes of the longest context
	Memory  int64 // bytes that the contexts have
	restore int
}

func damaged(what string) error { return fmt.Errorf("PPMd: %s: %w", what, archive.ErrDamaged) }

// ReadHeader reads the header of an entry.
func ReadHeader(in io.Reader) (h Header, err error) {
	var b [HeaderBytes]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return h, io.ErrUnexpectedEOF
	}
	v := binary.LittleEndian.Uint16(b[:])
	h = Header{order: int(v&15) + 1, Memory: int64(v>>4&255+1) << 20, restore: int(v >> 12)}
	if h.order < 2 || h.restore > cutOff { // there is a third, which nothing but its author's program writes
		return h, damaged("there is no such way to code")
	}
	return h, nil
}
