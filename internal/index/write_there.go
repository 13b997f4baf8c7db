package index

import "strings"

// there is what of a batch's statuses the index has already: it is asked for all together, because most of a batch is new and a query for each would take longer
// than writing it. The batch's own are added as they come.
type there struct {
	statuses map[int64]bool // by their ID
	ends     map[int64]bool // of jobs, by input and author of statuses
}

const anyRun = -1

// hashesAtOnce are how many hashes one statement looks for.
const hashesAtOnce = 64

var (
	hashList       = `(` + strings.TrimSuffix(strings.Repeat("?,", hashesAtOnce), ",") + `)`
	knownStatesSQL = `SELECT id_hash FROM statuses WHERE id_hash IN ` + hashList
	knownEndsSQL   = `SELECT input_hash FROM statuses WHERE input_hash IN ` + hashList
)

// look finds out what is there of a batch.
func (w *writer) look(b *Batch) {
	var statuses, ends []int64
	for i := range b.Documents {
		if d := &b.Documents[i]; d.Input != "" {
			ends = append(ends, textKey(d.Input, d.Author.Name))
		}
	}
	for i := range b.Statuses {
		statuses = append(statuses, textKey(b.Statuses[i].ID))
	}
	w.there = there{map[int64]bool{}, map[int64]bool{}}
	w.whichOf(knownStatesSQL, statuses, func(h int64) { w.there.statuses[h] = true })
	w.whichOf(knownEndsSQL, ends, func(h int64) { w.there.ends[h] = true })
}

// whichOf calls fn with the hashes that a query finds.
func (w *writer) whichOf(query string, hashes []int64, fn func(int64)) {
	for len(hashes) > 0 {
		n := min(len(hashes), hashesAtOnce)
		list := make([]any, 0, hashesAtOnce)
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
