package quantum

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"lazuli/plugins/unbox/quantum/quantumtest"
)

// sample is data with matches of all lengths, near and far, and stretches that do not compress.
func sample(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, 0, n)
	for len(data) < n {
		switch rng.IntN(4) {
		case 0:
			for range rng.IntN(300) {
				data = append(data, byte(rng.Uint32()))
			}
		case 1:
			data = append(data, bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(600))...)
		default:
			if len(data) > 0 {
				from := rng.IntN(len(data))
				data = append(data, data[from:min(len(data), from+3+rng.IntN(1+rng.IntN(400)))]...)
			}
		}
	}
	return data[:n]
}

func decode(frames [][]byte, size, windowBits int) ([]byte, error) {
	d, err := New(windowBits)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i, frame := range frames {
		p, err := d.Frame(frame, min(FrameSize, size-len(out)))
		out = append(out, p...)
		if err != nil {
			return out, fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return out, nil
}

func TestFrames(t *testing.T) {
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for seed := range uint64(5) {
			data := sample(1+int(seed*seed)*2000+int(seed), seed)
			got, err := decode(quantumtest.Encode(data, bits, seed), len(data), bits)
			if err != nil {
				t.Fatalf("%d bits, seed %d: %v", bits, seed, err)
			}
			if !bytes.Equal(got, data) {
				t.Fatalf("%d bits, seed %d: differs", bits, seed)
			}
		}
	}
}

func TestDamage(t *testing.T) {
	data := sample(70_000, 9)
	whole := quantumtest.Encode(data, 16, 9)
	rng := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		frames := make([][]byte, len(whole))
		for i := range frames {
			frames[i] = bytes.Clone(whole[i])
		}
		f := frames[rng.IntN(len(frames))]
		f[rng.IntN(len(f))] ^= 1 << rng.IntN(8)
		if out, _ := decode(frames, len(data), 16); len(out) > len(data) {
			t.Fatal("more than was asked for")
		}
	}
	for n := 0; n < len(whole[0])-8; n += 97 {
		d, _ := New(16)
		out, err := d.Frame(whole[0][:n], FrameSize)
		if err == nil {
			t.Fatalf("%d of %d bytes make a frame", n, len(whole[0]))
		}
		if n > 8 && !bytes.HasPrefix(data, out[:max(0, len(out)-600)]) {
			t.Fatalf("what %d of %d bytes have is wrong", n, len(whole[0]))
		}
	}
}

func TestImpossible(t *testing.T) {
	for _, bits := range []int{-1, 0, 9, 22, 64} {
		if _, err := New(bits); err == nil {
			t.Errorf("a window of %d bits", bits)
		}
	}
	d, _ := New(15)
	for _, size := range []int{-1, 0, FrameSize + 1} {
		if _, err := d.Frame([]byte{1, 2, 3}, size); err == nil {
			t.Errorf("a frame of %d bytes", size)
		}
	}
}

func FuzzFrame(f *testing.F) {
	for _, frame := range quantumtest.Encode(sample(70_000, 2), 15, 2) {
		f.Add(frame, uint16(FrameSize-1))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		d, _ := New(10 + int(size)%12)
		for range 3 {
			out, err := d.Frame(in, 1+int(size)%FrameSize)
			if len(out) > 1+int(size)%FrameSize {
				t.Fatal("more than there is")
			}
			if err != nil {
				return
			}
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	data := sample(1<<20, 2)
	frames := quantumtest.Encode(data, 21, 2)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := decode(frames, len(data), 21); err != nil {
			b.Fatal(err)
		}
	}
}
