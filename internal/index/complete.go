package index

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"lazuli/internal/index/query"
)

// maxCompleted is how many values are looked at for a completion: of more the rare ones may be missing.
const maxCompleted = 5_000

// candidate is a term that may be offered.
type candidate struct {
	*foundTerm
	n int64
}

// Complete: see Index.
func (s *SQLite) Complete(ctx context.Context, r Reader, field *query.Field, prefix string, limit int) ([]ValueCount, error) {
	list := []ValueCount{}
	limit = min(max(limit, 1), 1000)
	err := s.see(ctx, r, func(v view) error {
		if field.Name == "binary.tag" || field.Name == "feature.tag" {
			var err error
			list, err = v.completeTag(field.Name == "binary.tag", prefix, limit)
			return err
		}
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		if !countable(field) || field.Feature == "" && field.Type != query.Text {
			return nil
		}
		all, err := e.candidates(field.Name, prefix, maxCompleted)
		if err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.text, b.text)) })
		list, err = e.countCandidates(all, limit)
		return err
	})
	return list, err
}

// candidates are terms of a field that begin with a text: those that many documents have, and others as there is room.
func (e *eval) candidates(field, prefix string, room int) ([]candidate, error) {
	n, err := e.field(field)
	if err != nil || n == 0 || room <= 0 {
		return nil, err
	}
	folded := query.Fold(prefix)
	begins := func(text string) bool { return text != "" && strings.HasPrefix(query.Fold(text), folded) }
	frequent, err := e.frequentTerms(n, ascii(folded))
	if err != nil {
		return nil, err
	}
	var texts []string
	for text := range frequent {
		if begins(text) {
			texts = append(texts, text)
		}
	}
	slices.SortFunc(texts, func(a, b string) int { return cmp.Or(cmp.Compare(frequent[b], frequent[a]), strings.Compare(a, b)) })
	var list []candidate
	for _, text := range texts[:min(len(texts), room/2)] {
		t, err := e.foundText(n, text)
		if err != nil {
			return nil, err
		}
		list = append(list, candidate{t, t.count()})
	}
	err = e.eachTerm(n, beginningWith(ascii(folded)), false, func(t *foundTerm) error {
		if _, ok := frequent[t.text]; ok || !begins(t.text) {
			return nil
		}
		if list = append(list, candidate{t, t.count()}); len(list) >= room {
			return errEnough
		}
		return nil
	})
	return list, err
}

// countCandidates counts the files of candidates, which come with the most documents first, until no other can have as many.
func (e *eval) countCandidates(all []candidate, limit int) ([]ValueCount, error) {
	c := e.counter(nil)
	counts := map[string]int64{}
	least := func() int64 { return 0 }
	for i, cand := range all {
		if len(counts) >= limit {
			if least() >= cand.n || i >= 4*limit || e.tired("values") {
				break
			}
		}
		set := newBitset(e.docs)
		if err := cand.addTo(set); err != nil {
			return nil, err
		}
		if n := c.count(set, e.visible); n > 0 {
			counts[cand.text] += n
		}
		least = func() int64 {
			values := make([]int64, 0, len(counts))
			for _, n := range counts {
				values = append(values, n)
			}
			slices.SortFunc(values, func(a, b int64) int { return cmp.Compare(b, a) })
			return values[min(limit, len(values))-1]
		}
	}
	list := []ValueCount{}
	for text, n := range counts {
		list = append(list, ValueCount{text, n})
	}
	slices.SortFunc(list, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	return list[:min(len(list), limit)], nil
}

// completeTag offers names of tags, with how many files or values have them.
func (v view) completeTag(files bool, prefix string, limit int) ([]ValueCount, error) {
	where := `feature <> ''`
	if files {
		where = `sha256 <> ''`
	}
	tags, err := v.tags(where)
	if err != nil {
		return nil, err
	}
	things := map[string]map[NameValue]bool{}
	for _, t := range tags {
		if !strings.HasPrefix(query.Fold(t.Name), query.Fold(prefix)) {
			continue
		}
		if things[t.Name] == nil {
			things[t.Name] = map[NameValue]bool{}
		}
		things[t.Name][NameValue{t.SHA256 + t.Feature, t.Value}] = true
	}
	list := []ValueCount{}
	for name, of := range things {
		list = append(list, ValueCount{name, int64(len(of))})
	}
	slices.SortFunc(list, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	return list[:min(len(list), limit)], nil
}
