package index

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"lazuli/internal/index/query"
)

// Sources: see Index.
func (s *SQLite) Sources(ctx context.Context, r Reader) ([]SourceSummary, error) {
	list := []SourceSummary{}
	err := s.see(ctx, r, func(v view) error {
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		submitted, err := e.withText("depth", integerKey(0))
		if err != nil {
			return err
		}
		submitted.and(e.visible)
		times, err := v.column(columnSourceTime)
		if err != nil {
			return err
		}
		field, err := e.field("source.name")
		if err != nil {
			return err
		}
		c := e.counter(nil)
		err = v.eachTerm(field, allTexts, false, func(t *foundTerm) error {
			docs := newBitset(e.docs)
			if err := t.addTo(docs); err != nil {
				return err
			}
			docs.and(e.visible)
			if docs.empty() {
				return nil
			}
			sum := SourceSummary{Name: t.text, Files: c.count(docs, submitted)}
			newest := int64(0)
			for doc := range docs.all() {
				newest = max(newest, times.at(doc))
			}
			sum.Newest = moment(newest)
			list = append(list, sum)
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortFunc(list, func(a, b SourceSummary) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
	return list, err
}

// Bounds on groups of submissions.
const (
	maxGroups     = 10_000
	maxGroupTimes = 100
)

// group is what has one track_source_references.
type group struct {
	track  string
	newest int64
	docs   []uint32
}

// Submissions: see Index. What there is no time for is left out: the oldest.
func (s *SQLite) Submissions(ctx context.Context, r Reader, source, contains string, limit int) ([]SubmissionGroup, error) {
	list := []SubmissionGroup{}
	limit = min(max(limit, 1), maxGroups)
	err := s.see(ctx, r, func(v view) error {
		e, err := v.evaluate()
		if err != nil {
			return err
		}
		e.deadline = time.Now().Add(s.patience.submissions)
		times, err := v.column(columnSourceTime)
		if err != nil {
			return err
		}
		groups, err := e.groups(source, times)
		if err != nil {
			return err
		}
		contains := query.Fold(contains)
		for _, g := range groups {
			if len(list) == limit || e.tired("submissions") {
				return nil
			}
			sub, ok, err := e.submission(&g, contains, times)
			if err != nil {
				return err
			}
			if ok {
				list = append(list, sub)
			}
		}
		return nil
	})
	return list, err
}

// groups lists the groups of a source, the newest first.
func (e *eval) groups(source string, times column) ([]group, error) {
	within, err := e.withText("source.name", source)
	if err != nil {
		return nil, err
	}
	within.and(e.visible)
	field, err := e.field("track_source_references")
	if err != nil {
		return nil, err
	}
	var groups []group
	err = e.eachTerm(field, beginningWith(fold(source+".")), false, func(t *foundTerm) error {
		if !strings.HasPrefix(t.text, source+".") {
			return nil
		}
		g := group{track: t.text}
		err := t.each(func(doc uint32) {
			if within.has(doc) {
				g.docs = append(g.docs, doc)
				g.newest = max(g.newest, times.at(doc))
			}
		})
		if len(g.docs) > 0 {
			groups = append(groups, g)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(b.newest, a.newest), strings.Compare(a.track, b.track))
	})
	return groups, nil
}

// submission reads the references of a group, and tells whether one has a text.
func (e *eval) submission(g *group, contains string, times column) (SubmissionGroup, bool, error) {
	var packed []byte
	if err := e.one(`SELECT body FROM documents WHERE doc = ?`, []any{g.docs[0]}, &packed); err != nil {
		return SubmissionGroup{}, false, err
	}
	var b body
	if err := unpack(packed, &b); err != nil {
		return SubmissionGroup{}, false, err
	}
	found := contains == ""
	for _, value := range b.References {
		found = found || strings.Contains(query.Fold(value), contains)
	}
	if !found {
		return SubmissionGroup{}, false, nil
	}
	files, at := map[int64]bool{}, map[int64]bool{}
	for _, doc := range g.docs {
		files[e.bins.at(doc)] = true
		at[times.at(doc)] = true
	}
	sub := SubmissionGroup{Track: g.track, References: orEmpty(b.References), Newest: moment(g.newest), Files: int64(len(files)), Times: []time.Time{}}
	for t := range at {
		sub.Times = append(sub.Times, moment(t))
	}
	slices.SortFunc(sub.Times, func(a, b time.Time) int { return b.Compare(a) })
	sub.Times = sub.Times[:min(len(sub.Times), maxGroupTimes)]
	return sub, true, nil
}
