package pdf

// indirect is an object as it lies in the file, between "12 0 obj" and whatever ends it.
type indirect struct {
	id     ID
	value  Object
	body   int64 // where its value begins
	end    int64 // behind the value, or behind a stream's data
	flaws  int   // in its syntax
	values int   // that it has, for the cache's measure
}

// header reads "12 0 obj" at at, white space in front of it aside.
func (d *document) header(at int64) (id ID, body int64, ok bool) {
	p := &d.parser
	p.at = at
	number := p.next()
	if number.kind != tokenInteger || number.broken {
		return ID{}, 0, false
	}
	generation := p.next()
	if generation.kind != tokenInteger || generation.broken {
		return ID{}, 0, false
	}
	p.skip()
	ref, ok := makeRef(number.integer, generation.integer)
	if !ok || !d.src.has(p.at, "obj") {
		return ID{}, 0, false
	}
	return ID(ref), p.at + 3, true
}

// indirect reads the object whose header lies at at.
func (d *document) indirect(at int64) (o indirect, ok bool) {
	id, body, ok := d.header(at)
	if !ok {
		return indirect{}, false
	}
	p := &d.parser
	value, _ := p.value(body) // null if there is none
	o = indirect{id: id, value: value, body: body, end: min(p.at, d.src.size), flaws: p.flaws, values: p.kept + p.text/16}
	dict, isDict := value.(Dict)
	if !isDict {
		return o, true
	}
	p.skip()
	if !d.src.has(p.at, "stream") {
		return o, true
	}
	s := &Stream{Dict: dict, id: id, at: d.dataAfter(p.at + int64(len("stream")))}
	d.measure(s)
	o.value, o.end = s, s.at+s.size
	return o, true
}

// dataAfter returns where a stream's data begin: behind one end of line after the keyword (7.3.8.1), blanks before it aside.
func (d *document) dataAfter(at int64) int64 {
	line := at
	for c := d.src.byteAt(line); c == ' ' || c == '\t'; c = d.src.byteAt(line) {
		if line++; line-at > backBytes {
			return at
		}
	}
	switch d.src.byteAt(line) {
	case '\n':
		return line + 1
	case '\r':
		if d.src.byteAt(line+1) == '\n' {
			return line + 2
		}
		return line + 1
	}
	return at
}

// measure finds the end of a stream's data: what Length says if endstream stands there, and otherwise the first endstream.
func (d *document) measure(s *Stream) {
	if n, ok := integer(d.resolve(s.Dict.Get("Length"))); ok && n >= 0 && n <= d.src.size-s.at && d.streamEndsAt(s.at+n) {
		s.size = n
		return
	}
	s.lies = true
	end := d.src.index(s.at, d.src.size, "endstream")
	if end < 0 {
		end = d.src.index(s.at, d.src.size, "endobj")
	}
	if end < 0 {
		s.size, s.open = max(0, d.src.size-s.at), true
		return
	}
	// The end of line in front of endstream is not of the data.
	if end > s.at && d.src.byteAt(end-1) == '\n' {
		end--
	}
	if end > s.at && d.src.byteAt(end-1) == '\r' {
		end--
	}
	s.size = end - s.at
}

// streamEndsAt tells whether data may end at at: nothing but a little white space stands in front of endstream.
func (d *document) streamEndsAt(at int64) bool {
	const most = 16
	for i := int64(0); i < most && space(d.src.byteAt(at)); i++ {
		at++
	}
	return d.src.has(at, "endstream") || d.src.has(at, "endobj")
}
