package index

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// Children: see Index.
func (s *SQLite) Children(ctx context.Context, r Reader, sha256 string, limit int, cursor string) (LinkPage, error) {
	return s.links(ctx, r, sha256, limit, cursor, func(v view, _ int64, sha string) ([]Link, error) { return v.children(sha) })
}

// Parents: see Index.
func (s *SQLite) Parents(ctx context.Context, r Reader, sha256 string, limit int, cursor string) (LinkPage, error) {
	return s.links(ctx, r, sha256, limit, cursor, func(v view, bin int64, sha string) ([]Link, error) {
		rows, err := v.documents(bin, false, true)
		if err != nil {
			return nil, err
		}
		return v.parents(rows, sha)
	})
}

func (s *SQLite) links(ctx context.Context, r Reader, sha256 string, limit int, cursor string, list func(view, int64, string) ([]Link, error)) (LinkPage, error) {
	after, err := parseLinkCursor(cursor)
	if err != nil {
		return LinkPage{}, err
	}
	limit = min(max(limit, 1), maxLinks)
	page := LinkPage{Links: []Link{}}
	sha := strings.ToLower(sha256)
	err = s.see(ctx, r, func(v view) error {
		bin, err := v.file(sha)
		if err != nil {
			return err
		}
		all, err := list(v, bin, sha)
		if err != nil {
			return err
		}
		distinct := map[string]bool{}
		for i := range all {
			distinct[all[i].SHA256] = true
		}
		page.Total = int64(len(distinct))
		if cursor != "" {
			at, _ := slices.BinarySearchFunc(all, after, func(l Link, p Link) int {
				return cmp.Or(compareLinks(l, p), -1) // behind the one that is there
			})
			all = all[at:]
		}
		page.Links = append(page.Links, all[:min(len(all), limit)]...)
		if len(all) > limit {
			page.Next = linkCursor(all[limit-1])
		}
		return v.describe(page.Links)
	})
	return page, err
}

// compareLinks is the order of links.
func compareLinks(a, b Link) int {
	return cmp.Or(strings.Compare(a.Filename, b.Filename), strings.Compare(a.SHA256, b.SHA256), strings.Compare(a.Plugin, b.Plugin), strings.Compare(a.Action, b.Action),
		comparePairs(orEmpty(a.Relationship), orEmpty(b.Relationship)))
}

// A cursor of links is what they are ordered by.
func linkCursor(l Link) string {
	text, _ := json.Marshal(Link{SHA256: l.SHA256, Plugin: l.Plugin, Action: l.Action, Relationship: l.Relationship, Filename: l.Filename})
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseLinkCursor(cursor string) (l Link, err error) {
	if cursor == "" {
		return l, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(text, &l) != nil || l.SHA256 == "" {
		return l, ErrCursor
	}
	return l, nil
}

// linkSet merges the documents that say the same of a link.
type linkSet struct {
	list  []Link
	where map[string]int
}

// add takes a link from a document; rows come with the newest first.
func (s *linkSet) add(r *row, sha string, l link, leaf *bodyNode) {
	pairs, _ := json.Marshal(orEmpty(l.relationship))
	id := strings.Join([]string{sha, r.authorName, r.actionText, string(pairs)}, "\x00")
	if i, ok := s.where[id]; ok {
		if have := &s.list[i]; l.filename != "" && (have.Filename == "" || l.filename < have.Filename) {
			have.Filename = l.filename
		}
		return
	}
	if s.where == nil {
		s.where = map[string]int{}
	}
	s.where[id] = len(s.list)
	s.list = append(s.list, Link{SHA256: sha, Plugin: r.authorName, Action: r.actionText, Relationship: orEmpty(l.relationship), Filename: l.filename,
		Version: r.authorVer, Security: r.body.AuthorSecurity, TrackLink: leaf.TrackLink, Language: leaf.Language, FileFormat: leaf.FileFormat, Size: leaf.Size,
		Timestamp: moment(r.timestamp)})
}

func (s *linkSet) sorted() []Link {
	if s.list == nil {
		return []Link{}
	}
	slices.SortFunc(s.list, compareLinks)
	return s.list
}

// children lists the links down. describe completes those that are shown.
func (v view) children(sha string) ([]Link, error) {
	docs, err := v.docsOf(keyParent, digestKey(sha), digestKey(sha))
	if err != nil {
		return nil, err
	}
	rows, err := v.documentsWhere(amongDocs, []any{inList(docs)}, false, true)
	if err != nil {
		return nil, err
	}
	files := map[int64]string{}
	var set linkSet
	for i := range rows {
		r := &rows[i]
		child, ok := files[r.bin]
		if !ok {
			if child, err = v.sha256(r.bin); err != nil {
				return nil, err
			}
			files[r.bin] = child
		}
		l := r.body.link(child)
		if l.parent == nil || l.parent.SHA256 != sha {
			continue
		}
		if err := v.addLink(&set, r, child, l, &r.body.Path[len(r.body.Path)-1]); err != nil {
			return nil, err
		}
	}
	return set.sorted(), nil
}

// parents lists the links up. A parent that nothing is known of is one all the same. Its filename is its own, as the path says it.
func (v view) parents(rows []row, sha string) ([]Link, error) {
	var set linkSet
	for i := range rows {
		r := &rows[i]
		l := r.body.link(sha)
		if l.parent == nil {
			continue
		}
		n := len(r.body.Path)
		node := r.body.Path[n-2] // what is said of the parent
		node.TrackLink = r.body.Path[n-1].TrackLink
		l.filename = ""
		for i := n - 2; i >= 0 && r.body.Path[i].SHA256 == node.SHA256 && l.filename == ""; i-- {
			l.filename = r.body.Path[i].Filename
		}
		if err := v.addLink(&set, r, l.parent.SHA256, l, &node); err != nil {
			return nil, err
		}
	}
	return set.sorted(), nil
}

func (v view) addLink(set *linkSet, r *row, sha string, l link, node *bodyNode) error {
	n := len(set.list)
	set.add(r, sha, l, node)
	if len(set.list) == n {
		return nil
	}
	return v.words(wordInto{r.category, &set.list[n].Category})
}

// describe fills in what is known of the files at the other ends.
func (v view) describe(list []Link) error {
	for i := range list {
		l := &list[i]
		bin, err := v.file(l.SHA256)
		if err == ErrNotFound {
			continue
		}
		if err != nil {
			return err
		}
		rows, err := v.documents(bin, false, false)
		if err != nil {
			return err
		}
		f, err := v.facts(rows)
		if err != nil {
			return err
		}
		if f.fileFormat != "" {
			l.FileFormat = f.fileFormat
		}
		if f.size != 0 {
			l.Size = f.size
		}
	}
	return nil
}

// sha256 returns the hash of a file.
func (v view) sha256(bin int64) (string, error) {
	var raw []byte
	err := v.one(`SELECT sha256 FROM binaries WHERE bin = ?`, []any{bin}, &raw)
	return digestOf(raw), err
}

const sha256sSQL = `SELECT bin, sha256 FROM binaries WHERE bin IN (SELECT value FROM json_each(?))`

// sha256s are those of several files.
func (v view) sha256s(bins []int64) (map[int64]string, error) {
	all := make(map[int64]string, len(bins))
	return all, v.rows(sha256sSQL, []any{inList(bins)}, func(scan scanner) error {
		var bin int64
		var raw []byte
		err := scan(&bin, &raw)
		all[bin] = digestOf(raw)
		return err
	})
}
