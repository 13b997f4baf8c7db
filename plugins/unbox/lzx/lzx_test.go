package lzx

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"lazuli/plugins/unbox/lzx/lzxtest"
)

// sample is data with matches near and far, calls, and stretches that do not compress.
func sample(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, 0, n)
	for len(data) < n {
		switch rng.IntN(6) {
		case 0:
			for range rng.IntN(300) {
				data = append(data, byte(rng.Uint32()))
			}
		case 1:
			data = append(data, bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(600))...)
		case 2:
			data = append(data, 0xe8, byte(rng.Uint32()), byte(rng.IntN(3)), 0, 0)
		case 3:
			data = append(data, 0xe8, byte(rng.Uint32()), byte(rng.Uint32()), 0xff, 0xff)
		default:
			if len(data) > 0 {
				from := rng.IntN(len(data))
				data = append(data, data[from:min(len(data), from+rng.IntN(400))]...)
			}
		}
	}
	return data[:n]
}

// decode decompresses all frames.
func decode(frames [][]byte, size, windowBits, reset int) ([]byte, error) {
	d, err := New(windowBits)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i, frame := range frames {
		if reset > 0 && i%reset == 0 {
			d.Reset(int64(i) * FrameSize)
		}
		p, used, err := d.Frame(frame, min(FrameSize, size-len(out)))
		out = append(out, p...)
		if err != nil {
			return out, fmt.Errorf("frame %d: %w", i, err)
		}
		if used != len(frame) {
			return out, fmt.Errorf("frame %d: took %d of %d bytes", i, used, len(frame))
		}
	}
	return out, nil
}

func TestFrames(t *testing.T) {
	var kinds [4]int
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for seed := range uint64(8) {
			data := sample(1+int(seed*seed)*3000+int(seed), seed)
			e8Size, reset := int32(seed%3)*100_000, int(seed%4)
			s := lzxtest.Encode(data, bits, e8Size, reset, seed)
			got, err := decode(s.Frames, len(data), bits, reset)
			if err != nil {
				t.Fatalf("%d bits, seed %d: %v", bits, seed, err)
			}
			if !bytes.Equal(got, data) {
				t.Fatalf("%d bits, seed %d: differs", bits, seed)
			}
			for k, n := range s.Kinds {
				kinds[k] += n
			}
		}
	}
	for k := blockVerbatim; k <= blockUncompressed; k++ {
		if kinds[k] < 20 {
			t.Errorf("only %d blocks of kind %d were tried", kinds[k], k)
		}
	}
}

// TestStream: where a frame ends is known without a table, too.
func TestStream(t *testing.T) {
	data := sample(200_000, 3)
	s := lzxtest.Encode(data, 17, 0, 0, 5)
	stream := bytes.Join(s.Frames, nil)
	d, _ := New(17)
	var got []byte
	for len(got) < len(data) {
		p, used, err := d.Frame(stream, min(FrameSize, len(data)-len(got)))
		if err != nil {
			t.Fatal(err)
		}
		got, stream = append(got, p...), stream[used:]
	}
	if !bytes.Equal(got, data) || len(stream) != 0 {
		t.Errorf("differs, or %d bytes are left", len(stream))
	}
}

// TestFarMatches: the window slides, and matches reach all of it.
func TestFarMatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	unit := make([]byte, 30_000)
	for i := range unit {
		unit[i] = byte(rng.Uint32())
	}
	data := bytes.Repeat(unit, 20)
	s := lzxtest.Encode(data, MinWindowBits, 0, 0, 1)
	got, err := decode(s.Frames, len(data), MinWindowBits, 0)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("differs: %v", err)
	}
}

func TestDamage(t *testing.T) {
	data := sample(100_000, 9)
	s := lzxtest.Encode(data, 16, 50_000, 0, 9)
	rng := rand.New(rand.NewPCG(4, 4))
	for range 500 {
		frames := make([][]byte, len(s.Frames))
		for i := range frames {
			frames[i] = bytes.Clone(s.Frames[i])
		}
		f := frames[rng.IntN(len(frames))]
		f[rng.IntN(min(len(f), 1+rng.IntN(len(f))))] ^= 1 << rng.IntN(8)
		out, _ := decode(frames, len(data), 16, 0)
		if len(out) > len(data) {
			t.Fatal("more than was asked for")
		}
	}
	for n := 0; n < len(s.Frames[0]); n += 11 {
		d, _ := New(16)
		if _, _, err := d.Frame(s.Frames[0][:n], FrameSize); err == nil {
			t.Fatalf("%d of %d bytes make a frame", n, len(s.Frames[0]))
		}
	}
}

func TestImpossible(t *testing.T) {
	for _, bits := range []int{-1, 0, 14, 22, 64} {
		if _, err := New(bits); err == nil {
			t.Errorf("a window of %d bits", bits)
		}
	}
	d, _ := New(15)
	for _, size := range []int{-1, 0, FrameSize + 1} {
		if _, _, err := d.Frame([]byte{1, 2, 3}, size); err == nil {
			t.Errorf("a frame of %d bytes", size)
		}
	}
}

func FuzzFrame(f *testing.F) {
	s := lzxtest.Encode(sample(70_000, 2), 15, 1000, 0, 2)
	for _, frame := range s.Frames {
		f.Add(frame, uint16(FrameSize-1))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		d, _ := New(15 + int(size)%7)
		for range 3 {
			out, used, err := d.Frame(in, 1+int(size)%FrameSize)
			if used > len(in) || len(out) > 1+int(size)%FrameSize {
				t.Fatal("more than there is")
			}
			if err != nil {
				return
			}
			in = in[used:]
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	data := sample(1<<20, 2)
	s := lzxtest.Encode(data, 21, 0, 0, 2)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := decode(s.Frames, len(data), 21, 0); err != nil {
			b.Fatal(err)
		}
	}
}
