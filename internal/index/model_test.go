package index_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// TestModel applies random batches and asks random queries, as readers of random labels, beside a model that looks at every document each time.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("LAZULI_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("LAZULI_SEED=%d", seed)
	m := &model{rng: rand.New(rand.NewPCG(seed, 0)), docs: map[string]index.Document{}}
	s := open(t, newPath(t))
	s.HaveTime()
	defer s.Close()
	defer func() { // whatever went wrong: damage says more than a wrong answer
		if err := s.Verify(context.Background(), func(fault string) { t.Error(fault) }); err != nil {
			t.Error(err)
		}
	}()
	// Many of one kind first, so that terms go over pieces and rows of their own.
	for range 3 {
		m.apply(t, s, 3000)
	}
	for step := range 20 {
		m.apply(t, s, 1+m.rng.IntN(30))
		for range 3 {
			m.compare(t, s, step)
		}
	}
}

type model struct {
	rng  *rand.Rand
	next int
	docs map[string]index.Document // by ID
}

var modelLabels = []string{"A", "B", "C"}

func (m *model) pick(n int) string { return strconv.Itoa(m.rng.IntN(n)) }

func (m *model) document(id string) index.Document {
	m.next++
	sha := fmt.Sprintf("%064x", m.rng.IntN(400)+1)
	d := index.Document{ID: id, SHA256: sha, Position: "t/0/1", Action: []string{"sourced", "extracted", "enriched"}[m.rng.IntN(3)], Label: modelLabels[m.rng.IntN(3)],
		Author: index.Author{Name: "author" + m.pick(4)}, Timestamp: time.Unix(int64(m.next), 0).UTC(), SourceName: "source" + m.pick(3), SourceTimestamp: time.Unix(int64(m.next), 0).UTC(),
		Path: []index.PathNode{{SHA256: sha, Filename: "name" + m.pick(200)}}}
	for range m.rng.IntN(5) {
		switch m.rng.IntN(3) {
		case 0:
			d.Features = append(d.Features, index.Feature{Name: "f" + m.pick(3), Type: "string", Value: "V" + m.pick(50)})
		case 1:
			d.Features = append(d.Features, index.Feature{Name: "f" + m.pick(3), Type: "string", Value: "v" + m.pick(5)})
		case 2:
			d.Features = append(d.Features, index.Feature{Name: "n", Type: "integer", Value: strconv.Itoa(m.rng.IntN(40) - 20)})
		}
	}
	return d
}

func (m *model) apply(t *testing.T, s *index.SQLite, n int) {
	t.Helper()
	var b index.Batch
	for range n {
		id := m.pick(12_000)
		if m.rng.IntN(8) == 0 {
			b.Documents = append(b.Documents, index.Document{ID: id})
			delete(m.docs, id)
			continue
		}
		d := m.document(id)
		b.Documents = append(b.Documents, d)
		m.docs[id] = d
	}
	if err := s.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// term makes a random term, and what it says of a document.
func (m *model) term() (string, func(*index.Document) bool) {
	feature := func(yes func(*index.Feature) bool) func(*index.Document) bool {
		return func(d *index.Document) bool {
			return slices.ContainsFunc(d.Features, func(f index.Feature) bool { return yes(&f) })
		}
	}
	switch m.rng.IntN(9) {
	case 0:
		name := "author" + m.pick(4)
		return "author.name:" + name, func(d *index.Document) bool { return d.Author.Name == name }
	case 1:
		name := "source" + m.pick(3)
		return "source.name:" + name, func(d *index.Document) bool { return d.SourceName == name }
	case 2:
		value := "v" + m.pick(50)
		return "features.value:" + value, feature(func(f *index.Feature) bool { return strings.EqualFold(f.Value, value) })
	case 3:
		value := "V" + m.pick(50)
		return `features_map.f1:"` + value + `"`, feature(func(f *index.Feature) bool { return f.Name == "f1" && f.Value == value })
	case 4:
		prefix := "v" + m.pick(5)
		return "features_map.f0:" + prefix + "*", feature(func(f *index.Feature) bool {
			return f.Name == "f0" && strings.HasPrefix(strings.ToLower(f.Value), prefix)
		})
	case 5:
		low := m.rng.IntN(40) - 20
		return fmt.Sprintf("features.enriched.integer:>%d", low), feature(func(f *index.Feature) bool {
			n, err := strconv.Atoi(f.Value)
			return f.Type == "integer" && err == nil && n > low
		})
	case 6:
		name := "name" + m.pick(200)
		return "filename:" + name, func(d *index.Document) bool { return d.Path[0].Filename == name }
	case 7:
		after := 10 + m.rng.IntN(m.next) // in milliseconds, and four digits would be a year
		return fmt.Sprintf("timestamp:>=%d", int64(after)*1000), func(d *index.Document) bool { return d.Timestamp.Unix() >= int64(after) }
	}
	sha := fmt.Sprintf("%064x", m.rng.IntN(400)+1)
	return "sha256:" + sha[:1+m.rng.IntN(63)] + "*", nil
}

// expression makes a random query and what it says of the documents of one file.
func (m *model) expression(depth int) (string, func([]*index.Document) bool) {
	if depth == 0 || m.rng.IntN(3) == 0 {
		for {
			text, yes := m.term()
			if yes == nil {
				continue
			}
			if m.rng.IntN(4) == 0 {
				other, also := m.term()
				if also != nil {
					return text + " DOCAND " + other, func(docs []*index.Document) bool {
						return slices.ContainsFunc(docs, func(d *index.Document) bool { return yes(d) && also(d) && m.together(d, text, other) })
					}
				}
			}
			return text, func(docs []*index.Document) bool { return slices.ContainsFunc(docs, yes) }
		}
	}
	a, x := m.expression(depth - 1)
	b, y := m.expression(depth - 1)
	switch m.rng.IntN(3) {
	case 0:
		return "(" + a + ") AND (" + b + ")", func(docs []*index.Document) bool { return x(docs) && y(docs) }
	case 1:
		return "(" + a + ") OR (" + b + ")", func(docs []*index.Document) bool { return x(docs) || y(docs) }
	}
	return "NOT (" + a + ")", func(docs []*index.Document) bool { return !x(docs) }
}

// together: two terms on features.* must hold of one feature. The only such pairs here are value and integer.
func (m *model) together(d *index.Document, a, b string) bool {
	ofFeature := func(text string) func(*index.Feature) bool {
		if value, ok := strings.CutPrefix(text, "features.value:"); ok {
			return func(f *index.Feature) bool { return strings.EqualFold(f.Value, value) }
		}
		if low, ok := strings.CutPrefix(text, "features.enriched.integer:>"); ok {
			return func(f *index.Feature) bool {
				n, err := strconv.Atoi(f.Value)
				l, _ := strconv.Atoi(low)
				return f.Type == "integer" && err == nil && n > l
			}
		}
		return nil
	}
	x, y := ofFeature(a), ofFeature(b)
	return x == nil || y == nil || slices.ContainsFunc(d.Features, func(f index.Feature) bool { return x(&f) && y(&f) })
}

func (m *model) compare(t *testing.T, s *index.SQLite, step int) {
	t.Helper()
	text, yes := m.expression(3)
	q, err := query.Parse(text, time.Now())
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	seen := map[string]bool{}
	for _, l := range modelLabels {
		seen[l] = m.rng.IntN(3) > 0
	}
	files := map[string][]*index.Document{}
	for _, d := range m.docs {
		if seen[d.Label] {
			files[d.SHA256] = append(files[d.SHA256], &d)
		}
	}
	var want []string
	newest := map[string]time.Time{}
	for sha, docs := range files {
		if yes(docs) {
			want = append(want, sha)
			for _, d := range docs {
				if d.Timestamp.After(newest[sha]) {
					newest[sha] = d.Timestamp
				}
			}
		}
	}
	slices.SortFunc(want, func(a, b string) int { return newest[b].Compare(newest[a]) })
	r := index.Reader{See: func(l string) bool { return seen[l] }}
	var got []string
	for cursor := ""; ; {
		page, err := s.Search(t.Context(), r, q, index.SearchOptions{Limit: 100, Cursor: cursor})
		if err != nil || page.Partial != "" {
			t.Fatal(text, page.Partial, err)
		}
		for _, h := range page.Hits {
			got = append(got, h.SHA256)
			if !h.LastSeen.Equal(newest[h.SHA256]) {
				t.Errorf("%s: %s is of %v, want %v", text, h.SHA256, h.LastSeen, newest[h.SHA256])
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("step %d, labels %v: %s\nfinds %d files, want %d\nas %s", step, seen, text, len(got), len(want), q)
	}
	page, err := s.Search(t.Context(), r, q, index.SearchOptions{Limit: 1, Facets: []string{"source.name", "features.name"}, FacetSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i, value := range []func(*index.Document) []string{
		func(d *index.Document) []string { return []string{d.SourceName} },
		func(d *index.Document) []string {
			var names []string
			for _, f := range d.Features {
				names = append(names, f.Name)
			}
			return names
		},
	} {
		counts := map[string]int64{}
		for _, sha := range want {
			once := map[string]bool{}
			for _, d := range files[sha] {
				for _, v := range value(d) {
					once[v] = true
				}
			}
			for v := range once {
				counts[v]++
			}
		}
		for _, v := range page.Facets[i].Values {
			if counts[v.Value] != v.Count {
				t.Fatalf("%s: facet %s %s: %d, want %d", text, page.Facets[i].Field, v.Value, v.Count, counts[v.Value])
			}
			delete(counts, v.Value)
		}
		if len(counts) > 0 {
			t.Fatalf("%s: facet %s lacks %v", text, page.Facets[i].Field, counts)
		}
	}
}
