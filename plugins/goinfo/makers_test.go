package goinfo

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

func run(t testing.TB, content []byte, opts ...plugintest.Option) *plugin.Outcome {
	t.Helper()
	return plugintest.Run(t, New(), content, opts...)
}

// values are those of one feature, in the order in which they were found, with their label if there is one.
func values(out *plugin.Outcome, name string) []string {
	var list []string
	for _, f := range out.Features {
		if f.Name == name {
			list = append(list, strings.TrimSuffix(f.Value+"|"+f.Label, "|"))
		}
	}
	return list
}

// machine is what decides how numbers are written.
type machine struct {
	order   binary.ByteOrder
	ptrSize int
}

func (m machine) String() string { return fmt.Sprintf("%d bytes, %s", m.ptrSize, m.order) }

var machines = []machine{{binary.LittleEndian, 8}, {binary.LittleEndian, 4}, {binary.BigEndian, 8}, {binary.BigEndian, 4}}

// writer puts numbers together.
type writer struct {
	machine
	b []byte
}

func (w *writer) u16(v ...uint16) {
	for _, v := range v {
		w.b = append(w.b, 0, 0)
		w.order.PutUint16(w.b[len(w.b)-2:], v)
	}
}

func (w *writer) u32(v ...uint32) {
	for _, v := range v {
		w.b = append(w.b, 0, 0, 0, 0)
		w.order.PutUint32(w.b[len(w.b)-4:], v)
	}
}

func (w *writer) word(v ...uint64) {
	for _, v := range v {
		if w.ptrSize == 4 {
			w.u32(uint32(v))
			continue
		}
		w.b = append(w.b, make([]byte, 8)...)
		w.order.PutUint64(w.b[len(w.b)-8:], v)
	}
}

func (w *writer) bytes(b ...byte) { w.b = append(w.b, b...) }
func (w *writer) text(s string)   { w.b = append(append(w.b, s...), 0) }

// padTo fills up with zeros.
func (w *writer) padTo(size int) {
	for len(w.b) < size {
		w.b = append(w.b, 0)
	}
}

func (w *writer) align(n int) { w.padTo((len(w.b) + n - 1) / n * n) }

// set overwrites a word.
func (w *writer) set(at int, v uint64) {
	if w.ptrSize == 4 {
		w.order.PutUint32(w.b[at:], uint32(v))
		return
	}
	w.order.PutUint64(w.b[at:], v)
}

// madeFunction is a function for tableOf.
type madeFunction struct {
	name, file string
	size       uint64
}

var madeFunctions = []madeFunction{
	{"runtime.main", "/usr/lib/go/src/runtime/proc.go", 64},
	{"fmt.Println", "/usr/lib/go/src/fmt/print.go", 48},
	{"github.com/other/lib.Do", "/home/eve/go/src/github.com/other/lib/do.go", 32},
	{"github.com/eve/rat/net.(*Conn).Dial", "/home/eve/go/src/github.com/eve/rat/net/conn.go", 96},
	{"main.main", "/home/eve/go/src/github.com/eve/rat/main.go", 16},
	{"main.main.func1", "/home/eve/go/src/github.com/eve/rat/main.go", 16},
}

// layout of a made table: the magic decides it, and for magics that are nobody's the second value does.
type made struct {
	machine
	magic  uint32
	layout tableLayout
}

// tableOf writes a function table.
func (m made) tableOf(text uint64, functions []madeFunction) []byte {
	w := &writer{machine: m.machine}
	w.u32(m.magic)
	w.bytes(0, 0, 1, byte(m.ptrSize))
	w.word(uint64(len(functions)))
	names, files, values := m.stringTables(functions)
	if m.layout == layout12 {
		m.table12(w, text, functions, names, files, values)
		return w.b
	}
	w.word(uint64(len(functions)))
	if m.layout == layout118 {
		w.word(text)
	}
	at := len(w.b)
	w.word(0, 0, 0, 0, 0)
	part := func(i int, b []byte) {
		w.align(m.ptrSize)
		w.set(at+i*m.ptrSize, uint64(len(w.b)))
		w.b = append(w.b, b...)
	}
	units := &writer{machine: m.machine}
	for i := range functions {
		units.u32(uint32(files.at[i]))
	}
	part(0, names.b)
	part(1, units.b)
	part(2, files.b)
	part(3, values.b)
	part(4, m.funcs(text, functions, names, values, func(i int) uint32 { return uint32(i) }, 0))
	return w.b
}

// strings is a table of strings with zeros at their ends.
type madeStrings struct {
	b  []byte
	at []int
}

func (m made) stringTables(functions []madeFunction) (names, files, values madeStrings) {
	files.b, values.b, names.b = []byte{0}, []byte{0}, []byte{0}
	for i, f := range functions {
		names.at, files.at, values.at = append(names.at, len(names.b)), append(files.at, len(files.b)), append(values.at, len(values.b))
		names.b = append(append(names.b, f.name...), 0)
		files.b = append(append(files.b, f.file...), 0)
		number := 0 // every function is a compilation unit of its own
		if m.layout == layout12 {
			number = i + 1
		}
		values.b = binary.AppendUvarint(values.b, uint64(number+1)<<1) // from -1 on, zigzag
		values.b = append(values.b, byte(f.size), 0)
	}
	return names, files, values
}

// funcs writes the table of functions and what is known of each. Offsets count from base on.
func (m made) funcs(text uint64, functions []madeFunction, names, values madeStrings, unit func(int) uint32, base int) []byte {
	w := &writer{machine: m.machine}
	put, entrySize, start := w.word, m.ptrSize, text
	if m.layout == layout118 {
		put, entrySize, start = func(v ...uint64) {
			for _, v := range v {
				w.u32(uint32(v))
			}
		}, 4, 0
	}
	size := len(functions)*2*entrySize + entrySize
	if m.layout == layout12 {
		size += 4 // where the files are
	}
	size = (size + m.ptrSize - 1) / m.ptrSize * m.ptrSize
	info := entrySize + 40
	entry := start
	for i, f := range functions {
		put(entry, uint64(base+size+i*info))
		entry += f.size
	}
	put(entry)
	w.padTo(size)
	entry = start
	for i, f := range functions {
		put(entry)
		w.u32(uint32(names.at[i]), 0, 0, 0, uint32(values.at[i]), 0, 0, unit(i), 0, 0)
		entry += f.size
	}
	return w.b
}

// table12 writes what follows the number of functions in the first layout.
func (m made) table12(w *writer, text uint64, functions []madeFunction, names, files, values madeStrings) {
	head := len(w.b)
	size := len(m.funcs(text, functions, names, values, func(int) uint32 { return 0 }, 0)) // of what is written next
	move := func(s *madeStrings, to int) int {
		for i := range s.at {
			s.at[i] += to
		}
		return to + len(s.b)
	}
	end := move(&names, head+size)
	end = move(&files, end)
	end = move(&values, end)
	w.b = append(w.b, m.funcs(text, functions, names, values, func(int) uint32 { return 0 }, head)...)
	w.b = append(append(append(w.b, names.b...), files.b...), values.b...)
	w.align(4)
	fileTable := len(w.b)
	w.order.PutUint32(w.b[head+len(functions)*2*m.ptrSize+m.ptrSize:], uint32(fileTable))
	w.u32(uint32(len(functions) + 1))
	for _, at := range files.at {
		w.u32(uint32(at))
	}
	_ = end
}

// part is a stretch of memory of a made executable.
type part struct {
	name        string
	addr        uint64
	data        []byte
	exec, write bool
	dynamic     bool // is what PT_DYNAMIC points to
}

// Addresses of what program puts together.
const (
	madeText   = 0x401000
	madeTable  = 0x500000
	madeTypes  = 0x600000
	madeData   = 0x700000
	madeModule = 0x700200
)

// program puts a program together: code, function table, types, and data with build information and the module.
func (m made) program(info string) []part {
	code := make([]byte, 1024)
	for i := range code {
		code[i] = byte(i)
	}
	types := m.types()
	data := &writer{machine: m.machine}
	data.bytes(buildInfoMagic...)
	data.bytes(byte(m.ptrSize), flagInline)
	data.padTo(buildInfoHead)
	for _, text := range []string{"go1.22.1", info} {
		data.b = append(binary.AppendUvarint(data.b, uint64(len(text))), text...)
	}
	data.padTo(madeModule - madeData)
	data.b = append(data.b, m.module(types)...)
	return []part{
		{name: ".text", addr: madeText, data: code, exec: true},
		{name: ".rodata", addr: madeTable, data: m.tableOf(madeText, madeFunctions)},
		{name: ".types", addr: madeTypes, data: types},
		{name: ".data", addr: madeData, data: data.b, write: true},
	}
}

// madeInfo is module information as the go command writes it.
var madeInfo = strings.Repeat("<", sentinel) + "path\tgithub.com/eve/rat\nmod\tgithub.com/eve/rat\t(devel)\t\ndep\tgithub.com/other/lib\tv1.0.0\th1:abc=\n" +
	"build\t-ldflags=\"-s -w\"\nbuild\tCGO_ENABLED=0\n" + strings.Repeat(">", sentinel)

// module writes the module's words as far as they are read.
func (m made) module(types []byte) []byte {
	t := &pclntab{layout: m.layout, magic: m.magic}
	l := t.moduleLayouts()[0]
	w := &writer{machine: m.machine}
	w.word(make([]uint64, moduleWords)...)
	set := func(i int, v uint64) { w.set(i*m.ptrSize, v) }
	set(0, madeTable)
	set(1, madeTable+64)
	set(l.text-2, madeText)
	set(l.text-1, madeText+512)
	set(l.text, madeText)
	set(l.text+1, madeText+512)
	set(l.types, madeTypes)
	set(l.etypes, madeTypes+uint64(len(types)))
	if l.size != 0 {
		set(l.size, uint64(len(types))/2)
	}
	if l.lists != 0 {
		set(l.lists, madeText)
		set(l.lists+1, 1)
		set(l.lists+2, 1)
	}
	return w.b
}

// types writes the descriptors of net.Conn, a struct with a method, and of the pointer to it.
func (m made) types() []byte {
	names := &writer{machine: m.machine}
	names.bytes(make([]byte, 16)...)
	name := func(text string) uint32 {
		at := len(names.b)
		names.bytes(1)
		if m.layout == layout118 {
			names.b = binary.AppendUvarint(names.b, uint64(len(text)))
		} else {
			names.bytes(byte(len(text)>>8), byte(len(text)))
		}
		names.b = append(names.b, text...)
		return uint32(at)
	}
	typeName, pkg, dial := name("*net.Conn"), name("github.com/eve/rat/net"), name("Dial")
	names.align(m.ptrSize)
	descriptor := func(flags, kind byte, fields, methods int) {
		names.word(16, 8)
		names.u32(0x1234567)
		names.bytes(flags, byte(m.ptrSize), byte(m.ptrSize), kind)
		names.word(0, 0)
		names.u32(typeName, 0)
		names.word(make([]uint64, fields)...)
		names.u32(pkg)
		names.u16(uint16(methods), uint16(methods))
		names.u32(uncommonSize, 0)
		for range methods {
			names.u32(dial, 0, 0, 0)
		}
		names.align(m.ptrSize)
	}
	descriptor(flagUncommon|flagExtraStar|flagNamed, kindStruct, 4, 0)
	descriptor(flagUncommon, kindPtr, 1, 1)
	return names.b
}
