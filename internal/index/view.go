package index

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"sync"

	"lazuli/internal/index/query"
)

// reader is a connection for reading, with the statements that it has prepared.
type reader struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// maxStatements bounds what a connection keeps prepared.
const maxStatements = 200

func (r *reader) close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, st := range r.statements {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, r.conn.Close())...)
}

// discard closes a connection that may have a transaction, for good: close gives it back to the pool as it is.
func (r *reader) discard() {
	for _, st := range r.statements {
		_ = st.Close()
	}
	_ = r.conn.Raw(func(any) error { return driver.ErrBadConn })
}

// statement prepares a query once for each connection.
func (r *reader) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := r.statements[query]; st != nil {
		return st, nil
	}
	st, err := r.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(r.statements) >= maxStatements {
		for text, old := range r.statements {
			_ = old.Close()
			delete(r.statements, text)
		}
	}
	r.statements[query] = st
	return st, nil
}

func (r *reader) exec(ctx context.Context, query string) error {
	st, err := r.statement(ctx, query)
	if err == nil {
		_, err = st.ExecContext(ctx)
	}
	return err
}

// view is the index at one moment, whatever is written meanwhile, as a reader sees it.
type view struct {
	ctx    context.Context
	quiet  context.Context // without an end, for statements: the driver watches a context that may end at every step, which took a seventh of a search
	s      *SQLite
	reader *reader
	labels map[int64]sight
	fields map[string]int64 // that were asked for
	once   *once

	writing bool // it is the writer's: what it looks at does not take the place of what readers ask for
}

// once is what a view reads when it is first needed.
type once struct {
	segments  []segment
	documents int // so many of the first segments are of documents, the rest of statuses
	listed    bool
	latest    *latest
}

// sight is a label and whether the reader sees what has it.
type sight struct {
	text    string
	visible bool
}

// view calls fn with the index as it is now.
func (s *SQLite) view(ctx context.Context, fn func(view) error) error {
	var r *reader
	select {
	case r = <-s.idle:
	case <-ctx.Done():
		return s.fault("read the index", ctx.Err())
	}
	defer func() { s.idle <- r }()
	err := s.read(ctx, &r, fn)
	var bad *query.Error
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCursor) || errors.As(err, &bad) {
		return err
	}
	return s.fault("read the index", err)
}

// read opens the connection if there is none, and gives up one whose transaction does not begin or end.
func (s *SQLite) read(ctx context.Context, r **reader, fn func(view) error) error {
	if *r == nil {
		conn, err := s.readers.Conn(ctx)
		if err != nil {
			return err
		}
		*r = &reader{conn, map[string]*sql.Stmt{}}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	quiet := context.WithoutCancel(ctx) // of one that ends meanwhile the driver says so, although the transaction has begun
	if err := (*r).exec(quiet, `BEGIN`); err != nil {
		(*r).discard()
		*r = nil
		return err
	}
	answered := false
	defer func() {
		if !answered { // it panics
			(*r).discard()
			*r = nil
		}
	}()
	err := fn(view{ctx: ctx, quiet: quiet, s: s, reader: *r, fields: map[string]int64{}, once: &once{}})
	answered = true
	if end := (*r).exec(quiet, `ROLLBACK`); end != nil {
		err = errors.Join(err, end)
		(*r).discard()
		*r = nil
	}
	return err
}

// see is view for a reader.
func (s *SQLite) see(ctx context.Context, r Reader, fn func(view) error) error {
	s.courtesy.begin()
	defer s.courtesy.end()
	return s.view(ctx, func(v view) error {
		v.labels = map[int64]sight{}
		err := v.rows(`SELECT label, text FROM labels`, nil, func(scan scanner) error {
			var label int64
			var l sight
			err := scan(&label, &l.text)
			l.visible = r.See == nil || r.See(l.text)
			v.labels[label] = l
			return err
		})
		if err != nil {
			return err
		}
		return fn(v)
	})
}

// scanner reads the columns of one row.
type scanner func(dest ...any) error

// rowsBetween is after how many rows it is looked whether the caller still waits.
const rowsBetween = 256

// rows calls fn for each row of a query.
func (v view) rows(query string, args []any, fn func(scanner) error) error {
	if err := v.ctx.Err(); err != nil {
		return err
	}
	st, err := v.reader.statement(v.quiet, query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(v.quiet, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		if err := fn(rows.Scan); err != nil {
			return err
		}
		if n%rowsBetween == 0 && v.ctx.Err() != nil {
			return v.ctx.Err()
		}
	}
	return rows.Err()
}

// one scans the only row of a query; sql.ErrNoRows if there is none.
func (v view) one(query string, args []any, dest ...any) error {
	if err := v.ctx.Err(); err != nil {
		return err
	}
	st, err := v.reader.statement(v.quiet, query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(v.quiet, args...).Scan(dest...)
}

// number scans one number; 0 if there is no row.
func (v view) number(query string, args ...any) (n int64, err error) {
	if err = v.one(query, args, &n); errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// wordTexts are the texts of words or the names of fields, which never change.
type wordTexts struct {
	mu    sync.RWMutex
	texts map[int64]string
}

// word returns the text of a word; "" for 0.
func (v view) word(n int64) (string, error) {
	if n == 0 {
		return "", nil
	}
	return v.s.texts.get(n, func(n int64) (text string, err error) {
		err = v.one(`SELECT text FROM words WHERE word = ?`, []any{n}, &text)
		return text, err
	})
}

const fieldSQL = `SELECT field FROM fields WHERE name = ?`

// field returns the number of a field of terms, 0 if nothing has it.
func (v view) field(name string) (int64, error) {
	if n, ok := v.fields[name]; ok {
		return n, nil
	}
	n, err := v.number(fieldSQL, name)
	if err == nil {
		v.fields[name] = n
	}
	return n, err
}

// fieldName returns the name of a field of terms.
func (v view) fieldName(n int64) (string, error) {
	return v.s.fieldNames.get(n, func(n int64) (text string, err error) {
		err = v.one(`SELECT name FROM fields WHERE field = ?`, []any{n}, &text)
		return text, err
	})
}

func (c *wordTexts) get(n int64, read func(int64) (string, error)) (string, error) {
	c.mu.RLock()
	text, ok := c.texts[n]
	c.mu.RUnlock()
	if ok {
		return text, nil
	}
	text, err := read(n)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.texts) >= maxWords {
		clear(c.texts)
	}
	c.texts[n] = text
	return text, nil
}

// words fills in texts.
func (v view) words(list ...wordInto) error {
	for _, w := range list {
		text, err := v.word(w.word)
		if err != nil {
			return err
		}
		*w.into = text
	}
	return nil
}

type wordInto struct {
	word int64
	into *string
}

// file returns the row of a file of which the reader may see a current document.
func (v view) file(sha256 string) (int64, error) {
	bin, err := v.row(strings.ToLower(sha256))
	if err == nil && bin == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	seen, err := v.seen(bin)
	if err == nil && !seen {
		err = ErrNotFound
	}
	return bin, err
}

const seenSQL = `SELECT DISTINCT label FROM documents WHERE bin = ? AND superseded = 0`

// seen tells whether the reader may see a current document of a file.
func (v view) seen(bin int64) (bool, error) {
	seen := false
	err := v.rows(seenSQL, []any{bin}, func(scan scanner) error {
		var label int64
		err := scan(&label)
		seen = seen || v.labels[label].visible
		return err
	})
	return seen, err
}

// row is a document without what takes long to read.
type row struct {
	doc, bin, label, superseded, fact        int64
	action, category, author, version        int64
	timestamp, source, sourceTime            int64
	depth, traits, features                  int64
	id                                       string
	packed, list                             []byte // body and features, if asked for
	body                                     body   // after unpack
	whole                                    bool   // the body is read
	actionText, authorName, authorVer, srcNm string
}

const rowColumns = `doc, bin, label, superseded, coalesce(fact, 0), action_w, category_w, author_w, version_w, timestamp, source_w, source_time, depth, traits, n_features, id`

// maxRows bounds how many documents are looked at: the newest. Tests change it.
var maxRows = 50_000

// documents reads the documents of a file that the reader may see, the newest first.
func (v view) documents(bin int64, superseded, whole bool) ([]row, error) {
	return v.documentsWhere(`bin = ?`, []any{bin}, superseded, whole)
}

func (v view) documentsWhere(where string, args []any, superseded, whole bool) (list []row, err error) {
	columns := rowColumns
	if whole {
		columns += `, body, features`
	}
	if !superseded {
		where += ` AND superseded = 0`
	}
	err = v.rows(`SELECT `+columns+` FROM documents WHERE `+where+` ORDER BY timestamp DESC LIMIT ?`, append(args, maxRows), func(scan scanner) error {
		var r row
		into := []any{&r.doc, &r.bin, &r.label, &r.superseded, &r.fact, &r.action, &r.category, &r.author, &r.version, &r.timestamp, &r.source, &r.sourceTime,
			&r.depth, &r.traits, &r.features, &r.id}
		if whole {
			into = append(into, &r.packed, &r.list)
		}
		err := scan(into...)
		if v.labels[r.label].visible {
			list = append(list, r)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		r := &list[i]
		if err := v.words(wordInto{r.action, &r.actionText}, wordInto{r.author, &r.authorName}, wordInto{r.version, &r.authorVer}, wordInto{r.source, &r.srcNm}); err != nil {
			return nil, err
		}
		if whole {
			if err := v.open(r, r.packed); err != nil {
				return nil, err
			}
			r.packed = nil
		}
	}
	slices.SortStableFunc(list, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.timestamp, a.timestamp), strings.Compare(a.id, b.id), strings.Compare(b.authorVer, a.authorVer))
	})
	return list, nil
}

// open reads the body of a document.
func (v view) open(r *row, packed []byte) error {
	if err := unpack(packed, &r.body); err != nil {
		return err
	}
	return v.restore(&r.body, r.bin, r.fact)
}

// restore completes a body from what is kept once for many.
func (v view) restore(b *body, bin, fact int64) error {
	sha, err := v.sha256(bin)
	if err != nil {
		return err
	}
	f := &facts{}
	if b.Same {
		if f, err = v.fact(fact); err != nil {
			return err
		}
	}
	b.restore(sha, f)
	return nil
}

// fact reads a row of facts.
func (v view) fact(fact int64) (*facts, error) {
	all, err := v.factsOf([]row{{fact: fact}})
	if f := all[fact]; f != nil || err != nil {
		return f, err
	}
	return &facts{}, nil
}

const factsSQL = `SELECT fact, size, sha512, sha1, md5, ssdeep, tlsh, mime, magic, file_format, extension FROM facts WHERE fact IN (SELECT value FROM json_each(?))`

// factsOf reads the facts that documents state, by their rows. What a damaged file lacks is not in the answer; Verify tells.
func (v view) factsOf(rows []row) (map[int64]*facts, error) {
	var wanted []int64
	for i := range rows {
		if f := rows[i].fact; f != 0 {
			wanted = append(wanted, f)
		}
	}
	all := map[int64]*facts{}
	if len(wanted) == 0 {
		return all, nil
	}
	slices.Sort(wanted)
	err := v.rows(factsSQL, []any{inList(slices.Compact(wanted))}, func(scan scanner) error {
		f := &facts{}
		var fact int64
		var sha512, sha1, md5 []byte
		var texts [6]*string
		err := scan(&fact, &f.size, &sha512, &sha1, &md5, &texts[0], &texts[1], &texts[2], &texts[3], &texts[4], &texts[5])
		f.sha512, f.sha1, f.md5 = digestOf(sha512), digestOf(sha1), digestOf(md5)
		for i, into := range []*string{&f.ssdeep, &f.tlsh, &f.mime, &f.magic, &f.fileFormat, &f.extension} {
			*into = textOf(texts[i])
		}
		all[fact] = f
		return err
	})
	return all, err
}

// stated are facts with the time of the newest document that states them.
type stated struct {
	facts
	newest int64
}

// facts reads what documents say of their file, merged.
func (v view) facts(rows []row) (facts, error) {
	known, err := v.factsOf(rows)
	if err != nil {
		return facts{}, err
	}
	list := make([]*row, len(rows))
	for i := range rows {
		list[i] = &rows[i]
	}
	return newestFacts(list, known), nil
}

// newestFacts merges what documents say of their file: of each fact the newest statement counts, so that a better identification replaces an
// older one. Row numbers do not matter, because they depend on the order of arrival.
func newestFacts(rows []*row, known map[int64]*facts) facts {
	newest := map[int64]int64{}
	for _, r := range rows {
		if at, ok := newest[r.fact]; known[r.fact] != nil && (!ok || at < r.timestamp) {
			newest[r.fact] = r.timestamp
		}
	}
	var list []stated
	for fact, at := range newest {
		list = append(list, stated{*known[fact], at})
	}
	slices.SortFunc(list, newestFirst)
	var all facts
	for i := range list {
		all.complete(&list[i].facts)
	}
	return all
}

func (f *facts) texts() []*string {
	return []*string{&f.sha512, &f.sha1, &f.md5, &f.ssdeep, &f.tlsh, &f.mime, &f.magic, &f.fileFormat, &f.extension}
}

// newestFirst orders by time, and what is of one time by what it says.
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
