package index_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lazuli/internal/digest"
	"lazuli/internal/index"
)

// TestSimilarFindsAll: who looks for hashes that are alike finds what they would find by comparing with every one.
func TestSimilarFindsAll(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	s := open(t, newPath(t))
	defer s.Close()
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz0123456789+/ABCDEFGHIJKLMNOPQRSTUVWXYZ"[random.IntN(64)]
		}
		return string(b)
	}
	family := []string{letters(60), letters(60), letters(60)}
	ssdeep := func() string {
		part := func(n int) string {
			of := family[random.IntN(len(family))]
			from := random.IntN(len(of) - 7)
			return letters(8+random.IntN(n/2)) + of[from:min(len(of), from+random.IntN(n/2))] + letters(random.IntN(8))
		}
		return fmt.Sprintf("%d:%.64s:%.32s", 96<<random.IntN(4), part(60), part(30))
	}
	seeds := make([]digest.TLSH, 4)
	for i := range seeds {
		for j := range seeds[i] {
			seeds[i][j] = byte(random.Uint32())
		}
	}
	tlsh := func() string {
		h := seeds[random.IntN(len(seeds))]
		h[1] = byte(random.IntN(40)-20)<<4 | byte(random.IntN(40)-20)>>4 // lengths on both sides of the end of the circle
		for range random.IntN(40) {
			h[2+random.IntN(len(h)-2)] ^= 1 << random.IntN(8)
		}
		return "T1" + strings.ToUpper(hex.EncodeToString(h[:]))
	}
	var all []index.Document
	for n := range 1200 {
		d := document(n)
		d.SSDeep, d.TLSH = ssdeep(), tlsh()
		all = append(all, d)
	}
	for part := range slices.Chunk(all, 100) {
		if err := s.Apply(t.Context(), index.Batch{Documents: part}); err != nil {
			t.Fatal(err)
		}
	}
	found := map[string]int{}
	for range 60 {
		like := all[random.IntN(len(all))]
		for kind, l := range map[string]index.Likeness{"ssdeep": {SSDeep: like.SSDeep}, "TLSH": {TLSH: like.TLSH}} {
			want := map[string]index.Match{}
			for _, d := range all {
				m := index.Match{SHA256: d.SHA256}
				if kind == "TLSH" {
					m.Distance, _ = digest.CompareTLSH(like.TLSH, d.TLSH)
					m.Score = max(0, 100-m.Distance/3)
					if m.Distance <= 150 {
						want[d.SHA256] = m
					}
				} else if m.Score, _ = digest.CompareSSDeep(like.SSDeep, d.SSDeep); m.Score > 0 {
					want[d.SHA256] = m
				}
			}
			list, err := s.Similar(t.Context(), index.Everyone, l, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if want[m.SHA256] != m {
					t.Errorf("%s of %s: %+v, want %+v", kind, like.SHA256, m, want[m.SHA256])
				}
				delete(want, m.SHA256)
				found[kind]++
			}
			if len(want) > 0 {
				t.Errorf("%s of %s: %d are missing: %v", kind, like.SHA256, len(want), want)
			}
		}
	}
	if found["ssdeep"] < 300 || found["TLSH"] < 300 {
		t.Errorf("found %v", found)
	}
}
