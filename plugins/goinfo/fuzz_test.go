package goinfo

import (
	"bytes"
	"encoding/binary"
	"testing"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

// FuzzFile: headers of all kinds of files, and all that is behind them.
func FuzzFile(f *testing.F) {
	for _, s := range samples() {
		f.Add(s)
	}
	parts := modern.program(madeInfo)
	chained, command := chainedModule(f, parts, chain64Offset)
	size := len(machOOf(chained, command(0)))
	f.Add(append(machOOf(chained, command(size)), chainDescription(chain64Offset)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		out := run(t, content)
		if err := plugintest.Check(out); err != nil {
			t.Fatal(err)
		}
		if out.State == event.ErrorException {
			t.Fatal(out.Message)
		}
		for _, v := range out.Features {
			if v.Offset != nil && (*v.Offset > uint64(len(content)) || *v.Size > uint64(len(content))) {
				t.Fatalf("%s lies at %d+%d in a file of %d bytes", v.Name, *v.Offset, *v.Size, len(content))
			}
		}
	})
}

// FuzzRelocations: object files and position-independent ones.
func FuzzRelocations(f *testing.F) {
	f.Add(pieOf(modern))
	f.Add(objectOf(modern))
	f.Add(objectOf(made{machines[1], magic120, layout118}))
	f.Fuzz(func(t *testing.T, content []byte) {
		m := openImage(file{bytes.NewReader(content), 0, int64(len(content))})
		if m == nil {
			return
		}
		for _, r := range m.regions {
			if data, err := m.load(r); err == nil && uint64(len(data)) != r.size {
				t.Fatalf("%d bytes of a region of %d", len(data), r.size)
			}
		}
	})
}

// memoryImage is an image that has nothing but data.
func memoryImage(m machine, addr uint64, data []byte) *image {
	i := &image{
		file: file{bytes.NewReader(data), 0, int64(len(data))}, order: m.order, ptrSize: m.ptrSize, named: map[string]span{}, notes: &notes{},
	}
	i.addRegion(region{addr: addr, size: uint64(len(data)), writable: true}, "the data")
	i.finish()
	return i
}

func FuzzBuildInfo(f *testing.F) {
	parts := modern.program(madeInfo)
	f.Add(parts[3].data[buildInfoHead:], byte(flagInline), byte(8))
	f.Add([]byte("\x00\x10\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00"), byte(0), byte(8))
	f.Fuzz(func(t *testing.T, rest []byte, flags, ptrSize byte) {
		data := append(bytes.Clone(buildInfoMagic), ptrSize, flags)
		data = append(data, make([]byte, buildInfoHead-len(data))...)
		for _, m := range machines {
			info, ok := memoryImage(m, 0x1000, append(data, rest...)).readBuildInfo(0x1000)
			if ok && len(info.deps)+len(info.settings) > len(rest) {
				t.Fatalf("%d dependencies in %d bytes", len(info.deps), len(rest))
			}
		}
	})
}

func FuzzFunctionTable(f *testing.F) {
	for _, m := range madeLayouts {
		for _, on := range machines {
			m.machine = on
			f.Add(m.tableOf(madeText, madeFunctions), on.ptrSize == 8, on.order == binary.ByteOrder(binary.BigEndian))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, wide, big bool) {
		on := machine{binary.LittleEndian, 4}
		if wide {
			on.ptrSize = 8
		}
		if big {
			on.order = binary.BigEndian
		}
		p := &program{image: memoryImage(on, madeTable, data), text: madeText}
		var err error
		if p.table, err = newTable(p.image, madeTable); err != nil {
			return
		}
		read := 0
		_, err = p.eachFunction(t.Context(), func(fn function) {
			read++
			if fn.end < fn.entry || len(fn.name) > mostText {
				t.Fatalf("%+v", fn)
			}
		})
		if err != nil || read > len(data) {
			t.Fatalf("%d functions in %d bytes: %v", read, len(data), err)
		}
	})
}

func FuzzTypes(f *testing.F) {
	for _, m := range madeLayouts[:3] {
		for _, on := range machines {
			m.machine = on
			f.Add(m.types(), on.ptrSize == 8, on.order == binary.ByteOrder(binary.BigEndian), int(m.layout))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, wide, big bool, layout int) {
		on := machine{binary.LittleEndian, 4}
		if wide {
			on.ptrSize = 8
		}
		if big {
			on.order = binary.BigEndian
		}
		module := &moduleData{types: madeTypes, etypes: madeTypes + uint64(len(data))}
		r := newTypeReader(memoryImage(on, madeTypes, data), &pclntab{layout: tableLayout(layout)}, module)
		n := 0
		err := r.each(t.Context(), func(ti typeInfo) {
			n++
			if ti.addr < madeTypes || ti.addr+ti.size > module.etypes {
				t.Fatalf("%+v", ti)
			}
		})
		if err != nil || n > len(data) {
			t.Fatalf("%d types in %d bytes: %v", n, len(data), err)
		}
	})
}

// FuzzModule: the words that follow the address of a function table.
func FuzzModule(f *testing.F) {
	for _, m := range madeLayouts {
		for _, on := range machines {
			m.machine = on
			f.Add(m.module(m.types()), m.magic, int(m.layout), on.ptrSize == 8)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, magic uint32, layout int, wide bool) {
		on := machine{binary.LittleEndian, 4}
		if wide {
			on.ptrSize = 8
		}
		image := memoryImage(on, madeTypes, data)
		if m := image.findModule(&pclntab{addr: madeTable, magic: magic, layout: tableLayout(layout)}); m != nil && m.etypes < m.types {
			t.Fatalf("%+v", m)
		}
	})
}

func FuzzSymbol(f *testing.F) {
	for _, s := range []string{"main.main", "example.com/a%2eb.(*T[...]).F-fm", "type:.eq.x", "main.T.F.func1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, full string) {
		if y := parseSymbol(full); len(y.pkg)+len(y.name) > len(full) {
			t.Fatalf("%q is %+v", full, y)
		}
	})
}
