package index

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"lazuli/internal/digest"
)

// Fields of terms that no query names. Begin with ~, so that no field of the query language is called so.
const (
	fieldLabel = "~label" // the number of a label: the documents with it
	fieldHas   = "~has"   // the name of a field of which a document has some value, for fields with many values
	fieldWord  = "~word"  // words in lower case, of filenames and formats
	fieldTLSH  = "~tlsh"  // of the file (tlshText)
	fieldGrams = "~grams" // and a block size: four letters of ssdeep hashes (eachGram)
)

// valueField is the field of terms of a feature's values: what the query language calls it.
func valueField(feature string) string { return featuresMap + feature }

const featuresMap = "features_map."

// Bounds on what is indexed of one document beside its features.
const (
	maxPairs     = 100 // references, settings
	maxWordTerms = 200
	maxWordBytes = 64
)

// attributes calls add with a field and a text for all that can be searched of a document but hashes, tracking keys, times, its size and the
// values of each feature. A pair may come more than once.
func (d *Document) attributes(add func(field, text string)) {
	some := func(field, text string) {
		if text != "" {
			add(field, text)
		}
	}
	many := func(field, text string) {
		if text != "" {
			add(field, text)
			add(fieldHas, field)
		}
	}
	some("action", d.Action)
	some("author.category", d.Author.Category)
	some("author.name", d.Author.Name)
	some("author.version", d.Author.Version)
	some("source.name", d.SourceName)
	pairs(d.SourceReferences, func(key, value string) {
		many("source.encoded_references.key", key)
		many("source.encoded_references.value", value)
		many("source.encoded_references.key_value", key+"."+value)
	})
	pairs(d.SourceSettings, func(key, value string) {
		many("source.encoded_settings.key", key)
		many("source.encoded_settings.value", value)
	})
	many("track_source_references", d.TrackSourceReferences)
	for _, author := range d.TrackAuthors {
		some("track_author", author)
	}
	add("depth", integerKey(int64(d.depth())))
	for _, fact := range []struct{ field, text string }{
		{"mime", d.MIME}, {"magic", d.Magic}, {"file_format", d.FileFormat}, {"file_extension", d.Extension},
	} {
		many(fact.field, fact.text)
	}
	for _, fact := range []struct{ field, text string }{
		{"sha512", d.SHA512}, {"sha1", d.SHA1}, {"md5", d.MD5}, {"ssdeep", d.SSDeep}, {"tlsh", d.TLSH},
	} {
		if fact.text != "" {
			add(fieldHas, fact.field)
		}
	}
	if hash, err := digest.ParseSSDeep(d.SSDeep); err == nil {
		eachGram(&hash, add)
	}
	if hash, err := digest.ParseTLSH(d.TLSH); err == nil {
		add(fieldTLSH, tlshText(&hash))
	}
	d.nameAttributes(add)
	d.streamAttributes(some, add)
	d.parentAttributes(many, add)
	d.featureAttributes(some, add)
}

// pairs goes through a map, but not without end: of too many the first count.
func pairs(m map[string]string, fn func(key, value string)) {
	keys := slices.Collect(maps.Keys(m))
	if len(keys) > maxPairs {
		slices.Sort(keys)
		keys = keys[:maxPairs]
	}
	for _, key := range keys {
		fn(key, m[key])
	}
}

// depth counts how often one file came from another on the path.
func (d *Document) depth() int {
	n := 0
	for i := 1; i < len(d.Path); i++ {
		if d.Path[i].SHA256 != d.Path[i-1].SHA256 {
			n++
		}
	}
	return n
}

// names are those that the path and the features give the file.
func (d *Document) names(fn func(string)) {
	if name := linkOf(d).filename; name != "" {
		fn(name)
	}
	for i := range d.Features {
		if f := &d.Features[i]; f.Name == "filename" && f.Value != "" {
			fn(f.Value)
		}
	}
}

func (d *Document) nameAttributes(add func(field, text string)) {
	n := 0
	words := func(text string) {
		wordsOf(text, func(word string) {
			if n++; n <= maxWordTerms {
				add(fieldWord, word)
			}
		})
	}
	words(d.FileFormat)
	words(d.MIME)
	words(d.Magic)
	d.names(func(name string) {
		add("filename", name)
		add(fieldHas, "filename")
		words(name)
	})
}

// wordsOf calls fn with the words of a text in lower case: letters and digits in a row.
func wordsOf(text string, fn func(string)) {
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), notOfWord) {
		if len(word) <= maxWordBytes {
			fn(word)
		}
	}
}

func notOfWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// own tells whether a stream is the file itself.
func (d *Document) own(s *Stream) bool { return s.SHA256 == d.SHA256 }

func (d *Document) streamAttributes(some, add func(field, text string)) {
	for i := range d.Streams {
		s := &d.Streams[i]
		some("datastreams.label", s.Label)
		some("datastreams.file_format", s.FileFormat)
		some("datastreams.file_extension", s.Extension)
		some("datastreams.mime", s.MIME)
		some("datastreams.magic", s.Magic)
		some("datastreams.language", s.Language)
		add("datastreams.identify_version", integerKey(int64(s.IdentifyVersion)))
		if !d.own(s) { // the size of the others is that of the file
			add("datastreams.size", integerKey(s.Size))
		} else {
			add(fieldHas, ownStream)
		}
		add(fieldHas, "datastreams.sha256")
	}
}

// ownStream stands, in fieldHas, for a document that lists the file itself as a stream.
const ownStream = "~own"

func (d *Document) parentAttributes(many, add func(field, text string)) {
	l := linkOf(d)
	if l.parent == nil {
		return
	}
	p := l.parent
	add(fieldHas, "parent.sha256")
	many("parent.action", p.Action)
	many("parent.author.category", p.Author.Category)
	many("parent.author.name", p.Author.Name)
	many("parent.author.version", p.Author.Version)
	many("parent.file_format", p.FileFormat)
	many("parent.filename", p.Filename)
	many("parent.language", p.Language)
	many("parent.relationship.action", p.Relationship["action"])
	many("parent.relationship.label", p.Relationship["label"])
	many("parent_relationship.action", l.relationship["action"])
	many("parent_relationship.label", l.relationship["label"])
	add("parent.size", integerKey(p.Size))
	add("parent.timestamp", integerKey(p.Timestamp.UnixMicro()))
	many("parent_track_author", p.Author.Category+"."+p.Author.Name+"."+p.Author.Version)
}

func (d *Document) featureAttributes(some, add func(field, text string)) {
	names := map[string]bool{}
	for i := range d.Features {
		f := &d.Features[i]
		names[f.Name] = true
		add("features.value", f.Value)
		some("features.type", f.Type)
		some("features.label", f.Label)
		if f.Offset != nil {
			add(fieldHas, "features.offset")
		}
		if f.Length != nil {
			add(fieldHas, "features.size")
		}
		partsOf(f, func(field, text string) {
			add(field, text)
			add(fieldHas, field)
		})
	}
	for name := range names {
		add("features.name", name)
	}
	add("num_feature_names", integerKey(int64(len(names))))
	add("num_feature_values", integerKey(int64(len(d.Features))))
}

// link is what a document's path says.
type link struct {
	root, filename string
	parent         *PathNode // nil for none
	relationship   map[string]string
}

// linkOf reads a path. A file is the child of the node before it; a file that a plugin found inside itself has no parent by
// that. The filename is the one that the nodes of the file itself carry, the deepest first.
func linkOf(d *Document) link {
	var l link
	n := len(d.Path)
	if n == 0 {
		return l
	}
	l.root = d.Path[0].SHA256
	leaf := &d.Path[n-1]
	if n > 1 && leaf.SHA256 == d.SHA256 && d.Path[n-2].SHA256 != d.SHA256 {
		l.parent, l.relationship = &d.Path[n-2], leaf.Relationship
	}
	for i := n - 1; i >= 0 && d.Path[i].SHA256 == d.SHA256 && l.filename == ""; i-- {
		l.filename = d.Path[i].Filename
	}
	return l
}
