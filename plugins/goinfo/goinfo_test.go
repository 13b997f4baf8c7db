package goinfo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

// modern is the layout of today.
var modern = made{machines[0], magic120, layout118}

func TestGolden(t *testing.T) {
	whole := modern.program(madeInfo)
	program := elfOf(modern.machine, whole)
	old := made{machine{binary.BigEndian, 4}, magic12, layout12}
	for _, c := range []struct {
		name    string
		content []byte
	}{
		{"elf", program},
		{"elf-old-big-endian", elfOf(old.machine, old.program(madeInfo))},
		{"pe", peOf(modern.machine, whole)},
		{"mach-o", machOOf(whole)},
		{"fat", fatOf(machOOf(whole), machOOf(withoutInfo(modern)))},
		{"archive", archiveOf([]byte("no object"), program)},
		{"obfuscated", elfOf(modern.machine, obfuscated())},
		{"no-build-info", elfOf(modern.machine, withoutInfo(modern))},
		{"cut-short", program[:len(program)-1100]},
		{"damaged-table", elfOf(modern.machine, damagedTable())},
		{"damaged-info", elfOf(modern.machine, modern.program(strings.ReplaceAll(madeInfo, "build\tCGO", "build\t\"CGO")))},
		{"no-table", elfOf(modern.machine, slices.Delete(modern.program(madeInfo), 1, 2))},
		{"upx", []byte("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 200) + "UPX!" + strings.Repeat("packed", 100))},
		{"upx-pe", peOf(modern.machine, []part{{name: "UPX0", addr: 0x401000, data: []byte("packed"), exec: true}})},
		{"other-program", elfOf(modern.machine, []part{{addr: madeText, data: []byte("code"), exec: true}})},
		{"text", []byte("just text")},
	} {
		t.Run(c.name, func(t *testing.T) {
			plugintest.Golden(t, "testdata/"+c.name+".golden", run(t, c.content))
		})
	}
}

// withoutInfo is a program whose build information was removed, so that packages are told by folder and the version by tables.
func withoutInfo(m made) []part {
	parts := m.program(madeInfo)
	copy(parts[3].data, make([]byte, len(buildInfoMagic)))
	return parts
}

// obfuscated is what garble leaves.
func obfuscated() []part {
	m := made{modern.machine, 0x12345678, layout118}
	parts := m.program("")
	parts[3].data = bytes.Replace(parts[3].data, []byte("\x08go1.22.1\x00"), []byte("\x07unknown\x00\x00"), 1)
	return parts
}

// damagedTable has two functions whose names lie nowhere and one that lies nowhere itself.
func damagedTable() []part {
	parts := modern.program(madeInfo)
	table := parts[1].data
	funcs := table[binary.LittleEndian.Uint64(table[tableHead+7*8:]):]
	for i, at := range []int{0, 4} {
		place := binary.LittleEndian.Uint32(funcs[at*8+4:])
		binary.LittleEndian.PutUint32(funcs[int(place)+4:], uint32(1<<31+i))
	}
	binary.LittleEndian.PutUint32(funcs[2*8+4:], 1<<31)
	return parts
}

// TestEveryMachine: the same program gives the same features, whatever it is made for, but for where things lie.
func TestEveryMachine(t *testing.T) {
	features := func(out *plugin.Outcome) []string {
		var list []string
		for _, f := range out.Features {
			if f.Name != "go_compiler_version" { // without build information it is told by the layout
				list = append(list, fmt.Sprintf("%s = %s of %s", f.Name, f.Value, f.Label))
			}
		}
		return list
	}
	want := features(run(t, elfOf(modern.machine, modern.program(madeInfo))))
	eachMade(t, func(t *testing.T, m made) {
		parts := m.program(madeInfo)
		files := map[string][]byte{"ELF": elfOf(m.machine, parts)}
		if m.order == binary.ByteOrder(binary.LittleEndian) {
			files["PE"] = peOf(m.machine, parts)
		}
		for name, content := range files {
			out := run(t, content)
			got := slices.DeleteFunc(features(out), func(f string) bool { return strings.HasPrefix(f, "go_obfuscator") })
			if out.State != event.Completed || !slices.Equal(got, want) {
				t.Errorf("%s: %s %s\n%s\nwant\n%s", name, out.State, out.Message, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			checkOffsets(t, content, parts, out)
		}
	})
}

// checkOffsets: functions lie one after the other from the beginning of the code on.
func checkOffsets(t *testing.T, content []byte, parts []part, out *plugin.Outcome) {
	t.Helper()
	code := bytes.Index(content, parts[0].data)
	at := map[string][2]uint64{}
	off := uint64(code)
	for _, f := range madeFunctions {
		y := parseSymbol(f.name)
		at[y.pkg+" "+y.name] = [2]uint64{off, f.size}
		off += f.size
	}
	for _, f := range out.Features {
		if f.Name != "go_package_function" && f.Name != "go_package_method" {
			continue
		}
		if want := at[f.Label+" "+f.Value]; f.Offset == nil || *f.Offset != want[0] || *f.Size != want[1] {
			t.Errorf("%s of %s lies at %v, want %v", f.Value, f.Label, f.Offset, want)
		}
	}
}

// TestProgramInside: a program that carries another one is not taken for it.
func TestProgramInside(t *testing.T) {
	inner := elfOf(modern.machine, modern.program(madeInfo))
	host := elfOf(modern.machine, []part{
		{addr: 0x10000, data: make([]byte, 4096), exec: true},
		{addr: 0x20000, data: inner},
		{addr: 0x80000, data: make([]byte, 64), write: true},
	})
	if out := run(t, host); out.State != event.OptOut {
		t.Errorf("%s %s: %+v", out.State, out.Message, out.Features)
	}
	parts := modern.program(strings.ReplaceAll(madeInfo, "eve/rat", "eve/dropper"))
	parts = append([]part{{addr: 0x20000, data: inner}}, parts...) // in front of its own tables
	out := run(t, elfOf(modern.machine, parts))
	if got := values(out, "go_module"); !slices.Equal(got, []string{"github.com/eve/dropper|(devel)"}) {
		t.Errorf("the module is %v", got)
	}
}

// TestManyFunctions: those of main go before those of other packages, of which not all are kept.
func TestManyFunctions(t *testing.T) {
	var many []madeFunction
	for i := range 3000 {
		many = append(many, madeFunction{fmt.Sprintf("example.com/p%04d.F", i), "/src/p.go", 1})
	}
	many = append(many, madeFunction{"main.main", "/src/main.go", 1})
	parts := modern.program("")
	parts[0].data = make([]byte, 4096)
	parts[1].data = modern.tableOf(madeText, many)
	out := run(t, elfOf(modern.machine, parts))
	functions := values(out, "go_package_function")
	if out.State != event.CompletedWithErrors || len(functions) == 0 || functions[0] != "main|main" {
		t.Errorf("%s %s: %v", out.State, out.Message, functions)
	}
}

// TestCutShort cuts programs everywhere: whatever is still told is true, and a file that ends too early says so.
func TestCutShort(t *testing.T) {
	whole := modern.program(madeInfo)
	for name, content := range map[string][]byte{"elf": elfOf(modern.machine, whole), "pe": peOf(modern.machine, whole), "mach-o": machOOf(whole)} {
		all := map[string]bool{}
		for _, f := range run(t, content).Features {
			all[f.Name+f.Value+f.Label] = true
		}
		for n := 0; n < len(content); n += 29 {
			out := run(t, content[:n])
			for _, f := range out.Features {
				if f.Name != "malformed" && f.Name != "go_compiler_version" && !strings.HasPrefix(f.Name, "go_package") && f.Name != "go_vendor_package" && !all[f.Name+f.Value+f.Label] {
					t.Fatalf("%s, %d of %d bytes: %s = %s of %s", name, n, len(content), f.Name, f.Value, f.Label)
				}
			}
			if out.State == event.Completed || out.State == event.ErrorException {
				t.Fatalf("%s, %d of %d bytes: %s %s", name, n, len(content), out.State, out.Message)
			}
		}
	}
}
