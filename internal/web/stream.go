package web

import (
	"io"
	"net/http"
	"strings"

	"lazuli/internal/api/azul"
)

// streamData is a stream to look at: a text, or the address of a picture.
type streamData struct {
	SHA256 string // of the file
	*azul.ShownStream
	Text    string
	Cut     bool // it is longer
	Picture string
}

// maxText is how much of a text is shown, in bytes.
const maxText = 256 << 10

// viewable tells whether a page can show a stream of a MIME type.
func viewable(kind string) bool {
	return strings.HasPrefix(kind, "text/plain") || strings.HasPrefix(kind, "image/")
}

// stream shows a stream of a file as text or as a picture, if REST would give it as such.
func (w *Web) stream(rw http.ResponseWriter, r *http.Request) {
	sha := r.PathValue("hash")
	st, err := w.api.Azul(r.Context()).Stream(r.Context(), sha, r.PathValue("stream"))
	if err != nil {
		w.refused(rw, r, err)
		return
	}
	defer st.Body.Close()
	d := streamData{SHA256: sha, ShownStream: st}
	switch {
	case strings.HasPrefix(st.Kind, "image/"):
		d.Picture = "/api/v0/binaries/" + sha + "/content/" + st.SHA256
	case viewable(st.Kind):
		text, err := io.ReadAll(io.LimitReader(st.Body, maxText+1))
		if err != nil {
			w.failed(rw, r, err)
			return
		}
		d.Cut = len(text) > maxText
		d.Text = strings.ToValidUTF8(string(text[:min(len(text), maxText)]), "\ufffd")
	}
	w.render(rw, r, http.StatusOK, "stream", view{Title: "Stream", Data: d})
}
