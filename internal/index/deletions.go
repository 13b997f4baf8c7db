package index

// What a deletion names.
const (
	deleteID         = 1
	deleteSubmission = 2 // time is that of the source, 0 for all
	deleteLink       = 3
	deleteAuthor     = 4 // of documents made before a time
)

// deletion keeps a deletion and removes what it names, or takes it back.
func (w *writer) deletion(del *Deletion) {
	w.exec(`DELETE FROM deletions WHERE id = ?`, del.ID)
	at := micros(del.Time)
	add := func(kind int, name string) { w.exec(`INSERT INTO deletions VALUES (?,?,?,?)`, del.ID, kind, name, at) }
	for _, id := range del.IDs {
		add(deleteID, id)
		for _, s := range w.versions(id) {
			w.remove(s.doc)
		}
	}
	for _, part := range []struct {
		kind int
		name string
		docs func(string) []int64
	}{
		{deleteSubmission, del.TrackSourceReferences, func(name string) []int64 { return w.docsWith(w.field("track_source_references"), name) }},
		{deleteLink, del.TrackLink, func(name string) []int64 { return w.docsOf(keyLink, textKey(name)) }},
		{deleteAuthor, del.TrackAuthor, func(name string) []int64 { return w.docsWith(w.field("track_author"), name) }},
	} {
		if part.name == "" {
			continue
		}
		add(part.kind, part.name)
		for _, doc := range part.docs(part.name) {
			if w.check(); w.err != nil {
				return
			}
			if d := w.tracked(doc); d != nil && d.named(part.kind, part.name) && covers(part.kind, at, d) {
				w.remove(doc)
			}
		}
	}
	w.deleting = true
}

// tracked reads what deletions look at of a document; nil if it is gone.
func (w *writer) tracked(doc int64) *Document {
	var made, submitted int64
	var packed []byte
	if !w.one(`SELECT timestamp, source_time, body FROM documents WHERE doc = ?`, []any{doc}, &made, &submitted, &packed) {
		return nil
	}
	d := &Document{Timestamp: moment(made), SourceTimestamp: moment(submitted)}
	var b body
	if w.err = unpack(packed, &b); w.err != nil {
		return nil
	}
	b.into(d)
	return d
}

// named tells whether a document has what a deletion names: keys are hashes.
func (d *Document) named(kind int, name string) bool {
	for _, n := range d.namesFor(kind) {
		if n == name {
			return true
		}
	}
	return false
}

func (d *Document) namesFor(kind int) []string {
	switch kind {
	case deleteID:
		return []string{d.ID}
	case deleteSubmission:
		return []string{d.TrackSourceReferences}
	case deleteLink:
		return d.TrackLinks
	}
	return d.TrackAuthors
}

// covers tells whether a deletion's time is meant for a document, as the dispatcher sees it.
func covers(kind int, at int64, d *Document) bool {
	switch kind {
	case deleteAuthor:
		return micros(d.Timestamp) < at
	case deleteSubmission:
		return at == 0 || at == micros(d.SourceTimestamp)
	}
	return true
}

// deleted tells whether a deletion that is there names a document.
func (w *writer) deleted(d *Document) bool {
	found := false
	for kind := deleteID; kind <= deleteAuthor; kind++ {
		for _, name := range d.namesFor(kind) {
			if found || name == "" {
				continue
			}
			w.rows(`SELECT time FROM deletions WHERE kind = ? AND name = ?`, []any{kind, name}, func(scan scanner) error {
				var at int64
				err := scan(&at)
				found = found || covers(kind, at, d)
				return err
			})
		}
	}
	return found
}
