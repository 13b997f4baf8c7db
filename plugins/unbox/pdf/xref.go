package pdf

// entry is what a cross-reference says of an object (table 18 of 7.5.8.3).
type entry struct {
	kind byte
	at   int64  // offset, or number of the object stream
	n    uint32 // generation, or index in the object stream
}

const (
	entryFree byte = iota
	entryInFile
	entryInStream
)

// xrefs are all cross-references of a file, from the newest to the oldest.
type xrefs struct {
	entries  map[uint32]entry
	sections int
	trailer  Dict   // what the trailers say together
	broken   string // what is wrong with them; "" if nothing
}

// mostSections bounds how often a file may have been updated.
const mostSections = 4096

// readXRefs follows the cross-references from an offset on. ok is false if there is none.
func (d *document) readXRefs(start int64) (x *xrefs, ok bool) {
	x = &xrefs{entries: map[uint32]entry{}}
	seen := map[int64]bool{}
	for at := start; ; {
		if seen[at] {
			x.broken = "cross-references go round in a circle"
			break
		}
		if len(seen) >= mostSections {
			_ = d.notes.reach("a file of too many updates") // told in the report
			break
		}
		seen[at] = true
		trailer, ok := d.readSection(x, at, seen)
		if !ok {
			x.broken = "a cross-reference is not where it should be"
			break
		}
		x.sections++
		x.trailer = mergeTrailer(x.trailer, trailer)
		prev := d.resolve(trailer.Get("Prev"))
		if prev == nil || prev == int64(0) { // 0 is what some writers have for none
			break
		}
		if at, ok = integer(prev); !ok {
			x.broken = "a cross-reference is not where it should be"
			break
		}
	}
	return x, x.sections > 0
}

// mergeTrailer adds what an older trailer says and newer ones do not.
func mergeTrailer(trailer, older Dict) Dict {
	for _, key := range []Name{"Root", "Encrypt", "Info", "ID"} {
		if value := older.Get(key); value != nil && trailer.Get(key) == nil {
			trailer = append(trailer, Pair{key, value})
		}
	}
	return trailer
}

// readSection reads one table or stream at an offset, which counts from the file's beginning or from its header.
func (d *document) readSection(x *xrefs, at int64, seen map[int64]bool) (Dict, bool) {
	for _, at := range []int64{at, at + d.base} {
		if at < 0 || at >= d.src.size {
			continue
		}
		p := &d.parser
		p.at = at
		p.skip()
		if d.src.has(p.at, "xref") {
			return d.readTable(x, p.at+int64(len("xref")), seen)
		}
		if o, ok := d.indirect(at); ok {
			if s, ok := o.value.(*Stream); ok && s.Dict.Get("W") != nil {
				d.readXRefStream(x, s)
				return s.Dict, true
			}
		}
	}
	return nil, false
}

// add keeps an entry unless a newer one is known.
func (d *document) add(x *xrefs, number int64, e entry) {
	if number < 0 || number >= 1<<32 {
		return
	}
	if _, known := x.entries[uint32(number)]; known {
		return
	}
	if len(x.entries) >= d.limits.objects {
		_ = d.notes.reach("more objects than are looked at") // told in the report
		return
	}
	x.entries[uint32(number)] = e
}

// readTable reads a table (7.5.4) behind its keyword, and its trailer.
func (d *document) readTable(x *xrefs, at int64, seen map[int64]bool) (Dict, bool) {
	p := &d.parser
	p.at = at
	var free []int64 // added last: an object that is free here may be in the stream of a hybrid file (7.5.8.4)
	for next, begins := int64(0), true; ; {
		first := p.next()
		if first.kind != tokenInteger {
			if string(first.text) != "trailer" {
				return nil, false
			}
			break
		}
		second := p.next()
		if second.kind != tokenInteger {
			return nil, false
		}
		back := p.at
		third := p.next()
		use := string(third.text)
		if third.kind != tokenKeyword || use != "n" && use != "f" {
			p.at = back // it was the head of a subsection, whose count is not needed
			next = first.integer
			continue
		}
		if begins && next == 1 && use == "f" && second.integer == 65535 {
			next = 0 // a common mistake: the head of the free list is object 0
		}
		begins = false
		if use == "n" {
			d.add(x, next, entry{entryInFile, first.integer, uint32(min(max(second.integer, 0), 65535))})
		} else if len(free) < d.limits.objects {
			free = append(free, next)
		}
		next++
	}
	value, _ := p.value(p.at)
	trailer, ok := value.(Dict)
	if !ok {
		return nil, false
	}
	if at, ok := integer(trailer.Get("XRefStm")); ok && !seen[at] {
		seen[at] = true
		d.readHybrid(x, at)
	}
	for _, number := range free {
		d.add(x, number, entry{kind: entryFree})
	}
	return trailer, true
}

// readHybrid reads the stream that the trailer of a table points to.
func (d *document) readHybrid(x *xrefs, at int64) {
	for _, at := range []int64{at, at + d.base} {
		if o, ok := d.indirect(at); ok {
			if s, ok := o.value.(*Stream); ok && s.Dict.Get("W") != nil {
				d.readXRefStream(x, s)
				return
			}
		}
	}
	x.broken = "a cross-reference is not where it should be"
}

// readXRefStream reads the entries of a cross-reference stream (7.5.8), as many as there are.
func (d *document) readXRefStream(x *xrefs, s *Stream) {
	var widths [3]int
	row := 0
	list, _ := d.resolve(s.Dict.Get("W")).(Array)
	for i, o := range list[:min(len(list), 3)] {
		n, ok := integer(d.resolve(o))
		if !ok || n < 0 || n > 8 {
			x.broken = "a cross-reference stream has no widths"
			return
		}
		widths[i] = int(n)
		row += int(n)
	}
	if row == 0 {
		x.broken = "a cross-reference stream has no widths"
		return
	}
	content, err := d.content(s, d.limits.inner)
	if err != nil {
		x.broken = "a cross-reference stream is damaged"
	}
	index, ok := d.resolve(s.Dict.Get("Index")).(Array)
	if !ok {
		index = Array{int64(0), int64(len(content) / row)}
	}
	for ; len(index) >= 2; index = index[2:] {
		first, ok1 := integer(d.resolve(index[0]))
		count, ok2 := integer(d.resolve(index[1]))
		if !ok1 || !ok2 {
			x.broken = "a cross-reference stream has a damaged index"
			return
		}
		for ; count > 0 && len(content) >= row; count-- {
			d.add(x, first, rowEntry(content[:row], widths))
			content = content[row:]
			first++
		}
	}
}

// rowEntry reads one row. What kind 3 and above is shall be taken as null.
func rowEntry(row []byte, widths [3]int) entry {
	fields := [3]uint64{0: 1} // the kind where it takes no bytes
	for i, width := range widths {
		if width == 0 {
			continue
		}
		fields[i] = 0
		for _, c := range row[:width] {
			fields[i] = fields[i]<<8 | uint64(c)
		}
		row = row[width:]
	}
	if fields[0] > uint64(entryInStream) || fields[1] > 1<<62 || fields[2] >= 1<<31 {
		return entry{kind: entryFree}
	}
	return entry{byte(fields[0]), int64(fields[1]), uint32(fields[2])}
}
