package index

import (
	"fmt"
	"net/netip"

	"lazuli/internal/index/query"
)

// between tells whether a number is in the range of a term.
func between(t *query.Term, n int64) bool {
	return (!t.Min.Set || n > t.Min.Value || n == t.Min.Value && !t.Min.Open) && (!t.Max.Set || n < t.Max.Value || n == t.Max.Value && !t.Max.Open)
}

// sizes finds the documents of files by size. The size is one of the content, so it does not matter which document says it; but one that the
// reader sees must.
func (e *eval) sizes(t *query.Term) (bitset, error) {
	files := newBitset(e.files)
	for label, l := range e.labels {
		if !l.visible {
			continue
		}
		c, err := e.column(fileColumn(label, fileSize))
		if err != nil {
			return nil, err
		}
		c.each(func(bin uint32, n int64) {
			if t.Op == query.Exists && n > 1 || t.Op == query.Range && between(t, n-1) {
				files.add(bin)
			}
		})
	}
	return e.documentsOf(files), nil
}

// each calls fn with the numbers of a column that are not 0.
func (c column) each(fn func(at uint32, n int64)) {
	for i := range c.chunks {
		for j := range c.chunks[i].set.all() {
			fn(uint32(i<<chunkBits)|j, c.chunks[i].chunk[j])
		}
	}
}

// streamSizes are those of other streams; the file itself is as large as it is.
func (e *eval) streamSizes(t *query.Term, into bitset) error {
	own, err := e.withText(fieldHas, ownStream)
	if err != nil {
		return err
	}
	docs, err := e.sizes(t)
	if err != nil {
		return err
	}
	docs.and(own)
	into.or(docs)
	return e.keys(t, into)
}

func (e *eval) times(number int64, t *query.Term, into bitset) error {
	c, err := e.column(number)
	if err != nil {
		return err
	}
	c.each(func(doc uint32, n int64) {
		if t.Op == query.Exists || between(t, n) {
			into.add(doc)
		}
	})
	return nil
}

// keys finds documents by numbers that are terms.
func (e *eval) keys(t *query.Term, into bitset) error {
	n, err := e.field(t.Field.Name)
	if err != nil || n == 0 {
		return err
	}
	if t.Op == query.Exists {
		return e.gather(n, allTexts, nil, into)
	}
	key := func(b query.Bound) string {
		if t.Field.Type == query.Float {
			return floatKey(b.Float)
		}
		return integerKey(b.Value)
	}
	return e.gatherBetween(n, t, key, into)
}

func (e *eval) gatherBetween(field int64, t *query.Term, key func(query.Bound) string, into bitset) error {
	var texts textRange
	if t.Min.Set {
		texts.from = key(t.Min)
	}
	if t.Max.Set {
		texts.upTo = key(t.Max)
	}
	if t.Min.Set && t.Max.Set && texts.upTo < texts.from {
		return nil
	}
	return e.gather(field, texts, func(text string) bool {
		return !(t.Min.Set && t.Min.Open && text == texts.from || t.Max.Set && t.Max.Open && text == texts.upTo)
	}, into)
}

func (e *eval) addresses(t *query.Term, into bitset) error {
	n, err := e.field(t.Field.Name)
	if err != nil || n == 0 {
		return err
	}
	switch t.Op {
	case query.Exists:
		return e.gather(n, allTexts, nil, into)
	case query.Range:
		return e.gatherBetween(n, t, func(b query.Bound) string { return addressKey(b.Addr) }, into)
	case query.Is:
		ip, err := netip.ParseAddr(t.Text)
		if err != nil {
			return nil
		}
		return e.gather(n, same(addressKey(ip)), nil, into)
	}
	return e.gather(n, allTexts, func(key string) bool { return t.Pattern.Match(addressOf(key)) }, into)
}

// addressOf reads an address key.
func addressOf(key string) string {
	var raw []byte
	if _, err := fmt.Sscanf(key[min(1, len(key)):], "%x", &raw); err != nil {
		return ""
	}
	ip, _ := netip.AddrFromSlice(raw)
	return ip.String()
}
