package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner walks over a query's text, which is UTF-8. It counts bytes; columns, which people see, count characters.
type scanner struct {
	text string
	pos  int
}

// value is one word or quoted text.
type value struct {
	text       string // without quotes and escapes, and without the star
	quote      byte   // " or ', 0 for a word
	star       bool   // quoted, and a star at the end stands for anything
	start, end int    // with the quotes
}

func (s *scanner) errorAt(pos int, format string, args ...any) *Error {
	return &Error{Column: s.column(pos), Message: fmt.Sprintf(format, args...), at: pos}
}

// column counts characters from 1.
func (s *scanner) column(pos int) int { return utf8.RuneCountInString(s.text[:pos]) + 1 }

func (s *scanner) done() bool { return s.pos >= len(s.text) }

// peek returns the byte here, or 0 at the end.
func (s *scanner) peek() byte {
	if s.done() {
		return 0
	}
	return s.text[s.pos]
}

func (s *scanner) skipSpace() {
	s.pos += len(s.text[s.pos:]) - len(strings.TrimLeftFunc(s.text[s.pos:], unicode.IsSpace))
}

// boundary tells whether a term may end at pos: before white space, a closing bracket or nothing.
func (s *scanner) boundary(pos int) bool {
	r, size := utf8.DecodeRuneInString(s.text[pos:])
	return size == 0 || r == ')' || unicode.IsSpace(r)
}

// operators are the words between terms.
var operators = []string{"DOCAND", "AND", "NOT", "OR"}

// operator returns the operator that stands here as a whole word, in any case, or "".
func (s *scanner) operator() string {
	for _, op := range operators {
		end := s.pos + len(op)
		if end <= len(s.text) && strings.EqualFold(s.text[s.pos:end], op) &&
			(s.boundary(end) || s.text[end] == '(' || s.text[end] == '"') {
			return op
		}
	}
	return ""
}

// word reads up to white space or a bracket that closes one before the word. Brackets may be in it in pairs, as in report(1).pdf.
func (s *scanner) word() (value, *Error) {
	v := value{start: s.pos, end: len(s.text)}
	depth, open := 0, 0
scan:
	for i, r := range s.text[s.pos:] {
		i += v.start
		switch {
		case unicode.IsSpace(r), r == ')' && depth == 0:
			v.end = i
			break scan
		case r == '(':
			if depth == 0 {
				open = i
			}
			depth++
		case r == ')':
			depth--
		case r == '"':
			err := s.errorAt(i, "there is a quote within a word")
			err.Want = `quotes around the whole value, and \" for a quote in it`
			return v, err
		}
	}
	if depth > 0 {
		err := s.errorAt(open, "this bracket is not closed within its word")
		err.Want = "quotes around a value with a bracket in it"
		err.unfinished = v.end == len(s.text)
		return v, err
	}
	v.text, s.pos = s.text[v.start:v.end], v.end
	return v, nil
}

// quoted reads a text in quotes. Escapes are \n \r \t \\ \" \' \* \?. Programs that quote without escaping, as azul-client does,
// write paths of Windows and the registry as they are: a text with a backslash before anything else, or one that begins like
// C:\temp, is taken as it stands, and only \" is still a quote.
func (s *scanner) quoted() (value, *Error) {
	v := value{start: s.pos, quote: s.text[s.pos]}
	raw, escapes := onDrive(s.text[s.pos+1:]), false
	i := s.pos + 1
	for ; i < len(s.text) && s.text[i] != v.quote; i++ {
		if s.text[i] != '\\' || i+1 == len(s.text) {
			continue
		}
		next := s.text[i+1]
		raw = raw || !strings.ContainsRune(`nrt\"'*?`, rune(next))
		switch {
		case !raw:
			escapes = true
			i++
		case next == v.quote && s.boundary(i+2): // C:\temp\" ends here
		case next == v.quote:
			i++
		}
	}
	if i >= len(s.text) {
		err := s.errorAt(v.start, "the quote is not closed")
		if i > v.start+1 && strings.HasSuffix(s.text, `\`+string(v.quote)) {
			err.Want = `\\ for a backslash before the closing quote`
		}
		err.unfinished = true
		return v, err
	}
	v.end = i + 1
	v.text = s.text[v.start+1 : i]
	switch {
	case raw:
		v.text = strings.ReplaceAll(v.text, `\`+string(v.quote), string(v.quote))
		v.text, v.star = strings.CutSuffix(v.text, "*")
	case escapes:
		v.text, v.star = unescape(v.text)
	default:
		v.text, v.star = strings.CutSuffix(v.text, "*")
	}
	s.pos = v.end
	return v, nil
}

// onDrive tells whether a text begins as C:\temp does, with what would be an escape elsewhere.
func onDrive(text string) bool {
	return len(text) > 3 && letter(text[0]) && text[1] == ':' && text[2] == '\\' && strings.IndexByte("nrt", text[3]) >= 0
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// unescape replaces escapes and takes a plain star off the end.
func unescape(text string) (string, bool) {
	var b strings.Builder
	b.Grow(len(text))
	star := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		star = c == '*'
		if c == '\\' {
			i++
			c = text[i]
			switch c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			}
		}
		b.WriteByte(c)
	}
	if star {
		return b.String()[:b.Len()-1], true
	}
	return b.String(), false
}
