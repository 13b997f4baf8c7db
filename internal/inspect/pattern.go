package inspect

import (
	"strings"
	"unicode/utf16"
)

// maxPattern is how many bytes a pattern has at most.
const maxPattern = 256

// pattern is bytes to look for, some of which are known in part or not at all: c matches if c&mask[i] == want[i].
type pattern struct{ want, mask []byte }

// parsePattern reads what FindBytes takes.
func parsePattern(text string) (pattern, error) {
	var p pattern
	for rest := text; rest != ""; {
		var err error
		if rest, err = p.parse(rest); err != nil {
			return pattern{}, err
		}
		if len(p.want) > maxPattern {
			return pattern{}, queryf("the pattern has more than %d bytes", maxPattern)
		}
	}
	for _, mask := range p.mask {
		if mask != 0 {
			return p, nil
		}
	}
	return pattern{}, queryf("the pattern has no byte to look for")
}

// parse reads one part of a pattern and returns the rest.
func (p *pattern) parse(text string) (rest string, err error) {
	switch {
	case strings.ContainsRune(" \t\r\n,:;-", rune(text[0])):
		return text[1:], nil
	case strings.HasPrefix(text, "0x"), strings.HasPrefix(text, `\x`):
		if len(text) < 3 || strings.ContainsRune(" \t\r\n,:;-", rune(text[2])) {
			return "", queryf("there are no digits after %s", text[:2])
		}
		return text[2:], nil
	case text[0] == '"':
		quoted, rest, err := unquote(text[1:])
		p.add([]byte(quoted)...)
		return rest, err
	case strings.HasPrefix(text, `L"`):
		quoted, rest, err := unquote(text[2:])
		for _, u := range utf16.Encode([]rune(quoted)) {
			p.add(byte(u), byte(u>>8))
		}
		return rest, err
	}
	high, highMask, ok := digit(text[0])
	if !ok {
		return "", queryf("%q is no hex digit; text stands in quotes, in UTF-16 behind an L: 4d5a ?? \"text\" L\"wide text\"", shortened(text))
	}
	if len(text) < 2 {
		return "", queryf("the last byte has one digit, %q", text)
	}
	low, lowMask, ok := digit(text[1])
	if !ok {
		return "", queryf("a byte has two digits, at %q", shortened(text))
	}
	p.want = append(p.want, high<<4|low)
	p.mask = append(p.mask, highMask<<4|lowMask)
	return text[2:], nil
}

func (p *pattern) add(bytes ...byte) {
	for _, b := range bytes {
		p.want = append(p.want, b)
		p.mask = append(p.mask, 0xff)
	}
}

// digit reads half a byte; a question mark is any.
func digit(c byte) (value, mask byte, ok bool) {
	switch {
	case c == '?':
		return 0, 0, true
	case '0' <= c && c <= '9':
		return c - '0', 0xf, true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, 0xf, true
	}
	return 0, 0, false
}

// unquote reads text up to a quote; a backslash goes before quotes and backslashes that are meant.
func unquote(text string) (quoted, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], nil
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", queryf("there is no quote at the end of %q", shortened(text))
}

func shortened(text string) string {
	const enough = 20
	if len(text) <= enough {
		return text
	}
	return strings.ToValidUTF8(text[:enough], "") + "…"
}
