package index

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
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
func (s *SQLite) Binary(ctx context.Context, r Reader, hash string) (*Binary, error) {
	var b *Binary
	err := s.see(ctx, r, func(v view) error {
		bin, sha, err := v.resolve(hash)
		if err != nil {
			return err
		}
		b, err = v.binary(bin, sha)
		return err
	})
	return b, err
}

func (v view) binary(bin int64, sha string) (*Binary, error) {
	rows, err := v.documents(bin, false, true)
	if err != nil {
		return nil, err
	}
	f, err := v.facts(rows)
	if err != nil {
		return nil, err
	}
	rows = rows[:min(len(rows), maxDocuments)]
	b := &Binary{SHA256: sha, SHA512: f.sha512, SHA1: f.sha1, MD5: f.md5, SSDeep: f.ssdeep, TLSH: f.tlsh, Size: f.size, MIME: f.mime, Magic: f.magic,
		FileFormat: f.fileFormat, Extension: f.extension, Info: map[string]json.RawMessage{}, LastSeen: moment(rows[0].timestamp),
		FirstSeen: moment(rows[len(rows)-1].timestamp), Statuses: []Status{}}
	names := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		b.Events = append(b.Events, Event{r.id, r.actionText, r.body.Position})
		if r.traits&hasInfo != 0 && b.Info[r.authorName] == nil && len(b.Info) < maxInfos {
			b.Info[r.authorName] = r.body.Info
		}
		if name := r.body.link(sha).filename; name != "" {
			names[name] = true
		}
	}
	b.Sources = sourcesOf(rows, sha, maxSources)
	b.Streams = streamsOf(rows)
	if b.Features, err = v.features(rows); err != nil {
		return nil, err
	}
	for i := range b.Features {
		if f := &b.Features[i]; f.Name == "filename" && f.Value != "" {
			names[f.Value] = true
		}
	}
	b.Features = b.Features[:min(len(b.Features), maxFeatures)]
	b.Filenames = sorted(names, maxFilenames)
	children, err := v.children(sha)
	if err != nil {
		return nil, err
	}
	parents, err := v.parents(rows, sha)
	if err != nil {
		return nil, err
	}
	b.Children, b.Parents = children[:min(len(children), maxLinks)], parents[:min(len(parents), maxLinks)]
	for _, list := range [][]Link{b.Children, b.Parents} {
		if err := v.describe(list); err != nil {
			return nil, err
		}
	}
	statuses, err := v.statuses(sha)
	if err != nil {
		return nil, err
	}
	b.Statuses = newestStatuses(statuses)
	return b, nil
}

// sorted returns the first names of a set, never nil.
func sorted(set map[string]bool, limit int) []string {
	list := slices.AppendSeq([]string{}, maps.Keys(set))
	slices.Sort(list)
	return list[:min(len(list), limit)]
}

// sourcesOf lists the ways in, oldest first.
func sourcesOf(rows []row, sha string, limit int) []Source {
	list := []Source{}
	seen := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		if r.traits&isSource == 0 {
			continue
		}
		src := r.origin(sha)
		text, _ := json.Marshal(src)
		if !seen[string(text)] {
			seen[string(text)] = true
			list = append(list, src)
		}
	}
	slices.SortFunc(list, func(a, b Source) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), strings.Compare(a.Name, b.Name), cmp.Compare(a.Depth, b.Depth), strings.Compare(a.Root, b.Root),
			comparePairs(a.References, b.References), strings.Compare(a.Security, b.Security))
	})
	return list[:min(len(list), limit)]
}

func (r *row) origin(sha string) Source {
	return Source{Name: r.srcNm, Security: r.body.SourceSecurity, Timestamp: moment(r.sourceTime), References: orEmpty(r.body.References), Depth: int(r.depth),
		Root: r.body.link(sha).root}
}

// comparePairs orders maps by what they say, so that lists have one order.
func comparePairs(a, b map[string]string) int {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return strings.Compare(string(x), string(y))
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// link is what the path says; see linkOf.
func (b *body) link(sha string) link {
	d := Document{SHA256: sha}
	(&body{Path: b.Path}).into(&d)
	return linkOf(&d)
}

// streamsOf lists each stream once, under the plugin and the source that had it first, by label.
func streamsOf(rows []row) []Stream {
	list := []Stream{}
	seen := map[[2]string]bool{}
	order := slices.Clone(rows)
	slices.SortStableFunc(order, func(a, b row) int { return cmp.Or(cmp.Compare(a.timestamp, b.timestamp), strings.Compare(a.id, b.id)) })
	for i := range order {
		for _, st := range order[i].body.Streams {
			if id := [2]string{st.Label, st.SHA256}; !seen[id] && len(list) < maxStreams {
				seen[id] = true
				st.Plugin, st.Source = order[i].authorName, order[i].srcNm
				list = append(list, st)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Stream) int { return strings.Compare(a.Label, b.Label) })
	return list
}

// features lists each value of each plugin once.
func (v view) features(rows []row) ([]Feature, error) {
	type key struct {
		termKey
		typ, label, author int64
		offset, length     int64 // 1 more; 0 for none
	}
	versions := map[key]string{}
	for i := range rows {
		r := &rows[i]
		err := readValues(r.list, func(val value) {
			k := key{termKey{val.field, val.text}, val.typ, val.label, r.author, plusOne(val.offset), plusOne(val.length)}
			if old, ok := versions[k]; !ok || old < r.authorVer {
				versions[k] = r.authorVer
			}
		})
		if err != nil {
			return nil, err
		}
	}
	list := make([]Feature, 0, len(versions))
	for k, version := range versions {
		f, err := v.feature(value{field: k.field, text: k.text, typ: k.typ, label: k.label, offset: minusOne(k.offset), length: minusOne(k.length)})
		if err != nil {
			return nil, err
		}
		f.Version = version
		if err := v.words(wordInto{k.author, &f.Plugin}); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Feature) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value), strings.Compare(a.Type, b.Type), strings.Compare(a.Label, b.Label),
			cmp.Compare(plusOne(a.Offset), plusOne(b.Offset)), cmp.Compare(plusOne(a.Length), plusOne(b.Length)), strings.Compare(a.Plugin, b.Plugin))
	})
	return list, nil
}

// feature reads the words of a value.
func (v view) feature(val value) (Feature, error) {
	f := Feature{Value: val.text, Offset: val.offset, Length: val.length}
	name, err := v.fieldName(val.field)
	if err != nil {
		return f, err
	}
	f.Name = strings.TrimPrefix(name, featuresMap)
	return f, v.words(wordInto{val.typ, &f.Type}, wordInto{val.label, &f.Label})
}

// plusOne makes a number of which 0 is none. Nothing in a file is beyond 2^62.
func plusOne(n *uint64) int64 {
	if n == nil {
		return 0
	}
	return int64(min(*n, 1<<62)) + 1
}

func minusOne(n int64) *uint64 {
	if n == 0 {
		return nil
	}
	u := uint64(n - 1)
	return &u
}
