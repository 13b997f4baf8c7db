package index

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"lazuli/internal/index/query"
)

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
