package goinfo

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The function table, "pclntab", maps addresses to functions, files and lines. The runtime needs it for stack traces, so that no strip removes it. Its layouts are
// described in "Go 1.2 Runtime Symbol Information" (Cox 2013) and, for what came since, by internal/abi and runtime.pcHeader. All begin with a magic of four bytes, two
// zeros, the size of the shortest instruction and that of a pointer. debug/gosym reads them as well, but allocates for what a header claims, panics its way out of
// damage with nothing, and knows no magic but the original ones.

// tableLayout tells the layouts apart.
type tableLayout int

const (
	layout12  tableLayout = iota // Go 1.2 to 1.15
	layout116                    // 1.16, 1.17: the tables have their offsets in the header
	layout118                    // since 1.18: entries are offsets from the start of the code
)

// Magic numbers. 1.20 changed nothing but names of functions.
const (
	magic12  = 0xfffffffb
	magic116 = 0xfffffffa
	magic118 = 0xfffffff0
	magic120 = 0xfffffff1
)

const (
	tableHead     = 8         // bytes before the first word of the header
	mostFunctions = 2 << 20   // Kubernetes' largest program has 150,000
	mostNames     = 128 << 20 // bytes of names in one reading of the table
)

// pclntab is a function table. Its parts may be shorter than they should be when the file is cut short.
type pclntab struct {
	addr    uint64 // of the header
	data    []byte // from the header to the end of the region
	magic   uint32
	layout  tableLayout
	order   binary.ByteOrder
	ptrSize int

	count     uint64 // functions
	textStart uint64 // where the code begins, from 1.18 on; 0 when the header does not tell, as since 1.26
	names     []byte // names of functions
	units     []byte // file numbers of compilation units
	files     []byte // names of files
	values    []byte // tables of program counters
	funcs     []byte // the table of functions, and what is known of each

	budget int // bytes of names that may still be read: all functions may claim one long name
}

// function is an entry of the table.
type function struct {
	name       string // "" when an obfuscator removed it
	entry, end uint64 // addresses; 0 when it is not known where the code begins
	file       string // of the first instruction; "" when there is none
}

var (
	errNoTable      = errors.New("there is no function table")
	errTableEnd     = errors.New("the function table is cut short")
	errNamesTooLong = errors.New("the names of functions are too long together")
)

// isTableHead tells whether bytes can be the first eight of a function table, whatever its magic is.
func isTableHead(b []byte, ptrSize int) bool {
	return len(b) >= tableHead && b[4] == 0 && b[5] == 0 && (b[6] == 1 || b[6] == 2 || b[6] == 4) && int(b[7]) == ptrSize
}

// newTable reads the header of a function table at an address. The magic of obfuscated programs is their own; then the words of the header tell the layout.
func newTable(m *image, addr uint64) (*pclntab, error) {
	t := &pclntab{addr: addr, data: m.bytes(addr), order: m.order, ptrSize: m.ptrSize}
	if !isTableHead(t.data, t.ptrSize) {
		return nil, errNoTable
	}
	t.magic = t.order.Uint32(t.data)
	switch t.magic {
	case magic12:
		t.layout = layout12
	case magic116:
		t.layout = layout116
	case magic118, magic120:
		t.layout = layout118
	default:
		t.layout = layout118
		if !t.plausible(layout118) {
			t.layout = layout116
		}
		if !t.plausible(t.layout) {
			return nil, errNoTable
		}
	}
	if err := t.split(); err != nil {
		return nil, err
	}
	return t, nil
}

// isKnownMagic tells whether a magic is one of the Go project's.
func isKnownMagic(magic uint32) bool {
	switch magic {
	case magic12, magic116, magic118, magic120:
		return true
	}
	return false
}

// headWord reads word i of the header.
func (t *pclntab) headWord(i int) (uint64, bool) {
	at := tableHead + i*t.ptrSize
	if at+t.ptrSize > len(t.data) {
		return 0, false
	}
	return word(t.order, t.ptrSize, t.data[at:]), true
}

// offsetsAt is the number of the first of the five words with offsets.
func (l tableLayout) offsetsAt() int {
	if l == layout116 {
		return 2
	}
	return 3
}

// plausible tells whether the offsets in the header are those of a layout: the names follow the header, and the other tables them.
func (t *pclntab) plausible(l tableLayout) bool {
	first := l.offsetsAt()
	before := uint64(tableHead + (first+5)*t.ptrSize)
	for i := range 5 {
		off, ok := t.headWord(first + i)
		if !ok || off < before || i == 0 && off != before || off > uint64(len(t.data)) {
			return false
		}
		before = off + 1
	}
	count, _ := t.headWord(0)
	return count > 0 && count <= mostFunctions
}

// split finds the parts of the table.
func (t *pclntab) split() error {
	count, ok := t.headWord(0)
	if !ok || count == 0 {
		return errTableEnd
	}
	if count > mostFunctions {
		return fmt.Errorf("the function table claims to have %d functions", count)
	}
	t.count = count
	if t.layout == layout12 {
		return t.split12()
	}
	if t.layout == layout118 {
		t.textStart, _ = t.headWord(2)
	}
	var starts [5]uint64
	for i := range starts {
		off, ok := t.headWord(t.layout.offsetsAt() + i)
		if !ok {
			return errTableEnd
		}
		starts[i] = off
	}
	t.names, t.units, t.files, t.values = t.from(starts[0]), t.from(starts[1]), t.from(starts[2]), t.from(starts[3])
	if t.funcs = t.from(starts[4]); len(t.funcs) > 0 {
		return nil
	}
	if len(t.names) == 0 || starts[1] <= starts[0] {
		return errTableEnd
	}
	t.names = t.names[:min(uint64(len(t.names)), starts[1]-starts[0])] // names are told alone
	return nil
}

// eachName calls fn for every name of a table that has lost the rest, which follows the names.
func (t *pclntab) eachName(fn func(name string)) {
	for at := uint64(0); at < uint64(len(t.names)); {
		name := stringAt(t.names, at)
		if name != "" {
			fn(name)
		}
		at += uint64(len(name)) + 1
	}
}

// split12 finds the parts in the first layout, where all offsets count from the header and the table of files follows that of functions.
func (t *pclntab) split12() error {
	t.names, t.values, t.funcs = t.data, t.data, t.data[min(len(t.data), tableHead+t.ptrSize):]
	if end := t.count*uint64(2*t.ptrSize) + uint64(t.ptrSize); end+4 <= uint64(len(t.funcs)) {
		t.files = t.from(uint64(t.order.Uint32(t.funcs[end:])))
	}
	return nil
}

// from returns the table from an offset on; nil when it lies outside.
func (t *pclntab) from(off uint64) []byte {
	if off >= uint64(len(t.data)) {
		return nil
	}
	return t.data[off:]
}

// entrySize is the size of each of the two numbers of an entry of the table of functions: address and place of the rest.
func (t *pclntab) entrySize() int {
	if t.layout == layout118 {
		return 4
	}
	return t.ptrSize
}

// function reads function i. text is where the code begins, 0 if that is not known.
func (t *pclntab) function(i int, text uint64) (function, error) {
	var f function
	size := t.entrySize()
	at := i * 2 * size
	if at+3*size > len(t.funcs) {
		return f, errTableEnd
	}
	entry, place, end := word(t.order, size, t.funcs[at:]), word(t.order, size, t.funcs[at+size:]), word(t.order, size, t.funcs[at+2*size:])
	if end < entry {
		return f, errors.New("the function table is not in order")
	}
	switch {
	case t.layout != layout118:
		f.entry, f.end = entry, end
	case text != 0:
		f.entry, f.end = text+entry, text+end
	}
	info := t.funcs
	if t.layout == layout12 {
		info = t.data
	}
	const infoSize = 20 // up to the table of files
	if place > uint64(len(info)) || uint64(len(info))-place < uint64(size+infoSize) {
		return f, errTableEnd
	}
	info = info[place:][size:]
	name := uint64(t.order.Uint32(info))
	if f.name = stringAt(t.names, name); f.name == "" && (name >= uint64(len(t.names)) || t.names[name] != 0) {
		return f, errors.New("the function table has names that cannot be read")
	}
	f.file = t.fileOf(info)
	if t.budget -= len(f.name) + len(f.file); t.budget < 0 {
		return f, errNamesTooLong
	}
	return f, nil
}

// fileOf returns the file that a function's first instruction comes from.
func (t *pclntab) fileOf(info []byte) string {
	values := uint64(t.order.Uint32(info[16:]))
	if values == 0 || values >= uint64(len(t.values)) {
		return "" // a function of the assembler without lines
	}
	step, n := binary.Uvarint(t.values[values:])
	if n <= 0 || step > 1<<32 {
		return ""
	}
	number := int64(step>>1) ^ -int64(step&1) // zigzag, from -1 on
	number--
	if t.layout == layout12 {
		if number <= 0 || uint64(number)*4+4 > uint64(len(t.files)) {
			return ""
		}
		return stringAt(t.data, uint64(t.order.Uint32(t.files[number*4:])))
	}
	const unitAt = 28
	if number < 0 || len(info) < unitAt+4 {
		return ""
	}
	at := (uint64(t.order.Uint32(info[unitAt:])) + uint64(number)) * 4
	if at+4 > uint64(len(t.units)) {
		return ""
	}
	if off := t.order.Uint32(t.units[at:]); off != 1<<32-1 {
		return stringAt(t.files, uint64(off))
	}
	return ""
}
