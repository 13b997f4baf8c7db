package iso

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

func some() image {
	return image{
		files: []file{
			{name: "README.TXT;1", content: "read me\n"}, {name: "DATA.BIN;1", content: strings.Repeat("data ", 3000), pieces: 3},
			{name: "EMPTY.;1"}, {name: "LAST.TXT;1", content: "the last\n", system: nameField("last one.txt")},
		},
		boot: strings.Repeat("boot", 512),
	}
}

func nameField(name string) string { return "NM" + string(rune(5+len(name))) + "\x01\x00" + name }

func TestSuite(t *testing.T) { archivetest.Suite(t, Walk, some().bytes()) }

func TestWalk(t *testing.T) {
	files := archivetest.MustRead(t, Walk, some().bytes())
	changed := time.Date(2024, 1, 2, 2, 4, 6, 0, time.UTC)
	want := []archivetest.File{
		{Entry: archive.Entry{Name: "README.TXT", Size: 8, Changed: changed}, Content: "read me\n"},
		{Entry: archive.Entry{Name: "DATA.BIN", Size: 15000, Changed: changed}, Content: strings.Repeat("data ", 3000)},
		{Entry: archive.Entry{Name: "EMPTY", Changed: changed}},
		{Entry: archive.Entry{Name: "last one.txt", Size: 9, Changed: changed}, Content: "the last\n"},
		{Entry: archive.Entry{Name: "[BOOT]/Boot-NoEmul.img", Size: 512}, Content: strings.Repeat("boot", 128)},
		{Entry: archive.Entry{Name: "[BOOT]/2-Boot-NoEmul.img", Size: 1024}, Content: strings.Repeat("boot", 256)},
	}
	if len(files) != len(want) {
		t.Fatalf("%d files: %+v", len(files), files)
	}
	for i, f := range files {
		if f.Entry != want[i].Entry || want[i].Content != "" && f.Content != want[i].Content {
			t.Errorf("%+v with %d bytes", f.Entry, len(f.Content))
		}
	}
}

// TestFloppy: a boot image of a floppy disk has the size of one.
func TestFloppy(t *testing.T) {
	m := some()
	m.bootKind, m.boot = 2, strings.Repeat("f", 1440<<10)
	if got := archivetest.Contents(archivetest.MustRead(t, Walk, m.bytes()))["[BOOT]/Boot-1.44M.img"]; got != m.boot {
		t.Errorf("%d bytes", len(got))
	}
	m.boot = "f"
	files, _ := archivetest.Read(Walk, m.bytes())
	if f := files[4]; !errors.Is(f.Err, archive.ErrDamaged) || !strings.HasPrefix(f.Content, "f") {
		t.Errorf("%+v: %v", f.Entry, f.Err)
	}
}

// TestHidden: a file that is in one tree only is found, whichever it is; one that is in both is listed once.
func TestHidden(t *testing.T) {
	m := image{
		files:  []file{{name: "SHARED.TXT;1", content: "", at: 23}, {name: "SEEN.TXT;1", content: "seen"}},
		joliet: []file{{name: "Shared with a long name.txt", at: 23}, {name: "Hidden ü.txt", content: "hidden"}},
	}
	got := archivetest.Contents(archivetest.MustRead(t, Walk, m.bytes()))
	archivetest.Compare(t, got, map[string]string{"Shared with a long name.txt": "", "Hidden ü.txt": "hidden", "SEEN.TXT": "seen"})
}

func TestLinks(t *testing.T) {
	for _, c := range []struct{ system, want string }{
		{"SL\x0e\x01\x00\x04\x00\x00\x03etc", "../etc"},
		{"SL\x0c\x01\x00\x08\x00\x00\x03etc", "/etc"},
		{"SL\x0a\x01\x00\x01\x03etcSL\x0a\x01\x00\x00\x03era", "etcera"},
		{"SL\x0a\x01\x01\x00\x03etcSL\x0a\x01\x00\x00\x03era", "etc/era"},
		{"SL\x07\x01\x00\x02\x00", "."},
		{"SL\x05\x01\x00", "."},
	} {
		m := image{files: []file{{name: "LINK.;1", system: strings.ReplaceAll(c.system, "SL\x0e", "SL\x0c")}}}
		files := archivetest.MustRead(t, Walk, m.bytes())
		if len(files) != 1 || files[0].Link != c.want || files[0].Readable {
			t.Errorf("%q: %+v", c.system, files)
		}
	}
}

// TestLoops: a folder in itself, by its own record or by one of Rock Ridge, is listed once and told.
func TestLoops(t *testing.T) {
	for _, m := range []image{
		{files: []file{{name: "LOOP", flags: flagFolder, at: 24}}},
		{files: []file{{name: "LOOP.;1", at: 1, system: "CL\x0c\x01\x18\x00\x00\x00\x00\x00\x00\x18"}}},
	} {
		files, err := archivetest.Read(Walk, m.bytes())
		if !errors.Is(err, archive.ErrDamaged) || !strings.Contains(err.Error(), "more than one place") || len(files) != 1 || !files[0].Folder {
			t.Errorf("%+v, %v", files, err)
		}
	}
}

func TestInterleaved(t *testing.T) {
	files, err := archivetest.Read(Walk, image{files: []file{{name: "A.;1", content: "a", unit: 1}, {name: "B.;1", content: "b"}}}.bytes())
	if !errors.Is(err, archive.ErrDamaged) || len(files) != 2 || files[0].Readable || files[1].Content != "b" {
		t.Errorf("%+v, %v", files, err)
	}
}

func TestOutside(t *testing.T) {
	files, err := archivetest.Read(Walk, image{files: []file{{name: "A.;1", at: 5000, content: "x"}, {name: "D", flags: flagFolder, at: 5000}}}.bytes())
	if !errors.Is(err, archive.ErrDamaged) || len(files) != 2 || !errors.Is(files[0].Err, archive.ErrDamaged) {
		t.Errorf("%+v, %v", files, err)
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(some().bytes())
	f.Add(image{files: []file{{name: "LINK.;1", system: "SL\x0a\x01\x00\x00\x03etc"}}, joliet: []file{{name: "x", content: "y"}}}.bytes())
	f.Add(smallUDF())
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, Walk, data) })
}
