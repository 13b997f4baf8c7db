package identify

import "bytes"

// validJSON checks one JSON value (RFC 8259) and white space. Of a value that is not whole it checks what is there.
//
// It keeps its place in a bounded stack instead of in calls, so that nested brackets cost a bit each and no more than
// maxJSONDepth of them are followed.
func validJSON(b []byte, whole bool) bool {
	s := jsonScanner{rest: b}
	for {
		s.space()
		if len(s.rest) == 0 {
			return !whole
		}
		if !s.value() {
			return !whole && s.cut
		}
		for s.closes() {
		}
		if s.wrong {
			return !whole && s.cut
		}
		if len(s.open) == 0 {
			s.space()
			return len(s.rest) == 0
		}
	}
}

const maxJSONDepth = 512

type jsonScanner struct {
	rest  []byte
	open  []byte // the brackets that are open
	cut   bool   // the text ended where more was to come
	wrong bool
}

func (s *jsonScanner) space() { s.rest = bytes.TrimLeft(s.rest, " \t\r\n") }

// take takes c if it comes next, after white space.
func (s *jsonScanner) take(c byte) bool {
	s.space()
	if len(s.rest) == 0 {
		s.cut = true
		return false
	}
	if s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// value takes a scalar, an empty container, or all openings up to the first scalar within.
func (s *jsonScanner) value() bool {
	for {
		s.space()
		if len(s.rest) == 0 {
			s.cut = true
			return false
		}
		switch c := s.rest[0]; c {
		case '{', '[':
			if len(s.open) == maxJSONDepth {
				return false
			}
			s.rest = s.rest[1:]
			if s.take(c + 2) { // the closing bracket of either kind
				return true
			}
			s.open = append(s.open, c)
			if c == '{' && !s.key() {
				return false
			}
		case '"':
			return s.string()
		case 't':
			return s.word("true")
		case 'f':
			return s.word("false")
		case 'n':
			return s.word("null")
		default:
			return s.number()
		}
	}
}

// closes takes what may follow a value: brackets that close, or a comma and the next key. It tells whether to look again.
func (s *jsonScanner) closes() bool {
	if len(s.open) == 0 {
		return false
	}
	open := s.open[len(s.open)-1]
	if s.take(open + 2) {
		s.open = s.open[:len(s.open)-1]
		return true
	}
	if !s.take(',') || open == '{' && !s.key() {
		s.wrong = true
	}
	return false
}

func (s *jsonScanner) key() bool {
	s.space()
	if len(s.rest) == 0 {
		s.cut = true
		return false
	}
	return s.string() && s.take(':')
}

func (s *jsonScanner) string() bool {
	if s.rest[0] != '"' {
		return false
	}
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return true
		case c == '\\':
			i++
		case c < ' ':
			return false
		}
	}
	s.cut = true
	return false
}

func (s *jsonScanner) word(w string) bool {
	if len(s.rest) < len(w) {
		s.cut = bytes.HasPrefix([]byte(w), s.rest)
		return false
	}
	if string(s.rest[:len(w)]) != w {
		return false
	}
	s.rest = s.rest[len(w):]
	return true
}

func (s *jsonScanner) number() bool {
	n := len(s.rest) - len(bytes.TrimLeft(s.rest, "+-.0123456789eE"))
	digit := bytes.ContainsAny(s.rest[:n], "0123456789")
	ok := digit && (s.rest[0] == '-' || s.rest[0] >= '0' && s.rest[0] <= '9')
	s.rest = s.rest[n:]
	s.cut = len(s.rest) == 0 && n > 0
	return ok
}
