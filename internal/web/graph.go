package web

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// graph is files and the links between them, to be drawn from left, the outermost containers, to right.
type graph struct {
	nodes []graphNode
	edges []graphEdge
}

// graphNode is one file.
type graphNode struct {
	SHA256, Name, Format string
	Focus                bool // the file that the picture is about
	More                 int  // links that are not drawn
}

// graphEdge goes from a container to what is in it; both are positions in nodes.
type graphEdge struct {
	From, To int
	Label    string // the relationship
}

// Sizes of the drawing, in SVG units, which are CSS pixels at full size.
const (
	nodeWidth  = 190
	nodeHeight = 40
	nodeGapX   = 70
	nodeGapY   = 12
	graphEdgeX = 8 // around everything
)

// place is where a node stands: its column, and its place in it from the top.
type place struct{ column, row int }

// layout places nodes in layers, so that links go to the right, and orders each column so that few of them cross (Sugiyama,
// Tagawa, Toda 1981; with barycentres). A link that would close a circle does not count.
func (g *graph) layout() []place {
	out := make([][]int, len(g.nodes))
	in := make([][]int, len(g.nodes))
	for _, e := range g.forward() {
		out[e.From] = append(out[e.From], e.To)
		in[e.To] = append(in[e.To], e.From)
	}
	at := make([]place, len(g.nodes))
	waits := make([]int, len(g.nodes))
	var ready []int
	for i := range g.nodes {
		if waits[i] = len(in[i]); waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		n := ready[0]
		ready = ready[1:]
		for _, to := range out[n] {
			at[to].column = max(at[to].column, at[n].column+1)
			if waits[to]--; waits[to] == 0 {
				ready = append(ready, to)
			}
		}
	}
	g.pull(at, in, out)
	columns := g.columns(at)
	for sweep := range 6 {
		neighbours, order := in, columns
		if sweep%2 == 1 {
			neighbours, order = out, slices.Clone(columns)
			slices.Reverse(order)
		}
		for _, column := range order {
			sortByNeighbours(column, neighbours, at)
		}
	}
	return at
}

// pull moves nodes without containers next to what they contain: two archives that hold one file stand beside it, however deep the
// rest goes.
func (g *graph) pull(at []place, in, out [][]int) {
	for n := range g.nodes {
		if len(in[n]) > 0 || len(out[n]) == 0 {
			continue
		}
		nearest := at[out[n][0]].column
		for _, to := range out[n] {
			nearest = min(nearest, at[to].column)
		}
		at[n].column = nearest - 1
	}
}

// columns lists the nodes of each column, and numbers them.
func (g *graph) columns(at []place) [][]int {
	var columns [][]int
	for n := range g.nodes {
		for len(columns) <= at[n].column {
			columns = append(columns, nil)
		}
		at[n].row = len(columns[at[n].column])
		columns[at[n].column] = append(columns[at[n].column], n)
	}
	return columns
}

// sortByNeighbours orders a column by the middle of each node's neighbours on one side.
func sortByNeighbours(column []int, neighbours [][]int, at []place) {
	middle := make(map[int]float64, len(column))
	for _, n := range column {
		middle[n] = float64(at[n].row)
		if list := neighbours[n]; len(list) > 0 {
			sum := 0
			for _, other := range list {
				sum += at[other].row
			}
			middle[n] = float64(sum) / float64(len(list))
		}
	}
	slices.SortStableFunc(column, func(a, b int) int { return cmp.Compare(middle[a], middle[b]) })
	for row, n := range column {
		at[n].row = row
	}
}

// forward lists the links without those that lead back to where one came from.
func (g *graph) forward() []graphEdge {
	out := make([][]graphEdge, len(g.nodes))
	for _, e := range g.edges {
		out[e.From] = append(out[e.From], e)
	}
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(g.nodes))
	var list []graphEdge
	type step struct{ node, next int }
	for root := range g.nodes { // without recursion: chains may be long
		if state[root] != unseen {
			continue
		}
		state[root] = open
		for stack := []step{{root, 0}}; len(stack) > 0; {
			top := &stack[len(stack)-1]
			if top.next == len(out[top.node]) {
				state[top.node] = done
				stack = stack[:len(stack)-1]
				continue
			}
			e := out[top.node][top.next]
			top.next++
			if state[e.To] == open {
				continue
			}
			list = append(list, e)
			if state[e.To] == unseen {
				state[e.To] = open
				stack = append(stack, step{e.To, 0})
			}
		}
	}
	return list
}

// svg draws the graph; nothing when there are no links. Names come from files: they are cleaned and escaped.
func (g *graph) svg() template.HTML {
	if len(g.edges) == 0 {
		return ""
	}
	at := g.layout()
	tallest, widest := 0, 0
	rows := map[int]int{}
	for _, p := range at {
		rows[p.column] = max(rows[p.column], p.row+1)
		tallest, widest = max(tallest, rows[p.column]), max(widest, p.column+1)
	}
	x := func(n int) int { return graphEdgeX + at[n].column*(nodeWidth+nodeGapX) }
	y := func(n int) int { // columns are centred
		return graphEdgeX + (2*at[n].row+tallest-rows[at[n].column])*(nodeHeight+nodeGapY)/2
	}
	width := 2*graphEdgeX + widest*(nodeWidth+nodeGapX) - nodeGapX
	height := 2*graphEdgeX + tallest*(nodeHeight+nodeGapY) - nodeGapY
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="graph" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%d files and %d links between them">`,
		width, height, width, height, len(g.nodes), len(g.edges))
	for _, e := range g.edges {
		fx, fy, tx, ty := x(e.From)+nodeWidth, y(e.From)+nodeHeight/2, x(e.To), y(e.To)+nodeHeight/2
		bend := max(nodeGapX/2, (tx-fx)/2)
		fmt.Fprintf(&b, `<path class="edge" d="M%d %dC%d %d %d %d %d %d"><title>%s</title></path>`, fx, fy, fx+bend, fy, tx-bend, ty, tx, ty, escaped(e.Label, 300))
	}
	for n := range g.nodes {
		g.nodes[n].draw(&b, x(n), y(n))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func (n *graphNode) draw(b *strings.Builder, x, y int) {
	class := "node " + family(n.Format)
	if n.Focus {
		class += " focus"
	}
	name := n.Name
	if name == "" {
		name = shorten(n.SHA256, 16)
	}
	below := n.Format
	if n.More > 0 {
		below = fmt.Sprintf("%s  +%d more", below, n.More)
	}
	fmt.Fprintf(b, `<a href="/file/%s"><g class="%s" transform="translate(%d %d)"><title>%s</title><rect width="%d" height="%d" rx="8"/><rect class="side" width="5" height="%d" rx="2"/>`,
		template.HTMLEscapeString(n.SHA256), class, x, y, escaped(n.Name+" "+n.SHA256, 400), nodeWidth, nodeHeight, nodeHeight)
	fmt.Fprintf(b, `<text x="14" y="17">%s</text><text class="below" x="14" y="32">%s</text></g></a>`, escaped(name, 26), escaped(below, 30))
}

// family is the kind of a format, for its colour: the part before the first slash, if it is one of those that have a colour.
func family(format string) string {
	kind, _, _ := strings.Cut(format, "/")
	switch kind {
	case "executable", "archive", "document", "image", "text", "code":
		return kind
	}
	return "other"
}

func escaped(text string, n int) string { return template.HTMLEscapeString(shorten(clean(text), n)) }
