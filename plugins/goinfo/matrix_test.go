package goinfo

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin"
)

// targets that programs are built for: both byte orders, both sizes of pointers, every kind of file.
var targets = []string{
	"darwin/amd64", "darwin/arm64", "freebsd/amd64", "linux/386", "linux/amd64", "linux/arm64", "linux/mips", "linux/s390x", "windows/386", "windows/amd64",
}

// matrix is what is built in every run: each target once or not at all. With LAZULI_LONG=1 all targets are built with all releases.
func matrix() []build {
	few := map[string][]string{
		go121: {"windows/386", "linux/mips"},
		go123: {"linux/s390x"},
		go126: {"darwin/arm64", "windows/amd64"},
	}
	var list []build
	for _, release := range []string{go121, go123, go126} {
		for _, target := range targets {
			if os.Getenv("LAZULI_LONG") == "" && !slices.Contains(few[release], target) {
				continue
			}
			system, arch, _ := strings.Cut(target, "/")
			list = append(list, build{release: release, os: system, arch: arch, pkg: "."}.with("-trimpath"))
		}
	}
	// The newest, and the releases before for their layouts: they link what comes compiled with them, and tell the folders of their source.
	for _, release := range []string{go112, go116, go118, go127} {
		b := build{release: release, os: "linux", arch: "amd64", pkg: "."}
		if release == go127 {
			b = b.with("-trimpath") // which other tests build as well
		}
		list = append(list, b)
	}
	return list
}

// TestMatrix: functions are those that `go tool nm` knows of a program with symbols, stripped or not, and their offsets point at their code.
func TestMatrix(t *testing.T) {
	for _, b := range matrix() {
		t.Run(b.String(), func(t *testing.T) {
			t.Parallel()
			// The flags are told in the build information: those of the twin are as long, so that everything has the same address.
			twin := b.with("-ldflags=-s=0 -w=0").program(t)
			symbols := nm(t, twin)
			for name, content := range map[string][]byte{"whole": twin, "stripped": b.with("-ldflags=-s=1 -w=1").program(t)} {
				t.Run(name, func(t *testing.T) { compareFunctions(t, content, twin, symbols) })
				t.Run(name+" features", func(t *testing.T) { checkFeatures(t, b, run(t, content)) })
			}
		})
	}
}

// located is a function and where it lies in the file.
type located struct {
	function
	offset uint64
}

// functionsOf reads all functions of a program.
func functionsOf(t *testing.T, content []byte) (list []located) {
	t.Helper()
	for _, part := range partsOf(file{bytes.NewReader(content), 0, int64(len(content))}) {
		m := openImage(part)
		if m == nil {
			continue
		}
		p, err := readProgram(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if p == nil {
			continue
		}
		damage, err := p.eachFunction(t.Context(), func(f function) {
			offset, _, ok := p.code(f.entry, f.end)
			if !ok {
				t.Errorf("%s at %#x lies outside of code", f.name, f.entry)
			}
			list = append(list, located{f, offset})
		})
		if damage != nil || err != nil {
			t.Fatal(damage, err)
		}
	}
	return list
}

// textSymbol is a line of `go tool nm`.
type textSymbol struct {
	addr, size uint64
	name       string
}

// nm asks `go tool nm` for the symbols in code.
func nm(t *testing.T, content []byte) []textSymbol {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "nm", "-size", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []textSymbol
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line) // address, size, kind, name, which may have spaces
		if len(f) < 4 || f[2] != "T" && f[2] != "t" {
			continue
		}
		addr, err := strconv.ParseUint(f[0], 16, 64)
		size, err2 := strconv.ParseUint(f[1], 10, 64)
		if err != nil || err2 != nil {
			t.Fatalf("nm printed %q", line)
		}
		if name := strings.Join(f[3:], " "); !isMarker(name) {
			list = append(list, textSymbol{addr, size, name})
		}
	}
	return list
}

// isMarker tells whether a symbol is no function but marks a place in the code.
func isMarker(name string) bool {
	switch strings.TrimLeft(name, "_") {
	case "runtime.text", "runtime.etext", "go:buildid", "go.buildid", "go:textfipsstart", "go:textfipsend":
		return true
	}
	return false
}

var (
	abi          = regexp.MustCompile(`\.abi(0|internal)$`)
	instantiated = regexp.MustCompile(`\[.*\]`)
)

// plainName is a name without what only the symbol table has, or only the function table: the calling convention, arguments of types, the underscore of Mach-O.
func plainName(name string) string {
	name = strings.ReplaceAll(strings.TrimLeft(name, "_"), "·", ".")
	return instantiated.ReplaceAllString(abi.ReplaceAllString(name, ""), "[...]")
}

// compareFunctions compares the functions of a program with the symbols of its twin.
func compareFunctions(t *testing.T, content, twin []byte, symbols []textSymbol) {
	functions := functionsOf(t, content)
	code := codeOf(t, twin)
	byAddr := map[uint64][]located{}
	for _, f := range functions {
		byAddr[f.entry] = append(byAddr[f.entry], f)
	}
	known, right := map[string]bool{}, 0
	var wrong []string
	for _, y := range symbols {
		known[plainName(y.name)] = true
		found := slices.IndexFunc(byAddr[y.addr], func(f located) bool { return plainName(f.name) == plainName(y.name) })
		if found < 0 {
			wrong = append(wrong, fmt.Sprintf("%#x %s is missing", y.addr, y.name))
			continue
		}
		f := byAddr[y.addr][found]
		n := min(f.end-f.entry, 16)
		if got, want := content[f.offset:f.offset+n], code(y.addr, n); !sameCode(got, want) {
			wrong = append(wrong, fmt.Sprintf("%s at offset %d is % x, want % x", f.name, f.offset, got, want))
			continue
		}
		right++
	}
	for _, f := range functions {
		if !known[plainName(f.name)] {
			wrong = append(wrong, fmt.Sprintf("%#x %s is no symbol", f.entry, f.name))
		}
	}
	if len(symbols) < 900 || right*100 < len(symbols)*99 || len(wrong)*100 > len(symbols) {
		t.Errorf("of %d symbols %d are right, %d functions; %d faults:\n%s", len(symbols), right, len(functions), len(wrong), strings.Join(wrong[:min(len(wrong), 20)], "\n"))
	}
}

// sameCode tells whether bytes are the same but for addresses in them: before 1.13 stripped programs have their data a page nearer to the code.
func sameCode(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	differ := 0
	for i := range a {
		if a[i] != b[i] {
			differ++
		}
	}
	return differ <= len(a)/4
}

// codeOf returns a function that reads the code at an address, by the standard library's readers.
func codeOf(t *testing.T, content []byte) func(addr, n uint64) []byte {
	t.Helper()
	type stretch struct {
		addr uint64
		data func() ([]byte, error)
	}
	var all []stretch
	r := bytes.NewReader(content)
	if f, err := elf.NewFile(r); err == nil {
		for _, s := range f.Sections {
			if s.Flags&elf.SHF_EXECINSTR != 0 {
				all = append(all, stretch{s.Addr, s.Data})
			}
		}
	}
	if f, err := macho.NewFile(r); err == nil {
		for _, s := range f.Sections {
			if s.Name == "__text" {
				all = append(all, stretch{s.Addr, s.Data})
			}
		}
	}
	if f, err := pe.NewFile(r); err == nil {
		base := uint64(0)
		switch h := f.OptionalHeader.(type) {
		case *pe.OptionalHeader32:
			base = uint64(h.ImageBase)
		case *pe.OptionalHeader64:
			base = h.ImageBase
		}
		for _, s := range f.Sections {
			if s.Name == ".text" {
				all = append(all, stretch{base + uint64(s.VirtualAddress), s.Data})
			}
		}
	}
	type loaded struct {
		addr uint64
		data []byte
	}
	var code []loaded
	for _, s := range all {
		data, err := s.data()
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, loaded{s.addr, data})
	}
	return func(addr, n uint64) []byte {
		for _, s := range code {
			if addr >= s.addr && addr+n <= s.addr+uint64(len(s.data)) {
				return s.data[addr-s.addr:][:n]
			}
		}
		return nil
	}
}

// checkFeatures: everything that is in the source is told.
func checkFeatures(t *testing.T, b build, out *plugin.Outcome) {
	if out.State != event.Completed {
		t.Errorf("%s: %s", out.State, out.Message)
	}
	rat, root := sourceFolder(t)+"/src/example.com/rat", []string{toolchain(t, b.release) + "/src"}
	dep := rat + "/vendor/example.org/dep"
	if slices.Contains(b.flags, "-trimpath") {
		rat, dep, root = "example.com/rat", "example.org/dep@v1.2.3", nil
	}
	modules := []string{"example.com/rat|(devel)"}
	if b.release == go112 {
		modules = nil // it was built without modules
	}
	for _, want := range []struct {
		feature string
		values  []string
		all     bool // there are no others
	}{
		{"go_compiler_version", []string{"go" + b.release}, true},
		{"go_compiler_timestamp", []string{releases["go"+b.release]}, true},
		{"go_module", modules, true},
		{"go_root", root, true},
		{"go_package", []string{"main", "example.com/rat/internal/beacon"}, true},
		{"go_vendor_package", []string{"example.org/dep"}, true},
		{"go_file", []string{rat, rat + "/internal/beacon", dep}, true},
		{"go_standard_package", []string{"runtime", "internal/cpu"}, false},
		{"go_package_function", []string{"main|main", "loop|main", "Run|example.com/rat/internal/beacon", "Show|example.com/rat/internal/beacon"}, false},
		{"go_package_method", []string{"task.run|main", "(*Config).Send|example.com/rat/internal/beacon", "(*Config).close|example.com/rat/internal/beacon"}, false},
		{"go_type", []string{
			"main.task|struct", "beacon.Config|struct", "beacon.Keys|array", "beacon.Table|map", "beacon.Hook|func", "beacon.Sender|interface",
		}, false},
		{"go_type_method", []string{
			"run|main.task", "Send|beacon.Config", "close|beacon.Config", "Sum|beacon.Keys", "Send|beacon.Sender", "close|beacon.Sender",
		}, false},
		{"malformed", nil, true},
	} {
		got := values(out, want.feature)
		missing := slices.DeleteFunc(slices.Clone(want.values), func(v string) bool { return slices.Contains(got, v) })
		if len(missing) > 0 || want.all && len(got) != len(want.values) {
			t.Errorf("%s is %q, want %q", want.feature, got, want.values)
		}
	}
	if b.release >= go121 && !slices.Contains(values(out, "go_type"), "main.list[main.task]|struct") {
		t.Errorf("types are %q, want an instance of the generic one", values(out, "go_type"))
	}
	if ids := values(out, "go_build_id"); len(ids) != 1 || strings.Count(ids[0], "/") != 3 {
		t.Errorf("build ids are %q", ids)
	}
}
