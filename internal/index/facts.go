package index

import (
	"cmp"
	"slices"
)

// facts are what an event says of its file. An empty one says nothing.
type facts struct {
	size                                                                int64
	sha512, sha1, md5, ssdeep, tlsh, mime, magic, fileFormat, extension string
}

func factsOf(d *Document) facts {
	return facts{max(0, d.Size), d.SHA512, d.SHA1, d.MD5, d.SSDeep, d.TLSH, d.MIME, d.Magic, d.FileFormat, d.Extension}
}

func (f *facts) texts() []*string {
	return []*string{&f.sha512, &f.sha1, &f.md5, &f.ssdeep, &f.tlsh, &f.mime, &f.magic, &f.fileFormat, &f.extension}
}

// columns are where a row of facts is scanned to.
func (f *facts) columns() []any {
	list := []any{&f.size}
	for _, text := range f.texts() {
		list = append(list, text)
	}
	return list
}

// values are what the columns hold.
func (f *facts) values(value func(string) any) []any {
	list := []any{f.size}
	for _, text := range f.texts() {
		list = append(list, value(*text))
	}
	return list
}

const factColumns = `size, sha512, sha1, md5, ssdeep, tlsh, mime, magic, file_format, extension`

// fact returns the row of what a document says, or nil if it says nothing. Documents of one file that say the same share
// a row: nearly every plugin repeats what identification found.
func (w *writer) fact(bin int64, f facts) any {
	if f == (facts{}) {
		return nil
	}
	values := append([]any{bin}, f.values(func(text string) any { return text })...)
	var row int64
	if w.one(`SELECT fact FROM facts WHERE bin = ? AND size = ? AND sha512 = ? AND sha1 = ? AND md5 = ? AND ssdeep = ? AND tlsh = ? AND mime = ?
		AND magic = ? AND file_format = ? AND extension = ? LIMIT 1`, values, &row) {
		return row
	}
	return w.insert(`INSERT INTO facts (bin, `+factColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?)`, values...)
}

// binary finds or makes the row of a document's file. merge fills it in when the batch ends.
func (w *writer) binary(d *Document) int64 {
	bin, ok := w.bins[d.SHA256]
	if !ok && !w.one(`SELECT bin FROM binaries WHERE sha256 = ?`, []any{d.SHA256}, &bin) {
		bin = w.insert(`INSERT INTO binaries (sha256, first_seen, last_seen) VALUES (?, 0, 0)`, d.SHA256)
	}
	w.bins[d.SHA256], w.touched[bin] = bin, true
	return bin
}

// stated is a row of facts with the time of the newest document that states it.
type stated struct {
	facts
	row    int64
	newest int64
	used   bool
}

const spanSQL = `SELECT coalesce(fact, 0), min(timestamp), max(timestamp) FROM documents WHERE bin = ? GROUP BY fact`

// merge works out the row of a binary from its documents, or removes it with the last of them. Of each fact the newest
// statement counts, so that a better identification replaces an older one; it is the same in whatever order they came.
func (w *writer) merge(bin int64) {
	list := w.stated(bin)
	var first, last int64
	known := false
	w.rows(spanSQL, []any{bin}, func(scan scanner) error {
		var row, from, to int64
		if err := scan(&row, &from, &to); err != nil {
			return err
		}
		if !known {
			first, last, known = from, to, true
		}
		first, last = min(first, from), max(last, to)
		for i := range list {
			if list[i].row == row {
				list[i].newest, list[i].used = to, true
			}
		}
		return nil
	})
	for _, s := range list {
		if !s.used {
			w.exec(`DELETE FROM facts WHERE fact = ?`, s.row)
		}
	}
	if !known {
		w.exec(`DELETE FROM binaries WHERE bin = ?`, bin)
		return
	}
	list = slices.DeleteFunc(list, func(s stated) bool { return !s.used })
	slices.SortFunc(list, newestFirst)
	var all facts
	for i := range list {
		all.complete(&list[i].facts)
	}
	w.exec(`UPDATE binaries SET first_seen = ?, last_seen = ?, size = ?, sha512 = ?, sha1 = ?, md5 = ?, ssdeep = ?, tlsh = ?, mime = ?, magic = ?,
		file_format = ?, extension = ? WHERE bin = ?`, append(append([]any{first, last}, all.values(orNull)...), bin)...)
}

// stated lists the rows of facts of a binary.
func (w *writer) stated(bin int64) []stated {
	var list []stated
	w.rows(`SELECT fact, `+factColumns+` FROM facts WHERE bin = ?`, []any{bin}, func(scan scanner) error {
		var s stated
		err := scan(append([]any{&s.row}, s.columns()...)...)
		list = append(list, s)
		return err
	})
	return list
}

// newestFirst orders by time, and what is of one time by what it says: row numbers depend on the order of arrival.
func newestFirst(a, b stated) int {
	order := cmp.Or(cmp.Compare(b.newest, a.newest), cmp.Compare(b.size, a.size))
	theirs := b.texts()
	for i, text := range a.texts() {
		order = cmp.Or(order, cmp.Compare(*theirs[i], *text))
	}
	return order
}

// complete takes from older what f does not say.
func (f *facts) complete(older *facts) {
	if f.size == 0 {
		f.size = older.size
	}
	theirs := older.texts()
	for i, text := range f.texts() {
		if *text == "" {
			*text = *theirs[i]
		}
	}
}
