package digest

import (
	"math"
	"math/bits"
	"strconv"
)

// ssdeep computes the context-triggered piecewise hash of a stream (Kornblum, "Identifying almost identical files using
// context triggered piecewise hashing", 2006, after Tridgell's spamsum): a rolling hash over seven bytes says where pieces
// end, a hash of each piece makes one letter. The distance of ends, the block size 3·2^level, should give 32 to 64 letters,
// which only the end of the stream tells. So all levels that may still be wanted are hashed side by side, in lanes of a
// machine word. The zero value has seen nothing.
type ssdeep struct {
	size   int64
	window [windowBytes]byte // the last bytes, oldest first

	// The rolling hash is the sum of three: the sum of the bytes in the window, their sum with the newest weighted by seven and
	// the oldest by one, and their exclusive or with each five bits further left than the next. It is kept in these parts:
	plain   uint32 // the first
	sums    uint32 // the first two together
	shifted uint32 // the third

	// Levels from low to end-1 are kept. A lower one would never be chosen any more. The one at end-1 has not ended a piece
	// yet, and neither would the ones above: they are copies of it when it does.
	low, end int
	levels   [ssdeepLevels]ssdeepLevel
	pieces   lanes // the hash of the current piece of level low+i in lane i
	halves   lanes // the same for the shorter signature, of levels that have more letters than that takes
	split    int   // how many levels from low on may have lanes in halves, 0 for none
}

const (
	windowBytes     = 7
	minBlockSize    = 3
	signatureLength = 64
	halfLength      = signatureLength / 2

	// ssdeepLevels are one more than those that can be chosen: the rolling hash has 32 bits, so the last one never ends a piece.
	ssdeepLevels = 32

	// A piece is hashed with FNV-1 and a start of spamsum's own. Only six bits of it are ever looked at, and the higher ones do not
	// change them.
	pieceMask = 63
	pieceInit = 0x28021967 & pieceMask

	base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)

// maxSSDeepSize is the largest stream that has a block size, in bytes: 192 GiB.
const maxSSDeepSize = int64(minBlockSize) << (ssdeepLevels - 2) * signatureLength

// ssdeepLevel is the signature at one block size.
type ssdeepLevel struct {
	letters  [signatureLength - 1]byte
	count    int  // of letters
	tail     byte // the piece that ended last after letters was full, 0 for none: it goes on to the next end
	halfTail byte // the same for the shorter signature
}

func blockSize(level int) int64 { return minBlockSize << level }

// Write hashes p. It never fails.
func (s *ssdeep) Write(p []byte) (int, error) {
	if s.end == 0 {
		s.end = 1
		s.pieces.set(0, pieceInit)
	}
	n := len(p)
	head := min(n, windowBytes)
	s.run(s.window[:head], p[:head])
	s.run(p[:n-head], p[head:])
	copy(s.window[:], s.window[head:])
	copy(s.window[windowBytes-head:], p[n-head:])
	return n, nil
}

// run hashes p. old[i] is the byte that leaves the window when p[i] enters.
func (s *ssdeep) run(old, p []byte) {
	for len(p) > 0 {
		var n int
		if s.split > 0 || s.end-s.low > lanesPerWord {
			n = s.scanAll(old, p)
		} else {
			n = s.scan(old, p)
		}
		s.size += int64(n)
		old, p = old[n:], p[n:]
		if x := s.rolling() + 1; x != 0 && x&(1<<s.low-1) == 0 && isMultipleOf3(x) {
			s.endPieces(x)
		}
	}
}

func (s *ssdeep) rolling() uint32 { return s.sums + s.shifted }

// scan hashes p up to the first byte that ends a piece, or all of it, and returns how much. It is for as many levels as a word
// has lanes, which is how many there mostly are: the lowest ends a piece some 64 times, the highest never.
func (s *ssdeep) scan(old, p []byte) int {
	old = old[:len(p)]
	plain, sums, shifted := s.plain, s.sums+1, s.shifted
	w := s.pieces[0]
	mask := uint32(1)<<s.low - 1
	n := len(p)
	for i, c := range p {
		change := uint32(c) - uint32(old[i])
		sums += windowBytes*uint32(c) + change - plain
		plain += change
		shifted = shifted<<5 ^ uint32(c)
		w = next(w, c)
		if x := sums + shifted; x&mask == 0 && isMultipleOf3(x) {
			n = i + 1
			break
		}
	}
	s.plain, s.sums, s.shifted = plain, sums-1, shifted
	s.pieces[0] = w
	return n
}

// scanAll is scan for any number of levels.
func (s *ssdeep) scanAll(old, p []byte) int {
	old = old[:len(p)]
	plain, sums, shifted := s.plain, s.sums+1, s.shifted
	mask := uint32(1)<<s.low - 1
	pieces := s.pieces[:(s.end-s.low+lanesPerWord-1)/lanesPerWord]
	halves := s.halves[:(s.split+lanesPerWord-1)/lanesPerWord]
	n := len(p)
	for i, c := range p {
		change := uint32(c) - uint32(old[i])
		sums += windowBytes*uint32(c) + change - plain
		plain += change
		shifted = shifted<<5 ^ uint32(c)
		for j, w := range pieces {
			pieces[j] = next(w, c)
		}
		for j, w := range halves {
			halves[j] = next(w, c)
		}
		if x := sums + shifted; x&mask == 0 && isMultipleOf3(x) {
			n = i + 1
			break
		}
	}
	s.plain, s.sums, s.shifted = plain, sums-1, shifted
	return n
}

// isMultipleOf3 multiplies with the inverse of three, which takes its multiples, and no others, to the lowest third of all numbers.
func isMultipleOf3(x uint32) bool { return x*0xAAAAAAAB <= math.MaxUint32/3 }

// endPieces ends the current piece of all levels whose block size divides x, the rolling hash plus one.
func (s *ssdeep) endPieces(x uint32) {
	for i := s.low; i < s.end && i <= bits.TrailingZeros32(x); i++ {
		level, lane := &s.levels[i], i-s.low
		piece := s.pieces.at(lane)
		if level.count == 0 && s.end < ssdeepLevels { // so that i is s.end-1
			s.pieces.set(lane+1, piece)
			s.end++
		}
		switch {
		case level.count == halfLength-1:
			level.halfTail = base64Letters[piece]
			s.halves.set(lane, piece)
		case level.count >= halfLength:
			level.halfTail = base64Letters[s.halves.at(lane)]
		}
		if level.count == len(level.letters) {
			level.tail = base64Letters[piece]
			continue
		}
		level.letters[level.count] = base64Letters[piece]
		level.count++
		s.pieces.set(lane, pieceInit)
	}
	for s.size > blockSize(s.low)*signatureLength && s.levels[s.low+1].count >= halfLength {
		s.low++
		s.pieces.drop()
		s.halves.drop()
	}
	s.split = 0
	for i := s.low + 1; i < s.end && s.levels[i].count >= halfLength; i++ { // a higher level has fewer letters
		s.split = i - s.low + 1
	}
}

// String returns the signature of what was written so far, "" when it is more than maxSSDeepSize.
func (s *ssdeep) String() string {
	switch {
	case s.size == 0:
		return "3::"
	case s.size > maxSSDeepSize:
		return ""
	}
	level := s.low
	for level < s.end-1 && blockSize(level)*signatureLength < s.size {
		level++
	}
	for level > s.low && s.levels[level].count < halfLength {
		level--
	}
	text := strconv.AppendInt(nil, blockSize(level), 10)
	text = append(text, ':')
	text = s.appendLetters(text, level)
	text = append(text, ':')
	text = s.appendHalf(text, min(level+1, s.end-1)) // the level itself only when no piece has ended
	return string(text)
}

func (s *ssdeep) appendLetters(text []byte, i int) []byte {
	level := &s.levels[i]
	text = append(text, level.letters[:level.count]...)
	switch {
	case s.rolling() != 0:
		text = append(text, base64Letters[s.pieces.at(i-s.low)])
	case level.tail != 0:
		text = append(text, level.tail)
	}
	return text
}

func (s *ssdeep) appendHalf(text []byte, i int) []byte {
	level := &s.levels[i]
	if level.count < halfLength {
		return s.appendLetters(text, i)
	}
	text = append(text, level.letters[:halfLength-1]...)
	if s.rolling() != 0 {
		return append(text, base64Letters[s.halves.at(i-s.low)])
	}
	return append(text, level.halfTail)
}

// lanes are hashes of six bits, eight in a word, so that a few instructions take all of them a byte further.
type lanes [ssdeepLevels / lanesPerWord]uint64

const (
	laneBits     = 8
	lanesPerWord = 8
	everyLane    = 0x0101010101010101
)

// next takes each lane of w, whose hashes have six bits, a byte further: times the prime of FNV, 0x01000193, which is 19 in six
// bits, and exclusive or with the byte. Of the product 3·h + 16·h the second part needs only the two bits of h that end up below
// 64, so that the sum stays inside its lane: 3·63 + 16·3 = 237.
func next(w uint64, c byte) uint64 {
	product := w*3 + w&(3*everyLane)<<4
	return (product ^ uint64(c)*everyLane) & (pieceMask * everyLane)
}

func (l *lanes) at(i int) uint64 {
	return l[i/lanesPerWord] >> (i % lanesPerWord * laneBits) & pieceMask
}

func (l *lanes) set(i int, hash uint64) {
	shift := i % lanesPerWord * laneBits
	word := &l[i/lanesPerWord]
	*word = *word&^(pieceMask<<shift) | hash<<shift
}

// drop removes lane 0; the others move down.
func (l *lanes) drop() {
	for i := range l {
		l[i] >>= laneBits
		if i+1 < len(l) {
			l[i] |= l[i+1] & pieceMask << ((lanesPerWord - 1) * laneBits)
		}
	}
}
