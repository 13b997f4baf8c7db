package pkzip

import (
	"bytes"
	"cmp"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// There is no free program that packs with these methods, so here is one. Others unpack what it makes: see TestAgainstTools.

// bitWriter writes the lowest bits first.
type bitWriter struct {
	out []byte
	n   uint
}

func (w *bitWriter) put(v int, n uint) {
	for i := range n {
		if w.n%8 == 0 {
			w.out = append(w.out, 0)
		}
		w.out[w.n/8] |= byte(v>>i&1) << (w.n % 8)
		w.n++
	}
}

type shrinkKey struct {
	before int
	c      byte
}

// makeShrink packs with method 1.
func makeShrink(content []byte) []byte {
	var w bitWriter
	if len(content) == 0 {
		return nil
	}
	width, next := uint(9), shrinkControl+1
	codes := map[shrinkKey]int{}
	defined := map[int]shrinkKey{} // every code in use
	put := func(code int) {
		for ; code >= 1<<width; width++ {
			w.put(shrinkControl, width)
			w.put(shrinkWider, width)
		}
		w.put(code, width)
	}
	skip := func() {
		for _, used := defined[next]; used; _, used = defined[next] {
			next++
		}
	}
	code := int(content[0])
	for _, c := range content[1:] {
		if longer, ok := codes[shrinkKey{code, c}]; ok {
			code = longer
			continue
		}
		put(code)
		skip()
		if next == shrinkCodes {
			w.put(shrinkControl, width)
			w.put(shrinkClear, width)
			begins := map[int]bool{}
			for _, k := range defined {
				begins[k.before] = true
			}
			for free, k := range maps.Clone(defined) {
				if !begins[free] {
					delete(defined, free)
					if codes[k] == free {
						delete(codes, k)
					}
				}
			}
			next = shrinkControl + 1
			skip()
		}
		if next < shrinkCodes {
			key := shrinkKey{code, c}
			if _, ok := defined[code]; ok || code < shrinkControl { // else it means nothing
				codes[key] = next
			}
			defined[next] = key
		}
		code = int(c)
	}
	put(code)
	return w.out
}

// match is a stretch that came before, or a byte if its length is 0.
type match struct {
	length, distance int
	c                byte
}

// matches finds what came before.
func matches(content []byte, shortest, longest, farthest int) (list []match) {
	last := map[[3]byte]int{}
	for at := 0; at < len(content); {
		m := match{c: content[at]}
		if at+3 <= len(content) {
			key := [3]byte(content[at:])
			if from, ok := last[key]; ok && at-from <= farthest {
				n := 3
				for n < longest && at+n < len(content) && content[from+n] == content[at+n] {
					n++
				}
				if n >= shortest {
					m.length, m.distance = n, at-from
				}
			}
		}
		for end := at + max(1, m.length); at < end; at++ {
			if at+3 <= len(content) {
				last[[3]byte(content[at:])] = at
			}
		}
		list = append(list, m)
	}
	return list
}

// makeReduce packs with methods 2 to 5.
func makeReduce(content []byte, factor uint) []byte {
	most := 1<<(8-factor) - 1
	var coded []byte
	for _, m := range matches(content, reduceShortest+1, most+255+reduceShortest, 1<<(8+factor)) {
		switch {
		case m.length > 0:
			n, d := m.length-reduceShortest, m.distance-1
			coded = append(coded, reduceMark, byte(d>>8<<(8-factor)|min(n, most)))
			if n >= most {
				coded = append(coded, byte(n-most))
			}
			coded = append(coded, byte(d))
		case m.c == reduceMark:
			coded = append(coded, reduceMark, 0)
		default:
			coded = append(coded, m.c)
		}
	}
	var counts [256][256]int
	last := byte(0)
	for _, c := range coded {
		counts[last][c]++
		last = c
	}
	var w bitWriter
	var followers [256][]byte
	for c := 255; c >= 0; c-- {
		for f, n := range counts[c] {
			if n > 1 {
				followers[c] = append(followers[c], byte(f))
			}
		}
		slices.SortStableFunc(followers[c], func(a, b byte) int { return cmp.Compare(counts[c][b], counts[c][a]) })
		followers[c] = followers[c][:min(len(followers[c]), 1+c%32)]
		w.put(len(followers[c]), 6)
		for _, f := range followers[c] {
			w.put(int(f), 8)
		}
	}
	last = 0
	for _, c := range coded {
		set := followers[last]
		last = c
		i := slices.Index(set, c)
		switch {
		case len(set) == 0:
			w.put(int(c), 8)
		case i < 0:
			w.put(1, 1)
			w.put(int(c), 8)
		default:
			w.put(0, 1)
			w.put(i, uint(max(1, bits.Len(uint(len(set)-1)))))
		}
	}
	return w.out
}

// fano is a code of an implode stream: codes by symbol, their highest bit first.
type fano struct{ codes, lengths []int }

// makeFano makes a complete code of random lengths and writes it.
func makeFano(w *bitWriter, r *rand.Rand, symbols int) fano {
	lengths := []int{0} // leaves of a tree that grows
	for len(lengths) < symbols {
		if i := r.IntN(len(lengths)); lengths[i] < 16 {
			lengths[i]++
			lengths = append(lengths, lengths[i])
		}
	}
	r.Shuffle(symbols, func(i, j int) { lengths[i], lengths[j] = lengths[j], lengths[i] })
	var runs []int
	for i := 0; i < symbols; {
		n := 1
		for i+n < symbols && n < 16 && lengths[i+n] == lengths[i] {
			n++
		}
		runs = append(runs, (n-1)<<4|lengths[i]-1)
		i += n
	}
	w.put(len(runs)-1, 8)
	for _, run := range runs {
		w.put(run, 8)
	}
	order := make([]int, symbols)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lengths[a], lengths[b]) })
	f := fano{make([]int, symbols), lengths}
	code, step := 0, 0 // of 16 bits, as 5.3.8 has it
	for _, symbol := range slices.Backward(order) {
		code += step
		step = 1 << (16 - lengths[symbol])
		f.codes[symbol] = code >> (16 - lengths[symbol])
	}
	return f
}

func (f fano) put(w *bitWriter, symbol int) {
	for i := f.lengths[symbol] - 1; i >= 0; i-- {
		w.put(f.codes[symbol]>>i, 1)
	}
}

// makeImplode packs with method 6.
func makeImplode(content []byte, flags uint16, r *rand.Rand) []byte {
	var w bitWriter
	var literals fano
	shortest, low := 2, uint(6)
	if flags&implodeLiterals != 0 {
		shortest = 3
		literals = makeFano(&w, r, 256)
	}
	if flags&implodeLarge != 0 {
		low = 7
	}
	lengths, distances := makeFano(&w, r, 64), makeFano(&w, r, 64)
	for _, m := range matches(content, 3, shortest+implodeLongest+255, 64<<low) {
		switch {
		case m.length > 0:
			w.put(0, 1)
			w.put((m.distance-1)&(1<<low-1), low)
			distances.put(&w, (m.distance-1)>>low)
			n := m.length - shortest
			lengths.put(&w, min(n, implodeLongest))
			if n >= implodeLongest {
				w.put(n-implodeLongest, 8)
			}
		case flags&implodeLiterals != 0:
			w.put(1, 1)
			literals.put(&w, int(m.c))
		default:
			w.put(1, 1)
			w.put(int(m.c), 8)
		}
	}
	return w.out
}

// contents are texts, runs and noise.
func contents() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 60_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 200_000)
	for i := range skewed {
		skewed[i] = byte(r.IntN(1 + r.IntN(256)))
	}
	var words bytes.Buffer
	for words.Len() < 300_000 {
		words.WriteString([]string{"archive ", "of ", "some ", "words\n", "that\x90", "come ", "again ", "and "}[r.IntN(8)])
	}
	return map[string][]byte{"a byte": {1}, "words": words.Bytes(), "zeros": make([]byte, 100_000), "noise": noise, "skewed": skewed,
		"ninety": bytes.Repeat([]byte{reduceMark}, 1000), "far": bytes.Repeat(noise[:3000], 5)}
}
