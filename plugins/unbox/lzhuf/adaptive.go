package lzhuf

import (
	"io"

	"lazuli/plugins/unbox/huffman"
)

const (
	lh1Symbols = 256 + 60 - minMatch + 1 // literals, and lengths up to 60
	lh1Nodes   = 2*lh1Symbols - 1
	lh1Root    = lh1Nodes - 1
	mostCount  = 0x8000 // all counts are halved when the root has this
)

// NewLH1 decompresses -lh1- of LHA.
func NewLH1(r io.Reader, size int64) *Reader {
	a := &adaptive{}
	a.begin()
	lens := make([]uint8, 0, 64)
	for _, group := range []struct{ symbols, bits int }{{1, 3}, {3, 4}, {8, 5}, {12, 6}, {24, 7}, {16, 8}} {
		for range group.symbols {
			lens = append(lens, uint8(group.bits))
		}
	}
	if err := a.distances.Build(lens); err != nil {
		panic(err) // it is always the same
	}
	return newReader(r, size, 12, a, spaces)
}

// adaptive is a tree that changes with each symbol, as both sides count them; upper bits of distances have a fixed code. Nodes are in
// the order of their counts, two siblings beside one another.
type adaptive struct {
	count     [lh1Nodes + 1]int
	child     [lh1Nodes]int              // the first of two, or lh1Nodes + symbol for a leaf
	parent    [lh1Nodes + lh1Symbols]int // of nodes and, behind them, of symbols
	distances huffman.Table
}

// begin makes a tree in which all symbols were seen once.
func (a *adaptive) begin() {
	for i := range lh1Symbols {
		a.count[i] = 1
		a.child[i] = lh1Nodes + i
		a.parent[lh1Nodes+i] = i
	}
	for i, node := 0, lh1Symbols; node <= lh1Root; i, node = i+2, node+1 {
		a.count[node] = a.count[i] + a.count[i+1]
		a.child[node] = i
		a.parent[i], a.parent[i+1] = node, node
	}
	a.count[lh1Nodes] = 1 << 30 // nothing goes beyond this
	a.parent[lh1Root] = -1
}

func (a *adaptive) token(b *bits) (token, error) {
	node := a.child[lh1Root]
	for node < lh1Nodes {
		node = a.child[node+b.read(1)]
	}
	if err := b.verdict(); err != nil {
		return token{}, err
	}
	symbol := node - lh1Nodes
	a.seen(symbol)
	if symbol < 256 {
		return token{literal: byte(symbol)}, nil
	}
	upper, n := a.distances.Decode(b.peek16())
	b.skip(n)
	return token{length: symbol - 256 + minMatch, distance: upper<<6 + b.read(6) + 1}, nil
}

// seen counts a symbol and all above it. A node that overtakes others changes places with the last of them.
func (a *adaptive) seen(symbol int) {
	if a.count[lh1Root] >= mostCount {
		a.rebuild()
	}
	for node := a.parent[lh1Nodes+symbol]; node >= 0; node = a.parent[node] {
		a.count[node]++
		last := node
		for a.count[last+1] < a.count[node] {
			last++
		}
		if last == node {
			continue
		}
		a.count[node], a.count[last] = a.count[last], a.count[node]
		a.child[node], a.child[last] = a.child[last], a.child[node]
		a.adopt(node)
		a.adopt(last)
		node = last
	}
}

// adopt tells the children of a node where it is.
func (a *adaptive) adopt(node int) {
	c := a.child[node]
	a.parent[c] = node
	if c < lh1Nodes {
		a.parent[c+1] = node
	}
}

// rebuild halves the counts of all symbols and makes the tree anew.
func (a *adaptive) rebuild() {
	n := 0
	for i := range lh1Nodes {
		if a.child[i] >= lh1Nodes {
			a.count[n] = (a.count[i] + 1) / 2
			a.child[n] = a.child[i]
			n++
		}
	}
	for i := 0; n < lh1Nodes; i, n = i+2, n+1 {
		count := a.count[i] + a.count[i+1]
		at := n // behind all that have as much
		for at > 0 && count < a.count[at-1] {
			at--
		}
		copy(a.count[at+1:n+1], a.count[at:n])
		copy(a.child[at+1:n+1], a.child[at:n])
		a.count[at], a.child[at] = count, i
	}
	for i := range lh1Nodes {
		a.adopt(i)
	}
	a.parent[lh1Root] = -1
}
