package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds on a pivot that says none.
const (
	pivotFiles  = 10_000
	pivotValues = 10
)

// Pivot: see Index.
func (s *SQLite) Pivot(ctx context.Context, r Reader, values []NameValue, o PivotOptions) (Pivot, error) {
	if o.Files <= 0 {
		o.Files = pivotFiles
	}
	if o.Values <= 0 {
		o.Values = pivotValues
	}
	p := Pivot{Features: []PivotFeature{}}
	err := s.see(ctx, r, func(v view) error {
		e, err := v.evaluate()
		if err != nil || len(values) == 0 {
			return err
		}
		files := e.all.clone()
		asked := map[string]bool{}
		for _, val := range values {
			docs, err := e.withText(valueField(val.Name), val.Value)
			if err != nil {
				return err
			}
			docs.and(e.visible)
			files.and(e.project(docs))
			asked[val.Name] = true
		}
		p.Files = files.count()
		if p.Files > int64(o.Files) {
			p.Partial = fmt.Sprintf("of %d files the newest %d", p.Files, o.Files)
		}
		places, err := e.first(files, SearchOptions{Order: ByNewest}, nil, o.Files)
		if err != nil {
			return err
		}
		counts, err := e.valuesOf(places, &p)
		if err != nil {
			return err
		}
		return e.pivotFeatures(counts, asked, o.Values, &p)
	})
	return p, err
}

// valuesOf counts, for each value, how many of the files have it.
func (e *eval) valuesOf(places []place, p *Pivot) (map[termKey]int64, error) {
	counts := map[termKey]int64{}
	seen := map[termKey]int64{} // the last file that had it
	deadline := time.Now().Add(e.s.patience.pivot)
	for i, at := range places {
		if time.Now().After(deadline) {
			p.Partial = fmt.Sprintf("of %d files the newest %d, because of the time", p.Files, i)
			break
		}
		err := e.rows(`SELECT doc, features FROM documents WHERE bin = ?`, []any{at.bin}, func(scan scanner) error {
			var doc int64
			var list []byte
			if err := scan(&doc, &list); err != nil || !e.visible.has(uint32(doc)) {
				return err
			}
			return readValues(list, func(v value) {
				k := termKey{v.field, v.text}
				if seen[k] != at.bin {
					seen[k] = at.bin
					counts[k]++
				}
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// pivotFeatures takes the most frequent values of each feature that is not asked for and that at least two files share.
func (e *eval) pivotFeatures(counts map[termKey]int64, asked map[string]bool, size int, p *Pivot) error {
	byField := map[int64][]ValueCount{}
	for k, n := range counts {
		if n >= 2 {
			byField[k.field] = append(byField[k.field], ValueCount{k.text, n})
		}
	}
	for field, values := range byField {
		name, err := e.fieldName(field)
		if err != nil {
			return err
		}
		f := PivotFeature{Name: strings.TrimPrefix(name, featuresMap)}
		if asked[f.Name] {
			continue
		}
		slices.SortFunc(values, func(a, b ValueCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
		})
		f.Values = values[:min(len(values), size)]
		p.Features = append(p.Features, f)
	}
	slices.SortFunc(p.Features, func(a, b PivotFeature) int { return strings.Compare(a.Name, b.Name) })
	return nil
}
