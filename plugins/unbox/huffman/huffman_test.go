package huffman

import (
	"math/rand/v2"
	"testing"

	"lazuli/plugins/unbox/huffman/huffmantest"
)

// TestDecode: every code of random complete codes is decoded, whatever bits follow.
func TestDecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var table Table
	for range 200 {
		lengths := []uint8{1, 1}
		for range rng.IntN(400) { // splitting a leaf keeps a code complete
			i := rng.IntN(len(lengths))
			if lengths[i] < MaxBits {
				lengths[i]++
				lengths = append(lengths, lengths[i])
			}
		}
		if err := table.Build(lengths); err != nil {
			t.Fatal(err)
		}
		for symbol, code := range huffmantest.Codes(lengths) {
			n := int(lengths[symbol])
			next := uint16(code<<(MaxBits-n)) | uint16(rng.Uint32())&(1<<(MaxBits-n)-1)
			got, length := table.Decode(next)
			if got != symbol || length != n {
				t.Fatalf("%016b is symbol %d of %d bits, not %d of %d", next, got, length, symbol, n)
			}
		}
	}
}

func TestIncomplete(t *testing.T) {
	var table Table
	if err := table.Build([]uint8{0, 2, 12, 0}); err != nil {
		t.Fatal(err)
	}
	for next, want := range map[uint16]int{0: 2, 0x3fff: 2, 0x4000: 12, 0x400f: 12, 0x4010: 0, 0xffff: 0} {
		if _, n := table.Decode(next); n != want {
			t.Errorf("%#x: a code of %d bits, not %d", next, n, want)
		}
	}
	if table.Empty() || !new(Table).Empty() {
		t.Error("only a table without symbols is empty")
	}
}

func TestImpossible(t *testing.T) {
	for name, lengths := range map[string][]uint8{
		"three of one bit": {1, 1, 1}, "17 bits": {17}, "one too many": {1, 2, 2, 16}, "too many symbols": make([]uint8, MaxSymbols+1),
	} {
		var table Table
		if table.Build(lengths) == nil {
			t.Errorf("%s: no error", name)
		}
		if _, n := table.Decode(0xffff); n != 0 {
			t.Errorf("%s: decodes after it failed", name)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte{1, 2, 3, 3}, uint16(0x8000))
	f.Fuzz(func(t *testing.T, lengths []byte, next uint16) {
		var table Table
		if table.Build(lengths) != nil {
			return
		}
		if symbol, n := table.Decode(next); n != 0 && int(lengths[symbol]) != n {
			t.Fatalf("symbol %d has a code of %d bits, not %d", symbol, lengths[symbol], n)
		}
	})
}
