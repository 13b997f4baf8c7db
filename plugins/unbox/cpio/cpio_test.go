package cpio

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

func walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	return Walk(ctx, bufio.NewReader(io.NewSectionReader(r, 0, size)), visit)
}

const written = 1_600_000_000

type entry struct {
	mode          int
	name, content string
}

var entries = []entry{
	{modeDir | 0o755, "folder", ""}, {modeFile | 0o644, "folder/a", "one"}, {modeFile, "b", "four"}, {modeLink | 0o777, "link", "folder/a"}, {modeFile, "empty", ""},
	{0o020644, "device", ""}, {0, "without a mode", "content"},
}

// ways are all in which an entry can be written.
var ways = map[string]func(e entry) string{
	"new": func(e entry) string { return hexadecimal("070701", e) }, "with sums": func(e entry) string { return hexadecimal("070702", e) },
	"octal": func(e entry) string {
		return fmt.Sprintf("070707%06o%06o%06o%06o%06o%06o%06o%011o%06o%011o%s\x00%s", 1, 2, e.mode, 0, 0, 1, 0, written, len(e.name)+1, len(e.content), e.name, e.content)
	},
	"binary":             func(e entry) string { return words(binary.LittleEndian, e) },
	"binary, big endian": func(e entry) string { return words(binary.BigEndian, e) },
}

func hexadecimal(magic string, e entry) string {
	head := fmt.Sprintf("%s%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", magic, 1, e.mode, 0, 0, 1, written, len(e.content), 0, 0, 0, 0, len(e.name)+1, 0)
	return filled(head+e.name+"\x00", 4) + filled(e.content, 4)
}

func words(order binary.ByteOrder, e entry) string {
	var b []byte
	for _, w := range []int{0o070707, 1, 2, e.mode, 0, 0, 1, 0, written >> 16, written & 0xffff, len(e.name) + 1, len(e.content) >> 16, len(e.content) & 0xffff} {
		b = append(b, 0, 0)
		order.PutUint16(b[len(b)-2:], uint16(w))
	}
	return filled(string(b)+e.name+"\x00", 2) + filled(e.content, 2)
}

func filled(text string, to int) string { return text + strings.Repeat("\x00", -len(text)&(to-1)) }

func sample(way func(entry) string) []byte {
	var b strings.Builder
	for _, e := range append(entries, entry{0, trailer, ""}) {
		b.WriteString(way(e))
	}
	return []byte(b.String())
}

func TestSuite(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) { archivetest.Suite(t, walk, sample(way)) })
	}
}

func FuzzWalk(f *testing.F) {
	for _, way := range ways {
		f.Add(sample(way))
	}
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, walk, data) })
}

func TestWalk(t *testing.T) {
	for name, way := range ways {
		files := archivetest.MustRead(t, walk, append(sample(way), "what follows the trailer"...))
		if len(files) != len(entries) {
			t.Fatalf("%s: %d entries", name, len(files))
		}
		for i, f := range files {
			e := entries[i]
			want := archive.Entry{Name: e.name, Size: int64(len(e.content)), Changed: time.Unix(written, 0).UTC(), Folder: e.name == "folder"}
			if e.name == "link" {
				want.Link, e.content = e.content, ""
			}
			if f.Entry != want || f.Content != e.content {
				t.Errorf("%s: %+v %q, want %+v %q", name, f.Entry, f.Content, want, e.content)
			}
		}
	}
}

// TestDamaged: what can be read is, and errors are of damage.
func TestDamaged(t *testing.T) {
	way := ways["new"]
	a := way(entry{modeFile, "a", "content"})
	for name, c := range map[string]struct {
		data, want, err string
	}{
		"no trailer":            {a, "a=content ", "cut short"},
		"content cut short":     {a[:len(a)-4], "a=cont(cut) ", "cut short"},
		"a header cut short":    {a + a[:50], "a=content ", "cut short"},
		"a name cut short":      {a + a[:111], "a=content ", "cut short"},
		"no header":             {a + "something else", "a=content ", "cpio: there is no header: damaged"},
		"no numbers":            {strings.Replace(a, "00008000", "0000xx00", 1), "", "cpio: a header has something else than numbers: damaged"},
		"a name without length": {strings.Replace(a, "00000002", "00000000", 1), "", "cpio: a name has no reasonable length: damaged"},
		"a name without end":    {strings.Replace(a, "00000002", "ffffffff", 1), "", "cpio: a name has no reasonable length: damaged"},
		"a size without end":    {strings.Replace(a, "00000007", "ffffffff", 1), "a=content\x00(cut) ", "cut short"},
		"a link that is long":   {way(entry{modeLink, "l", strings.Repeat("x", mostLink+1)}), "l=" + strings.Repeat("x", mostLink+1) + " ", "cut short"},
	} {
		files, err := archivetest.Read(walk, []byte(c.data))
		var got strings.Builder
		for _, f := range files {
			fmt.Fprintf(&got, "%s=%s", f.Name, f.Content)
			if f.Err != nil {
				got.WriteString("(cut)")
				if !errors.Is(f.Err, archive.ErrDamaged) {
					t.Errorf("%s: reading %q: %v", name, f.Name, f.Err)
				}
			}
			got.WriteString(" ")
		}
		if got.String() != c.want || !errors.Is(err, archive.ErrDamaged) || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %.100q, %v; want %.100q, %s", name, got.String(), err, c.want, c.err)
		}
	}
}
