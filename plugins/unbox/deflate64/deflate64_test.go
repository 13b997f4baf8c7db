package deflate64

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugin/plugintest"
)

func unpack(packed []byte) (got, left []byte, err error) {
	in := bufio.NewReader(bytes.NewReader(packed))
	got, err = io.ReadAll(NewReader(in))
	left, _ = io.ReadAll(in)
	return got, left, err
}

func contents() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 150_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 300_000)
	for i := range skewed {
		skewed[i] = byte(r.IntN(1 + r.IntN(256)))
	}
	far := bytes.Repeat(noise[:60_000], 4)
	return [][]byte{{1}, []byte(strings.Repeat("some words, ", 50_000)), make([]byte, 1<<20), noise, skewed, far}
}

// TestAgainstTool unpacks the only entry of zips that 7-Zip made.
func TestAgainstTool(t *testing.T) {
	tool := plugintest.Tool(t, "7zz", "7z")
	for i, content := range contents() {
		for _, level := range []string{"-mx1", "-mx9"} {
			dir := t.TempDir()
			plugintest.Output(t, dir, content, tool, "a", "-tzip", "-mm=Deflate64", level, "-sif", "x.zip")
			zip, err := os.ReadFile(filepath.Join(dir, "x.zip"))
			if err != nil {
				t.Fatal(err)
			}
			if binary.LittleEndian.Uint16(zip[8:]) != 9 {
				continue // stored: it does not get smaller
			}
			got, _, err := unpack(zip[30+int(binary.LittleEndian.Uint16(zip[26:]))+int(binary.LittleEndian.Uint16(zip[28:])):])
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("content %d, %s: %d bytes of %d, %v", i, level, len(got), len(content), err)
			}
		}
	}
}

// TestAgainstDeflate: without matches longer than 257 bytes, whose code means something else, the two are one.
func TestAgainstDeflate(t *testing.T) {
	all := contents()
	for i, content := range [][]byte{nil, all[0], all[3], all[4]} {
		for level := -2; level <= 9; level++ {
			var packed bytes.Buffer
			w, err := flate.NewWriter(&packed, level)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = w.Write(content); err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, left, err := unpack(append(packed.Bytes(), "behind"...)); err != nil || !bytes.Equal(got, content) || string(left) != "behind" {
				t.Errorf("content %d, level %d: %d bytes of %d, %q is left, %v", i, level, len(got), len(content), left, err)
			}
			for n := range min(packed.Len(), 200) {
				if got, _, err := unpack(packed.Bytes()[:n]); err == nil || !bytes.HasPrefix(content, got) {
					t.Fatalf("content %d, level %d, cut at %d: %d bytes, %v", i, level, n, len(got), err)
				}
			}
		}
	}
}

func Fuzz(f *testing.F) {
	f.Add([]byte("\x4b\x4c\x4a\x06\x00"))
	f.Add([]byte("\x01\x01\x00\xfe\xffx"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		_, _ = io.Copy(io.Discard, io.LimitReader(NewReader(bufio.NewReader(bytes.NewReader(packed))), 1<<20))
	})
}
