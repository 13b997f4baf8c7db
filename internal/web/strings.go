package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"lazuli/internal/inspect"
)

// codings are those in which strings are looked for.
func codings() []string {
	return []string{inspect.UTF8.String(), inspect.UTF16LE.String(), inspect.UTF16BE.String()}
}

type stringsData struct {
	SHA256, Name string
	Min          string
	Filter       string
	Regex        string
	Coding       string
	Meant        bool // noise is left out
	Found        []foundString
	Next         string // address of the next page
	TimeOut      bool
	Problem      string
}

type foundString struct {
	inspect.String
	Address string // in the hex page
}

const takeStrings = 500

// strings shows the strings of a file.
func (w *Web) strings(rw http.ResponseWriter, r *http.Request) {
	b, src, ok := w.content(rw, r)
	if !ok {
		return
	}
	q := r.URL.Query()
	d := stringsData{SHA256: b.SHA256, Name: nameOf(b), Min: q.Get("min"), Filter: q.Get("filter"), Regex: q.Get("regex"), Coding: q.Get("coding"), Meant: q.Get("meant") != ""}
	query := inspect.StringsQuery{Take: takeStrings, Filter: d.Filter, Regex: d.Regex, NoNoise: d.Meant}
	var err error
	if d.Min != "" {
		query.MinLength, err = strconv.Atoi(d.Min)
	}
	if err == nil && q.Get("offset") != "" {
		query.Offset, err = strconv.ParseInt(q.Get("offset"), 0, 64)
	}
	if err != nil {
		w.problem(rw, r, http.StatusBadRequest, "The shortest length and the offset are numbers.")
		return
	}
	found, err := inspect.FindStrings(r.Context(), src, query)
	switch {
	case errors.Is(err, inspect.ErrQuery):
		d.Problem = err.Error()
	case err != nil:
		w.failed(rw, r, err)
		return
	default:
		d.take(found, q)
	}
	w.render(rw, r, http.StatusOK, "strings", view{Title: "Strings of " + clean(d.Name), Data: d})
}

func (d *stringsData) take(found *inspect.Found, q url.Values) {
	for _, s := range found.Strings {
		if d.Coding == "" || d.Coding == s.Coding.String() {
			d.Found = append(d.Found, foundString{s, hexAddress(d.SHA256, uint64(s.Offset), uint64(s.Length))})
		}
	}
	d.TimeOut = found.TimeOut
	if found.HasMore {
		next := url.Values{}
		for _, keep := range []string{"min", "filter", "regex", "coding", "meant"} {
			if q.Get(keep) != "" {
				next.Set(keep, q.Get(keep))
			}
		}
		next.Set("offset", fmt.Sprint(found.NextOffset))
		d.Next = "/file/" + d.SHA256 + "/strings?" + next.Encode()
	}
}
