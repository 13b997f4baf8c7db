package index

// The worth of states, least first: what is known of a job's end is not replaced by less. Only worthSuccess makes results of
// other runs out of date.
const (
	worthProgress = iota
	worthError
	worthOptOut
	worthSuccess
)

// worth of a state. A state that this release does not know counts as an error: it ended somehow.
func worth(state string) int {
	switch state {
	case "completed", "completed-empty", "completed-with-errors":
		return worthSuccess
	case "opt-out":
		return worthOptOut
	case "heartbeat", "dequeued", "download-requested":
		return worthProgress
	}
	return worthError
}

const staleSQL = `SELECT doc, bin FROM documents WHERE input = ? AND author_w = ? AND timestamp < ? AND run <> ?`

// status stores a status, unless the one that is there tells more, and removes what it makes out of date.
func (w *writer) status(st *StatusDocument) {
	if st.State == "" {
		w.exec(`DELETE FROM statuses WHERE id = ?`, st.ID)
		return
	}
	if w.lessThanStored(st) {
		return
	}
	rank := worth(st.State)
	w.exec(`INSERT OR REPLACE INTO statuses (id, sha256, plugin_w, version_w, input, run, state_w, worth, error, message, runtime, timestamp)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`,
		st.ID, st.SHA256, w.word(st.Plugin), w.word(st.Version), orNull(st.Input), st.Run, w.word(st.State), rank, st.Error, st.Message, st.Runtime,
		st.Timestamp.UnixMicro())
	if rank != worthSuccess || st.Input == "" {
		return
	}
	type row struct{ doc, bin int64 }
	var stale []row
	w.rows(staleSQL, []any{st.Input, w.word(st.Plugin), st.Timestamp.UnixMicro(), st.Run}, func(scan scanner) error {
		var r row
		err := scan(&r.doc, &r.bin)
		stale = append(stale, r)
		return err
	})
	for _, r := range stale {
		w.remove(r.doc, r.bin)
	}
}

// lessThanStored: of one run the worthier state stays, then the newer; of different runs the newer, then the worthier.
func (w *writer) lessThanStored(st *StatusDocument) bool {
	var run string
	var stored int
	var at int64
	if !w.one(`SELECT run, worth, timestamp FROM statuses WHERE id = ?`, []any{st.ID}, &run, &stored, &at) {
		return false
	}
	rank, now := worth(st.State), st.Timestamp.UnixMicro()
	if run == st.Run && rank != stored {
		return rank < stored
	}
	return now < at || now == at && rank < stored
}
