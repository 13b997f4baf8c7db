package entropy

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

func TestVectors(t *testing.T) {
	for _, c := range []struct {
		name    string
		content string
		overall float64
		size    int64
		count   int64
		blocks  float64 // value of each
	}{
		{"digits", "1223334444", 1.8464393446710154, 256, 0, 0},
		{"fox", "The quick brown fox jumps over the lazy dog", 4.431965045349459, 256, 0, 0},
		{"constant", strings.Repeat("a", 2216), 0, 256, 8, 0},
		{"two values", strings.Repeat("AB", 153809), 1, 384, 800, 1},
		{"smallest block", strings.Repeat("AB", 128), 1, 256, 1, 1},
		{"one byte less", strings.Repeat("AB", 127) + "A", 0.999988906584093, 256, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := plugintest.Run(t, Plugin{}, []byte(c.content))
			if out.State != event.Completed || len(out.Features) != 1 || out.Features[0].Type != event.Float {
				t.Fatalf("%s %s: %+v", out.State, out.Message, out.Features)
			}
			var info struct{ Entropy report }
			if err := json.Unmarshal(out.Info, &info); err != nil {
				t.Fatal(err)
			}
			r := info.Entropy
			if math.Abs(r.Overall-c.overall) > 1e-15 || r.BlockSize != c.size || r.BlockCount != c.count || int64(len(r.Blocks)) != c.count {
				t.Errorf("overall %v, %d blocks (%d) of %d; want %v, %d of %d", r.Overall, r.BlockCount, len(r.Blocks), r.BlockSize, c.overall, c.count, c.size)
			}
			for i, b := range r.Blocks {
				if b != c.blocks {
					t.Fatalf("block %d is %v, want %v", i, b, c.blocks)
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

func TestSizeThatIsNotTrue(t *testing.T) {
	if _, err := measure(t.Context(), strings.NewReader("five5"), 6); err == nil || !strings.Contains(err.Error(), "read 5 bytes") {
		t.Errorf("got %v", err)
	}
	if r, err := measure(t.Context(), strings.NewReader(""), 0); err != nil || r.Overall != 0 || r.Blocks == nil {
		t.Errorf("empty: %+v %v", r, err)
	}
}

func TestHostile(t *testing.T) {
	plugintest.Hostile(t, func() plugin.Plugin { return Plugin{} }, []byte(strings.Repeat("hostile ", 1000)))
}

func BenchmarkMeasure(b *testing.B) {
	for _, c := range []struct {
		name string
		fill func([]byte)
	}{{"random", func(p []byte) {
		r := rand.New(rand.NewPCG(1, 2))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
	}}, {"zeros", func([]byte) {}}} {
		b.Run(c.name, func(b *testing.B) {
			content := make([]byte, 32<<20)
			c.fill(content)
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := measure(b.Context(), bytes.NewReader(content), int64(len(content))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
