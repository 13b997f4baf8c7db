package api

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Reindexer builds the index anew. progress is called now and then.
type Reindexer interface {
	Reindex(ctx context.Context, progress func(done, all int64)) error
}

// reindex is POST /api/v1/reindex. It answers with lines while it goes on: "DONE of ALL records", at last "done" or "error: …". A client that goes away
// ends it, and the index in use stays.
func (a *API) reindex(w http.ResponseWriter, r *http.Request) {
	if !accessOf(r.Context()).Admin {
		fail(w, http.StatusForbidden, "only administrators may do this")
		return
	}
	if a.Reindexer == nil {
		fail(w, http.StatusNotImplemented, "this platform cannot build its index anew")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	control := http.NewResponseController(w)
	last := time.Time{}
	err := a.Reindexer.Reindex(r.Context(), func(done, all int64) {
		if now := time.Now(); now.Sub(last) > time.Second || done == all {
			last = now
			_ = control.SetWriteDeadline(now.Add(time.Minute)) // not every test's writer can
			fmt.Fprintf(w, "%d of %d records\n", done, all)
			_ = control.Flush()
		}
	})
	if err != nil {
		a.Logger.Error("build the index anew", "err", err)
		fmt.Fprintf(w, "error: %v\n", err)
		return
	}
	fmt.Fprintln(w, "done")
}
