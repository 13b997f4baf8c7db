package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"lazuli/event"
	"lazuli/internal/api/submit"
	"lazuli/internal/blob"
	"lazuli/internal/cart"
)

// Refused tells whether an error of Submit is the sender's: nothing was kept, and the same would be refused again.
func (a *API) Refused(err error) bool {
	var said *submit.Bad
	return errors.As(err, &said) || a.Dispatcher.Invalid(err) || submit.Damaged(err)
}

// content is GET /api/v1/binaries/{hash}/content: a CaRT, or with format=raw the file itself.
func (a *API) content(w http.ResponseWriter, r *http.Request) {
	format := r.URL.Query().Get("format")
	if format != "" && format != "cart" && format != "raw" {
		fail(w, http.StatusBadRequest, fmt.Sprintf("format is %q, and must be cart or raw", format))
		return
	}
	b, err := a.Index.Binary(r.Context(), readerOf(r.Context()), r.PathValue("hash"))
	if err != nil {
		fail(w, http.StatusNotFound, "no such file is known")
		return
	}
	for _, s := range b.Streams {
		if s.Label != string(event.LabelContent) {
			continue
		}
		body, err := a.Store.Open(r.Context(), blob.Key{Source: s.Source, Label: s.Label, SHA256: s.SHA256}, 0, -1)
		if err != nil {
			continue
		}
		defer body.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if format == "raw" {
			w.Header().Set("Content-Disposition", `attachment; filename="`+b.SHA256+`"`)
			w.Header().Set("Content-Length", strconv.FormatInt(s.Size, 10))
			_, _ = io.Copy(w, body)
			return
		}
		w.Header().Set("Content-Disposition", `attachment; filename="`+b.SHA256+`.cart"`)
		meta := cart.Metadata{}
		if len(b.Filenames) > 0 {
			meta["name"] = b.Filenames[0]
		}
		if err := cart.Wrap(w, body, cart.Key{}, meta); err != nil {
			panic(http.ErrAbortHandler) // what was sent must not look whole
		}
		return
	}
	fail(w, http.StatusNotFound, "the file's content is not stored")
}
