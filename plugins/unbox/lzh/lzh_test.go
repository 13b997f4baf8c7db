package lzh

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
	"lazuli/plugins/unbox/lzhuf/lzhuftest"
)

// file is one of an archive that a test makes.
type file struct {
	name, folder, content string
	method                string
	level                 byte
	system                byte
	extra                 []string // extended headers: type and data
	behind                string   // of level 0: behind the checksum
}

var changed = time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC)

const dosClock = 44<<25 | 1<<21 | 2<<16 | 3<<11 | 4<<5 | 3

func pack(method, content string) []byte {
	data := []byte(content)
	switch method {
	case "-lh1-":
		return lzhuftest.LH1(data, 1)
	case "-lh4-":
		return lzhuftest.LH(data, 12, 1)
	case "-lh5-":
		return lzhuftest.LH(data, 13, 1)
	case "-lh6-":
		return lzhuftest.LH(data, 15, 1)
	case "-lh7-":
		return lzhuftest.LH(data, 16, 1)
	case "-lzs-":
		return lzhuftest.LZS(data, 1)
	case "-lz5-":
		return lzhuftest.LZ5(data, 1)
	}
	return data
}

func (f file) bytes() []byte {
	le := binary.LittleEndian
	packed := pack(f.method, f.content)
	var sum crc16
	sum.Write([]byte(f.content))
	if f.folder != "" {
		f.extra = append(f.extra, "\x02"+strings.ReplaceAll(f.folder, "/", "\xff")+"\xff")
	}
	width, clock := 2, uint32(changed.Unix())
	if f.level == 3 {
		width = 4
	}
	var sizes, extended []byte
	size := func(p []byte, n int) []byte {
		if width == 4 {
			return le.AppendUint32(p, uint32(n))
		}
		return le.AppendUint16(p, uint16(n))
	}
	if f.level > 1 {
		f.extra = append([]string{"\x01" + f.name}, f.extra...)
	}
	for i, x := range f.extra {
		if i == 0 {
			sizes = size(nil, len(x)+width)
		} else {
			extended = size(extended, len(x)+width)
		}
		extended = append(extended, x...)
	}
	if sizes == nil {
		sizes = size(nil, 0)
	} else {
		extended = size(extended, 0)
	}
	stated := len(packed)
	p := []byte{0, 0}
	if f.level < 2 {
		clock = dosClock
	}
	if f.level == 1 {
		stated += len(extended)
	}
	p = append(p, f.method...)
	p = le.AppendUint32(p, uint32(stated))
	p = le.AppendUint32(p, uint32(len(f.content)))
	p = le.AppendUint32(p, clock)
	p = append(p, 0x20, f.level)
	switch f.level {
	case 0, 1:
		p = append(append(p, byte(len(f.name))), f.name...)
		p = le.AppendUint16(p, sum.sum)
		p = append(p, f.behind...)
		if f.level == 1 {
			p = append(append(p, f.system), sizes...)
		}
		p[0] = byte(len(p) - 2)
		for _, b := range p[2:] {
			p[1] += b
		}
	case 2:
		p = append(le.AppendUint16(p, sum.sum), f.system)
		p = append(p, sizes...)
		le.PutUint16(p, uint16(len(p)+len(extended)))
	case 3:
		p = append(le.AppendUint16(p, sum.sum), f.system)
		p = le.AppendUint32(p, uint32(len(p)+8+len(extended)))
		p = append(p, sizes...)
		le.PutUint16(p, 4)
	}
	if f.level > 0 {
		p = append(p, extended...)
	}
	return append(p, packed...)
}

func archiveOf(files ...file) []byte {
	var out []byte
	for _, f := range files {
		out = append(out, f.bytes()...)
	}
	return append(out, 0)
}

var methods = []string{"-lh0-", "-lh1-", "-lh4-", "-lh5-", "-lh6-", "-lh7-", "-lzs-", "-lz4-", "-lz5-"}

// some has something of everything.
func some() (files []file) {
	for i, method := range methods {
		files = append(files, file{
			name: "file" + method, content: strings.Repeat(fmt.Sprintf("file %d, ", i), 300*i+1), method: method, level: byte(i % 4), system: 'U',
		})
		if i%4 > 0 {
			files[i].folder = "some/folder"
		}
	}
	return append(files, file{name: "", folder: "only/folder", method: methodFolder, level: 2, system: 'U'}, file{name: "empty", method: "-lh5-", level: 1, system: 'M'})
}

func TestSuite(t *testing.T) { archivetest.Suite(t, Walk, archiveOf(some()...)) }

func TestWalk(t *testing.T) {
	files := archivetest.MustRead(t, Walk, archiveOf(some()...))
	for i, f := range some() {
		want := archive.Entry{Name: f.name, Size: int64(len(f.content)), Changed: changed, Method: strings.Trim(f.method, "-")}
		if f.folder != "" {
			want.Name = f.folder + "/" + f.name
		}
		if f.method == methodFolder {
			want.Folder, want.Method, want.Name = true, "", f.folder
		}
		if got := files[i]; got.Entry != want || got.Content != f.content {
			t.Errorf("%+v: %d bytes", got.Entry, len(got.Content))
		}
	}
}

func TestFields(t *testing.T) {
	at := time.Date(2023, 5, 6, 7, 8, 9, 0, time.UTC)
	le := binary.LittleEndian
	unix := string(le.AppendUint32(nil, uint32(at.Unix())))
	windows := string(le.AppendUint64(nil, uint64(at.Unix()+11644473600)*1e7))
	for name, c := range map[string]struct {
		f    file
		want archive.Entry
	}{
		"Shift-JIS":    {file{name: "\x83e\x83X\x83g\\x", system: 'M'}, archive.Entry{Name: "テスト/x", Changed: changed}},
		"Unix time":    {file{name: "x", level: 1, extra: []string{"\x54" + unix}}, archive.Entry{Name: "x", Changed: at}},
		"Windows time": {file{name: "x", level: 2, extra: []string{"\x41" + windows + windows + windows}}, archive.Entry{Name: "x", Changed: at}},
		"UTF-16": {
			file{name: "x", level: 2, extra: []string{"\x44\xfc\x00.\x00x\x00", "\x45a\x00\xff\xffb\x00\xff\xff"}}, archive.Entry{Name: "a/b/ü.x", Changed: changed},
		},
		"link":    {file{name: "a|../b", level: 2, system: 'U', extra: []string{"\x50\xff\xa1"}, method: methodFolder}, archive.Entry{Name: "a", Link: "../b", Changed: changed}},
		"level 0": {file{name: "a", behind: "U\x00" + unix + "\xa4\x81\x00\x00\x00\x00"}, archive.Entry{Name: "a", Changed: at}},
	} {
		if c.f.method == "" {
			c.f.method, c.want.Method = "-lh0-", "lh0"
		} else {
			c.want.Method = "lhd"
		}
		if files := archivetest.MustRead(t, Walk, archiveOf(c.f)); files[0].Entry != c.want {
			t.Errorf("%s: %+v", name, files[0].Entry)
		}
	}
}

func TestLargeSizes(t *testing.T) {
	le := binary.LittleEndian
	sizes := string(le.AppendUint64(le.AppendUint64(nil, 3), 3))
	data := archiveOf(file{name: "x", level: 2, content: "abc", method: "-lh0-", extra: []string{"\x42" + sizes}}, file{name: "y", content: "y", method: "-lh0-"})
	le.PutUint32(data[7:], 1<<32-1)
	le.PutUint32(data[11:], 1<<32-1)
	archivetest.Compare(t, archivetest.Contents(archivetest.MustRead(t, Walk, data)), map[string]string{"x": "abc", "y": "y"})
}

func TestDamage(t *testing.T) {
	data := archiveOf(file{name: "a", content: "aaa", method: "-lh0-"}, file{name: "b", content: "bbb", method: "-lh9-"}, file{name: "c", content: "ccc", method: "-lh0-"})
	data[strings.Index(string(data), "aaa")] = 'x'
	files, err := archivetest.Read(Walk, append(data[:len(data)-1], "and something that is no header"...))
	if !errors.Is(err, archive.ErrDamaged) || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if files[0].Content != "xaa" || !errors.Is(files[0].Err, archive.ErrDamaged) || !errors.Is(files[1].Err, archive.ErrDamaged) || files[2].Content != "ccc" {
		t.Errorf("%+v", files)
	}
	data = append(archiveOf(file{name: "a", method: "-lh0-"}), "what follows the end does not count"...)
	if files := archivetest.MustRead(t, Walk, data); len(files) != 1 {
		t.Errorf("%+v", files)
	}
}

// TestLhasa: lhasa takes out what we do, of every method and level.
func TestLhasa(t *testing.T) {
	archivetest.Tool(t, "lhasa")
	rng := rand.New(rand.NewPCG(1, 2))
	letters := make([]byte, 100_000) // so many that the adaptive tree is made anew
	for i := range letters {
		letters[i] = 'a' + byte(rng.IntN(26)*rng.IntN(26)/26)
	}
	data := archiveOf(append(some(), file{name: "letters", content: string(letters), method: "-lh1-"})...)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.lzh"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	archivetest.Run(t, filepath.Join(dir, "out"), "lhasa", "x", "../x.lzh")
	archivetest.Compare(t, archivetest.Contents(archivetest.MustRead(t, Walk, data)), archivetest.ReadFiles(t, filepath.Join(dir, "out")))
}

// TestJlha: what jlha makes is taken out.
func TestJlha(t *testing.T) {
	archivetest.Tool(t, "jlha")
	want := map[string]string{"readme.txt": "read me\n", "sub/big.bin": strings.Repeat("0123456789 abc", 30_000), "program": string(archivetest.MustReadFile(t, "/bin/sh"))}
	for _, options := range []string{"aq2o7", "aq0"} {
		dir := t.TempDir()
		archivetest.WriteFiles(t, dir, want)
		archivetest.Run(t, dir, "jlha", options, "x.lzh", "readme.txt", "sub/big.bin", "program")
		files := archivetest.MustRead(t, Walk, archivetest.MustReadFile(t, filepath.Join(dir, "x.lzh")))
		archivetest.Compare(t, archivetest.Contents(files), want)
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(archiveOf(some()...))
	f.Add(archiveOf(file{name: "noise", content: strings.Repeat("noise", 100), method: "-lh1-"}))
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, Walk, data) })
}
