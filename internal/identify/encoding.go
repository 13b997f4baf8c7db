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
	var seen class
	if t.encoding == "" {
		t.plain = head
		t.encoding, seen = eightBit(t.plain, whole)
	} else {
		seen = classOf(t.plain)
	}
	if t.encoding == "" || len(t.plain) == 0 {
		return nil
	}
	t.lines = describeLines(t.plain, seen, strings.HasPrefix(t.encoding, "Unicode"))
	return t
}

// decodeUnicode decodes what begins with a byte order mark. encoding is "" if it has none, or is not text after all.
func decodeUnicode(head []byte, whole bool) (plain []byte, encoding string) {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		plain = head[3:]
		if kind, _ := eightBit(plain, whole); kind == "ASCII" || kind == utf8Text || len(plain) == 0 {
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
		if r >= 0 && r < utf8.RuneSelf && classes[r]&notText != 0 || r == 0xfffe || r == 0xffff || r < 0 {
			return nil
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

const utf8Text = "Unicode text, UTF-8"

// A class says what bytes mean for a text.
type class uint8

const (
	notText  class = 1 << iota // control characters that text does not have
	highByte                   // beyond ASCII
	notLatin                   // what ISO 8859 leaves to control characters
	nextLine                   // NEL, which some codes have
	lineMark                   // what describeLines must look at besides line feeds
)

// classes has the class of every byte. Text has what prints, white space, bell, backspace and escape.
var classes = func() (of [256]class) {
	for c := range of {
		switch {
		case c == '\r' || c == 0x1b || c == '\b':
			of[c] = lineMark
		case c < ' ' && (c < '\a' || c > '\r') || c == 0x7f:
			of[c] = notText
		case c == 0x85:
			of[c] = highByte | nextLine
		case c >= 0x80 && c < 0xa0:
			of[c] = highByte | notLatin
		case c >= 0xa0:
			of[c] = highByte
		}
	}
	return of
}()

// classOf returns the classes of all bytes together; after one that is not text it may stop.
func classOf(b []byte) (all class) {
	for len(b) >= 256 && all&notText == 0 {
		for _, c := range b[:256] {
			all |= classes[c]
		}
		b = b[256:]
	}
	for _, c := range b {
		all |= classes[c]
	}
	return all
}

// eightBit names the code of a text, or returns "".
func eightBit(b []byte, whole bool) (string, class) {
	if len(b) == 0 {
		return "", 0
	}
	switch seen := classOf(b); {
	case seen&notText != 0:
		return "", 0
	case seen&highByte == 0:
		return "ASCII", seen
	case validUTF8(b, whole):
		return utf8Text, seen
	case seen&notLatin == 0:
		return "ISO-8859", seen
	default:
		return "Non-ISO extended-ASCII", seen
	}
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

// describeLines says what file(1) says of line ends, lines over 300 characters, and escape sequences. Beyond ASCII there is one
// more character that ends a line, NEL. seen are the classes of all bytes.
func describeLines(b []byte, seen class, unicode bool) string {
	const long = 300
	ends := lineEnds{unicode: unicode}
	if seen&(lineMark|nextLine) == 0 {
		for rest := b; len(rest) > 0; {
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				ends.line(rest)
				break
			}
			ends.lf = true
			ends.line(rest[:n])
			rest = rest[n+1:]
		}
	} else {
		ends.careful(b)
	}
	var out strings.Builder
	if ends.longest > long {
		fmt.Fprintf(&out, ", with very long lines (%d)", ends.longest)
	}
	var names []string
	for _, end := range []struct {
		seen bool
		name string
	}{{ends.crlf, "CRLF"}, {ends.cr, "CR"}, {ends.lf, "LF"}, {ends.nel, "NEL"}} {
		if end.seen {
			names = append(names, end.name)
		}
	}
	switch {
	case len(names) == 0:
		out.WriteString(", with no line terminators")
	case len(names) > 1 || !ends.lf:
		out.WriteString(", with " + strings.Join(names, ", ") + " line terminators")
	}
	if ends.escape {
		out.WriteString(", with escape sequences")
	}
	if ends.overstrike {
		out.WriteString(", with overstriking")
	}
	return out.String()
}

// lineEnds is what the lines of a text were found to have.
type lineEnds struct {
	crlf, cr, lf, nel, escape, overstrike bool

	unicode bool // characters may have several bytes
	longest int  // characters
}

func (e *lineEnds) line(b []byte) {
	if len(b) <= e.longest {
		return
	}
	n := len(b)
	if e.unicode {
		n = utf8.RuneCount(b)
	}
	e.longest = max(e.longest, n)
}

// careful looks at every character that may mean something.
func (e *lineEnds) careful(b []byte) {
	start := 0
	for i, c := range b {
		if c > 0x1b && c != 0x85 {
			continue
		}
		switch c {
		case '\n':
			if i > 0 && b[i-1] == '\r' {
				e.crlf = true
			} else {
				e.lf = true
			}
		case '\r':
			if i+1 < len(b) && b[i+1] == '\n' {
				continue
			}
			e.cr = true
		case 0x85:
			if e.unicode && (i == 0 || b[i-1] != 0xc2) {
				continue
			}
			e.nel = true
		case 0x1b:
			e.escape = true
			continue
		case '\b':
			e.overstrike = true
			continue
		default:
			continue
		}
		e.line(b[start:i])
		start = i + 1
	}
	e.line(b[start:])
}
