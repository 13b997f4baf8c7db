package goinfo

import (
	"bytes"
	"context"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

func TestHostile(t *testing.T) {
	plugintest.Hostile(t, New(), samples()...)
}

// TestHostilePrograms does the same to real ones.
func TestHostilePrograms(t *testing.T) {
	plugintest.Hostile(t, New(), goldenBuild(go127, "linux", "amd64").program(t), goldenBuild(go121, "windows", "386").program(t))
}

// TestDamagedPrograms: of real programs with damaged tables there is still what the damage did not touch, and the damage is told.
func TestDamagedPrograms(t *testing.T) {
	content := goldenBuild(go127, "linux", "amd64").program(t)
	m := openMade(t, content)
	p, err := readProgram(t.Context(), m)
	if err != nil || p == nil {
		t.Fatal(err)
	}
	offset := func(addr uint64) int {
		off, ok := m.offset(addr)
		if !ok {
			t.Fatalf("%#x lies nowhere", addr)
		}
		return int(off)
	}
	table := offset(p.table.addr)
	funcs := table + len(p.table.data) - len(p.table.funcs)
	names := table + len(p.table.data) - len(p.table.names)
	wipe := func(from, size int) []byte {
		bad := bytes.Clone(content)
		for i := range size {
			bad[from+i] = 0xff
		}
		return bad
	}
	for name, c := range map[string]struct {
		content []byte
		still   []string // features that there are
	}{
		"a piece of the function table":    {wipe(funcs+8*500, 8*20), []string{"go_compiler_version", "go_package", "go_package_function", "go_type", "go_vendor_package"}},
		"most names":                       {wipe(names+100, 20_000), []string{"go_compiler_version", "go_package", "go_type"}},
		"the function table's header":      {wipe(table, 72), []string{"go_compiler_version", "go_module", "go_dependency"}},
		"the number of functions":          {wipe(table+8, 8), []string{"go_compiler_version", "go_module", "go_dependency"}},
		"the file's end, tables and data":  {content[:table+100_000], []string{"go_build_id", "go_package"}},
		"the file's end, from the code on": {content[:len(content)/4], nil},
	} {
		out := run(t, c.content)
		if out.State != event.CompletedWithErrors || len(values(out, "malformed")) != 1 {
			t.Errorf("%s: %s %s", name, out.State, out.Message)
		}
		for _, feature := range c.still {
			if len(values(out, feature)) == 0 {
				t.Errorf("%s: there is no %s", name, feature)
			}
		}
		t.Logf("%s: %s", name, out.Message)
	}
}

// TestEndlessNames: functions and types that all claim one long name do not take time or memory without bound.
func TestEndlessNames(t *testing.T) {
	long := string(bytes.Repeat([]byte("n"), mostText-1))
	functions := []madeFunction{{name: "main." + long[5:], file: "/src/main.go", size: 1}}
	for range 50_000 {
		functions = append(functions, madeFunction{size: 1})
	}
	parts := modern.program(madeInfo)
	table := modern.tableOf(madeText, functions)
	for i := 1; i < len(functions); i++ { // all have the first one's name
		at := modern.order.Uint64(table[tableHead+7*8:])
		info := at + uint64(modern.order.Uint32(table[at+uint64(8*i)+4:]))
		modern.order.PutUint32(table[info+4:], 1)
	}
	parts[1].data = table
	parts[0].data = make([]byte, 1<<16)
	content := elfOf(modern.machine, parts)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	peak := plugintest.PeakMemory(func() {
		out := run(t, content)
		if out.State != event.CompletedWithErrors {
			t.Errorf("%s: %s", out.State, out.Message)
		}
	})
	if peak > 256<<20 || ctx.Err() != nil {
		t.Errorf("it took %d MiB (%v)", peak>>20, ctx.Err())
	}
}

// TestContextEnds: a reading that is over its time ends.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readProgram(ctx, openMade(t, samples()[0])); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
