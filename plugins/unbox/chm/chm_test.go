package chm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

func TestSuite(t *testing.T) { archivetest.Suite(t, Walk, some().bytes()) }

func TestWalk(t *testing.T) {
	for _, noTable := range []bool{false, true} {
		m := some()
		m.noTable = noTable
		files := archivetest.MustRead(t, Walk, m.bytes())
		want := []archivetest.File{
			{Entry: archive.Entry{Name: "#SYSTEM", Size: 6, Method: "stored"}, Content: "system"},
			{Entry: archive.Entry{Name: "folder", Folder: true}},
			{Entry: archive.Entry{Name: "index.htm", Size: 18, Method: "LZX"}, Content: "<html>index</html>"},
			{Entry: archive.Entry{Name: "folder/big.bin", Size: 200_000, Method: "LZX"}, Content: m.files[3].content},
			{Entry: archive.Entry{Name: "empty", Method: "LZX"}},
			{Entry: archive.Entry{Name: "last.htm", Size: 8, Method: "LZX"}, Content: "the last"},
		}
		if len(files) != len(want) {
			t.Fatalf("%d files", len(files))
		}
		for i, f := range files {
			if f.Entry != want[i].Entry || f.Content != want[i].Content {
				t.Errorf("%+v: %d bytes", f.Entry, len(f.Content))
			}
		}
	}
	if !BuiltIn("#SYSTEM") || !BuiltIn("$FIftiMain") || BuiltIn("index.htm") {
		t.Error("what is built in is taken for something else")
	}
}

// TestDamagedFrame: what is compressed behind the next reset is there.
func TestDamagedFrame(t *testing.T) {
	m := some()
	data, content := m.build()
	for i := range 300 {
		data[content+60_000+i] ^= byte(i)
	}
	files, err := archivetest.Read(Walk, data)
	if err != nil || len(files) != 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if last := files[5]; last.Content != "the last" || last.Err != nil {
		t.Errorf("the last is %q, %v", last.Content, last.Err)
	}
	if big := files[3]; big.Content == m.files[3].content {
		t.Error("nothing was damaged")
	}
}

// TestOverlap: files that lie over one another do not make a reader decompress everything for each of them.
func TestOverlap(t *testing.T) {
	m := made{bits: 15, reset: 1000, files: []file{{name: "/0", content: pseudo(300_000, 2)}}}
	for i := 1; i < 30; i++ {
		m.files = append(m.files, file{name: fmt.Sprintf("/%d", i), content: strings.Repeat("x", 100_000), offset: i})
	}
	files, _ := archivetest.Read(Walk, m.bytes())
	if f := files[29]; !errors.Is(f.Err, archive.ErrDamaged) || !strings.Contains(f.Err.Error(), "overlap") {
		t.Errorf("%v", f.Err)
	}
	if files[1].Content != files[0].Content[1:100_001] || files[1].Err != nil {
		t.Errorf("%v", files[1].Err)
	}
}

// TestChmcmd: what Free Pascal's compiler of help makes is taken out, and 7z takes out the same.
func TestChmcmd(t *testing.T) {
	archivetest.Tool(t, "chmcmd", "7z")
	dir := t.TempDir()
	pages := map[string]string{}
	var list strings.Builder
	for i := range 40 {
		name := fmt.Sprintf("pages/page%d.htm", i)
		pages[name] = fmt.Sprintf("<html><head><title>Page %d</title></head><body>%s</body></html>", i, pseudoText(i*i*20, uint64(i)))
		list.WriteString(filepath.FromSlash(name) + "\n")
	}
	archivetest.WriteFiles(t, dir, pages)
	archivetest.WriteFiles(t, dir, map[string]string{
		"x.hhp": "[OPTIONS]\nCompiled file=x.chm\nDefault topic=pages/page0.htm\nTitle=Test\n\n[FILES]\n" + list.String(),
	})
	archivetest.Run(t, dir, "chmcmd", "x.hhp")
	archivetest.Run(t, dir, "7z", "x", "-oout", "x.chm")
	files := archivetest.MustRead(t, Walk, archivetest.MustReadFile(t, filepath.Join(dir, "x.chm")))
	got := archivetest.Contents(files)
	for name, content := range pages {
		if got[name] != content {
			t.Errorf("%s differs", name)
		}
	}
	for name, content := range archivetest.ReadFiles(t, filepath.Join(dir, "out")) {
		if is, ok := got[name]; is != content && (ok || !strings.HasPrefix(name, "::")) {
			t.Errorf("%s: 7z has %d bytes, we have %d", name, len(content), len(is))
		}
	}
}

// pseudoText is text without anything that a compiler of help would read as markup.
func pseudoText(n int, seed uint64) string {
	return strings.Map(func(r rune) rune { return 'a' + r%26 }, string([]byte(pseudo(n+1, seed))))
}

// Test7z: 7z reads what our maker makes, so that it is not only we who understand it.
func Test7z(t *testing.T) {
	archivetest.Tool(t, "7z")
	for _, reset := range []int{1, 2, 4} {
		m := some()
		m.reset, m.bits = reset, 14+reset
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.chm"), m.bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		archivetest.Run(t, dir, "7z", "x", "-oout", "x.chm")
		out := archivetest.ReadFiles(t, filepath.Join(dir, "out"))
		if out["folder/big.bin"] != m.files[3].content {
			t.Errorf("reset %d, window of %d bits: %d bytes", m.reset, m.bits, len(out["folder/big.bin"]))
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(some().bytes())
	m := some()
	m.files[3].content = pseudo(40_000, 2)
	m.noTable = true
	f.Add(m.bytes())
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, Walk, data) })
}
