package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"lazuli/internal/digest"
	"lazuli/internal/index/query"
)

// Curves of entropy are compared with all others. They are kept side by side, so that one look-up reads few rows: chunks of 256 documents. An entry is a
// document's place in the chunk, a byte, and the curve.
const (
	alikeBits     = 8
	entropyPoints = 40 // of a curve, each a byte: 255 for 8 bits a byte
	alikeBytes    = 1 + entropyPoints
)

var errAlike = errors.New("a row of similar files is damaged")

// readAlike calls fn with the entries of a chunk.
func readAlike(b []byte, fn func(place byte, curve []byte)) error {
	if len(b)%alikeBytes != 0 {
		return errAlike
	}
	for ; len(b) > 0; b = b[alikeBytes:] {
		fn(b[0], b[1:alikeBytes])
	}
	return nil
}

// changeAlike puts the curve of a document in its chunk, or takes it out if it is nil.
func (w *writer) changeAlike(doc int64, curve []byte) {
	row := doc >> alikeBits
	chunk, ok := w.alike[row]
	if !ok {
		w.one(`SELECT data FROM alike WHERE id = ?`, []any{row}, &chunk)
	}
	place := byte(doc)
	changed := make([]byte, 0, len(chunk)+alikeBytes)
	err := readAlike(chunk, func(other byte, curve []byte) {
		if other != place {
			changed = append(append(changed, other), curve...)
		}
	})
	if err != nil && w.err == nil {
		w.err = err
	}
	if curve != nil {
		changed = append(append(changed, place), curve...)
	}
	w.alike[row] = changed
}

func (w *writer) storeAlike() {
	for row, data := range w.alike {
		if len(data) == 0 {
			w.exec(`DELETE FROM alike WHERE id = ?`, row)
			continue
		}
		w.exec(`INSERT OR REPLACE INTO alike VALUES (?,?)`, row, data)
	}
}

// What is alike by ssdeep has seven letters in a row in common, at one block size. Of each seven in a row one gram, four letters in a row, is a term of the
// documents with the hash: that of the least hash, so that the same seven letters give the same gram, and neighbours often share theirs (S. Schleimer et al.,
// Winnowing, SIGMOD 2003). A hash of 64 letters has some 25 grams.
const gramLetters = 4

// eachGram calls fn with the grams of a hash and the fields that have them, one for each block size. A gram may come more than once.
func eachGram(h *digest.SSDeep, fn func(field, gram string)) {
	for i, letters := range []string{h.Full, h.Half} {
		field := fieldGrams + strconv.FormatInt(h.BlockSize<<i, 10)
		last := ""
		for at := 0; at+digest.SSDeepWindow <= len(letters); at++ {
			gram := letters[at : at+gramLetters]
			for i := at + 1; i+gramLetters <= at+digest.SSDeepWindow; i++ {
				if other := letters[i : i+gramLetters]; gramHash(other) < gramHash(gram) {
					gram = other
				}
			}
			if gram != last {
				fn(field, gram)
			}
			last = gram
		}
	}
}

// gramHash is another number for each gram.
func gramHash(gram string) uint32 {
	n := uint32(gram[0]) | uint32(gram[1])<<8 | uint32(gram[2])<<16 | uint32(gram[3])<<24
	n *= 0x9e3779b1
	return n ^ n>>15
}

// entropyOf reads the curve that a document's info has, as the plugin Entropy writes it; nil if it has none that can be compared.
func entropyOf(info json.RawMessage) []byte {
	if len(info) == 0 {
		return nil
	}
	var report struct {
		Entropy struct {
			Blocks []float64 `json:"blocks"`
		} `json:"entropy"`
	}
	if json.Unmarshal(info, &report) != nil {
		return nil
	}
	return entropyCurve(report.Entropy.Blocks)
}

// entropyCurve resamples blocks to entropyPoints, each the mean of its part; nil for fewer blocks than that.
func entropyCurve(blocks []float64) []byte {
	if len(blocks) < entropyPoints {
		return nil
	}
	curve := make([]byte, entropyPoints)
	for i := range curve {
		from, to := i*len(blocks)/entropyPoints, (i+1)*len(blocks)/entropyPoints
		sum := 0.0
		for _, x := range blocks[from:to] {
			if !(x >= 0) { // NaN too
				return nil
			}
			sum += min(x, 8)
		}
		curve[i] = byte(math.Round(sum / float64(to-from) / 8 * 255))
	}
	return curve
}

// Similar: see Index. ssdeep scores as ssdeep does, and what scores 0 is not similar. TLSH's score is 100 less a third of the distance, down to 0, and files
// that are more than 150 apart are not similar. The score of curves is 100 less the mean difference in percent of 8 bits, and below 90 they are not
// similar.
func (s *SQLite) Similar(ctx context.Context, r Reader, like Likeness, limit int) ([]Match, error) {
	limit = min(max(limit, 1), maxHits)
	list := []Match{}
	err := s.see(ctx, r, func(v view) error {
		var err error
		switch {
		case like.SSDeep != "":
			list, err = v.similarSSDeep(like.SSDeep, limit)
		case like.TLSH != "":
			list, err = v.similarTLSH(like.TLSH, limit)
		default:
			list, err = v.similarEntropy(like.Entropy, limit)
		}
		return err
	})
	return list, err
}

// ranked is something similar: the higher the better.
type ranked struct {
	number int64
	rank   int
}

func (r ranked) compare(o ranked) int {
	return cmp.Or(cmp.Compare(o.rank, r.rank), cmp.Compare(r.number, o.number))
}

// best keeps the best of many; twice as many as are wanted and some more, because not all may be seen.
type best struct {
	size int
	list []ranked
}

func (b *best) add(r ranked) {
	b.list = append(b.list, r)
	if len(b.list) >= 2*b.size {
		b.cut()
	}
}

func (b *best) cut() {
	slices.SortFunc(b.list, ranked.compare)
	b.list = b.list[:min(len(b.list), b.size)]
}

// matches turns facts or documents into files that the reader may see, each once, best first.
func (v view) matches(b *best, limit int, file func(number int64) (bin int64, err error), match func(rank int) Match) ([]Match, error) {
	b.cut()
	list := []Match{}
	seen := map[int64]bool{}
	for _, r := range b.list {
		bin, err := file(r.number)
		if err != nil {
			return nil, err
		}
		if bin == 0 || seen[bin] {
			continue
		}
		seen[bin] = true
		m := match(r.rank)
		if m.SHA256, err = v.sha256(bin); err != nil {
			return nil, err
		}
		if list = append(list, m); len(list) == limit {
			break
		}
	}
	slices.SortStableFunc(list, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Distance, b.Distance), strings.Compare(a.SHA256, b.SHA256))
	})
	return list, nil
}

// fileOfDocument returns the file of a document if the reader sees it, otherwise 0.
func (v view) fileOfDocument(doc int64) (int64, error) {
	var bin, label int64
	err := v.rows(`SELECT bin, label FROM documents WHERE doc = ? AND superseded = 0`, []any{doc}, func(scan scanner) error { return scan(&bin, &label) })
	if !v.labels[label].visible {
		return 0, err
	}
	return bin, err
}

// spare is how many more candidates than wanted are kept, for those that the reader may not see or that are of one file.
const spare = 1000

// maxCompared are how many files are compared by ssdeep, those with the most grams in common. A thousand take 20 ms.
const maxCompared = 5_000

func (v view) similarSSDeep(text string, limit int) ([]Match, error) {
	hash, err := digest.ParseSSDeep(text)
	if err != nil {
		return nil, &query.Error{Column: 1, Message: "this is no ssdeep hash"}
	}
	e, err := v.evaluate()
	if err != nil {
		return nil, err
	}
	candidates, err := e.sharingGrams(&hash)
	if err != nil {
		return nil, err
	}
	b := best{size: limit + spare}
	for _, doc := range candidates {
		var theirs string
		if err := v.one(`SELECT coalesce(ssdeep, '') FROM facts WHERE fact = (SELECT fact FROM documents WHERE doc = ?)`, []any{doc}, &theirs); err != nil {
			return nil, err
		}
		if other, err := digest.ParseSSDeep(theirs); err == nil {
			if score := hash.Score(&other); score > 0 {
				b.add(ranked{e.bins.at(doc), score})
			}
		}
	}
	return v.matches(&b, limit, itself, func(rank int) Match { return Match{Score: rank} })
}

// sharingGrams returns a visible document of each file that has grams of a hash, those with the most first.
func (e *eval) sharingGrams(h *digest.SSDeep) ([]uint32, error) {
	seen := map[termKey]bool{}
	shared := map[uint32]int{}
	var err error
	eachGram(h, func(field, gram string) {
		n, fieldErr := e.field(field)
		k := termKey{n, gram}
		if err = cmp.Or(err, fieldErr); err != nil || seen[k] {
			return
		}
		seen[k] = true
		t, findErr := e.foundText(n, gram)
		if err = findErr; err == nil {
			err = t.each(func(doc uint32) {
				if e.visible.has(doc) {
					shared[doc]++
				}
			})
		}
	})
	if err != nil {
		return nil, err
	}
	list := make([]ranked, 0, len(shared))
	for doc, n := range shared {
		list = append(list, ranked{int64(doc), n})
	}
	slices.SortFunc(list, ranked.compare)
	// Documents of a file that say the same have as many.
	type fileCount struct {
		bin int64
		n   int
	}
	had := map[fileCount]bool{}
	var docs []uint32
	for _, r := range list {
		k := fileCount{e.bins.at(uint32(r.number)), r.rank}
		if had[k] {
			continue
		}
		had[k] = true
		if docs = append(docs, uint32(r.number)); len(docs) == maxCompared {
			break
		}
	}
	return docs, nil
}

// farTLSH is the distance from which files are not alike.
const farTLSH = 150

// A TLSH is a term of the documents with it: the class of its length, by which terms are in order, and the rest (sixBits). What is too far apart in length
// is not read.
const tlshBytes = 35

func tlshText(h *digest.TLSH) string {
	b := *h
	copy(b[1:], h[:1]) // behind the class
	b[0] = h.LengthClass()
	return sixBits(b[:])
}

// readTLSH reads what tlshText wrote.
func readTLSH(text string) (h digest.TLSH, err error) {
	var b [tlshBytes]byte
	if len(text) != sixBitLetters.EncodedLen(tlshBytes) {
		return h, errSegment
	}
	if n, err := sixBitLetters.Decode(b[:], []byte(text)); err != nil || n != tlshBytes {
		return h, errSegment
	}
	copy(h[2:], b[2:])
	h[0], h[1] = b[1], b[0]<<4|b[0]>>4
	return h, nil
}

func (v view) similarTLSH(hash string, limit int) ([]Match, error) {
	wanted, err := digest.ParseTLSH(hash)
	if err != nil {
		return nil, &query.Error{Column: 1, Message: "this is no TLSH hash"}
	}
	e, err := v.evaluate()
	if err != nil {
		return nil, err
	}
	field, err := e.field(fieldTLSH)
	if err != nil || field == 0 {
		return []Match{}, err
	}
	const near = farTLSH / digest.TLSHClassDistance // classes
	class := int(wanted.LengthClass())
	b := best{size: limit + spare}
	for _, part := range [][2]int{{max(0, class-near), min(255, class+near)}, {class - near + 256, 255}, {0, class + near - 256}} { // around the circle
		if part[0] > part[1] {
			continue
		}
		from, to := [tlshBytes]byte{byte(part[0])}, [tlshBytes]byte{byte(part[1])}
		for i := 1; i < tlshBytes; i++ {
			to[i] = 0xff
		}
		err := v.eachEntry(field, textRange{sixBits(from[:]), sixBits(to[:])}, func(entry *entry) error {
			theirs, err := readTLSH(entry.text)
			if err != nil {
				return err
			}
			distance := wanted.Distance(&theirs)
			if distance > farTLSH {
				return nil
			}
			return entry.each(func(doc uint32) {
				if e.visible.has(doc) {
					b.add(ranked{e.bins.at(doc), -distance})
				}
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return v.matches(&b, limit, itself, func(rank int) Match { return Match{Score: max(0, 100+rank/3), Distance: -rank} })
}

// itself is the file of what is one.
func itself(bin int64) (int64, error) { return bin, nil }

func (v view) similarEntropy(blocks []float64, limit int) ([]Match, error) {
	wanted := entropyCurve(blocks)
	if wanted == nil {
		return nil, &query.Error{Column: 1, Message: fmt.Sprintf("a curve has at least %d blocks of at most 8 bits", entropyPoints)}
	}
	b := best{size: limit + spare}
	const far = entropyPoints * 255 / 10
	err := v.rows(`SELECT id, data FROM alike`, nil, func(scan scanner) error {
		var row int64
		var data []byte
		if err := scan(&row, &data); err != nil {
			return err
		}
		return readAlike(data, func(place byte, curve []byte) {
			sum := 0
			for i, x := range curve {
				sum += max(int(x), int(wanted[i])) - min(int(x), int(wanted[i]))
			}
			if sum <= far {
				b.add(ranked{row<<alikeBits | int64(place), -sum})
			}
		})
	})
	if err != nil {
		return nil, err
	}
	return v.matches(&b, limit, v.fileOfDocument, func(rank int) Match { return Match{Score: 100 + rank*100/(entropyPoints*255)} })
}
