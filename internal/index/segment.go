package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// What a batch says of its documents is a segment, and what it says of its statuses another: all terms of a range of documents, in the order of their fields and their texts, with the documents
// that have each. A segment never changes. Neighbours are merged into a larger one, as in Lucene (P. O'Neil et al., The log-structured merge-tree, Acta
// Informatica 33, 1996), so that each term is written a few times in long runs and no page is changed for a single term.
//
// A segment is blocks, and a summary of how each block begins. A block is entries:
//
//	shared<<1 | field   how many bytes the text shares with the one before, and whether the field is another one; shared is 0 then
//	[field]             how much higher the field is
//	length, suffix      the rest of the text
//	length, posting     the documents
//
// and a posting is n<<1 | form with either the distances of its n documents, less one, the first from the document before the segment, or pieces (pieces.go):
// the distance of a piece from the one before, less one, the first from -1, then the length of what follows. All numbers are varints. A posting that is
// long, in bytes or documents, has a block of its own, so that the summary knows the frequent terms and how many documents they have.
const (
	maxBlock  = 3_900 // bytes, but for a long text or posting
	longBytes = 256   // of a posting
	longDocs  = 256
	listDocs  = 64 // of a posting that is a list
)

// termKey is what a document may have: a field and a text.
type termKey struct {
	field int64
	text  string
}

// compare orders terms: texts as SQLite's NOCASE, those that are the same by that in the order of their bytes.
func (k termKey) compare(o termKey) int {
	if k.field != o.field {
		return cmp.Compare(k.field, o.field)
	}
	return compareTexts(k.text, o.text)
}

func compareTexts(a, b string) int {
	if order := compareFolded(a, b); order != 0 {
		return order
	}
	return strings.Compare(a, b)
}

// compareFolded compares as if the letters A to Z were small.
func compareFolded[A, B string | []byte](a A, b B) int {
	n, i := min(len(a), len(b)), 0
	for ; i+8 <= n && eightBytes(a, i) == eightBytes(b, i); i += 8 {
	}
	for ; i < n; i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x, y = foldByte(x), foldByte(y); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// eightBytes are those of a text from i on; the compiler makes one load of it.
func eightBytes[T string | []byte](t T, i int) uint64 {
	t = t[i : i+8]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 | uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

func foldByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// fold is what compareFolded compares.
func fold(text string) string {
	for i := range len(text) {
		if c := text[i]; 'A' <= c && c <= 'Z' {
			b := []byte(text)
			for ; i < len(b); i++ {
				b[i] = foldByte(b[i])
			}
			return string(b)
		}
	}
	return text
}

var errSegment = errors.New("a segment of the index is damaged")

// posting is the documents of a term in one segment, which begins with the document base.
type posting struct {
	base uint32
	data []byte
}

// appendPosting writes documents, which are in order.
func appendPosting(b []byte, base uint32, docs []uint32) []byte {
	if len(docs) <= listDocs {
		b = binary.AppendUvarint(b, uint64(len(docs))<<1)
		last := int64(base) - 1
		for _, d := range docs {
			b = binary.AppendUvarint(b, uint64(int64(d)-last-1))
			last = int64(d)
		}
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(docs))<<1|1)
	last := int64(-1)
	for len(docs) > 0 {
		at := docs[0] >> pieceBits
		var p piece
		for ; len(docs) > 0 && docs[0]>>pieceBits == at; docs = docs[1:] {
			bitset(p[:]).add(docs[0] & (pieceSize - 1))
		}
		data := p.encode()
		b = binary.AppendUvarint(b, uint64(int64(at)-last-1))
		b = binary.AppendUvarint(b, uint64(len(data)))
		b = append(b, data...)
		last = int64(at)
	}
	return b
}

// head reads how many documents there are, and whether they are in pieces.
func (p posting) head() (n int64, pieces bool, rest []byte, err error) {
	head, size := binary.Uvarint(p.data)
	if size <= 0 || head>>1 > math.MaxUint32 {
		return 0, false, nil, errSegment
	}
	return int64(head >> 1), head&1 != 0, p.data[size:], nil
}

// count is how many documents there are.
func (p posting) count() int64 {
	n, _, _, _ := p.head()
	return n
}

// list calls fn with the documents of a posting that is no pieces.
func (p posting) list(b []byte, fn func(uint32)) error {
	next := uint64(p.base)
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		if n <= 0 || gap > math.MaxUint32 || next+gap > math.MaxUint32 {
			return errSegment
		}
		b = b[n:]
		fn(uint32(next + gap))
		next += gap + 1
	}
	return nil
}

// eachPiece calls fn with the pieces of a posting: the number of each and what is in it.
func eachPiece(b []byte, fn func(at uint32, data []byte) error) error {
	next := uint64(0)
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		if n <= 0 {
			return errSegment
		}
		size, m := binary.Uvarint(b[n:])
		b = b[n:]
		if m <= 0 || gap > math.MaxUint32>>pieceBits || next+gap > math.MaxUint32>>pieceBits || size > uint64(len(b)-m) {
			return errSegment
		}
		if err := fn(uint32(next+gap), b[m:m+int(size)]); err != nil {
			return err
		}
		next += gap + 1
		b = b[m+int(size):]
	}
	return nil
}

// addTo adds the documents to a set, as far as it reaches.
func (p posting) addTo(set bitset) error {
	_, pieces, rest, err := p.head()
	if err != nil {
		return err
	}
	if !pieces {
		return p.list(rest, set.add)
	}
	return eachPiece(rest, func(at uint32, data []byte) error { return readPiece(data, set, at<<pieceBits) })
}

// each calls fn with the documents, in order.
func (p posting) each(fn func(uint32)) error {
	_, pieces, rest, err := p.head()
	if err != nil {
		return err
	}
	if !pieces {
		return p.list(rest, fn)
	}
	return eachPiece(rest, func(at uint32, data []byte) error {
		var set piece
		if err := set.decode(data); err != nil {
			return err
		}
		for doc := range bitset(set[:]).all() {
			fn(at<<pieceBits | doc)
		}
		return nil
	})
}

// someIn tells whether a document is in a set.
func (p posting) someIn(set bitset) (bool, error) {
	found := false
	err := p.each(func(doc uint32) { found = found || set.has(doc) })
	return found, err
}

// entry is a term of a segment.
type entry struct {
	termKey
	posting
}

// block is a part of a segment as the summary has it: how it begins, and how many documents its only term has if it has a block of its own, else 0.
type block struct {
	termKey
	n int64
}

// segmentWriter makes the blocks of a segment of terms that come in order. put is given each block.
type segmentWriter struct {
	base    uint32
	put     func(number int64, data []byte)
	filter  filter // as large as it will have to be
	blocks  []block
	buffer  []byte
	last    keyBytes // of the buffer
	posting []byte
	text    []byte
}

// keyBytes is a termKey that may be overwritten.
type keyBytes struct {
	field int64
	text  []byte
}

func (w *segmentWriter) add(k termKey, docs []uint32) {
	w.text = append(w.text[:0], k.text...)
	w.addBytes(keyBytes{k.field, w.text}, docs)
}

func (w *segmentWriter) addBytes(k keyBytes, docs []uint32) {
	if filtered(k.field) {
		w.filter.add(k.field, k.text)
	}
	w.posting = appendPosting(w.posting[:0], w.base, docs)
	long := len(w.posting) > longBytes || len(docs) > longDocs
	if len(w.buffer) > 0 && (long || len(w.buffer)+len(k.text)+len(w.posting)+16 > maxBlock) {
		w.flush()
	}
	if len(w.buffer) == 0 {
		b := block{termKey: termKey{k.field, string(k.text)}}
		if long {
			b.n = int64(len(docs))
		}
		w.blocks = append(w.blocks, b)
		w.buffer = make([]byte, 0, maxBlock+16)
		w.last = keyBytes{text: w.last.text[:0]}
	}
	w.buffer = appendKey(w.buffer, w.last, k)
	w.buffer = binary.AppendUvarint(w.buffer, uint64(len(w.posting)))
	w.buffer = append(w.buffer, w.posting...)
	w.last = keyBytes{k.field, append(w.last.text[:0], k.text...)}
	if long {
		w.flush()
	}
}

// flush ends a block.
func (w *segmentWriter) flush() {
	if len(w.buffer) > 0 {
		w.put(int64(len(w.blocks)-1), w.buffer)
		w.buffer = nil
	}
}

// appendKey writes what is different from the term before.
func appendKey(b []byte, last, k keyBytes) []byte {
	shared := 0
	if k.field == last.field {
		n := min(len(k.text), len(last.text))
		for shared+8 <= n && eightBytes(k.text, shared) == eightBytes(last.text, shared) {
			shared += 8
		}
		for shared < n && k.text[shared] == last.text[shared] {
			shared++
		}
		b = binary.AppendUvarint(b, uint64(shared)<<1)
	} else {
		b = binary.AppendUvarint(b, 1)
		b = binary.AppendUvarint(b, uint64(k.field-last.field))
	}
	b = binary.AppendUvarint(b, uint64(len(k.text)-shared))
	return append(b, k.text[shared:]...)
}

// keyReader reads terms one after the other; each changes the one before.
type keyReader struct {
	rest  []byte
	field int64
	text  []byte
}

// number reads a varint.
func (r *keyReader) number() (uint64, bool) {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		return 0, false
	}
	r.rest = r.rest[size:]
	return n, true
}

// bytes reads a length and so many bytes.
func (r *keyReader) bytes() ([]byte, bool) {
	n, ok := r.number()
	if !ok || n > uint64(len(r.rest)) {
		return nil, false
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, true
}

func (r *keyReader) key() bool {
	head, ok := r.number()
	if !ok {
		return false
	}
	shared := head >> 1
	if head&1 != 0 {
		up, ok := r.number()
		if !ok || up > math.MaxInt32 || shared != 0 {
			return false
		}
		r.field += int64(up)
	}
	suffix, ok := r.bytes()
	if !ok || shared > uint64(len(r.text)) {
		return false
	}
	r.text = append(r.text[:shared], suffix...)
	return true
}

// maxTexts bounds what the texts of a block or a summary take when they are written out: each may share all of a long one.
const maxTexts = 256 << 20

// textList are texts in one piece of memory.
type textList struct {
	all  []byte
	ends []int
}

func (l *textList) add(text []byte) error {
	if l.all = append(l.all, text...); len(l.all) > maxTexts {
		return errSegment
	}
	l.ends = append(l.ends, len(l.all))
	return nil
}

// each calls fn with all texts.
func (l *textList) each(fn func(i int, text string)) {
	all, from := string(l.all), 0
	for i, end := range l.ends {
		fn(i, all[from:end])
		from = end
	}
}

// readBlock returns the terms of a block of a segment that begins with the document base.
func readBlock(data []byte, base uint32) ([]entry, error) {
	r := keyReader{rest: data}
	texts := textList{all: make([]byte, 0, 2*len(data)), ends: make([]int, 0, len(data)/24+1)}
	list := make([]entry, 0, len(data)/24+1)
	for len(r.rest) > 0 {
		if !r.key() {
			return nil, errSegment
		}
		docs, ok := r.bytes()
		if !ok || texts.add(r.text) != nil {
			return nil, errSegment
		}
		list = append(list, entry{termKey{field: r.field}, posting{base, docs}})
	}
	texts.each(func(i int, text string) { list[i].text = text })
	return list, nil
}

// appendSummary writes how blocks begin.
func appendSummary(b []byte, blocks []block) []byte {
	var last keyBytes
	for _, of := range blocks {
		k := keyBytes{of.field, []byte(of.text)}
		b = appendKey(b, last, k)
		b = binary.AppendUvarint(b, uint64(of.n))
		last = k
	}
	return b
}

func readSummary(data []byte) ([]block, error) {
	r := keyReader{rest: data}
	var texts textList
	var list []block
	for len(r.rest) > 0 {
		if !r.key() {
			return nil, errSegment
		}
		n, ok := r.number()
		if !ok || n > math.MaxUint32 || texts.add(r.text) != nil {
			return nil, errSegment
		}
		list = append(list, block{termKey{field: r.field}, int64(n)})
	}
	texts.each(func(i int, text string) { list[i].text = text })
	return list, nil
}

// termTable are the terms of the documents or of the statuses of a batch.
type termTable struct {
	slots    []int32 // numbers of terms, each at its hash or in the first place behind that was free; -1 is free. A power of two, at most half of them full
	list     []newTerm
	pairs    []termDoc // in the order of the documents
	filtered int       // terms that are in the filter
}

// newTermTable has room for so many pairs of a term and a document; more may come.
func newTermTable(pairs int) termTable {
	t := termTable{list: make([]newTerm, 0, pairs/2), pairs: make([]termDoc, 0, pairs)}
	t.grow(max(16, 1<<bits.Len(uint(pairs))))
	return t
}

type newTerm struct {
	termKey
	hash uint32
	last int32 // of its pairs
	n    int32
}

var termSeed = maphash.MakeSeed()

func hashOfTerm(field int64, text string) uint32 {
	return uint32((maphash.String(termSeed, text) + uint64(field)) * 0x9e3779b97f4a7c15 >> 32)
}

func (t *termTable) grow(slots int) {
	t.slots = slices.Repeat([]int32{-1}, slots)
	for n := range t.list {
		at := t.list[n].hash
		for t.slots[at&uint32(slots-1)] >= 0 {
			at++
		}
		t.slots[at&uint32(slots-1)] = int32(n)
	}
}

// find returns the number of a term, or -1 and the slot for it.
func (t *termTable) find(field int64, text string, hash uint32) (n int32, slot uint32) {
	for slot = hash; ; slot++ {
		slot &= uint32(len(t.slots) - 1)
		n = t.slots[slot]
		if n < 0 || t.list[n].hash == hash && t.list[n].field == field && t.list[n].text == text {
			return n, slot
		}
	}
}

type termDoc struct {
	term   int32
	doc    uint32
	before int32 // pair of the same term
}

// add notes that a document has a term. Documents come in order.
func (t *termTable) add(field int64, text string, doc uint32) {
	hash := hashOfTerm(field, text)
	n, slot := t.find(field, text, hash)
	if n < 0 {
		n = int32(len(t.list))
		t.slots[slot] = n
		t.list = append(t.list, newTerm{termKey: termKey{field, text}, hash: hash})
		if filtered(field) {
			t.filtered++
		}
		if 2*len(t.list) > len(t.slots) {
			t.grow(2 * len(t.slots))
		}
	}
	if of := &t.list[n]; of.n == 0 || t.pairs[of.last].doc != doc {
		t.pairs = append(t.pairs, termDoc{n, doc, of.last})
		of.last = int32(len(t.pairs) - 1)
		of.n++
	}
}

// documents calls fn with those that have a term, the last first.
func (t *termTable) documents(k termKey, fn func(doc uint32)) {
	if len(t.list) == 0 {
		return
	}
	number, _ := t.find(k.field, k.text, hashOfTerm(k.field, k.text))
	if number < 0 {
		return
	}
	of := &t.list[number]
	for n, at := of.n, of.last; n > 0; n-- {
		fn(t.pairs[at].doc)
		at = t.pairs[at].before
	}
}

// each calls fn with all terms in order and their documents.
func (t *termTable) each(fn func(termKey, []uint32)) {
	starts := make([]int, len(t.list)+1)
	for i := range t.list {
		starts[i+1] = starts[i] + int(t.list[i].n)
	}
	docs := make([]uint32, len(t.pairs))
	next := slices.Clone(starts)
	for _, p := range t.pairs {
		docs[next[p.term]] = p.doc
		next[p.term]++
	}
	// Most comparisons end with the field and the first bytes, which are side by side here.
	type place struct {
		field  int64
		prefix uint64
		n      int32
	}
	order := make([]place, len(t.list))
	for i := range order {
		order[i] = place{t.list[i].field, foldedPrefix(t.list[i].text), int32(i)}
	}
	slices.SortFunc(order, func(a, b place) int {
		if a.field != b.field {
			return cmp.Compare(a.field, b.field)
		}
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return compareTexts(t.list[a.n].text, t.list[b.n].text)
	})
	for _, p := range order {
		fn(t.list[p.n].termKey, docs[starts[p.n]:starts[p.n+1]])
	}
}

// foldedPrefix are the first eight bytes that compareFolded compares, so that numbers are in the order of the texts, unless they are the same.
func foldedPrefix(text string) (prefix uint64) {
	for i := range 8 {
		prefix <<= 8
		if i < len(text) {
			prefix |= uint64(foldByte(text[i]))
		}
	}
	return prefix
}
