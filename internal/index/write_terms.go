package index

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// termKey is what a document may have: a field and a text.
type termKey struct {
	field int64
	text  string
}

// term is one that the batch touches.
type term struct {
	termKey
	number   int64 // 0 until it was looked for
	isNew    bool
	inPieces bool   // its documents are in postings
	docs     []byte // otherwise
	add, del []uint32
}

// termTable are the terms that a batch touches.
type termTable struct {
	byKey    map[termKey]*term
	byNumber map[int64]*term
	unknown  []*term // not looked for yet
}

func newTermTable() termTable {
	return termTable{byKey: map[termKey]*term{}, byNumber: map[int64]*term{}}
}

// term returns the term of a field and a text; findTerms gives it its number.
func (w *writer) term(field int64, text string) *term {
	key := termKey{field, text}
	t := w.terms.byKey[key]
	if t == nil {
		t = &term{termKey: key}
		w.terms.byKey[key] = t
		w.terms.unknown = append(w.terms.unknown, t)
	}
	return t
}

// findTerms looks for the terms that have no number yet, in the order of the index, so that it meets each page once.
func (w *writer) findTerms() {
	list := w.terms.unknown
	w.terms.unknown = nil
	folded := make(map[*term]string, len(list))
	for _, t := range list {
		folded[t] = fold(t.text)
	}
	slices.SortFunc(list, func(a, b *term) int {
		return cmp.Or(cmp.Compare(a.field, b.field), strings.Compare(folded[a], folded[b]), strings.Compare(a.text, b.text))
	})
	ask := list[:0:0]
	for _, t := range list {
		if large := w.known.terms[t.termKey]; large != nil {
			t.number, t.inPieces = large.number, true
			w.terms.byNumber[t.number] = t
		} else {
			ask = append(ask, t)
		}
	}
	for len(ask) > 0 && w.err == nil {
		n := min(len(ask), termsAtOnce)
		w.askTerms(ask[:n])
		ask = ask[n:]
	}
}

// termsAtOnce are how many terms one statement looks for.
const termsAtOnce = 64

var askTermsSQL = `WITH asked(i, field, text) AS (VALUES ` + strings.TrimSuffix(strings.Repeat("(?,?,?),", termsAtOnce), ",") + `)
	SELECT i, term, n, docs, t.text FROM asked CROSS JOIN terms t INDEXED BY terms_text ON t.field = asked.field AND t.text = asked.text COLLATE NOCASE`

// askTerms looks for some terms, and numbers those that are new.
func (w *writer) askTerms(list []*term) {
	args := make([]any, 0, 3*termsAtOnce)
	for i, t := range list {
		args = append(args, i, t.field, t.text)
	}
	for len(args) < 3*termsAtOnce {
		args = append(args, -1, -1, "")
	}
	w.rows(askTermsSQL, args, func(scan scanner) error {
		var i, number int64
		var n *int64
		var docs []byte
		var text string
		if err := scan(&i, &number, &n, &docs, &text); err != nil {
			return err
		}
		if t := list[i]; text == t.text {
			t.number, t.docs = number, docs
			w.setCount(t, n)
		}
		return nil
	})
	for _, t := range list {
		if t.number == 0 {
			t.number, t.isNew = w.nextTerm, true
			w.nextTerm++
		}
		w.terms.byNumber[t.number] = t
	}
}

// fold is what SQLite's NOCASE compares: A to Z only.
func fold(text string) string {
	for i := range len(text) {
		if c := text[i]; 'A' <= c && c <= 'Z' {
			b := []byte(text)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return text
}

// setCount notes that a term's documents are in postings, if they are.
func (w *writer) setCount(t *term, n *int64) {
	if n != nil {
		t.inPieces = true
		w.known.terms[t.termKey] = &largeTerm{number: t.number, n: *n}
	}
}

// numbered returns a term that a stored document has.
func (w *writer) numbered(number int64) *term {
	if t := w.terms.byNumber[number]; t != nil {
		return t
	}
	t := &term{number: number}
	var n *int64
	if !w.one(`SELECT field, text, n, docs FROM terms WHERE term = ?`, []any{number}, &t.field, &t.text, &n, &t.docs) {
		return t // Verify tells of it; nothing is left to remove
	}
	w.setCount(t, n)
	if other := w.terms.byKey[t.termKey]; other != nil { // asked for and not looked for yet
		other.number, other.inPieces, other.docs = t.number, t.inPieces, t.docs
		w.terms.unknown = slices.DeleteFunc(w.terms.unknown, func(u *term) bool { return u == other })
		t = other
	}
	w.terms.byKey[t.termKey], w.terms.byNumber[number] = t, t
	return t
}

// maxSmall is how many bytes the documents of a term may take in its own row.
const maxSmall = 40

// storeTerms writes what changed of all terms.
func (w *writer) storeTerms() {
	w.newTerms = newRows{table: "terms", columns: 5}
	w.newPieces = newRows{table: "postings", columns: 2, or: "OR REPLACE "}
	defer func() {
		w.newTerms.write(w)
		w.newPieces.write(w)
	}()
	for _, number := range slices.Sorted(maps.Keys(w.terms.byNumber)) {
		t := w.terms.byNumber[number]
		if len(t.add)+len(t.del) > 0 && (t.field != 0) {
			w.storeTerm(t)
		}
		if w.err != nil {
			return
		}
	}
}

func (w *writer) storeTerm(t *term) {
	if t.inPieces {
		w.storePieces(t)
		return
	}
	var docs []uint32
	if len(t.docs) > 0 {
		if _, err := readSmallSet(t.docs, func(d uint32) { docs = append(docs, d) }); err != nil {
			w.err = err
			return
		}
	}
	gone := t.gone()
	docs = slices.DeleteFunc(append(docs, t.add...), func(d uint32) bool { return gone[d] })
	slices.Sort(docs)
	docs = slices.Compact(docs)
	small := smallSet(docs)
	switch {
	case len(docs) == 0 && t.isNew:
	case len(docs) == 0:
		w.exec(`DELETE FROM terms WHERE term = ?`, t.number)
	case len(small) > maxSmall:
		if t.isNew {
			w.exec(`INSERT INTO terms VALUES (?,?,?,NULL,?)`, t.number, t.field, len(docs), t.text)
		} else {
			w.exec(`UPDATE terms SET n = ?, docs = NULL WHERE term = ?`, len(docs), t.number)
		}
		t.add, t.del, t.inPieces, t.isNew = docs, nil, true, false
		w.writePieces(t)
		w.known.terms[t.termKey] = &largeTerm{number: t.number, n: int64(len(docs))}
	case t.isNew:
		w.newTerms.values = append(w.newTerms.values, t.number, t.field, nil, small, t.text)
	default:
		w.exec(`UPDATE terms SET docs = ? WHERE term = ?`, small, t.number)
	}
}

// gone are the documents that were removed and not added since: a document that comes back has another number.
func (t *term) gone() map[uint32]bool {
	if len(t.del) == 0 {
		return nil
	}
	gone := make(map[uint32]bool, len(t.del))
	for _, d := range t.del {
		gone[d] = true
	}
	return gone
}

func (w *writer) storePieces(t *term) {
	change := w.writePieces(t)
	if change < 0 {
		w.newPieces.write(w)
		var some int
		if !w.one(`SELECT 1 FROM postings WHERE id >= ? AND id < ? LIMIT 1`, []any{t.number << pieceShift, (t.number + 1) << pieceShift}, &some) {
			w.exec(`DELETE FROM terms WHERE term = ?`, t.number)
			delete(w.known.terms, t.termKey)
			delete(w.known.tails, t.number)
			return
		}
	}
	large := w.known.terms[t.termKey]
	if large.grown += int64(change); large.grown > large.n/8 || large.grown < 0 {
		large.n, large.grown = max(1, large.n+large.grown), 0
		w.exec(`UPDATE terms SET n = ? WHERE term = ?`, large.n, t.number)
	}
}

// pieceShift leaves room for 1,048,576 pieces of a term: 2^33 documents.
const pieceShift = 20

// writePieces changes the pieces of a term and returns by how many documents it grew.
func (w *writer) writePieces(t *term) (change int) {
	slices.Sort(t.add)
	slices.Sort(t.del)
	gone := t.gone()
	for a, d := t.add, t.del; len(a)+len(d) > 0; {
		at := ^uint32(0)
		if len(a) > 0 {
			at = a[0] >> pieceBits
		}
		if len(d) > 0 {
			at = min(at, d[0]>>pieceBits)
		}
		id := t.number<<pieceShift | int64(at)
		var p piece
		var data []byte
		last, stored := w.known.tails[t.number]
		if stored = stored && last.id == id; stored {
			data = last.data
		} else {
			stored = w.one(`SELECT docs FROM postings WHERE id = ?`, []any{id}, &data)
		}
		if stored {
			w.err = p.decode(data)
		}
		if w.err != nil {
			return change
		}
		change -= p.count()
		for ; len(a) > 0 && a[0]>>pieceBits == at; a = a[1:] {
			if !gone[a[0]] {
				bitset(p[:]).add(a[0] & (pieceSize - 1))
			}
		}
		for ; len(d) > 0 && d[0]>>pieceBits == at; d = d[1:] {
			p[(d[0]&(pieceSize-1))>>6] &^= 1 << (d[0] & 63)
		}
		change += p.count()
		switch data := p.encode(); {
		case data != nil:
			w.newPieces.values = append(w.newPieces.values, id, data)
			if last.id == id || at == uint32(w.nextDoc-1)>>pieceBits {
				w.known.tails[t.number] = tail{id, data}
			}
		case stored:
			w.exec(`DELETE FROM postings WHERE id = ?`, id)
			if last.id == id {
				delete(w.known.tails, t.number)
			}
		}
	}
	return change
}
