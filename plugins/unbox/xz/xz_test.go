package xz

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	ulikunitz "github.com/ulikunitz/xz"

	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/archive"
)

func unpack(packed []byte) (got, left []byte, err error) {
	in := bufio.NewReader(bytes.NewReader(packed))
	r, err := NewReader(in, 64<<20)
	if err != nil {
		return nil, nil, err
	}
	got, err = io.ReadAll(r)
	left, _ = io.ReadAll(in)
	return got, left, err
}

func packLibrary(t testing.TB, content []byte) []byte {
	var out bytes.Buffer
	w, err := ulikunitz.WriterConfig{BlockSize: 1000}.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Write(content); err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func contents() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return [][]byte{nil, {1}, []byte(strings.Repeat("some words, ", 50_000)), noise}
}

func TestAgainstLibrary(t *testing.T) {
	for _, content := range contents() {
		if got, left, err := unpack(append(packLibrary(t, content), "behind"...)); err != nil || !bytes.Equal(got, content) || string(left) != "behind" {
			t.Errorf("%d bytes of %d, %q is left, %v", len(got), len(content), left, err)
		}
	}
}

func TestAgainstTool(t *testing.T) {
	tool := plugintest.Tool(t, "xz")
	for _, content := range contents() {
		for _, options := range [][]string{
			{"-0"}, {"-9", "-T1"}, {"-T2", "--block-size=100000"}, {"-C", "none"}, {"-C", "crc32"}, {"-C", "sha256"},
			{"--x86", "--lzma2=preset=1"}, {"--delta=dist=3", "--arm=start=4096", "--x86", "--lzma2=preset=1"}, {"--arm64", "--lzma2=preset=1"},
		} {
			packed := plugintest.Output(t, "", content, tool, append([]string{"-cz"}, options...)...)
			if got, left, err := unpack(append(packed, "behind"...)); err != nil || !bytes.Equal(got, content) || string(left) != "behind" {
				t.Errorf("%q: %d bytes of %d, %q is left, %v", options, len(got), len(content), left, err)
			}
		}
	}
}

// TestDamaged: no byte of a stream can be changed without notice, and what comes before a cut is right.
func TestDamaged(t *testing.T) {
	content := []byte(strings.Repeat("some words, ", 300))
	packed := packLibrary(t, content)
	for i := range packed {
		bad := bytes.Clone(packed)
		bad[i] ^= 1 << (i % 8)
		if got, _, err := unpack(bad); err == nil {
			t.Errorf("byte %d: %d bytes of %d and no error", i, len(got), len(content))
		} else if !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("byte %d: %v", i, err)
		}
		if got, _, err := unpack(packed[:i]); err == nil || !bytes.HasPrefix(content, got) {
			t.Errorf("cut at %d: %d bytes, %v", i, len(got), err)
		}
	}
}

// blockOf is a stream whose one block has this header, behind its first byte.
func blockOf(header string) []byte {
	s := []byte(Magic + "\x00\x00")
	s = binary.LittleEndian.AppendUint32(s, crc32.ChecksumIEEE(s[6:]))
	h := append([]byte{0}, header...)
	for len(h)%4 != 0 {
		h = append(h, 0)
	}
	h[0] = byte(len(h) / 4)
	return slices.Concat(s, h, binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(h)), []byte{0})
}

func TestHeaders(t *testing.T) {
	for name, c := range map[string]struct{ header, want string }{
		"flags":               {"\x04\x21\x01\x00", "flags that nobody knows"},
		"not LZMA2":           {"\x00\x03\x01\x00", "cannot be the last"},
		"unknown":             {"\x01\x0b\x00\x21\x01\x00", "0xb is not known"},
		"too many properties": {"\x00\x21\x7f\x00", "more properties"},
		"dictionary":          {"\x00\x21\x01\x29", "size of a dictionary"},
		"start":               {"\x01\x07\x04\x02\x00\x00\x00\x21\x01\x00", "no instruction"},
		"length of start":     {"\x01\x07\x01\x02\x21\x01\x00", "wrong length"},
		"endless number":      {"\x40\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "too long"},
		"too little":          {"\x80\x05\x21\x01\x00", "less than"},
	} {
		if _, _, err := unpack(blockOf(c.header)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func Fuzz(f *testing.F) {
	f.Add(packLibrary(f, []byte("some words, some words, some words")))
	f.Add(blockOf("\x01\x03\x01\x05\x21\x01\x00"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		r, err := NewReader(bufio.NewReader(bytes.NewReader(packed)), 1<<20)
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(r, 8<<20))
		}
	})
}
