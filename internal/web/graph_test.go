package web

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGraphLayout(t *testing.T) {
	// 0 holds 1 and 2, 1 holds 3, 2 holds 3 as well; 4 holds 3 alone and stands beside 1 and 2.
	g := graph{nodes: make([]graphNode, 5), edges: []graphEdge{{From: 0, To: 1}, {From: 0, To: 2}, {From: 1, To: 3}, {From: 2, To: 3}, {From: 4, To: 3}}}
	at := g.layout()
	for n, column := range []int{0, 1, 1, 2, 1} {
		if at[n].column != column {
			t.Errorf("node %d is in column %d, not %d", n, at[n].column, column)
		}
	}
}

func TestGraphUncrosses(t *testing.T) {
	g := graph{nodes: make([]graphNode, 6), edges: []graphEdge{{From: 0, To: 5}, {From: 1, To: 4}, {From: 2, To: 3}}}
	at := g.layout()
	for _, a := range g.edges {
		for _, b := range g.edges {
			if at[a.From].row < at[b.From].row && at[a.To].row > at[b.To].row {
				t.Errorf("the links %v and %v cross", a, b)
			}
		}
	}
}

// TestGraphOfAnything: circles, loops, doubled links and islands have a picture, in which no two files stand in one place and
// links go to the right wherever there are no circles.
func TestGraphOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "nodes")
		g := graph{nodes: make([]graphNode, n)}
		down := rapid.Bool().Draw(t, "without circles")
		for range rapid.IntRange(0, 80).Draw(t, "links") {
			from, to := rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n-1).Draw(t, "to")
			if down && from >= to {
				continue
			}
			g.edges = append(g.edges, graphEdge{From: from, To: to})
		}
		at := g.layout()
		seen := map[place]bool{}
		for _, p := range at {
			if seen[p] || p.row < 0 || p.column < 0 {
				t.Fatalf("two files, or one outside of the picture, at %v", p)
			}
			seen[p] = true
		}
		for _, e := range g.edges {
			if down && at[e.From].column >= at[e.To].column {
				t.Fatalf("the link %v goes from column %d to %d", e, at[e.From].column, at[e.To].column)
			}
		}
		wellFormed(t, string(g.svg()))
	})
}

func TestGraphEscapes(t *testing.T) {
	nasty := `"><script>alert(1)</script>` + "\u202e\x00&"
	g := graph{nodes: []graphNode{{SHA256: sha("a"), Name: nasty, Format: nasty, Focus: true}, {SHA256: sha("b"), Name: nasty, More: 3}}, edges: []graphEdge{{From: 0, To: 1, Label: nasty}}}
	svg := string(g.svg())
	if strings.Contains(svg, "<script") {
		t.Error(svg)
	}
	wellFormed(t, svg)
}

func wellFormed(t interface{ Fatal(...any) }, svg string) {
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err, svg)
		}
	}
}
