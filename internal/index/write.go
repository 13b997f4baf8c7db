package index

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
)

// Apply: see Index.
func (s *SQLite) Apply(ctx context.Context, b Batch) error {
	if err := s.awaitMerger(ctx); err != nil {
		return s.fault("write to the index", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return s.fault("write to the index", err)
	}
	if err := s.mergeFault; err != nil {
		s.mergeFault = nil
		s.wake()
		return err
	}
	err := s.transaction(ctx, func(w *writer) { w.batch(&b) })
	s.wake()
	return s.fault("write to the index", err)
}

// writer applies one batch. After the first error, which it keeps, it does nothing more.
type writer struct {
	ctx   context.Context
	quiet context.Context // without an end: the driver starts a goroutine for each statement with a context that may end
	s     *SQLite
	known *known
	err   error

	bins              map[string]int64          // SHA-256 → row
	touched           map[int64]*touch          // files whose documents changed
	facts             map[int64]map[facts]int64 // of files that the batch made
	documents         newRows
	files, said       newRows // binaries and facts
	statuses          newRows
	blocks            newRows
	terms             termTable // of documents
	statusTerms       termTable
	masks             map[int64]*piece
	pendings          map[string]bool // their IDs
	bereft            map[string]bool // IDs that lost a document
	columns           map[int64]*chunk
	alike             map[int64][]byte
	counts            map[string]int64
	states            map[stateKey]int64
	hours             map[hourKey]int64
	inputs            map[int64]int64 // by input and author of the batch's documents: the hash of their run, or anyRun
	stored            once            // what there was before the batch
	firstDoc, nextDoc int64

	firstStatus, nextStatus int64
	unwritten               map[int64]bool // statuses that wait

	latest            *latest // before the batch; nil if that is not known
	rev               int64   // of the batch
	segments          int     // more than before
	nextBin, nextFact int64
	deleting          bool // there are deletions
}

func (s *SQLite) newWriter(ctx context.Context) *writer {
	return &writer{ctx: ctx, quiet: context.WithoutCancel(ctx), s: s, known: s.known, bins: map[string]int64{}, touched: map[int64]*touch{},
		facts: map[int64]map[facts]int64{}, documents: newRows{table: "documents", columns: 19},
		files: newRows{table: "binaries", columns: 2}, said: newRows{table: "facts", columns: 12}, statuses: newRows{table: "statuses", columns: 18}, blocks: newRows{table: "blocks", columns: 2},
		masks: map[int64]*piece{}, pendings: map[string]bool{}, bereft: map[string]bool{},
		columns: map[int64]*chunk{}, alike: map[int64][]byte{}, counts: map[string]int64{}, states: map[stateKey]int64{}, hours: map[hourKey]int64{}, unwritten: map[int64]bool{}, inputs: map[int64]int64{}}
}

// known is what the writer remembers of the file between batches.
type known struct {
	words, labels, fields map[string]int64
}

func newKnown() *known { return &known{map[string]int64{}, map[string]int64{}, map[string]int64{}} }

// maxWords bounds what is remembered of each.
const maxWords = 20_000

// newRows are rows that are inserted together: a statement for each costs more than the row.
type newRows struct {
	table   string
	columns int
	values  []any
}

func (r *newRows) add(row ...any) { r.values = append(r.values, row...) }

// rowsAtOnce are how many rows one statement inserts, most first.
var rowsAtOnce = []int{64, 8, 1}

func (r *newRows) write(w *writer) {
	for _, n := range rowsAtOnce {
		for len(r.values) >= n*r.columns {
			w.exec(insertSQL(r.table, r.columns, n), r.values[:n*r.columns]...)
			r.values = r.values[n*r.columns:]
		}
	}
	r.values = r.values[:0]
}

var insertTexts sync.Map // of insertSQL's arguments

func insertSQL(table string, columns, rows int) string {
	type key struct {
		table         string
		columns, rows int
	}
	k := key{table, columns, rows}
	if text, ok := insertTexts.Load(k); ok {
		return text.(string)
	}
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + "),"
	text := "INSERT INTO " + table + " VALUES " + strings.TrimSuffix(strings.Repeat(row, rows), ",")
	insertTexts.Store(k, text)
	return text
}

func (k *known) shrink() {
	for _, m := range []map[string]int64{k.words, k.labels, k.fields} {
		if len(m) > maxWords {
			clear(m)
		}
	}
}

// check ends the work when the caller's context has ended.
func (w *writer) check() {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
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
		if st, w.err = w.s.write.PrepareContext(w.quiet, query); w.err == nil {
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
	res, w.err = st.ExecContext(w.quiet, args...)
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
	err := st.QueryRowContext(w.quiet, args...).Scan(dest...)
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
	rows, err := st.QueryContext(w.quiet, args...)
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

// word returns the number of a text, label that of a label, field that of a field of terms.
func (w *writer) word(text string) int64 {
	return w.number(w.known.words, text, `SELECT word FROM words WHERE text = ?`, `INSERT INTO words (text) VALUES (?)`)
}

func (w *writer) label(text string) int64 {
	return w.number(w.known.labels, text, `SELECT label FROM labels WHERE text = ?`, `INSERT INTO labels (text) VALUES (?)`)
}

func (w *writer) field(name string) int64 {
	return w.number(w.known.fields, name, fieldSQL, `INSERT INTO fields (name) VALUES (?)`)
}

func (w *writer) number(known map[string]int64, text, find, add string) int64 {
	if n, ok := known[text]; ok {
		return n
	}
	var n int64
	if !w.one(find, []any{text}, &n) {
		n = w.insert(add, text)
	}
	known[text] = n
	return n
}

func (w *writer) batch(b *Batch) {
	// Numbers of documents and statuses that are gone are not given again: segments may still have them.
	w.one(`SELECT coalesce(max(until) FILTER (WHERE base < ?1), 1), coalesce(max(until), ?1), EXISTS (SELECT 1 FROM deletions), (SELECT coalesce(max(bin), 0) + 1 FROM binaries),
		(SELECT coalesce(max(fact), 0) + 1 FROM facts), coalesce((`+revSQL+`), 0) FROM segments`, []any{int64(firstStatus)}, &w.firstDoc, &w.firstStatus, &w.deleting, &w.nextBin, &w.nextFact, &w.rev)
	if l := w.s.latest.Load(); l != nil && l.rev == w.rev {
		w.latest = l
	}
	w.firstStatus = max(w.firstStatus, firstStatus)
	w.nextDoc, w.nextStatus = w.firstDoc, w.firstStatus
	if w.nextDoc+int64(len(b.Documents)) > firstStatus || w.nextStatus+int64(len(b.Statuses)) > math.MaxUint32 {
		w.err = fmt.Errorf("%w: it has given %d documents or statuses a number, which is as many as there are; lazuli reindex numbers those that are left anew", ErrFull, int64(firstStatus))
		return
	}
	w.terms, w.statusTerms = newTermTable(termsOfDocument*len(b.Documents)), newTermTable(termsOfStatus*len(b.Statuses))
	w.storeDocuments(b.Documents)
	documents := w.buildSegment(&w.terms, w.firstDoc, w.nextDoc)
	w.flush()
	for i := range b.Deletions {
		w.check()
		w.deletion(&b.Deletions[i])
	}
	for i := range b.Statuses {
		w.status(&b.Statuses[i])
	}
	statuses := w.buildSegment(&w.statusTerms, w.firstStatus, w.nextStatus)
	w.statuses.write(w)
	for _, id := range slices.Sorted(maps.Keys(w.bereft)) {
		w.reorder(id)
	}
	for i := range b.Plugins {
		w.plugin(&b.Plugins[i])
	}
	for i := range b.Tags {
		w.tag(&b.Tags[i])
	}
	for i := range b.Dead {
		w.dead(&b.Dead[i])
	}
	for _, place := range slices.Sorted(maps.Keys(b.Offsets)) {
		w.exec(`INSERT OR REPLACE INTO offsets VALUES (?,?)`, place, b.Offsets[place])
	}
	for _, bin := range slices.Sorted(maps.Keys(w.touched)) {
		w.settle(bin, w.touched[bin])
	}
	w.check()
	w.storeSegment(documents)
	w.storeSegment(statuses)
	w.storeMasks()
	w.storeColumns()
	w.storeAlike()
	w.storeCounts()
}

// How many terms most documents and statuses have at most.
const (
	termsOfDocument = 128
	termsOfStatus   = 3
)

// storeDocuments packs bodies beside everything else, which takes a tenth of the time.
func (w *writer) storeDocuments(list []Document) {
	type packed struct {
		body []byte
		err  error
	}
	bodies := make(chan packed, len(list)) // so that the packer never waits
	go func() {
		defer close(bodies)
		for i := range list {
			body, err := pack(bodyOf(&list[i]))
			bodies <- packed{body, err}
		}
	}()
	for i := range list {
		p := <-bodies
		if w.err = cmp.Or(w.err, p.err); w.err == nil {
			w.document(&list[i], p.body)
		}
		w.check()
	}
}

func (w *writer) plugin(p *PluginDocument) {
	w.exec(`INSERT OR REPLACE INTO plugins VALUES (?,?,?,?)`, p.Name, p.Version, w.label(p.Security), w.json(p))
}

func (w *writer) dead(d *DeadLetter) {
	res := w.exec(`DELETE FROM dead WHERE id = ?`, d.ID)
	if w.err != nil {
		return
	}
	gone, err := res.RowsAffected()
	if err != nil {
		w.err = err
		return
	}
	w.counts["dead"] -= gone
	if d.Closed {
		return
	}
	w.exec(`INSERT INTO dead VALUES (?,?,?)`, d.ID, d.Time.UnixMicro(), w.json(d))
	w.counts["dead"]++
}

// storeCounts adds up what is counted for Counts and for the pages of plugins.
func (w *writer) storeCounts() {
	for _, name := range slices.Sorted(maps.Keys(w.counts)) {
		if n := w.counts[name]; n != 0 {
			w.exec(`INSERT INTO counters VALUES (?,?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n`, name, n)
		}
	}
	for k, n := range w.states {
		if n != 0 {
			w.exec(`INSERT INTO states VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n`, k.plugin, k.version, k.state, k.label, n)
		}
	}
	for k, n := range w.hours {
		if n != 0 {
			w.exec(`INSERT INTO hours VALUES (?,?,?,?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n`, k.plugin, k.version, k.hour, k.state, k.label, n)
		}
	}
}

func (w *writer) json(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("encode %T: %w: %w", v, ErrRefused, err)
	}
	return text
}

// column returns a chunk that may be changed, and where the number is in it.
func (w *writer) column(number int64, at uint32) (*chunk, int) {
	id := number<<32 | int64(at>>chunkBits)
	c := w.columns[id]
	if c == nil {
		c = w.readChunk(id)
		w.columns[id] = c
	}
	return c, int(at & (chunkSize - 1))
}

// readChunk returns a copy of a chunk, of nothing if there is none.
func (w *writer) readChunk(id int64) *chunk {
	c := new(chunk)
	if w.latest != nil {
		of := w.latest.chunk(id)
		if of == (chunkID{}) {
			return c
		}
		if known, ok := w.s.chunks.get(of); ok {
			*c = *known.chunk
			return c
		}
	}
	var data []byte
	if w.one(`SELECT data FROM columns WHERE id = ?`, []any{id}, &data) {
		w.err = c.decode(data)
	}
	return c
}

func (w *writer) setColumn(number int64, at uint32, value int64) {
	c, i := w.column(number, at)
	c[i] = value
}

// storeColumns writes the chunks that changed, under the number of this transaction: readers tell by it whether they know a chunk, and which documents are current.
func (w *writer) storeColumns() {
	if len(w.columns) == 0 {
		return // no document is current that was not, or the other way
	}
	w.counts["rev"]++
	w.rev++
	for _, id := range slices.Sorted(maps.Keys(w.columns)) {
		data := w.columns[id].encode()
		if len(data) == 0 {
			w.exec(`DELETE FROM columns WHERE id = ?`, id)
			continue
		}
		w.exec(`INSERT OR REPLACE INTO columns VALUES (?,?,?)`, id, w.rev, data)
	}
}
