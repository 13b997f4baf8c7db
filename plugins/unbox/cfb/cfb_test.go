package cfb

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
	"lazuli/plugins/unbox/cfb/cfbtest"
)

func some() []cfbtest.Stream {
	return []cfbtest.Stream{
		{Name: "small", Content: "small"}, {Name: "storage/large", Content: strings.Repeat("large", 5000)}, {Name: "empty"}, {Name: "storage/inner/ü", Content: "inner"},
		{Name: "4095", Content: strings.Repeat("x", 4095)}, {Name: "4096", Content: strings.Repeat("y", 4096)},
	}
}

// read reads all streams by their paths.
func read(data []byte) (map[string]string, error) {
	f, err := Open(context.Background(), bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, e := range f.Entries {
		if e.Storage {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(f.Open(context.Background(), e), 1<<20))
		if err != nil && f.Damage == nil {
			f.Damage = err
		}
		all[strings.Join(append(e.Path[:len(e.Path):len(e.Path)], e.Name), "/")] = string(content)
	}
	return all, f.Damage
}

func TestOpen(t *testing.T) {
	got, err := read(cfbtest.Make([16]byte{1}, some()))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, s := range some() {
		want[s.Name] = s.Content
	}
	archivetest.Compare(t, got, want)
}

func Test7z(t *testing.T) {
	archivetest.Tool(t, "7z")
	dir := t.TempDir()
	data := cfbtest.Make([16]byte{1}, some())
	if err := os.WriteFile(filepath.Join(dir, "x.doc"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	archivetest.Run(t, dir, "7z", "x", "-tcompound", "-oout", "x.doc")
	got, _ := read(data)
	archivetest.Compare(t, got, archivetest.ReadFiles(t, filepath.Join(dir, "out")))
}

func TestReadAt(t *testing.T) {
	data := cfbtest.Make([16]byte{}, some())
	f, _ := Open(context.Background(), bytes.NewReader(data), int64(len(data)))
	rng := rand.New(rand.NewPCG(1, 1))
	for _, e := range f.Entries {
		if e.Name != "large" && e.Name != "4095" {
			continue
		}
		s := f.Open(context.Background(), e)
		whole, _ := io.ReadAll(s)
		for range 200 {
			from := rng.IntN(len(whole))
			p := make([]byte, rng.IntN(2000))
			n, err := s.ReadAt(p, int64(from))
			if want := whole[from:min(len(whole), from+len(p))]; !bytes.Equal(p[:n], want) || (n < len(p)) != (err == io.EOF) {
				t.Fatalf("%d bytes at %d: %d, %v", len(p), from, n, err)
			}
		}
	}
}

// TestLoops: chains and trees that go around in circles end.
func TestLoops(t *testing.T) {
	le := binary.LittleEndian
	whole := cfbtest.Make([16]byte{}, some())
	fat := int(le.Uint32(whole[76:])+1) * 512
	directory := int(le.Uint32(whole[48:])+1) * 512
	for name, change := range map[string]func([]byte){
		"the directory's":     func(p []byte) { d := le.Uint32(p[48:]); le.PutUint32(p[fat+4*int(d):], d) },
		"siblings":            func(p []byte) { le.PutUint32(p[directory+128+72:], 1) },
		"a storage in itself": func(p []byte) { le.PutUint32(p[directory+2*128+76:], 2) },
		"tables of tables":    func(p []byte) { le.PutUint32(p[68:], 3) },
	} {
		data := bytes.Clone(whole)
		change(data)
		if _, err := read(data); name != "tables of tables" && !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCutShort: of a file that is cut short there is what is left.
func TestCutShort(t *testing.T) {
	whole := cfbtest.Make([16]byte{}, []cfbtest.Stream{{Name: "large", Content: strings.Repeat("large", 5000)}})
	for n := range whole {
		if n%97 == 0 {
			_, _ = read(whole[:n])
		}
	}
	data := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(data[int(binary.LittleEndian.Uint32(data[76:])+1)*512+4*3:], 0xfffffffe)
	got, err := read(data)
	if !errors.Is(err, archive.ErrDamaged) || got["large"] != strings.Repeat("large", 5000)[:4*512] {
		t.Errorf("%d bytes, %v", len(got["large"]), err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(cfbtest.Make([16]byte{1}, some()))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := read(data); err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrNotThis) {
			t.Fatal(err)
		}
	})
}
