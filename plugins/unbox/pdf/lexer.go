package pdf

import (
	"bytes"
	"math"
	"strconv"
)

// kind is that of a token.
type kind uint8

const (
	tokenEnd kind = iota // of what can be read
	tokenInteger
	tokenReal
	tokenName
	tokenString
	tokenKeyword // letters that are none of the others: true, obj, R, …
	tokenOpenArray
	tokenCloseArray
	tokenOpenDict
	tokenCloseDict
)

// token is a piece of a PDF's syntax (7.2).
type token struct {
	kind    kind
	at      int64 // where it begins
	integer int64
	real    float64
	text    []byte // of a name, string or keyword; valid until the next token
	broken  bool   // not as it should be: a string without an end, a number with two points
	escapes bool   // of a name: it hides letters or digits behind #xx
}

// lexer splits a source into tokens. Every call goes forward by at least one byte, or is at the end.
type lexer struct {
	src  *source
	at   int64
	most int // bytes of a token's text; the rest of a longer one is dropped
	text []byte
	cut  bool // a text was longer than that
}

// Classes of characters (tables 1 and 2 of 7.2.3). Regular ones, which are no others, make up names, numbers and keywords.
const (
	classRegular = iota
	classSpace
	classDelimiter
)

var classes = func() (table [256]uint8) {
	for _, c := range []byte("\x00\t\n\f\r ") {
		table[c] = classSpace
	}
	for _, c := range []byte("()<>[]{}/%") {
		table[c] = classDelimiter
	}
	return table
}()

func space(c int) bool { return c >= 0 && classes[c] == classSpace }

func regular(c int) bool { return c >= 0 && classes[c] == classRegular }

func digit(c int) bool { return c >= '0' && c <= '9' }

func letter(c int) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// skip passes over white space and comments.
func (l *lexer) skip() {
	for {
		c := l.src.byteAt(l.at)
		switch {
		case space(c):
			l.at++
		case c == '%':
			for c != '\n' && c != '\r' && c != noByte {
				l.at++
				c = l.src.byteAt(l.at)
			}
		default:
			return
		}
	}
}

func (l *lexer) next() token {
	l.skip()
	t := token{at: l.at}
	l.text = l.text[:0]
	c := l.src.byteAt(l.at)
	switch {
	case c == noByte:
		return t
	case c == '/':
		l.name(&t)
	case c == '(':
		l.literal(&t)
	case c == '<' && l.src.byteAt(l.at+1) == '<':
		t.kind = tokenOpenDict
		l.at += 2
	case c == '<':
		l.hex(&t)
	case c == '>' && l.src.byteAt(l.at+1) == '>':
		t.kind = tokenCloseDict
		l.at += 2
	case c == '[':
		t.kind = tokenOpenArray
		l.at++
	case c == ']':
		t.kind = tokenCloseArray
		l.at++
	case digit(c) && l.digits(&t):
	case regular(c):
		l.word(&t)
	default: // a delimiter where none belongs
		t.kind, t.broken = tokenKeyword, true
		l.keep(c)
		l.at++
	}
	t.text = l.text
	return t
}

// run returns the bytes from the next one on that a window has of those that fit, and takes them. It may return none, or not all.
func (l *lexer) run(fits *[256]bool) []byte {
	i := uint64(l.at - l.src.from)
	if i >= uint64(len(l.src.window)) {
		return nil
	}
	rest := l.src.window[i:]
	n := 0
	for n < len(rest) && fits[rest[n]] {
		n++
	}
	l.at += int64(n)
	return rest[:n]
}

// Bytes that mean themselves in names and words, and in strings.
var (
	plainRegular = fitting(func(c int) bool { return regular(c) && c != '#' })
	plainString  = fitting(func(c int) bool { return c != '(' && c != ')' && c != '\\' && c != '\r' })
)

func fitting(fits func(c int) bool) *[256]bool {
	var table [256]bool
	for c := range table {
		table[c] = fits(c)
	}
	return &table
}

// keepAll keeps many bytes.
func (l *lexer) keepAll(b []byte) {
	if room := l.most - len(l.text); len(b) > room {
		b, l.cut = b[:room], true
	}
	l.text = append(l.text, b...)
}

func (l *lexer) keep(c int) {
	if len(l.text) >= l.most {
		l.cut = true
		return
	}
	l.text = append(l.text, byte(c))
}

// digits reads a number that is nothing but digits, as most are. ok is false if it is something else.
func (l *lexer) digits(t *token) (ok bool) {
	const most = 18 // that fit an int64 whatever they are
	i := uint64(l.at - l.src.from)
	if i >= uint64(len(l.src.window)) {
		return false
	}
	rest := l.src.window[i:]
	n, number := 0, int64(0)
	for n < len(rest) && n <= most && rest[n]-'0' <= 9 {
		number = number*10 + int64(rest[n]-'0')
		n++
	}
	if n > most || n == len(rest) || regular(int(rest[n])) {
		return false
	}
	t.kind, t.integer = tokenInteger, number
	l.at += int64(n)
	return true
}

// word reads a number or a keyword.
func (l *lexer) word(t *token) {
	for c := l.src.byteAt(l.at); regular(c); c = l.src.byteAt(l.at) {
		l.keep(c)
		l.at++
		l.keepAll(l.run(plainRegular))
	}
	number(t, l.text)
}

// number makes a number of a word that begins like one, and a keyword of any other. It reads what readers accept beyond the
// standard: several signs, a second minus sign or point that ends the number, exponents are none.
func number(t *token, word []byte) {
	t.kind = tokenKeyword
	signs := 0
	for signs < len(word) && (word[signs] == '-' || word[signs] == '+') {
		signs++
	}
	digits := word[signs:]
	if len(digits) == 0 || !digit(int(digits[0])) && (digits[0] != '.' || len(digits) == 1 || !digit(int(digits[1]))) {
		if string(digits) == "." || string(digits) == "" { // as some writers have zero
			t.kind, t.broken = tokenInteger, true
		}
		return
	}
	end, point := 0, -1
	for end < len(digits) && (digit(int(digits[end])) || digits[end] == '.' && point < 0) {
		if digits[end] == '.' {
			point = end
		}
		end++
	}
	if end < len(digits) && digits[end] != '-' && digits[end] != '.' {
		return // such as 0a: a keyword
	}
	t.broken = signs > 1 || end < len(digits)
	negative := bytes.IndexByte(word[:signs], '-') >= 0
	digits = digits[:end]
	if point < 0 {
		if n, err := strconv.ParseInt(string(digits), 10, 64); err == nil {
			t.kind, t.integer = tokenInteger, n
			if negative {
				t.integer = -n
			}
			return
		}
	}
	t.kind = tokenReal
	t.real, _ = strconv.ParseFloat(string(digits), 64)
	if math.IsInf(t.real, 0) {
		t.real = math.MaxFloat64
	}
	if negative {
		t.real = -t.real
	}
}

// name reads a name (7.3.5).
func (l *lexer) name(t *token) {
	t.kind = tokenName
	l.at++
	for c := l.src.byteAt(l.at); regular(c); c = l.src.byteAt(l.at) {
		l.at++
		if c != '#' {
			l.keep(c)
			l.keepAll(l.run(plainRegular))
			continue
		}
		high, low := hexDigit(l.src.byteAt(l.at)), hexDigit(l.src.byteAt(l.at+1))
		if high >= 0 && low >= 0 {
			c = high<<4 | low
			l.at += 2
			t.escapes = t.escapes || letter(c) || digit(c)
		} else {
			t.broken = true
		}
		l.keep(c)
	}
}

// literal reads a string in parentheses (7.3.4.2).
func (l *lexer) literal(t *token) {
	t.kind = tokenString
	l.at++
	for depth := 1; ; l.at++ {
		l.keepAll(l.run(plainString))
		c := l.src.byteAt(l.at)
		switch c {
		case noByte:
			t.broken = true
			return
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.at++
				return
			}
		case '\r': // an end of line is one character, whatever it is in the file
			c = '\n'
			if l.src.byteAt(l.at+1) == '\n' {
				l.at++
			}
		case '\\':
			l.escape()
			continue
		}
		l.keep(c)
	}
}

// escape reads what follows a backslash in a string, and stays on its last byte.
func (l *lexer) escape() {
	l.at++
	c := l.src.byteAt(l.at)
	switch c {
	case noByte, '\n':
		return
	case '\r':
		if l.src.byteAt(l.at+1) == '\n' {
			l.at++
		}
		return
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	}
	if c >= '0' && c <= '7' {
		c -= '0'
		for range 2 {
			d := l.src.byteAt(l.at + 1)
			if d < '0' || d > '7' {
				break
			}
			c = c<<3 + d - '0'
			l.at++
		}
		c &= 0xff
	}
	l.keep(c)
}

// hex reads a string in angle brackets (7.3.4.3). What is no digit is passed over.
func (l *lexer) hex(t *token) {
	t.kind = tokenString
	l.at++
	for high := -1; ; l.at++ {
		c := l.src.byteAt(l.at)
		d := hexDigit(c)
		switch {
		case c == noByte || c == '>':
			if high >= 0 {
				l.keep(high << 4)
			}
			t.broken = t.broken || c == noByte
			if c == '>' {
				l.at++
			}
			return
		case d < 0:
			t.broken = t.broken || !space(c)
		case high < 0:
			high = d
		default:
			l.keep(high<<4 | d)
			high = -1
		}
	}
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c int) int {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return -1
}
