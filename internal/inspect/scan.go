package inspect

import (
	"context"
	"math/bits"
	"unicode/utf8"
)

// scanner finds the strings of a file from the left. A string begins where characters of the least length stand, in UTF-8 or
// in UTF-16 of either byte order; of several that begin at one place the longest counts. It goes on as far as it can, but to
// the greatest length at most, and the search goes on behind it. What follows such a cut is a string of its own; if less than
// the least length would be left for that one, it begins so much earlier that it has it. Where a string in UTF-16 begins with
// the last byte of one in UTF-8, that one ends before, unless it would be too short: then both have it.
//
// What is found at an offset or behind it does not depend on what is before, except for two bytes (lookBehind). So a search
// that is ended and begun again at pos finds the same as one that was not.
type scanner struct {
	w *window
	lengths
	pos      int64 // where the search goes on
	to       int64 // strings begin before it
	block    block // where strings may begin, from blockAt on; it is not made yet if it ends at pos or before
	blockAt  int64
	noNarrow int64 // no string in UTF-8 begins before it
}

// lengths are those of strings, in characters.
type lengths struct{ min, max int }

// stretch is a string in the bytes that are seen.
type stretch struct {
	coding     Coding
	start, end int // in the window's buffer
}

// lookBehind is how many bytes before a string may tell its byte order.
const lookBehind = 2

// lookAhead is how many bytes, from the first of a string on, tell where it ends and where the search goes on.
func (l lengths) lookAhead() int { return utf8.UTFMax*(l.min+l.max) + blockBytes }

// newScanner searches for strings that begin in [off, to).
func newScanner(ctx context.Context, src Source, off, to int64, l lengths) (*scanner, error) {
	prepareLetters()
	from, end := max(0, off-lookBehind), min(src.Size(), to+int64(l.lookAhead()))
	if off >= to {
		from, end = off, off
	}
	w, err := openWindow(ctx, src, from, end, lookBehind+l.lookAhead())
	if err != nil {
		return nil, err
	}
	return &scanner{w: w, lengths: l, pos: off, to: to, blockAt: off - blockStarts}, nil
}

// read shows more of the file, or tells that there is nothing left to search.
func (s *scanner) read() (more bool, err error) {
	if s.pos >= s.to {
		return false, nil
	}
	return true, s.w.slide(s.pos - lookBehind)
}

// find returns the next string and moves behind it, or to the end of what can be told from the bytes that are seen.
func (s *scanner) find() (stretch, bool) {
	limit := min(s.to, s.w.end())
	if !s.w.atEnd() {
		limit = min(limit, s.w.end()-int64(s.lookAhead()))
	}
	for s.pos < limit {
		if s.pos >= s.blockAt+blockStarts {
			s.block, s.blockAt = newBlock(s.w.buf[s.pos-s.w.base:], s.min), s.pos
		}
		ahead := (s.block.narrow | s.block.little | s.block.big) >> (s.pos - s.blockAt)
		if ahead == 0 {
			s.pos = min(s.blockAt+blockStarts, limit)
			continue
		}
		s.pos += int64(bits.TrailingZeros64(ahead))
		if s.pos >= limit {
			s.pos = limit
			break
		}
		at := int(s.pos - s.w.base)
		best, resume := s.begins(at)
		if best.end == 0 || best.coding == UTF16BE && s.isLittle(at) {
			s.pos++
			continue
		}
		s.pos = s.w.base + int64(resume)
		return best, true
	}
	return stretch{}, false
}

// begins returns the longest string that begins in the buffer at a place that the block names, and where the search goes on
// behind it; or none, whose end is 0.
func (s *scanner) begins(at int) (best stretch, resume int) {
	bit := uint64(1) << (s.pos - s.blockAt)
	if s.block.narrow&bit != 0 && s.pos >= s.noNarrow {
		r := newRun(UTF8, s.w.buf, at)
		if n := s.skipNarrow(&r); n < s.min {
			s.noNarrow = s.w.base + int64(r.at)
		} else {
			best, resume = s.cut(at, r, n)
		}
	}
	if s.block.little&bit != 0 {
		best, resume = s.longer(best, resume, UTF16LE, at)
	}
	if s.block.big&bit != 0 {
		best, resume = s.longer(best, resume, UTF16BE, at)
	}
	return best, resume
}

// skipNarrow is r.skip(s.max), by what the block knows of text.
func (s *scanner) skipNarrow(r *run) int {
	if !s.block.ascii {
		return r.skip(s.max)
	}
	bit := int(s.pos - s.blockAt)
	n := bits.TrailingZeros64(^(s.block.plain >> bit))
	if n >= s.max {
		n = s.max
	} else if bit+n == blockBytes {
		r.at += n
		return n + r.skip(s.max-n)
	}
	r.at += n
	return n
}

// longer is begins for UTF-16: best, or what is longer.
func (s *scanner) longer(best stretch, resume int, c Coding, at int) (stretch, int) {
	b := s.w.buf
	if at+2*s.min > len(b) || scriptOfUnit(unit(c, b, at)) == notText || !beginsWide(c, b, at, s.min) {
		return best, resume
	}
	if c == UTF16LE && at > 0 && b[at-1] == 0xfe && b[at] == 0xff {
		return best, resume // the byte order mark of what is big-endian
	}
	r := newRun(c, b, at)
	n := r.skip(s.max)
	if r.at <= best.end {
		return best, resume
	}
	return s.cut(at, r, n)
}

// cut returns a string of n characters, and where the search goes on. The run has gone to its end.
func (s *scanner) cut(start int, r run, n int) (found stretch, resume int) {
	found = stretch{r.coding, start, r.at}
	left := 0
	if n == s.max {
		left = r.skip(s.min)
	}
	if left > 0 && left < s.min {
		return found, back(r.coding, r.b, found.end, s.min-left)
	}
	if r.coding == UTF8 && left == 0 && s.endsInWide(found) {
		if n > s.min {
			found.end = back(UTF8, r.b, found.end, 1)
		}
		return found, r.at - 1
	}
	return found, found.end
}

// endsInWide tells whether the last byte of a string in UTF-8, which has gone to its end, is the first of one in UTF-16. Of two
// letters in little-endian the zeros may as well be NULs, the first of them that of a string in UTF-8 that is meant as text.
func (s *scanner) endsInWide(found stretch) bool {
	b, at := s.w.buf, found.end-1
	if twoUnits(UTF16BE, b, at) && beginsWide(UTF16BE, b, at, s.min) {
		return true
	}
	if !twoUnits(UTF16LE, b, at) || !beginsWide(UTF16LE, b, at, s.min) {
		return false
	}
	sameUpper := b[at+1] == b[at+3]
	return sameUpper && b[at+1] != 0 || IsNoise(string(b[found.start:found.end]))
}

// twoUnits tells at once of most places that no string in UTF-16 begins there.
func twoUnits(c Coding, b []byte, at int) bool {
	return at+4 <= len(b) && scriptOfUnit(unit(c, b, at)) != notText && scriptOfUnit(unit(c, b, at+2)) != notText
}

// isLittle tells whether what can be read as big-endian from a place in the buffer on is little-endian from the next byte on.
// Where all upper bytes are the same both have the same characters, except for one at an end. Little-endian is so much more
// frequent that it takes evidence to read it otherwise: one character more, a byte order mark or a character before that it
// goes on from, that only that reading ends in a NUL, or that the other one ends in another character and no NUL. A first
// character with an upper byte of its own, which is no zero, is no evidence: any byte before a text may make one.
func (s *scanner) isLittle(at int) bool {
	b := s.w.buf
	if !beginsWide(UTF16LE, b, at+1, s.min) {
		return false
	}
	if at >= lookBehind {
		before := newRun(UTF16BE, b, at-2)
		if unit(UTF16BE, b, at-2) == 0xfeff || before.skip(2) == 2 {
			return false
		}
	}
	big, little := newRun(UTF16BE, b, at), newRun(UTF16LE, b, at+1)
	n := big.skip(s.max)
	m := little.skip(n)
	sameLast := m == n && unit(UTF16LE, b, little.at-2) == unit(UTF16BE, b, big.at-2)
	switch first, second := b[at], b[at+2]; {
	case first == 0:
		return m == n && (n == s.max || isNUL(b, little.at) || sameLast && !isNUL(b, big.at))
	case first == second:
		return n < s.max && sameLast // what is no zero is more than chance at the beginning; it must be at the end, too
	}
	return m >= n-1 && (n == s.max || isNUL(b, little.at) || !isNUL(b, big.at))
}

// isNUL tells whether a code unit of zero stands at b[at], or b ends there.
func isNUL(b []byte, at int) bool {
	for i := at; i < min(at+2, len(b)); i++ {
		if b[i] != 0 {
			return false
		}
	}
	return true
}
