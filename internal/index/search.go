package index

import (
	"container/heap"
	"context"
	"encoding/base64"
	"fmt"

	"lazuli/internal/index/query"
)

// Search: see Index.
func (s *SQLite) Search(ctx context.Context, r Reader, q query.Expr, o SearchOptions) (SearchPage, error) {
	if o.Order == "" {
		o.Order = ByNewest
	}
	from, err := parseCursor(o)
	if err != nil {
		return SearchPage{}, err
	}
	limit := max(1, min(o.Limit, maxHits))
	var page SearchPage
	err = s.see(ctx, r, func(v view) error {
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		files, err := e.find(q)
		if err != nil {
			return err
		}
		if o.Total {
			n := files.count()
			page.Total = &n
		}
		places, err := e.first(files, o, from, limit+1)
		if err != nil {
			return err
		}
		if len(places) > limit {
			places = places[:limit]
			page.Next = places[limit-1].cursor(o)
		}
		bins := make([]int64, len(places))
		for i, at := range places {
			bins[i] = at.bin
		}
		if page.Hits, err = v.hits(bins); err != nil {
			return err
		}
		if len(o.Facets) > 0 {
			if page.Facets, err = e.facets(files, o.Facets, o.FacetSize); err != nil {
				return err
			}
		}
		page.Partial = e.partial
		return nil
	})
	if err != nil {
		return SearchPage{}, err
	}
	return page, nil
}

// Count: see Index.
func (s *SQLite) Count(ctx context.Context, r Reader, q query.Expr) (n int64, err error) {
	err = s.see(ctx, r, func(v view) error {
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		files, err := e.find(q)
		n = files.count()
		return err
	})
	return n, err
}

// place is a place in the order of hits: a time and a file. New files come before every place, so that pages do not shift.
type place struct{ at, bin int64 }

// before tells whether a comes before b.
func (a place) before(b place, ascending bool) bool {
	if ascending {
		a, b = b, a
	}
	return a.at > b.at || a.at == b.at && a.bin > b.bin
}

func (a place) cursor(o SearchOptions) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s %t %d %d", o.Order, o.Ascending, a.at, a.bin))
}

func parseCursor(o SearchOptions) (*place, error) {
	if o.Order != ByNewest && o.Order != BySubmitted {
		return nil, fmt.Errorf("there is no order %q", o.Order)
	}
	if o.Cursor == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(o.Cursor)
	if err != nil {
		return nil, ErrCursor
	}
	var p place
	var order Order
	var ascending bool
	if n, err := fmt.Sscanf(string(raw), "%s %t %d %d", &order, &ascending, &p.at, &p.bin); n != 4 || err != nil || order != o.Order || ascending != o.Ascending {
		return nil, ErrCursor
	}
	return &p, nil
}

// places is a heap with the last place on top.
type places struct {
	list      []place
	ascending bool
}

func (p *places) Len() int           { return len(p.list) }
func (p *places) Less(i, j int) bool { return p.list[j].before(p.list[i], p.ascending) }
func (p *places) Swap(i, j int)      { p.list[i], p.list[j] = p.list[j], p.list[i] }
func (p *places) Push(x any)         { p.list = append(p.list, x.(place)) }
func (p *places) Pop() any {
	last := p.list[len(p.list)-1]
	p.list = p.list[:len(p.list)-1]
	return last
}

// first returns the first files behind a place, in order.
func (e *eval) first(files bitset, o SearchOptions, from *place, n int) ([]place, error) {
	columns := e.lastSeen
	if o.Order == BySubmitted {
		columns = nil
		for label, l := range e.labels {
			if !l.visible {
				continue
			}
			c, err := e.column(fileColumn(label, fileSubmitted))
			if err != nil {
				return nil, err
			}
			columns = append(columns, c)
		}
	}
	top := places{ascending: o.Ascending}
	words := chunkSize / 64
	last := (len(files) + words - 1) / words
	for i := range last {
		chunk := i
		if !o.Ascending {
			chunk = last - 1 - i // what came last is the newest, mostly; chunks that are older as a whole are passed over then
		}
		newest := int64(0)
		for _, c := range columns {
			if chunk < len(c.chunks) {
				newest = max(newest, c.chunks[chunk].max)
			}
		}
		if !o.Ascending && len(top.list) == n && newest < top.list[0].at {
			continue
		}
		for at := range files[chunk*words : min(len(files), (chunk+1)*words)].all() {
			p := place{bin: int64(chunk<<chunkBits) + int64(at)}
			for _, c := range columns {
				p.at = max(p.at, c.at(uint32(p.bin)))
			}
			if from != nil && !from.before(p, o.Ascending) {
				continue
			}
			switch {
			case len(top.list) < n:
				heap.Push(&top, p)
			case p.before(top.list[0], o.Ascending):
				top.list[0] = p
				heap.Fix(&top, 0)
			}
		}
	}
	list := make([]place, len(top.list))
	for i := len(list) - 1; i >= 0; i-- {
		list[i] = heap.Pop(&top).(place)
	}
	return list, nil
}
