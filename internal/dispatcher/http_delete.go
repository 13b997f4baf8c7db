package dispatcher

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"lazuli/internal/blob"
)

// deleteStream removes an object: DELETE /api/v3/stream/{source}/{label}/{hash}?ifOlderThan=<Unix seconds>. It answers whether
// it did: not if the object has changed since then. Where deleting is not allowed it answers 404, as the reference does,
// whose clients take the object for absent; the words say why.
func (d *Dispatcher) deleteStream(w http.ResponseWriter, r *http.Request) {
	if !d.opts.AllowDelete {
		writeProblem(w, http.StatusNotFound, "not found", "streams cannot be deleted here: allow_delete in the configuration is off")
		return
	}
	olderThan := int64(0)
	if text := r.URL.Query().Get("ifOlderThan"); text != "" {
		var err error
		if olderThan, err = strconv.ParseInt(text, 10, 64); err != nil || olderThan < 0 {
			writeProblem(w, http.StatusBadRequest, "bad parameters", "ifOlderThan is a time in Unix seconds")
			return
		}
	}
	key := streamKey(r, r.PathValue("source"))
	info, err := d.store.Stat(r.Context(), key)
	if err == nil && olderThan > 0 && !info.ModTime.Before(time.Unix(olderThan, 0)) {
		writeJSON(w, http.StatusOK, map[string]bool{"deleted": false})
		return
	}
	if err == nil {
		err = d.store.Delete(r.Context(), key)
	}
	if errors.Is(err, blob.ErrKey) {
		err = blob.ErrNotFound // a name that no object can have
	}
	if err != nil {
		d.writeFailure(w, r, "delete the stream", err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"deleted": true})
}
