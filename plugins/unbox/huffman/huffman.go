// Package huffman decodes the canonical Huffman codes of LZX, LZH, ARJ and their kin: codes of up to 16 bits, read from the
// most significant bit on, shorter codes before longer ones and, among codes of one length, smaller symbols first.
package huffman

import "errors"

const (
	// MaxBits is the length of the longest code.
	MaxBits = 16
	// MaxSymbols is how many symbols a table may have.
	MaxSymbols = 1 << 11 // a symbol and the length of its code share 16 bits in a table

	fastBits = 9 // codes of up to this length take one look into a table; that is most of them
)

var (
	errTooMany  = errors.New("a Huffman code has more codes than its lengths allow")
	errTooLong  = errors.New("a Huffman code is longer than 16 bits")
	errTooLarge = errors.New("a Huffman code has too many symbols")
)

// Table decodes one code. The zero Table has no codes.
type Table struct {
	fast    [1 << fastBits]uint16 // symbol<<5 | length, by the next bits of input; 0 for longer codes and for none
	limit   [MaxBits + 1]uint32   // codes of a length, shifted up to 16 bits, are below this
	first   [MaxBits + 1]uint32   // the first code of a length, likewise
	offset  [MaxBits + 1]int      // where the symbols of a length begin
	symbols []uint16              // in the order of their codes
}

// Build makes the table for the lengths of all symbols' codes, 0 for a symbol that is not used. A code that leaves some bit
// patterns without a meaning is taken: Decode does not know them.
func (t *Table) Build(lengths []uint8) error {
	if len(lengths) > MaxSymbols {
		return errTooLarge
	}
	var counts [MaxBits + 1]int
	for _, n := range lengths {
		if n > MaxBits {
			return errTooLong
		}
		counts[n]++
	}
	counts[0] = 0
	code, total := uint32(0), 0
	for n := 1; n <= MaxBits; n++ {
		t.first[n], t.offset[n] = code, total
		code += uint32(counts[n]) << (MaxBits - n)
		t.limit[n] = code
		total += counts[n]
		if code > 1<<MaxBits {
			*t = Table{}
			return errTooMany
		}
	}
	if cap(t.symbols) < total {
		t.symbols = make([]uint16, total)
	}
	t.symbols = t.symbols[:total]
	next := t.offset
	for symbol, n := range lengths {
		if n > 0 {
			t.symbols[next[n]] = uint16(symbol)
			next[n]++
		}
	}
	t.fill()
	return nil
}

// fill makes the table of short codes.
func (t *Table) fill() {
	clear(t.fast[:])
	for n := 1; n <= fastBits; n++ {
		span := 1 << (fastBits - n)
		at := int(t.first[n] >> (MaxBits - fastBits))
		count := int(t.limit[n]-t.first[n]) >> (MaxBits - n)
		for _, symbol := range t.symbols[t.offset[n] : t.offset[n]+count] {
			for i := range span {
				t.fast[at+i] = symbol<<5 | uint16(n)
			}
			at += span
		}
	}
}

// Decode returns the symbol whose code the next 16 bits of input begin with, and the length of that code in bits: 0 if there is
// no such code.
func (t *Table) Decode(next uint16) (symbol, length int) {
	if e := t.fast[next>>(MaxBits-fastBits)]; e != 0 {
		return int(e >> 5), int(e & 31)
	}
	for n := fastBits + 1; n <= MaxBits; n++ {
		if c := uint32(next); c < t.limit[n] && c >= t.first[n] {
			return int(t.symbols[t.offset[n]+int((c-t.first[n])>>(MaxBits-n))]), n
		}
	}
	return 0, 0
}

// Empty tells whether no symbol has a code.
func (t *Table) Empty() bool { return len(t.symbols) == 0 }
