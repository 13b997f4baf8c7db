package goinfo

import (
	"encoding/binary"
)

// sections that the linker gives what this package reads. Names can be changed and are not there in PE files, so that everything is found without them as well.
var (
	tableSections  = []string{".gopclntab", ".data.rel.ro.gopclntab", "__gopclntab"}
	infoSections   = []string{".go.buildinfo", "__go_buildinfo"}
	moduleSections = []string{".go.module", ".data.rel.ro.go.module", "__go_module"}
	textSections   = []string{".text", "__text"}
)

const mostCandidates = 64 // places of a file that look like the beginning of a table

// places are addresses at which something of Go's may begin.
type places struct {
	infos  []uint64 // build information
	tables []uint64 // function tables
	odd    []uint64 // function tables whose magic is none of the Go project's
}

// sweep searches all regions; code only when a table is looked for and the rest has none: linkers that were not told otherwise put read-only data and code together.
func (m *image) sweep(forTable bool) (places, error) {
	var p places
	patterns, back := tablePatterns(m.order, m.ptrSize)
	known := len(patterns) - 2
	patterns = append(patterns, buildInfoMagic)
	add := func(list *[]uint64, addr uint64) {
		if len(*list) < mostCandidates {
			*list = append(*list, addr)
		}
	}
	found := func(which int, addr uint64, rest []byte) bool {
		switch {
		case which == len(patterns)-1:
			if addr%buildInfoAlign == 0 {
				add(&p.infos, addr)
			}
			return true
		case which >= known && !ascending(m.order, m.ptrSize, rest):
			return true
		}
		addr -= back[which]
		head := m.peek(addr, tableHead)
		switch {
		case !isTableHead(head, m.ptrSize):
		case isKnownMagic(m.order.Uint32(head)):
			if which < known {
				add(&p.tables, addr)
			}
		case which >= known:
			add(&p.odd, addr)
		}
		return true
	}
	for _, code := range []bool{false, true} {
		if code && (!forTable || len(p.tables)+len(p.odd) > 0) {
			break
		}
		for _, r := range m.regions {
			if r.executable != code {
				continue
			}
			if err := m.search(r, patterns, found); err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

// tablePatterns are what sweep looks for to find function tables, and where in a table each stands: the known magics, of which the little-endian ones share all but
// their first byte; and the word of the header that says where the names are, in both layouts that have it, which is as good when the magic is another.
func tablePatterns(order binary.ByteOrder, ptrSize int) (patterns [][]byte, back []uint64) {
	if order == binary.ByteOrder(binary.LittleEndian) {
		patterns, back = [][]byte{[]byte("\xff\xff\xff\x00\x00")}, []uint64{1}
	} else {
		for _, magic := range []uint32{magic12, magic116, magic118, magic120} {
			patterns = append(patterns, append(binary.BigEndian.AppendUint32(nil, magic), 0, 0))
			back = append(back, 0)
		}
	}
	for _, l := range []tableLayout{layout116, layout118} {
		first := l.offsetsAt()
		pattern := make([]byte, ptrSize)
		if size := tableHead + (first+5)*ptrSize; ptrSize == 4 {
			order.PutUint32(pattern, uint32(size))
		} else {
			order.PutUint64(pattern, uint64(size))
		}
		patterns, back = append(patterns, pattern), append(back, uint64(tableHead+first*ptrSize))
	}
	return patterns, back
}

// ascending tells whether five words are each larger than the one before, as the offsets in a header are. It keeps sweep from looking closer at what is frequent in
// other data.
func ascending(order binary.ByteOrder, ptrSize int, b []byte) bool {
	if len(b) < 5*ptrSize {
		return false
	}
	before := uint64(0)
	for i := range 5 {
		v := word(order, ptrSize, b[i*ptrSize:])
		if v <= before || v >= 1<<32 {
			return false
		}
		before = v
	}
	return true
}

// tableOfSection returns the function table that has a section of its own, and its module, which may be nil. An error says what is wrong with the section.
func (m *image) tableOfSection() (*pclntab, *moduleData, error) {
	for _, name := range tableSections {
		if s, there := m.named[name]; there {
			t, err := newTable(m, s.addr)
			if err != nil {
				return nil, nil, err
			}
			return t, m.findModule(t), nil
		}
	}
	return nil, nil, errNoTable
}

// tableOf returns the first function table that a module belongs to. One to which none does counts if its magic is known and its functions lie in code, or if it has
// lost them: a program that has another one inside must not pass for it.
func (m *image) tableOf(p places) (*pclntab, *moduleData) {
	var fallback *pclntab
	for _, addr := range append(p.tables, p.odd...) {
		t, err := newTable(m, addr)
		if err != nil {
			continue
		}
		if module := m.findModule(t); module != nil {
			return t, module
		}
		if fallback == nil && isKnownMagic(t.magic) && (len(t.funcs) == 0 || m.reachesCode(t, t.textStart)) {
			fallback = t
		}
	}
	return fallback, nil
}

// reachesCode tells whether the first functions of a table lie in code.
func (m *image) reachesCode(t *pclntab, text uint64) bool {
	const some = 16
	t.budget = mostNames
	for i := range min(t.count, some) {
		f, err := t.function(int(i), text)
		if err != nil || f.entry == 0 {
			return false
		}
		if r := m.at(f.entry); r == nil || !r.executable {
			return false
		}
	}
	return true
}

// infoOfSection returns the build information that has a section of its own; nil if there is none.
func (m *image) infoOfSection() *buildInfo {
	for _, name := range infoSections {
		if s, there := m.named[name]; there {
			if info, ok := m.readBuildInfo(s.addr); ok {
				return info
			}
		}
	}
	return nil
}

// infoOf returns the first build information in writable data: elsewhere it is that of a program inside.
func (m *image) infoOf(p places) *buildInfo {
	for _, addr := range p.infos {
		if r := m.at(addr); r != nil && r.writable {
			if info, ok := m.readBuildInfo(addr); ok {
				return info
			}
		}
	}
	return nil
}
