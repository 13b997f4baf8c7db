package index

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lazuli/internal/index/query"
)

// patience is how long answers may read texts, features or bodies one by one. What was not read by then is missing, and the answer says so.
type patience struct{ search, facet, pivot, submissions, similar time.Duration }

var ordinary = patience{search: 400 * time.Millisecond, facet: 150 * time.Millisecond, pivot: 400 * time.Millisecond, submissions: 2 * time.Second, similar: time.Second}

// sights is what a reader sees of an index at one moment. Nobody changes it.
type sights struct {
	docs, files int64  // how many numbers there are
	visible     bitset // the documents
	all         bitset // the files of which there is one
	bins        column
	lastSeen    []column // fileSeen of the labels that the reader sees
}

// sightsOf are the sights of the last readers, so that searches between two batches share them.
type sightsOf struct {
	mu   sync.Mutex
	list []rememberedSights
}

type rememberedSights struct {
	rev    int64
	labels string
	*sights
}

// maxSights bounds what is remembered: a megabyte each, for 3,000,000 documents.
const maxSights = 4

// sights returns what the reader sees.
func (v view) sights() (*sights, error) {
	latest, err := v.latest()
	if err != nil {
		return nil, err
	}
	var key strings.Builder
	for _, label := range slices.Sorted(maps.Keys(v.labels)) {
		fmt.Fprintf(&key, "%d %t ", label, v.labels[label].visible)
	}
	c := &v.s.sights
	c.mu.Lock()
	for _, r := range c.list {
		if r.rev == latest.rev && r.labels == key.String() {
			c.mu.Unlock()
			return r.sights, nil
		}
	}
	c.mu.Unlock()
	s, err := v.look()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, rememberedSights{latest.rev, key.String(), s})
	c.list = c.list[max(0, len(c.list)-maxSights):]
	return s, nil
}

func (v view) look() (*sights, error) {
	s := &sights{}
	if err := v.one(`SELECT coalesce(max(bin), 0) + 1 FROM binaries`, nil, &s.files); err != nil {
		return nil, err
	}
	segments, err := v.segments(keySHA256)
	if err != nil {
		return nil, err
	}
	s.docs = 1
	if n := len(segments); n > 0 {
		s.docs = int64(segments[n-1].until)
	}
	if s.bins, err = v.column(columnBin); err != nil {
		return nil, err
	}
	s.all = newBitset(s.files)
	for label, sight := range v.labels {
		if !sight.visible {
			continue
		}
		c, err := v.column(fileColumn(label, fileSeen))
		if err != nil {
			return nil, err
		}
		if len(c.chunks) > 0 {
			s.lastSeen = append(s.lastSeen, c)
			c.addTo(s.all)
		}
	}
	s.visible, err = v.visibleDocuments(s.docs)
	return s, err
}

// eval gives an expression its answer in one view. Sets of documents have none but those that the reader may see.
type eval struct {
	view
	*sights
	deadline time.Time
	partial  string
}

// evaluate prepares for one answer.
func (v view) evaluate() (*eval, error) {
	s, err := v.sights()
	return &eval{view: v, sights: s, deadline: time.Now().Add(v.s.patience.search)}, err
}

// visibleDocuments are those that are current and have a label that the reader sees.
func (v view) visibleDocuments(docs int64) (bitset, error) {
	latest, err := v.latest()
	if err != nil {
		return nil, err
	}
	current := newBitset(docs)
	current.or(latest.current)
	hidden := false
	for _, l := range v.labels {
		hidden = hidden || !l.visible
	}
	if !hidden {
		return current, nil
	}
	field, err := v.field(fieldLabel)
	if err != nil {
		return nil, err
	}
	segments, err := v.segments(field)
	if err != nil {
		return nil, err
	}
	labelled := newBitset(docs)
	for label, l := range v.labels {
		if !l.visible {
			continue
		}
		for i := range segments {
			if err := v.addLabelled(&segments[i], field, label, labelled); err != nil {
				return nil, err
			}
		}
	}
	current.and(labelled)
	return current, nil
}

// tired tells that the time is over, and notes what was not read.
func (e *eval) tired(what string) bool {
	if time.Now().Before(e.deadline) {
		return false
	}
	e.partial = fmt.Sprintf("there was no time to read everything: %s", what)
	return true
}

// find returns the files that match.
func (e *eval) find(q query.Expr) (bitset, error) {
	switch q := q.(type) {
	case query.All:
		return e.all.clone(), nil
	case query.And:
		set := e.all.clone()
		for _, part := range q {
			files, err := e.find(part)
			if err != nil {
				return nil, err
			}
			set.and(files)
		}
		return set, nil
	case query.Or:
		set := newBitset(e.files)
		for _, part := range q {
			files, err := e.find(part)
			if err != nil {
				return nil, err
			}
			set.or(files)
		}
		return set, nil
	case query.Not:
		set := e.all.clone()
		files, err := e.find(q.Expr)
		if err != nil {
			return nil, err
		}
		set.without(files)
		return set, nil
	}
	docs, err := e.match(q)
	if err != nil {
		return nil, err
	}
	return e.project(docs), nil
}

// match returns the documents that match by themselves.
func (e *eval) match(q query.Expr) (bitset, error) {
	switch q := q.(type) {
	case query.All:
		return e.visible.clone(), nil
	case query.And:
		return e.together(q)
	case query.Doc:
		return e.together(q)
	case query.Or:
		set := newBitset(e.docs)
		for _, part := range q {
			docs, err := e.match(part)
			if err != nil {
				return nil, err
			}
			set.or(docs)
		}
		return set, nil
	case query.Not:
		docs, err := e.match(q.Expr)
		if err != nil {
			return nil, err
		}
		set := e.visible.clone()
		set.without(docs)
		return set, nil
	case *query.Term:
		docs, err := e.term(q)
		if err != nil {
			return nil, err
		}
		docs.and(e.visible)
		return docs, nil
	}
	return nil, fmt.Errorf("an expression of an unknown kind: %T", q)
}

// together returns the documents that match all parts; parts that speak of features must hold for one and the same.
func (e *eval) together(parts []query.Expr) (bitset, error) {
	var ofFeatures []query.Expr
	set := e.visible.clone()
	for _, part := range parts {
		if speaksOfFeature(part) {
			ofFeatures = append(ofFeatures, part)
			continue
		}
		docs, err := e.match(part)
		if err != nil {
			return nil, err
		}
		set.and(docs)
	}
	if len(ofFeatures) == 0 {
		return set, nil
	}
	docs, err := e.oneFeature(ofFeatures, set)
	if err != nil {
		return nil, err
	}
	set.and(docs)
	return set, nil
}

// speaksOfFeature tells whether an expression is about a feature, any: a term on features.*, or several of which one must hold.
func speaksOfFeature(q query.Expr) bool {
	switch q := q.(type) {
	case *query.Term:
		return q.Field != nil && q.Field.Scope == query.Feature && q.Field.Feature == ""
	case query.Or:
		for _, part := range q {
			if !speaksOfFeature(part) {
				return false
			}
		}
		return true
	}
	return false
}

// oneFeature returns the documents that have a feature of which all parts hold. within are those that matter.
func (e *eval) oneFeature(parts []query.Expr, within bitset) (bitset, error) {
	if len(parts) == 1 {
		return e.match(parts[0])
	}
	if name, condition := nameAndValue(parts); name != nil {
		return e.valuesOfNames(name, condition)
	}
	candidates := within.clone()
	for _, part := range parts {
		docs, err := e.match(part)
		if err != nil {
			return nil, err
		}
		candidates.and(docs)
	}
	set := newBitset(e.docs)
	for doc := range candidates.all() {
		if e.tired("features of documents that have all of what was asked for, perhaps not together") {
			break
		}
		yes, err := e.anyFeature(doc, func(f *Feature) (bool, error) { return e.featureMatches(f, parts) })
		if err != nil {
			return nil, err
		}
		if yes {
			set.add(doc)
		}
	}
	return set, nil
}

// nameAndValue tells a feature's name from a condition on its value, which are together in the index anyway; nil if it is not this.
func nameAndValue(parts []query.Expr) (name, condition *query.Term) {
	if len(parts) != 2 {
		return nil, nil
	}
	for i, part := range parts {
		n, ok := part.(*query.Term)
		v, also := parts[1-i].(*query.Term)
		if ok && also && n.Field.Name == "features.name" && v.Field.Name == "features.value" && n.Op != query.Exists && v.Op != query.Exists {
			return n, v
		}
	}
	return nil, nil
}

// valuesOfNames returns the documents with a value of which condition holds, of features of whose names name does.
func (e *eval) valuesOfNames(name, condition *query.Term) (bitset, error) {
	fields, err := e.valueFields()
	if err != nil {
		return nil, err
	}
	set := newBitset(e.docs)
	for _, field := range fields {
		if !holds(name, strings.TrimPrefix(field, featuresMap)) {
			continue
		}
		if err := e.texts(field, condition, set); err != nil {
			return nil, err
		}
	}
	set.and(e.visible)
	return set, nil
}

// project returns the files of documents.
func (e *eval) project(docs bitset) bitset {
	set := newBitset(e.files)
	for doc := range docs.all() {
		set.add(uint32(e.bins.at(doc)))
	}
	return set
}

// documentsOf returns the visible documents of files.
func (e *eval) documentsOf(files bitset) bitset {
	set := e.visible.clone()
	for doc := range e.visible.all() {
		if !files.has(uint32(e.bins.at(doc))) {
			set[doc>>6] &^= 1 << (doc & 63)
		}
	}
	return set
}

// documentsOfFew is the same for a short list.
func (e *eval) documentsOfFew(bins []int64) (bitset, error) {
	set := newBitset(e.docs)
	for _, bin := range bins {
		err := e.rows(`SELECT doc FROM documents WHERE bin = ?`, []any{bin}, func(scan scanner) error {
			var doc int64
			err := scan(&doc)
			set.add(uint32(doc))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	set.and(e.visible)
	return set, nil
}

// withText returns the documents that have exactly a text in a field.
func (e *eval) withText(field, text string) (bitset, error) {
	set := newBitset(e.docs)
	n, err := e.field(field)
	if err != nil || n == 0 {
		return set, err
	}
	return set, e.gather(n, same(text), func(t string) bool { return t == text }, set)
}

// gather adds the documents of all terms of a field in a range that accept takes (nil takes all).
func (e *eval) gather(field int64, texts textRange, accept func(string) bool, set bitset) error {
	n := 0
	return e.eachEntry(field, texts, func(t *entry) error {
		if n++; n%1024 == 0 && e.tired("texts of a field") {
			return errEnough
		}
		if accept != nil && !accept(t.text) {
			return nil
		}
		return t.addTo(set)
	})
}

// texts adds the documents that have, in a field of terms, a text of which a term of a query holds.
func (e *eval) texts(field string, t *query.Term, into bitset) error {
	n, err := e.field(field)
	if err != nil || n == 0 {
		return err
	}
	switch t.Op {
	case query.Exists:
		return e.gather(n, allTexts, nil, into)
	case query.Is:
		if t.Exact {
			return e.gather(n, same(t.Text), func(text string) bool { return text == t.Text }, into)
		}
		folded := query.Fold(t.Text)
		if ascii(folded) == folded {
			return e.gather(n, same(t.Text), nil, into)
		}
		return e.beginning(n, ascii(folded), func(text string) bool { return query.Fold(text) == folded }, into)
	case query.Like:
		prefix := t.Pattern.Prefix()
		accept := t.Pattern.Match
		if t.Pattern.IsPrefix() && !t.Exact && ascii(prefix) == prefix {
			accept = nil
		}
		return e.beginning(n, ascii(prefix), accept, into)
	}
	return fmt.Errorf("%s has no order", field)
}

// ascii is the beginning of a text of which SQLite's NOCASE and query.Fold think the same.
func ascii(text string) string {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return text[:i]
		}
	}
	return text
}

// beginning is gather for texts that begin with a prefix, in any case.
func (e *eval) beginning(field int64, prefix string, accept func(string) bool, into bitset) error {
	return e.gather(field, beginningWith(prefix), accept, into)
}

// valueFields lists the fields of the values of features.
func (e *eval) valueFields() ([]string, error) {
	var list []string
	err := e.rows(`SELECT name, field FROM fields WHERE name >= ? AND name < ?`, []any{featuresMap, strings.TrimSuffix(featuresMap, ".") + "/"}, func(scan scanner) error {
		var name string
		var n int64
		err := scan(&name, &n)
		e.fields[name] = n
		list = append(list, name)
		return err
	})
	return list, err
}
