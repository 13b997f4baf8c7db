package index

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// A set of documents is kept in pieces of 8,192 documents, so that a row is at most a kilobyte and stays in its page. A piece is the shortest of
//
//	0, and for each number in order the distance from the one before (varint; the first from -1), less one
//	1, and pairs of varints: how many numbers are left out, how many are there
//	2, and a bitmap of 1,024 bytes, lowest bit first
const (
	pieceBits  = 13
	pieceSize  = 1 << pieceBits
	pieceWords = pieceSize / 64

	formList   = 0
	formRuns   = 1
	formBitmap = 2
)

var errPiece = errors.New("a set of documents is damaged")

// piece is a set of numbers below pieceSize.
type piece [pieceWords]uint64

func (p *piece) count() int { return int(bitset(p[:]).count()) }

// encode returns the shortest form, nil for none.
func (p *piece) encode() []byte {
	n, runs := 0, 0
	last := uint64(0) // whether the bit before is set
	for _, w := range p {
		n += bits.OnesCount64(w)
		runs += bits.OnesCount64(w &^ (w<<1 | last))
		last = w >> 63
	}
	if n == 0 {
		return nil
	}
	if n > pieceSize/8 && runs > pieceSize/16 { // neither list nor runs can be shorter
		return p.bitmap()
	}
	var b []byte
	if 2*runs < n {
		b = p.runs()
	} else {
		b = appendList([]byte{formList}, bitset(p[:]).all())
	}
	if len(b) > 1+pieceWords*8 {
		return p.bitmap()
	}
	return b
}

func (p *piece) bitmap() []byte {
	b := make([]byte, 1, 1+pieceWords*8)
	b[0] = formBitmap
	for _, w := range p {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

func (p *piece) runs() []byte {
	b := []byte{formRuns}
	end := 0 // of the run before
	for from := p.next(0, true); from < pieceSize; {
		to := p.next(from, false)
		b = binary.AppendUvarint(b, uint64(from-end))
		b = binary.AppendUvarint(b, uint64(to-from))
		end = to
		from = p.next(to, true)
	}
	return b
}

// next finds the first number from n on that is in the set, or is not.
func (p *piece) next(n int, in bool) int {
	for n < pieceSize {
		w := p[n>>6]
		if !in {
			w = ^w
		}
		if w >>= n & 63; w != 0 {
			return n + bits.TrailingZeros64(w)
		}
		n = n>>6<<6 + 64
	}
	return pieceSize
}

// appendList writes distances of numbers that come in order.
func appendList(b []byte, numbers func(func(uint32) bool)) []byte {
	last := int64(-1)
	for n := range numbers {
		b = binary.AppendUvarint(b, uint64(int64(n)-last-1))
		last = int64(n)
	}
	return b
}

// decode reads a piece into p, which is empty.
func (p *piece) decode(b []byte) error {
	return readPiece(b, p[:], 0)
}

// readPiece adds the numbers of a piece, which begins at base, to a set that has at least a piece's numbers from there on or ends before;
// what is beyond its end is left out.
func readPiece(b []byte, into bitset, base uint32) error {
	if len(b) == 0 {
		return errPiece
	}
	form, b := b[0], b[1:]
	switch form {
	case formList:
		return readList(b, pieceSize, func(n uint32) { into.add(base + n) })
	case formRuns:
		at := uint64(0)
		for len(b) > 0 {
			gap, n := binary.Uvarint(b)
			if n <= 0 {
				return errPiece
			}
			length, m := binary.Uvarint(b[n:])
			if m <= 0 || gap > pieceSize || length > pieceSize || at+gap+length > pieceSize {
				return errPiece
			}
			b = b[n+m:]
			at += gap
			into.addRange(base+uint32(at), base+uint32(at+length))
			at += length
		}
		return nil
	case formBitmap:
		if len(b) != pieceWords*8 {
			return errPiece
		}
		for i := range pieceWords {
			if w := int(base>>6) + i; w < len(into) {
				into[w] |= binary.LittleEndian.Uint64(b[8*i:])
			}
		}
		return nil
	}
	return errPiece
}

// addRange adds the numbers from from to before to.
func (b bitset) addRange(from, to uint32) {
	to = min(to, uint32(len(b))*64)
	for from < to {
		w, low := from>>6, from&63
		n := min(64-low, to-from)
		b[w] |= (^uint64(0) >> (64 - n)) << low
		from += n
	}
}

// readList calls fn with the numbers of a list, all below limit.
func readList(b []byte, limit uint64, fn func(uint32)) error {
	next := uint64(0)
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		if n <= 0 || gap >= limit || next+gap >= limit {
			return errPiece
		}
		b = b[n:]
		fn(uint32(next + gap))
		next += gap + 1
	}
	return nil
}
