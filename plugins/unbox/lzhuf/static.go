package lzhuf

import (
	"io"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/huffman"
)

const (
	minMatch      = 3
	codeSymbols   = 256 + 256 - minMatch + 1 // literals, and lengths up to 256
	lengthSymbols = 19
	mostSlots     = 17
	arjWindowBits = 15 // ARJ looks back 26,624 bytes
)

// NewLH decompresses -lh4-, -lh5-, -lh6- and -lh7- of LHA, which have windows of 12, 13, 15 and 16 bits.
func NewLH(r io.Reader, size int64, windowBits int) *Reader {
	s := &static{slots: windowBits + 1, slotBits: 4}
	if windowBits < 14 {
		s.slots = 14 // both have it
	} else {
		s.slotBits = 5
	}
	return newReader(r, size, windowBits, s, spaces)
}

// NewARJ decompresses methods 1 to 3 of ARJ.
func NewARJ(r io.Reader, size int64) *Reader {
	return newReader(r, size, arjWindowBits, &static{slots: mostSlots, slotBits: 5}, nil)
}

// tree is a code, or one symbol that takes no bits.
type tree struct {
	table huffman.Table
	only  int // -1 if there is a table
}

func (t *tree) symbol(b *bits) (int, error) {
	if t.only >= 0 {
		return t.only, nil
	}
	symbol, n := t.table.Decode(b.peek16())
	if n == 0 {
		return 0, errCode
	}
	b.skip(n)
	return symbol, nil
}

// static is data in blocks of some tokens, each with its own trees.
type static struct {
	slots, slotBits int
	left            int // tokens of the block
	lengths         tree
	codes           tree
	distances       tree
}

func (s *static) token(b *bits) (token, error) {
	if s.left == 0 {
		if err := s.block(b); err != nil {
			return token{}, err
		}
	}
	s.left--
	code, err := s.codes.symbol(b)
	if err != nil || code < 256 {
		return token{literal: byte(code)}, err
	}
	slot, err := s.distances.symbol(b)
	if err != nil {
		return token{}, err
	}
	distance := slot
	if slot > 1 {
		distance = 1<<(slot-1) + b.read(slot-1)
	}
	return token{length: code - 256 + minMatch, distance: distance + 1}, nil
}

// block reads the beginning of a block.
func (s *static) block(b *bits) error {
	s.left = b.read(16)
	if err := b.verdict(); err != nil {
		return err
	}
	if s.left == 0 {
		s.left = 1 << 16 // a counter of 16 bits goes around
	}
	if err := s.readLengths(b, &s.lengths, lengthSymbols, 5, 3); err != nil {
		return err
	}
	if err := s.readCodes(b); err != nil {
		return err
	}
	return s.readLengths(b, &s.distances, s.slots, s.slotBits, -1)
}

// readLengths reads a tree of few symbols: lengths of three bits or, from seven on, as many ones more as they are longer. Behind some
// of them, zeros are counted.
func (s *static) readLengths(b *bits, t *tree, symbols, bits, zerosBehind int) error {
	n := b.read(bits)
	t.only = -1
	if n == 0 {
		t.only = min(b.read(bits), symbols-1)
		return nil
	}
	if n > symbols {
		return errLengths
	}
	var lens [32]uint8
	for i := 0; i < n; {
		length := b.read(3)
		for length >= 7 && b.read(1) == 1 {
			if length++; length > huffman.MaxBits {
				return errCode
			}
		}
		lens[i] = uint8(length)
		i++
		if i == zerosBehind {
			if i += b.read(2); i > n {
				return errLengths
			}
		}
	}
	if err := b.verdict(); err != nil {
		return err
	}
	if err := t.table.Build(lens[:symbols]); err != nil {
		return archive.Damage("the compressed data: " + err.Error())
	}
	return nil
}

// readCodes reads the tree of literals and lengths.
func (s *static) readCodes(b *bits) error {
	n := b.read(9)
	s.codes.only = -1
	if n == 0 {
		s.codes.only = min(b.read(9), codeSymbols-1)
		return nil
	}
	if n > codeSymbols {
		return errLengths
	}
	var lens [codeSymbols]uint8
	for i := 0; i < n; {
		symbol, err := s.lengths.symbol(b)
		if err != nil {
			return err
		}
		zeros := 0
		switch symbol {
		case 0:
			zeros = 1
		case 1:
			zeros = 3 + b.read(4)
		case 2:
			zeros = 20 + b.read(9)
		default:
			lens[i] = uint8(symbol - 2)
			i++
		}
		if i += zeros; i > n {
			return errLengths
		}
	}
	if err := b.verdict(); err != nil {
		return err
	}
	if err := s.codes.table.Build(lens[:]); err != nil {
		return archive.Damage("the compressed data: " + err.Error())
	}
	return nil
}
