package entropy

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

// TestVectors: the first five are those of the plugin in Azul, to the last digit.
func TestVectors(t *testing.T) {
	for _, c := range []struct {
		name    string
		content string
		overall float64
		size    int64
		count   int64
		block   float64 // value of each
	}{
		{"digits", "1223334444", 1.8464393446710154, 256, 0, 0},
		{"fox", "The quick brown fox jumps over the lazy dog", 4.431965045349459, 256, 0, 0},
		{"constant", strings.Repeat("a", 2216), 0, 256, 8, 0},
		{"two values", strings.Repeat("AB", 307_618/2), 1, 384, 800, 1},
		{"empty", "", 0, 256, 0, 0},
		{"one byte less than a block", strings.Repeat("AB", 127) + "A", 0.999988906584093, 256, 0, 0},
		{"one block", strings.Repeat("AB", 128), 1, 256, 1, 1},
		{"the most blocks of the least size", strings.Repeat("AB", 800*128), 1, 256, 800, 1},
		{"a block more than is reported", strings.Repeat("AB", 800*128+399), 1, 256, 800, 1},
		{"larger blocks", strings.Repeat("AB", 801*128+272), 1, 257, 800, 0.9999890785728672},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := plugintest.Run(t, Plugin{}, []byte(c.content))
			if out.State != event.Completed || len(out.Features) != 1 || out.Features[0].Name != "entropy" || out.Features[0].Type != event.Float {
				t.Fatalf("%s %s: %+v", out.State, out.Message, out.Features)
			}
			if v, err := strconv.ParseFloat(out.Features[0].Value, 64); err != nil || v != c.overall {
				t.Errorf("the feature is %s, want %v", out.Features[0].Value, c.overall)
			}
			var info struct{ Entropy report }
			if err := json.Unmarshal(out.Info, &info); err != nil {
				t.Fatal(err)
			}
			r := info.Entropy
			if r.Overall != c.overall || r.BlockSize != c.size || r.BlockCount != c.count || int64(len(r.Blocks)) != c.count {
				t.Errorf("overall %v, %d blocks (%d) of %d; want %v, %d of %d",
					r.Overall, r.BlockCount, len(r.Blocks), r.BlockSize, c.overall, c.count, c.size)
			}
			for i, b := range r.Blocks {
				if b != c.block {
					t.Fatalf("block %d is %v, want %v", i, b, c.block)
				}
			}
			if bytes.Contains(out.Info, []byte("null")) || bytes.Contains(out.Info, []byte("-0")) {
				t.Errorf("info is %s", out.Info)
			}
		})
	}
}

// TestAgainstTheDefinition compares with the sum written down as in the definition.
func TestAgainstTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		content := make([]byte, 1+r.IntN(300_000))
		for i := range content {
			content[i] = byte(r.IntN(1 + r.IntN(256)))
		}
		got, err := measure(t.Context(), bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		if want := naive(content); math.Abs(got.Overall-want) > 1e-9 {
			t.Fatalf("overall %v, want %v", got.Overall, want)
		}
		for i, b := range got.Blocks {
			part := content[int64(i)*got.BlockSize : int64(i+1)*got.BlockSize]
			if want := naive(part); math.Abs(b-want) > 1e-9 {
				t.Fatalf("block %d is %v, want %v", i, b, want)
			}
		}
	}
}

func naive(b []byte) float64 {
	counts := map[byte]float64{}
	for _, c := range b {
		counts[c]++
	}
	sum := 0.0
	for _, n := range counts {
		p := n / float64(len(b))
		sum -= p * math.Log2(p)
	}
	return sum
}

// TestSizeThatIsNotTrue: a file that is shorter or longer than it is said to be is an error, and a longer one is not read
// to its end.
func TestSizeThatIsNotTrue(t *testing.T) {
	for size, want := range map[int64]string{-1: "more bytes", 0: "more bytes than the 0", 4: "more bytes than the 4", 6: "has 5 bytes and is said to have 6"} {
		if _, err := measure(t.Context(), strings.NewReader("five5"), size); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("5 bytes as %d: %v, want %q", size, err, want)
		}
	}
	endless := endlessReader{new(int64)}
	if _, err := measure(t.Context(), endless, 10); err == nil || *endless.n > bufferBytes {
		t.Errorf("%d bytes were read of a file of 10: %v", *endless.n, err)
	}
	out := plugintest.Run(t, Plugin{}, []byte("text"), plugintest.Event(func(b *event.Binary) {
		b.Entity.Datastreams[0].SHA256 = "of another file"
	}))
	if out.State != event.OptOut {
		t.Errorf("a file that is not stored: %s %s", out.State, out.Message)
	}
}

type endlessReader struct{ n *int64 }

func (r endlessReader) Read(p []byte) (int, error) { *r.n += int64(len(p)); return len(p), nil }

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := measure(ctx, endlessReader{new(int64)}, 1<<40); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestHostile(t *testing.T) {
	plugintest.Hostile(t, Plugin{}, []byte(strings.Repeat("hostile ", 1000)))
}

func BenchmarkMeasure(b *testing.B) {
	random := make([]byte, 32<<20)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(random) // never fails
	for _, c := range []struct {
		name    string
		content []byte
	}{{"random", random}, {"zeros", make([]byte, len(random))}, {"small", random[:200<<10]}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.content)))
			for b.Loop() {
				if _, err := measure(b.Context(), bytes.NewReader(c.content), int64(len(c.content))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
