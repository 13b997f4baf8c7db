package web

import (
	"net/http"
	"slices"
	"strings"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// pivotData is what the files that share some values have in common beyond them.
type pivotData struct {
	Values   []pivotValue
	Files    int64
	Search   string // address of those files
	Features []pivotFeature
	Partial  string
}

type pivotValue struct {
	index.NameValue
	Tags    []string
	Without string // address of the page without it; "" if it is the only one
	Here    string // address of this page
}

type pivotFeature struct {
	Name   string
	Values []pivotStep
}

// pivotStep is a value of another feature, with the address of what those files have in common that have it, too.
type pivotStep struct {
	Value  string
	Count  int64
	Narrow string
}

// maxPivots is how many values may be asked for at once.
const maxPivots = 20

func (w *Web) pivot(rw http.ResponseWriter, r *http.Request) {
	names, values := r.URL.Query()["f"], r.URL.Query()["v"]
	if len(names) == 0 || len(names) != len(values) || len(names) > maxPivots {
		w.problem(rw, r, http.StatusBadRequest, "The address names no values of features, or too many.")
		return
	}
	var asked []index.NameValue
	var pairs []string
	var parts []query.Expr
	for i := range names {
		asked = append(asked, index.NameValue{Name: names[i], Value: values[i]})
		pairs = append(pairs, names[i], values[i])
		if c := condition("features_map."+names[i], values[i]); c != nil {
			parts = append(parts, c)
		}
	}
	ctx := r.Context()
	got, err := w.api.Index.Pivot(ctx, w.api.Reader(ctx), asked, index.PivotOptions{})
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	d := pivotData{Files: got.Files, Partial: got.Partial, Search: search(joined(parts))}
	for i, v := range asked {
		tags, err := w.api.Index.ValueTags(ctx, w.api.Reader(ctx), "", v.Name)
		if err != nil {
			w.failed(rw, r, err)
			return
		}
		value := pivotValue{NameValue: v, Tags: tagsOfValue(tags, v.Value), Here: pivotTo(pairs...)}
		if len(asked) > 1 {
			value.Without = pivotTo(slices.Delete(slices.Clone(pairs), 2*i, 2*i+2)...)
		}
		d.Values = append(d.Values, value)
	}
	for _, f := range got.Features {
		step := pivotFeature{Name: f.Name}
		for _, v := range f.Values {
			step.Values = append(step.Values, pivotStep{v.Value, v.Count, pivotTo(append(slices.Clone(pairs), f.Name, v.Value)...)})
		}
		d.Features = append(d.Features, step)
	}
	w.render(rw, r, http.StatusOK, "pivot", view{Title: "Pivot", Data: d})
}

// tagValue puts a tag on a value or takes it off, from a form, and goes back to the page that it was on.
func (w *Web) tagValue(rw http.ResponseWriter, r *http.Request) {
	form, ok := w.form(rw, r)
	if !ok {
		return
	}
	change := w.api.Azul(r.Context()).TagValue
	if form.Get("remove") != "" {
		change = w.api.Azul(r.Context()).UntagValue
	}
	feature, value := form.Get("f"), form.Get("v")
	if feature == "" {
		w.problem(rw, r, http.StatusBadRequest, "The form names no feature.")
		return
	}
	if err := change(r.Context(), feature, value, strings.TrimSpace(form.Get("tag"))); err != nil {
		w.refused(rw, r, err)
		return
	}
	back := form.Get("back")
	if !strings.HasPrefix(back, "/pivot?") { // nowhere else
		back = pivotTo(feature, value)
	}
	http.Redirect(rw, r, back, http.StatusSeeOther)
}
