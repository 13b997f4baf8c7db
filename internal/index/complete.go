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
	term, n int64
	docs    []byte
	text    string
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
		names := []string{field.Name}
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		if field.Name == "features.value" {
			if names, err = e.valueFields(); err != nil {
				return err
			}
		} else if !countable(field) || field.Feature == "" && field.Type != query.Text {
			return nil
		}
		var all []candidate
		for _, name := range names {
			found, err := e.candidates(name, prefix, maxCompleted-len(all))
			if err != nil {
				return err
			}
			all = append(all, found...)
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
	var list []candidate
	take := func(limit int) func(scanner) error {
		return func(scan scanner) error {
			var c candidate
			var n *int64
			if err := scan(&c.term, &n, &c.docs, &c.text); err != nil {
				return err
			}
			if !strings.HasPrefix(query.Fold(c.text), folded) || c.text == "" {
				return nil
			}
			if n != nil {
				c.n = *n
			} else if _, err := readSmallSet(c.docs, func(uint32) { c.n++ }); err != nil {
				return err
			}
			list = append(list, c)
			if len(list) >= limit {
				return errEnough
			}
			return nil
		}
	}
	for _, part := range []struct {
		where string
		limit int
	}{
		{`n IS NOT NULL AND text >= ? COLLATE NOCASE AND text < ? COLLATE NOCASE ORDER BY n DESC`, room / 2},
		{`n IS NULL AND text >= ? COLLATE NOCASE AND text < ? COLLATE NOCASE`, room},
	} {
		err := e.rows(`SELECT term, n, docs, text FROM terms WHERE field = ? AND `+part.where, []any{n, ascii(folded), ascii(folded) + "\xff"}, take(part.limit))
		if err != nil && err != errEnough {
			return nil, err
		}
	}
	return list, nil
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
		if cand.docs != nil {
			if _, err := readSmallSet(cand.docs, set.add); err != nil {
				return nil, err
			}
		} else if err := e.addPieces(cand.term, set); err != nil {
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
