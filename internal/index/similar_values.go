package index

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"
)

// maxShared are how many documents share a value that says something.
const maxShared = 20_000

// SimilarFeatures: see Index. A value weighs the logarithm of how few files have it; what more than maxShared documents have does not count.
func (s *SQLite) SimilarFeatures(ctx context.Context, r Reader, sha256 string, limit int) (FeatureMatches, error) {
	m := FeatureMatches{Matches: []FeatureMatch{}}
	limit = min(max(limit, 1), maxHits)
	err := s.see(ctx, r, func(v view) error {
		bin, err := v.file(sha256)
		if err != nil {
			return err
		}
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		e.deadline = time.Now().Add(s.patience.similar)
		values, err := e.sharedValues(bin)
		if err != nil {
			return err
		}
		m.Values = len(values)
		m.Matches, err = e.sharers(bin, values, limit)
		return err
	})
	return m, err
}

// sharedValue is a value of a file, with who found it.
type sharedValue struct {
	*foundTerm
	field   int64
	n       int64 // documents that have it, about
	authors []string
}

// sharedValues lists the distinct values of a file, the rarest first.
func (e *eval) sharedValues(bin int64) ([]sharedValue, error) {
	rows, err := e.documents(bin, false, true)
	if err != nil {
		return nil, err
	}
	authors := map[termKey][]string{}
	for i := range rows {
		err := readValues(rows[i].list, func(v value) {
			k := termKey{v.field, v.text}
			if list := authors[k]; !slices.Contains(list, rows[i].authorName) && len(authors) < maxFeatures {
				authors[k] = append(list, rows[i].authorName)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var list []sharedValue
	for k, names := range authors {
		t, err := e.foundText(k.field, k.text)
		if err != nil {
			return nil, err
		}
		list = append(list, sharedValue{t, k.field, t.count(), names})
	}
	slices.SortFunc(list, func(a, b sharedValue) int {
		return cmp.Or(cmp.Compare(a.n, b.n), termKey{a.field, a.text}.compare(termKey{b.field, b.text}))
	})
	return list, nil
}

// sharers finds the files that have the most of the weight of a file's values.
func (e *eval) sharers(bin int64, values []sharedValue, limit int) ([]FeatureMatch, error) {
	type score struct {
		weight  float64
		authors map[string]int64
	}
	scores := map[int64]*score{}
	total := 0.0
	for _, val := range values {
		weight := math.Log(1 + float64(e.files)/float64(max(val.n, 1)))
		total += weight
		if val.n < 2 || val.n > maxShared || e.tired("values that many files have") {
			continue
		}
		set := newBitset(e.docs)
		if err := val.addTo(set); err != nil {
			return nil, err
		}
		set.and(e.visible)
		seen := map[int64]bool{bin: true}
		for doc := range set.all() {
			other := e.bins.at(doc)
			if seen[other] {
				continue
			}
			seen[other] = true
			s := scores[other]
			if s == nil {
				s = &score{authors: map[string]int64{}}
				scores[other] = s
			}
			s.weight += weight
			for _, name := range val.authors {
				s.authors[name]++
			}
		}
	}
	list := []FeatureMatch{}
	order := make([]int64, 0, len(scores))
	for other := range scores {
		order = append(order, other)
	}
	slices.SortFunc(order, func(a, b int64) int {
		return cmp.Or(cmp.Compare(scores[b].weight, scores[a].weight), cmp.Compare(a, b))
	})
	for _, other := range order[:min(len(order), limit)] {
		s := scores[other]
		sha, err := e.sha256(other)
		if err != nil {
			return nil, err
		}
		m := FeatureMatch{SHA256: sha, Score: s.weight, Percent: 100 * s.weight / total}
		for name, n := range s.authors {
			m.Contributions = append(m.Contributions, ValueCount{name, n})
		}
		slices.SortFunc(m.Contributions, func(a, b ValueCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
		})
		list = append(list, m)
	}
	return list, nil
}
