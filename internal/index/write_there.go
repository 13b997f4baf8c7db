package index

import "strings"

// there is what of a batch the index has already: it is asked for all together, because most of a batch is new and a query for each of its documents would take
// longer than writing it. Hashes of the batch's own are added as they come.
type there struct {
	files     map[int64]bool  // by their SHA-256
	documents map[int64]bool  // by their ID
	inputs    map[int64]int64 // by input and author of documents: the hash of their run, or anyRun
	statuses  map[int64]bool  // by their ID
	ends      map[int64]bool  // of jobs, by input and author of statuses
}

const anyRun = -1

// hashesAtOnce are how many hashes one statement looks for.
const hashesAtOnce = 64

var (
	hashList       = `(` + strings.TrimSuffix(strings.Repeat("?,", hashesAtOnce), ",") + `)`
	knownKeysSQL   = `SELECT hash FROM keys WHERE kind = ? AND hash IN ` + hashList
	knownStatesSQL = `SELECT id_hash FROM statuses WHERE id_hash IN ` + hashList
	knownEndsSQL   = `SELECT input_hash FROM statuses WHERE input_hash IN ` + hashList
)

// look finds out what is there of a batch.
func (w *writer) look(b *Batch) {
	var files, documents, inputs, statuses, ends []int64
	for i := range b.Documents {
		d := &b.Documents[i]
		files = append(files, digestKey(d.SHA256))
		documents = append(documents, textKey(d.ID))
		if d.Input != "" {
			ends = append(ends, textKey(d.Input, d.Author.Name))
		}
	}
	for i := range b.Statuses {
		st := &b.Statuses[i]
		statuses = append(statuses, textKey(st.ID))
		if st.Input != "" {
			inputs = append(inputs, textKey(st.Input, st.Author.Name))
		}
	}
	t := there{map[int64]bool{}, map[int64]bool{}, map[int64]int64{}, map[int64]bool{}, map[int64]bool{}}
	w.whichOf(knownKeysSQL, []any{keySHA256}, files, func(h int64) { t.files[h] = true })
	w.whichOf(knownKeysSQL, []any{keyID}, documents, func(h int64) { t.documents[h] = true })
	w.whichOf(knownKeysSQL, []any{keyInput}, inputs, func(h int64) { t.inputs[h] = anyRun })
	w.whichOf(knownStatesSQL, nil, statuses, func(h int64) { t.statuses[h] = true })
	w.whichOf(knownEndsSQL, nil, ends, func(h int64) { t.ends[h] = true })
	w.there = t
}

// whichOf calls fn with the hashes that a query finds.
func (w *writer) whichOf(query string, args []any, hashes []int64, fn func(int64)) {
	for len(hashes) > 0 {
		n := min(len(hashes), hashesAtOnce)
		list := append([]any{}, args...)
		for i := range hashesAtOnce {
			list = append(list, hashes[min(i, n-1)])
		}
		w.rows(query, list, func(scan scanner) error {
			var h int64
			err := scan(&h)
			fn(h)
			return err
		})
		hashes = hashes[n:]
	}
}
