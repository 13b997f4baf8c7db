package msi

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// escapes are how text files of tables have characters that would end a field or a line (the ".idt" of Windows Installer's msidb).
var escapes = strings.NewReplacer("\x00", "\x15", "\b", "\x1b", "\t", "\x10", "\n", "\x19", "\f", "\x14", "\r", "\x11")

// tableText is a table as a text file: names of columns, types, the table and its keys, then the rows, made while it is read.
type tableText struct {
	name string
	t    *table
	buf  bytes.Buffer
	row  int // that comes next; -1 before the head
}

func newTableText(name string, t *table) io.Reader { return &tableText{name: name, t: t, row: -1} }

func (x *tableText) Read(p []byte) (int, error) {
	for x.buf.Len() == 0 {
		switch {
		case x.row < 0:
			x.head()
		case x.row < x.t.rows:
			x.line()
		default:
			return 0, io.EOF
		}
		x.row++
	}
	return x.buf.Read(p)
}

func (x *tableText) head() {
	var names, types []string
	keys := []string{x.name}
	for _, c := range x.t.columns {
		names, types = append(names, escapes.Replace(c.name)), append(types, c.typeName())
		if c.kind&typeKey != 0 {
			keys = append(keys, escapes.Replace(c.name))
		}
	}
	for _, line := range [][]string{names, types, keys} {
		x.buf.WriteString(strings.Join(line, "\t") + "\r\n")
	}
}

// typeName is a type in a letter, large if the value may be missing, and the length.
func (c column) typeName() string {
	letter := "i"
	switch {
	case c.kind&^(typeNullable|typeKey) == typeBinary:
		letter = "v"
	case c.kind&typeString != 0 && c.kind&typeLocalizable != 0:
		letter = "l"
	case c.kind&typeString != 0:
		letter = "s"
	}
	if c.kind&typeNullable != 0 {
		letter = strings.ToUpper(letter)
	}
	return letter + strconv.Itoa(int(c.kind&typeLength))
}

func (x *tableText) line() {
	for i, c := range x.t.columns {
		if i > 0 {
			x.buf.WriteByte('\t')
		}
		v := x.t.stored(x.row, i)
		switch {
		case c.kind&^(typeNullable|typeKey) == typeBinary:
			if v != 0 {
				x.buf.WriteString(escapes.Replace(x.stream()))
			}
		case c.kind&typeString != 0:
			x.buf.WriteString(escapes.Replace(x.t.d.text(v)))
		default:
			if n, ok := x.t.integer(x.row, i); ok {
				x.buf.WriteString(strconv.Itoa(n))
			}
		}
	}
	x.buf.WriteString("\r\n")
}

// stream is the name of the stream that has the binary value of a row: the table's and those of the keys.
func (x *tableText) stream() string {
	name := x.name
	for i, c := range x.t.columns {
		if c.kind&typeKey != 0 {
			name += "." + x.t.text(x.row, i)
		}
	}
	return name
}
