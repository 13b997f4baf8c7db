package inno

import (
	"cmp"
	"encoding/binary"
	"math"

	"golang.org/x/text/encoding"

	"lazuli/plugins/unbox/archive"
)

const (
	mostField  = 64 << 10 // bytes of a text that is shown; of longer ones the rest is left out
	mostName   = 4 << 10
	mostNames  = 32 << 20 // of the names of all files
	mostText   = 4 << 20  // of a licence or note
	mostTexts  = 16 << 20 // of all of them
	mostCode   = 16 << 20 // of the compiled script
	mostPlaces = 1 << 18  // files that are stored

	western = 1252 // the number of a character set
)

// setup is what the header has.
type setup struct {
	version version
	lock    *lock
	method  method
	set     encoding.Encoding // of texts, unless they are UTF-16
	told    bool              // by a language, what set is
	records []record
	counts  []int
	files   []destination
	code    []byte // compiled by Pascal Script
	texts   []document
	script  script

	names, kept int // bytes
}

// destination is where a file is installed to.
type destination struct {
	name  string
	place int // in the list of places
}

// document is a licence or a note.
type document struct {
	name string
	text []byte
}

// parse reads the header and the records behind it. What came before damage is kept.
func (s *setup) parse(f *fields) {
	s.records = s.version.records()
	s.set = archive.CodePage(western)
	head := s.header(f)
	s.all(f, 0, 1) // languages, which tell the character set
	s.showHeader(head)
	s.all(f, 1, len(s.records))
}

// all reads the records of some kinds.
func (s *setup) all(f *fields, from, to int) {
	for i := from; i < to; i++ {
		r := s.records[i]
		if r.kind == location {
			continue
		}
		s.script.section(r.section)
		for range s.counts[i] {
			if f.err != nil {
				return
			}
			s.record(f, r)
		}
	}
}

// header reads the header, of which it returns the texts.
func (s *setup) header(f *fields) [][]byte {
	v := s.version
	var head [][]byte
	for _, t := range headerTexts {
		if v.from(t.from...) {
			head = append(head, f.text(mostField))
		}
		switch { // until 5.2.5 these were among the others
		case v.from(5, 2, 5):
		case t.name == "OutputBaseFilename":
			s.texts = s.documents(f)
		case t.name == "DefaultUserInfoSerial":
			s.code = f.text(mostCode)
		}
	}
	if v.from(5, 2, 5) {
		s.texts = s.documents(f)
	}
	signed := v.from(5, 2, 1) && v.before(5, 3, 10)
	if signed {
		f.text(0) // the uninstaller's signature
	}
	if v.from(5, 2, 5) {
		s.code = f.text(mostCode)
	}
	if !v.wide {
		f.skip(32) // characters that have two bytes
	}
	s.counts = make([]int, len(s.records))
	for i := range s.counts {
		s.counts[i] = int(min(f.number(), math.MaxInt32))
	}
	if v.from(7, 0, 0, 3) {
		f.skip(number) // the version of what compiled the script
	}
	f.skip(int64(windowsBytes + v.looksBytes()))
	switch {
	case v.before(6, 4):
		s.lock = arcLock(f, v)
	case v.before(6, 5):
		test := f.bytes(testBytes)
		s.lock = chachaLock(f.bytes(chachaBytes), test)
	}
	if s.lock != nil {
		s.lock.encode = encodeFor(v)
	}
	f.skip(8 + 4 + 3) // room on disks, slices of each, what of privileges and warnings
	if v.from(5, 7) {
		f.skip(1)
	}
	f.skip(2) // what is asked of languages
	s.method = method(f.bytes(1)[0])
	if f.err != nil {
		s.method = unknown
		return head
	}
	if v.before(6, 3) {
		f.skip(2) // machines
	}
	if signed {
		f.skip(8) // of the uninstaller
	}
	if v.from(5, 3, 3) {
		f.skip(2)
	}
	switch {
	case v.from(5, 5):
		f.skip(8)
	case v.from(5, 3, 6):
		f.skip(4)
	}
	f.skip(int64(v.optionBytes()))
	return head
}

// documents reads a licence and the notes that are shown before and after.
func (s *setup) documents(f *fields) []document {
	var list []document
	for _, name := range [languageTexts]string{"license", "info before", "info after"} {
		text := f.text(min(mostText, int64(mostTexts-s.kept)))
		if s.kept += len(text); len(text) > 0 {
			list = append(list, document{name, text})
		}
	}
	return list
}

// showHeader shows the texts of the header.
func (s *setup) showHeader(head [][]byte) {
	s.script.line("; " + s.version.String())
	s.script.section("Setup")
	for _, t := range headerTexts {
		if s.version.from(t.from...) && len(head) > 0 {
			s.script.setting(t.name, s.decode(head[0]))
			head = head[1:]
		}
	}
}

// record reads a record.
func (s *setup) record(f *fields, r record) {
	if r.kind == language {
		s.language(f, r)
		return
	}
	var shown []value
	var name string
	for i, text := range r.texts {
		if r.section == "" || text == "" {
			f.text(0)
			continue
		}
		value := value{text, s.decode(f.text(mostField))}
		if r.kind == file && i == 1 {
			name = value.text
		}
		shown = append(shown, value)
	}
	fixed := f.bytes(r.fixed)
	if f.err != nil {
		return
	}
	switch r.kind {
	case file:
		place := int(int32(binary.LittleEndian.Uint32(fixed[s.version.fileLocation():])))
		if place >= 0 {
			s.file(f, name, place)
		}
	case registry:
		root := binary.LittleEndian.Uint32(fixed[windowsBytes:])
		shown = append([]value{{"Root", rootKey(root)}}, shown...)
	}
	s.script.record(shown)
}

// file keeps where a file goes to.
func (s *setup) file(f *fields, name string, place int) {
	if name = clean(name); len(name) > mostName {
		name = name[:mostName]
	}
	if s.names += len(name); s.names > mostNames {
		f.fail(archive.Damage("more names than there is room for"))
		return
	}
	s.files = append(s.files, destination{name, place})
}

// language reads a language: its own texts, and the character set of all others.
func (s *setup) language(f *fields, r record) {
	name := f.text(mostName)
	for range len(r.texts) - 1 - languageTexts {
		f.text(0)
	}
	list := s.documents(f)
	fixed := f.bytes(r.fixed)
	if f.err != nil {
		return
	}
	if s.version.hasPages() {
		page := cmp.Or(binary.LittleEndian.Uint32(fixed[number:]), western)
		if !s.told || page == western { // it is that of Western Europe if some language has it, else that of the first one
			s.set, s.told = archive.CodePage(page), true
		}
	}
	for _, d := range list {
		s.texts = append(s.texts, document{d.name + " (" + s.decode(name) + ")", d.text})
	}
}
