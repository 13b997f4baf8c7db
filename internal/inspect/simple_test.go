package inspect

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode"
	"unicode/utf8"
)

// simpleStrings is what scanner does, as its comment says it, a character at a time.
func simpleStrings(b []byte, l lengths) []String {
	var all []String
	for at := 0; at < len(b); {
		best, resume := simpleBegins(b, at, l)
		if best == nil {
			at++
			continue
		}
		all = append(all, *best)
		at = resume
	}
	return all
}

func simpleBegins(b []byte, at int, l lengths) (best *String, resume int) {
	for _, c := range []Coding{UTF8, UTF16LE, UTF16BE} {
		chars := simpleRun(b, at, c)
		if len(chars) < l.min || c != UTF8 && !simpleIsWide(chars[:min(l.min, 4)]) {
			continue
		}
		if c == UTF16LE && bytes.HasSuffix(b[:at+1], []byte{0xfe, 0xff}) {
			continue
		}
		text, ends := []rune{}, []int{at}
		for _, ch := range chars {
			text = append(text, ch.r)
			ends = append(ends, ends[len(ends)-1]+ch.size)
		}
		n := min(len(chars), l.max)
		s := String{string(text[:n]), int64(at), int64(ends[n] - at), c.encoding(), c}
		if best != nil && s.Length <= best.Length {
			continue
		}
		next := n
		if left := len(chars) - n; left > 0 && left < l.min {
			next = len(chars) - l.min
		}
		best, resume = &s, ends[next]
		if c == UTF8 && n == len(chars) && simpleEndsInWide(b, s, l) {
			resume = ends[n] - 1
			if n > l.min {
				shorter := String{string(text[:n-1]), int64(at), int64(ends[n-1] - at), c.encoding(), c}
				best = &shorter
			}
		}
	}
	if best != nil && best.Coding == UTF16BE && simpleIsLittle(b, at, l) {
		return nil, 0
	}
	return best, resume
}

type simpleChar struct {
	r    rune
	size int
}

// simpleRun returns all characters of the string that begins at an offset.
func simpleRun(b []byte, at int, c Coding) (chars []simpleChar) {
	letters := notText
	for at < len(b) {
		var r rune
		var size int
		switch c {
		case UTF8:
			r, size = utf8.DecodeRune(b[at:])
			if r == utf8.RuneError && size == 1 || r != '\t' && (!unicode.IsPrint(r) || size == 2 && simpleIsRare(r)) {
				return chars
			}
		default:
			var order binary.ByteOrder = binary.LittleEndian
			if c == UTF16BE {
				order = binary.BigEndian
			}
			if at+2 > len(b) {
				return chars
			}
			r, size = rune(order.Uint16(b[at:])), 2
			s := notText
			if r < wideUnits {
				s = wide[r]
			}
			if s == notText || s > symbol && letters != notText && s != letters {
				return chars
			}
			if s > symbol {
				letters = s
			}
		}
		chars = append(chars, simpleChar{r, size})
		at += size
	}
	return chars
}

// simpleIsWide tells whether the first characters of a string in UTF-16 are evidence enough.
func simpleIsWide(first []simpleChar) bool {
	letters, signs := notText, 0
	for _, c := range first {
		switch s := wide[c.r]; {
		case s == symbol:
			signs++
		case s > symbol:
			letters = s
		}
	}
	if signs > len(first)/2 {
		return false
	}
	switch letters {
	case notText:
		return slices.ContainsFunc(first, func(c simpleChar) bool { return c.r < 0x80 })
	case latin:
		return slices.ContainsFunc(first, func(c simpleChar) bool { return c.r < 0x80 && unicode.IsLetter(c.r) })
	}
	for i, c := range first[1:] {
		if before := first[i]; before.r != c.r && wide[before.r] == letters && wide[c.r] == letters {
			return true
		}
	}
	return false
}

// simpleEndsInWide tells whether the last byte of a string in UTF-8 is the first of one in UTF-16.
func simpleEndsInWide(b []byte, s String, l lengths) bool {
	last := int(s.Offset+s.Length) - 1
	if isWide := simpleRun(b, last, UTF16BE); len(isWide) >= l.min && simpleIsWide(isWide[:min(l.min, 4)]) {
		return true
	}
	little := simpleRun(b, last, UTF16LE)
	if len(little) < l.min || !simpleIsWide(little[:min(l.min, 4)]) {
		return false
	}
	upper := []rune{little[0].r >> 8, little[1].r >> 8}
	return upper[0] == upper[1] && upper[0] != 0 || IsNoise(s.Text)
}

func simpleIsLittle(b []byte, at int, l lengths) bool {
	little := simpleRun(b, at+1, UTF16LE)
	if len(little) < l.min || !simpleIsWide(little[:min(l.min, 4)]) {
		return false
	}
	if at >= 2 && (bytes.Equal(b[at-2:at], []byte{0xfe, 0xff}) || len(simpleRun(b[:at+2], at-2, UTF16BE)) == 2) {
		return false
	}
	big := simpleRun(b, at, UTF16BE)
	n := min(len(big), l.max)
	cut, same := n == l.max, len(little) >= n && little[n-1].r == big[n-1].r
	upper := []rune{big[0].r >> 8, big[1].r >> 8}
	if upper[0] != 0 && upper[0] == upper[1] {
		return same && !cut
	}
	if upper[0] != 0 {
		n = min(n, len(little))
		if n < min(len(big), l.max)-1 {
			return false
		}
	}
	if len(little) < n {
		return false
	}
	nul := func(at int) bool {
		return bytes.Count(b[min(at, len(b)):min(at+2, len(b))], []byte{0}) == min(2, max(0, len(b)-at))
	}
	ours, other := nul(at+1+2*n), nul(at+2*min(len(big), l.max))
	if upper[0] != 0 {
		return cut || ours || !other
	}
	return cut || ours || same && !other
}

// simpleIsRare tells what is printable and yet no text in two bytes of UTF-8: what belongs to scripts that are rare.
func simpleIsRare(r rune) bool {
	return r >= 0x00c0 && r != 0x100 && wide[r] == notText && (r < 0x300 || r > 0x36f)
}
