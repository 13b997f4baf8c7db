package query

import (
	"time"
	"unicode/utf8"
)

// Parse reads a query. Relative times count from now. Any error is an *Error.
func Parse(text string, now time.Time) (Expr, error) {
	p := parser{scanner: scanner{text: text}, now: now}
	if err := p.check(); err != nil {
		return nil, err
	}
	p.skipSpace()
	if p.done() {
		return All{}, nil
	}
	e, err := p.level(0)
	if err != nil {
		return nil, err
	}
	if !p.done() {
		return nil, p.errorAt(p.pos, "this bracket closes none")
	}
	return e, nil
}

type parser struct {
	scanner
	now      time.Time
	terms    int
	depth    int    // brackets and negations around
	brackets int    // brackets around
	after    string // the operator that a term must follow now, for errors
	lone     *Field // the term before was field:, with nothing behind the colon …
	loneEnd  int    // … and this is where the next term begins
}

// check refuses what is not worth reading.
func (p *parser) check() *Error {
	if len(p.text) > maxLength && utf8.RuneCountInString(p.text) > maxLength {
		return &Error{Column: maxLength + 1, Message: "the query is too long", Want: "at most 10,000 characters"}
	}
	for i := 0; i < len(p.text); {
		r, size := utf8.DecodeRuneInString(p.text[i:])
		if r == utf8.RuneError && size == 1 {
			return p.errorAt(i, "this is not UTF-8")
		}
		i += size
	}
	return nil
}

// levels are the operators between terms, the loosest first; the empty one is white space. Negations bind tighter than all.
var levels = []struct {
	operator string
	join     func([]Expr) Expr
}{{"", and}, {"OR", or}, {"AND", and}, {"DOCAND", doc}}

// level reads terms joined by operators of this level or tighter ones.
func (p *parser) level(n int) (Expr, *Error) {
	if n == len(levels) {
		return p.negation()
	}
	first, err := p.level(n + 1)
	if err != nil || !p.joined(levels[n].operator) {
		return first, err
	}
	parts := []Expr{first}
	for {
		part, err := p.level(n + 1)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		if !p.joined(levels[n].operator) {
			return levels[n].join(parts), nil
		}
	}
}

// joined tells whether another term follows that is joined by the operator, and goes behind that.
func (p *parser) joined(operator string) bool {
	p.skipSpace()
	if operator == "" {
		return !p.done() && p.peek() != ')'
	}
	if p.operator() != operator {
		return false
	}
	p.pos += len(operator)
	p.after = operator
	return true
}

func (p *parser) negation() (Expr, *Error) {
	p.skipSpace()
	start := p.pos
	switch {
	case p.operator() == "NOT":
		p.pos += len("NOT")
		p.after = "NOT"
	case p.peek() == '!':
		p.pos++
		p.after = "!"
	case p.peek() == '-':
		p.pos++
		if p.boundary(p.pos) || p.peek() == '-' {
			err := p.errorAt(start, "a - excludes the term right behind it")
			err.Want = `a term there, or quotes around a word that begins with -`
			return nil, err
		}
	default:
		return p.primary()
	}
	if err := p.deeper(start); err != nil {
		return nil, err
	}
	e, err := p.negation()
	p.depth--
	if err != nil {
		return nil, err
	}
	return Not{e}, nil
}

func (p *parser) deeper(at int) *Error {
	if p.depth == maxDepth {
		err := p.errorAt(at, "the query is nested too deep")
		err.Want = "at most 100 brackets and negations within one another"
		return err
	}
	p.depth++
	return nil
}

// primary reads a term, or a query in brackets.
func (p *parser) primary() (Expr, *Error) {
	start := p.pos
	switch {
	case p.peek() == ')' && p.brackets == 0:
		return nil, p.errorAt(start, "this bracket closes none")
	case p.done() || p.peek() == ')':
		what := "a term is missing here"
		if p.after != "" {
			what = p.after + " needs a term behind it"
		}
		err := p.errorAt(start, "%s", what)
		err.unfinished = p.done()
		return nil, err
	case p.operator() != "":
		err := p.errorAt(start, "%s needs a term before it", p.operator())
		err.Want = "a term, or quotes around the word to search for it"
		return nil, err
	case p.peek() != '(':
		p.after = ""
		return p.term()
	}
	if err := p.deeper(start); err != nil {
		return nil, err
	}
	p.pos++
	p.brackets++
	p.after = ""
	e, err := p.level(0)
	if err != nil {
		return nil, err
	}
	if p.done() {
		err := p.errorAt(start, "this bracket is not closed")
		err.unfinished = true
		return nil, err
	}
	p.pos++
	p.brackets--
	p.depth--
	return e, nil
}

// and joins parts into one And, into which those of them that are an And themselves dissolve.
func and(parts []Expr) Expr {
	var joined And
	for _, part := range parts {
		if inner, ok := part.(And); ok {
			joined = append(joined, inner...)
		} else {
			joined = append(joined, part)
		}
	}
	return joined
}

func or(parts []Expr) Expr {
	var joined Or
	for _, part := range parts {
		if inner, ok := part.(Or); ok {
			joined = append(joined, inner...)
		} else {
			joined = append(joined, part)
		}
	}
	return joined
}

// doc joins parts that must hold in one document: what an And in them joins as well.
func doc(parts []Expr) Expr {
	var joined Doc
	for _, part := range parts {
		part = inDocument(part)
		if inner, ok := part.(Doc); ok {
			joined = append(joined, inner...)
		} else {
			joined = append(joined, part)
		}
	}
	return joined
}

func inDocument(e Expr) Expr {
	switch e := e.(type) {
	case And:
		return doc(e)
	case Or:
		parts := make([]Expr, len(e))
		for i, part := range e {
			parts[i] = inDocument(part)
		}
		return or(parts)
	case Not:
		return Not{inDocument(e.Expr)}
	}
	return e
}
