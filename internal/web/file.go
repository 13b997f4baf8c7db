package web

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"lazuli/internal/api"
	"lazuli/internal/index"
)

type fileData struct {
	*api.FileState
	Name   string
	Tags   []string
	Strip  template.HTML
	Graph  template.HTML
	Groups []featureGroup
	Faults []fault
	Near   near
	Shown  map[string]bool // streams that have a page, by SHA-256
	Stored bool            // the content can be looked at
	Why    []api.Why       // of plugins that did not end a job of it
}

// hash is one line of the list of hashes.
type hash struct{ Name, Value string }

// Hashes lists those that are known.
func (d fileData) Hashes() []hash {
	var list []hash
	for _, h := range []hash{{"SHA-256", d.SHA256}, {"SHA-1", d.SHA1}, {"MD5", d.MD5}, {"SHA-512", d.SHA512}, {"ssdeep", d.SSDeep}, {"TLSH", d.TLSH}} {
		if h.Value != "" {
			list = append(list, h)
		}
	}
	return list
}

func (w *Web) file(rw http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	f, err := w.api.File(ctx, r.PathValue("hash"))
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	d := fileData{FileState: f, Name: nameOf(f.Binary), Strip: entropyStrip(api.EntropyOf(f.Binary)), Shown: map[string]bool{}}
	q := r.URL.Query()
	d.Near = nearOf(f.Binary, q.Get("near") != "")
	if err := w.fillFile(ctx, &d, q.Get("all")); err != nil {
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, http.StatusOK, "file", view{Title: clean(d.Name), Live: f.SHA256, Data: d})
}

func nameOf(b *index.Binary) string {
	if len(b.Filenames) > 0 {
		return b.Filenames[0]
	}
	return shorten(b.SHA256, 16)
}

// fault is what kept a plugin from telling everything.
type fault struct{ Plugin, Tone, Text string }

// maxFaults is how many are shown above all else.
const maxFaults = 6

// faultsOf lists plugins whose newest version, which comes first, failed or met with errors.
func faultsOf(statuses []index.Status) []fault {
	var list []fault
	seen := map[string]bool{}
	for _, st := range statuses {
		kind := tone(st.State)
		if !seen[st.Plugin] && (kind == "bad" || kind == "warn") && len(list) < maxFaults {
			list = append(list, fault{st.Plugin, kind, cmp.Or(st.Message, st.Error, st.State)})
		}
		seen[st.Plugin] = true
	}
	return list
}

// fillFile reads what stands beside what is known of the file itself. Of the feature all every value is shown.
func (w *Web) fillFile(ctx context.Context, d *fileData, all string) error {
	d.Faults = faultsOf(d.Statuses)
	if err := w.nameNear(ctx, &d.Near); err != nil {
		return err
	}
	tags, err := w.api.Index.FileTags(ctx, w.api.Reader(ctx), d.SHA256)
	if err != nil {
		return err
	}
	d.Tags = tagNames(tags)
	if d.Groups, err = w.featureGroups(ctx, d.Features, all); err != nil {
		return err
	}
	if len(d.Children)+len(d.Parents) > 0 {
		if d.Graph, err = w.drawNearby(ctx, d.SHA256, false); err != nil {
			return err
		}
	}
	for i := range d.Streams {
		if kind := w.api.Azul(ctx).ShownAs(d.SHA256, &d.Streams[i]); kind != "" {
			d.Shown[d.Streams[i].SHA256] = viewable(kind)
		}
		d.Stored = d.Stored || d.Streams[i].SHA256 == d.SHA256
	}
	why, err := w.api.Why(ctx, d.Binary)
	if err != nil {
		return err
	}
	for _, y := range why.Plugins {
		if y.State != "ended" && y.State != "part" { // the former stand above with their statuses, the latter ask for nothing
			d.Why = append(d.Why, y)
		}
	}
	return nil
}

// tagFile puts a tag on a file or takes it off, from a form.
func (w *Web) tagFile(rw http.ResponseWriter, r *http.Request) {
	form, ok := w.form(rw, r)
	if !ok {
		return
	}
	sha, tag := r.PathValue("hash"), strings.TrimSpace(form.Get("tag"))
	change := w.api.Azul(r.Context()).TagFile
	if form.Get("remove") != "" {
		change = w.api.Azul(r.Context()).UntagFile
	}
	if err := change(r.Context(), sha, tag); err != nil {
		w.refused(rw, r, err)
		return
	}
	http.Redirect(rw, r, "/file/"+url.PathEscape(sha), http.StatusSeeOther)
}

type similarData struct {
	SHA256, Name string
	Files        []api.SimilarFile
}

// maxSimilar is how many files are shown for each way of being alike.
const maxSimilar = 20

func (w *Web) similar(rw http.ResponseWriter, r *http.Request) {
	b, ok := w.binary(rw, r)
	if !ok {
		return
	}
	list, err := w.api.Similar(r.Context(), b, maxSimilar)
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, http.StatusOK, "similar", view{Title: "Like " + clean(nameOf(b)), Data: similarData{b.SHA256, nameOf(b), list}})
}

// binary reads the file that the address names. When there is none it answers itself.
func (w *Web) binary(rw http.ResponseWriter, r *http.Request) (*index.Binary, bool) {
	b, err := w.api.Index.Binary(r.Context(), w.api.Reader(r.Context()), r.PathValue("hash"))
	if err != nil {
		w.failed(rw, r, err)
		return nil, false
	}
	return b, true
}

type resultsData struct {
	SHA256, Name string
	Documents    []index.Document
	More         bool
}

// maxResults is how many results of a file are shown on one page.
const maxResults = 200

// results shows all documents of a file, older versions too.
func (w *Web) results(rw http.ResponseWriter, r *http.Request) {
	b, ok := w.binary(rw, r)
	if !ok {
		return
	}
	list, more, err := w.api.Index.Documents(r.Context(), w.api.Reader(r.Context()), b.SHA256, index.DocumentFilter{Superseded: true, Limit: maxResults})
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, http.StatusOK, "results", view{Title: "Results on " + clean(nameOf(b)), Data: resultsData{b.SHA256, nameOf(b), list, more}})
}
