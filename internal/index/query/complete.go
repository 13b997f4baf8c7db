package query

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is what can be completed at a cursor. The texts are those of the reference's REST.
type Kind string

// The kinds of completion.
const (
	KindNone       Kind = "None"    // nothing: the cursor is between terms
	KindInitial    Kind = "Initial" // nothing is written yet
	KindError      Kind = "Error"
	KindFieldName  Kind = "FieldName"
	KindFieldValue Kind = "FieldValue" // also a bare word, which may become a field's name
)

// PrefixType is how the text that is to be completed is written.
type PrefixType string

// The types of prefixes.
const (
	PrefixEmpty   PrefixType = "empty"
	PrefixExact   PrefixType = "case-sensitive"
	PrefixFolded  PrefixType = "case-insensitive"
	PrefixNumeric PrefixType = "numeric"
	PrefixRange   PrefixType = "range"
)

// Completion says what stands at a cursor and may be completed.
type Completion struct {
	Kind       Kind
	Prefix     string // what is written of the name or value, without quotes and escapes
	PrefixType PrefixType
	HasValue   bool     // FieldName: a value stands behind the colon
	Key        string   // FieldValue: the field's name, "" for a bare word
	Field      *Field   // FieldValue: the field of that name, if there is one
	Names      []*Field // FieldName, bare words: the fields that may be meant, best first
	Start, End int      // what a choice replaces, in characters from 0; quotes are part of it
	Column     int      // Error
	Message    string   // Error
}

// maxNames is how many names are offered at once.
const maxNames = 20

// token is a term as far as it is written.
type token struct {
	start, end int // in bytes
	named      bool
	name       string
	nameEnd    int // in front of the colon
	value      value
	prefixType PrefixType
}

// Complete says what may be written at offset, which counts characters from 0: the one that it stands on, or else the one before.
// A mistake elsewhere is an Error; in what is still being written it is none.
func Complete(text string, offset int) Completion {
	p := parser{scanner: scanner{text: text}}
	if err := p.check(); err != nil {
		return Completion{Kind: KindError, Column: err.Column, Message: err.text()}
	}
	if strings.TrimSpace(text) == "" {
		return Completion{Kind: KindInitial}
	}
	cursor := len(text)
	for i := range text {
		if offset <= 0 {
			cursor = i
			break
		}
		offset--
	}
	t, found := tokenAt(text, cursor)
	if _, bad := Parse(text, time.Now()); bad != nil {
		err := bad.(*Error)
		if !err.unfinished && !(found && t.holds(text, cursor, err.at)) {
			return Completion{Kind: KindError, Column: err.Column, Message: err.text()}
		}
	}
	if !found {
		return Completion{Kind: KindNone}
	}
	if t.named && cursor < t.nameEnd {
		return Completion{
			Kind: KindFieldName, Prefix: t.name, PrefixType: PrefixFolded, HasValue: t.value.end > t.value.start,
			Names: namesLike(t.name), Start: p.column(t.start) - 1, End: p.column(t.nameEnd) - 1,
		}
	}
	c := Completion{
		Kind: KindFieldValue, Prefix: t.value.text, PrefixType: t.prefixType,
		Start: p.column(t.value.start) - 1, End: p.column(t.value.end) - 1,
	}
	if t.value.star {
		c.Prefix += "*"
	}
	if t.named {
		c.Key = t.name
		if c.Field = Lookup(t.name); c.Field != nil {
			c.Key = c.Field.Name
		}
	} else if t.value.quote == 0 {
		c.Names = namesLike(t.value.text)
	}
	return c
}

// holds tells whether a mistake lies in the part of the term, name or value, in which the cursor stands.
func (t *token) holds(text string, cursor, mistake int) bool {
	if t.prefixType == PrefixEmpty && mistake > t.end {
		return strings.TrimSpace(text[t.end:mistake]) == "" // a word behind field: is only wrong while there is no value
	}
	return t.start <= mistake && mistake <= t.end && (t.named && cursor < t.nameEnd) == (t.named && mistake < t.nameEnd)
}

// tokenAt finds the term in which the cursor stands, or at whose end.
func tokenAt(text string, cursor int) (token, bool) {
	s := parser{scanner: scanner{text: text}}
	var before token
	for {
		s.skipSpace()
		if s.done() || s.pos > cursor {
			return before, before.end == cursor && before.end > 0
		}
		if op := s.operator(); op != "" {
			s.pos += len(op)
			continue
		}
		if c := s.peek(); c == '(' || c == ')' || c == '!' || c == '-' {
			s.pos++
			continue
		}
		t, ok := s.token()
		if t.start <= cursor && cursor < t.end {
			return t, true
		}
		if !ok {
			return t, cursor == t.end && t.end > t.start
		}
		before = t
	}
}

// token reads a term. What cannot be read goes on to the end, and the second result is false.
func (p *parser) token() (token, bool) {
	t := token{start: p.pos, prefixType: PrefixFolded}
	name, quoted, err := p.name()
	if err == nil && name != "" && (quoted || Lookup(name) != nil || !plain(name, p.text[p.pos:])) {
		t.named, t.name, t.nameEnd = true, name, p.pos-1
	} else {
		p.pos = t.start
	}
	if t.named {
		for p.peek() != 0 && strings.IndexByte("<>=", p.peek()) >= 0 {
			t.prefixType = PrefixNumeric
			p.pos++
		}
	}
	t.value.start = p.pos
	switch c := p.peek(); {
	case t.named && p.boundary(p.pos):
		t.value.end = p.pos
		t.prefixType = PrefixEmpty
	case t.named && (c == '[' || c == '{' || c == '('):
		t.prefixType = PrefixRange
		if end := strings.IndexAny(p.text[p.pos:], "]})"); end >= 0 {
			p.pos += end + 1
		} else {
			p.pos = len(p.text)
		}
		t.value.end = p.pos
		t.value.text = p.text[t.value.start:t.value.end]
	default:
		v, err := p.value()
		switch {
		case err == nil:
		case err.unfinished:
			v = value{text: p.text[v.start:], quote: v.quote, start: v.start, end: len(p.text)}
			if v.quote != 0 {
				v.text = v.text[1:]
			}
			p.pos = v.end
		default:
			v.end = p.pos
		}
		t.value = v
		if _, bad := parseFloat(v.text); bad == nil && v.quote == 0 {
			t.prefixType = PrefixNumeric
		}
		if v.quote == '"' {
			t.prefixType = PrefixExact
		}
		t.end = p.pos
		return t, err == nil
	}
	t.end = p.pos
	return t, true
}

// namesLike finds the fields that somebody may want who has written prefix: first those that begin so, then those of which a
// part does, then those that hold it.
func namesLike(prefix string) []*Field {
	prefix = strings.ToLower(prefix)
	if utf8.RuneCountInString(prefix) > 100 {
		return nil
	}
	var ranks [3][]*Field
	for _, f := range fields {
		switch {
		case f.Hidden:
		case strings.HasPrefix(f.Name, prefix):
			ranks[0] = append(ranks[0], f)
		case strings.Contains(f.Name, "."+prefix), strings.Contains(f.Name, "_"+prefix):
			ranks[1] = append(ranks[1], f)
		case strings.Contains(f.Name, prefix):
			ranks[2] = append(ranks[2], f)
		}
	}
	all := slices.Concat(ranks[:]...)
	return all[:min(len(all), maxNames)]
}
