package index

import (
	"cmp"
	"container/heap"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// segment is one that answers, with its summary.
type segment struct {
	id          int64
	base, until uint32 // its documents, until not among them
	filterSize  int
	summary
}

// summary is what is in memory of a segment.
type summary struct {
	blocks []block
	filter filter
	labels *labelSets
}

// summaries are those of the segments that answered last. Segments do not change, and their numbers do not come again.
type summaries struct {
	mu   sync.Mutex
	read map[int64]summary
}

func (c *summaries) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.read)
}

// starts are a document and a status: segments from there on.
type starts struct{ documents, statuses uint32 }

var wholeIndex = starts{0, firstStatus}

// listSegments returns those that answer, those of documents first, each the oldest first, without their summaries.
func (v view) listSegments(from starts) (list []segment, err error) {
	err = v.rows(`SELECT segment, base, until, length(filter) FROM segments WHERE base >= ? AND base < ? OR base >= ? ORDER BY base`,
		[]any{from.documents, int64(firstStatus), from.statuses}, func(scan scanner) error {
			var s segment
			err := scan(&s.id, &s.base, &s.until, &s.filterSize)
			if err == nil && (s.until < s.base || s.base < firstStatus && s.until > firstStatus) {
				err = errSegment
			}
			list = append(list, s)
			return err
		})
	return list, err
}

// documentSegments is how many of a list are of documents; the rest is of statuses.
func documentSegments(list []segment) int {
	return sort.Search(len(list), func(i int) bool { return list[i].base >= firstStatus })
}

// segments returns those that have terms of a field, the oldest first.
func (v view) segments(field int64) ([]segment, error) {
	all, err := v.allSegments()
	if err != nil {
		return nil, err
	}
	if ofStatuses(field) {
		return all[v.once.documents:], nil
	}
	return all[:v.once.documents], nil
}

// allSegments returns those that answer, those of documents first, each the oldest first.
func (v view) allSegments() ([]segment, error) {
	if v.once.listed {
		return v.once.segments, nil
	}
	list, err := v.listSegments(wholeIndex)
	if err != nil {
		return nil, err
	}
	c := &v.s.summaries
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.read {
		if !slices.ContainsFunc(list, func(s segment) bool { return s.id == id }) {
			delete(c.read, id) // another view may still need it, and reads it again
		}
	}
	for i := range list {
		s := &list[i]
		var ok bool
		if s.summary, ok = c.read[s.id]; ok {
			continue
		}
		var data []byte
		if err := v.one(`SELECT summary, filter FROM segments WHERE segment = ?`, []any{s.id}, &data, (*[]byte)(&s.filter)); err != nil {
			return nil, err
		}
		if s.blocks, err = readSummary(data); err != nil {
			return nil, err
		}
		s.labels = &labelSets{of: map[int64]bitset{}}
		c.read[s.id] = s.summary
	}
	v.once.segments, v.once.documents, v.once.listed = list, documentSegments(list), true
	return list, nil
}

// blockShift leaves room for 2^28 blocks of a segment.
const blockShift = 28

// maxBlockBytes bounds the blocks in memory: those of terms that are asked for again and again.
const maxBlockBytes = 64 << 20

// block returns a block. keep says that it may be asked for again soon, which is not so when all of a segment are read.
func (v view) block(s *segment, number int, keep bool) (data []byte, err error) {
	id := s.id<<blockShift | int64(number)
	if data, ok := v.s.blocks.get(id); ok {
		return data, nil
	}
	if err = v.one(`SELECT data FROM blocks WHERE id = ?`, []any{id}, &data); err == nil && keep && !v.writing {
		v.s.blocks.put(id, data, len(data))
	}
	return data, err
}

// textRange is texts by their folded form, the ends included. upTo "" is without end.
type textRange struct{ from, upTo string }

var allTexts = textRange{}

// beginningWith are the texts that begin with a prefix, in any case. No text has the byte 0xff, which is not of UTF-8.
func beginningWith(prefix string) textRange {
	if prefix == "" {
		return allTexts
	}
	return textRange{prefix, prefix + "\xff"}
}

// same is one text, in any case.
func same(text string) textRange { return textRange{fold(text), fold(text)} }

// beyond tells whether a text comes after the range.
func (r textRange) beyond(text string) bool { return r.upTo != "" && compareFolded(text, r.upTo) > 0 }

// cursor goes through the terms of a field in one segment.
type cursor struct {
	view
	of      *segment
	field   int64
	texts   textRange
	down    bool // from the last to the first
	number  int  // of the block
	reader  keyReader
	entries []entry // when it goes down: those before the last one that was given
	open    bool    // a block
	last    entry
}

// cursor stands before the first term of a range, from the side it goes.
func (v view) cursor(of *segment, field int64, texts textRange, down bool) (*cursor, error) {
	c := &cursor{view: v, of: of, field: field, texts: texts, down: down}
	if len(of.blocks) == 0 || of.blocks[0].field > field {
		c.number = len(of.blocks) // there is nothing
		return c, nil
	}
	if !down {
		// Texts of one folded form may be in two blocks, the first of which does not begin with it.
		c.number = max(0, sort.Search(len(of.blocks), func(i int) bool {
			b := &of.blocks[i]
			return cmp.Or(cmp.Compare(b.field, field), compareFolded(b.text, texts.from)) >= 0
		})-1)
		return c, c.load()
	}
	c.number = sort.Search(len(of.blocks), func(i int) bool {
		b := &of.blocks[i]
		return b.field > field || b.field == field && texts.beyond(b.text)
	}) - 1
	return c, c.load()
}

// load opens the block that has a turn, if there can be something in it.
func (c *cursor) load() error {
	c.open = false
	if c.number < 0 || c.number >= len(c.of.blocks) {
		return nil
	}
	if b := &c.of.blocks[c.number]; b.field > c.field || b.field == c.field && c.texts.beyond(b.text) {
		return nil
	}
	data, err := c.block(c.of, c.number, c.texts.from == c.texts.upTo && c.texts.from != "")
	if err != nil {
		return err
	}
	c.open = true
	if c.down {
		c.entries, err = readBlock(data, c.of.base)
	} else {
		c.reader = keyReader{rest: data, text: c.reader.text[:0]}
	}
	return err
}

// next returns the next term, nil after the last. It is overwritten by the next call.
func (c *cursor) next() (*entry, error) {
	for c.open {
		for len(c.entries) > 0 {
			e := &c.entries[len(c.entries)-1]
			c.entries = c.entries[:len(c.entries)-1]
			if e.field < c.field || e.field == c.field && compareFolded(e.text, c.texts.from) < 0 {
				return nil, nil
			}
			if e.field == c.field && !c.texts.beyond(e.text) {
				return e, nil
			}
		}
		for r := &c.reader; len(r.rest) > 0; {
			if !r.key() {
				return nil, errSegment
			}
			docs, ok := r.bytes()
			if !ok {
				return nil, errSegment
			}
			if r.field > c.field {
				return nil, nil
			}
			if r.field < c.field || compareFolded(r.text, c.texts.from) < 0 {
				continue
			}
			if c.texts.upTo != "" && compareFolded(r.text, c.texts.upTo) > 0 {
				return nil, nil
			}
			c.last = entry{termKey{r.field, string(r.text)}, posting{c.of.base, docs}}
			return &c.last, nil
		}
		if c.down {
			c.number--
		} else {
			c.number++
		}
		if err := c.load(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// foundTerm is a term of a field with its documents, of all segments.
type foundTerm struct {
	text string
	docs []posting
}

// count is how many documents have a term, those that are removed or superseded among them.
func (t *foundTerm) count() (n int64) {
	for _, p := range t.docs {
		n += p.count()
	}
	return n
}

func (t *foundTerm) addTo(set bitset) error {
	for _, p := range t.docs {
		if err := p.addTo(set); err != nil {
			return err
		}
	}
	return nil
}

// each calls fn with the documents, in order.
func (t *foundTerm) each(fn func(doc uint32)) error {
	for _, p := range t.docs {
		if err := p.each(fn); err != nil {
			return err
		}
	}
	return nil
}

func (t *foundTerm) someIn(set bitset) (bool, error) {
	for _, p := range t.docs {
		if some, err := p.someIn(set); some || err != nil {
			return some, err
		}
	}
	return false, nil
}

// front is where a cursor stands.
type front struct {
	*cursor
	entry *entry
	order int // of the segment
}

// fronts is a heap of cursors, the one with the next term on top.
type fronts struct {
	list []front
	down bool
}

func (f *fronts) Len() int { return len(f.list) }
func (f *fronts) Less(i, j int) bool {
	order := compareTexts(f.list[i].entry.text, f.list[j].entry.text)
	if f.down {
		order = -order
	}
	return order < 0 || order == 0 && f.list[i].order < f.list[j].order
}
func (f *fronts) Swap(i, j int) { f.list[i], f.list[j] = f.list[j], f.list[i] }
func (f *fronts) Push(x any)    { f.list = append(f.list, x.(front)) }
func (f *fronts) Pop() any {
	last := f.list[len(f.list)-1]
	f.list = f.list[:len(f.list)-1]
	return last
}

// eachTerm calls fn with the terms of a field in a range, in order, until it returns an error; errEnough ends it well.
func (v view) eachTerm(field int64, texts textRange, down bool, fn func(*foundTerm) error) error {
	segments, err := v.segments(field)
	if err != nil {
		return err
	}
	all := fronts{down: down}
	for i := range segments {
		c, err := v.cursor(&segments[i], field, texts, down)
		if err != nil {
			return err
		}
		e, err := c.next()
		if err != nil {
			return err
		}
		if e != nil {
			all.list = append(all.list, front{c, e, i})
		}
	}
	heap.Init(&all)
	for n := 1; len(all.list) > 0; n++ {
		t := foundTerm{text: all.list[0].entry.text}
		for len(all.list) > 0 && all.list[0].entry.text == t.text {
			top := &all.list[0]
			t.docs = append(t.docs, top.entry.posting)
			if top.entry, err = top.next(); err != nil {
				return err
			}
			if top.entry == nil {
				heap.Pop(&all)
			} else {
				heap.Fix(&all, 0)
			}
		}
		if err := fn(&t); err == errEnough {
			return nil
		} else if err != nil {
			return err
		}
		if n%rowsBetween == 0 && v.ctx.Err() != nil {
			return v.ctx.Err()
		}
	}
	return nil
}

// foundText returns the documents that have exactly a text.
func (v view) foundText(field int64, text string) (*foundTerm, error) {
	t := &foundTerm{text: text}
	return t, v.eachEntry(field, same(text), func(e *entry) error {
		if e.text == text {
			t.docs = append(t.docs, e.posting)
		}
		return nil
	})
}

// eachEntry is eachTerm without an order: one segment after the other.
func (v view) eachEntry(field int64, texts textRange, fn func(*entry) error) error {
	segments, err := v.segments(field)
	if err != nil {
		return err
	}
	n := 0
	for i := range segments {
		if texts.from == texts.upTo && segments[i].filter.lacks(termKey{field, texts.from}) {
			continue
		}
		c, err := v.cursor(&segments[i], field, texts, false)
		if err != nil {
			return err
		}
		for {
			e, err := c.next()
			if err != nil {
				return err
			}
			if e == nil {
				break
			}
			if err := fn(e); err == errEnough {
				return nil
			} else if err != nil {
				return err
			}
			if n++; n%rowsBetween == 0 && v.ctx.Err() != nil {
				return v.ctx.Err()
			}
		}
	}
	return nil
}

// labelSets are the documents with a label in one segment, of the labels that many have. Their first number is that of the word in which the segment begins.
type labelSets struct {
	mu sync.Mutex
	of map[int64]bitset
}

// rareLabel is which part of a segment's documents a label has to have for its set to be kept: so a document takes two bytes at most.
const rareLabel = 16

// addLabelled adds a segment's documents with a label to a set; field is that of labels.
func (v view) addLabelled(s *segment, field, label int64, into bitset) error {
	s.labels.mu.Lock()
	defer s.labels.mu.Unlock()
	begin := s.base >> 6
	set, kept := s.labels.of[label]
	if !kept {
		c, err := v.cursor(s, field, same(strconv.FormatInt(label, 10)), false)
		if err != nil {
			return err
		}
		e, err := c.next()
		if err != nil {
			return err
		}
		if e != nil {
			set = newBitset(int64(s.until - begin<<6))
			if err := e.each(func(doc uint32) { set.add(doc - begin<<6) }); err != nil {
				return err
			}
		}
		if e == nil || e.count() >= int64(s.until-s.base)/rareLabel {
			s.labels.of[label] = set
		}
	}
	if int(begin) < len(into) {
		into[begin:].or(set)
	}
	return nil
}

// frequentTerms returns the terms of a field that have a block of their own somewhere, with how many documents they have there.
func (v view) frequentTerms(field int64, prefix string) (map[string]int64, error) {
	segments, err := v.segments(field)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for i := range segments {
		blocks := segments[i].blocks
		for at := sort.Search(len(blocks), func(i int) bool {
			return cmp.Or(cmp.Compare(blocks[i].field, field), compareFolded(blocks[i].text, prefix)) >= 0
		}); at < len(blocks); at++ {
			b := &blocks[at]
			if b.field != field || !strings.HasPrefix(fold(b.text), prefix) {
				break
			}
			if b.n > 0 {
				counts[b.text] += b.n
			}
		}
	}
	return counts, nil
}

// Sets of documents that change, in pieces whose row is mask<<pieceShift | piece.
const (
	maskCurrent = 1 // not superseded
	maskRemoved = 2 // gone, and still in segments

	pieceShift = 20
)

// maskPieces calls fn with the pieces of a mask: the number of each and what is in it.
func (v view) maskPieces(mask int64, fn func(at uint32, data []byte) error) error {
	return v.rows(`SELECT id, docs FROM masks WHERE id >= ? AND id < ?`, []any{mask << pieceShift, (mask + 1) << pieceShift}, func(scan scanner) error {
		var id int64
		var data []byte
		if err := scan(&id, &data); err != nil {
			return err
		}
		return fn(uint32(id&(1<<pieceShift-1)), data)
	})
}

// mask adds the documents of a mask to a set.
func (v view) mask(mask int64, into bitset) error {
	return v.maskPieces(mask, func(at uint32, data []byte) error { return readPiece(data, into, at<<pieceBits) })
}
