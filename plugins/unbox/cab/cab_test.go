package cab

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

var kinds = map[string]uint16{
	"stored": kindStored, "MSZIP": kindMSZIP, "Quantum:10": kindQuantum | 7<<4 | 10<<8, "Quantum:21": kindQuantum | 1<<4 | 21<<8,
	"LZX:15": kindLZX | 15<<8, "LZX:21": kindLZX | 21<<8,
}

func TestWalk(t *testing.T) {
	for method, kind := range kinds {
		m := some(kind)
		files := archivetest.MustRead(t, Walk, m.bytes())
		if len(files) != len(m.names) {
			t.Fatalf("%s: %d files", method, len(files))
		}
		for i, f := range files {
			want := archive.Entry{
				Name: strings.ReplaceAll(m.names[i], `\`, "/"), Size: int64(len(m.contents[i])),
				Changed: time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC), Method: method,
			}
			if f.Entry != want || f.Content != m.contents[i] {
				t.Errorf("%s: %+v with %d bytes", method, f.Entry, len(f.Content))
			}
		}
	}
}

func TestSuite(t *testing.T) {
	for _, method := range []string{"stored", "MSZIP", "Quantum:10", "LZX:21"} {
		m := some(kinds[method])
		m.contents[1] = pseudo(70_000, 1)
		t.Run(method, func(t *testing.T) { archivetest.Suite(t, Walk, m.bytes()) })
	}
}

// TestCabextract: cabextract takes out what we do, of every kind.
func TestCabextract(t *testing.T) {
	archivetest.Tool(t, "cabextract")
	for method, kind := range kinds {
		m := some(kind)
		m.reserve = [3]int{20, 5, 8}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.cab"), m.bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		archivetest.Run(t, dir, "cabextract", "-d", "out", "x.cab")
		t.Log(method)
		archivetest.Compare(t, archivetest.Contents(archivetest.MustRead(t, Walk, m.bytes())), archivetest.ReadFiles(t, filepath.Join(dir, "out")))
	}
}

// TestGcab: what gcab makes is taken out whole.
func TestGcab(t *testing.T) {
	archivetest.Tool(t, "gcab")
	want := map[string]string{"a.txt": "a\n", "ü.bin": pseudo(100_000, 4), "zeros": strings.Repeat("\x00", 200_000)}
	for _, option := range []string{"-n", "-z"} {
		dir := t.TempDir()
		archivetest.WriteFiles(t, dir, want)
		archivetest.Run(t, dir, "gcab", "-c", option, "x.cab", "a.txt", "ü.bin", "zeros")
		files := archivetest.MustRead(t, Walk, archivetest.MustReadFile(t, filepath.Join(dir, "x.cab")))
		archivetest.Compare(t, archivetest.Contents(files), want)
	}
}

func TestReserve(t *testing.T) {
	for _, reserve := range [][3]int{{6144, 0, 0}, {0, 255, 0}, {0, 0, 255}, {1, 2, 3}} {
		m := some(kindMSZIP)
		m.reserve = reserve
		files := archivetest.MustRead(t, Walk, m.bytes())
		if len(files) != 4 || files[1].Content != m.contents[1] {
			t.Errorf("%v: differs", reserve)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		stored     string
		attributes uint16
		want       string
	}{
		{"Gr\xfc\xdfe", 0, "Grüße"}, {"Grüße", nameIsUTF8, "Grüße"}, {"Grüße", 0, "Grüße"}, {`..\..\x`, 0, "../../x"}, {"\xff", nameIsUTF8, "\xff"},
	} {
		m := made{names: []string{c.stored}, contents: []string{"x"}, attributes: c.attributes}
		if files := archivetest.MustRead(t, Walk, m.bytes()); files[0].Name != c.want {
			t.Errorf("%q is %q", c.stored, files[0].Name)
		}
	}
}

// TestSet: of a set of cabinets there is what one of them has.
func TestSet(t *testing.T) {
	m := made{
		kind: kindStored, previous: "one.cab", next: "three.cab", lastGoesOn: true,
		names: []string{"begun before", "here", "goes on"}, contents: []string{"", "", pseudo(40_000, 1)},
		folders: []uint16{throughout, 0, toNext},
	}
	files, err := archivetest.Read(Walk, m.bytes())
	if !errors.Is(err, ErrSet) || !strings.Contains(err.Error(), `the one before is "one.cab", the next one is "three.cab"`) {
		t.Error(err)
	}
	for _, f := range files {
		if f.Readable {
			t.Errorf("%s is readable", f.Name)
		}
	}
	m.previous, m.folders[0] = "", 0
	files, err = archivetest.Read(Walk, m.bytes())
	if !errors.Is(err, ErrSet) || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	last := files[2]
	if last.Content != m.contents[2][:blockSize] || !errors.Is(last.Err, archive.ErrDamaged) || !strings.Contains(last.Err.Error(), "next cabinet") {
		t.Errorf("%d bytes, %v", len(last.Content), last.Err)
	}
}

func TestChecksum(t *testing.T) {
	m := some(kindMSZIP)
	m.noChecksum = true
	archivetest.MustRead(t, Walk, m.bytes())
	m.noChecksum, m.brokenCheck = false, true
	files, err := archivetest.Read(Walk, m.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		damaged := errors.Is(f.Err, archive.ErrDamaged)
		if f.Content != m.contents[i] || damaged != (f.Size > 0) {
			t.Errorf("%s: %d bytes, %v", f.Name, len(f.Content), f.Err)
		}
	}
}

// TestOverlap: files may lie over one another, but not to make a reader decompress a folder for each of them.
func TestOverlap(t *testing.T) {
	m := made{kind: kindMSZIP}
	data := pseudo(100_000, 2)
	for range 20 {
		m.names, m.contents, m.offsets = append(m.names, "same"), append(m.contents, ""), append(m.offsets, 1000)
	}
	m.contents[0] = data
	m.offsets[0] = 0
	files, err := archivetest.Read(Walk, m.bytes())
	if err != nil || len(files) != 20 || files[0].Content != data {
		t.Fatalf("%d files, %v", len(files), err)
	}
	m = made{kind: kindMSZIP, names: []string{"b", "a"}, contents: []string{data, "x"}, offsets: []int{1, 0}}
	files, err = archivetest.Read(Walk, m.bytes())
	if err != nil || files[0].Content != data[1:]+"x" || files[1].Content != data[:1] {
		t.Errorf("files out of order: %v", err)
	}
	m = made{kind: kindMSZIP}
	for i := range 40 {
		m.names, m.contents, m.offsets = append(m.names, "x"), append(m.contents, strings.Repeat("x", 9000)), append(m.offsets, 100_000-i*2000)
	}
	files, _ = archivetest.Read(Walk, m.bytes())
	if last := files[len(files)-1]; !errors.Is(last.Err, archive.ErrDamaged) || !strings.Contains(last.Err.Error(), "overlap") {
		t.Errorf("the last is %v", last.Err)
	}
}

// TestDamagedFolder: what comes before the damage is there, and the walk goes on behind it.
func TestDamagedFolder(t *testing.T) {
	for method, kind := range kinds {
		m := some(kind)
		m.noChecksum = true
		data := m.bytes()
		data = data[:len(data)-len(data)/4]
		files, err := archivetest.Read(Walk, data)
		if err != nil || len(files) != 4 {
			t.Fatalf("%s: %d files, %v", method, len(files), err)
		}
		big := files[1]
		if !errors.Is(big.Err, archive.ErrDamaged) || len(big.Content) < blockSize || !strings.HasPrefix(m.contents[1], big.Content[:blockSize]) {
			t.Errorf("%s: %d bytes, %v", method, len(big.Content), big.Err)
		}
		if files[0].Content != "read me\n" || files[0].Err != nil || files[3].Err == nil {
			t.Errorf("%s: %v, %v", method, files[0].Err, files[3].Err)
		}
	}
}

func TestFind(t *testing.T) {
	cabinet := some(kindMSZIP).bytes()
	data := bytes.Join([][]byte{
		[]byte("MZ MSCF MSCF\x00\x00\x00\x00 and no more"), make([]byte, 256<<10-30), cabinet, []byte("between MSCF"), cabinet, []byte("behind"), cabinet[:30000],
	}, nil)
	found, err := Find(context.Background(), bytes.NewReader(data), int64(len(data)))
	if err != nil || len(found) != 3 {
		t.Fatalf("%d, %v", len(found), err)
	}
	for i, f := range found {
		whole, _ := io.ReadAll(f)
		if want := cabinet[:len(whole)]; !bytes.Equal(whole, want) || i < 2 && len(whole) != len(cabinet) {
			t.Errorf("%d: %d bytes", i, len(whole))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Find(ctx, bytes.NewReader(data), int64(len(data))); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzWalk(f *testing.F) {
	for _, kind := range kinds {
		m := some(kind)
		m.contents[1] = pseudo(5000, 3)
		f.Add(m.bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		archivetest.Check(t, Walk, data)
		if _, err := Find(context.Background(), bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
	})
}
