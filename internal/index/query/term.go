package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// term reads a bare word or a field with what is asked of it.
func (p *parser) term() (Expr, *Error) {
	start := p.pos
	if p.terms++; p.terms > maxTerms {
		err := p.errorAt(start, "the query has too many terms")
		err.Want = "at most 1,000"
		return nil, err
	}
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	if field == nil {
		return p.bare()
	}
	t := &Term{Field: field, Column: p.column(start)}
	if p.boundary(p.pos) {
		p.skipSpace()
		p.lone, p.loneEnd = field, p.pos
		return t, nil
	}
	if err := p.condition(t); err != nil {
		return nil, err
	}
	return t, nil
}

// field goes behind a field's name and its colon. It returns nil where a bare word stands: also where there is a colon in it
// that makes no sense behind a field, as in http://host/, C:\Windows, 10.0.0.1:80, std::string and ssdeep hashes.
func (p *parser) field() (*Field, *Error) {
	start := p.pos
	name, quoted, err := p.name()
	if err != nil || name == "" {
		p.pos = start
		return nil, err
	}
	if f := Lookup(name); f != nil {
		return f, nil
	}
	if !quoted && plain(name, p.text[p.pos:]) {
		p.pos = start
		return nil, nil
	}
	return nil, p.unknown(start, name)
}

// name reads a name and the colon behind it; "" if none stands here.
func (p *parser) name() (name string, quoted bool, err *Error) {
	if c := p.peek(); c == '"' || c == '\'' {
		v, err := p.quoted()
		if err != nil || p.peek() != ':' {
			return "", true, err
		}
		p.pos++
		if v.star {
			v.text += "*"
		}
		return v.text, true, nil
	}
	for i, r := range p.text[p.pos:] {
		switch {
		case r == ':':
			name = p.text[p.pos : p.pos+i]
			p.pos += i + 1
			return name, false, nil
		case r == '"' || r == '(' || r == ')' || unicode.IsSpace(r):
			return "", false, nil
		}
	}
	return "", false, nil
}

// plain tells whether a colon belongs to a word. No name of a field is shorter than two letters or begins with anything else,
// and none looks like the host of host.example:8080.
func plain(name, rest string) bool {
	if len(name) < 2 || !letter(name[0]) || strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, `\`) || strings.HasPrefix(rest, ":") {
		return true
	}
	end := 0
	for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
		end++
	}
	port := end > 0 && (end == len(rest) || strings.IndexByte(" /)", rest[end]) >= 0)
	return port && strings.Contains(name, ".") && len(similar(name)) == 0
}

func (p *parser) unknown(at int, name string) *Error {
	if utf8.RuneCountInString(name) > 40 {
		name = string([]rune(name)[:40]) + "…"
	}
	err := p.errorAt(at, "there is no field %q", name)
	err.Want = "the name of a field before the colon, or quotes around the whole text to search for it"
	if names := similar(name); len(names) > 0 {
		err.Message += ": did you mean " + strings.Join(names, " or ") + "?"
		err.Want = ""
	}
	return err
}

// bare reads a word that is said of no field.
func (p *parser) bare() (Expr, *Error) {
	start := p.pos
	t := &Term{Column: p.column(start)}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.lone != nil && p.loneEnd == start {
		err := p.errorAt(start, "behind %s: there must be no space before the value", p.lone.Name)
		err.Want = "the value right behind the colon; or, to ask whether the field has any value, an operator or another field here"
		return nil, err
	}
	if v.quote == 0 {
		err = p.suspicious(v)
	} else if v.text == "" && !v.star {
		err = p.errorAt(start, "there is nothing between the quotes")
	}
	if err != nil {
		return nil, err
	}
	if err := p.match(t, v); err != nil {
		return nil, err
	}
	if t.Op == Exists {
		return All{}, nil
	}
	return t, nil
}

// suspicious finds words that nobody means as words.
func (p *parser) suspicious(v value) *Error {
	switch c := v.text[0]; {
	case c == '=' || c == '<' || c == '>' || c == ':' && !strings.HasPrefix(v.text, "::"):
		err := p.errorAt(v.start, "a comparison needs a field right before it")
		err.Want = "no spaces, as in size:>10kb, or quotes around the word to search for it"
		return err
	case (c == '[' || c == '{') && p.rangeAhead(v.start):
		err := p.errorAt(v.start, "a range needs a field right before it")
		err.Want = "no spaces, as in size:[1kb TO 2kb], or quotes around the text to search for it"
		return err
	case v.text == "&&" || v.text == "||":
		err := p.errorAt(v.start, "%s is no operator", v.text)
		err.Want = map[string]string{"&&": "AND", "||": "OR"}[v.text] + ", or quotes around the word to search for it"
		return err
	}
	if i := strings.IndexAny(v.text, "<>="); i > 0 {
		if f := Lookup(v.text[:i]); f != nil {
			err := p.errorAt(v.start+i, "%s is a field, and a colon stands behind those", f.Name)
			err.Want = f.Name + ":" + v.text[i:i+1] + "…, or quotes around the word to search for it"
			return err
		}
	}
	return nil
}

// value reads a word or a quoted text, which must end where a term may end.
func (p *parser) value() (value, *Error) {
	if c := p.peek(); c != '"' && c != '\'' {
		return p.word()
	}
	v, err := p.quoted()
	if err != nil {
		return v, err
	}
	if !p.boundary(p.pos) {
		err := p.errorAt(p.pos, "the text goes on behind the closing quote")
		err.Want = `a space, or \` + string(v.quote) + ` for a quote within the text`
		return v, err
	}
	return v, nil
}

// condition reads what stands behind the colon.
func (p *parser) condition(t *Term) *Error {
	switch p.peek() {
	case '<', '>', '=':
		return p.comparison(t)
	case '(':
		return p.interval(t)
	case '[', '{':
		if t.Field.ordered() || p.rangeAhead(p.pos) {
			return p.interval(t)
		}
	}
	v, err := p.value()
	if err != nil {
		return err
	}
	if v.quote == 0 && v.text == "*" || v.quote != 0 && v.star && v.text == "" {
		return nil // anything: Exists
	}
	switch {
	case t.Field.Type == Text, t.Field.Type == Address && v.wild():
		return p.match(t, v)
	case t.Field.Type == Hash:
		return p.hash(t, v)
	case v.wild():
		err := p.errorAt(v.start, "%s takes no * and no ?", t.Field.Name)
		err.Want = t.Field.Type.want()
		return err
	}
	return p.equal(t, v)
}

// ordered tells whether values of the field can be compared.
func (f *Field) ordered() bool { return f.Type != Text && f.Type != Hash }

func (v value) wild() bool {
	return v.star || v.quote == 0 && strings.ContainsAny(v.text, "*?")
}

// match makes t compare with a text, which is a pattern if there are wildcards in it; what matches everything is left as Exists.
func (p *parser) match(t *Term, v value) *Error {
	t.Exact = v.quote == '"'
	if !v.wild() {
		t.Op, t.Text = Is, v.text
		return nil
	}
	switch {
	case v.quote != 0:
		t.Text = escape(v.text) + "*"
	default:
		t.Text = strings.ReplaceAll(v.text, `\`, `\\`)
	}
	if strings.Trim(t.Text, "*") == "" {
		t.Text, t.Exact = "", false
		return nil
	}
	var bad error
	if t.Pattern, bad = Compile(t.Text, !t.Exact); bad != nil {
		err := p.errorAt(v.start, "%s", bad)
		err.Want = "at most 64 characters there"
		return err
	}
	t.Op = Like
	return nil
}

// hash makes t compare with a hash or its beginning.
func (p *parser) hash(t *Term, v value) *Error {
	digits := 0
	for i, c := range v.text {
		switch {
		case '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'f':
			digits++
		case v.quote == 0 && (c == '*' || c == '?'):
		default:
			if v.quote != 0 {
				i = 0
			}
			err := p.errorAt(v.start+i, "%q is no hex digit, of which %s consists", c, t.Field.Name)
			err.Want = t.Field.Type.want()
			return err
		}
	}
	v.text = strings.ToLower(v.text)
	if digits > t.Field.Digits {
		return p.errorAt(v.start, "%s has %d hex digits and this has %d", t.Field.Name, t.Field.Digits, digits)
	}
	if digits < 4 && !v.wild() {
		err := p.errorAt(v.start, "this is too little of %s", t.Field.Name)
		err.Want = t.Field.Type.want() + ", or a * behind them"
		return err
	}
	if digits < t.Field.Digits && !v.wild() {
		v.quote, v.star = '\'', true
	}
	err := p.match(t, v)
	t.Exact = false
	return err
}
