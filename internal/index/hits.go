package index

import (
	"context"
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
	list := make([]Hit, 0, len(sha256))
	err := s.see(ctx, r, func(v view) error {
		for _, sha := range sha256 {
			sha = strings.ToLower(sha)
			bin, err := v.file(sha)
			if err == ErrNotFound {
				list = append(list, Hit{SHA256: sha, Filenames: []string{}, Sources: []string{}})
				continue
			}
			if err != nil {
				return err
			}
			h, err := v.hit(bin)
			if err != nil {
				return err
			}
			list = append(list, h)
		}
		return nil
	})
	return list, err
}

// hit is the line of a file of which the reader sees something.
func (v view) hit(bin int64) (Hit, error) {
	h := Hit{Known: true, Filenames: []string{}, Sources: []string{}}
	var err error
	if h.SHA256, err = v.sha256(bin); err != nil {
		return h, err
	}
	rows, err := v.documents(bin, false, false)
	if err != nil || len(rows) == 0 {
		return h, err
	}
	f, err := v.facts(rows)
	if err != nil {
		return h, err
	}
	h.SHA512, h.SHA1, h.MD5, h.SSDeep, h.TLSH, h.Size = f.sha512, f.sha1, f.md5, f.ssdeep, f.tlsh, f.size
	h.MIME, h.Magic, h.FileFormat, h.Extension = f.mime, f.magic, f.fileFormat, f.extension
	h.LastSeen = moment(rows[0].timestamp)
	names, sources := map[string]bool{}, map[string]bool{}
	read := 0
	var features distinct
	for i := range rows {
		r := &rows[i]
		h.Stored = h.Stored || r.traits&hasStream != 0
		if label := v.labels[r.label].text; label != "" && !slices.Contains(h.Labels, label) {
			h.Labels = append(h.Labels, label)
		}
		sources[r.srcNm] = true
		if read == maxHitRows || r.traits&(isSource|hasNames) == 0 {
			features.later(r)
			continue
		}
		read++
		if err := v.hitBody(&h, r, names, &features); err != nil {
			return h, err
		}
	}
	if h.Features, err = features.count(v); err != nil {
		return h, err
	}
	slices.Sort(h.Labels)
	h.Filenames, h.Sources = sorted(names, maxHitFilenames), sorted(sources, maxHitSources)
	slices.SortStableFunc(h.Origins, func(a, b Source) int { return b.Timestamp.Compare(a.Timestamp) })
	h.Origins = h.Origins[:min(len(h.Origins), maxHitOrigins)]
	if h.Children, err = v.countChildren(h.SHA256); err != nil {
		return h, err
	}
	h.Tags, err = v.tags(`sha256 = ? AND sha256 <> ''`, h.SHA256)
	if len(h.Tags) == 0 {
		h.Tags = nil
	}
	return h, err
}

// hitBody takes names, origins and features from a document.
func (v view) hitBody(h *Hit, r *row, names map[string]bool, features *distinct) error {
	var packed, list []byte
	if err := v.one(`SELECT body, features FROM documents WHERE doc = ?`, []any{r.doc}, &packed, &list); err != nil {
		return err
	}
	if err := unpack(packed, &r.body); err != nil {
		return err
	}
	r.body.restore(h.SHA256, &facts{}) // its streams do not matter here
	if name := r.body.link(h.SHA256).filename; name != "" {
		names[name] = true
	}
	if r.traits&isSource != 0 {
		o := r.origin(h.SHA256)
		if !slices.ContainsFunc(h.Origins, func(s Source) bool {
			return s.Name == o.Name && s.Timestamp.Equal(o.Timestamp) && s.Depth == o.Depth && s.Root == o.Root && comparePairs(s.References, o.References) == 0
		}) {
			h.Origins = append(h.Origins, o)
		}
	}
	if r.traits&hasNames == 0 {
		return readValues(list, features.add)
	}
	field, err := v.field(valueField("filename"))
	if err != nil {
		return err
	}
	return readValues(list, func(val value) {
		features.add(val)
		if val.field == field && val.text != "" {
			names[val.text] = true
		}
	})
}

// distinct counts the values of features in documents: one that several plugins found, or at several places, once. There are at most maxFeatures.
type distinct struct {
	values map[termKey]struct{}
	read   int64
	unread []uint32 // documents
}

func (d *distinct) add(val value) {
	if d.values == nil {
		d.values = map[termKey]struct{}{}
	}
	if len(d.values) < maxFeatures {
		d.values[termKey{val.field, val.text}] = struct{}{}
	}
}

// later notes that the values of a document are still to be read.
func (d *distinct) later(r *row) {
	if r.features > 0 && d.read < maxHitValues {
		d.read += r.features
		d.unread = append(d.unread, uint32(r.doc))
	}
}

const valuesSQL = `SELECT features FROM documents WHERE ` + amongDocs

// count reads what is still to be read.
func (d *distinct) count(v view) (int, error) {
	if len(d.unread) > 0 {
		err := v.rows(valuesSQL, []any{inList(d.unread)}, func(scan scanner) error {
			var list []byte
			if err := scan(&list); err != nil {
				return err
			}
			return readValues(list, d.add)
		})
		if err != nil {
			return 0, err
		}
	}
	return len(d.values), nil
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
