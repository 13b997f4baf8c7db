package lzma

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/archive"

	ulikunitz "github.com/ulikunitz/xz/lzma"
)

const roomy = 64 << 20 // a dictionary for all that is decoded here

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// contents are of different kinds, so that every kind of match occurs.
func contents() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	var words bytes.Buffer
	for words.Len() < 1<<20 {
		fmt.Fprintf(&words, "%d %s ", r.IntN(1000), []string{"alpha", "beta", "gamma", "delta", "\x00\x00\x01\x00"}[r.IntN(5)])
	}
	far := append(append(bytes.Clone(noise), make([]byte, 3<<20)...), noise...)
	return map[string][]byte{
		"nothing": nil, "one": {7}, "zeros": make([]byte, 1<<20), "noise": noise, "words": words.Bytes(), "far": far, "mixed": append(words.Bytes()[:700_000:700_000], far...),
	}
}

func alone(packed []byte, dictionary int64) ([]byte, []byte, error) {
	in := bufio.NewReader(bytes.NewReader(packed))
	r, err := NewAlone(in, dictionary)
	if err != nil {
		return nil, nil, err
	}
	got, err := io.ReadAll(r)
	return got, must(io.ReadAll(in)), err
}

func lzma2(packed []byte, size int64) ([]byte, []byte, error) {
	in := bufio.NewReader(bytes.NewReader(packed))
	got, err := io.ReadAll(NewReader2(in, size, roomy))
	return got, must(io.ReadAll(in)), err
}

func unzip(packed []byte) ([]byte, []byte, error) {
	in := bufio.NewReader(bytes.NewReader(packed))
	r, err := NewLzip(in, roomy)
	if err != nil {
		return nil, nil, err
	}
	got, err := io.ReadAll(r)
	return got, must(io.ReadAll(in)), err
}

func packLibrary(t testing.TB, content []byte, size int64) []byte {
	var out bytes.Buffer
	config := ulikunitz.WriterConfig{DictCap: 8 << 20, Size: size, SizeInHeader: size >= 0, EOSMarker: size < 0}
	w, err := config.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	must(w.Write(content))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAgainstLibrary(t *testing.T) {
	for name, content := range contents() {
		for _, size := range []int64{Unknown, int64(len(content))} {
			if size == 0 {
				continue // the library writes a stream that does not end
			}
			packed := packLibrary(t, content, size)
			got, left, err := alone(append(packed, "behind"...), roomy)
			if err != nil || !bytes.Equal(got, content) || string(left) != "behind" {
				t.Errorf("%s, size %d: %d bytes of %d, %q is left, %v", name, size, len(got), len(content), left, err)
			}
		}
	}
}

func TestAgainstTool(t *testing.T) {
	xz, lzip := plugintest.Tool(t, "xz"), plugintest.Tool(t, "lzip")
	for name, content := range contents() {
		for _, options := range []string{"preset=0", "preset=9", "preset=6,lc=0,lp=2,pb=0", "preset=6,lc=4,lp=0,pb=4", "preset=1,lc=1,lp=3,pb=1,nice=273"} {
			packed := plugintest.Output(t, "", content, xz, "-cz", "--format=lzma", "--lzma1="+options)
			if got, left, err := alone(append(packed, "behind"...), roomy); err != nil || !bytes.Equal(got, content) || string(left) != "behind" {
				t.Errorf("%s, LZMA with %s: %d bytes of %d, %q is left, %v", name, options, len(got), len(content), left, err)
			}
			packed = plugintest.Output(t, "", content, xz, "-cz", "--format=raw", "--lzma2="+options)
			if got, left, err := lzma2(append(packed, "behind"...), roomy); err != nil || !bytes.Equal(got, content) || string(left) != "behind" {
				t.Errorf("%s, LZMA2 with %s: %d bytes of %d, %q is left, %v", name, options, len(got), len(content), left, err)
			}
		}
		for _, level := range []string{"-0", "-6", "-9"} {
			packed := plugintest.Output(t, "", content, lzip, level, "-c")
			if got, left, err := unzip(append(packed, "behind"...)); err != nil || !bytes.Equal(got, content) || string(left) != "behind" {
				t.Errorf("%s, lzip %s: %d bytes of %d, %q is left, %v", name, level, len(got), len(content), left, err)
			}
		}
	}
}

// TestSmallDictionary: what lies further back than may be kept is told, and what needs less is decoded.
func TestSmallDictionary(t *testing.T) {
	all := contents()
	if _, _, err := alone(packLibrary(t, all["far"], Unknown), 1<<20); !errors.Is(err, ErrDictionary) {
		t.Errorf("matches over 3 MiB with a dictionary of 1 MiB: %v", err)
	}
	if got, _, err := alone(packLibrary(t, all["zeros"], Unknown), 64<<10); err != nil || len(got) != 1<<20 {
		t.Errorf("short matches: %d bytes, %v", len(got), err)
	}
}

// TestHugeDictionary: a header that asks for four gigabytes costs what is decoded.
func TestHugeDictionary(t *testing.T) {
	packed := packLibrary(t, []byte(strings.Repeat("huge ", 1000)), Unknown)
	binary.LittleEndian.PutUint32(packed[1:], 0xffffffff)
	peak := plugintest.PeakMemory(func() {
		if got, _, err := alone(packed, 1<<40); err != nil || len(got) != 5000 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	if peak > 2<<20 {
		t.Errorf("took %d KiB", peak>>10)
	}
}

// damage returns a stream's damaged forms: cut short, and with each of some bits flipped.
func damage(packed []byte, each func([]byte)) {
	for n := range len(packed) {
		each(packed[:n])
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		bad := bytes.Clone(packed)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		each(bad)
	}
}

// TestDamaged: every error is one of damage, and what is decoded before is right where the stream is just cut.
func TestDamaged(t *testing.T) {
	content := []byte(strings.Repeat("some words, ", 100) + strings.Repeat("x", 500))
	check := func(name string, unpack func([]byte) ([]byte, []byte, error)) func([]byte) {
		return func(packed []byte) {
			got, _, err := unpack(packed)
			if err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
				t.Fatalf("%s: %v", name, err)
			}
			if len(got) > 64<<20 {
				t.Fatalf("%s: %d bytes", name, len(got))
			}
		}
	}
	packed := packLibrary(t, content, Unknown)
	for n := range len(packed) {
		if got, _, err := alone(packed[:n], roomy); err == nil || !bytes.HasPrefix(content, got) {
			t.Fatalf("cut at %d: %d bytes, %v", n, len(got), err)
		}
	}
	damage(packed, check("LZMA", func(b []byte) ([]byte, []byte, error) { return alone(b, 1<<20) }))
	var two bytes.Buffer
	w := must(ulikunitz.Writer2Config{DictCap: 1 << 20}.NewWriter2(&two))
	must(w.Write(content))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	damage(two.Bytes(), check("LZMA2", func(b []byte) ([]byte, []byte, error) { return lzma2(b, 1<<20) }))
}

func FuzzAlone(f *testing.F) {
	for _, content := range contents() {
		if len(content) < 1<<20 {
			f.Add(packLibrary(f, content[:min(len(content), 5000)], Unknown))
		}
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		r, err := NewAlone(bufio.NewReader(bytes.NewReader(packed)), 1<<20)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 8<<20))
	})
}

func FuzzLZMA2(f *testing.F) {
	f.Add([]byte{1, 0, 2, 'a', 'b', 'c', 0})
	f.Fuzz(func(t *testing.T, packed []byte) {
		_, _ = io.Copy(io.Discard, io.LimitReader(NewReader2(bufio.NewReader(bytes.NewReader(packed)), 1<<20, 1<<20), 8<<20))
	})
}

func BenchmarkDecode(b *testing.B) {
	content := contents()["mixed"]
	packed := packLibrary(b, content, Unknown)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if got, _, err := alone(packed, roomy); err != nil || len(got) != len(content) {
			b.Fatal(err)
		}
	}
}
