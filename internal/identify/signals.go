package identify

import "bytes"

// scanBytes is how far a text is searched for what it is; marksBytes is how far for tags and commands of markup. file(1) looks
// as far.
const (
	scanBytes  = 8 << 10
	marksBytes = 4 << 10
)

// A signal is something that a text has. What kind of text it is (kinds.go) and in which language (language.go) is decided by
// the signals that were found.
type signal uint8

// signals is a set of them.
type signals [4]uint64

func (s *signals) add(x signal)      { s[x>>6] |= 1 << (x & 63) }
func (s *signals) has(x signal) bool { return s[x>>6]&(1<<(x&63)) != 0 }

func (s *signals) hasAll(of signals) bool {
	for i := range s {
		if s[i]&of[i] != of[i] {
			return false
		}
	}
	return true
}

func setOf(list ...signal) (s signals) {
	for _, x := range list {
		s.add(x)
	}
	return s
}

// lineScanner looks once at every line of the beginning of a text and notes its signals.
type lineScanner struct {
	window []byte // what is scanned
	signals
	lines int // so far
	args  int // where "main(" ended, -1 before

	typeofs, exports int // up to here lines were looked at for what follows these words
}

// line is one line, without its end; words is the same without the blanks before it.
type line struct {
	at          int // in the window
	text, words []byte
}

func (l line) indented() bool { return len(l.words) != len(l.text) }

// scan returns the signals of the text. It works once.
func (t *text) scan() *lineScanner {
	if t.scanned != nil {
		return t.scanned
	}
	s := &lineScanner{window: t.plain[:min(len(t.plain), scanBytes)], args: -1}
	t.scanned = s
	s.start()
	for at := 0; at < len(s.window); {
		end := bytes.IndexByte(s.window[at:], '\n')
		if end < 0 {
			end = len(s.window) - at
		}
		l := line{at: at, text: s.window[at : at+end]}
		l.words = trimBlanks(l.text)
		s.lines++
		if len(l.words) > 0 {
			s.line(l)
		}
		at += end + 1
	}
	s.marks()
	return s
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}

func trimEnd(b []byte) []byte {
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool  { return c == ' ' || c >= '\t' && c <= '\r' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) }

// word returns the run of letters, digits and underscores that b begins with.
func word(b []byte) []byte {
	n := 0
	for n < len(b) && isWord(b[n]) {
		n++
	}
	return b[:n]
}

// after returns what follows the prefix and at least one blank.
func after(b []byte, prefix string) (rest []byte, ok bool) {
	if !startsWith(b, prefix) || len(b) == len(prefix) || !isBlank(b[len(prefix)]) {
		return nil, false
	}
	return trimBlanks(b[len(prefix):]), true
}

func startsWith(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

func endsWith(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && string(b[len(b)-len(suffix):]) == suffix
}

func contains(b []byte, part string) bool { return bytes.Contains(b, []byte(part)) }

// near tells whether part lies in the n bytes from at on.
func (s *lineScanner) near(at, n int, part string) bool {
	at = min(at, len(s.window))
	return contains(s.window[at:min(len(s.window), at+n+len(part))], part)
}
