package goinfo

import (
	"bytes"
	"debug/gosym"
	"fmt"
	"testing"
)

// layouts of function tables; the last is that of an obfuscated program.
var madeLayouts = []made{
	{magic: magic12, layout: layout12}, {magic: magic116, layout: layout116}, {magic: magic118, layout: layout118}, {magic: magic120, layout: layout118},
	{magic: 0x12345678, layout: layout118},
}

// eachMade calls fn for every layout on every machine.
func eachMade(t *testing.T, fn func(t *testing.T, m made)) {
	for _, m := range madeLayouts {
		for _, on := range machines {
			m.machine = on
			t.Run(fmt.Sprintf("%#x, %s", m.magic, on), func(t *testing.T) { fn(t, m) })
		}
	}
}

// openMade opens an executable that elfOf made.
func openMade(t testing.TB, content []byte) *image {
	t.Helper()
	m := openImage(file{bytes.NewReader(content), 0, int64(len(content))})
	if m == nil {
		t.Fatal("this is no executable")
	}
	return m
}

// TestTable: what was put into a table comes out of it, and debug/gosym reads the same, so that the makers do not agree with the reader alone.
func TestTable(t *testing.T) {
	eachMade(t, func(t *testing.T, m made) {
		data := m.tableOf(madeText, madeFunctions)
		if m.magic == 0x12345678 {
			data = made{m.machine, magic120, m.layout}.tableOf(madeText, madeFunctions)
		}
		oracle, err := gosym.NewTable(nil, gosym.NewLineTable(data, madeText))
		if err != nil {
			t.Fatal(err)
		}
		image := openMade(t, elfOf(m.machine, m.program(madeInfo)))
		table, err := newTable(image, madeTable)
		if err != nil {
			t.Fatal(err)
		}
		if len(oracle.Funcs) != len(madeFunctions) || table.count != uint64(len(madeFunctions)) || table.layout != m.layout {
			t.Fatalf("%d functions, oracle %d, layout %d", table.count, len(oracle.Funcs), table.layout)
		}
		table.budget = mostNames
		entry := uint64(madeText)
		for i, want := range madeFunctions {
			f, err := table.function(i, madeText)
			if err != nil || f.name != want.name || f.file != want.file || f.entry != entry || f.end != entry+want.size {
				t.Errorf("function %d is %+v (%v), want %+v at %#x", i, f, err, want, entry)
			}
			o := oracle.Funcs[i]
			if file, _, _ := oracle.PCToLine(o.Entry); o.Name != want.name || o.Entry != entry || o.End != f.end || file != want.file {
				t.Errorf("the oracle says %s at %#x to %#x in %s", o.Name, o.Entry, o.End, file)
			}
			entry += want.size
		}
	})
}

// TestCutTable: of a table that ends too early there is as much as there is.
func TestCutTable(t *testing.T) {
	eachMade(t, func(t *testing.T, m made) {
		parts := m.program(madeInfo)
		whole := parts[1].data
		for n := 0; n < len(whole); n += 7 {
			parts[1].data = whole[:n]
			image := openMade(t, elfOf(m.machine, parts))
			table, err := newTable(image, madeTable)
			if err != nil {
				continue
			}
			table.budget = mostNames
			for i := range int(table.count) {
				f, err := table.function(i, madeText)
				if err == nil && f.name != "" && f.name != madeFunctions[i].name {
					t.Fatalf("%d bytes: function %d is %q", n, i, f.name)
				}
			}
		}
	})
}
