package index

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"lazuli/internal/index/query"
)

// facets counts the most frequent values of fields among files.
func (e *eval) facets(files bitset, names []string, size int) ([]Facet, error) {
	if size <= 0 {
		size = 10
	}
	var list []Facet
	c := e.counter(files)
	for _, name := range names {
		field := query.Lookup(name)
		if field == nil || !countable(field) {
			return nil, &query.Error{Column: 1, Message: fmt.Sprintf("the values of %s cannot be counted", name)}
		}
		f, err := c.facet(field, size)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// countable tells whether a field's values are terms.
func countable(f *query.Field) bool {
	if f.Feature != "" {
		return true
	}
	switch f.Name {
	case partTree, "binary.tag", "feature.tag", "size", "datastreams.size", "timestamp", "source.timestamp", "parent.sha256", "track_link", "sha256_author_action",
		"parent.encoded.sha256_author_action", "features.offset", "features.size", "features.encoded.location":
		return false
	}
	_, file := hashesOfFiles[f.Name]
	_, stream := hashesOfStreams[f.Name]
	return !file && !stream && !notKept[f.Name]
}

// counter counts distinct files.
type counter struct {
	*eval
	docs   bitset // of some files, if it was made for them
	number int64  // how many they are
	stamps []uint32
	stamp  uint32
}

func (e *eval) counter(files bitset) *counter {
	c := &counter{eval: e, stamps: make([]uint32, e.files)}
	if files != nil {
		c.docs = e.documentsOf(files)
		c.number = c.docs.count()
	}
	return c
}

// count counts the distinct files of the documents that are in a set and in c, but at most all.
func (c *counter) count(docs, within bitset) int64 {
	c.stamp++
	n := int64(0)
	for i := range min(len(docs), len(within)) {
		for w := docs[i] & within[i]; w != 0; w &= w - 1 {
			bin := c.bins.at(uint32(i<<6 | bits.TrailingZeros64(w)))
			if uint64(bin) < uint64(len(c.stamps)) && c.stamps[bin] != c.stamp { // a damaged column may say anything
				c.stamps[bin] = c.stamp
				n++
			}
		}
	}
	return n
}

// Bounds on the work for one facet. A document costs some ten nanoseconds.
const (
	maxFacetWork = 6_000_000 // documents to look at; more are sampled
	maxFew       = longDocs  // a term has no more documents in a segment where it has no block of its own
)

// facet counts the terms of a field, the most frequent first: those that have a block of their own in some segment. A term has at least as many documents as
// files, so the first that cannot be above what was found ends it.
func (c *counter) facet(field *query.Field, size int) (Facet, error) {
	f := Facet{Field: field.Name, Values: []ValueCount{}}
	number, err := c.field(field.Name)
	if err != nil || number == 0 {
		return f, err
	}
	counts, err := c.frequentTerms(number, "")
	if err != nil {
		return f, err
	}
	var terms []ValueCount
	work := int64(0)
	for text, n := range counts {
		terms = append(terms, ValueCount{text, n})
		work += n
	}
	slices.SortFunc(terms, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	segments, err := c.segments(number)
	if err != nil {
		return f, err
	}
	few := int64(len(segments)) * maxFew // that a term may have beside those that are known
	within, factor := c.sample(work)
	f.Approx = factor > 1
	deadline := time.Now().Add(c.s.patience.facet)
	top := topValues{size: size}
	for _, t := range terms {
		if t.Count+few <= top.least() {
			break
		}
		if time.Now().After(deadline) {
			f.Approx = true
			break
		}
		found, err := c.foundText(number, t.Value)
		if err != nil {
			return f, err
		}
		if found.count() <= top.least() {
			continue
		}
		set := newBitset(c.eval.docs)
		if err := found.addTo(set); err != nil {
			return f, err
		}
		if n := c.count(set, within) * factor; n > 0 {
			top.add(t.Value, n)
		}
	}
	if top.least() < few {
		if err := c.rareTerms(number, counts, deadline, &top, &f); err != nil {
			return f, err
		}
	}
	for _, t := range top.list {
		f.Values = append(f.Values, ValueCount{display(field, t.Value), t.Count})
	}
	slices.SortStableFunc(f.Values, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	return f, nil
}

// sample leaves out files when there is too much to count: all but every factor-th.
func (c *counter) sample(work int64) (within bitset, factor int64) {
	factor = 1
	if all := int64(c.eval.docs); all > 0 {
		for work/all*c.number/factor > maxFacetWork && factor < 1024 {
			factor *= 2
		}
	}
	if factor == 1 {
		return c.docs, 1
	}
	within = c.docs.clone()
	for doc := range c.docs.all() {
		// Multiplied, so that neighbours that came together are not left out together.
		if bin := uint32(c.bins.at(doc)); int64(bin*2654435761>>16)%factor != 0 {
			within[doc>>6] &^= 1 << (doc & 63)
		}
	}
	return within, factor
}

// rareTerms counts those that have a block of their own nowhere, which only matter where frequent ones do not fill the list.
func (c *counter) rareTerms(field int64, frequent map[string]int64, deadline time.Time, top *topValues, f *Facet) error {
	files := map[int64]bool{}
	n := 0
	return c.eachTerm(field, allTexts, false, func(t *foundTerm) error {
		if n++; n%256 == 0 && time.Now().After(deadline) {
			f.Approx = true
			return errEnough
		}
		if _, ok := frequent[t.text]; ok || t.count() <= top.least() {
			return nil
		}
		clear(files)
		err := t.each(func(doc uint32) {
			if c.docs.has(doc) {
				files[c.bins.at(doc)] = true
			}
		})
		if len(files) > 0 {
			top.add(t.text, int64(len(files)))
		}
		return err
	})
}

// topValues keeps the most frequent terms.
type topValues struct {
	size int
	list []ValueCount
}

// least is what a term must be above to matter.
func (t *topValues) least() int64 {
	if len(t.list) < t.size {
		return 0
	}
	return t.list[len(t.list)-1].Count
}

func (t *topValues) add(text string, n int64) {
	at, _ := slices.BinarySearchFunc(t.list, ValueCount{text, n}, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	t.list = slices.Insert(t.list, at, ValueCount{text, n})
	t.list = t.list[:min(len(t.list), t.size)]
}

// display writes a term as people read it.
func display(field *query.Field, text string) string {
	if field.Feature != "" {
		return text
	}
	switch field.Type {
	case query.Integer, query.Size:
		return fmt.Sprint(keyInteger(text))
	case query.Time:
		return time.UnixMicro(keyInteger(text)).UTC().Format(time.RFC3339Nano)
	case query.Float:
		return fmt.Sprint(keyFloat(text))
	case query.Address:
		return addressOf(text)
	}
	return text
}
