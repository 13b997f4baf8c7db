package index

import "time"

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

// stateKey is what statuses are counted by.
type stateKey struct{ plugin, version, state, label int64 }

// hourKey is what they are counted by for what was lately.
type hourKey struct {
	stateKey
	hour int64
}

const microsOfHour = int64(time.Hour / time.Microsecond)

func (w *writer) countStatus(k stateKey, at, n int64) {
	w.states[k] += n
	w.hours[hourKey{k, at / microsOfHour}] += n
}

// storedStatus is what is there already.
type storedStatus struct {
	number, at int64
	worth      int
	run        string
	key        stateKey

	sha256 []byte
	input  string
}

const statusSQL = `SELECT status, id, run, worth, timestamp, plugin_w, version_w, state_w, label, sha256, coalesce(input, '') FROM statuses WHERE status = ?`

// storedStatus finds a status, also one of this batch; nil if there is none.
func (w *writer) storedStatus(id string) *storedStatus {
	for _, number := range w.docsOf(keyStatus, textKey(id)) {
		if w.unwritten[number] {
			w.statuses.write(w)
			clear(w.unwritten)
		}
		var s storedStatus
		var of string
		if w.one(statusSQL, []any{number}, &s.number, &of, &s.run, &s.worth, &s.at, &s.key.plugin, &s.key.version, &s.key.state, &s.key.label, &s.sha256, &s.input) && of == id {
			return &s
		}
	}
	return nil
}

// status stores a status, unless the one that is there tells more, and removes what it makes out of date.
func (w *writer) status(st *StatusDocument) {
	stored := w.storedStatus(st.ID)
	rank, now := worth(st.State), micros(st.Timestamp)
	if stored != nil && st.State != "" && lessThan(rank, now, st.Run, stored) {
		return
	}
	if stored != nil {
		w.exec(`DELETE FROM statuses WHERE status = ?`, stored.number)
		w.countStatus(stored.key, stored.at, -1)
		w.counts["statuses"]--
	}
	if st.State == "" {
		if stored != nil {
			w.setMask(maskRemoved, uint32(stored.number), true)
		}
		return
	}
	key := stateKey{w.word(st.Author.Name), w.word(st.Author.Version), w.word(st.State), w.label(st.Label)}
	number := w.statusNumber(st, key.plugin, stored)
	w.unwritten[number] = true
	w.statuses.add(number, st.ID, append([]byte{}, bytesOf(st.SHA256)...), key.label, w.word(st.Author.Category), key.plugin, key.version,
		w.word(st.Author.Security), orNull(st.Input), st.Run, key.state, rank, now, st.Runtime, w.word(st.SourceName), st.ResultsStored, st.Error, st.Message)
	w.countStatus(key, now, 1)
	w.counts["statuses"]++
	if rank == worthSuccess && st.Input != "" {
		w.outdate(st, key)
	}
}

// statusNumber is that of the status whose place it takes, if it is found by the same keys, or a new one.
func (w *writer) statusNumber(st *StatusDocument, plugin int64, stored *storedStatus) int64 {
	if stored != nil {
		if stored.key.plugin == plugin && stored.input == st.Input && digestOf(stored.sha256) == digestOf(bytesOf(st.SHA256)) {
			return stored.number
		}
		w.setMask(maskRemoved, uint32(stored.number), true)
	}
	number := w.nextStatus
	w.nextStatus++
	st.keys(func(kind, hash int64) { w.statusTerms.add(kind, keyText(hash), uint32(number)) })
	return number
}

// keys calls fn with the keys of a status.
func (st *StatusDocument) keys(fn func(kind, hash int64)) {
	fn(keyStatus, textKey(st.ID))
	fn(keyStatusFile, digestKey(st.SHA256))
	if st.Input != "" {
		fn(keyStatusInput, textKey(st.Input, st.Author.Name))
	}
}

// lessThan: of one run the worthier state stays, then the newer; of different runs the newer, then the worthier.
func lessThan(rank int, now int64, run string, stored *storedStatus) bool {
	if run == stored.run && rank != stored.worth {
		return rank < stored.worth
	}
	return now < stored.at || now == stored.at && rank < stored.worth
}

const staleSQL = `SELECT doc, bin, label, version_w, timestamp, superseded, fact, id, author_w, body FROM documents
	WHERE doc = ? AND timestamp < ? AND run <> ?`

// outdate removes what earlier runs of the same version found, and supersedes what other versions did.
func (w *writer) outdate(st *StatusDocument, key stateKey) {
	input, run := textKey(st.Input, st.Author.Name), textKey(st.Run)
	var stale []storedDocument
	for _, doc := range w.docsOf(keyInput, input) {
		if doc >= w.firstDoc && w.inputs[input] == run {
			continue // what the batch has is of this run
		}
		var s storedDocument
		var author int64
		var packed []byte
		if !w.one(staleSQL, []any{doc, micros(st.Timestamp), run}, &s.doc, &s.bin, &s.label, &s.version, &s.timestamp, &s.superseded, &s.fact, &s.id, &author, &packed) {
			continue
		}
		var b body
		if w.err = unpack(packed, &b); w.err != nil {
			return
		}
		if author == key.plugin && b.Input == st.Input && b.Run != st.Run {
			stale = append(stale, s)
		}
	}
	for _, s := range stale {
		if s.version == key.version {
			w.remove(s.doc)
		} else {
			w.supersede(s, s.superseded|byRun)
		}
	}
}
