package pdf

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// textOf decodes a text string (7.9.2.2): UTF-16 or UTF-8 with a byte order mark, PDFDocEncoding otherwise. UTF-16 in the other
// byte order, which the standard does not have, is what some writers make.
func textOf(s String) string {
	switch {
	case strings.HasPrefix(string(s), "\xfe\xff"):
		return fromUTF16(string(s[2:]), 0, 1)
	case strings.HasPrefix(string(s), "\xff\xfe"):
		return fromUTF16(string(s[2:]), 1, 0)
	case strings.HasPrefix(string(s), "\xef\xbb\xbf"):
		return strings.ToValidUTF8(string(s[3:]), "\ufffd")
	}
	return fromDocEncoding(string(s))
}

// fromUTF16 decodes UTF-16 whose units have their high byte at high. Escapes for a language (7.9.2.2) are left out.
func fromUTF16(s string, high, low int) string {
	units := make([]uint16, 0, len(s)/2)
	escaped := false
	for ; len(s) >= 2; s = s[2:] {
		unit := uint16(s[high])<<8 | uint16(s[low])
		if unit == 0x1b {
			escaped = !escaped
			continue
		}
		if !escaped {
			units = append(units, unit)
		}
	}
	return string(utf16.Decode(units))
}

// Characters of PDFDocEncoding that are not those of Latin-1 (annex D.2).
var (
	docLow  = []rune("\u02d8\u02c7\u02c6\u02d9\u02dd\u02db\u02da\u02dc")                                                                                                                                                       // from 0x18
	docHigh = []rune("\u2022\u2020\u2021\u2026\u2014\u2013\u0192\u2044\u2039\u203a\u2212\u2030\u201e\u201c\u201d\u2018\u2019\u201a\u2122\ufb01\ufb02\u0141\u0152\u0160\u0178\u017d\u0131\u0142\u0153\u0161\u017e\ufffd\u20ac") // from 0x80
)

func fromDocEncoding(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] < 0x80 && (s[i] < 0x18 || s[i] >= 0x20)
	}
	if plain {
		return s
	}
	var b strings.Builder
	b.Grow(2 * len(s))
	for i := range len(s) {
		b.WriteString(docText[s[i]])
	}
	return b.String()
}

// docText is what each byte of PDFDocEncoding stands for.
var docText = func() (table [256]string) {
	for c := range table {
		table[c] = string(rune(c))
	}
	for i, r := range docLow {
		table[0x18+i] = string(r)
	}
	for i, r := range docHigh {
		table[0x80+i] = string(r)
	}
	return table
}()

// toDocEncoding is the opposite, for passwords. ok is false if there is a character that it does not have.
func toDocEncoding(s string) (encoded string, ok bool) {
	var b strings.Builder
	for _, r := range s {
		c, ok := docByte(r)
		if !ok {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func docByte(r rune) (byte, bool) {
	if r < 0x18 || r >= 0x20 && r < 0x80 || r > 0xa0 && r <= 0xff {
		return byte(r), true
	}
	for i, known := range docLow {
		if r == known {
			return byte(0x18 + i), true
		}
	}
	for i, known := range docHigh {
		if r == known && r != utf8.RuneError {
			return byte(0x80 + i), true
		}
	}
	return 0, false
}

// plainText decodes a string if what comes out can be shown.
func plainText(s String) (string, bool) {
	text := textOf(s)
	for _, r := range text {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return "", false
		}
	}
	return text, true
}
