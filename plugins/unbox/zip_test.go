package unbox

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/event"
)

// TestZipAgainstStandardLibrary compares what is found in random zips, with things put in front and behind, with what the standard
// library finds.
func TestZipAgainstStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for round := range 100 {
		content := makeZip(func(w *zip.Writer) {
			if r.IntN(2) == 0 {
				must(w.SetComment(strings.Repeat("comment", r.IntN(1000))))
			}
			for i := range 1 + r.IntN(30) {
				data := make([]byte, r.IntN(1+r.IntN(100_000)))
				for k := range data {
					data[k] = byte(r.IntN(1 + r.IntN(256)))
				}
				h := zip.FileHeader{Name: fmt.Sprintf("file %d", i), Method: zip.Deflate, Comment: strings.Repeat("c", r.IntN(100)),
					Modified: changed.Add(time.Duration(r.IntN(1e9)) * time.Second)}
				switch r.IntN(3) {
				case 0:
					h.CRC32, h.UncompressedSize64 = sumOf(string(data)), uint64(len(data))
					addRawZip(w, h, deflated(data))
				case 1:
					h.Method = zip.Store
					fallthrough
				default:
					addZip(w, &h, string(data))
				}
			}
		})
		content = slices.Concat(make([]byte, r.IntN(2)*r.IntN(5000)), content)
		z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		must(err)
		if r.IntN(2) == 0 { // the standard library does not take this
			content = append(content, make([]byte, r.IntN(100))...)
		}
		out := run(t, content, "archive/zip")
		if want := event.Completed; out.State != want {
			t.Fatalf("round %d: %s %s", round, out.State, out.Message)
		}
		got := contents(t, out)
		var names, dates []string
		for _, f := range z.File {
			names = append(names, f.Name)
			if f.Modified.Year() >= 1980 { // else the standard library says 1979
				dates = append(dates, f.Modified.UTC().Format(time.RFC3339)+"|"+f.Name)
			}
			rc, err := f.Open()
			must(err)
			want, err := io.ReadAll(rc)
			must(err)
			if got[f.Name] != string(want) {
				t.Fatalf("round %d: %s has %d bytes, want %d", round, f.Name, len(got[f.Name]), len(want))
			}
		}
		if !slices.Equal(names, values(out, "box_filepath")) || !slices.Equal(dates, values(out, "box_insertdate")) {
			t.Fatalf("round %d: %q at %q, want %q at %q", round, values(out, "box_filepath"), values(out, "box_insertdate"), names, dates)
		}
	}
}

func TestDates(t *testing.T) {
	ntfs := []byte{0x0a, 0, 32, 0, 0, 0, 0, 0, 1, 0, 24, 0}
	ntfs = binary.LittleEndian.AppendUint64(ntfs, uint64(changed.Unix()+11_644_473_600)*10_000_000+1_234_560)
	ntfs = append(ntfs, make([]byte, 16)...)
	unix := []byte{0x55, 0x54, 5, 0, 1, 0, 0, 0, 0x80} // 2^31
	for _, c := range []struct {
		name        string
		date, clock uint16
		extra       []byte
		want        string
	}{
		{"none", 0, 0, nil, ""},
		{"DOS", 44<<9 | 1<<5 | 2, 3<<11 | 4<<5 | 3, nil, "2024-01-02T03:04:06Z"},
		{"a month that there is not", 44<<9 | 13<<5 | 2, 0, nil, ""},
		{"Unix", 44<<9 | 1<<5 | 2, 0, unix, "2038-01-19T03:14:08Z"},
		{"NTFS", 44<<9 | 1<<5 | 2, 0, append(bytes.Clone(unix), ntfs...), "2024-01-02T03:04:06.123456Z"},
		{"cut short", 44<<9 | 1<<5 | 2, 0, ntfs[:20], "2024-01-02T00:00:00Z"},
	} {
		content := makeZip(func(w *zip.Writer) {
			//lint:ignore SA1019 the writer takes Modified only from headers that are not raw
			addRawZip(w, zip.FileHeader{Name: "f", ModifiedDate: c.date, ModifiedTime: c.clock, Extra: c.extra}, nil)
		})
		want := []string{c.want + "|f"}
		if c.want == "" {
			want = nil
		}
		if got := values(run(t, content, "archive/zip"), "box_insertdate"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
}

// TestZip64: numbers of 64 bits in the entries and in the end record, with something in front of the zip, too.
func TestZip64(t *testing.T) {
	files := []file{{"one", "the first"}, {"two", "the second"}}
	plain := zipOf(files...)
	dir, end := bytes.Index(plain, []byte(entrySignature)), bytes.Index(plain, []byte(endSignature))
	var entries []byte
	r := plain[dir:end]
	for len(r) > 0 { // move sizes and offset of each record into an extra field
		name, extra := binary.LittleEndian.Uint16(r[28:]), binary.LittleEndian.Uint16(r[30:])
		rec := bytes.Clone(r[:entryBytes+int(name)+int(extra)])
		r = r[len(rec):]
		field := []byte{1, 0, 24, 0}
		for _, at := range []int{24, 20, 42} { // size, packed, offset: in this order in the field
			field = binary.LittleEndian.AppendUint64(field, uint64(binary.LittleEndian.Uint32(rec[at:])))
			copy(rec[at:], "\xff\xff\xff\xff")
		}
		binary.LittleEndian.PutUint16(rec[30:], extra+uint16(len(field)))
		entries = slices.Concat(entries, rec, field)
	}
	end64 := make([]byte, end64Bytes)
	copy(end64, end64Signature)
	binary.LittleEndian.PutUint64(end64[40:], uint64(len(entries)))
	binary.LittleEndian.PutUint64(end64[48:], uint64(dir))
	locator := make([]byte, locatorBytes)
	copy(locator, locatorSig)
	binary.LittleEndian.PutUint64(locator[8:], uint64(dir+len(entries)))
	last := bytes.Clone(plain[end:])
	copy(last[8:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	whole := slices.Concat(plain[:dir], entries, end64, locator, last)
	for _, front := range []string{"", "something in front"} {
		out := run(t, append([]byte(front), whole...), "archive/zip")
		if got := contents(t, out); out.State != event.Completed || got["one"] != "the first" || got["two"] != "the second" {
			t.Errorf("behind %q: %s %s with %q", front, out.State, out.Message, got)
		}
	}
}

// TestDirectoryThatLies: a directory with wrong numbers ends soon, with damage.
func TestDirectoryThatLies(t *testing.T) {
	whole := zipOf(some...)
	dir, end := bytes.Index(whole, []byte(entrySignature)), bytes.Index(whole, []byte(endSignature))
	for name, change := range map[string]func([]byte){
		"offset of an entry":   func(b []byte) { binary.LittleEndian.PutUint32(b[dir+42:], 0x7fffffff) },
		"length of a name":     func(b []byte) { binary.LittleEndian.PutUint16(b[dir+28:], 0xffff) },
		"signature of a entry": func(b []byte) { b[bytes.LastIndex(b, []byte(entrySignature))] = 'Q' },
		"size of an entry":     func(b []byte) { binary.LittleEndian.PutUint32(b[dir+20:], 0xfffffffe) },
	} {
		bad := bytes.Clone(whole)
		change(bad)
		out := run(t, bad, "archive/zip")
		if name == "size of an entry" { // deflated data tells its own end
			if out.State != event.Completed || len(out.Children) != 2 {
				t.Errorf("%s: %s %s with %d children", name, out.State, out.Message, len(out.Children))
			}
			continue
		}
		if out.State != event.CompletedWithErrors || len(values(out, "malformed")) != 1 {
			t.Errorf("%s: %s %s", name, out.State, out.Message)
		}
	}
	// Numbers of the end record that lead nowhere: the entries are found by their own headers.
	lost := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(lost[end+12:], 0xfffffff0)
	binary.LittleEndian.PutUint32(lost[end+16:], 0xfffffff0)
	if out := run(t, lost, "archive/zip"); len(out.Children) != 2 || !strings.Contains(out.Message, "directory is missing") {
		t.Errorf("a directory that is not found: %s %s with %d children", out.State, out.Message, len(out.Children))
	}
	// A size of the directory that is wrong, with an offset that is right.
	binary.LittleEndian.PutUint32(lost[end+16:], uint32(dir))
	if out := run(t, lost, "archive/zip"); len(out.Children) != 2 || out.State != event.CompletedWithErrors && out.State != event.Completed {
		t.Errorf("a directory of a wrong size: %s %s with %d children", out.State, out.Message, len(out.Children))
	}
}

// TestWithoutDirectory: entries of every kind are found by their own headers.
func TestWithoutDirectory(t *testing.T) {
	whole := makeZip(func(w *zip.Writer) {
		addZip(w, &zip.FileHeader{Name: "deflated", Method: zip.Deflate}, strings.Repeat("deflated ", 1000))
		addRawZip(w, zip.FileHeader{Name: "sized", Method: zip.Deflate, UncompressedSize64: 5, CRC32: sumOf("sized")}, deflated([]byte("sized")))
		addRawZip(w, zip.FileHeader{Name: "secret", Flags: 1, UncompressedSize64: 6}, zipCrypted([]byte("secret"), "unknown", 0x55))
		addZip(w, &zip.FileHeader{Name: "stored"}, "without a size")
		addZip(w, &zip.FileHeader{Name: "folder/"}, "")
		addRawZip(w, zip.FileHeader{Name: "last", UncompressedSize64: 4, CRC32: sumOf("last")}, []byte("last"))
	})
	out := run(t, append([]byte("something in front"), whole[:bytes.Index(whole, []byte(entrySignature))]...), "archive/zip")
	got := contents(t, out)
	if len(got) != 3 || got["deflated"] != strings.Repeat("deflated ", 1000) || got["sized"] != "sized" || got["last"] != "last" {
		t.Errorf("found %q", got)
	}
	if names := values(out, "box_filepath"); !slices.Equal(names, []string{"deflated", "sized", "secret", "stored", "last"}) {
		t.Errorf("listed %q", names)
	}
	for _, want := range []string{"secret: encrypted, and no password fits", "stored: Store cannot be unpacked without a directory", "directory is missing"} {
		if !strings.Contains(out.Message, want) {
			t.Errorf("no %q in %s", want, out.Message)
		}
	}
}

// TestEndsThatLie: end records in the comment, and behind the zip, do not hide the real one.
func TestEndsThatLie(t *testing.T) {
	empty := zipOf()
	for name, content := range map[string][]byte{
		"signatures in the comment": makeZip(func(w *zip.Writer) {
			addZip(w, &zip.FileHeader{Name: "f"}, "content")
			must(w.SetComment(strings.Repeat(endSignature+" and more than 22 bytes", 2000)))
		}),
		"an empty zip behind the zip": append(zipOf(file{"f", "content"}), empty...),
		"a piece of one behind":       append(zipOf(file{"f", "content"}), empty[:10]...),
		"zeros behind":                append(zipOf(file{"f", "content"}), make([]byte, 60_000)...),
	} {
		if out := run(t, content, "archive/zip"); contents(t, out)["f"] != "content" || out.State != event.Completed {
			t.Errorf("%s: %s %s with %d children", name, out.State, out.Message, len(out.Children))
		}
	}
}

// TestOldMethods: each method gets its factor or its flags from the entry. What they decode is tried in package pkzip.
func TestOldMethods(t *testing.T) {
	const text = "abc"
	var shrunk, reduced, imploded bitWriter
	reduced.out, reduced.n = make([]byte, 192), 8*192 // no byte has followers
	for _, table := range []struct{ symbols, bits int }{{256, 8}, {64, 6}, {64, 6}} {
		imploded.put(table.symbols/16-1, 8)
		for range table.symbols / 16 {
			imploded.put(15<<4|table.bits-1, 8)
		}
	}
	for _, c := range text {
		shrunk.put(int(c), 9)
		reduced.put(int(c), 8)
		imploded.put(1, 1)
		imploded.code(255-int(c), 8)
	}
	// Factor 4: five bytes from one byte before on, in five bits of distance and three of length.
	reduced.put(144, 8)
	reduced.put(2, 8)
	reduced.put(0, 8)
	content := makeZip(func(w *zip.Writer) {
		addRawZip(w, zip.FileHeader{Name: "Shrink", Method: methodShrink, UncompressedSize64: 3, CRC32: sumOf(text)}, shrunk.out)
		addRawZip(w, zip.FileHeader{Name: "Reduce4", Method: methodReduce4, UncompressedSize64: 8, CRC32: sumOf("abcccccc")}, reduced.out)
		addRawZip(w, zip.FileHeader{Name: "Implode", Method: methodImplode, Flags: 6, UncompressedSize64: 3, CRC32: sumOf(text)}, imploded.out)
	})
	out := run(t, content, "archive/zip")
	if got := contents(t, out); out.State != event.Completed || len(out.Children) != 2 || got["Shrink"] != text || got["Implode"] != text || got["Reduce4"] != "abcccccc" {
		t.Errorf("%s %s with %q", out.State, out.Message, got)
	}
	if got := values(out, "box_compression"); !slices.Equal(got, []string{"Shrink|Shrink", "Reduce4|Reduce4", "Implode|Implode"}) {
		t.Errorf("compressed by %q", got)
	}
}
