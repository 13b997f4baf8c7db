package index

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Bounds on the lists of a Binary. A file is seldom near them; one that is, such as the empty file, must not take the memory.
const (
	maxFeatures  = 10_000
	maxLinks     = 1_000
	maxStatuses  = 1_000
	maxDocuments = 10_000
	maxStreams   = 1_000
	maxFilenames = 100
	maxSources   = 1_000
	maxInfos     = 200
)

// Binary: see Index.
func (s *SQLite) Binary(ctx context.Context, hash string) (*Binary, error) {
	field := hashField(hash)
	if field == "" {
		return nil, ErrNotFound
	}
	b := &Binary{Info: map[string]json.RawMessage{}, Sources: []Source{}, Features: []Feature{}, Streams: []Stream{},
		Children: []Link{}, Parents: []Link{}, Statuses: []Status{}}
	err := s.view(ctx, func(v view) error {
		bin, err := v.head(b, field, strings.ToLower(hash))
		if err != nil {
			return err
		}
		for _, read := range []func(*Binary, int64) error{v.events, v.sources, v.streams, v.info, v.features, v.children, v.parents, v.statuses} {
			if err := read(b, bin); err != nil {
				return err
			}
		}
		b.Filenames, err = v.texts(filenamesSQL, bin, maxFilenames)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// head reads what is one value each. Of several files with one MD5 or SHA-1 it takes the one with the smallest SHA-256.
func (v view) head(b *Binary, field, hash string) (bin int64, err error) {
	var f facts
	var first, last int64
	err = v.one(`SELECT bin, sha256, first_seen, last_seen, size, coalesce(sha512,''), coalesce(sha1,''), coalesce(md5,''), coalesce(ssdeep,''),
		coalesce(tlsh,''), coalesce(mime,''), coalesce(magic,''), coalesce(file_format,''), coalesce(extension,'')
		FROM binaries WHERE `+field+` = ? ORDER BY sha256 LIMIT 1`, []any{hash}, append([]any{&bin, &b.SHA256, &first, &last}, f.columns()...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrNotFound
	}
	b.FirstSeen, b.LastSeen = moment(first), moment(last)
	b.Size, b.SHA512, b.SHA1, b.MD5, b.SSDeep, b.TLSH = f.size, f.sha512, f.sha1, f.md5, f.ssdeep, f.tlsh
	b.MIME, b.Magic, b.FileFormat, b.Extension = f.mime, f.magic, f.fileFormat, f.extension
	return bin, err
}

// events lists the documents, newest first.
func (v view) events(b *Binary, bin int64) error {
	return v.rows(`SELECT d.id, a.text, p.text || iif(d.offset < 0, '', '/' || d.offset) FROM documents d
		JOIN words a ON a.word = d.action_w JOIN words p ON p.word = d.place_w
		WHERE d.bin = ? ORDER BY d.timestamp DESC, d.id LIMIT ?`, []any{bin, maxDocuments}, func(scan scanner) error {
		var e Event
		err := scan(&e.ID, &e.Action, &e.Position)
		b.Events = append(b.Events, e)
		return err
	})
}

// sources lists the ways in, oldest first. What plugins add to a file is no way in.
func (v view) sources(b *Binary, bin int64) error {
	return v.rows(`SELECT DISTINCT s.text, y.text, d.source_time, d.source_references, d.depth, d.root FROM documents d
		JOIN words a ON a.word = d.action_w JOIN words s ON s.word = d.source_w JOIN words y ON y.word = d.source_security_w
		WHERE d.bin = ? AND a.text IN ('sourced', 'extracted', 'mapped')
		ORDER BY d.source_time, s.text, d.depth, d.root, d.source_references, y.text LIMIT ?`, []any{bin, maxSources}, func(scan scanner) error {
		var src Source
		var at int64
		var references string
		if err := scan(&src.Name, &src.Security, &at, &references, &src.Depth, &src.Root); err != nil {
			return err
		}
		src.Timestamp = moment(at)
		err := json.Unmarshal([]byte(references), &src.References)
		b.Sources = append(b.Sources, src)
		return err
	})
}

// streams lists each stream once, under the plugin and the source that had it first.
func (v view) streams(b *Binary, bin int64) error {
	seen := map[[2]string]bool{}
	err := v.rows(`SELECT l.text, t.sha256, t.size, f.text, m.text, g.text, p.text, s.text FROM documents d JOIN streams t USING (doc)
		JOIN words l ON l.word = t.label_w JOIN words f ON f.word = t.file_format_w JOIN words m ON m.word = t.mime_w
		JOIN words g ON g.word = t.language_w JOIN words p ON p.word = d.author_w JOIN words s ON s.word = d.source_w
		WHERE d.bin = ? ORDER BY d.timestamp, d.id, t.n LIMIT ?`, []any{bin, maxDocuments}, func(scan scanner) error {
		var st Stream
		err := scan(&st.Label, &st.SHA256, &st.Size, &st.FileFormat, &st.MIME, &st.Language, &st.Plugin, &st.Source)
		if id := [2]string{st.Label, st.SHA256}; !seen[id] && len(b.Streams) < maxStreams {
			seen[id] = true
			b.Streams = append(b.Streams, st)
		}
		return err
	})
	slices.SortStableFunc(b.Streams, func(x, y Stream) int { return cmp.Compare(x.Label, y.Label) })
	return err
}

// info takes, of each plugin, the newest.
func (v view) info(b *Binary, bin int64) error {
	return v.rows(`SELECT author, info FROM (SELECT p.text AS author, d.info,
		row_number() OVER (PARTITION BY d.author_w ORDER BY d.timestamp DESC, d.id) AS age
		FROM documents d JOIN words p ON p.word = d.author_w WHERE d.bin = ? AND d.info IS NOT NULL) WHERE age = 1 ORDER BY author LIMIT ?`,
		[]any{bin, maxInfos}, func(scan scanner) error {
			var author, info string
			err := scan(&author, &info)
			b.Info[author] = json.RawMessage(info)
			return err
		})
}

// features lists each value of each plugin once.
func (v view) features(b *Binary, bin int64) error {
	return v.rows(`SELECT n.text, t.text, f.value, f.label, f.offset, f.length, p.text, max(r.text) FROM features f JOIN documents d USING (doc)
		JOIN words n ON n.word = f.name_w JOIN words t ON t.word = f.type_w JOIN words p ON p.word = d.author_w JOIN words r ON r.word = d.version_w
		WHERE f.bin = ? GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 3, 2, 4, 5, 6, 7 LIMIT ?`, []any{bin, maxFeatures}, func(scan scanner) error {
		var f Feature
		var offset, length sql.NullInt64
		err := scan(&f.Name, &f.Type, &f.Value, &f.Label, &offset, &length, &f.Plugin, &f.Version)
		f.Offset, f.Length = unsigned(offset), unsigned(length)
		b.Features = append(b.Features, f)
		return err
	})
}

func unsigned(n sql.NullInt64) *uint64 {
	if !n.Valid {
		return nil
	}
	u := uint64(n.Int64)
	return &u
}

const childrenSQL = `SELECT c.sha256, p.text, a.text, d.relationship, coalesce(min(d.filename),''), coalesce(c.file_format,''), c.size
	FROM documents d JOIN binaries c USING (bin) JOIN words p ON p.word = d.author_w JOIN words a ON a.word = d.action_w
	WHERE d.parent = ? GROUP BY 1, 2, 3, 4 ORDER BY 5, 1, 2, 3, 4 LIMIT ?`

// children lists the links down, by filename.
func (v view) children(b *Binary, _ int64) error {
	return v.links(&b.Children, childrenSQL, b.SHA256)
}

// parents lists the links up. A parent that nothing is known of is one all the same.
func (v view) parents(b *Binary, bin int64) error {
	return v.links(&b.Parents, `SELECT d.parent, p.text, a.text, d.relationship, coalesce(min(d.filename),''), coalesce(u.file_format,''), coalesce(u.size,0)
		FROM documents d LEFT JOIN binaries u ON u.sha256 = d.parent JOIN words p ON p.word = d.author_w JOIN words a ON a.word = d.action_w
		WHERE d.bin = ? AND d.parent IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT ?`, bin)
}

func (v view) links(into *[]Link, query string, arg any) error {
	return v.rows(query, []any{arg, maxLinks}, func(scan scanner) error {
		var l Link
		var relationship string
		if err := scan(&l.SHA256, &l.Plugin, &l.Action, &relationship, &l.Filename, &l.FileFormat, &l.Size); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(relationship), &l.Relationship)
		*into = append(*into, l)
		return err
	})
}

// statuses takes, of each plugin version, the newest; by plugin, the newest version first. A file has a status for each of
// its events, so there may be many.
func (v view) statuses(b *Binary, _ int64) error {
	return v.rows(`SELECT plugin, version, state, error, message, runtime, timestamp FROM (
		SELECT p.text AS plugin, r.text AS version, t.text AS state, s.error, s.message, s.runtime, s.timestamp,
		row_number() OVER (PARTITION BY s.plugin_w, s.version_w ORDER BY s.timestamp DESC, s.id) AS age FROM statuses s
		JOIN words p ON p.word = s.plugin_w JOIN words r ON r.word = s.version_w JOIN words t ON t.word = s.state_w WHERE s.sha256 = ?)
		WHERE age = 1 ORDER BY plugin, timestamp DESC, version LIMIT ?`, []any{b.SHA256, maxStatuses}, func(scan scanner) error {
		var st Status
		var at int64
		err := scan(&st.Plugin, &st.Version, &st.State, &st.Error, &st.Message, &st.Runtime, &at)
		st.Timestamp = moment(at)
		b.Statuses = append(b.Statuses, st)
		return err
	})
}

// filenamesSQL takes a row of binaries and a limit.
const filenamesSQL = `SELECT value FROM features JOIN words ON word = name_w WHERE bin = ?1 AND text = 'filename' AND value <> ''
	UNION SELECT filename FROM documents WHERE bin = ?1 AND filename IS NOT NULL ORDER BY 1 LIMIT ?2`
