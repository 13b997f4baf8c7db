package pdf

import (
	"bytes"
	"strings"
)

// found is an object whose header lies in the file, wherever no stream's data are.
type found struct {
	at, end  int64
	id       ID
	revision int32 // how many %%EOF come before it
	bundle   bool  // it is an object stream
	catalog  bool
}

// survey is what lies in a file from its beginning to its end, cross-references aside.
type survey struct {
	objects    []found
	ends       int   // %%EOF
	lastEnd    int64 // behind the last of them; 0 if there is none
	trailer    Dict  // what all trailers say together, the last one first
	linearized bool
	whole      bool // the work was enough to see all of it
}

// scan reads the file once. Data of streams are passed over, so that a PDF in a PDF does not count.
func (d *document) scan() *survey {
	s := &survey{whole: true}
	d.parser.named = d.escapedName
	for at := int64(0); ; {
		mark, where := d.mark(at)
		if mark == "" {
			break
		}
		at = d.survey(s, mark, where, at)
	}
	d.parser.named = nil
	s.whole = s.whole && d.src.err == nil
	return s
}

// mark returns the first keyword that a scan looks for from an offset on, and "" if there is none.
func (d *document) mark(at int64) (mark string, where int64) {
	const longest = len("trailer")
	for {
		chunk := d.src.ahead(at, longest+1)
		for i, c := range chunk {
			switch c {
			case 'o':
				mark = "obj"
			case 't':
				mark = "trailer"
			case '%':
				mark = "%%EOF"
			default:
				continue
			}
			if bytes.HasPrefix(chunk[i:], []byte(mark)) {
				return mark, at + int64(i)
			}
		}
		if len(chunk) <= longest {
			return "", 0
		}
		at += int64(len(chunk) - longest)
	}
}

// survey looks at a keyword and returns where to go on.
func (d *document) survey(s *survey, mark string, where, from int64) int64 {
	behind := where + int64(len(mark))
	switch mark {
	case "%%EOF":
		s.ends++
		s.lastEnd = behind
	case "trailer":
		d.surveyed = where
		value, _ := d.parser.value(behind)
		if dict, ok := value.(Dict); ok {
			s.trailer = mergeTrailer(mergeTrailer(nil, dict), s.trailer)
			return max(behind, d.parser.at)
		}
	case "obj":
		if at, ok := d.headerBefore(where, from); ok {
			return d.surveyObject(s, at, behind)
		}
	}
	return behind
}

// headerBefore returns where the header begins that ends with the keyword at at, but not before from.
func (d *document) headerBefore(at, from int64) (int64, bool) {
	begin := max(from, at-64)
	line := d.src.peek(begin, int(at-begin))
	for range 2 {
		rest := bytes.TrimRight(line, "\x00\t\n\f\r ")
		if len(rest) == len(line) {
			return 0, false
		}
		line = bytes.TrimRight(rest, "0123456789")
		if len(line) == len(rest) {
			return 0, false
		}
	}
	return begin + int64(len(line)), true
}

// surveyObject reads the object at at and returns where to go on: behind it, or behind its header if it is open to the end.
func (d *document) surveyObject(s *survey, at, behind int64) int64 {
	if len(s.objects) >= d.limits.objects {
		_ = d.notes.reach("more objects than are looked at") // told in the report
		s.whole = false
		return d.src.size
	}
	d.surveyed = at
	d.parser.levels = 1
	o, ok := d.indirect(at)
	d.parser.levels = allLevels
	if !ok {
		return behind
	}
	f := found{at: at, end: o.end, id: o.id, revision: int32(s.ends)}
	dict := dictOf(o.value)
	_, isStream := o.value.(*Stream)
	switch kind, _ := dict.Get("Type").(Name); {
	case kind == "Catalog":
		f.catalog = true
	case kind == "ObjStm" && isStream:
		f.bundle = true
	case kind == "XRef" && isStream:
		if whole, ok := d.indirect(at); ok {
			s.trailer = mergeTrailer(mergeTrailer(nil, dictOf(whole.value)), s.trailer)
		}
	}
	if dict.Get("Linearized") != nil && len(s.objects) == 0 {
		s.linearized = true
	}
	s.objects = append(s.objects, f)
	if o.flaws > 0 && o.end >= d.src.size {
		return behind
	}
	return max(o.end, behind)
}

// escapedName notes a name that hides what it says.
func (d *document) escapedName(n Name) {
	if len(d.escaped) < d.limits.facts {
		d.escaped = append(d.escaped, escapedName{d.surveyed, n[:min(len(n), mostText)]})
	}
	d.escapes++
}

// escapedName is a name with escapes that it does not need.
type escapedName struct {
	at   int64 // of the object that it is in
	name Name
}

// findHeader returns where %PDF- is, among the first bytes as readers accept it (ISO 32000-1, annex H, note 13), and the version.
func (d *document) findHeader() (at int64, version string, ok bool) {
	head := d.src.peek(0, 1024+64)
	i := bytes.Index(head[:min(len(head), 1024)], []byte("%PDF-"))
	if i < 0 {
		return 0, "", false
	}
	line := string(head[i+5:])
	if end := strings.IndexAny(line, "\r\n \x00%"); end >= 0 {
		line = line[:end]
	}
	return int64(i), strings.ToValidUTF8(line[:min(len(line), 32)], "?"), true
}
