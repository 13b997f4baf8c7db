package arj

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
	"lazuli/plugins/unbox/lzhuf/lzhuftest"
)

// file is one of an archive that a test makes.
type file struct {
	name, content string
	method, kind  byte
	flags         byte
	password      string
	host          byte
	extra         int // extended headers
	clock         uint32
}

const (
	modifier = 17
	clock    = 44<<25 | 1<<21 | 2<<16 | 3<<11 | 4<<5 | 3 // 2024-01-02 03:04:06
)

func rawHeader(f file, packed int) []byte {
	le := binary.LittleEndian
	p := []byte{fixedSize, 11, 1, f.host, f.flags, f.method, f.kind, modifier}
	if f.clock == 0 {
		f.clock = clock
	}
	p = le.AppendUint32(p, f.clock)
	p = le.AppendUint32(p, uint32(packed))
	p = le.AppendUint32(p, uint32(len(f.content)))
	p = le.AppendUint32(p, crc32.ChecksumIEEE([]byte(f.content)))
	p = append(p, make([]byte, fixedSize-len(p))...)
	p = append(p, f.name+"\x00\x00"...)
	out := le.AppendUint16(le.AppendUint16(nil, magic), uint16(len(p)))
	out = le.AppendUint32(append(out, p...), crc32.ChecksumIEEE(p))
	for range f.extra {
		out = append(out, 3, 0, 'e', 'x', 't', 0, 0, 0, 0)
	}
	return append(out, 0, 0)
}

func archiveOf(files ...file) []byte {
	out := rawHeader(file{name: "x.arj", kind: typeMain}, 0)
	for _, f := range files {
		packed := []byte(f.content)
		switch f.method {
		case 1, 2, 3:
			packed = lzhuftest.ARJ(packed, 1)
		case 4:
			packed = lzhuftest.Fastest(packed, 1)
		}
		if f.password != "" {
			f.flags |= flagGarbled
			for i := range packed {
				packed[i] ^= modifier + f.password[i%len(f.password)]
			}
		}
		out = append(append(out, rawHeader(f, len(packed))...), packed...)
	}
	return append(out, 0x60, 0xea, 0, 0)
}

func some() []file {
	return []file{
		{name: "readme.txt", content: "read me\n"}, {name: "folder", kind: typeFolder}, {name: "folder/big", content: strings.Repeat("0123456789 big ", 4000), method: 1},
		{name: "empty", method: 1}, {name: "fast", content: strings.Repeat("fast and far ", 300), method: 4, extra: 2},
	}
}

func TestSuite(t *testing.T) { archivetest.Suite(t, Walk, archiveOf(some()...)) }

func TestWalk(t *testing.T) {
	changed := time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC)
	methods := []string{"stored", "", "method 1", "method 1", "method 4"}
	files := archivetest.MustRead(t, Walk, archiveOf(some()...))
	for i, f := range some() {
		want := archive.Entry{Name: f.name, Size: int64(len(f.content)), Changed: changed, Method: methods[i], Folder: f.kind == typeFolder}
		if got := files[i]; got.Entry != want || got.Content != f.content {
			t.Errorf("%+v: %d bytes", got.Entry, len(got.Content))
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		f    file
		want string
	}{
		{file{name: `A\B`}, "A/B"}, {file{name: `A\B`, flags: flagSlashes}, `A\B`}, {file{name: `A\B`, host: hostUnix}, `A\B`}, {file{name: "Gr\x81n"}, "Grün"},
		{file{name: "Grün"}, "Grün"},
	} {
		if files := archivetest.MustRead(t, Walk, archiveOf(c.f)); files[0].Name != c.want {
			t.Errorf("%q is %q", c.f.name, files[0].Name)
		}
	}
}

func TestUnixTime(t *testing.T) {
	at := time.Date(2023, 5, 6, 7, 8, 9, 0, time.UTC)
	files := archivetest.MustRead(t, Walk, archiveOf(file{name: "x", host: hostUnix, clock: uint32(at.Unix())}))
	if !files[0].Changed.Equal(at) {
		t.Error(files[0].Changed)
	}
}

func TestPassword(t *testing.T) {
	data := archiveOf(file{name: "open", content: "open"}, file{name: "secret", content: strings.Repeat("secret ", 300), method: 2, password: "infected"})
	files := archivetest.MustRead(t, Walk, data)
	if f := files[1]; !f.Encrypted || f.Readable || files[0].Encrypted || files[0].Content != "open" {
		t.Errorf("%+v", files)
	}
	for password, opens := range map[string]bool{"infected": true, "infectee": false, "x": false} {
		got, err := Opens(context.Background(), bytes.NewReader(data), int64(len(data)), password)
		if got != opens || err != nil {
			t.Errorf("%q: %v, %v", password, got, err)
		}
	}
	got := archivetest.Contents(archivetest.MustRead(t, withPassword("infected"), data))
	archivetest.Compare(t, got, map[string]string{"open": "open", "secret": strings.Repeat("secret ", 300)})
}

func withPassword(password string) archivetest.Walk {
	return func(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
		return WalkWithPassword(ctx, r, size, password, visit)
	}
}

func TestDamage(t *testing.T) {
	data := archiveOf(some()...)
	at := bytes.Index(data, []byte("read me"))
	data[at] ^= 1
	files, err := archivetest.Read(Walk, data)
	if err != nil || !errors.Is(files[0].Err, archive.ErrDamaged) || files[0].Content != "sead me\n" || files[4].Err != nil {
		t.Errorf("%+v, %v", files[0], err)
	}
	files, err = archivetest.Read(Walk, archiveOf(file{name: "on", content: "one half", flags: flagGoesOn}))
	if err != nil || files[0].Content != "one half" || !errors.Is(files[0].Err, errGoesOn) {
		t.Errorf("%+v, %v", files, err)
	}
	files, err = archivetest.Read(Walk, archiveOf(file{name: "odd", content: "x", method: 9}))
	if err != nil || !errors.Is(files[0].Err, archive.ErrDamaged) {
		t.Errorf("%+v, %v", files, err)
	}
}

// TestARJ: what ARJ makes with each of its methods is taken out, with a password too.
func TestARJ(t *testing.T) {
	archivetest.Tool(t, "arj")
	want := map[string]string{
		"readme.txt": "read me\n", "sub/deep/big.bin": strings.Repeat("0123456789 abc", 30_000), "empty": "",
		"program": string(archivetest.MustReadFile(t, "/bin/sh")),
	}
	for method := range 5 {
		for _, password := range []string{"", "infected"} {
			dir := t.TempDir()
			archivetest.WriteFiles(t, filepath.Join(dir, "in"), want)
			args := []string{"a", "-r", "-y", "-m" + strconv.Itoa(method), "../x.arj", "."}
			if password != "" {
				args = append(args, "-g"+password)
			}
			archivetest.Run(t, filepath.Join(dir, "in"), "arj", args...)
			data := archivetest.MustReadFile(t, filepath.Join(dir, "x.arj"))
			archivetest.Compare(t, archivetest.Contents(archivetest.MustRead(t, withPassword(password), data)), want)
		}
	}
}

// TestARJReads: ARJ reads what our maker makes, so that it is not only we who understand it.
func TestARJReads(t *testing.T) {
	archivetest.Tool(t, "arj")
	dir := t.TempDir()
	files := some()
	for i := range files {
		files[i].extra, files[i].host, files[i].clock = 0, hostUnix, 1_700_000_000
	}
	if err := os.WriteFile(filepath.Join(dir, "x.arj"), archiveOf(files...), 0o644); err != nil {
		t.Fatal(err)
	}
	archivetest.Run(t, dir, "arj", "x", "-y", "x.arj")
	for _, f := range files {
		if f.kind != typeFolder && string(archivetest.MustReadFile(t, filepath.Join(dir, f.name))) != f.content {
			t.Errorf("%s differs", f.name)
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(archiveOf(some()...))
	f.Add(archiveOf(file{name: "secret", content: "secret", password: "x", method: 4}))
	f.Fuzz(func(t *testing.T, data []byte) {
		fixChecksums(data)
		archivetest.Check(t, Walk, data)
		archivetest.Check(t, withPassword("x"), data)
	})
}

// fixChecksums makes checksums of headers right, which a fuzzer does not find out.
func fixChecksums(data []byte) {
	for off := 0; off+4 < len(data); off++ {
		n := int(binary.LittleEndian.Uint16(data[off+2:]))
		if data[off] == 0x60 && data[off+1] == 0xea && off+8+n <= len(data) {
			binary.LittleEndian.PutUint32(data[off+4+n:], crc32.ChecksumIEEE(data[off+4:off+4+n]))
		}
	}
}
