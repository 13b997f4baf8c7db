package index

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"lazuli/internal/index/query"
)

// errEnough ends a scan.
var errEnough = errors.New("enough")

// documentsBy narrows what is visible to documents of an author and a version; "" is any.
func (e *eval) documentsBy(author, version string) (bitset, error) {
	within := e.visible
	for _, part := range []NameValue{{"author.name", author}, {"author.version", version}} {
		if part.Value == "" {
			continue
		}
		docs, err := e.withText(part.Name, part.Value)
		if err != nil {
			return nil, err
		}
		docs.and(within)
		within = docs
	}
	return within, nil
}

// maxUndeclared is of how many features that no plugin declares the type is read from a document.
const maxUndeclared = 1000

// FeatureNames: see Index.
func (s *SQLite) FeatureNames(ctx context.Context, r Reader, author, version string) ([]FeatureSummary, error) {
	list := []FeatureSummary{}
	err := s.see(ctx, r, func(v view) error {
		all := map[string]*FeatureSummary{}
		get := func(name string) *FeatureSummary {
			if all[name] == nil {
				all[name] = &FeatureSummary{Name: name, Descriptions: []FeatureDescription{}, Tags: []string{}, Labels: []string{}}
			}
			return all[name]
		}
		if err := v.declared(get, author, version); err != nil {
			return err
		}
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		within, err := e.documentsBy(author, version)
		if err != nil {
			return err
		}
		field, err := e.field("features.name")
		if err != nil {
			return err
		}
		var undeclared []*foundTerm
		err = v.eachTerm(field, allTexts, false, func(t *foundTerm) error {
			some, err := t.someIn(within)
			if some && get(t.text).Type == "" && len(undeclared) < maxUndeclared {
				undeclared = append(undeclared, t)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, t := range undeclared {
			if all[t.text].Type, err = e.typeOf(t.text, t, within); err != nil {
				return err
			}
		}
		tags, err := v.tags(`feature <> ''`)
		if err != nil {
			return err
		}
		for _, t := range tags {
			if f := all[t.Feature]; f != nil && !slices.Contains(f.Tags, t.Name) {
				f.Tags = append(f.Tags, t.Name)
			}
		}
		for _, f := range all {
			list = append(list, *f)
		}
		slices.SortFunc(list, func(a, b FeatureSummary) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
	return list, err
}

// declared adds what registered plugins say of features: the type is what the newest says.
func (v view) declared(get func(string) *FeatureSummary, author, version string) error {
	var plugins []Plugin
	err := v.rows(`SELECT label, registration FROM plugins ORDER BY name, version`, nil, func(scan scanner) error {
		var label int64
		var text []byte
		if err := scan(&label, &text); err != nil || !v.labels[label].visible {
			return err
		}
		p, err := pluginOf(text)
		plugins = append(plugins, p)
		return err
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(plugins, func(a, b Plugin) int { return a.Registered.Compare(b.Registered) })
	for i := range plugins {
		p := &plugins[i]
		if author != "" && p.Name != author || version != "" && p.Version != version {
			continue
		}
		for _, f := range p.Features {
			s := get(f.Name)
			s.Type = f.Type
			s.Descriptions = append(s.Descriptions, FeatureDescription{Category: p.Category, Author: p.Name, Version: p.Version, Time: p.Registered, Type: f.Type, Text: f.Description})
			if p.Security != "" && !slices.Contains(s.Labels, p.Security) {
				s.Labels = append(s.Labels, p.Security)
				slices.Sort(s.Labels)
			}
		}
	}
	return nil
}

// CountValues: see Index.
func (s *SQLite) CountValues(ctx context.Context, r Reader, name, author, version string) (n int64, err error) {
	err = s.see(ctx, r, func(v view) error {
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		within, err := e.documentsBy(author, version)
		if err != nil {
			return err
		}
		return e.eachValue(name, within, ValueOptions{}, func(*foundTerm) error {
			n++
			return nil
		})
	})
	return n, err
}

// eachValue calls fn with the values of a feature that a document within has, in order, until it returns errEnough.
func (e *eval) eachValue(name string, within bitset, o ValueOptions, fn func(*foundTerm) error) error {
	field, err := e.field(valueField(name))
	if err != nil || field == 0 {
		return err
	}
	accept := func(string) bool { return true }
	if contains := o.Contains; contains != "" && o.AnyCase {
		contains = query.Fold(contains)
		accept = func(text string) bool { return strings.Contains(query.Fold(text), contains) }
	} else if contains != "" {
		accept = func(text string) bool { return strings.Contains(text, contains) }
	}
	texts := allTexts
	if o.After != "" && o.Descending {
		texts.upTo = fold(o.After)
	} else if o.After != "" {
		texts.from = fold(o.After)
	}
	return e.eachTerm(field, texts, o.Descending, func(t *foundTerm) error {
		if o.After != "" {
			if order := compareTexts(t.text, o.After); order == 0 || order > 0 == o.Descending {
				return nil
			}
		}
		if !accept(t.text) {
			return nil
		}
		some, err := t.someIn(within)
		if err != nil || !some {
			return err
		}
		return fn(t)
	})
}

// FeatureValues: see Index.
func (s *SQLite) FeatureValues(ctx context.Context, r Reader, name string, o ValueOptions) (ValuePage, error) {
	page := ValuePage{Values: []FeatureValue{}}
	limit := min(max(o.Limit, 1), maxFeatures)
	err := s.see(ctx, r, func(v view) error {
		declared := &FeatureSummary{}
		if err := v.declared(func(of string) *FeatureSummary {
			if of == name {
				return declared
			}
			return &FeatureSummary{}
		}, "", ""); err != nil {
			return err
		}
		page.Type = declared.Type
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		within, err := e.documentsBy(o.Author, o.Version)
		if err != nil {
			return err
		}
		var found []*foundTerm
		err = e.eachValue(name, within, o, func(t *foundTerm) error {
			if len(found) == limit {
				page.Next = found[limit-1].text
				return errEnough
			}
			found = append(found, t)
			return nil
		})
		if err != nil {
			return err
		}
		times, err := v.column(columnTime)
		if err != nil {
			return err
		}
		if page.Type == "" && len(found) > 0 {
			if page.Type, err = e.typeOf(name, found[0], within); err != nil {
				return err
			}
		}
		for _, t := range found {
			value := FeatureValue{Value: t.text}
			if value.Newest, err = e.newest(t, within, times); err != nil {
				return err
			}
			if value.Tags, err = v.tags(`feature = ? AND value = ? AND feature <> ''`, name, t.text); err != nil {
				return err
			}
			page.Values = append(page.Values, value)
		}
		return e.countValues(&page, name, within, o)
	})
	return page, err
}

// typeOf is the type of a feature in the last document within that has a value or the name of it, which t is: for features that no plugin
// declares.
func (e *eval) typeOf(name string, t *foundTerm, within bitset) (string, error) {
	last := int64(-1)
	for i := len(t.docs) - 1; i >= 0 && last < 0; i-- {
		err := t.docs[i].each(func(doc uint32) {
			if within.has(doc) {
				last = int64(doc)
			}
		})
		if err != nil {
			return "", err
		}
	}
	if last < 0 {
		return "", nil
	}
	field, err := e.field(valueField(name))
	if err != nil {
		return "", err
	}
	var list []byte
	if err := e.one(`SELECT features FROM documents WHERE doc = ?`, []any{last}, &list); err != nil {
		return "", err
	}
	var word int64
	err = readValues(list, func(val value) {
		if val.field == field && (val.text == t.text || word == 0) {
			word = val.typ
		}
	})
	if err != nil {
		return "", err
	}
	return e.word(word)
}

// newest is the time of the newest document with a value. Of one that very many have it is that of the newest among those that came last.
func (e *eval) newest(t *foundTerm, within bitset, times column) (time.Time, error) {
	newest, n := int64(0), 0
	for i := len(t.docs) - 1; i >= 0 && (n <= pieceSize || newest == 0); i-- {
		err := t.docs[i].each(func(doc uint32) {
			n++
			if within.has(doc) {
				newest = max(newest, times.at(doc))
			}
		})
		if err != nil {
			return time.Time{}, err
		}
	}
	return moment(newest), nil
}

// countValues counts all values that match, as far as there is time.
func (e *eval) countValues(page *ValuePage, name string, within bitset, o ValueOptions) error {
	o.After = ""
	n := 0
	return e.eachValue(name, within, o, func(*foundTerm) error {
		if n++; n%256 == 0 && e.tired("values of a feature") {
			page.Approx = true
			return errEnough
		}
		page.Total++
		return nil
	})
}
