package goinfo

import "bytes"

// moduleData is runtime.moduledata, as far as it is needed: where code and types are. Its first word points to the function table, and that is how it is found. What
// follows differs from release to release (runtime/symtab.go); words are counted from 0.
type moduleData struct {
	text          uint64
	types, etypes uint64 // 0 when there are none, or not where they are known to be
	release       string // which releases have this layout
}

// moduleLayout is where the words are.
type moduleLayout struct {
	text          int
	types, etypes int
	size          int // of all descriptors together; 0 when there is no such word
	lists         int // a slice that follows, of which length and capacity are the same; 0 when it is not looked at
	release       string
}

// layouts are tried in order: the first that makes sense counts.
var (
	layouts12  = []moduleLayout{{text: 12, types: 25, etypes: 26, release: "go1.7–go1.15"}, {text: 12, release: "go1.5–go1.6"}}
	layouts116 = []moduleLayout{{text: 22, types: 35, etypes: 36, release: "go1.16–go1.17"}}
	layouts118 = []moduleLayout{{text: 22, types: 35, etypes: 36, release: "go1.18–go1.19"}}
	layouts120 = []moduleLayout{
		{text: 22, types: 37, size: 38, etypes: 39, lists: 45, release: "go1.27 or newer"},
		{text: 22, types: 37, etypes: 38, lists: 42, release: "go1.26"},
		{text: 22, types: 37, etypes: 38, lists: 41, release: "go1.20–go1.25"},
	}
)

func (t *pclntab) moduleLayouts() []moduleLayout {
	switch {
	case t.layout == layout12:
		return layouts12
	case t.layout == layout116:
		return layouts116
	case t.magic == magic118:
		return layouts118
	}
	return layouts120
}

const moduleWords = 48 // that are looked at

// findModule returns the module that a function table belongs to; nil if it is not found.
func (m *image) findModule(t *pclntab) *moduleData {
	for _, name := range moduleSections {
		if s, there := m.named[name]; there {
			if module := m.readModule(t, m.bytes(s.addr)); module != nil {
				return module
			}
		}
	}
	pattern := make([]byte, m.ptrSize)
	m.putWord(pattern, t.addr)
	for _, writable := range []bool{true, false} {
		for _, r := range m.regions {
			if r.executable || r.writable != writable {
				continue
			}
			data, err := m.load(r)
			if err != nil {
				continue
			}
			for at := 0; ; at++ {
				i := bytes.Index(data[at:], pattern)
				if i < 0 {
					break
				}
				at += i
				if (r.addr+uint64(at))%uint64(m.ptrSize) != 0 {
					continue
				}
				if module := m.readModule(t, data[at:]); module != nil {
					return module
				}
			}
		}
	}
	return nil
}

// readModule reads a module; nil if it makes no sense.
func (m *image) readModule(t *pclntab, b []byte) *moduleData {
	words := make([]uint64, moduleWords)
	for i := range words {
		if len(b) < m.ptrSize {
			return nil
		}
		words[i] = m.word(b)
		b = b[m.ptrSize:]
	}
	if words[0] != t.addr {
		return nil
	}
	for _, l := range t.moduleLayouts() {
		if module := m.readLayout(words, l); module != nil {
			return module
		}
	}
	return nil
}

func (m *image) readLayout(words []uint64, l moduleLayout) *moduleData {
	text := words[l.text]
	if r := m.at(text); r == nil || words[l.text+1] <= text || words[1] == 0 {
		return nil
	}
	if words[l.text-2] < text || words[l.text-1] > words[l.text+1] { // minpc, maxpc
		return nil
	}
	if l.types == 0 {
		return &moduleData{text: text, release: l.release}
	}
	types, etypes := words[l.types], words[l.etypes]
	if r := m.at(types); r == nil || r.executable || etypes <= types || etypes > r.end() {
		return nil
	}
	if l.size != 0 && (words[l.size] == 0 || words[l.size] > etypes-types) {
		return nil
	}
	if l.lists != 0 && (words[l.lists] == 0 || words[l.lists+1] == 0 || words[l.lists+1] != words[l.lists+2]) {
		return nil
	}
	return &moduleData{text: text, types: types, etypes: etypes, release: l.release}
}
