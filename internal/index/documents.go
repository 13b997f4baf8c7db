package index

import (
	"context"
	"slices"
	"strings"
)

// resolve returns the one file that a hash names: of several with one MD5 or SHA-1 the one with the smallest SHA-256.
func (v view) resolve(hash string) (bin int64, sha string, err error) {
	list, err := v.resolveAll(hash)
	if err != nil {
		return 0, "", err
	}
	if len(list) == 0 {
		return 0, "", ErrNotFound
	}
	bin, err = v.file(list[0])
	return bin, list[0], err
}

// resolveAll returns the SHA-256s of the files with a hash of which the reader may see so, sorted.
func (v view) resolveAll(hash string) ([]string, error) {
	hash = strings.ToLower(hash)
	kind := hashKind(hash)
	switch kind {
	case 0:
		return nil, nil
	case keySHA256:
		_, err := v.file(hash)
		if err == ErrNotFound {
			return nil, nil
		}
		return []string{hash}, err
	}
	docs, err := v.docsOf(kind, digestKey(hash), digestKey(hash))
	if err != nil {
		return nil, err
	}
	files := map[string]bool{}
	err = v.rows(`SELECT DISTINCT b.sha256, d.label FROM documents d JOIN facts f ON f.fact = d.fact JOIN binaries b ON b.bin = d.bin
		WHERE `+amongDocs+` AND f.`+factColumns[kind]+` = ? AND d.superseded = 0`, []any{inList(docs), bytesOf(hash)},
		func(scan scanner) error {
			var raw []byte
			var label int64
			err := scan(&raw, &label)
			if v.labels[label].visible {
				files[digestOf(raw)] = true
			}
			return err
		})
	return sorted(files, len(files)), err
}

// hashKind tells by its length which hash a text is, in lower case; 0 for none.
func hashKind(hash string) int64 {
	for i := range len(hash) {
		if c := hash[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return 0
		}
	}
	switch len(hash) {
	case 32:
		return keyMD5
	case 40:
		return keySHA1
	case 64:
		return keySHA256
	case 128:
		return keySHA512
	}
	return 0
}

// Resolve: see Index.
func (s *SQLite) Resolve(ctx context.Context, r Reader, hash string) (list []string, err error) {
	err = s.see(ctx, r, func(v view) error {
		list, err = v.resolveAll(hash)
		return err
	})
	if list == nil {
		list = []string{}
	}
	return list, err
}

// Documents: see Index.
func (s *SQLite) Documents(ctx context.Context, r Reader, sha256 string, f DocumentFilter) (list []Document, more bool, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = maxDocuments
	}
	list = []Document{}
	err = s.see(ctx, r, func(v view) error {
		sha := strings.ToLower(sha256)
		bin, err := v.row(sha)
		if err != nil {
			return err
		}
		rows, err := v.documents(bin, true, false)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrNotFound
		}
		for i := range rows {
			r := &rows[i]
			if r.superseded != 0 && !f.Superseded || f.Author != "" && r.authorName != f.Author || len(f.Actions) > 0 && !slices.Contains(f.Actions, r.actionText) {
				continue
			}
			if len(list) == limit {
				more = true
				return nil
			}
			d, err := v.document(r, sha)
			if err != nil {
				return err
			}
			list = append(list, d)
		}
		return nil
	})
	return list, more, err
}

// document reads a document whole.
func (v view) document(r *row, sha string) (Document, error) {
	d := Document{ID: r.id, SHA256: sha, Action: r.actionText, Label: v.labels[r.label].text, Author: Author{Name: r.authorName, Version: r.authorVer},
		Timestamp: moment(r.timestamp), Superseded: r.superseded != 0, SourceName: r.srcNm, SourceTimestamp: moment(r.sourceTime)}
	var packed, values []byte
	if err := v.one(`SELECT body, features FROM documents WHERE doc = ?`, []any{r.doc}, &packed, &values); err != nil {
		return d, err
	}
	whole := *r
	if err := v.open(&whole, packed); err != nil {
		return d, err
	}
	whole.body.into(&d)
	if err := v.words(wordInto{r.category, &d.Author.Category}); err != nil {
		return d, err
	}
	f, err := v.facts([]row{*r})
	if err != nil {
		return d, err
	}
	d.Size, d.SHA512, d.SHA1, d.MD5, d.SSDeep, d.TLSH = f.size, f.sha512, f.sha1, f.md5, f.ssdeep, f.tlsh
	d.MIME, d.Magic, d.FileFormat, d.Extension = f.mime, f.magic, f.fileFormat, f.extension
	var list []value
	if err := readValues(values, func(val value) { list = append(list, val) }); err != nil {
		return d, err
	}
	for _, val := range list {
		f, err := v.feature(val)
		if err != nil {
			return d, err
		}
		f.Plugin, f.Version = r.authorName, r.authorVer
		d.Features = append(d.Features, f)
	}
	return d, nil
}

// Stream: see Index.
func (s *SQLite) Stream(ctx context.Context, r Reader, sha256 string) (found Stream, err error) {
	sha := strings.ToLower(sha256)
	err = s.see(ctx, r, func(v view) error {
		bin, err := v.row(sha)
		if err != nil {
			return err
		}
		docs, err := v.docsOf(keyStream, digestKey(sha), digestKey(sha))
		if err != nil {
			return err
		}
		for _, look := range []struct {
			where string
			args  []any
		}{
			{`bin = ? AND traits & 2`, []any{bin}},
			{amongDocs, []any{inList(docs)}},
		} {
			rows, err := v.documentsWhere(look.where, look.args, false, false)
			if err != nil {
				return err
			}
			for i := range rows {
				var packed []byte
				if err := v.one(`SELECT body FROM documents WHERE doc = ?`, []any{rows[i].doc}, &packed); err != nil {
					return err
				}
				if err := v.open(&rows[i], packed); err != nil {
					return err
				}
				for _, st := range rows[i].body.Streams {
					if st.SHA256 == sha {
						found = st
						found.Plugin, found.Source = rows[i].authorName, rows[i].srcNm
						return nil
					}
				}
			}
		}
		return ErrNotFound
	})
	return found, err
}

// Statuses: see Index.
func (s *SQLite) Statuses(ctx context.Context, r Reader, sha256 string) (list []StatusDocument, err error) {
	err = s.see(ctx, r, func(v view) error {
		list, err = v.statuses(strings.ToLower(sha256))
		return err
	})
	return list, err
}

const statusColumns = `id, sha256, label, category_w, plugin_w, version_w, security_w, coalesce(input, ''), run, state_w, timestamp, runtime, source_w, results, error, message`

const fileStatusesSQL = `SELECT ` + statusColumns + ` FROM statuses WHERE ` + amongStatuses + ` AND sha256 = ? ORDER BY timestamp DESC, id LIMIT ?`

// statuses lists those of a file, the newest first.
func (v view) statuses(sha string) ([]StatusDocument, error) {
	numbers, err := v.docsOf(keyStatusFile, digestKey(sha), digestKey(sha))
	if err != nil {
		return nil, err
	}
	return v.statusesWhere(fileStatusesSQL, inList(numbers), bytesOf(sha), maxDocuments)
}

func (v view) statusesWhere(query string, args ...any) ([]StatusDocument, error) {
	list := []StatusDocument{}
	type texts struct{ category, plugin, version, security, state, source int64 }
	var todo []texts
	err := v.rows(query, args, func(scan scanner) error {
		var st StatusDocument
		var w texts
		var raw []byte
		var label, at int64
		err := scan(&st.ID, &raw, &label, &w.category, &w.plugin, &w.version, &w.security, &st.Input, &st.Run, &w.state, &at, &st.Runtime, &w.source, &st.ResultsStored, &st.Error, &st.Message)
		if l := v.labels[label]; l.visible {
			st.SHA256, st.Label, st.Timestamp = digestOf(raw), l.text, moment(at)
			list, todo = append(list, st), append(todo, w)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		st, w := &list[i], todo[i]
		if err := v.words(wordInto{w.category, &st.Author.Category}, wordInto{w.plugin, &st.Author.Name}, wordInto{w.version, &st.Author.Version},
			wordInto{w.security, &st.Author.Security}, wordInto{w.state, &st.State}, wordInto{w.source, &st.SourceName}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// newestStatuses takes, of each plugin version, the newest; by plugin, the newest version first. A file has a status for each of its events, so
// there may be many.
func newestStatuses(all []StatusDocument) []Status {
	list := []Status{}
	seen := map[[2]string]bool{}
	for i := range all {
		st := &all[i]
		if of := [2]string{st.Author.Name, st.Author.Version}; !seen[of] && len(list) < maxStatuses {
			seen[of] = true
			list = append(list, Status{st.Author.Name, st.Author.Version, st.State, st.Error, st.Message, st.Runtime, st.Timestamp})
		}
	}
	slices.SortStableFunc(list, func(a, b Status) int {
		return strings.Compare(a.Plugin, b.Plugin) // the newest is first already
	})
	return list
}
