package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Apply: see Index.
func (s *SQLite) Apply(ctx context.Context, b Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &writer{ctx: ctx, s: s, words: map[string]int64{}, bins: map[string]int64{}, touched: map[int64]bool{}}
	w.exec(`BEGIN IMMEDIATE`)
	if w.err != nil {
		return s.fault("write to the index", w.err)
	}
	w.batch(&b)
	w.exec(`COMMIT`)
	if w.err != nil {
		// The transaction must end whatever ctx says. If SQLite has ended it already, there is nothing to roll back.
		_, _ = s.write.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		return s.fault("write to the index", w.err)
	}
	if len(s.words)+len(w.words) > maxWords {
		clear(s.words)
	}
	maps.Copy(s.words, w.words)
	return nil
}

// maxWords bounds the words that are remembered between batches.
const maxWords = 20_000

// writer applies one batch. After the first error, which it keeps, it does nothing more.
type writer struct {
	ctx     context.Context
	s       *SQLite
	words   map[string]int64 // those of this transaction; s.words gets them when it is committed
	bins    map[string]int64 // SHA-256 → row
	touched map[int64]bool   // binaries that gained or lost a document
	err     error
}

// statement prepares a query once for the life of the connection.
func (w *writer) statement(query string) *sql.Stmt {
	if w.err != nil {
		return nil
	}
	st := w.s.statements[query]
	if st == nil {
		if w.s.statements == nil {
			w.err = sql.ErrConnDone // closed
			return nil
		}
		if st, w.err = w.s.write.PrepareContext(w.ctx, query); w.err == nil {
			w.s.statements[query] = st
		}
	}
	return st
}

func (w *writer) exec(query string, args ...any) sql.Result {
	st := w.statement(query)
	if w.err != nil {
		return nil
	}
	var res sql.Result
	res, w.err = st.ExecContext(w.ctx, args...)
	return res
}

// insert returns the number of the new row.
func (w *writer) insert(query string, args ...any) int64 {
	res := w.exec(query, args...)
	if w.err != nil {
		return 0
	}
	var id int64
	id, w.err = res.LastInsertId()
	return id
}

// one scans a row into dest and tells whether there was one.
func (w *writer) one(query string, args []any, dest ...any) bool {
	st := w.statement(query)
	if w.err != nil {
		return false
	}
	err := st.QueryRowContext(w.ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false
	}
	w.err = err
	return err == nil
}

func (w *writer) rows(query string, args []any, fn func(scanner) error) {
	st := w.statement(query)
	if w.err != nil {
		return
	}
	rows, err := st.QueryContext(w.ctx, args...)
	if err != nil {
		w.err = err
		return
	}
	defer rows.Close()
	for rows.Next() {
		if w.err = fn(rows.Scan); w.err != nil {
			return
		}
	}
	w.err = rows.Err()
}

// word returns the number of a text.
func (w *writer) word(text string) int64 {
	if n, ok := w.s.words[text]; ok {
		return n
	}
	if n, ok := w.words[text]; ok {
		return n
	}
	var n int64
	if !w.one(`SELECT word FROM words WHERE text = ?`, []any{text}, &n) {
		n = w.insert(`INSERT INTO words (text) VALUES (?)`, text)
	}
	w.words[text] = n
	return n
}

func (w *writer) batch(b *Batch) {
	for i := range b.Documents {
		w.document(&b.Documents[i])
	}
	for i := range b.Statuses {
		w.status(&b.Statuses[i])
	}
	for i := range b.Plugins {
		p := &b.Plugins[i]
		w.exec(`INSERT OR REPLACE INTO plugins VALUES (?,?,?,?,?,?,?,?)`, p.Name, p.Version, p.Category, p.Description, p.Contact, p.Security,
			w.json(p.Features), p.Timestamp.UnixMicro())
	}
	for i := range b.Dead {
		d := &b.Dead[i]
		if d.Closed {
			w.exec(`DELETE FROM dead WHERE id = ?`, d.ID)
			continue
		}
		w.exec(`INSERT OR REPLACE INTO dead VALUES (?,?,?)`, d.ID, d.Time.UnixMicro(), w.json(d))
	}
	for _, place := range slices.Sorted(maps.Keys(b.Offsets)) {
		w.exec(`INSERT OR REPLACE INTO offsets VALUES (?,?)`, place, b.Offsets[place])
	}
	for _, bin := range slices.Sorted(maps.Keys(w.touched)) {
		w.merge(bin)
	}
}

func (w *writer) json(v any) string {
	text, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("encode %T: %w", v, err)
	}
	return string(text)
}

// document stores, replaces or removes a document. What comes of it is the same in whatever order documents and statuses
// arrive: of one ID the newest stays, and whether one is out of date depends on times only.
func (w *writer) document(d *Document) {
	var doc, bin, timestamp int64
	stored := w.one(`SELECT doc, bin, timestamp FROM documents WHERE id = ?`, []any{d.ID}, &doc, &bin, &timestamp)
	if d.removes() {
		if stored {
			w.remove(doc, bin)
		}
		return
	}
	if w.outOfDate(d) || stored && timestamp > d.Timestamp.UnixMicro() {
		return
	}
	if stored {
		w.remove(doc, bin)
	}
	w.add(d)
}

// removes tells that a document stands for a removed event.
func (d *Document) removes() bool { return d.Action == "" && d.SHA256 == "" }

const outOfDateSQL = `SELECT 1 FROM statuses WHERE input = ? AND plugin_w = ? AND worth = ? AND timestamp > ? AND run <> ? LIMIT 1`

// outOfDate tells whether another run ended well after a document was made.
func (w *writer) outOfDate(d *Document) bool {
	var yes int
	return d.Input != "" && w.one(outOfDateSQL, []any{d.Input, w.word(d.AuthorName), worthSuccess, d.Timestamp.UnixMicro(), d.Run}, &yes)
}

func (w *writer) add(d *Document) {
	bin := w.binary(d)
	place, offset := splitPosition(d.Position)
	l := linkOf(d)
	doc := w.insert(`INSERT INTO documents (id, bin, fact, place_w, offset, action_w, author_w, version_w, category_w, security_w, timestamp, input, run,
		source_w, source_security_w, source_time, source_references, depth, root, parent, relationship, filename, info)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		d.ID, bin, w.fact(bin, factsOf(d)), w.word(place), offset, w.word(d.Action), w.word(d.AuthorName), w.word(d.AuthorVersion),
		w.word(d.AuthorCategory), w.word(d.AuthorSecurity), d.Timestamp.UnixMicro(), orNull(d.Input), d.Run,
		w.word(d.SourceName), w.word(d.SourceSecurity), d.SourceTimestamp.UnixMicro(), w.json(orEmpty(d.SourceReferences)),
		max(0, len(d.Path)-1), l.root, orNull(l.parent), w.json(orEmpty(l.relationship)), orNull(l.filename), infoOf(d.Info))
	for n := range d.Features {
		f := &d.Features[n]
		w.exec(`INSERT INTO features (bin, doc, n, name_w, type_w, value, label, offset, length) VALUES (?,?,?,?,?,?,?,?,?)`,
			bin, doc, n, w.word(f.Name), w.word(f.Type), f.Value, f.Label, signed(f.Offset), signed(f.Length))
	}
	for n := range d.Streams {
		st := &d.Streams[n]
		w.exec(`INSERT INTO streams (doc, n, label_w, sha256, size, file_format_w, mime_w, language_w) VALUES (?,?,?,?,?,?,?,?)`,
			doc, n, w.word(st.Label), st.SHA256, st.Size, w.word(st.FileFormat), w.word(st.MIME), w.word(st.Language))
	}
}

func (w *writer) remove(doc, bin int64) {
	w.exec(`DELETE FROM features WHERE bin = ? AND doc = ?`, bin, doc)
	w.exec(`DELETE FROM streams WHERE doc = ?`, doc)
	w.exec(`DELETE FROM documents WHERE doc = ?`, doc)
	w.touched[bin] = true
}

// link is what a document's path says.
type link struct {
	root, parent, filename string
	relationship           map[string]string
}

// linkOf reads a path. A file is the child of the node before it; a file that a plugin found inside itself has no parent by
// that. The filename is the one that the nodes of the file itself carry, the deepest first.
func linkOf(d *Document) link {
	var l link
	n := len(d.Path)
	if n == 0 {
		return l
	}
	l.root = d.Path[0].SHA256
	leaf := &d.Path[n-1]
	if n > 1 && leaf.SHA256 == d.SHA256 && d.Path[n-2].SHA256 != d.SHA256 {
		l.parent, l.relationship = d.Path[n-2].SHA256, leaf.Relationship
	}
	for i := n - 1; i >= 0 && d.Path[i].SHA256 == d.SHA256 && l.filename == ""; i-- {
		l.filename = d.Path[i].Filename
	}
	return l
}

// splitPosition parts "topic/partition" from the offset. A position of another form is kept whole, with the offset -1.
func splitPosition(position string) (place string, offset int64) {
	i := strings.LastIndexByte(position, '/')
	if i < 0 {
		return position, -1
	}
	offset, err := strconv.ParseInt(position[i+1:], 10, 64)
	if err != nil || offset < 0 || strconv.FormatInt(offset, 10) != position[i+1:] {
		return position, -1
	}
	return position[:i], offset
}

// signed makes a number that SQLite can hold. Nothing in a file is beyond 2^63.
func signed(n *uint64) any {
	if n == nil || *n > 1<<63-1 {
		return nil
	}
	return int64(*n)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func infoOf(info json.RawMessage) any {
	if text := string(info); text != "null" {
		return orNull(text)
	}
	return nil
}
