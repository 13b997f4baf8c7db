package index

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrFull tells that there is no room left for the index.
var ErrFull = errors.New("no space left for the index")

// SQLite is the index in one SQLite file.
type SQLite struct {
	path  string
	write *sql.DB // one connection: SQLite has one writer
	read  *sql.DB
}

// schemaVersion is kept in user_version.
const schemaVersion = 1

// schema: documents are what events said; everything else but statuses, plugins, dead letters and offsets hangs off them.
// Times are Unix microseconds.
const schema = `
CREATE TABLE binaries (
  bin INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, size INTEGER NOT NULL DEFAULT 0,
  sha512 TEXT NOT NULL DEFAULT '', sha1 TEXT NOT NULL DEFAULT '', md5 TEXT NOT NULL DEFAULT '', ssdeep TEXT NOT NULL DEFAULT '',
  tlsh TEXT NOT NULL DEFAULT '', mime TEXT NOT NULL DEFAULT '', magic TEXT NOT NULL DEFAULT '', file_format TEXT NOT NULL DEFAULT '',
  extension TEXT NOT NULL DEFAULT '', first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL);
CREATE INDEX binaries_seen ON binaries (last_seen DESC, bin DESC);
CREATE INDEX binaries_sha1 ON binaries (sha1) WHERE sha1 <> '';
CREATE INDEX binaries_md5 ON binaries (md5) WHERE md5 <> '';
CREATE INDEX binaries_format ON binaries (file_format);
CREATE TABLE documents (
  doc INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, bin INTEGER NOT NULL, position TEXT NOT NULL, action TEXT NOT NULL,
  author TEXT NOT NULL, version TEXT NOT NULL, category TEXT NOT NULL, timestamp INTEGER NOT NULL,
  input TEXT NOT NULL, run TEXT NOT NULL,
  source TEXT NOT NULL, source_security TEXT NOT NULL, source_time INTEGER NOT NULL, source_references TEXT NOT NULL,
  depth INTEGER NOT NULL, root TEXT NOT NULL, parent TEXT NOT NULL, relationship TEXT NOT NULL, filename TEXT NOT NULL,
  streams TEXT NOT NULL, info TEXT NOT NULL);
CREATE INDEX documents_bin ON documents (bin, source);
CREATE INDEX documents_source ON documents (source, bin);
CREATE INDEX documents_parent ON documents (parent) WHERE parent <> '';
CREATE INDEX documents_input ON documents (input, author) WHERE input <> '';
CREATE TABLE features (
  doc INTEGER NOT NULL, bin INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL,
  label TEXT NOT NULL, offset INTEGER, length INTEGER);
CREATE INDEX features_doc ON features (doc);
CREATE INDEX features_bin ON features (bin, name);
CREATE INDEX features_value ON features (name, value, bin);
CREATE INDEX features_any ON features (value, bin);
CREATE TABLE statuses (
  id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, plugin TEXT NOT NULL, version TEXT NOT NULL, input TEXT NOT NULL, run TEXT NOT NULL,
  state TEXT NOT NULL, error TEXT NOT NULL, message TEXT NOT NULL, runtime REAL NOT NULL, timestamp INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX statuses_sha256 ON statuses (sha256);
CREATE INDEX statuses_input ON statuses (input, plugin);
CREATE INDEX statuses_plugin ON statuses (plugin, version, state);
CREATE TABLE plugins (
  name TEXT NOT NULL, version TEXT NOT NULL, category TEXT NOT NULL, description TEXT NOT NULL, contact TEXT NOT NULL,
  security TEXT NOT NULL, features TEXT NOT NULL, timestamp INTEGER NOT NULL, PRIMARY KEY (name, version)) WITHOUT ROWID;
CREATE TABLE dead (id TEXT PRIMARY KEY, time INTEGER NOT NULL, letter TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE offsets (place TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
`

// OpenSQLite opens or makes the index at path. A sync for each transaction is not needed: offsets are in the same transaction
// as what they stand for, so what a power cut takes is applied again from the log.
func OpenSQLite(path string) (*SQLite, error) {
	open := func(conns int, pragmas ...string) (*sql.DB, error) {
		q := url.Values{}
		for _, p := range append(pragmas, "busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-4000)", "temp_store(MEMORY)") {
			q.Add("_pragma", p)
		}
		q.Set("_txlock", "immediate")
		db, err := sql.Open("sqlite", "file:"+url.PathEscape(path)+"?"+q.Encode())
		if err != nil {
			return nil, fmt.Errorf("open the index %s: %w", path, err)
		}
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		return db, nil
	}
	s := &SQLite{path: path}
	var err error
	if s.write, err = open(1); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(s.wrap("open the index", err), s.write.Close())
	}
	if s.read, err = open(4, "query_only(1)"); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	return s, nil
}

func (s *SQLite) prepare() error {
	var version int
	if err := s.write.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version > schemaVersion:
		return fmt.Errorf("the index has format %d and this release knows up to %d: start a newer release on it", version, schemaVersion)
	case version == schemaVersion:
		return nil
	}
	tx, err := s.write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec(schema + "PRAGMA user_version = " + strconv.Itoa(schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// wrap gives SQLite's errors the types that callers look for.
func (s *SQLite) wrap(doing string, err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return &CorruptError{Path: s.path, Cause: err}
		case sqlite3.SQLITE_FULL:
			return fmt.Errorf("%s: %w: %w", doing, ErrFull, err)
		}
	}
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s: no right to use %s: %w", doing, s.path, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Close: see Index.
func (s *SQLite) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// Apply: see Index.
func (s *SQLite) Apply(ctx context.Context, b Batch) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.wrap("write to the index", err)
	}
	defer tx.Rollback()
	w := &writer{ctx: ctx, tx: tx, statements: map[string]*sql.Stmt{}, touched: map[int64]bool{}}
	w.batch(&b)
	if w.err == nil {
		w.err = tx.Commit()
	}
	if w.err != nil {
		return s.wrap("write to the index", w.err)
	}
	return nil
}

// writer applies one batch; after the first error it does nothing.
type writer struct {
	ctx        context.Context
	tx         *sql.Tx
	statements map[string]*sql.Stmt
	touched    map[int64]bool // binaries that lost a document
	err        error
}

func (w *writer) prepare(query string) *sql.Stmt {
	if st := w.statements[query]; st != nil || w.err != nil {
		return st
	}
	st, err := w.tx.PrepareContext(w.ctx, query)
	w.err = err
	w.statements[query] = st
	return st
}

func (w *writer) exec(query string, args ...any) sql.Result {
	st := w.prepare(query)
	if w.err != nil {
		return nil
	}
	res, err := st.ExecContext(w.ctx, args...)
	w.err = err
	return res
}

// one scans a row into dest and tells whether there was one.
func (w *writer) one(query string, args []any, dest ...any) bool {
	st := w.prepare(query)
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

func (w *writer) batch(b *Batch) {
	for i := range b.Documents {
		w.document(&b.Documents[i])
	}
	for i := range b.Statuses {
		w.status(&b.Statuses[i])
	}
	for _, p := range b.Plugins {
		w.exec(`INSERT OR REPLACE INTO plugins VALUES (?,?,?,?,?,?,?,?)`, p.Name, p.Version, p.Category, p.Description, p.Contact, p.Security,
			text(p.Features), p.Timestamp.UnixMicro())
	}
	for _, d := range b.Dead {
		if d.Closed {
			w.exec(`DELETE FROM dead WHERE id = ?`, d.ID)
			continue
		}
		w.exec(`INSERT OR REPLACE INTO dead VALUES (?,?,?)`, d.ID, d.Time.UnixMicro(), text(d))
	}
	for place, next := range b.Offsets {
		w.exec(`INSERT OR REPLACE INTO offsets VALUES (?,?)`, place, next)
	}
	for bin := range w.touched {
		w.exec(`DELETE FROM binaries WHERE bin = ? AND NOT EXISTS (SELECT 1 FROM documents WHERE bin = binaries.bin)`, bin)
	}
}

// text writes a value as JSON; our own types can always be written.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode for the index: %v", err))
	}
	return string(b)
}

const successes = `('completed','completed-empty','completed-with-errors')`

func (w *writer) document(d *Document) {
	w.remove(`SELECT doc, bin FROM documents WHERE id = ?`, d.ID)
	if d.Action == "" || d.SHA256 == "" {
		return // a removed event
	}
	if d.Input != "" {
		if run, ended := w.lastRun(d.Input, d.AuthorName); run != "" && run != d.Run && d.Timestamp.UnixMicro() <= ended {
			return // a later run has replaced it
		}
	}
	bin := w.binary(d)
	root, parent, relationship, filename := "", "", "{}", ""
	if n := len(d.Path); n > 0 {
		root = d.Path[0].SHA256
		leaf := d.Path[n-1]
		filename = leaf.Filename
		if n > 1 && d.Path[n-2].SHA256 != d.SHA256 && leaf.SHA256 == d.SHA256 {
			parent = d.Path[n-2].SHA256
			if leaf.Relationship != nil {
				relationship = text(leaf.Relationship)
			}
		}
	}
	references := d.SourceReferences
	if references == nil {
		references = map[string]string{}
	}
	res := w.exec(`INSERT INTO documents (id,bin,position,action,author,version,category,timestamp,input,run,source,source_security,
		source_time,source_references,depth,root,parent,relationship,filename,streams,info) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		d.ID, bin, d.Position, d.Action, d.AuthorName, d.AuthorVersion, d.AuthorCategory, d.Timestamp.UnixMicro(), d.Input, d.Run,
		d.SourceName, d.SourceSecurity, d.SourceTimestamp.UnixMicro(), text(references), max(0, len(d.Path)-1), root, parent, relationship, filename,
		text(d.Streams), string(d.Info))
	if w.err != nil {
		return
	}
	doc, err := res.LastInsertId()
	w.err = err
	for i := range d.Features {
		f := &d.Features[i]
		w.exec(`INSERT INTO features VALUES (?,?,?,?,?,?,?,?)`, doc, bin, f.Name, f.Type, f.Value, f.Label, signed(f.Offset), signed(f.Length))
	}
}

// signed makes a number SQLite can hold; offsets of files are below 2^63.
func signed(n *uint64) any {
	if n == nil || *n > 1<<63-1 {
		return nil
	}
	return int64(*n)
}

// binary finds or makes the row of the document's binary and adds what the document says of it.
func (w *writer) binary(d *Document) int64 {
	var bin int64
	at := d.Timestamp.UnixMicro()
	w.one(`INSERT INTO binaries (sha256,size,sha512,sha1,md5,ssdeep,tlsh,mime,magic,file_format,extension,first_seen,last_seen)
		VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?12)
		ON CONFLICT (sha256) DO UPDATE SET size = max(size, ?2), sha512 = iif(?3='',sha512,?3), sha1 = iif(?4='',sha1,?4), md5 = iif(?5='',md5,?5),
		ssdeep = iif(?6='',ssdeep,?6), tlsh = iif(?7='',tlsh,?7), mime = iif(?8='',mime,?8), magic = iif(?9='',magic,?9),
		file_format = iif(?10='',file_format,?10), extension = iif(?11='',extension,?11), first_seen = min(first_seen,?12), last_seen = max(last_seen,?12)
		RETURNING bin`,
		[]any{d.SHA256, d.Size, d.SHA512, d.SHA1, d.MD5, d.SSDeep, d.TLSH, d.MIME, d.Magic, d.FileFormat, d.Extension, at}, &bin)
	return bin
}

// remove deletes the documents that a query of doc and bin finds.
func (w *writer) remove(query string, args ...any) {
	st := w.prepare(query)
	if w.err != nil {
		return
	}
	rows, err := st.QueryContext(w.ctx, args...)
	if err != nil {
		w.err = err
		return
	}
	var docs [][2]int64
	for rows.Next() {
		var d [2]int64
		if w.err = rows.Scan(&d[0], &d[1]); w.err != nil {
			break
		}
		docs = append(docs, d)
	}
	w.err = errors.Join(w.err, rows.Err(), rows.Close())
	for _, d := range docs {
		w.exec(`DELETE FROM features WHERE doc = ?`, d[0])
		w.exec(`DELETE FROM documents WHERE doc = ?`, d[0])
		w.touched[d[1]] = true
	}
}

func (w *writer) status(st *StatusDocument) {
	// Progress that comes late does not replace an end.
	final := !slices.Contains([]string{"heartbeat", "dequeued", "download-requested"}, st.State)
	guard := ""
	if !final {
		guard = ` WHERE statuses.state IN ('heartbeat','dequeued','download-requested')`
	}
	w.exec(`INSERT INTO statuses VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT (id) DO UPDATE SET sha256=?2, plugin=?3, version=?4, input=?5,
		run=?6, state=?7, error=?8, message=?9, runtime=?10, timestamp=?11`+guard,
		st.ID, st.SHA256, st.Plugin, st.Version, st.Input, st.Run, st.State, st.Error, st.Message, st.Runtime, st.Timestamp.UnixMicro())
	if st.Input == "" || !strings.Contains(successes, "'"+st.State+"'") {
		return
	}
	if run, ended := w.lastRun(st.Input, st.Plugin); run != "" {
		w.remove(`SELECT doc, bin FROM documents WHERE input = ? AND author = ? AND run <> ? AND timestamp <= ?`, st.Input, st.Plugin, run, ended)
	}
}

// lastRun returns the run of a plugin on an event that ended well last, and when. Results that are newer are those of a run whose end has
// not been seen yet.
func (w *writer) lastRun(input, plugin string) (run string, ended int64) {
	w.one(`SELECT run, timestamp FROM statuses WHERE input = ? AND plugin = ? AND state IN `+successes+` ORDER BY timestamp DESC, id LIMIT 1`,
		[]any{input, plugin}, &run, &ended)
	return run, ended
}

// Offsets: see Index.
func (s *SQLite) Offsets(ctx context.Context) (map[string]int64, error) {
	offsets := map[string]int64{}
	err := s.rows(ctx, `SELECT place, next FROM offsets`, nil, func(scan scanner) error {
		var place string
		var next int64
		err := scan(&place, &next)
		offsets[place] = next
		return err
	})
	return offsets, err
}

type scanner func(dest ...any) error

// rows calls fn for each row of a query.
func (s *SQLite) rows(ctx context.Context, query string, args []any, fn func(scanner) error) error {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return s.wrap("read the index", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return s.wrap("read the index", err)
		}
	}
	if err := rows.Err(); err != nil {
		return s.wrap("read the index", err)
	}
	return nil
}

// Plugins: see Index.
func (s *SQLite) Plugins(ctx context.Context) ([]Plugin, error) {
	list := []Plugin{}
	err := s.rows(ctx, `SELECT name, version, category, description, contact, security, features, timestamp FROM plugins ORDER BY name, version`, nil,
		func(scan scanner) error {
			p := Plugin{States: map[string]int{}, Features: []PluginFeature{}}
			var features string
			var at int64
			if err := scan(&p.Name, &p.Version, &p.Category, &p.Description, &p.Contact, &p.Security, &features, &at); err != nil {
				return err
			}
			p.Registered = time.UnixMicro(at).UTC()
			list = append(list, p)
			return json.Unmarshal([]byte(features), &list[len(list)-1].Features)
		})
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Features == nil {
			list[i].Features = []PluginFeature{}
		}
	}
	err = s.rows(ctx, `SELECT plugin, version, state, count(*) FROM statuses GROUP BY plugin, version, state`, nil, func(scan scanner) error {
		var name, version, state string
		var n int
		if err := scan(&name, &version, &state, &n); err != nil {
			return err
		}
		for i := range list {
			if list[i].Name == name && list[i].Version == version {
				list[i].States[state] = n
			}
		}
		return nil
	})
	return list, err
}

// DeadLetters: see Index.
func (s *SQLite) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	list := []DeadLetter{}
	err := s.rows(ctx, `SELECT letter FROM dead ORDER BY time DESC, id LIMIT ?`, []any{limit}, func(scan scanner) error {
		var letter string
		if err := scan(&letter); err != nil {
			return err
		}
		var d DeadLetter
		err := json.Unmarshal([]byte(letter), &d)
		list = append(list, d)
		return err
	})
	return list, err
}

// Counts: see Index.
func (s *SQLite) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM binaries), (SELECT count(*) FROM documents), (SELECT count(*) FROM features),
		(SELECT count(*) FROM statuses), (SELECT count(*) FROM dead)`).Scan(&c.Binaries, &c.Documents, &c.Features, &c.Statuses, &c.Dead)
	if err != nil {
		return Counts{}, s.wrap("read the index", err)
	}
	return c, nil
}

// Verify: see Index.
func (s *SQLite) Verify(ctx context.Context, report func(fault string)) error {
	err := s.rows(ctx, `PRAGMA integrity_check`, nil, func(scan scanner) error {
		var line string
		err := scan(&line)
		if err == nil && line != "ok" {
			report("index: " + line)
		}
		return err
	})
	if err != nil {
		return err
	}
	for fault, query := range map[string]string{
		"documents without their binary":  `SELECT count(*) FROM documents WHERE bin NOT IN (SELECT bin FROM binaries)`,
		"binaries without a document":     `SELECT count(*) FROM binaries WHERE bin NOT IN (SELECT bin FROM documents)`,
		"features without their document": `SELECT count(*) FROM features WHERE doc NOT IN (SELECT doc FROM documents)`,
	} {
		var n int
		if err := s.read.QueryRowContext(ctx, query).Scan(&n); err != nil {
			return s.wrap("check the index", err)
		}
		if n > 0 {
			report(fmt.Sprintf("index: %d %s", n, fault))
		}
	}
	return nil
}

// Search: see Index.
func (s *SQLite) Search(ctx context.Context, q Expr, limit int, cursor string) (SearchPage, error) {
	where, args := []string{"1"}, []any{}
	var walk func(Expr)
	walk = func(e Expr) {
		switch e := e.(type) {
		case And:
			for _, part := range e {
				walk(part)
			}
		case Term:
			clause, values := termSQL(e)
			where, args = append(where, clause), append(args, values...)
		}
	}
	walk(q)
	if cursor != "" {
		seen, bin, err := parseCursor(cursor)
		if err != nil {
			return SearchPage{}, err
		}
		where, args = append(where, "(last_seen, bin) < (?, ?)"), append(args, seen, bin)
	}
	limit = max(1, min(limit, 1000))
	args = append(args, limit+1)
	page := SearchPage{Hits: []Hit{}}
	type row struct{ bin, seen int64 }
	var rows []row
	err := s.rows(ctx, `SELECT bin, sha256, size, file_format, last_seen,
		(SELECT count(*) FROM features f WHERE f.bin = b.bin),
		(SELECT count(DISTINCT bin) FROM documents d WHERE d.parent = b.sha256)
		FROM binaries b WHERE `+strings.Join(where, " AND ")+` ORDER BY last_seen DESC, bin DESC LIMIT ?`, args, func(scan scanner) error {
		var r row
		h := Hit{Filenames: []string{}, Sources: []string{}}
		err := scan(&r.bin, &h.SHA256, &h.Size, &h.FileFormat, &r.seen, &h.Features, &h.Children)
		h.LastSeen = time.UnixMicro(r.seen).UTC()
		page.Hits, rows = append(page.Hits, h), append(rows, r)
		return err
	})
	if err != nil {
		return SearchPage{}, err
	}
	if len(rows) > limit {
		rows, page.Hits = rows[:limit], page.Hits[:limit]
		last := rows[limit-1]
		page.Next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", last.seen, last.bin))
	}
	for i := range page.Hits {
		h := &page.Hits[i]
		if err := s.strings(ctx, &h.Filenames, filenamesSQL+` LIMIT 5`, rows[i].bin); err != nil {
			return SearchPage{}, err
		}
		if err := s.strings(ctx, &h.Sources, `SELECT DISTINCT source FROM documents WHERE bin = ? ORDER BY source LIMIT 10`, rows[i].bin); err != nil {
			return SearchPage{}, err
		}
	}
	return page, nil
}

const filenamesSQL = `SELECT DISTINCT value FROM (SELECT value FROM features WHERE bin = ?1 AND name = 'filename'
	UNION SELECT filename FROM documents WHERE bin = ?1 AND filename <> '') ORDER BY value`

func (s *SQLite) strings(ctx context.Context, into *[]string, query string, args ...any) error {
	return s.rows(ctx, query, args, func(scan scanner) error {
		var v string
		err := scan(&v)
		*into = append(*into, v)
		return err
	})
}

func parseCursor(cursor string) (seen, bin int64, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		a, b, _ := strings.Cut(string(raw), ".")
		var err1, err2 error
		seen, err1 = strconv.ParseInt(a, 10, 64)
		bin, err2 = strconv.ParseInt(b, 10, 64)
		err = errors.Join(err1, err2)
	}
	if err != nil {
		return 0, 0, ErrCursor
	}
	return seen, bin, nil
}

// termSQL is a condition on a row b of binaries.
func termSQL(t Term) (string, []any) {
	match := func(column string) (string, []any) {
		switch t.Op {
		case "^":
			return "(" + column + " >= ? AND " + column + " < ?)", []any{t.Value, t.Value + "\U0010FFFF"}
		case "~":
			return "instr(lower(" + column + "), lower(?)) > 0", []any{t.Value}
		}
		return column + " = ?", []any{t.Value}
	}
	feature := func(column string) (string, []any) {
		c, args := match(column)
		return "EXISTS (SELECT 1 FROM features f WHERE f.bin = b.bin AND " + c + ")", args
	}
	switch t.Field {
	case "size":
		return "b.size " + t.Op + " ?", []any{t.Size}
	case "source.name":
		c, args := match("d.source")
		return "EXISTS (SELECT 1 FROM documents d WHERE d.bin = b.bin AND " + c + ")", args
	case "features.name":
		return feature("f.name")
	case "features.value":
		return feature("f.value")
	case "filename":
		c, args := match("f.value")
		d, args2 := match("d.filename")
		return "(EXISTS (SELECT 1 FROM features f WHERE f.bin = b.bin AND f.name = 'filename' AND " + c + ") OR EXISTS (SELECT 1 FROM documents d WHERE d.bin = b.bin AND " + d + "))",
			append(args, args2...)
	case "":
		name := Term{Field: "filename", Op: "~", Value: t.Value}
		if t.Op == "^" {
			name.Op = "^"
		}
		c, args := termSQL(name)
		f, args2 := termSQL(Term{Field: "file_format", Op: "^", Value: t.Value})
		v, args3 := termSQL(Term{Field: "features.value", Op: strings.ReplaceAll(t.Op, "~", "="), Value: t.Value})
		h, args4 := termSQL(Term{Field: "sha256", Op: "^", Value: strings.ToLower(t.Value)})
		return "(" + c + " OR " + f + " OR " + v + " OR " + h + ")", slices.Concat(args, args2, args3, args4)
	}
	return match("b." + t.Field)
}
