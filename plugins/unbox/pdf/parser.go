package pdf

import "fmt"

// parser reads objects from a source. It goes down no call stack, so that depth costs nothing but memory, and ends containers
// that are still open where something begins that cannot be in one.
type parser struct {
	lexer
	limits *limits
	notes  *reached
	named  func(Name) // is told each name that hides characters behind #xx; may be nil
	levels int        // of containers whose values are kept; deeper ones are passed over, and so are strings if not all are kept

	stack []Object // values of containers that are open
	open  []opened
	kept  int // values that the object has so far
	text  int // bytes of its strings and names
	flaws int
}

const allLevels = 1 << 30

// opened is a container that is not closed yet.
type opened struct {
	dict bool
	from int // its first value on the stack
}

// structure are keywords that end whatever is open: no object may hold them.
var structure = map[string]bool{
	"obj": true, "endobj": true, "stream": true, "endstream": true, "xref": true, "trailer": true, "startxref": true,
}

// value reads the object at at and leaves the parser behind it. ok is false if there is none. What is broken in the object
// is counted in flaws; a number where 12 0 R stands is read as the reference.
func (p *parser) value(at int64) (o Object, ok bool) {
	p.at, p.stack, p.open, p.kept, p.text, p.flaws, p.cut = at, p.stack[:0], p.open[:0], 0, 0, 0, false
	defer func() { clear(p.stack) }()
	begun := at
	for {
		t := p.next()
		done := p.add(t)
		if p.src.work.spend(p.at-begun) != nil {
			return nil, false
		}
		begun = p.at
		if done || len(p.open) == 0 && len(p.stack) == 1 {
			break
		}
		if p.kept >= p.limits.values || p.text >= p.limits.text || p.cut {
			_ = p.notes.reach(fmt.Sprintf("an object of more than %d values or %d bytes of text", p.limits.values, p.limits.text)) // told in the report
			p.flaws++
			break
		}
	}
	for len(p.open) > 0 {
		p.flaws++
		p.close()
	}
	if len(p.stack) == 0 {
		return nil, false
	}
	o = p.stack[0]
	if n, isInt := o.(int64); isInt {
		if ref, end, isRef := p.reference(n); isRef {
			p.at = end
			return ref, true
		}
	}
	return o, true
}

// reference reads what follows a number if that makes it a reference.
func (p *parser) reference(number int64) (ref Ref, end int64, ok bool) {
	back := p.at
	defer func() { p.at = back }()
	generation := p.next()
	if generation.kind != tokenInteger {
		return Ref{}, 0, false
	}
	n := generation.integer
	if r := p.next(); r.kind != tokenKeyword || string(r.text) != "R" {
		return Ref{}, 0, false
	}
	ref, ok = makeRef(number, n)
	return ref, p.at, ok
}

func makeRef(number, generation int64) (Ref, bool) {
	if number <= 0 || number >= 1<<32 || generation < 0 || generation >= 1<<16 {
		return Ref{}, false
	}
	return Ref{uint32(number), uint16(generation)}, true
}

// add takes a token. done tells that the object ends in front of it.
func (p *parser) add(t token) (done bool) {
	if t.broken {
		p.flaws++
	}
	switch t.kind {
	case tokenEnd:
		return true
	case tokenOpenArray, tokenOpenDict:
		if len(p.open) >= p.limits.depth {
			_ = p.notes.reach(fmt.Sprintf("an object of more than %d levels", p.limits.depth)) // told in the report
			p.flaws++
			return true
		}
		p.kept++
		p.open = append(p.open, opened{t.kind == tokenOpenDict, len(p.stack)})
	case tokenCloseArray:
		if n := len(p.open); n == 0 || p.open[n-1].dict {
			p.flaws++
			return n == 0
		}
		p.close()
	case tokenCloseDict:
		if !p.closeDict() {
			p.flaws++
			return len(p.open) == 0
		}
	case tokenKeyword:
		return p.keyword(t)
	default:
		p.scalar(t)
	}
	return false
}

// closeDict closes the innermost dictionary and arrays in it that are still open. It tells whether there is one.
func (p *parser) closeDict() bool {
	for i := len(p.open) - 1; i >= 0; i-- {
		if !p.open[i].dict {
			continue
		}
		for len(p.open) > i+1 {
			p.flaws++
			p.close()
		}
		p.close()
		return true
	}
	return false
}

func (p *parser) scalar(t token) {
	p.text += len(t.text)
	if t.escapes && p.named != nil {
		p.named(Name(t.text))
	}
	switch {
	case p.passes():
		p.kept++
	case t.kind == tokenInteger:
		p.push(t.integer)
	case t.kind == tokenReal:
		p.push(t.real)
	case t.kind == tokenName:
		p.push(Name(t.text))
	case p.levels < allLevels:
		p.push(String(""))
	default:
		p.push(String(t.text))
	}
}

// passes tells whether what comes now is too deep to be kept.
func (p *parser) passes() bool { return len(p.open) > p.levels }

func (p *parser) push(o Object) {
	p.kept++
	if !p.passes() {
		p.stack = append(p.stack, o)
	}
}

func (p *parser) keyword(t token) (done bool) {
	switch word := string(t.text); {
	case word == "true" || word == "false":
		p.push(word == "true")
	case word == "null":
		p.push(nil)
	case word == "R" && len(p.open) > 0:
		p.makeReference()
	case structure[word] || len(p.open) == 0:
		p.at = t.at
		return true
	default:
		p.flaws++ // garbage in a container is passed over
	}
	return false
}

// makeReference turns the two numbers on top of the stack into a reference.
func (p *parser) makeReference() {
	if p.passes() {
		return
	}
	n := len(p.stack)
	if n-p.open[len(p.open)-1].from < 2 {
		p.flaws++
		return
	}
	number, ok1 := p.stack[n-2].(int64)
	generation, ok2 := p.stack[n-1].(int64)
	if !ok1 || !ok2 {
		p.flaws++
		return
	}
	p.stack = p.stack[:n-1]
	p.stack[n-2] = nil // to nothing, unless
	if ref, ok := makeRef(number, generation); ok {
		p.stack[n-2] = ref
	}
}

// close makes an object of the innermost container.
func (p *parser) close() {
	last := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	items := p.stack[last.from:]
	var o Object
	if last.dict {
		o = p.dict(items)
	} else {
		o = append(make(Array, 0, len(items)), items...)
	}
	clear(items)
	p.stack = p.stack[:last.from]
	if !p.passes() {
		p.stack = append(p.stack, o)
	}
}

func (p *parser) dict(items []Object) Dict {
	d := make(Dict, 0, len(items)/2)
	for len(items) > 0 {
		key, ok := items[0].(Name)
		if !ok {
			p.flaws++ // a value without a key
			items = items[1:]
			continue
		}
		if len(items) == 1 {
			p.flaws++
			d = append(d, Pair{key, nil})
			break
		}
		d = append(d, Pair{key, items[1]})
		items = items[2:]
	}
	return d
}
