package index

import "strings"

// facts are what an event says of its file's content. Empty ones say nothing.
type facts struct {
	size                                                                int64
	sha512, sha1, md5, ssdeep, tlsh, mime, magic, fileFormat, extension string
}

func factsOf(d *Document) facts {
	return facts{max(0, d.Size), strings.ToLower(d.SHA512), strings.ToLower(d.SHA1), strings.ToLower(d.MD5), d.SSDeep, d.TLSH, d.MIME, d.Magic, d.FileFormat, d.Extension}
}

// fact returns the row of what a document says, or nil if it says nothing. Documents of one file that say the same share
// a row: nearly every plugin repeats what identification found.
func (w *writer) fact(bin int64, d *Document) *int64 {
	f := factsOf(d)
	if f == (facts{}) {
		return nil
	}
	if row, ok := w.facts[bin][f]; ok {
		return &row
	}
	list := []any{bin, f.size, bytesOf(f.sha512), bytesOf(f.sha1), bytesOf(f.md5), orNull(f.ssdeep), orNull(f.tlsh), orNull(f.mime), orNull(f.magic), orNull(f.fileFormat),
		orNull(f.extension)}
	var row int64
	if w.facts[bin] == nil {
		w.said.write(w)
	}
	if w.facts[bin] == nil && w.one(`SELECT fact FROM facts WHERE bin = ? AND size = ? AND sha512 IS ? AND sha1 IS ? AND md5 IS ? AND ssdeep IS ? AND tlsh IS ? AND mime IS ?
		AND magic IS ? AND file_format IS ? AND extension IS ? LIMIT 1`, list, &row) {
		return &row
	}
	row = w.nextFact
	w.nextFact++
	w.said.add(append([]any{row}, list...)...)
	if w.facts[bin] != nil {
		w.facts[bin][f] = row
	}
	return &row
}

// dropFacts removes the statements of a file that no document makes any more.
func (w *writer) dropFacts(bin int64, used map[int64]bool) {
	var drop []int64
	w.rows(`SELECT fact FROM facts WHERE bin = ?`, []any{bin}, func(scan scanner) error {
		var fact int64
		err := scan(&fact)
		if !used[fact] {
			drop = append(drop, fact)
		}
		return err
	})
	for _, fact := range drop {
		w.exec(`DELETE FROM facts WHERE fact = ?`, fact)
	}
}
