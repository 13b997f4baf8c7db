package identify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// text is the head of a file that is text.
type text struct {
	plain    []byte // ASCII, UTF-8 (also where the file is UTF-16 or UTF-32), or the bytes of an 8-bit code
	encoding string // as in "ASCII", "Unicode text, UTF-8"
	lines    string // what is special about its lines, as in ", with CRLF line terminators"
	whole    bool   // plain is the whole file
	scanned  *lineScanner
}

// isText tells whether the head of a file is text in some encoding.
func isText(in *input) bool { return in.asText() != nil }

// asText decodes the head; nil if it is not text.
func (in *input) asText() *text {
	if !in.decoded {
		in.decoded = true
		in.text = decode(in.head, int64(len(in.head)) == in.size)
	}
	return in.text
}

func decode(head []byte, whole bool) *text {
	t := &text{whole: whole}
	t.plain, t.encoding = decodeUnicode(head, whole)
	if t.encoding == "" {
		t.plain = head
		t.encoding = eightBit(t.plain, whole)
	}
	if t.encoding == "" || len(t.plain) == 0 {
		return nil
	}
	t.lines = describeLines(t.plain, !strings.HasPrefix(t.encoding, "Unicode") && t.encoding != "ASCII")
	return t
}

// decodeUnicode decodes what begins with a byte order mark. encoding is "" if it has none, or is not text after all.
func decodeUnicode(head []byte, whole bool) (plain []byte, encoding string) {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		plain = head[3:]
		if kind := eightBit(plain, whole); kind == "ASCII" || kind == utf8Text || len(plain) == 0 {
			return plain, utf8Text + " (with BOM)"
		}
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")):
		return decodeWide(head[4:], 4, binary.LittleEndian), "Unicode text, UTF-32, little-endian"
	case bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		return decodeWide(head[4:], 4, binary.BigEndian), "Unicode text, UTF-32, big-endian"
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return decodeWide(head[2:], 2, binary.LittleEndian), "Unicode text, UTF-16, little-endian"
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return decodeWide(head[2:], 2, binary.BigEndian), "Unicode text, UTF-16, big-endian"
	}
	return nil, ""
}

// decodeWide turns units of 2 or 4 bytes into UTF-8. It returns nothing if there is a control character that text does not
// have. Surrogates become replacement characters: only ASCII matters to what looks at the result.
func decodeWide(b []byte, unit int, order binary.ByteOrder) []byte {
	out := make([]byte, 0, len(b)+len(b)/2)
	for ; len(b) >= unit; b = b[unit:] {
		r := rune(-1)
		if unit == 2 {
			r = rune(order.Uint16(b))
		} else if v := order.Uint32(b); v <= utf8.MaxRune {
			r = rune(v)
		}
		if r >= 0 && r < utf8.RuneSelf && !textByte[r] || r == 0xfffe || r == 0xffff || r < 0 {
			return nil
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

const utf8Text = "Unicode text, UTF-8"

// textByte are the ASCII characters of text: what prints, white space, bell, backspace and escape.
var textByte = func() (is [utf8.RuneSelf]bool) {
	for c := range is {
		is[c] = c >= ' ' && c < 0x7f || c >= '\a' && c <= '\r' || c == 0x1b
	}
	return is
}()

// eightBit names the code of a text, or returns "".
func eightBit(b []byte, whole bool) string {
	if len(b) == 0 {
		return ""
	}
	ascii, latin := true, true
	for _, c := range b {
		switch {
		case c < utf8.RuneSelf:
			if !textByte[c] {
				return ""
			}
		case c < 0xa0:
			ascii = false
			latin = latin && c == 0x85 // next line
		default:
			ascii = false
		}
	}
	switch {
	case ascii:
		return "ASCII"
	case validUTF8(b, whole):
		return utf8Text
	case latin:
		return "ISO-8859"
	}
	return "Non-ISO extended-ASCII"
}

// validUTF8 forgives a last character that is cut off by the end of the head.
func validUTF8(b []byte, whole bool) bool {
	if !whole {
		for cut := 1; cut < utf8.UTFMax && cut <= len(b); cut++ {
			if last := b[len(b)-cut:]; utf8.RuneStart(last[0]) {
				if !utf8.FullRune(last) {
					b = b[:len(b)-cut]
				}
				break
			}
		}
	}
	return utf8.Valid(b)
}

// describeLines says what file(1) says of line ends, lines over 300 characters, and escape sequences. In 8-bit codes there
// is one more character that ends a line, NEL.
func describeLines(b []byte, nextLine bool) string {
	const long = 300
	var crlf, cr, lf, nel, escape, overstrike bool
	longest, start := 0, 0
	for i, c := range b {
		switch c {
		case '\n':
			if i > 0 && b[i-1] == '\r' {
				crlf = true
			} else {
				lf = true
			}
		case '\r':
			if i+1 < len(b) && b[i+1] == '\n' {
				continue
			}
			cr = true
		case 0x85:
			if !nextLine {
				continue
			}
			nel = true
		case 0x1b:
			escape = true
			continue
		case '\b':
			overstrike = true
			continue
		default:
			continue
		}
		longest = max(longest, i-start)
		start = i + 1
	}
	longest = max(longest, len(b)-start)
	var out strings.Builder
	if longest > long {
		fmt.Fprintf(&out, ", with very long lines (%d)", longest)
	}
	var ends []string
	for _, end := range []struct {
		seen bool
		name string
	}{{crlf, "CRLF"}, {cr, "CR"}, {lf, "LF"}, {nel, "NEL"}} {
		if end.seen {
			ends = append(ends, end.name)
		}
	}
	switch {
	case len(ends) == 0:
		out.WriteString(", with no line terminators")
	case len(ends) > 1 || !lf:
		out.WriteString(", with " + strings.Join(ends, ", ") + " line terminators")
	}
	if escape {
		out.WriteString(", with escape sequences")
	}
	if overstrike {
		out.WriteString(", with overstriking")
	}
	return out.String()
}
