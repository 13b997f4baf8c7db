package oldrar

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nwaples/rardecode/v2"

	"lazuli/plugins/unbox/archive/archivetest"
)

// file is one of an archive that a test makes.
type file struct {
	name, content string
	version       byte
	packed        []byte // nil: stored
	password      string
	flags         uint16
}

// encrypted is data as a version writes it with a password.
func encrypted(version byte, password string, data []byte) []byte {
	data = bytes.Clone(data)
	if version == version15 {
		newStreamCipher([]byte(password)).decrypt(data) // it is its own inverse
		return data
	}
	data = append(data, make([]byte, -len(data)&(blockSize-1))...)
	c := newBlockCipher([]byte(password))
	for i := 0; i < len(data); i += blockSize {
		c.encrypt(data[i:])
	}
	return data
}

func archiveOf(flags uint16, files ...file) []byte {
	le := binary.LittleEndian
	out := []byte("Rar!\x1a\x07\x00")
	block := func(kind byte, flags uint16, fields []byte) {
		h := le.AppendUint16([]byte{kind}, flags)
		h = le.AppendUint16(h, uint16(introSize+len(fields)))
		h = append(h, fields...)
		out = append(le.AppendUint16(out, uint16(crc32.ChecksumIEEE(h))), h...)
	}
	block(0x73, flags, make([]byte, 6))
	for _, f := range files {
		data, method := f.packed, byte(0x33)
		if data == nil {
			data, method = []byte(f.content), stored
		}
		flags := f.flags | flagData
		if f.password != "" {
			data = encrypted(f.version, f.password, data)
			flags |= flagEncrypted
		}
		h := le.AppendUint32(nil, uint32(len(data)))
		h = le.AppendUint32(h, uint32(len(f.content)))
		h = append(h, 0)
		h = le.AppendUint32(h, crc32.ChecksumIEEE([]byte(f.content)))
		h = le.AppendUint32(h, 15<<25|1<<21|2<<16|3<<11|4<<5|3)
		h = append(h, f.version, method)
		h = le.AppendUint16(h, uint16(len(f.name)))
		h = le.AppendUint32(h, 0x20)
		if flags&flagLarge != 0 {
			h = append(h, make([]byte, 8)...)
		}
		block(typeFile, flags, append(h, f.name...))
		out = append(out, data...)
	}
	return out
}

// read is what the library finds in an archive behind a Reader, and in what order.
func read(data []byte, password string) (map[string]string, []string, error) {
	r, err := rardecode.NewReader(New(context.Background(), bytes.NewReader(data), 0, int64(len(data)), password))
	if err != nil {
		return nil, nil, err
	}
	contents, names := map[string]string{}, []string(nil)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return contents, names, nil
		}
		if err != nil {
			return contents, names, err
		}
		names = append(names, h.Name)
		content, err := io.ReadAll(r)
		if err != nil {
			return contents, names, fmt.Errorf("%s: %w", h.Name, err)
		}
		contents[h.Name] = string(content)
	}
}

// compare reads an archive, and has unar do so.
func compare(t *testing.T, data []byte, password string, want map[string]string) {
	t.Helper()
	got, _, err := read(data, password)
	if err != nil {
		t.Error(err)
	}
	archivetest.Compare(t, got, want)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.rar"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", "-D", "-o", "out"}
	if password != "" {
		args = append(args, "-p", password)
	}
	archivetest.Run(t, dir, "unar", append(args, "x.rar")...)
	archivetest.Compare(t, archivetest.ReadFiles(t, filepath.Join(dir, "out")), want)
}

// random is text that can be compressed, with what an executable has in between.
func random(rng *rand.Rand, n int) string {
	words := strings.Fields("the of a password infected MZ kernel32.dll GetProcAddress LoadLibraryA http:// and to in is \x00\x00\x00\x00\x00\x00\x00\x00 \xff\xd0\x8b\xec")
	var b strings.Builder
	for b.Len() < n {
		switch rng.IntN(8) {
		case 0:
			for range rng.IntN(20) {
				b.WriteByte(byte(rng.Uint32()))
			}
		case 1:
			s := b.String()
			if from := rng.IntN(len(s) + 1); from < len(s) {
				b.WriteString(s[from:min(len(s), from+rng.IntN(300))])
			}
		default:
			b.WriteString(words[rng.IntN(len(words))])
			b.WriteByte(' ')
		}
	}
	return b.String()[:n]
}

// TestEncryptionAgainstUnar: what is encrypted here with passwords of all lengths, unar reads, too.
func TestEncryptionAgainstUnar(t *testing.T) {
	archivetest.Tool(t, "unar")
	rng := rand.New(rand.NewPCG(1, 2))
	for _, version := range []byte{version15, version20} { // unar refuses version 26
		for _, password := range []string{"x", "ab", "infected", "odd number", "15 characters!!", "sixteen of them!", "seventeen of them", strings.Repeat("long ", 15)} {
			t.Run(fmt.Sprintf("%d %s", version, password), func(t *testing.T) {
				var files []file
				want := map[string]string{}
				for i, n := range []int{7, 16, 5000, 100_001} {
					f := file{name: fmt.Sprint(i), content: random(rng, n), version: version, password: password}
					if i == 2 {
						f.password = ""
					}
					files = append(files, f)
					want[f.name] = f.content
				}
				compare(t, archiveOf(0, files...), password, want)
			})
		}
	}
}

// TestPasswords: a wrong one is told by the checksum, and without one the library says so.
func TestPasswords(t *testing.T) {
	data := archiveOf(0, file{name: "a", content: "content of a", version: version20, password: "right"})
	if _, _, err := read(data, "wrong"); !errors.Is(err, rardecode.ErrBadFileChecksum) {
		t.Errorf("wrong: %v", err)
	}
	if _, _, err := read(data, ""); !errors.Is(err, rardecode.ErrArchivedFileEncrypted) {
		t.Errorf("none: %v", err)
	}
	for _, flags := range []uint16{0, flagLarge} {
		for _, version := range []byte{version15, version20, version26} {
			data := archiveOf(0, file{name: "a", content: "content of a", version: version, password: "right", flags: flags})
			if got, _, err := read(data, "right"); err != nil || got["a"] != "content of a" {
				t.Errorf("right, version %d, flags %x: %q, %v", version, flags, got, err)
			}
		}
	}
}

// TestSameBytes: what is not as in old archives passes through as it is, with anything that may follow.
func TestSameBytes(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing": nil, "no archive": []byte("some text that is not one"),
		"stored":                archiveOf(0, file{name: "a", content: "content", version: version20}),
		"a later version":       archiveOf(0, file{name: "a", content: "content", version: 29, flags: flagEncrypted}),
		"another volume":        archiveOf(1, file{name: "a", content: "content", version: version15, password: "p", flags: flagGoneOn}),
		"a wrong checksum":      bytes.Replace(archiveOf(0, file{name: "abc", content: "content", version: version20, password: "p"}), []byte("abc"), []byte("abd"), 1),
		"cut short in a header": archiveOf(0, file{name: "a", content: "content", version: version20, password: "p"})[:40],
		"what makes no sense":   append(archiveOf(0), "\x00\x00\x74\x00\x80\x00\x00 more"...),
	} {
		got, err := io.ReadAll(New(context.Background(), bytes.NewReader(data), 0, int64(len(data)), "password"))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(data), err)
		}
	}
}

// sample has all kinds of files.
func sample() []byte {
	text := strings.Repeat("content of d ", 100)
	packed := newPacker(panicking{}, 1).pack(text, false)
	return archiveOf(0,
		file{name: "d", content: text, version: version15, packed: packed, password: "password"},
		file{name: "e", content: text, version: version15, packed: packed},
		file{name: "a", content: strings.Repeat("content of a ", 100), version: version15, password: "password"},
		file{name: "b", content: strings.Repeat("content of b ", 100), version: version20, password: "password"},
		file{name: "c", content: "content of c", version: version20},
	)
}

// TestEnds: a context ends the reading, and what the source says is returned as it is.
func TestEnds(t *testing.T) {
	data := sample()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := io.ReadAll(New(ctx, bytes.NewReader(data), 0, int64(len(data)), "password")); !errors.Is(err, context.Canceled) {
		t.Errorf("the context: %v", err)
	}
	gone := errors.New("the disk is gone")
	for from := range len(data) {
		if _, err := io.ReadAll(New(context.Background(), failing{bytes.NewReader(data), int64(from), gone}, 0, int64(len(data)), "password")); !errors.Is(err, gone) {
			t.Fatalf("unreadable from %d on: %v", from, err)
		}
	}
}

// failing cannot be read from some offset on.
type failing struct {
	io.ReaderAt
	from int64
	err  error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= f.from {
		return f.ReaderAt.ReadAt(p, off)
	}
	n := 0
	if off < f.from {
		n, _ = f.ReaderAt.ReadAt(p[:f.from-off], off)
	}
	return n, f.err
}

func FuzzReader(f *testing.F) {
	f.Add(sample())
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := io.Copy(io.Discard, New(context.Background(), bytes.NewReader(data), 0, int64(len(data)), "password"))
		if err != nil || n > mostGrowth*int64(len(data)) {
			t.Errorf("%d bytes of %d, %v", n, len(data), err)
		}
	})
}

// panicking is for what is made outside of tests.
type panicking struct{ testing.TB }

func (panicking) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
