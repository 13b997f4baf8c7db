package lzhuftest

import (
	"math/rand/v2"

	"lazuli/plugins/unbox/huffman/huffmantest"
)

// node is one of an adaptive tree. Where LHA has arrays, this has pointers, so that the two are alike in what they do alone.
type node struct {
	count       int
	parent      *node
	left, right *node // nil for a leaf
	symbol      int
	place       int // in the tree's list
}

// tree has its nodes in the order of their counts, the root at the end.
type tree struct {
	list   []*node
	leaves []*node
}

func newTree(symbols int) *tree {
	t := &tree{}
	for s := range symbols {
		n := &node{count: 1, symbol: s}
		t.leaves = append(t.leaves, n)
		t.list = append(t.list, n)
	}
	for i := 0; len(t.list) < 2*symbols-1; i += 2 {
		t.list = append(t.list, above(t.list[i], t.list[i+1]))
	}
	t.number()
	return t
}

func above(a, b *node) *node {
	n := &node{count: a.count + b.count, left: a, right: b}
	a.parent, b.parent = n, n
	return n
}

func (t *tree) number() {
	for i, n := range t.list {
		n.place = i
	}
}

// code is the way from the root to a symbol.
func (t *tree) code(symbol int) (bits []int) {
	for n := t.leaves[symbol]; n.parent != nil; n = n.parent {
		bit := 0
		if n.parent.right == n {
			bit = 1
		}
		bits = append([]int{bit}, bits...)
	}
	return bits
}

func (t *tree) seen(symbol int) {
	root := t.list[len(t.list)-1]
	if root.count == 0x8000 {
		t.rebuild()
	}
	for n := t.leaves[symbol]; n != nil; n = n.parent {
		last := n.place
		for last+1 < len(t.list) && t.list[last+1].count == n.count {
			last++
		}
		n.count++
		other := t.list[last]
		if other == n || other == n.parent {
			continue
		}
		t.exchange(n, other)
	}
}

// exchange lets two nodes change places, with all below them.
func (t *tree) exchange(a, b *node) {
	pa, pb := a.parent, b.parent
	aIsLeft, bIsLeft := pa.left == a, pb.left == b
	if aIsLeft {
		pa.left = b
	} else {
		pa.right = b
	}
	if bIsLeft {
		pb.left = a
	} else {
		pb.right = a
	}
	a.parent, b.parent = pb, pa
	t.list[a.place], t.list[b.place] = b, a
	a.place, b.place = b.place, a.place
}

// rebuild halves all counts.
func (t *tree) rebuild() {
	var list []*node
	for _, n := range t.list {
		if n.left == nil {
			n.count = (n.count + 1) / 2
			list = append(list, n)
		}
	}
	for i := 0; len(list) < len(t.list); i += 2 {
		n := above(list[i], list[i+1])
		at := len(list)
		for at > 0 && list[at-1].count > n.count {
			at--
		}
		list = append(list, nil)
		copy(list[at+1:], list[at:])
		list[at] = n
	}
	t.list = list
	t.number()
}

// LH1 compresses for -lh1-.
func LH1(data []byte, seed uint64) []byte {
	spaces := make([]byte, 100)
	for i := range spaces {
		spaces[i] = ' '
	}
	var lens []uint8
	for bits, n := range map[uint8]int{3: 1, 4: 3, 5: 8, 6: 12, 7: 24, 8: 16} {
		for range n {
			lens = append(lens, bits)
		}
	}
	for i := range lens { // sorted
		for j := range i {
			if lens[j] > lens[i] {
				lens[i], lens[j] = lens[j], lens[i]
			}
		}
	}
	codes := huffmantest.Codes(lens)
	w, t := &writer{}, newTree(314)
	for _, tok := range tokens(spaces, data, 4096, 60, rand.New(rand.NewPCG(seed, 15))) {
		symbol := int(tok.literal)
		if tok.length > 0 {
			symbol = 256 + tok.length - 3
		}
		for _, bit := range t.code(symbol) {
			w.put(bit, 1)
		}
		t.seen(symbol)
		if tok.length > 0 {
			upper := (tok.distance - 1) >> 6
			w.put(int(codes[upper]), int(lens[upper]))
			w.put((tok.distance-1)&63, 6)
		}
	}
	return w.end()
}
