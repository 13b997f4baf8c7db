package index

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
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

var hashesOfFiles = map[string]int64{"sha256": keySHA256, "sha512": keySHA512, "sha1": keySHA1, "md5": keyMD5, "ssdeep": keySSDeep, "tlsh": keyTLSH}

var hashesOfStreams = map[string]int64{"datastreams.sha256": keyStream, "datastreams.sha512": keyStream2, "datastreams.sha1": keyStream3, "datastreams.md5": keyStream4,
	"datastreams.ssdeep": keyStream5, "datastreams.tlsh": keyStream6}

// factColumns are where the hashes of files are kept.
var factColumns = map[int64]string{keySHA512: "sha512", keySHA1: "sha1", keyMD5: "md5", keySSDeep: "ssdeep", keyTLSH: "tlsh"}

// fuzzy tells whether a hash is a text, and found by the hash of it.
func fuzzy(kind int64) bool {
	return kind == keySSDeep || kind == keyTLSH || kind == keyStream5 || kind == keyStream6
}

// keyRange returns the keys that a condition on a hash may have.
func keyRange(t *query.Term, kind int64) (from, to int64, err error) {
	text := fold(t.Text)
	switch {
	case fuzzy(kind) && t.Op == query.Is:
		n := textKey(text)
		return n, n, nil
	case fuzzy(kind):
		return 0, math.MaxInt64, nil
	case t.Op == query.Is:
		n := digestKey(text)
		return n, n, nil
	}
	prefix := t.Pattern.Prefix()
	if len(prefix) > 16 {
		prefix = prefix[:16]
	}
	if !isHex(prefix) {
		return 0, -1, nil
	}
	low, _ := strconv.ParseUint(prefix+strings.Repeat("0", 16-len(prefix)), 16, 64)
	high, _ := strconv.ParseUint(prefix+strings.Repeat("f", 16-len(prefix)), 16, 64)
	return int64(low >> 1), int64(high >> 1), nil
}

func isHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

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

// hash finds documents by a hash of their file, as they state it.
func (e *eval) hash(t *query.Term, kind int64, into bitset) error {
	if t.Op == query.Exists {
		if kind == keySHA256 {
			into.or(e.visible)
			return nil
		}
		docs, err := e.withText(fieldHas, t.Field.Name)
		into.or(docs)
		return err
	}
	from, to, err := keyRange(t, kind)
	if err != nil {
		return err
	}
	docs, err := e.docsOf(kind, from, to)
	if err != nil {
		return err
	}
	says := map[int64]bool{} // whether it holds of a file or of facts
	for i, doc := range docs {
		if !e.visible.has(doc) {
			continue
		}
		if i%256 == 255 && e.tired("hashes that begin so") {
			break
		}
		of := e.bins.at(doc)
		if kind != keySHA256 {
			if of, err = e.number(`SELECT fact FROM documents WHERE doc = ?`, doc); err != nil {
				return err
			}
		}
		yes, known := says[of]
		if !known {
			var raw []byte
			if err := e.one(hashSQL(kind), []any{of}, &raw); err != nil {
				return err
			}
			text := string(raw)
			if !fuzzy(kind) {
				text = digestOf(raw)
			}
			yes = holds(t, text)
			says[of] = yes
		}
		if yes {
			into.add(doc)
		}
	}
	return nil
}

// hashSQL asks for a hash of a file or of facts.
func hashSQL(kind int64) string {
	if kind == keySHA256 {
		return `SELECT sha256 FROM binaries WHERE bin = ?`
	}
	return `SELECT coalesce(` + factColumns[kind] + `, x'') FROM facts WHERE fact = ?`
}

// streamHash finds documents by a hash of their streams: the file itself, or another one.
func (e *eval) streamHash(t *query.Term, kind int64, into bitset) error {
	if t.Op == query.Exists {
		docs, err := e.withText(fieldHas, "datastreams.sha256")
		into.or(docs)
		return err
	}
	name := strings.TrimPrefix(t.Field.Name, "datastreams.")
	own := *t
	own.Field = query.Lookup(name)
	if err := e.hash(&own, hashesOfFiles[name], into); err != nil {
		return err
	}
	listed, err := e.withText(fieldHas, ownStream)
	if err != nil {
		return err
	}
	into.and(listed)
	return e.verified(kind, t, into, func(b *body) []string {
		var list []string
		for _, s := range b.Streams {
			list = append(list, map[int64]string{keyStream: s.SHA256, keyStream2: s.SHA512, keyStream3: s.SHA1, keyStream4: s.MD5, keyStream5: s.SSDeep, keyStream6: s.TLSH}[kind])
		}
		return list
	})
}

// verified finds documents by a key, and compares the texts that their bodies have.
func (e *eval) verified(kind int64, t *query.Term, into bitset, texts func(*body) []string) error {
	from, to, err := keyRange(t, kind)
	if err != nil {
		return err
	}
	if kind == keyLink {
		from = textKey(t.Text)
		to = from
	}
	return e.keyBodies(kind, from, to, func(doc int64, b *body) {
		for _, text := range texts(b) {
			if holds(t, text) {
				into.add(uint32(doc))
			}
		}
	})
}

// keyBodies goes through the bodies of visible documents with a key in a range.
func (e *eval) keyBodies(kind, from, to int64, fn func(doc int64, b *body)) error {
	docs, err := e.docsOf(kind, from, to)
	if err != nil {
		return err
	}
	docs = slices.DeleteFunc(docs, func(doc uint32) bool { return !e.visible.has(doc) })
	return e.bodies(amongDocs, []any{inList(docs)}, fn)
}

// bodies goes through the bodies of visible documents that a condition finds.
func (e *eval) bodies(where string, args []any, fn func(doc int64, b *body)) error {
	errTired := fmt.Errorf("tired")
	err := e.rows(`SELECT doc, bin, coalesce(fact, 0), body FROM documents WHERE `+where, args, func(scan scanner) error {
		var doc, bin, fact int64
		var packed []byte
		if err := scan(&doc, &bin, &fact, &packed); err != nil || !e.visible.has(uint32(doc)) {
			return err
		}
		if e.tired("documents that may match") {
			return errTired
		}
		var b body
		if err := unpack(packed, &b); err != nil {
			return err
		}
		if err := e.restore(&b, bin, fact); err != nil {
			return err
		}
		fn(doc, &b)
		return nil
	})
	if err == errTired {
		return nil
	}
	return err
}

// authored finds documents by what is joined of a hash, an author and an action.
func (e *eval) authored(t *query.Term, parent bool, into bitset) error {
	text := t.Text
	if t.Op == query.Like {
		text = t.Pattern.Prefix()
	}
	sha, _, _ := strings.Cut(fold(text), ".")
	if t.Op == query.Exists || hashKind(sha) != keySHA256 {
		return &query.Error{Column: t.Column, Message: t.Field.Name + " begins with a whole SHA-256"}
	}
	if parent {
		return e.keyBodies(keyParent, digestKey(sha), digestKey(sha), func(doc int64, b *body) {
			if n := len(b.Path); n > 1 && holds(t, strings.Join([]string{b.Path[n-2].SHA256, b.Path[n-2].Category, b.Path[n-2].Name, b.Path[n-2].Action}, ".")) {
				into.add(uint32(doc))
			}
		})
	}
	bin, err := e.file(sha)
	if err == ErrNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := e.documents(bin, false, false)
	for i := range rows {
		category, err := e.word(rows[i].category)
		if err != nil {
			return err
		}
		if holds(t, strings.Join([]string{sha, category, rows[i].authorName, rows[i].actionText}, ".")) {
			into.add(uint32(rows[i].doc))
		}
	}
	return err
}

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

// addressOf reads an address key.
func addressOf(key string) string {
	var raw []byte
	if _, err := fmt.Sscanf(key[min(1, len(key)):], "%x", &raw); err != nil {
		return ""
	}
	ip, _ := netip.AddrFromSlice(raw)
	return ip.String()
}
