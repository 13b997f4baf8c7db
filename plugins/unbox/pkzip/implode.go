package pkzip

import (
	"bufio"
	"io"

	"lazuli/plugins/unbox/huffman"
)

// Flags of an entry whose method is Implode (4.4.4).
const (
	implodeLarge    = 1 << 1 // distances of up to 8 KiB, else 4 KiB
	implodeLiterals = 1 << 2 // there is a code for literals
)

const implodeLongest = 63 // from this length on, eight bits say how much longer

// implode is a match finder whose output is coded by two or three codes of Shannon and Fano (5.3).
type implode struct {
	stream
	flags                        uint16
	lowBits                      uint // of a distance that are not coded
	literals, lengths, distances huffman.Table
	started                      bool
}

// NewImplode reads data of method 6; flags are those of the entry.
func NewImplode(in *bufio.Reader, flags uint16, size int64) io.Reader {
	r := &implode{stream: newStream(in, size), flags: flags, lowBits: 6}
	if flags&implodeLarge != 0 {
		r.lowBits = 7
	}
	r.step = r.one
	return r
}

func (r *implode) begin() error {
	r.started = true
	if r.flags&implodeLiterals != 0 {
		if err := r.table(&r.literals, 256); err != nil {
			return err
		}
	}
	if err := r.table(&r.lengths, 64); err != nil {
		return err
	}
	return r.table(&r.distances, 64)
}

// table reads the lengths of a code's symbols (5.3.7).
func (r *implode) table(t *huffman.Table, symbols int) error {
	runs, err := r.bits(8)
	if err != nil {
		return err
	}
	lengths := make([]uint8, 0, symbols)
	space := 0 // that codes take, in 65,536ths
	for range runs + 1 {
		run, err := r.bits(8)
		if err != nil {
			return err
		}
		length := run&15 + 1
		for range run>>4 + 1 {
			if len(lengths) == symbols {
				return damaged("a code has too many symbols")
			}
			lengths = append(lengths, uint8(length))
			space += 1 << (huffman.MaxBits - length)
		}
	}
	if len(lengths) != symbols || space != 1<<huffman.MaxBits {
		return damaged("a code is not complete")
	}
	return t.Build(lengths)
}

// symbol decodes a symbol. The codes begin with the longest and the last symbol, so that of a complete code the bits turned over are those of
// one that begins with the shortest and the first.
func (r *implode) symbol(t *huffman.Table) (int, error) {
	code := uint16(0)
	for n := 1; n <= huffman.MaxBits; n++ {
		bit, err := r.bits(1)
		if err != nil {
			return 0, err
		}
		code |= uint16(1-bit) << (huffman.MaxBits - n)
		if symbol, length := t.Decode(code); length == n {
			return symbol, nil
		}
	}
	return 0, damaged("a code stands for nothing")
}

// one decodes a byte or a match.
func (r *implode) one() error {
	if !r.started {
		if err := r.begin(); err != nil {
			return err
		}
	}
	literal, err := r.bits(1)
	if err != nil {
		return err
	}
	if literal == 1 {
		return r.literal()
	}
	low, err := r.bits(r.lowBits)
	if err != nil {
		return err
	}
	high, err := r.symbol(&r.distances)
	if err != nil {
		return err
	}
	length, err := r.symbol(&r.lengths)
	if err != nil {
		return err
	}
	if length == implodeLongest {
		more, err := r.bits(8)
		if err != nil {
			return err
		}
		length += more
	}
	shortest := 2
	if r.flags&implodeLiterals != 0 {
		shortest = 3
	}
	r.repeat(high<<r.lowBits+low+1, length+shortest)
	return nil
}

func (r *implode) literal() (err error) {
	c := 0
	if r.flags&implodeLiterals != 0 {
		c, err = r.symbol(&r.literals)
	} else {
		c, err = r.bits(8)
	}
	if err == nil {
		r.emit(byte(c))
	}
	return err
}
