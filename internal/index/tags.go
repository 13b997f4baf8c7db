package index

import (
	"context"
	"slices"
	"strings"
)

// tag stores or removes a tag.
func (w *writer) tag(t *Tag) {
	var at int64
	if t.Name == "" {
		w.exec(`DELETE FROM tags WHERE id = ?`, t.ID)
		return
	}
	if w.one(`SELECT timestamp FROM tags WHERE id = ?`, []any{t.ID}, &at) && at > micros(t.Time) {
		return
	}
	w.exec(`INSERT OR REPLACE INTO tags VALUES (?,?,?,?,?,?,?,?)`, t.ID, t.Name, strings.ToLower(t.SHA256), t.Feature, t.Value, t.Owner, w.label(t.Security), micros(t.Time))
}

// tags reads the tags that a condition finds and the reader may see, by name, then feature, value, owner.
func (v view) tags(where string, args ...any) ([]Tag, error) {
	list := []Tag{}
	err := v.rows(`SELECT id, name, sha256, feature, value, owner, label, timestamp FROM tags WHERE `+where+` ORDER BY name, sha256, feature, value, owner, id`, args, func(scan scanner) error {
		var t Tag
		var label, at int64
		err := scan(&t.ID, &t.Name, &t.SHA256, &t.Feature, &t.Value, &t.Owner, &label, &at)
		if v.labels[label].visible {
			t.Security, t.Time = v.labels[label].text, moment(at)
			list = append(list, t)
		}
		return err
	})
	return list, err
}

// FileTags: see Index.
func (s *SQLite) FileTags(ctx context.Context, r Reader, sha256 string) (list []Tag, err error) {
	err = s.see(ctx, r, func(v view) error {
		if _, err := v.file(sha256); err != nil {
			return err
		}
		list, err = v.tags(`sha256 = ? AND sha256 <> ''`, strings.ToLower(sha256))
		return err
	})
	return list, err
}

// FileTagCounts: see Index.
func (s *SQLite) FileTagCounts(ctx context.Context, r Reader) ([]ValueCount, error) {
	counts := map[string]map[string]bool{}
	err := s.see(ctx, r, func(v view) error {
		tags, err := v.tags(`sha256 <> ''`)
		if err != nil {
			return err
		}
		known := map[string]bool{}
		for _, t := range tags {
			seen, ok := known[t.SHA256]
			if !ok {
				_, err := v.file(t.SHA256)
				if seen = err == nil; err != nil && err != ErrNotFound {
					return err
				}
				known[t.SHA256] = seen
			}
			if seen {
				if counts[t.Name] == nil {
					counts[t.Name] = map[string]bool{}
				}
				counts[t.Name][t.SHA256] = true
			}
		}
		return nil
	})
	list := []ValueCount{}
	for name, files := range counts {
		list = append(list, ValueCount{name, int64(len(files))})
	}
	slices.SortFunc(list, func(a, b ValueCount) int { return strings.Compare(a.Value, b.Value) })
	return list, err
}

// ValueTags: see Index.
func (s *SQLite) ValueTags(ctx context.Context, r Reader, tag, feature string) (list []Tag, err error) {
	err = s.see(ctx, r, func(v view) error {
		list, err = v.tags(`feature <> '' AND (?1 = '' OR name = ?1) AND (?2 = '' OR feature = ?2)`, tag, feature)
		return err
	})
	return list, err
}
