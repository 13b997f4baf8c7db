package index

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestFilter: a filter never denies what is there, and denies most of what is not.
func TestFilter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	for _, n := range []int{1, 7, 300, 20_000} {
		f := newFilter(n)
		added := map[termKey]bool{}
		key := func() termKey { return termKey{1 + random.Int64N(lastFilter), keyText(random.Int64())} }
		for range n {
			k := key()
			f.add(k.field, []byte(k.text))
			added[k] = true
		}
		for k := range added {
			if f.lacks(k) {
				t.Fatalf("of %d: one that is there is denied", n)
			}
		}
		wrong, tries := 0, 20_000
		for range tries {
			if k := key(); !added[k] && !f.lacks(k) {
				wrong++
			}
		}
		if n >= 300 && wrong > tries/50 || wrong > tries/10 {
			t.Errorf("of %d: %d of %d that are not there are not denied", n, wrong, tries)
		}
	}
	if (filter{}).lacks(termKey{lastFilter + 1, "x"}) || !(filter{}).lacks(termKey{lastFilter, "x"}) {
		t.Error("the wrong kinds are filtered")
	}
}

// TestKeyText: texts have the order of their keys, in any case.
func TestKeyText(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 2))
	keys := []int64{0, 1, 63, 64, math.MaxInt64 - 1, math.MaxInt64}
	for range 1000 {
		keys = append(keys, random.Int64()>>random.IntN(63))
	}
	for _, a := range keys {
		for _, b := range keys {
			if x, y := keyText(a), keyText(b); (a < b) != (compareTexts(x, y) < 0) || (a == b) != (compareFolded(x, y) == 0) {
				t.Fatalf("%d and %d", a, b)
			}
		}
	}
}
