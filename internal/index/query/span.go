package query

import (
	"cmp"
	"strings"
	"unicode"
)

// span is what a written value covers: 2024-01 a month, 10.0.0.0/8 a network, most values themselves alone.
type span struct {
	from, to      Bound // its ends, for = >= <= and [ ]
	before, after Bound // what lies next to it, for < > and { }
}

// point is the span of one value.
func point(b Bound) span {
	b.Set = true
	open := b
	open.Open = true
	return span{from: b, to: b, before: open, after: open}
}

// stretch is the span of all that lies from one value on and before another.
func stretch(from, end int64) span {
	return span{
		from: Bound{Value: from, Set: true}, before: Bound{Value: from, Open: true, Set: true},
		to: Bound{Value: end, Open: true, Set: true}, after: Bound{Value: end, Set: true},
	}
}

// span reads a value of a field that can be compared.
func (p *parser) span(f *Field, v value) (span, *Error) {
	text := strings.TrimSpace(v.text)
	var s span
	var bad error
	switch f.Type {
	case Integer, Size:
		var n int64
		n, bad = parseInteger(text)
		s = point(Bound{Value: n})
	case Float:
		var n float64
		n, bad = parseFloat(text)
		s = point(Bound{Float: n})
	case Time:
		s, bad = parseTime(text, p.now)
	case Address:
		s, bad = parseAddress(text)
	}
	if bad != nil {
		err := p.errorAt(v.start, "%s: %s", f.Name, bad)
		err.Want = f.Type.want()
		return s, err
	}
	if rest := p.strayed(f, v); rest != "" {
		err := p.errorAt(v.end, "%s: the value stops at the space", f.Name)
		err.Want = v.text + rest
		return s, err
	}
	return s, nil
}

// strayed returns what should stand right behind a word and stands behind a space: size:>100 kb and timestamp:2024-01-31 08:30
// would otherwise look for another word as well, which people do not see.
func (p *parser) strayed(f *Field, v value) string {
	rest := strings.TrimLeftFunc(p.text[v.end:], unicode.IsSpace)
	if v.quote != 0 || len(rest) == len(p.text)-v.end {
		return ""
	}
	if end := strings.IndexFunc(rest, func(r rune) bool { return r == ')' || r == ']' || unicode.IsSpace(r) }); end >= 0 {
		rest = rest[:end]
	}
	switch {
	case f.Type == Size && len(rest) > 1 && units[strings.ToLower(rest)] > 0:
		return rest
	case f.Type == Time && len(rest) >= 5 && decimal(rest[:2]) && rest[2] == ':' && decimal(rest[3:5]):
		return "T" + rest
	}
	return ""
}

// equal makes t ask for what a value covers.
func (p *parser) equal(t *Term, v value) *Error {
	s, err := p.span(t.Field, v)
	if err != nil {
		return err
	}
	if s.from.Relative != "" {
		err := p.errorAt(v.start, "%s: nothing happened at exactly %s", t.Field.Name, s.from.Relative)
		err.Want = "a comparison such as " + t.Field.Name + ":>" + s.from.Relative
		return err
	}
	if t.Field.Type == Address && s.from == s.to {
		t.Op, t.Text = Is, s.from.Addr.String()
		return nil
	}
	t.Op, t.Min, t.Max = Range, s.from, s.to
	return nil
}

// comparison reads = > >= < <= and the value behind it.
func (p *parser) comparison(t *Term) *Error {
	start := p.pos
	op := p.text[p.pos : p.pos+1]
	p.pos++
	if op != "=" && p.peek() == '=' {
		op += "="
		p.pos++
	}
	f := t.Field
	if !f.ordered() || f.Type == Address && op != "=" {
		err := p.errorAt(start, "%s is %s, which is not compared by %s", f.Name, f.Type.article(), op)
		err.Want = f.possible()
		return err
	}
	if p.boundary(p.pos) {
		err := p.errorAt(p.pos, "a value is missing right behind %s:%s", f.Name, op)
		err.Want = f.Type.want()
		err.unfinished = p.done()
		return err
	}
	v, err := p.value()
	if err != nil {
		return err
	}
	if op == "=" {
		return p.equal(t, v)
	}
	s, err := p.span(f, v)
	if err != nil {
		return err
	}
	t.Op = Range
	switch op {
	case ">":
		t.Min = s.after
	case ">=":
		t.Min = s.from
	case "<":
		t.Max = s.before
	case "<=":
		t.Max = s.to
	}
	return nil
}

// possible says how a field that is not compared is asked for.
func (f *Field) possible() string {
	switch {
	case f.Feature != "":
		return f.Name + `:"value"; numbers are compared by features.name:"` + f.Feature + `" DOCAND features.enriched.float:>1 (or .integer)`
	case f.Type == Address:
		return f.Type.want()
	case f.Type == Hash:
		return f.Name + ": and " + f.Type.want()
	}
	return f.Name + ":value, or quotes around a value that begins so"
}

func (t Type) article() string {
	switch t {
	case Text:
		return "text"
	case Integer, Address:
		return "an " + t.String()
	}
	return "a " + t.String()
}

// interval reads [a TO b]; a curly or round bracket leaves its end out, a star is no end at all.
func (p *parser) interval(t *Term) *Error {
	start := p.pos
	f := t.Field
	if !f.ordered() {
		err := p.errorAt(start, "%s is %s, which has no ranges", f.Name, f.Type.article())
		if f.Type == Text && p.peek() == '(' {
			err.Message = "a bracket right behind a colon begins a range, and " + f.Name + " has none"
			err.Want = f.Name + ":a OR " + f.Name + ":b, or quotes around a value that begins with a bracket"
			return err
		}
		err.Want = f.possible()
		return err
	}
	open := p.text[p.pos] != '['
	p.pos++
	low, err := p.limit(start)
	if err != nil {
		return err
	}
	p.skipSpace()
	if to := p.pos + len("TO"); to > len(p.text) || !strings.EqualFold(p.text[p.pos:to], "TO") || !p.boundary(to) {
		err := p.errorAt(p.pos, "a range needs TO between its ends")
		err.Want = "TO, as in " + f.Name + ":[a TO b]"
		err.unfinished = to >= len(p.text)
		return err
	}
	p.pos += len("TO")
	high, err := p.limit(start)
	if err != nil {
		return err
	}
	p.skipSpace()
	closing := p.peek()
	if closing != ']' && closing != '}' && closing != ')' {
		err := p.errorAt(p.pos, "the range is not closed")
		err.Want = "] or, to leave the end out, }"
		err.unfinished = p.done()
		return err
	}
	p.pos++
	if !p.boundary(p.pos) {
		return p.errorAt(p.pos, "the text goes on behind the range")
	}
	if !low.any() {
		s, err := p.span(f, low)
		if err != nil {
			return err
		}
		t.Op, t.Min = Range, s.from
		if open {
			t.Min = s.after
		}
	}
	if !high.any() {
		s, err := p.span(f, high)
		if err != nil {
			return err
		}
		t.Op, t.Max = Range, s.to
		if closing != ']' {
			t.Max = s.before
		}
	}
	if t.Op == Range {
		return p.sensible(t, start)
	}
	return nil
}

func (v value) any() bool { return v.quote == 0 && v.text == "*" }

// limit reads one end of a range.
func (p *parser) limit(start int) (value, *Error) {
	p.skipSpace()
	if c := p.peek(); c == '"' || c == '\'' {
		return p.quoted()
	}
	v := value{start: p.pos, end: len(p.text)}
	if i := strings.IndexFunc(p.text[p.pos:], func(r rune) bool { return r == ']' || r == '}' || r == ')' || unicode.IsSpace(r) }); i >= 0 {
		v.end = p.pos + i
	}
	if v.start == v.end {
		err := p.errorAt(p.pos, "a range has two ends")
		err.Want = "a value, or * for no end"
		err.unfinished = p.done()
		return v, err
	}
	v.text, p.pos = p.text[v.start:v.end], v.end
	return v, nil
}

// sensible refuses ranges in which nothing can lie.
func (p *parser) sensible(t *Term, start int) *Error {
	order := -1
	switch {
	case t.Field.Type == Address && (!t.Min.Set || !t.Max.Set || t.Min.Addr.Is4() != t.Max.Addr.Is4()):
		err := p.errorAt(start, "a range of addresses has two ends, both IPv4 or both IPv6")
		err.Want = t.Field.Type.want()
		return err
	case !t.Min.Set || !t.Max.Set:
		return nil
	case t.Field.Type == Address:
		order = t.Min.Addr.Compare(t.Max.Addr)
	case t.Field.Type == Float:
		order = cmp.Compare(t.Min.Float, t.Max.Float)
	default:
		order = cmp.Compare(t.Min.Value, t.Max.Value)
	}
	if order > 0 || order == 0 && (t.Min.Open || t.Max.Open) {
		err := p.errorAt(start, "nothing lies in this range")
		err.Want = "the lower end first"
		return err
	}
	return nil
}

// rangeAhead tells whether a value and TO stand behind the bracket at pos.
func (p *parser) rangeAhead(pos int) bool {
	s := scanner{text: p.text, pos: pos + 1}
	s.skipSpace()
	if c := s.peek(); c == '"' || c == '\'' {
		if _, err := s.quoted(); err != nil {
			return false
		}
	} else if i := strings.IndexFunc(s.text[s.pos:], unicode.IsSpace); i > 0 {
		s.pos += i
	}
	s.skipSpace()
	to := s.pos + len("TO")
	return to <= len(s.text) && strings.EqualFold(s.text[s.pos:to], "TO") && s.boundary(to)
}
