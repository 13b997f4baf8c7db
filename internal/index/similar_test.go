package index

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"lazuli/internal/digest"
)

// TestGrams: hashes that are alike have a gram in common, and a hash has few of them.
func TestGrams(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	text := func(n, of int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[random.IntN(of)]
		}
		return string(b)
	}
	hash := func(size int, full, half string) digest.SSDeep {
		h, err := digest.ParseSSDeep(fmt.Sprintf("%d:%.64s:%.64s", size, full, half))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	grams := func(h digest.SSDeep) map[[2]string]bool {
		set := map[[2]string]bool{}
		eachGram(&h, func(field, gram string) { set[[2]string{field, gram}] = true })
		return set
	}
	alike, far := 0, 0
	for range 20_000 {
		// What they share is in one of the two parts of each, of another block size now and then.
		shared := text(5+random.IntN(10), 2+random.IntN(62))
		part := func() string { return text(random.IntN(30), 64) + shared + text(random.IntN(25), 64) }
		parts := []string{part(), text(random.IntN(32), 64)}
		if random.IntN(2) == 0 {
			parts[0], parts[1] = parts[1], parts[0]
		}
		a := hash(768, parts[0], parts[1])
		b := hash(384<<random.IntN(3), part(), part())
		score := a.Score(&b)
		if score == 0 {
			far++
			continue
		}
		alike++
		common := false
		for k := range grams(b) {
			common = common || grams(a)[k]
		}
		if !common {
			t.Fatalf("%v and %v, with a score of %d, have no gram in common", a, b, score)
		}
	}
	if alike < 2000 || far < 2000 {
		t.Errorf("%d pairs are alike, %d are not", alike, far)
	}
	n := 0
	for range 100 {
		n += len(grams(hash(96, text(64, 64), text(32, 64))))
	}
	if n > 100*45 {
		t.Errorf("%d grams of 100 hashes", n)
	}
}
