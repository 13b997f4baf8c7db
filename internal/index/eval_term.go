package index

import (
	"strings"

	"lazuli/internal/index/query"
)

// term returns the documents of which a term holds, and perhaps others that the reader may not see.
func (e *eval) term(t *query.Term) (bitset, error) {
	set := newBitset(e.docs)
	if t.Field == nil {
		return set, e.bare(t, set)
	}
	name := t.Field.Name
	if t.Field.Feature != "" {
		return set, e.texts(name, t, set)
	}
	if hash, ok := hashesOfFiles[name]; ok {
		return set, e.hash(t, hash, set)
	}
	if kind, ok := hashesOfStreams[name]; ok {
		return set, e.streamHash(t, kind, set)
	}
	switch name {
	case "size":
		return e.sizes(t)
	case "datastreams.size":
		return set, e.streamSizes(t, set)
	case "timestamp":
		return set, e.times(columnTime, t, set)
	case "source.timestamp":
		return set, e.times(columnSourceTime, t, set)
	case "parent.sha256":
		if t.Op == query.Exists {
			return e.withText(fieldHas, name)
		}
		return set, e.verified(keyParent, t, set, func(b *body) []string {
			if n := len(b.Path); n > 1 {
				return []string{b.Path[n-2].SHA256}
			}
			return nil
		})
	case "track_link":
		if t.Op != query.Is {
			return nil, &query.Error{Column: t.Column, Message: "a key of a link is searched for whole"}
		}
		return set, e.verified(keyLink, t, set, func(b *body) []string { return b.Links })
	case "sha256_author_action", "parent.encoded.sha256_author_action":
		return set, e.authored(t, name != "sha256_author_action", set)
	case "features.value":
		if t.Op == query.Exists {
			return set, e.texts("features.name", t, set)
		}
		return set, e.texts(name, t, set)
	case "features.offset", "features.size", "features.encoded.location":
		return set, e.places(t, set)
	case partTree:
		return set, e.tree(partPath, t, func(text string) string { return text }, set)
	case partReversed:
		return set, e.tree(partReversed, t, reversedPath, set)
	case "binary.tag":
		return e.taggedFiles(t)
	case "feature.tag":
		return set, e.taggedValues(t, set)
	}
	if notKept[name] {
		return nil, &query.Error{Column: t.Column, Message: "this platform does not keep " + name}
	}
	if t.Op == query.Exists && hasOfMany[name] {
		return e.withText(fieldHas, name)
	}
	switch t.Field.Type {
	case query.Integer, query.Size, query.Time, query.Float:
		return set, e.keys(t, set)
	case query.Address:
		return set, e.addresses(t, set)
	}
	return set, e.texts(name, t, set)
}

// notKept are fields of the reference that say nothing here.
var notKept = map[string]bool{"uniq_data": true, "uniq_features": true, "uniq_info": true, "track_source_references_grouped": true,
	"encoded_security.exclusive": true, "encoded_security.inclusive": true, "encoded_security.markings": true, "encoded_security.num_exclusive": true}

// hasOfMany are the fields for which fieldHas says which documents have a value.
var hasOfMany = func() map[string]bool {
	all := map[string]bool{}
	for _, f := range query.Fields() {
		if strings.HasPrefix(f.Name, enriched) || strings.HasPrefix(f.Name, "parent.") || strings.HasPrefix(f.Name, "parent_") || strings.HasPrefix(f.Name, "source.encoded_") {
			all[f.Name] = true
		}
	}
	for _, name := range []string{"track_source_references", "mime", "magic", "file_format", "file_extension", "filename", "ssdeep", "tlsh", "sha512", "sha1", "md5"} {
		all[name] = true
	}
	delete(all, "parent.size")
	delete(all, "parent.timestamp")
	return all
}()

// holds tells whether a term of text or hash holds of a text.
func holds(t *query.Term, text string) bool {
	switch {
	case t.Op == query.Exists:
		return text != ""
	case t.Op == query.Like:
		return t.Pattern.Match(text)
	case t.Exact:
		return text == t.Text
	}
	return query.Fold(text) == query.Fold(t.Text)
}

// places finds documents by where in the file their values were found.
func (e *eval) places(t *query.Term, into bitset) error {
	has := "features.offset"
	if t.Field.Name == "features.size" {
		has = "features.size"
	}
	docs, err := e.withText(fieldHas, has)
	if err != nil {
		return err
	}
	docs.and(e.visible)
	if t.Op == query.Exists {
		into.or(docs)
		return nil
	}
	for doc := range docs.all() {
		if e.tired("where in their files values were found") {
			return nil
		}
		var list []byte
		if err := e.one(`SELECT features FROM documents WHERE doc = ?`, []any{doc}, &list); err != nil {
			return err
		}
		err := readValues(list, func(val value) {
			if placed(t, val.offset, val.length) {
				into.add(doc)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// placed tells whether a place is in the range of a term.
func placed(t *query.Term, offset, length *uint64) bool {
	from, n := plusOne(offset)-1, plusOne(length)-1
	switch t.Field.Name {
	case "features.offset":
		return offset != nil && (t.Op == query.Exists || between(t, from))
	case "features.size":
		return length != nil && (t.Op == query.Exists || between(t, n))
	}
	if offset == nil {
		return false
	}
	to := from + max(n, 1) - 1 // a value of no length is one byte
	return t.Op == query.Exists || (!t.Max.Set || from < t.Max.Value || from == t.Max.Value && !t.Max.Open) && (!t.Min.Set || to > t.Min.Value || to == t.Min.Value && !t.Min.Open)
}

// tree finds paths that lie at or below a folder. turn writes a path as the field has it.
func (e *eval) tree(field string, t *query.Term, turn func(string) string, into bitset) error {
	n, err := e.field(field)
	if err != nil || n == 0 {
		return err
	}
	switch t.Op {
	case query.Exists:
		return e.gather(n, allTexts, nil, into)
	case query.Is:
		folder := turn(strings.TrimSuffix(normalPath(t.Text), "/"))
		folded := query.Fold(folder)
		below := func(text string) bool {
			if !t.Exact {
				text, folder = query.Fold(text), folded
			}
			return text == folder || strings.HasPrefix(text, folder+"/")
		}
		return e.beginning(n, ascii(folded), below, into)
	}
	// A pattern may name any folder above a path.
	prefix := ascii(t.Pattern.Prefix())
	if field == partReversed {
		prefix = ""
	}
	return e.beginning(n, prefix, func(text string) bool {
		for i := 0; i <= len(text); i++ {
			if (i == len(text) || text[i] == '/') && t.Pattern.Match(turn(text[:i])) {
				return true
			}
		}
		return false
	}, into)
}

// taggedFiles finds all documents of files with a tag.
func (e *eval) taggedFiles(t *query.Term) (bitset, error) {
	tags, err := e.tags(`sha256 <> ''`)
	if err != nil {
		return nil, err
	}
	var bins []int64
	for _, tag := range tags {
		if !holds(t, tag.Name) {
			continue
		}
		bin, err := e.file(tag.SHA256)
		if err == ErrNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		bins = append(bins, bin)
	}
	return e.documentsOfFew(bins)
}

// taggedValues finds documents with a value that has a tag.
func (e *eval) taggedValues(t *query.Term, into bitset) error {
	tags, err := e.tags(`feature <> ''`)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if holds(t, tag.Name) {
			docs, err := e.withText(valueField(tag.Feature), tag.Value)
			if err != nil {
				return err
			}
			into.or(docs)
		}
	}
	return nil
}

// minHashDigits is how much of a hash a bare word must have.
const minHashDigits = 6

// bare looks for a word where an analyst would: hashes, filenames, formats, values, sources, authors and tags.
func (e *eval) bare(t *query.Term, into bitset) error {
	on := func(name string) *query.Term {
		field := *t
		field.Field = query.Lookup(name)
		return &field
	}
	word := strings.ToLower(t.Text)
	if t.Op == query.Is && isHex(word) && len(word) >= minHashDigits || t.Op == query.Like && isHex(t.Pattern.Prefix()) && t.Pattern.IsPrefix() && len(t.Pattern.Prefix()) >= 4 {
		if err := e.bareHash(t, into); err != nil {
			return err
		}
	}
	for _, name := range []string{"filename", "source.name", "author.name", "file_format", "mime", "magic"} {
		if err := e.texts(name, t, into); err != nil {
			return err
		}
	}
	words := *t // are in lower case, so the case of a word in a name does not count
	if t.Exact {
		words.Exact, words.Text = false, word
	}
	if err := e.texts(fieldWord, &words, into); err != nil {
		return err
	}
	if t.Op == query.Is {
		for _, name := range []string{"file_format", "mime", "magic"} {
			n, err := e.field(name)
			if err != nil {
				return err
			}
			accept := func(text string) bool { return strings.HasPrefix(text, t.Text) }
			if !t.Exact {
				accept = func(text string) bool { return strings.HasPrefix(query.Fold(text), query.Fold(t.Text)) }
			}
			if err := e.beginning(n, ascii(query.Fold(t.Text)), accept, into); err != nil {
				return err
			}
		}
		for _, kind := range []string{"ssdeep", "tlsh"} {
			if err := e.hash(on(kind), hashesOfFiles[kind], into); err != nil {
				return err
			}
		}
	}
	values := on("features.value")
	docs, err := e.term(values)
	if err != nil {
		return err
	}
	into.or(docs)
	if docs, err = e.taggedFiles(on("binary.tag")); err != nil {
		return err
	}
	into.or(docs)
	return e.taggedValues(on("feature.tag"), into)
}

// bareHash finds files by a whole hash or by how one begins.
func (e *eval) bareHash(t *query.Term, into bitset) error {
	text := strings.ToLower(t.Text)
	if t.Op == query.Like {
		text = t.Pattern.Prefix()
	}
	for name, kind := range hashesOfFiles {
		if fuzzy(kind) {
			continue
		}
		field := query.Lookup(name)
		if len(text) > field.Digits {
			continue
		}
		h := query.Term{Field: field, Column: t.Column, Op: query.Is, Text: text}
		if len(text) < field.Digits {
			pattern, err := query.Compile(text+"*", true)
			if err != nil {
				return err
			}
			h.Op, h.Pattern = query.Like, pattern
		}
		if err := e.hash(&h, kind, into); err != nil {
			return err
		}
	}
	return nil
}
