package goinfo

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"lazuli/event"
)

// TestChains: pointers of the newer Mach-O files are links of chains, and what they stand for is the same program.
func TestChains(t *testing.T) {
	parts := modern.program(madeInfo)
	want := values(run(t, machOOf(parts)), "go_type")
	for name, format := range map[string]uint16{"64": chain64, "64, offsets": chain64Offset, "arm64e": chainARM64E, "arm64e, userland": chainARM64EUserland} {
		chained, command := chainedModule(t, parts, format)
		plain := run(t, machOOf(chained))
		if got := values(plain, "go_type"); len(got) > 0 {
			t.Fatalf("%s: without the description of its chains the program has types: %q", name, got)
		}
		size := len(machOOf(chained, command(0))) // where the description begins
		out := run(t, append(machOOf(chained, command(size)), chainDescription(format)...))
		if got := values(out, "go_type"); out.State != event.Completed || !slices.Equal(got, want) {
			t.Errorf("%s: %s %s, types are %q, want %q", name, out.State, out.Message, got, want)
		}
	}
}

const (
	chainSegment = 0x400000 // the segment that machOOf writes
	chainPage    = 0x8000   // bytes, the largest that are a power of two
)

// chainedModule replaces the words of the module that are addresses by links.
func chainedModule(t testing.TB, parts []part, format uint16) ([]part, func(fileSize int) []byte) {
	t.Helper()
	parts = slices.Clone(parts)
	data := bytes.Clone(parts[3].data)
	parts[3].data = data
	module := data[madeModule-madeData:]
	var at []int
	for i := 0; i < moduleWords*8; i += 8 {
		if v := binary.LittleEndian.Uint64(module[i:]); v >= madeText && v < madeModule+4096 {
			at = append(at, i)
		}
	}
	for i, a := range at {
		v, step := binary.LittleEndian.Uint64(module[a:]), uint64(0)
		if i+1 < len(at) {
			step = uint64(at[i+1] - a)
		}
		if format != chain64 && format != chainARM64E {
			v -= chainSegment
		}
		if format == chain64 || format == chain64Offset {
			v |= step / 4 << 51
		} else {
			v |= step / 8 << 51
		}
		binary.LittleEndian.PutUint64(module[a:], v)
	}
	return parts, func(fileSize int) []byte {
		w := &writer{machine: machines[0]}
		w.u32(uint32(loadCmdChainedFixups), 16, uint32(fileSize), uint32(len(chainDescription(format))))
		return w.b
	}
}

// chainDescription describes one chain, on the page that the module begins on.
func chainDescription(format uint16) []byte {
	const header, starts = 28, 8
	w := &writer{machine: machines[0]}
	w.u32(0, header, 0, 0, 0, 1, 0) // where the starts are
	w.u32(1, starts)                // one segment, and where its starts are
	page := (madeModule - chainSegment) / chainPage
	w.u32(uint32(22 + 2*(page+1)))
	w.u16(chainPage, format)
	w.word(0)
	w.u32(0)
	w.u16(uint16(page + 1))
	for range page {
		w.u16(chainEnd)
	}
	w.u16(uint16((madeModule - chainSegment) % chainPage))
	return w.b
}

// TestOverlaps: regions that together are much larger than the file are not all searched.
func TestOverlaps(t *testing.T) {
	data := make([]byte, 100_000)
	var parts []part
	for i := range 200 {
		parts = append(parts, part{addr: uint64(0x10000 + i), data: data[:10]})
	}
	content := elfOf(machines[0], parts)
	for i := range parts {
		h := content[64+56*i:]
		binary.LittleEndian.PutUint64(h[8:], 0)
		binary.LittleEndian.PutUint64(h[32:], uint64(len(content)))
	}
	m := openMade(t, content)
	total := uint64(0)
	for _, r := range m.regions {
		total += r.size
	}
	if total > mostOverlap*uint64(len(content)) {
		t.Errorf("%d bytes are searched in a file of %d", total, len(content))
	}
}

func TestArchive(t *testing.T) {
	list := func(content []byte) (texts []string) {
		for _, f := range members(file{bytes.NewReader(content), 0, int64(len(content))}) {
			b, err := f.read(0, f.size)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(b))
		}
		return texts
	}
	whole := archiveOf([]byte("one"), []byte(""), []byte("three!"))
	if got := list(whole); !slices.Equal(got, []string{"one", "", "three!"}) {
		t.Errorf("members are %q", got)
	}
	for n := range len(whole) {
		for i, text := range list(whole[:n]) {
			if want := []string{"one", "", "three!"}[i]; text != want[:min(len(want), len(text))] {
				t.Errorf("%d bytes: member %d is %q", n, i, text)
			}
		}
	}
	bsd := []byte("!<arch>\n#1/4            0           0     0     644     8         `\nnamebody")
	if got := list(bsd); !slices.Equal(got, []string{"body"}) {
		t.Errorf("members of BSD are %q", got)
	}
}
