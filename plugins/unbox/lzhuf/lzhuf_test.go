package lzhuf

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"lazuli/plugins/unbox/lzhuf/lzhuftest"
)

// sample is data with matches near and far, and stretches that do not compress.
func sample(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	data := []byte("        begins with spaces")
	for len(data) < n {
		switch rng.IntN(4) {
		case 0:
			for range rng.IntN(200) {
				data = append(data, byte(rng.Uint32()))
			}
		case 1:
			data = append(data, bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(600))...)
		default:
			from := rng.IntN(len(data))
			data = append(data, data[from:min(len(data), from+rng.IntN(400))]...)
		}
	}
	return data[:n]
}

// formats are all formats with an encoder.
var formats = map[string]struct {
	encode func([]byte, uint64) []byte
	open   func(io.Reader, int64) *Reader
}{
	"lh1":     {lzhuftest.LH1, NewLH1},
	"lh4":     {lh(12), openLH(12)},
	"lh5":     {lh(13), openLH(13)},
	"lh6":     {lh(15), openLH(15)},
	"lh7":     {lh(16), openLH(16)},
	"lzs":     {lzhuftest.LZS, NewLZS},
	"lz5":     {lzhuftest.LZ5, NewLZ5},
	"ARJ":     {lzhuftest.ARJ, NewARJ},
	"fastest": {lzhuftest.Fastest, NewFastest},
}

func lh(bits int) func([]byte, uint64) []byte {
	return func(data []byte, seed uint64) []byte { return lzhuftest.LH(data, bits, seed) }
}

func openLH(bits int) func(io.Reader, int64) *Reader {
	return func(r io.Reader, size int64) *Reader { return NewLH(r, size, bits) }
}

func TestFormats(t *testing.T) {
	for name, f := range formats {
		for seed := range uint64(10) {
			data := sample(int(seed*seed*seed)*100+int(seed), seed)
			got, err := io.ReadAll(f.open(bytes.NewReader(f.encode(data, seed)), int64(len(data))))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(data), err)
			}
		}
	}
}

func TestCutShort(t *testing.T) {
	data := sample(20_000, 1)
	for name, f := range formats {
		packed := f.encode(data, 1)
		for n := 0; n < len(packed)-8; n += 1 + len(packed)/50 {
			got, err := io.ReadAll(f.open(bytes.NewReader(packed[:n]), int64(len(data))))
			if !errors.Is(err, errCut) || !bytes.HasPrefix(data, got[:max(0, len(got)-20)]) {
				t.Errorf("%s, %d of %d bytes: %d, %v", name, n, len(packed), len(got), err)
			}
		}
	}
}

func TestSourceErrors(t *testing.T) {
	gone := errors.New("the disk is gone")
	for name, f := range formats {
		packed := f.encode(sample(20_000, 1), 1)
		r := io.MultiReader(bytes.NewReader(packed[:len(packed)/2]), failing{gone})
		if _, err := io.ReadAll(f.open(r, 20_000)); err != gone {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestDistance: in ARJ there is nothing before the beginning.
func TestDistance(t *testing.T) {
	_, err := io.ReadAll(NewFastest(strings.NewReader("\xff\xff\xff\xff\xff"), 100))
	if err != errDistance {
		t.Error(err)
	}
}

// TestLArc: the window of LArc has all there is said to be in it.
func TestLArc(t *testing.T) {
	window := make([]byte, 4096)
	larc(window)
	for at, want := range map[int]byte{0: 0, 12: 0, 13: 1, 13*256 - 1: 255, 13 * 256: 0, 13*256 + 255: 255, 13*256 + 256: 255, 3840: 0, 3967: 0, 3968: ' ', 4077: ' ', 4078: 0} {
		if window[at] != want {
			t.Errorf("at %d: %d", at, window[at])
		}
	}
}

func TestDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	data := sample(20_000, 3)
	for name, f := range formats {
		whole := f.encode(data, 3)
		for range 200 {
			packed := bytes.Clone(whole)
			packed[rng.IntN(len(packed))] ^= 1 << rng.IntN(8)
			if got, _ := io.ReadAll(f.open(bytes.NewReader(packed), int64(len(data)))); len(got) > len(data) {
				t.Fatalf("%s: %d bytes", name, len(got))
			}
		}
	}
	for range 60 { // the adaptive tree makes something of everything
		noise := make([]byte, 30_000)
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		_, _ = io.Copy(io.Discard, NewLH1(bytes.NewReader(noise), 100_000))
	}
}

func FuzzFormats(f *testing.F) {
	kinds := []func(io.Reader, int64) *Reader{NewLH1, openLH(12), openLH(13), openLH(15), openLH(16), NewLZS, NewLZ5, NewARJ, NewFastest}
	f.Add(lzhuftest.LH(sample(5000, 1), 13, 1), 2)
	f.Add(lzhuftest.ARJ(sample(5000, 1), 1), 7)
	f.Add(lzhuftest.Fastest(sample(5000, 1), 1), 8)
	f.Add(lzhuftest.LZ5(sample(5000, 1), 1), 6)
	f.Fuzz(func(t *testing.T, packed []byte, kind int) {
		open := kinds[uint(kind)%uint(len(kinds))]
		n, err := io.Copy(io.Discard, open(bytes.NewReader(packed), 100_000))
		if n > 100_000 || err == nil && n != 100_000 {
			t.Fatalf("%d bytes, %v", n, err)
		}
	})
}

func BenchmarkLH5(b *testing.B) {
	data := sample(1<<20, 2)
	packed := lzhuftest.LH(data, 13, 2)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, NewLH(bytes.NewReader(packed), int64(len(data)), 13)); err != nil {
			b.Fatal(err)
		}
	}
}
