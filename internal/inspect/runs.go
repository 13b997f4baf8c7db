package inspect

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// run goes over the characters of a string.
type run struct {
	coding Coding
	b      []byte
	at     int    // behind the last character
	script script // in UTF-16, of the letters so far
}

func newRun(c Coding, b []byte, at int) run { return run{coding: c, b: b, at: at} }

// skip goes behind up to n more characters that belong to the string, and returns how many there were.
func (r *run) skip(n int) int {
	if r.coding == UTF8 {
		return r.skipNarrow(n)
	}
	return r.skipWide(n)
}

func (r *run) skipNarrow(n int) int {
	b, at, k := r.b, r.at, 0
	for ; k < n && at < len(b); k++ {
		if isPlain[b[at]] {
			at++
			continue
		}
		size := narrowRune(b[at:])
		if size == 0 {
			break
		}
		at += size
	}
	r.at = at
	return k
}

func (r *run) skipWide(n int) int {
	b, at, k, letters := r.b, r.at, 0, r.script
	for ; k < n && at+2 <= len(b); k++ {
		for k+4 <= n && at+8 <= len(b) && fourPlain(r.coding, binary.LittleEndian.Uint64(b[at:])) {
			at += 8
			k += 4
		}
		if k == n || at+2 > len(b) {
			break
		}
		s := scriptOfUnit(unit(r.coding, b, at))
		if s > symbol && s != letters {
			if letters != notText {
				break
			}
			letters = s
		}
		if s == notText {
			break
		}
		at += 2
	}
	r.at, r.script = at, letters
	return k
}

// fourPlain tells whether each of four code units is 0x20 to 0x7e.
func fourPlain(c Coding, word uint64) bool {
	const each, top = 0x0001000100010001, 0x0080008000800080
	if c == UTF16BE {
		word = bits.ReverseBytes64(word)
	}
	return word&(0xff80*each) == 0 && (word+(0x80-0x20)*each)&^(word+(0x80-0x7f)*each)&top == top
}

// firstUnits is how many code units tell whether a string is one.
const firstUnits = 4

// beginsWide tells whether n code units at b[at] begin a string. In Latin one of the first units is ASCII, a letter if others
// of them are not; in other scripts two letters that differ stand side by side; at most half of them are symbols. Otherwise
// tables of small numbers, and one number again and again, would be text.
func beginsWide(c Coding, b []byte, at, n int) bool {
	if at+2*n > len(b) {
		return false
	}
	r, first := newRun(c, b, at), min(n, firstUnits)
	if r.skipWide(first) < first {
		return false
	}
	is, signs := false, 0
	for i := range first {
		u := unit(c, b, at+2*i)
		if scriptOfUnit(u) == symbol {
			signs++
		}
		switch r.script {
		case notText:
			is = is || scriptOfUnit(u) == plain
		case latin:
			is = is || 'a' <= u|0x20 && u|0x20 <= 'z'
		default:
			is = is || i > 0 && scriptOfUnit(u) == r.script && beside(c, b, at+2*i)
		}
	}
	return is && 2*signs <= first && r.skipWide(n-first) == n-first
}

// beside tells whether the unit before b[at] is another letter of the same script.
func beside(c Coding, b []byte, at int) bool {
	before, u := unit(c, b, at-2), unit(c, b, at)
	return before != u && scriptOfUnit(before) == scriptOfUnit(u)
}

// back returns where the last n characters before b[end] begin.
func back(c Coding, b []byte, end, n int) int {
	if c != UTF8 {
		return end - 2*n
	}
	for range n {
		_, size := utf8.DecodeLastRune(b[:end])
		end -= size
	}
	return end
}

// unit returns the UTF-16 code unit at b[at].
func unit(c Coding, b []byte, at int) uint16 {
	if c == UTF16BE {
		return uint16(b[at])<<8 | uint16(b[at+1])
	}
	return uint16(b[at+1])<<8 | uint16(b[at])
}

// scriptOfUnit needs prepareLetters.
func scriptOfUnit(u uint16) script {
	if u >= wideUnits {
		return notText
	}
	return wide[u]
}

// appendText appends the text of a string in UTF-8.
func appendText(text []byte, c Coding, b []byte) []byte {
	if c == UTF8 {
		return append(text, b...)
	}
	for i := 0; i+2 <= len(b); i += 2 {
		text = utf8.AppendRune(text, rune(unit(c, b, i)))
	}
	return text
}
