package ppmd

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/archive"
)

// unpack reads size bytes behind a header.
func unpack(r *Reader, packed []byte, size int) ([]byte, error) {
	in := bufio.NewReader(bytes.NewReader(packed))
	h, err := ReadHeader(in)
	if err != nil {
		return nil, err
	}
	r.Reset(in, h)
	return io.ReadAll(io.LimitReader(r, int64(size)))
}

// contents are small ones, and ones that fill a memory of a megabyte again and again.
func contents() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 600_000)
	for i := range skewed {
		skewed[i] = byte(r.IntN(1 + r.IntN(256)))
	}
	var words, numbers bytes.Buffer
	var known []string
	for words.Len() < 1_000_000 {
		if len(known) < 20_000 {
			word := make([]byte, 2+r.IntN(9))
			for i := range word {
				word[i] = "etaoinshrdlucmfwyp\xe4\xf6"[r.IntN(1+r.IntN(20))]
			}
			known = append(known, string(word))
		}
		words.WriteString(known[r.IntN(1+r.IntN(len(known)))])
		words.WriteString([]string{" ", " ", " ", ", ", ".\n"}[r.IntN(5)])
	}
	for i := range 60_000 {
		fmt.Fprintf(&numbers, "%d;%d\n", i, i*i)
	}
	return [][]byte{{1}, []byte("some words, and some words again"), make([]byte, 1<<19), noise, skewed, words.Bytes(), numbers.Bytes()}
}

// TestAgainstTool unpacks the only entry of zips that 7-Zip made. Of the levels the last drops contexts, the others begin again.
func TestAgainstTool(t *testing.T) {
	tool := plugintest.Tool(t, "7zz")
	var r Reader
	for i, content := range contents() {
		for _, options := range []string{"-mx5", "-mm=PPMd:mem=1m:o=16", "-mx9 -mm=PPMd:mem=1m:o=2", "-mx9 -mm=PPMd:mem=1m:o=16"} {
			dir := t.TempDir()
			args := append([]string{"a", "-tzip", "-mm=PPMd", "-sif"}, strings.Fields(options)...)
			plugintest.Output(t, dir, content, tool, append(args, "x.zip")...)
			zip, err := os.ReadFile(filepath.Join(dir, "x.zip"))
			if err != nil {
				t.Fatal(err)
			}
			if binary.LittleEndian.Uint16(zip[8:]) != 98 {
				continue // stored: it does not get smaller
			}
			packed := zip[30+int(binary.LittleEndian.Uint16(zip[26:]))+int(binary.LittleEndian.Uint16(zip[28:])):]
			got, err := unpack(&r, packed, len(content))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("content %d, %s, %v: %d bytes of %d, %v", i, options, packed[:2], len(got), len(content), err)
			}
			cut := len(packed) / 2
			if got, err := unpack(&r, packed[:cut], len(content)); len(content) > 1000 && (!errors.Is(err, io.ErrUnexpectedEOF) || !bytes.HasPrefix(content, got)) {
				t.Errorf("content %d, %s, cut at %d: %d bytes, %v", i, options, cut, len(got), err)
			}
		}
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		header string
		memory int64
		err    error
	}{
		{"\x15\x00", 2 << 20, nil}, {"\xf1\x1f", 256 << 20, nil}, {"\x10\x00", 0, archive.ErrDamaged}, {"\x15\x20", 0, archive.ErrDamaged}, {"\x15", 0, io.ErrUnexpectedEOF},
	} {
		h, err := ReadHeader(bytes.NewReader([]byte(c.header)))
		if !errors.Is(err, c.err) || err == nil && h.Memory != c.memory {
			t.Errorf("%q: %+v, %v", c.header, h, err)
		}
	}
}

// TestNoise decodes bytes that nobody packed: the model must stand every sequence of symbols.
func TestNoise(t *testing.T) {
	var r Reader
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 12 {
		packed := make([]byte, 200_000)
		for i := range packed {
			packed[i] = byte(random.IntN(1 + random.IntN(256)))
		}
		binary.LittleEndian.PutUint16(packed, uint16(1+random.IntN(15)|round%2<<12))
		_, err := unpack(&r, packed, 1<<19)
		if err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

func Fuzz(f *testing.F) {
	f.Add([]byte("\x0f\x10some bytes that nobody packed"))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00"))
	var r Reader
	f.Fuzz(func(t *testing.T, packed []byte) {
		in := bufio.NewReader(bytes.NewReader(packed))
		h, err := ReadHeader(in)
		if err != nil {
			return
		}
		h.Memory = 1 << 16 // so that it is full soon
		r.Reset(in, h)
		_, _ = io.Copy(io.Discard, io.LimitReader(&r, 1<<18))
	})
}
