package web

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"lazuli/internal/api"
	"lazuli/internal/config"
	"lazuli/internal/index"
)

type homeData struct {
	To      api.SourceInfo // what is uploaded
	Sources []string       // that may be chosen; none where there is no choice
	Recent  []index.Hit    // of what was submitted, not of what is inside
	Counts  index.Counts
	Plugins []index.Plugin
}

func (w *Web) home(rw http.ResponseWriter, r *http.Request) {
	cfg := w.api.Config
	to := cmp.Or(r.URL.Query().Get("source"), cfg.DefaultSource)
	if err := cfg.SourceAllowed(to); err != nil {
		w.problem(rw, r, http.StatusBadRequest, "Nothing can be submitted there: "+err.Error()+".")
		return
	}
	d := homeData{To: w.api.Source(to)}
	if len(cfg.Sources) > 1 {
		d.Sources = slices.Sorted(maps.Keys(cfg.Sources))
	}
	page, err := w.api.Index.Search(r.Context(), w.api.Reader(r.Context()), condition("depth", "0"), index.SearchOptions{Limit: 12, Order: index.BySubmitted})
	if err == nil {
		d.Recent = page.Hits
		d.Counts, err = w.api.Counts(r.Context())
	}
	if err == nil {
		d.Plugins, err = w.api.Index.Plugins(r.Context(), w.api.Reader(r.Context()))
	}
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, http.StatusOK, "home", view{Title: "lazuli", Live: "*", Data: d})
}

// upload takes files from a form, for browsers without JavaScript; others post each file to REST.
func (w *Web) upload(rw http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(rw)
	r.Body = struct {
		io.Reader
		io.Closer
	}{&api.PatientReader{R: r.Body, Control: control}, r.Body}
	parts, err := r.MultipartReader()
	if err != nil {
		w.problem(rw, r, http.StatusBadRequest, "The upload is not a form with files.")
		return
	}
	var last *api.Submitted
	said := api.Submission{References: map[string]string{}} // comes before the files, because the form has it there
	for n := 0; ; {
		part, err := parts.NextPart()
		if err == nil && part.FileName() == "" {
			err = readField(part, &said)
			if err == nil {
				continue
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			w.problem(rw, r, http.StatusBadRequest, "The upload ended too early.")
			return
		}
		said.Filename = part.FileName()
		if last, err = w.api.Submit(r.Context(), part, said); err != nil {
			code, text := http.StatusServiceUnavailable, "The file could not be kept: "+err.Error()
			if w.api.Refused(err) {
				code = http.StatusBadRequest
			}
			w.problem(rw, r, code, fmt.Sprintf("%s (%d files before it were kept)", text, n))
			return
		}
		n++
	}
	if last == nil {
		w.problem(rw, r, http.StatusBadRequest, "There was no file in the form: choose one first.")
		return
	}
	_ = control.SetReadDeadline(time.Time{}) // the connection lives on; not every test's writer can
	http.Redirect(rw, r, "/file/"+last.SHA256+"?wait=1", http.StatusSeeOther)
}

// refField is the beginning of the names of fields that are references.
const refField = "ref:"

// readField reads a field that says something of the files behind it. Of a reference that is too long, or of too many, as much is read as
// shows that.
func readField(part *multipart.Part, said *api.Submission) error {
	text, err := io.ReadAll(io.LimitReader(part, config.MaxReferenceBytes+1))
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	name := part.FormName()
	ref, isRef := strings.CutPrefix(name, refField)
	switch {
	case name == "raw":
		said.Raw = true
	case name == "source":
		said.Source = string(text)
	case isRef && len(said.References) <= config.MaxReferences && strings.TrimSpace(string(text)) != "": // blank is not said
		said.References[ref] = string(text)
	}
	return nil
}
