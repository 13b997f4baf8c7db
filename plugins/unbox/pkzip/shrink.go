package pkzip

import (
	"bufio"
	"io"
	"slices"
)

const (
	shrinkCodes   = 1 << 13
	shrinkControl = 256 // what follows says what to do
	shrinkWider   = 1   // codes have one bit more
	shrinkClear   = 2   // codes that no other begins with are free again
	shrinkFree    = 1<<16 - 1
)

// shrink is LZW with codes of 9 to 13 bits (5.1).
type shrink struct {
	stream
	width  uint
	prefix [shrinkCodes]uint16 // shrinkFree where there is no code
	suffix [shrinkCodes]byte
	next   int    // no code below it is free
	before int    // the code of last; -1 at the beginning
	last   []byte // what was decoded last
	stack  []byte
}

// NewShrink reads data of method 1.
func NewShrink(in *bufio.Reader, size int64) io.Reader {
	s := &shrink{stream: newStream(in, size), width: 9, next: shrinkControl + 1, before: -1}
	for i := range s.prefix {
		s.prefix[i] = shrinkFree
		s.suffix[i] = byte(i) // of the first 256
	}
	s.step = s.code
	return s
}

// code decodes a code, or does what it says.
func (s *shrink) code() error {
	code, err := s.bits(s.width)
	if err != nil {
		return err
	}
	if code == shrinkControl {
		return s.control()
	}
	for s.next < shrinkCodes && s.prefix[s.next] != shrinkFree {
		s.next++
	}
	switch {
	case code < shrinkControl || s.prefix[code] != shrinkFree:
		if err := s.spell(code); err != nil {
			return err
		}
	case s.before < 0 || code != s.next:
		return damaged("a code stands for nothing")
	default: // it is about to be defined: the last text and its first byte
		s.last = append(s.last, s.last[0])
	}
	for _, c := range s.last {
		s.emit(c)
	}
	if s.before >= 0 && s.next < shrinkCodes {
		// The code before may be free by now, or the new one itself. Then the new one means nothing, until that one is defined again.
		s.prefix[s.next], s.suffix[s.next] = uint16(s.before), s.last[0]
	}
	s.before = code
	return nil
}

// spell makes the text of a code the last one.
func (s *shrink) spell(code int) error {
	s.stack = s.stack[:0]
	for code > shrinkControl {
		if s.prefix[code] == shrinkFree || len(s.stack) == shrinkCodes { // it is free, or begins with itself
			return damaged("a code stands for nothing")
		}
		s.stack = append(s.stack, s.suffix[code])
		code = int(s.prefix[code])
	}
	s.stack = append(s.stack, byte(code))
	slices.Reverse(s.stack)
	s.last, s.stack = s.stack, s.last
	return nil
}

func (s *shrink) control() error {
	what, err := s.bits(s.width)
	switch {
	case err != nil:
		return err
	case what == shrinkWider && s.width < 13:
		s.width++
	case what == shrinkClear:
		s.clear()
	default:
		return damaged("there is no such control code")
	}
	return nil
}

// clear frees the codes that no other code begins with.
func (s *shrink) clear() {
	var begins [shrinkCodes]bool
	for code := shrinkControl + 1; code < shrinkCodes; code++ {
		if s.prefix[code] != shrinkFree {
			begins[s.prefix[code]] = true
		}
	}
	for code := shrinkControl + 1; code < shrinkCodes; code++ {
		if !begins[code] {
			s.prefix[code] = shrinkFree
		}
	}
	s.next = shrinkControl + 1
}
