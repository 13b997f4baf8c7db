// Package huffmantest makes canonical Huffman codes for the encoders of tests.
package huffmantest

import "sort"

// Lengths are lengths of codes, none longer than most bits, for symbols that are used so often. A code of one symbol gets a
// second one, because not every decoder takes a code that is not complete.
func Lengths(counts []int, most int) []uint8 {
	lens := make([]uint8, len(counts))
	type node struct {
		count       int
		left, right int // -1 for a leaf
		symbol      int
	}
	var nodes []node
	for symbol, n := range counts {
		if n > 0 {
			nodes = append(nodes, node{n, -1, -1, symbol})
		}
	}
	switch len(nodes) {
	case 0:
		return lens
	case 1:
		lens[nodes[0].symbol] = 1
		lens[(nodes[0].symbol+1)%len(lens)] = 1
		return lens
	}
	for {
		queue := make([]int, len(nodes))
		for i := range queue {
			queue[i] = i
		}
		tree := append([]node(nil), nodes...)
		for len(queue) > 1 {
			sort.SliceStable(queue, func(i, j int) bool { return tree[queue[i]].count > tree[queue[j]].count })
			a, b := queue[len(queue)-1], queue[len(queue)-2]
			tree = append(tree, node{tree[a].count + tree[b].count, a, b, -1})
			queue = append(queue[:len(queue)-2], len(tree)-1)
		}
		deepest := 0
		var walk func(i, depth int)
		walk = func(i, depth int) {
			if tree[i].left < 0 {
				lens[tree[i].symbol] = uint8(min(depth, 255))
				deepest = max(deepest, depth)
				return
			}
			walk(tree[i].left, depth+1)
			walk(tree[i].right, depth+1)
		}
		walk(queue[0], 0)
		if deepest <= most {
			return lens
		}
		for i := range nodes { // flatter counts make a flatter tree
			nodes[i].count = nodes[i].count/2 + 1
		}
	}
}

// Codes are the canonical codes of the lengths.
func Codes(lens []uint8) []uint32 {
	codes := make([]uint32, len(lens))
	next := uint32(0)
	for n := uint8(1); n <= 16; n++ {
		for symbol, l := range lens {
			if l == n {
				codes[symbol] = next
				next++
			}
		}
		next <<= 1
	}
	return codes
}
