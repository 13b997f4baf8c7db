package index

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Bounds on a query.
const (
	maxTerms = 50
	maxQuery = 10_000 // characters
)

// Parse reads a query: terms, side by side or joined by AND, all of which must hold. A term is field:value or a bare word; a value
// may stand in double quotes, and a * at its end means that it begins so.
func Parse(query string) (Expr, error) {
	p := parser{text: []rune(query)}
	if len(p.text) > maxQuery {
		return nil, &QueryError{maxQuery + 1, fmt.Sprintf("a query has at most %d characters", maxQuery)}
	}
	var all And
	for {
		p.skipSpace()
		if p.done() {
			return all, nil
		}
		if len(all) == maxTerms {
			return nil, p.errorf("a query has at most %d terms", maxTerms)
		}
		if p.keyword("AND") {
			if len(all) == 0 {
				return nil, p.errorf("AND needs a term before it")
			}
			p.pos += 3
			p.skipSpace()
			if p.done() {
				return nil, p.errorf("AND needs a term after it")
			}
			if p.keyword("AND") {
				return nil, p.errorf("expected a term, not a second AND")
			}
		}
		term, err := p.term()
		if err != nil {
			return nil, err
		}
		all = append(all, term)
	}
}

type parser struct {
	text []rune
	pos  int
}

func (p *parser) done() bool { return p.pos >= len(p.text) }

func (p *parser) skipSpace() {
	for !p.done() && unicode.IsSpace(p.text[p.pos]) {
		p.pos++
	}
}

func (p *parser) errorf(format string, args ...any) error {
	return &QueryError{p.pos + 1, fmt.Sprintf(format, args...)}
}

// keyword tells whether a word stands here, whole.
func (p *parser) keyword(word string) bool {
	end := p.pos + len(word)
	return end <= len(p.text) && string(p.text[p.pos:end]) == word && (end == len(p.text) || unicode.IsSpace(p.text[end]))
}

func (p *parser) term() (Expr, error) {
	for _, word := range []string{"OR", "NOT"} {
		if p.keyword(word) {
			return nil, p.errorf("%s is not supported yet: join terms by AND", word)
		}
	}
	switch p.text[p.pos] {
	case '(', ')', '[', ']', '{', '}':
		return nil, p.errorf("brackets are not supported yet: put a value that holds one in double quotes")
	case '-':
		return nil, p.errorf("excluding by - is not supported yet")
	}
	field := ""
	if colon := p.colon(); colon >= 0 {
		field = string(p.text[p.pos:colon])
		if !slices.Contains(Fields(), field) {
			return nil, p.errorf("there is no field %q: use one of %s, or put the word in double quotes", field, strings.Join(Fields(), ", "))
		}
		p.pos = colon + 1
	}
	if p.done() || unicode.IsSpace(p.text[p.pos]) {
		return nil, p.errorf("expected a value after %s:", field)
	}
	at := p.pos
	value, quoted, err := p.value()
	if err != nil {
		return nil, err
	}
	t := Term{Field: field, Op: "=", Value: value}
	if !quoted && strings.HasSuffix(value, "*") {
		t.Op, t.Value = "^", strings.TrimSuffix(value, "*")
	}
	return p.finish(t, at)
}

// colon finds the colon of a term's field, or -1.
func (p *parser) colon() int {
	for i := p.pos; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == ':':
			return i
		case c == '"' || unicode.IsSpace(c):
			return -1
		}
	}
	return -1
}

func (p *parser) value() (text string, quoted bool, err error) {
	if p.text[p.pos] != '"' {
		start := p.pos
		for !p.done() && !unicode.IsSpace(p.text[p.pos]) {
			p.pos++
		}
		return string(p.text[start:p.pos]), false, nil
	}
	var b strings.Builder
	for i := p.pos + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.pos = i + 1
			if !p.done() && !unicode.IsSpace(p.text[p.pos]) {
				return "", false, p.errorf("expected a space after the closing quote")
			}
			return b.String(), true, nil
		case c == '\\' && i+1 < len(p.text) && (p.text[i+1] == '"' || p.text[i+1] == '\\'):
			i++
			b.WriteRune(p.text[i])
		default:
			b.WriteRune(c)
		}
	}
	return "", false, p.errorf("the quote is not closed")
}

// finish checks a term's value against its field.
func (p *parser) finish(t Term, at int) (Expr, error) {
	switch t.Field {
	case "sha256", "sha1", "md5":
		t.Value = strings.ToLower(t.Value)
	case "size":
		text := t.Value
		if strings.HasPrefix(text, ">") || strings.HasPrefix(text, "<") {
			t.Op, text = text[:1], text[1:]
		}
		n, err := parseBytes(text)
		if err != nil || t.Op == "^" {
			return nil, &QueryError{at + 1, "expected a size such as 1024, >10kb or <2mb"}
		}
		t.Size = n
	case "":
		if field := hashField(t.Value); field != "" {
			return Term{Field: field, Op: "=", Value: strings.ToLower(t.Value)}, nil
		}
		if t.Op == "=" {
			t.Op = "~"
		}
	}
	return t, nil
}

// hashField tells by length which hash a word is.
func hashField(word string) string {
	for _, c := range word {
		if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return ""
		}
	}
	switch len(word) {
	case 64:
		return "sha256"
	case 40:
		return "sha1"
	case 32:
		return "md5"
	}
	return ""
}

func parseBytes(text string) (int64, error) {
	text = strings.ToLower(text)
	unit := int64(1)
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"gb", 1 << 30}, {"mb", 1 << 20}, {"kb", 1 << 10}, {"b", 1}} {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<62/unit {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	return n * unit, nil
}
