package index

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMergeable: however large batches are, a document is written once for each level, and few segments are left: a batch never waits for a merger that has nothing to do.
func TestMergeable(t *testing.T) {
	for name, batch := range map[string]func(*rand.Rand) int{
		"one":    func(*rand.Rand) int { return 1 },
		"few":    func(r *rand.Rand) int { return 1 + r.IntN(5) },
		"many":   func(*rand.Rand) int { return 300 },
		"uneven": func(r *rand.Rand) int { return 1 << r.IntN(12) },
		"steep":  func(r *rand.Rand) int { return int(min(100_000, 1/(1-r.Float64()))) },
	} {
		random := rand.New(rand.NewPCG(4, 4))
		var list []segment
		docs, written, most := uint32(0), 0, 0
		for range 20_000 {
			n := uint32(batch(random))
			list = append(list, segment{base: docs, until: docs + n})
			docs += n
			for chosen := mergeable(list); chosen != nil; chosen = mergeable(list) {
				one := segment{base: chosen[0].base, until: chosen[len(chosen)-1].until}
				written += int(one.until - one.base)
				at := slices.IndexFunc(list, func(s segment) bool { return s.base == one.base })
				list = slices.Replace(list, at, at+len(chosen), one)
			}
			most = max(most, len(list))
		}
		if len(list) >= maxSegments/2 { // there are two kinds
			t.Errorf("%s: %d segments are left", name, len(list))
		}
		levels := 1
		for n := docs; n > 0; n /= fanIn {
			levels++
		}
		if times := float64(written) / float64(docs); times > float64(levels) || most > 100 {
			t.Errorf("%s: %d documents were written %.1f times, at %d levels; up to %d segments", name, docs, times, levels, most)
		}
	}
}
