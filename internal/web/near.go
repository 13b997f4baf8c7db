package web

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"lazuli/internal/api/azul"
	"lazuli/internal/index"
)

// near is the files that a file came from and that came from it, as many as are shown.
type near struct {
	Inside, FoundIn                      []index.Link
	Sources                              []index.Source
	MoreInside, MoreFoundIn, MoreSources int
	Names                                map[string]string // of containers and of what was submitted, by SHA-256
}

const (
	shownLinks   = 20 // and as many names of containers are read
	shownSources = 8
	allNamed     = 200 // names that are read when all links are shown
	drawnLinks   = 8   // of one file, on its page; its graph has more
)

// nearOf picks what is shown: of what is inside a file that first which runs.
func nearOf(b *index.Binary, all bool) near {
	n := near{Inside: slices.Clone(b.Children), FoundIn: b.Parents, Sources: b.Sources}
	slices.SortStableFunc(n.Inside, func(x, y index.Link) int { return cmp.Compare(harmless(x.FileFormat), harmless(y.FileFormat)) })
	if all {
		return n
	}
	n.MoreInside, n.MoreFoundIn, n.MoreSources = max(len(n.Inside)-shownLinks, 0), max(len(n.FoundIn)-shownLinks, 0), max(len(n.Sources)-shownSources, 0)
	n.Inside, n.FoundIn, n.Sources = n.Inside[:len(n.Inside)-n.MoreInside], n.FoundIn[:len(n.FoundIn)-n.MoreFoundIn], n.Sources[:len(n.Sources)-n.MoreSources]
	return n
}

// harmless orders formats: programs, scripts, documents and containers, what is neither, and what only shows or sounds.
func harmless(format string) int {
	kind, _, _ := strings.Cut(format, "/")
	switch kind {
	case "executable", "installer", "android", "ios", "java":
		return 0
	case "code", "python":
		return 1
	case "document", "archive":
		return 2
	case "text", "image", "audio", "video", "audiovisual", "resource", "font", "metadata", "meta":
		return 4
	}
	return 3
}

// nameNear reads the names of the containers and of what was submitted.
func (w *Web) nameNear(ctx context.Context, n *near) error {
	n.Names = map[string]string{}
	var list []string
	add := func(sha256 string) {
		if !slices.Contains(list, sha256) && len(list) < allNamed {
			list = append(list, sha256)
		}
	}
	for i := range n.FoundIn {
		add(n.FoundIn[i].SHA256)
	}
	for i := range n.Sources {
		if n.Sources[i].Depth > 0 {
			add(n.Sources[i].Root)
		}
	}
	hits, err := w.api.Index.Hits(ctx, w.api.Reader(ctx), list)
	for i := range hits {
		if len(hits[i].Filenames) > 0 {
			n.Names[hits[i].SHA256] = hits[i].Filenames[0]
		}
	}
	return err
}

// graphData is the page of a graph.
type graphData struct {
	SHA256, Name string
	Graph        template.HTML
}

func (w *Web) graphPage(rw http.ResponseWriter, r *http.Request) {
	b, ok := w.binary(rw, r)
	if !ok {
		return
	}
	svg, err := w.drawNearby(r.Context(), b.SHA256, true)
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, http.StatusOK, "graph", view{Title: "Around " + clean(nameOf(b)), Live: b.SHA256, Data: graphData{b.SHA256, nameOf(b), svg}})
}

// drawNearby draws the files from which a file came and that came from it; with cousins also what else came from the former.
func (w *Web) drawNearby(ctx context.Context, sha256 string, cousins bool) (template.HTML, error) {
	ties, err := w.api.Azul(ctx).Nearby(ctx, sha256, cousins)
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return "", err
	}
	if !cousins {
		ties = fewer(ties, sha256)
	}
	var g graph
	at := map[string]int{}
	var list []string
	node := func(sha string) int {
		if n, ok := at[sha]; ok {
			return n
		}
		at[sha] = len(g.nodes)
		g.nodes = append(g.nodes, graphNode{SHA256: sha, Focus: sha == sha256})
		list = append(list, sha)
		return at[sha]
	}
	drawn := map[[2]int]int{} // parent and child → edge
	inside := map[int]int{}
	for i := range ties {
		t := &ties[i]
		e := graphEdge{From: node(t.Parent), To: node(t.Child), Label: relationship(t.Relationship) + " (" + t.Author + ")"}
		if n := &g.nodes[e.To]; n.Name == "" {
			n.Name, n.Format = t.Filename, t.Format
		}
		if old, there := drawn[[2]int{e.From, e.To}]; there {
			g.edges[old].Label += "; " + e.Label
			continue
		}
		drawn[[2]int{e.From, e.To}] = len(g.edges)
		inside[e.From]++
		g.edges = append(g.edges, e)
	}
	hits, err := w.api.Index.Hits(ctx, w.api.Reader(ctx), list)
	if err != nil {
		return "", err
	}
	for i := range hits {
		n, h := &g.nodes[at[hits[i].SHA256]], &hits[i]
		if n.Name == "" && len(h.Filenames) > 0 {
			n.Name = h.Filenames[0]
		}
		if n.Format == "" {
			n.Format = h.FileFormat
		}
		n.More = max(h.Children-inside[at[h.SHA256]], 0)
	}
	return g.svg(), nil
}

// fewer keeps, of the files inside each container, those that are the least harmless, and as many of the containers of each file; and nothing
// that does not hang together with the file in the middle.
func fewer(ties []azul.Tie, middle string) []azul.Tie {
	order := make([]int, len(ties))
	for i := range order {
		order[i] = i
	}
	rank := func(t *azul.Tie) int {
		if t.Child == middle {
			return -1
		}
		return harmless(t.Format)
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(rank(&ties[x]), rank(&ties[y])) })
	keep := make([]bool, len(ties))
	inside, around := map[string]int{}, map[string]int{}
	for _, i := range order {
		t := &ties[i]
		if keep[i] = inside[t.Parent] < drawnLinks && around[t.Child] < drawnLinks; keep[i] {
			inside[t.Parent]++
			around[t.Child]++
		}
	}
	reached := map[string]bool{middle: true}
	for again := true; again; {
		again = false
		for i := range ties {
			if t := &ties[i]; keep[i] && reached[t.Parent] != reached[t.Child] {
				reached[t.Parent], reached[t.Child], again = true, true, true
			}
		}
	}
	var list []azul.Tie
	for i := range ties {
		if keep[i] && reached[ties[i].Parent] {
			list = append(list, ties[i])
		}
	}
	return list
}
