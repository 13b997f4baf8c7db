package index

import (
	"net/netip"
	"strconv"
	"strings"

	"lazuli/internal/index/query"
)

// anyFeature tells whether fn is true of one of a document's features.
func (e *eval) anyFeature(doc uint32, fn func(*Feature) (bool, error)) (bool, error) {
	var list []byte
	if err := e.one(`SELECT features FROM documents WHERE doc = ?`, []any{doc}, &list); err != nil {
		return false, err
	}
	var values []value
	if err := readValues(list, func(v value) { values = append(values, v) }); err != nil {
		return false, err
	}
	for _, v := range values {
		f, err := e.feature(v)
		if err != nil {
			return false, err
		}
		if yes, err := fn(&f); yes || err != nil {
			return yes, err
		}
	}
	return false, nil
}

// featureMatches tells whether all parts hold of a feature.
func (e *eval) featureMatches(f *Feature, parts []query.Expr) (bool, error) {
	for _, part := range parts {
		yes, err := e.featureMatch(f, part)
		if !yes || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (e *eval) featureMatch(f *Feature, q query.Expr) (bool, error) {
	if or, ok := q.(query.Or); ok {
		for _, part := range or {
			if yes, err := e.featureMatch(f, part); yes || err != nil {
				return yes, err
			}
		}
		return false, nil
	}
	t := q.(*query.Term) // speaksOfFeature
	switch t.Field.Name {
	case "features.name":
		return holds(t, f.Name), nil
	case "features.value":
		return holds(t, f.Value), nil
	case "features.type":
		return holds(t, f.Type), nil
	case "features.label":
		return holds(t, f.Label), nil
	case "features.offset", "features.size", "features.encoded.location":
		return placed(t, f.Offset, f.Length), nil
	case "feature.tag":
		tags, err := e.tags(`feature = ? AND value = ? AND feature <> ''`, f.Name, f.Value)
		for _, tag := range tags {
			if holds(t, tag.Name) {
				return true, nil
			}
		}
		return false, err
	}
	yes := false
	field := t.Field.Name
	if field == partTree {
		field = partPath
	}
	partsOf(f, func(name, text string) {
		if name == field {
			yes = yes || partMatches(t, text)
		}
	})
	return yes, nil
}

// partMatches tells whether a term holds of a part of a value, as partsOf gives it.
func partMatches(t *query.Term, text string) bool {
	if t.Op == query.Exists {
		return true
	}
	switch t.Field.Type {
	case query.Integer, query.Time, query.Size:
		return between(t, keyInteger(text))
	case query.Float:
		return (!t.Min.Set || beyond(floatKey(t.Min.Float), text, t.Min.Open)) && (!t.Max.Set || beyond(text, floatKey(t.Max.Float), t.Max.Open))
	case query.Address:
		if t.Op == query.Range {
			return (!t.Min.Set || beyond(addressKey(t.Min.Addr), text, t.Min.Open)) && (!t.Max.Set || beyond(text, addressKey(t.Max.Addr), t.Max.Open))
		}
		if t.Op == query.Is {
			ip, err := netip.ParseAddr(t.Text)
			return err == nil && addressKey(ip) == text
		}
		return t.Pattern.Match(addressOf(text))
	}
	switch t.Field.Name {
	case partTree, partReversed:
		turn := func(s string) string { return s }
		if t.Field.Name == partReversed {
			turn = reversedPath
		}
		parts := strings.Split(text, "/")
		for n := 1; n <= len(parts); n++ {
			path := turn(strings.Join(parts[:n], "/"))
			want := *t
			want.Text = strings.TrimSuffix(normalPath(t.Text), "/")
			if holds(&want, path) {
				return true
			}
		}
		return false
	}
	return holds(t, text)
}

// beyond tells whether a comes before b, or is it unless open.
func beyond(a, b string, open bool) bool { return a < b || a == b && !open }

// keyInteger is the number of a key.
func keyInteger(key string) int64 {
	n, _ := strconv.ParseUint(key, 16, 64)
	return int64(n ^ 1<<63)
}
