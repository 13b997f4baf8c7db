package msi

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"lazuli/plugins/unbox/cfb/cfbtest"
)

// encodeName packs a name.
func encodeName(name string) string {
	var units []uint16
	if rest, ok := strings.CutPrefix(name, "!"); ok {
		units, name = append(units, packedTable), rest
	}
	for len(name) > 0 {
		a := strings.IndexByte(alphabet, name[0])
		if len(name) > 1 {
			if b := strings.IndexByte(alphabet, name[1]); a >= 0 && b >= 0 {
				units, name = append(units, uint16(packedPair+a+b<<6)), name[2:]
				continue
			}
		}
		if a >= 0 {
			units, name = append(units, uint16(packedSingle+a)), name[1:]
			continue
		}
		units, name = append(units, uint16(name[0])), name[1:]
	}
	return string(utf16.Decode(units))
}

// made is a package that a test makes: tables whose columns are strings or integers, and streams.
type made struct {
	tables  []madeTable
	streams []cfbtest.Stream // with their names unpacked
	wide    bool
}

type madeTable struct {
	name    string
	columns []column
	rows    [][]any // strings and ints
}

func (m made) bytes() []byte {
	le := binary.LittleEndian
	var pool, text []byte
	numbers := map[string]int{"": 0}
	number := func(s string) int {
		n, ok := numbers[s]
		if !ok {
			n = len(numbers)
			numbers[s] = n
			if len(s) > 0xffff {
				pool = le.AppendUint16(le.AppendUint16(pool, 0), uint16(len(s)>>16))
			}
			pool = le.AppendUint16(le.AppendUint16(pool, uint16(len(s))), 1)
			text = append(text, s...)
		}
		return n
	}
	d := &database{wide: m.wide}
	store := func(columns []column, rows [][]any) string {
		var out []byte
		for i, c := range columns {
			for _, row := range rows {
				v := 0
				switch cell := row[i].(type) {
				case string:
					v = number(cell)
				case int:
					v = cell + 1<<(8*d.width(c)-1)
				}
				out = append(out, le.AppendUint32(nil, uint32(v))[:d.width(c)]...)
			}
		}
		return string(out)
	}
	var streams []cfbtest.Stream
	add := func(name, content string) {
		streams = append(streams, cfbtest.Stream{Name: encodeName(name), Content: content})
	}
	var columns, tables [][]any
	for _, t := range m.tables {
		tables = append(tables, []any{t.name})
		for i, c := range t.columns {
			columns = append(columns, []any{t.name, i + 1, c.name, int(int16(c.kind))})
		}
		add("!"+t.name, store(t.columns, t.rows))
	}
	add(streamTables, store([]column{{"Name", typeString}}, tables))
	add(streamColumns, store([]column{{"Table", typeString}, {"Number", 2}, {"Name", typeString}, {"Type", 2}}, columns))
	head := uint32(1252)
	if m.wide {
		head |= 1 << 31
	}
	add(streamStrings, string(append(le.AppendUint32(nil, head), pool...)))
	add(streamText, string(text))
	for _, s := range m.streams {
		add(s.Name, s.Content)
	}
	return cfbtest.Make([16]byte(classes[0]), streams)
}

const (
	key     = typeKey | typeString | 72
	text    = typeString | 255
	integer = 4
	short   = 2 | typeNullable
	stream  = typeBinary
)

// some is a package with files in a cabinet, a program in a table, and a long string.
func some(cabinet string) made {
	return made{
		tables: []madeTable{
			{"Property", []column{{"Property", key}, {"Value", text | typeLocalizable}}, [][]any{{"Manufacturer", "Gr\xfc\xdfe"}, {"Lines", "one\r\ntwo\tthree"}, {"Long", strings.Repeat("x", 70_000)}}},
			{"Binary", []column{{"Name", key}, {"Data", stream}}, [][]any{{"helper.dll", "Data"}}},
			{"File", []column{{"File", key}, {"Component_", text}, {"FileName", text}, {"FileSize", integer}, {"Sequence", short}}, [][]any{
				{"F1", "C1", "README~1.TXT|Read me.txt", 8, 1}, {"F2", "C2", "data.bin", 0, 2}, {"F3", "nowhere", "x", -5, nil},
			}},
			{"Component", []column{{"Component", key}, {"Directory_", text}}, [][]any{{"C1", "INSTALLDIR"}, {"C2", "LOOP"}}},
			{"Directory", []column{{"Directory", key}, {"Directory_Parent", text}, {"DefaultDir", text}}, [][]any{
				{"TARGETDIR", "", "SourceDir"}, {"ProgramFilesFolder", "TARGETDIR", "."}, {"INSTALLDIR", "ProgramFilesFolder", "SHORT|A long name:SOURCE"}, {"LOOP", "LOOP", "l"},
			}},
		},
		streams: []cfbtest.Stream{{Name: "Binary.helper.dll", Content: "MZ"}, {Name: "files.cab", Content: cabinet}, {Name: "\x05SummaryInformation", Content: "summary"}},
	}
}
