package web

import (
	"net/url"
	"slices"
	"time"

	"lazuli/internal/index/query"
)

// condition asks for files of which a field has exactly a value, as the index writes values; nil when that cannot be asked.
func condition(field, value string) query.Expr {
	f := query.Lookup(field)
	if f == nil {
		return nil
	}
	if f.Type == query.Text || f.Type == query.Hash {
		return &query.Term{Field: f, Op: query.Is, Text: value, Exact: f.Type == query.Text}
	}
	e, err := query.Parse(field+":"+value, time.Now())
	if err != nil {
		return nil
	}
	return e
}

// narrowed joins a query and one more condition. It is e itself if that has the condition already.
func narrowed(e, more query.Expr) query.Expr {
	parts := partsOf(e)
	if slices.ContainsFunc(parts, func(p query.Expr) bool { return p.String() == more.String() }) {
		return e
	}
	return joined(append(parts, more))
}

// partsOf lists conditions that must all hold.
func partsOf(e query.Expr) []query.Expr {
	switch e := e.(type) {
	case query.All:
		return nil
	case query.And:
		return slices.Clone(e)
	}
	return []query.Expr{e}
}

// joined asks for all of some conditions.
func joined(parts []query.Expr) query.Expr {
	switch len(parts) {
	case 0:
		return query.All{}
	case 1:
		return parts[0]
	}
	return query.And(parts)
}

// search is the address of the files that match a query.
func search(e query.Expr) string { return "/search?" + url.Values{"q": {query.Format(e)}}.Encode() }

// searchFor is the address of the files of which a field has a value; "" when that cannot be asked.
func searchFor(field, value string) string {
	c := condition(field, value)
	if c == nil {
		return ""
	}
	return search(c)
}

// pivotTo is the address of the page of values that files have in common; names and values alternate.
func pivotTo(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add("f", pairs[i])
		v.Add("v", pairs[i+1])
	}
	return "/pivot?" + v.Encode()
}
