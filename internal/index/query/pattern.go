package query

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Pattern is a text in which * stands for any characters, also none, and ? for one. A backslash makes the character behind it
// a plain one. The zero Pattern matches the empty text.
type Pattern struct {
	text string
	fold bool
	runs []run // what stands between the stars; one when there is no star
}

// run is literal texts with one ? between each two.
type run []string

// maxRun bounds a run with ? in it between two stars, which may be tried at every place of a text. All else is looked for in
// one pass.
const maxRun = 64 // bytes

// Compile reads a pattern. With fold, upper and lower case do not differ.
func Compile(text string, fold bool) (Pattern, error) {
	p := Pattern{text: text, fold: fold}
	if fold {
		text = Fold(text)
	}
	var literal strings.Builder
	var current run
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			literal.WriteByte(text[i])
		case c == '*':
			p.runs = append(p.runs, append(current, literal.String()))
			literal.Reset()
			current = nil
		case c == '?':
			current = append(current, literal.String())
			literal.Reset()
		default:
			literal.WriteByte(c)
		}
	}
	p.runs = append(p.runs, append(current, literal.String()))
	for _, r := range p.runs[min(1, len(p.runs)-1) : len(p.runs)-1] {
		if len(r) > 1 && r.bytes() > maxRun {
			return Pattern{}, errors.New("a ? stands among too many characters between two stars")
		}
	}
	return p, nil
}

func (r run) bytes() int {
	n := len(r) - 1
	for _, literal := range r {
		n += len(literal)
	}
	return n
}

// String returns the pattern's text.
func (p Pattern) String() string { return p.text }

// Prefix returns what every text that matches begins with: folded, if the pattern folds.
func (p Pattern) Prefix() string {
	if len(p.runs) == 0 {
		return ""
	}
	return p.runs[0][0]
}

// IsPrefix tells whether the pattern matches all that begins with Prefix, and nothing else.
func (p Pattern) IsPrefix() bool {
	return len(p.runs) == 2 && len(p.runs[0]) == 1 && len(p.runs[1]) == 1 && p.runs[1][0] == ""
}

// Match tells whether a whole text matches, in time linear in its length.
func (p Pattern) Match(text string) bool {
	if len(p.runs) == 0 {
		return text == ""
	}
	if p.fold {
		text = Fold(text)
	}
	n, ok := p.runs[0].at(text)
	if !ok {
		return false
	}
	text = text[n:]
	if len(p.runs) == 1 {
		return text == ""
	}
	last := p.runs[len(p.runs)-1]
	if n, ok = last.before(text); !ok {
		return false
	}
	text = text[:len(text)-n]
	for _, r := range p.runs[1 : len(p.runs)-1] {
		// The leftmost place leaves the most for what follows.
		end := r.find(text)
		if end < 0 {
			return false
		}
		text = text[end:]
	}
	return true
}

// at tells how many bytes the run covers at the beginning of a text.
func (r run) at(text string) (int, bool) {
	n := 0
	for i, literal := range r {
		if i > 0 {
			_, size := utf8.DecodeRuneInString(text[n:])
			if size == 0 {
				return 0, false
			}
			n += size
		}
		if !strings.HasPrefix(text[n:], literal) {
			return 0, false
		}
		n += len(literal)
	}
	return n, true
}

// before tells how many bytes the run covers at the end of a text.
func (r run) before(text string) (int, bool) {
	rest := text
	for i := len(r) - 1; i >= 0; i-- {
		var ok bool
		if rest, ok = strings.CutSuffix(rest, r[i]); !ok {
			return 0, false
		}
		if i > 0 {
			_, size := utf8.DecodeLastRuneInString(rest)
			if size == 0 {
				return 0, false
			}
			rest = rest[:len(rest)-size]
		}
	}
	return len(text) - len(rest), true
}

// find returns where the run first ends in a text, or -1.
func (r run) find(text string) int {
	from := 0
	for {
		i := strings.Index(text[from:], r[0])
		if i < 0 {
			return -1
		}
		from += i
		if n, ok := r.at(text[from:]); ok {
			return from + n
		}
		_, size := utf8.DecodeRuneInString(text[from:])
		if size == 0 {
			return -1
		}
		from += size
	}
}

// escape writes a text as a pattern that matches it alone.
func escape(text string) string {
	if !strings.ContainsAny(text, `\*?`) {
		return text
	}
	return escaper.Replace(text)
}

var escaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// literalOf takes the backslashes out of a pattern without wildcards: the text that it matches.
func literalOf(pattern string) string {
	if !strings.Contains(pattern, `\`) {
		return pattern
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}
