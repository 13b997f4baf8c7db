package index

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Keys are hashes by which documents and statuses are found: terms whose field is their kind and whose text is 63 bits of the hash (keyText). Who looks compares the whole.
// Of the first kinds and of those of statuses, which are asked for when most often there is nothing, segments have a filter.
const (
	keySHA256  = 1 // of the file; hex digests are their first 63 bits, so that a range finds a part of one
	keyID      = 2 // texts are their xxHash64
	keyInput   = 3 // and the author's name
	keyParent  = 4
	lastFilter = keyParent
	keySHA512  = 5
	keySHA1    = 6
	keyMD5     = 7
	keySSDeep  = 8
	keyTLSH    = 9
	keyLink    = 10
	keyStream  = 11 // SHA-256 of a stream that is not the file itself, and the other hashes of such
	keyStream2 = 12 // SHA-512
	keyStream3 = 13 // SHA-1
	keyStream4 = 14 // MD5
	keyStream5 = 15 // ssdeep
	keyStream6 = 16 // TLSH
	lastKey    = 31 // fields with names come after it
)

// The keys of statuses, which have segments of their own.
const (
	keyStatus      = 17 // the ID
	keyStatusFile  = 18 // SHA-256
	keyStatusInput = 19 // and the author's name
)

// firstStatus is the number of the first status. Documents have lower ones, so that segments and masks are of both.
const firstStatus = 1 << 31

// ofStatuses tells whether a field is one of statuses.
func ofStatuses(field int64) bool { return field >= keyStatus && field <= keyStatusInput }

// filtered tells whether filters have the terms of a field.
func filtered(field int64) bool { return field <= lastFilter || ofStatuses(field) }

// digestKey is the first 63 bits of a hex digest. What is shorter or no hex is hashed, and found whole only.
func digestKey(digest string) int64 {
	if len(digest) >= 16 {
		if n, err := strconv.ParseUint(digest[:16], 16, 64); err == nil {
			return int64(n >> 1)
		}
	}
	return textKey(digest)
}

func textKey(texts ...string) int64 {
	var h xxhash.Digest
	h.Reset()
	for i, text := range texts {
		if i > 0 {
			_, _ = h.Write([]byte{0})
		}
		_, _ = h.WriteString(text)
	}
	return int64(h.Sum64() >> 1)
}

// sixBitLetters writes bytes so that texts are in the order of the bytes: six bits a letter, none of which is one of ASCII or 0xff.
var sixBitLetters = func() *base64.Encoding {
	var letters [64]byte
	for i := range letters {
		letters[i] = 0x80 | byte(i)
	}
	return base64.NewEncoding(string(letters[:])).WithPadding(base64.NoPadding)
}()

func sixBits(b []byte) string {
	var room [64]byte
	return string(sixBitLetters.AppendEncode(room[:0], b))
}

// keyText writes a key so that texts are in the order of the keys.
func keyText(key int64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(key))
	return sixBits(b[:])
}

// keyTexts are the texts of a range of keys, the ends included.
func keyTexts(from, to int64) textRange { return textRange{keyText(from), keyText(to)} }

// keys calls fn with the keys of a document.
func (d *Document) keys(fn func(kind, hash int64)) {
	fn(keySHA256, digestKey(d.SHA256))
	fn(keyID, textKey(d.ID))
	if d.Input != "" {
		fn(keyInput, textKey(d.Input, d.Author.Name))
	}
	if l := linkOf(d); l.parent != nil {
		fn(keyParent, digestKey(l.parent.SHA256))
	}
	for _, link := range d.TrackLinks {
		fn(keyLink, textKey(link))
	}
	hashKeys(keySHA512, strings.ToLower(d.SHA512), strings.ToLower(d.SHA1), strings.ToLower(d.MD5), d.SSDeep, d.TLSH, fn)
	for i := range d.Streams {
		s := &d.Streams[i]
		if d.own(s) {
			continue
		}
		fn(keyStream, digestKey(s.SHA256))
		hashKeys(keyStream2, s.SHA512, s.SHA1, s.MD5, s.SSDeep, s.TLSH, fn)
	}
}

// hashKeys calls fn with the keys of what else is hashed of a content. Their kinds are in a row from the first.
func hashKeys(first int64, sha512, sha1, md5, ssdeep, tlsh string, fn func(kind, hash int64)) {
	for i, digest := range [...]string{sha512, sha1, md5} {
		if digest != "" {
			fn(first+int64(i), digestKey(digest))
		}
	}
	for i, text := range [...]string{ssdeep, tlsh} {
		if text != "" {
			fn(first+3+int64(i), textKey(fold(text)))
		}
	}
}

// docsOf returns the documents or statuses with a key in a range, the ends included, in order. Some may be superseded or removed.
func (v view) docsOf(kind, from, to int64) (list []uint32, err error) {
	err = v.eachEntry(kind, keyTexts(from, to), func(e *entry) error {
		return e.each(func(doc uint32) { list = append(list, doc) })
	})
	slices.Sort(list)
	return slices.Compact(list), err
}

// docsOf returns the documents or statuses with a key, those of the batch among them; some may be removed.
func (w *writer) docsOf(kind, key int64) []int64 { return w.docsWith(kind, keyText(key)) }

// amongDocs is the condition that a document is in a list, amongStatuses that a status is; inList makes their argument.
const (
	amongDocs     = `doc IN (SELECT value FROM json_each(?))`
	amongStatuses = `status IN (SELECT value FROM json_each(?))`
)

func inList[N uint32 | int64](numbers []N) string {
	text, _ := json.Marshal(numbers)
	return string(text)
}

const binarySQL = `SELECT d.bin FROM documents d JOIN binaries b ON b.bin = d.bin WHERE doc = ? AND sha256 = ?`

// row returns that of a file, 0 if nothing is known of it.
func (v view) row(sha256 string) (bin int64, err error) {
	docs, err := v.docsOf(keySHA256, digestKey(sha256), digestKey(sha256))
	for _, doc := range docs {
		if bin, err = v.number(binarySQL, doc, bytesOf(sha256)); bin != 0 || err != nil {
			break
		}
	}
	return bin, err
}

// filter is a Bloom filter of the terms of a segment that are keys of some kinds (filtered; B. Bloom, Space/time trade-offs in hash coding with allowable errors,
// Communications of the ACM 13, 1970): it says of 997 in 1,000 that are not there that they are not.
type filter []byte

const (
	filterBits   = 12 // for each term
	filterProbes = 8
)

func newFilter(terms int) filter { return make(filter, (terms*filterBits+7)/8) }

// probes calls fn with the bits of a term, whose text has the hash h (xxHash64), as long as it returns true. One hash gives them all (A. Kirsch, M. Mitzenmacher, Less hashing,
// same performance, 2006).
func (f filter) probes(field int64, h uint64, fn func(at uint64, bit byte) bool) {
	h += uint64(field) * 0x9e3779b97f4a7c15
	step := h>>32 | 1
	for range filterProbes {
		at := (h & math.MaxUint32) * uint64(len(f)) >> 32
		if !fn(at, 1<<(h>>61)) {
			return
		}
		h = h*0x9e3779b97f4a7c15 + step
	}
}

func (f filter) add(field int64, text []byte) {
	if len(f) == 0 {
		return
	}
	f.probes(field, xxhash.Sum64(text), func(at uint64, bit byte) bool {
		f[at] |= bit
		return true
	})
}

// lacks tells that a term is not there; it may be wrong in saying no.
func (f filter) lacks(k termKey) bool {
	if !filtered(k.field) {
		return false
	}
	if len(f) == 0 {
		return true
	}
	lacks := false
	f.probes(k.field, xxhash.Sum64String(k.text), func(at uint64, bit byte) bool {
		lacks = f[at]&bit == 0
		return !lacks
	})
	return lacks
}
