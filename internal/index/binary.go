package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Bounds on the lists of a Binary.
const (
	maxFeatures = 10_000
	maxLinks    = 1_000
	maxStatuses = 1_000
	maxDocs     = 10_000
)

// Binary: see Index.
func (s *SQLite) Binary(ctx context.Context, hash string) (*Binary, error) {
	field := hashField(hash)
	if field == "" {
		return nil, ErrNotFound
	}
	b := &Binary{Filenames: []string{}, Sources: []Source{}, Features: []Feature{}, Streams: []Stream{}, Info: map[string]json.RawMessage{},
		Children: []Link{}, Parents: []Link{}, Statuses: []Status{}}
	var bin, first, last int64
	err := s.read.QueryRowContext(ctx, `SELECT bin, sha256, sha512, sha1, md5, ssdeep, tlsh, size, mime, magic, file_format, extension, first_seen, last_seen
		FROM binaries WHERE `+field+` = ? LIMIT 1`, strings.ToLower(hash)).Scan(&bin, &b.SHA256, &b.SHA512, &b.SHA1, &b.MD5, &b.SSDeep, &b.TLSH, &b.Size,
		&b.MIME, &b.Magic, &b.FileFormat, &b.Extension, &first, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, s.wrap("read the index", err)
	}
	b.FirstSeen, b.LastSeen = time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC()
	for _, read := range []func(context.Context, *Binary, int64) error{s.documents, s.features, s.links, s.statuses} {
		if err := read(ctx, b, bin); err != nil {
			return nil, err
		}
	}
	return b, s.strings(ctx, &b.Filenames, filenamesSQL+` LIMIT 100`, bin)
}

// documents reads sources, streams and info.
func (s *SQLite) documents(ctx context.Context, b *Binary, bin int64) error {
	sources, streams := map[string]bool{}, map[string]bool{}
	return s.rows(ctx, `SELECT id, action, position, author, timestamp, source, source_security, source_time, source_references, depth, root, parent, streams, info
		FROM documents WHERE bin = ? ORDER BY source_time, timestamp, doc LIMIT ?`, []any{bin, maxDocs}, func(scan scanner) error {
		var e Event
		var author, name, security, references, root, parent, streamsText, info string
		var at, sourceTime int64
		var depth int
		if err := scan(&e.ID, &e.Action, &e.Position, &author, &at, &name, &security, &sourceTime, &references, &depth, &root, &parent, &streamsText, &info); err != nil {
			return err
		}
		b.Events = append(b.Events, e)
		if e.Action == "sourced" || e.Action == "extracted" || e.Action == "mapped" {
			id := name + "\x00" + root + "\x00" + references + "\x00" + time.UnixMicro(sourceTime).String()
			if !sources[id] {
				sources[id] = true
				src := Source{Name: name, Security: security, Timestamp: time.UnixMicro(sourceTime).UTC(), Depth: depth, Root: root}
				if err := json.Unmarshal([]byte(references), &src.References); err != nil {
					return err
				}
				b.Sources = append(b.Sources, src)
			}
		}
		var list []Stream
		if err := json.Unmarshal([]byte(streamsText), &list); err != nil {
			return err
		}
		for _, st := range list {
			if id := st.Label + st.SHA256; !streams[id] {
				streams[id] = true
				st.Source, st.Plugin = name, author
				b.Streams = append(b.Streams, st)
			}
		}
		if info != "" && info != "null" {
			b.Info[author] = json.RawMessage(info)
		}
		return nil
	})
}

func (s *SQLite) features(ctx context.Context, b *Binary, bin int64) error {
	return s.rows(ctx, `SELECT f.name, f.type, f.value, f.label, f.offset, f.length, d.author, max(d.version) FROM features f JOIN documents d USING (doc)
		WHERE f.bin = ? GROUP BY f.name, f.value, f.label, f.offset, f.length, d.author ORDER BY f.name, f.value, f.label, f.offset, d.author LIMIT ?`,
		[]any{bin, maxFeatures}, func(scan scanner) error {
			var f Feature
			var offset, length sql.NullInt64
			if err := scan(&f.Name, &f.Type, &f.Value, &f.Label, &offset, &length, &f.Plugin, &f.Version); err != nil {
				return err
			}
			f.Offset, f.Length = unsigned(offset), unsigned(length)
			b.Features = append(b.Features, f)
			return nil
		})
}

func unsigned(n sql.NullInt64) *uint64 {
	if !n.Valid {
		return nil
	}
	u := uint64(n.Int64)
	return &u
}

func (s *SQLite) links(ctx context.Context, b *Binary, bin int64) error {
	link := func(into *[]Link) func(scanner) error {
		return func(scan scanner) error {
			var l Link
			var relationship string
			if err := scan(&l.SHA256, &l.Plugin, &l.Action, &relationship, &l.Filename, &l.FileFormat, &l.Size); err != nil {
				return err
			}
			*into = append(*into, l)
			return json.Unmarshal([]byte(relationship), &(*into)[len(*into)-1].Relationship)
		}
	}
	err := s.rows(ctx, `SELECT c.sha256, d.author, d.action, d.relationship, min(d.filename), c.file_format, c.size FROM documents d JOIN binaries c USING (bin)
		WHERE d.parent = ? GROUP BY c.sha256, d.author, d.relationship ORDER BY 5, 1 LIMIT ?`, []any{b.SHA256, maxLinks}, link(&b.Children))
	if err != nil {
		return err
	}
	return s.rows(ctx, `SELECT d.parent, d.author, d.action, d.relationship, min(d.filename), coalesce(p.file_format,''), coalesce(p.size,0) FROM documents d
		LEFT JOIN binaries p ON p.sha256 = d.parent WHERE d.bin = ? AND d.parent <> '' GROUP BY d.parent, d.author, d.relationship ORDER BY 1, 2 LIMIT ?`,
		[]any{bin, maxLinks}, link(&b.Parents))
}

// statuses reads, for each plugin version, the newest.
func (s *SQLite) statuses(ctx context.Context, b *Binary, _ int64) error {
	seen := map[string]bool{}
	return s.rows(ctx, `SELECT plugin, version, state, error, message, runtime, timestamp FROM statuses WHERE sha256 = ?
		ORDER BY plugin, version DESC, timestamp DESC, id LIMIT ?`, []any{b.SHA256, maxStatuses}, func(scan scanner) error {
		var st Status
		var at int64
		if err := scan(&st.Plugin, &st.Version, &st.State, &st.Error, &st.Message, &st.Runtime, &at); err != nil {
			return err
		}
		st.Timestamp = time.UnixMicro(at).UTC()
		if id := st.Plugin + "\x00" + st.Version; !seen[id] {
			seen[id] = true
			b.Statuses = append(b.Statuses, st)
		}
		return nil
	})
}
