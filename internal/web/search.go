package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/api/notes"
	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// searchData is the page of a search.
type searchData struct {
	Mistake    *mistake // nothing was looked for
	Conditions []activeCondition
	Total      int64
	Hits       []index.Hit
	Partial    string
	Next       string // address of the next page
	Orders     []link
	Exports    []link
	Facets     []facet
	Query      string
	Order      index.Order
	Ascending  bool
	Saved      []savedSearch
	Alone      []alone // when nothing matches all conditions
}

// alone is a condition and how many files match it without the others.
type alone struct {
	activeCondition
	Count   int64
	Address string
}

// link is an address with a name for it.
type link struct {
	Name, Address string
	Current       bool
}

// activeCondition is a part of the query, and the address of the search without it.
type activeCondition struct{ Text, Without string }

// facet is the most frequent values of a field among the hits.
type facet struct {
	Name   string
	Field  string
	Values []facetValue
	Approx bool
}

type facetValue struct {
	Value           string // as it is shown
	Count           int64
	Narrow, Exclude string // addresses
}

// savedSearch is one with its address, and what its order is called if it is not the usual one.
type savedSearch struct {
	notes.Search
	Address   string
	OrderName string
}

// mistake is a query that cannot be read, cut around the place where that shows.
type mistake struct {
	Before, At, Behind string
	Column             int
	Text               string
}

// facetFields are those that are counted beside the hits. Tags are counted by the page: see tagFacet.
var facetFields = []struct{ field, name string }{
	{"file_format", "Format"}, {"source.name", "Source"}, {"features.name", "Features"}, {"author.name", "Author"}, {"action", "Action"}, {"depth", "Depth"},
}

const (
	searchPageSize = 50
	facetSize      = 8
	countedValues  = 24 // of each field, among which are some that say nothing
	maxAlone       = 10
	tagPatience    = 150 * time.Millisecond // for the tags that are counted one by one
)

// asked is what the address of a search says.
type asked struct {
	q         string
	order     index.Order
	ascending bool
	cursor    string
}

// askedIn reads the parameters of an address, or the fields of a form.
func askedIn(v url.Values) asked {
	return asked{q: v.Get("q"), order: orderOf(v.Get("order")), ascending: v.Get("ascending") != "", cursor: v.Get("cursor")}
}

func orderOf(text string) index.Order {
	if text == string(index.BySubmitted) {
		return index.BySubmitted
	}
	return index.ByNewest
}

// address is where the search is shown.
func (a asked) address() string {
	v := url.Values{}
	for name, value := range map[string]string{"q": a.q, "cursor": a.cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if a.order != index.ByNewest {
		v.Set("order", string(a.order))
	}
	if a.ascending {
		v.Set("ascending", "1")
	}
	if len(v) == 0 {
		return "/search"
	}
	return "/search?" + v.Encode()
}

// with is the first page of another query in the same order.
func (a asked) with(e query.Expr) string {
	a.q, a.cursor = query.Format(e), ""
	return a.address()
}

func (w *Web) search(rw http.ResponseWriter, r *http.Request) {
	a := askedIn(r.URL.Query())
	d := searchData{Query: a.q, Order: a.order, Ascending: a.ascending}
	var err error
	if d.Saved, err = w.saved(r.Context()); err != nil {
		w.failed(rw, r, err)
		return
	}
	code := http.StatusOK
	expr, err := query.Parse(a.q, time.Now())
	if err == nil {
		err = w.find(r.Context(), a, expr, &d)
	}
	var bad *query.Error
	switch {
	case errors.As(err, &bad):
		code, d.Mistake = http.StatusBadRequest, mistakeOf(a.q, bad)
	case err != nil:
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, code, "search", view{Title: "Search", Query: a.q, Data: d})
}

func (w *Web) find(ctx context.Context, a asked, expr query.Expr, d *searchData) error {
	var fields []string
	for _, f := range facetFields {
		fields = append(fields, f.field)
	}
	page, err := w.api.Index.Search(ctx, w.api.Reader(ctx), expr,
		index.SearchOptions{Limit: searchPageSize, Cursor: a.cursor, Order: a.order, Ascending: a.ascending, Total: true, Facets: fields, FacetSize: countedValues})
	if err != nil {
		return err
	}
	d.Hits, d.Partial = page.Hits, page.Partial
	if page.Total != nil {
		d.Total = *page.Total
	}
	if page.Next != "" {
		next := a
		next.cursor = page.Next
		d.Next = next.address()
	}
	parts := partsOf(expr)
	for i, p := range parts {
		d.Conditions = append(d.Conditions, activeCondition{query.Format(p), a.with(joined(slices.Delete(slices.Clone(parts), i, i+1)))})
	}
	if len(d.Hits) == 0 && a.cursor == "" {
		if err := w.countAlone(ctx, a, parts, d); err != nil {
			return err
		}
	}
	d.Orders = ordersOf(a)
	for _, format := range []string{"ndjson", "csv"} {
		d.Exports = append(d.Exports, link{Name: strings.ToUpper(format), Address: "/api/v1/search/export?" + url.Values{"q": {a.q}, "format": {format}}.Encode()})
	}
	for i, f := range page.Facets {
		d.add(a, expr, facetFields[i].name, f)
	}
	tags, err := w.tagFacet(ctx, expr)
	if err != nil {
		return err
	}
	d.add(a, expr, "Tag", tags)
	return nil
}

// countAlone tells of conditions which together match nothing what each matches alone.
func (w *Web) countAlone(ctx context.Context, a asked, parts []query.Expr, d *searchData) error {
	if len(parts) < 2 || len(parts) > maxAlone {
		return nil
	}
	for i, p := range parts {
		n, err := w.api.Index.Count(ctx, w.api.Reader(ctx), p)
		if err != nil {
			return err
		}
		d.Alone = append(d.Alone, alone{d.Conditions[i], n, a.with(p)})
	}
	return nil
}

// add adds a facet that has values.
func (d *searchData) add(a asked, expr query.Expr, name string, counted index.Facet) {
	f := facet{Name: name, Field: counted.Field, Approx: counted.Approx}
	for _, v := range d.telling(counted) {
		if c := condition(counted.Field, v.Value); c != nil && v.Value != "" {
			f.Values = append(f.Values, facetValue{facetText(counted.Field, v.Value), v.Count, a.with(narrowed(expr, c)), a.with(narrowed(expr, query.Not{Expr: c}))})
		}
	}
	if len(f.Values) > 0 {
		d.Facets = append(d.Facets, f)
	}
}

// telling picks the values of a facet that are shown: of features none that all files have, unless there are only such.
func (d *searchData) telling(f index.Facet) []index.ValueCount {
	list := slices.Clone(f.Values)
	if f.Field == "features.name" && !f.Approx {
		all := func(v index.ValueCount) bool { return v.Count == d.Total }
		if some := slices.DeleteFunc(slices.Clone(list), all); len(some) > 0 {
			list = some
		}
	}
	list = list[:min(len(list), facetSize)]
	if f.Field == "depth" {
		slices.SortFunc(list, func(x, y index.ValueCount) int {
			return cmp.Or(cmp.Compare(len(x.Value), len(y.Value)), cmp.Compare(x.Value, y.Value)) // numbers
		})
	}
	return list
}

// facetText says a value in words where it is a number that one must know.
func facetText(field, value string) string {
	switch {
	case field != "depth":
		return value
	case value == "0":
		return "submitted"
	case value == "1":
		return "1 level inside"
	}
	return value + " levels inside"
}

// tagFacet counts the tags of the hits, those first that most files have; as many as can be counted in a short time.
func (w *Web) tagFacet(ctx context.Context, expr query.Expr) (index.Facet, error) {
	f := index.Facet{Field: "binary.tag"}
	all, err := w.api.Index.FileTagCounts(ctx, w.api.Reader(ctx))
	if err != nil {
		return f, err
	}
	slices.SortStableFunc(all, func(x, y index.ValueCount) int { return cmp.Compare(y.Count, x.Count) })
	for begun := time.Now(); len(all) > 0 && len(f.Values) < facetSize; all = all[1:] {
		if time.Since(begun) > tagPatience {
			f.Approx = true
			break
		}
		n, err := w.api.Index.Count(ctx, w.api.Reader(ctx), narrowed(expr, condition(f.Field, all[0].Value)))
		if err != nil {
			return f, err
		}
		if n > 0 {
			f.Values = append(f.Values, index.ValueCount{Value: all[0].Value, Count: n})
		}
	}
	return f, nil
}

// orders are those in which hits are shown, the usual one first.
var orders = []struct {
	name      string
	order     index.Order
	ascending bool
}{{"newest", index.ByNewest, false}, {"oldest", index.ByNewest, true}, {"submitted last", index.BySubmitted, false}, {"submitted first", index.BySubmitted, true}}

func ordersOf(a asked) []link {
	var list []link
	for _, o := range orders {
		to := asked{q: a.q, order: o.order, ascending: o.ascending}
		list = append(list, link{o.name, to.address(), o.order == a.order && o.ascending == a.ascending})
	}
	return list
}

// mistakeOf cuts a query at the column of an error.
func mistakeOf(q string, err *query.Error) *mistake {
	m := &mistake{Before: q, Column: err.Column, Text: err.Message}
	if err.Want != "" {
		m.Text += "; expected " + err.Want
	}
	n := 1
	for i := range q {
		if n == err.Column {
			_, size := utf8.DecodeRuneInString(q[i:])
			m.Before, m.At, m.Behind = q[:i], q[i:i+size], q[i+size:]
			break
		}
		n++
	}
	return m
}

func (w *Web) saved(ctx context.Context) ([]savedSearch, error) {
	list, err := w.api.SavedSearches(ctx)
	var out []savedSearch
	for _, s := range list {
		a := asked{q: s.Query, order: orderOf(s.Order), ascending: s.Ascending}
		one := savedSearch{Search: s, Address: a.address()}
		for _, o := range orders[1:] {
			if o.order == a.order && o.ascending == a.ascending {
				one.OrderName = o.name
			}
		}
		out = append(out, one)
	}
	return out, err
}

// saveSearch keeps a search, from a form, and shows it.
func (w *Web) saveSearch(rw http.ResponseWriter, r *http.Request) {
	form, ok := w.form(rw, r)
	if !ok {
		return
	}
	name := strings.TrimSpace(form.Get("name"))
	if name == "" || utf8.RuneCountInString(name) > 100 {
		w.problem(rw, r, http.StatusBadRequest, "A saved search needs a name of at most 100 characters.")
		return
	}
	a := askedIn(form)
	if err := w.api.SaveSearch(r.Context(), name, a.q, a.order, a.ascending); err != nil {
		w.refused(rw, r, err)
		return
	}
	http.Redirect(rw, r, a.address(), http.StatusSeeOther)
}

// forgetSearch removes a saved search, from a form, and goes back to the page that it was on.
func (w *Web) forgetSearch(rw http.ResponseWriter, r *http.Request) {
	form, ok := w.form(rw, r)
	if !ok {
		return
	}
	if err := w.api.ForgetSearch(r.Context(), form.Get("name")); err != nil {
		w.refused(rw, r, err)
		return
	}
	http.Redirect(rw, r, askedIn(form).address(), http.StatusSeeOther)
}

// form reads a form. When it cannot be read it answers itself.
func (w *Web) form(rw http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(rw, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		w.problem(rw, r, http.StatusBadRequest, "The form cannot be read.")
		return nil, false
	}
	return r.PostForm, true
}

// refused shows an error that REST has for the reader.
func (w *Web) refused(rw http.ResponseWriter, r *http.Request, err error) {
	var known huma.StatusError
	if errors.As(err, &known) {
		w.problem(rw, r, known.GetStatus(), known.Error())
		return
	}
	w.failed(rw, r, err)
}

// help shows the query language on a page.
func (w *Web) help(rw http.ResponseWriter, r *http.Request) {
	var list []*query.Field
	for _, f := range query.Fields() {
		if !f.Hidden {
			list = append(list, f)
		}
	}
	w.render(rw, r, http.StatusOK, "help", view{Title: "How to search", Data: list})
}
