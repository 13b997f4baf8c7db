package msi

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/cfb"
)

// Names of streams that say how the others are to be read.
const (
	streamStrings = "!_StringPool"
	streamText    = "!_StringData"
	streamTables  = "!_Tables"
	streamColumns = "!_Columns"
)

// Bits of a column's type.
const (
	typeLength      = 0xff
	typeLocalizable = 0x200
	typeString      = 0x800
	typeNullable    = 0x1000
	typeKey         = 0x2000
	typeBinary      = typeString | 0x100 // and neither a length nor localizable
)

const mostColumns = 255 // of a table; Windows Installer has 32

// database is a package's tables.
type database struct {
	strings  []string // by their numbers; 0 is none
	wide     bool     // numbers of strings have three bytes
	codePage encoding.Encoding
	tables   map[string][]column
}

type column struct {
	name string
	kind uint16
}

// width is how many bytes a column has in each row.
func (d *database) width(c column) int {
	switch {
	case c.kind&^(typeNullable|typeKey) == typeBinary:
		return 2
	case c.kind&typeString != 0:
		return d.reference()
	case c.kind&typeLength == 4:
		return 4
	}
	return 2
}

func (d *database) reference() int {
	if d.wide {
		return 3
	}
	return 2
}

// openDatabase reads strings and columns. What is damaged in them is returned together with what is not.
func openDatabase(ctx context.Context, f *cfb.File, streams map[string]*cfb.Entry) (*database, error) {
	d := &database{tables: map[string][]column{}, codePage: charmap.Windows1252}
	pool, err := readStream(ctx, f, streams[streamStrings])
	if err != nil {
		return d, err
	}
	text, err := readStream(ctx, f, streams[streamText])
	if err != nil && !errors.Is(err, archive.ErrDamaged) {
		return d, err
	}
	damage := err
	if err := d.parseStrings(pool, text); err != nil {
		damage = errors.Join(damage, err)
	}
	columns, err := readStream(ctx, f, streams[streamColumns])
	if err != nil {
		return d, err
	}
	d.parseColumns(columns)
	return d, damage
}

// readStream reads a stream whole.
func readStream(ctx context.Context, f *cfb.File, e *cfb.Entry) ([]byte, error) {
	if e == nil {
		return nil, archive.Damagef(0, "a stream that all need is missing")
	}
	return io.ReadAll(f.Open(ctx, e))
}

// parseStrings takes the string pool: lengths and counts of all strings, whose text lies in another stream, one behind the other.
func (d *database) parseStrings(pool, text []byte) error {
	le := binary.LittleEndian
	if len(pool) < 4 {
		return archive.Damagef(0, "the string pool is too short")
	}
	first := le.Uint32(pool)
	d.wide = first>>31 == 1
	d.codePage = archive.CodePage(first & 0x7fffffff)
	all := string(text)
	d.strings = []string{""}
	for at := 4; at+4 <= len(pool); at += 4 {
		n, count := int64(le.Uint16(pool[at:])), le.Uint16(pool[at+2:])
		if n == 0 && count != 0 { // a long one: its length is in the next four bytes, the upper half last
			if at += 4; at+4 > len(pool) {
				break
			}
			n = int64(count)<<16 | int64(le.Uint16(pool[at:]))
		}
		if n > int64(len(all)) {
			return archive.Damagef(0, "the text of string %d is missing", len(d.strings))
		}
		d.strings, all = append(d.strings, all[:n]), all[n:]
	}
	return nil
}

// text is a string by its number.
func (d *database) text(number int) string {
	if number < 0 || number >= len(d.strings) {
		return ""
	}
	s := d.strings[number]
	if utf8.ValidString(s) {
		return s
	}
	return archive.Text([]byte(s), d.codePage)
}

// parseColumns takes the table of all columns of tables: name of the table, number, name, type.
func (d *database) parseColumns(data []byte) {
	own := []column{{"Table", typeString}, {"Number", 2}, {"Name", typeString}, {"Type", 2}}
	t := newTable(d, own, data)
	for i := range t.rows {
		name := t.text(i, 0)
		kind, _ := t.integer(i, 3)
		if columns := d.tables[name]; len(columns) < mostColumns {
			d.tables[name] = append(columns, column{t.text(i, 2), uint16(kind)})
		}
	}
	d.tables["_Columns"] = own
	d.tables["_Tables"] = []column{{"Name", typeString}}
}

// table is one table: all rows of the first column, then all of the second.
type table struct {
	d       *database
	columns []column
	data    []byte
	rows    int
	offsets []int // of columns in data
	widths  []int
}

func newTable(d *database, columns []column, data []byte) *table {
	t := &table{d: d, columns: columns, data: data}
	row := 0
	for _, c := range columns {
		t.widths = append(t.widths, d.width(c))
		row += d.width(c)
	}
	if row == 0 {
		return t
	}
	t.rows = len(data) / row
	at := 0
	for _, w := range t.widths {
		t.offsets = append(t.offsets, at)
		at += w * t.rows
	}
	return t
}

// stored is a value as it is stored: the number of a string or of a binary value, or an integer whose uppermost bit is the other way
// round. 0 is nothing.
func (t *table) stored(row, col int) int {
	w := t.widths[col]
	p := t.data[t.offsets[col]+row*w:]
	v := 0
	for i := w - 1; i >= 0; i-- {
		v = v<<8 | int(p[i])
	}
	return v
}

// integer is the value of a column of integers, if there is one.
func (t *table) integer(row, col int) (int, bool) {
	v := t.stored(row, col)
	return v - 1<<(8*t.widths[col]-1), v != 0
}

// text is a value as text.
func (t *table) text(row, col int) string { return t.d.text(t.stored(row, col)) }

// column finds a column by its name, -1 if there is none that holds strings.
func (t *table) column(name string) int {
	for i, c := range t.columns {
		if c.name == name && c.kind&typeString != 0 {
			return i
		}
	}
	return -1
}
