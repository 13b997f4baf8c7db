package azul

import (
	"context"
	"slices"
	"strings"

	"lazuli/internal/index"
)

// nearbyInput says how wide the graph is.
type nearbyInput struct {
	SHA256Input
	Cousins string `query:"include_cousins" default:"yes" enum:"no,yes_small,yes,yes_large" doc:"how far to go down again from what lies above"`
}

// reach bounds a graph: how many links it may have, and how many steps it goes down from a file above the focus.
type reach struct{ links, down int }

var reaches = map[string]reach{"no": {100, 0}, "yes_small": {100, 1}, "yes": {100, 2}, "yes_large": {250, 4}}

const (
	nearbyRounds = 10 // steps away from the focus
	nearbyWidth  = 30 // links that are read of one file, each way
)

type graph struct {
	Focus string      `json:"id_focus"`
	Links []graphLink `json:"links"`
}

// graphLink is a file and what it came from: a parent, or without one the source that it was submitted to.
type graphLink struct {
	ID     string       `json:"id"`
	Child  string       `json:"child"`
	Parent string       `json:"parent,omitempty"`
	Node   pathNode     `json:"child_node"`
	Source *eventSource `json:"source,omitempty"`
}

func (s *Server) nearby(ctx context.Context, c *call, in *nearbyInput) (graph, error) {
	g := walk{s: s, c: c, reach: reaches[in.Cousins], graph: graph{Focus: strings.ToLower(in.SHA256), Links: []graphLink{}}, seen: map[string]bool{}, sourced: map[string]bool{}}
	if _, _, err := s.Index.Documents(ctx, c.reader, g.Focus, index.DocumentFilter{Limit: 1}); err != nil {
		return graph{}, err
	}
	err := g.run(ctx)
	return g.graph, err
}

// walk goes from the focus up to everything that it came from, down to everything that came from it, and from what lies above
// down again as far as cousins are wanted; the nearest first, until there are enough links.
type walk struct {
	s     *Server
	c     *call
	reach reach
	graph
	seen    map[string]bool // links by ID
	sourced map[string]bool // files whose submissions were looked at
}

// step is a file that the walk comes to. down is how many steps it may still go down from there, up whether it goes up.
type step struct {
	sha  string
	up   bool
	down int
}

func (w *walk) run(ctx context.Context) error {
	round := []step{{w.Focus, true, nearbyRounds}}
	best := map[string]step{w.Focus: round[0]}
	for n := 0; n < nearbyRounds && len(round) > 0; n++ {
		var next []step
		for _, at := range round {
			if w.full() {
				return nil
			}
			around, err := w.visit(ctx, at)
			if err != nil {
				return err
			}
			for _, to := range around {
				if old, there := best[to.sha]; there && (old.up || !to.up) && old.down >= to.down {
					continue
				}
				best[to.sha] = to
				next = append(next, to)
			}
		}
		round = next
	}
	return nil
}

func (w *walk) full() bool { return len(w.Links) >= w.reach.links }

// visit adds the links of a file and returns where they lead.
func (w *walk) visit(ctx context.Context, at step) ([]step, error) {
	if err := w.submissions(ctx, at.sha); err != nil {
		return nil, err
	}
	var next []step
	if at.up {
		page, err := w.s.Index.Parents(ctx, w.c.reader, at.sha, nearbyWidth, "")
		if err != nil {
			return nil, err
		}
		for i := range page.Links {
			l := &page.Links[i]
			node := linkNode(l)
			node.SHA256, node.Filename, node.FileFormat, node.Size, node.Language = at.sha, "", "", 0, ""
			w.add(l.SHA256, at.sha, node)
			next = append(next, step{l.SHA256, true, w.reach.down})
		}
	}
	if at.down > 0 {
		page, err := w.s.Index.Children(ctx, w.c.reader, at.sha, nearbyWidth, "")
		if err != nil {
			return nil, err
		}
		for i := range page.Links {
			l := &page.Links[i]
			w.add(at.sha, l.SHA256, linkNode(l))
			next = append(next, step{l.SHA256, false, at.down - 1})
		}
	}
	return next, nil
}

func (w *walk) add(parent, child string, node pathNode) {
	id := strings.Join([]string{parent, child, node.Author.Category, node.Author.Name, node.Action}, ".")
	if w.full() {
		return
	}
	if w.seen[id] {
		// What was reached from below says nothing of the file; what comes from above does.
		if i := slices.IndexFunc(w.Links, func(l graphLink) bool { return l.ID == id }); w.Links[i].Node.FileFormat == "" {
			w.Links[i].Node = node
		}
		return
	}
	w.seen[id] = true
	w.Links = append(w.Links, graphLink{ID: id, Child: child, Parent: parent, Node: node})
}

// submissions adds where a file was submitted itself.
func (w *walk) submissions(ctx context.Context, sha string) error {
	if w.sourced[sha] {
		return nil
	}
	w.sourced[sha] = true
	list, _, err := w.s.Index.Documents(ctx, w.c.reader, sha, index.DocumentFilter{Actions: []string{"sourced"}, Limit: nearbyWidth})
	if err != nil && err != index.ErrNotFound { // a file may be named and have no document of its own
		return err
	}
	for i := range list {
		d := &list[i]
		w.c.label(d.Label)
		if len(d.Path) == 0 || w.full() {
			continue
		}
		src := sourceOf(d)
		id := strings.Join([]string{src.Track, src.Timestamp, sha}, ".")
		if !w.seen[id] {
			w.seen[id] = true
			w.Links = append(w.Links, graphLink{ID: id, Child: sha, Node: nodeOf(&d.Path[0]), Source: &src})
		}
	}
	return nil
}
