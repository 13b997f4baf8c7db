package index

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// Bounds on a hit.
const (
	maxHits         = 1000
	maxHitFilenames = 5
	maxHitSources   = 10
	maxHitOrigins   = 3
	maxHitRows      = 100     // documents of one file whose bodies are read
	maxHitValues    = 100_000 // values of features that are compared, the newest documents first
)

// Hits: see Index.
func (s *SQLite) Hits(ctx context.Context, r Reader, sha256 []string) ([]Hit, error) {
	list := make([]Hit, len(sha256))
	err := s.see(ctx, r, func(v view) error {
		var bins []int64
		places := map[int64][]int{} // in the list
		for i, sha := range sha256 {
			sha = strings.ToLower(sha)
			bin, err := v.file(sha)
			if err == ErrNotFound {
				list[i] = Hit{SHA256: sha, Filenames: []string{}, Sources: []string{}}
				continue
			}
			if err != nil {
				return err
			}
			if places[bin] = append(places[bin], i); len(places[bin]) == 1 {
				bins = append(bins, bin)
			}
		}
		hits, err := v.hits(bins)
		for n := range hits {
			for _, i := range places[bins[n]] {
				list[i] = hits[n]
			}
		}
		return err
	})
	return list, err
}

const (
	hitDocumentsWhere = `bin IN (SELECT value FROM json_each(?))`
	hitCountsSQL      = `SELECT bin, count(*) FROM documents WHERE ` + hitDocumentsWhere + ` GROUP BY bin`
	hitBodiesSQL      = `SELECT doc, CASE WHEN traits & ? THEN body END, features FROM documents WHERE ` + amongDocs
	hitTagsWhere      = `sha256 <> '' AND sha256 IN (SELECT value FROM json_each(?))`
)

// hits returns the lines of files of which the reader sees something, in their order. No file comes twice. What is read of documents is read for as many files at once
// as have no more than maxRows together.
func (v view) hits(bins []int64) ([]Hit, error) {
	counts := map[int64]int{}
	err := v.rows(hitCountsSQL, []any{inList(bins)}, func(scan scanner) error {
		var bin int64
		var n int
		err := scan(&bin, &n)
		counts[bin] = n
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]Hit, 0, len(bins))
	for len(bins) > 0 {
		n, documents := 0, 0
		for n < len(bins) && (n == 0 || documents+counts[bins[n]] <= maxRows) {
			documents += counts[bins[n]]
			n++
		}
		more, err := v.hitsOf(bins[:n])
		if err != nil {
			return nil, err
		}
		list, bins = append(list, more...), bins[n:]
	}
	return list, v.tagHits(list)
}

func (v view) hitsOf(bins []int64) ([]Hit, error) {
	list := make([]Hit, len(bins))
	rows, err := v.documentsWhere(hitDocumentsWhere, []any{inList(bins)}, false, false)
	if err != nil {
		return nil, err
	}
	shas, err := v.sha256s(bins)
	if err != nil {
		return nil, err
	}
	facts, err := v.factsOf(rows)
	if err != nil {
		return nil, err
	}
	of := map[int64][]*row{}
	for i := range rows {
		of[rows[i].bin] = append(of[rows[i].bin], &rows[i])
	}
	makers := make([]hitMaker, len(bins))
	for i, bin := range bins {
		makers[i] = hitMaker{Hit: &list[i], rows: of[bin], from: make([]*Source, len(of[bin])), names: map[string]bool{}}
		makers[i].begin(v, shas[bin], facts)
	}
	if err := v.readHits(makers); err != nil {
		return nil, err
	}
	for i := range makers {
		if err := makers[i].end(v); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// hitMaker makes the line of a file of its documents, the newest first.
type hitMaker struct {
	*Hit
	rows     []*row
	from     []*Source // what each of the rows says
	names    map[string]bool
	features map[termKey]struct{}
	bodies   int // that are read
}

// begin fills in what rows and facts say.
func (h *hitMaker) begin(v view, sha string, known map[int64]*facts) {
	*h.Hit = Hit{Known: true, SHA256: sha, Filenames: []string{}, Sources: []string{}}
	if len(h.rows) == 0 {
		return
	}
	f := newestFacts(h.rows, known)
	h.SHA512, h.SHA1, h.MD5, h.SSDeep, h.TLSH, h.Size = f.sha512, f.sha1, f.md5, f.ssdeep, f.tlsh, f.size
	h.MIME, h.Magic, h.FileFormat, h.Extension = f.mime, f.magic, f.fileFormat, f.extension
	h.LastSeen = moment(h.rows[0].timestamp)
	sources := map[string]bool{}
	for _, r := range h.rows {
		h.Stored = h.Stored || r.traits&hasStream != 0
		if label := v.labels[r.label].text; label != "" && !slices.Contains(h.Labels, label) {
			h.Labels = append(h.Labels, label)
		}
		sources[r.srcNm] = true
	}
	slices.Sort(h.Labels)
	h.Sources = sorted(sources, maxHitSources)
}

// wanted are the documents of which something is read: the body, of the newest that have names or say where the file came from, and features.
func (h *hitMaker) wanted() (rows []int, values int64) {
	for i, r := range h.rows {
		r.whole = r.traits&(isSource|hasNames) != 0 && h.bodies < maxHitRows
		if r.whole {
			h.bodies++
		}
		if r.whole || r.features > 0 && values < maxHitValues {
			values += r.features
			rows = append(rows, i)
		}
	}
	return rows, values
}

// read takes names, features and where the file came from from the document of a row.
func (h *hitMaker) read(row int, packed, list []byte, filename int64) error {
	r := h.rows[row]
	if r.whole {
		if err := unpack(packed, &r.body); err != nil {
			return err
		}
		r.body.restore(h.SHA256, &facts{}) // its streams do not matter here
		if name := r.body.link(h.SHA256).filename; name != "" {
			h.names[name] = true
		}
		if r.traits&isSource != 0 {
			o := r.origin(h.SHA256)
			h.from[row] = &o
		}
		r.body = body{} // there may be many
	}
	if h.features == nil {
		h.features = map[termKey]struct{}{}
	}
	return readValues(list, func(val value) {
		if len(h.features) < maxFeatures { // one that several plugins found, or at several places, counts once
			h.features[termKey{val.field, val.text}] = struct{}{}
		}
		if r.whole && val.field == filename && val.text != "" {
			h.names[val.text] = true
		}
	})
}

// readHits reads what is wanted of the documents, of as many files at once as have no more than maxHitValues together.
func (v view) readHits(makers []hitMaker) error {
	filename, err := v.field(valueField("filename"))
	if err != nil {
		return err
	}
	var docs []uint32
	var ready []*hitMaker // when docs are read
	values := int64(0)
	type place struct {
		maker *hitMaker
		row   int
	}
	places := map[uint32]place{}
	flush := func() error {
		err := v.rows(hitBodiesSQL, []any{isSource | hasNames, inList(docs)}, func(scan scanner) error {
			var doc uint32
			var packed, list []byte
			if err := scan(&doc, &packed, &list); err != nil {
				return err
			}
			at := places[doc]
			return at.maker.read(at.row, packed, list, filename)
		})
		for _, h := range ready {
			h.Features, h.features = len(h.features), nil
		}
		docs, values, ready = docs[:0], 0, ready[:0]
		clear(places)
		return err
	}
	for i := range makers {
		h := &makers[i]
		rows, n := h.wanted()
		if len(docs) > 0 && values+n > maxHitValues {
			if err := flush(); err != nil {
				return err
			}
		}
		for _, row := range rows {
			doc := uint32(h.rows[row].doc)
			docs = append(docs, doc)
			places[doc] = place{h, row}
		}
		values, ready = values+n, append(ready, h)
	}
	return flush()
}

// end fills in what bodies say, and what others say of the file.
func (h *hitMaker) end(v view) (err error) {
	if len(h.rows) == 0 {
		return nil
	}
	for _, o := range h.from {
		if o != nil && !slices.ContainsFunc(h.Origins, func(s Source) bool {
			return s.Name == o.Name && s.Timestamp.Equal(o.Timestamp) && s.Depth == o.Depth && s.Root == o.Root && comparePairs(s.References, o.References) == 0
		}) {
			h.Origins = append(h.Origins, *o)
		}
	}
	slices.SortStableFunc(h.Origins, func(a, b Source) int { return b.Timestamp.Compare(a.Timestamp) })
	h.Origins = h.Origins[:min(len(h.Origins), maxHitOrigins)]
	h.Filenames = sorted(h.names, maxHitFilenames)
	h.Children, err = v.countChildren(h.SHA256)
	return err
}

// tagHits fills in the tags of files.
func (v view) tagHits(list []Hit) error {
	shas := make([]string, len(list))
	places := map[string]int{}
	for i := range list {
		shas[i] = list[i].SHA256
		places[shas[i]] = i
	}
	text, _ := json.Marshal(shas)
	tags, err := v.tags(hitTagsWhere, string(text))
	for _, t := range tags {
		h := &list[places[t.SHA256]]
		h.Tags = append(h.Tags, t)
	}
	return err
}

const childrenSQL = `SELECT DISTINCT bin, label FROM documents WHERE ` + amongDocs + ` AND superseded = 0`

// countChildren counts the distinct files that were made of one.
func (v view) countChildren(sha string) (int, error) {
	docs, err := v.docsOf(keyParent, digestKey(sha), digestKey(sha))
	if err != nil || len(docs) == 0 {
		return 0, err
	}
	children := map[int64]bool{}
	err = v.rows(childrenSQL, []any{inList(docs)}, func(scan scanner) error {
		var bin, label int64
		err := scan(&bin, &label)
		if v.labels[label].visible {
			children[bin] = true
		}
		return err
	})
	return len(children), err
}
