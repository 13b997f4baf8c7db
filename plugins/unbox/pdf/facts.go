package pdf

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"sort"
)

// report puts together what is known when all objects were looked at.
func (s *sweep) report() *Report {
	d := s.d
	r := &Report{
		Version: d.version, Header: d.base, Ends: d.seen.ends, Linearized: d.seen.linearized, Rebuilt: d.rebuilt,
		Objects: len(d.current), Hidden: len(d.spare), Streams: s.streams, Pages: s.pages,
		IDs: d.fileIDs(), Info: s.info(), XMP: s.xmp(), Actions: s.actionList(), Dictionaries: s.dictionaries,
	}
	r.CatalogVersion = d.name(d.dict(d.trailer.Get("Root")).Get("Version")).text()
	if d.crypt != nil {
		r.Encryption = &d.crypt.report
	}
	s.headerFacts()
	s.endFacts()
	s.xrefFacts()
	s.objectFacts()
	r.Facts = s.facts.list()
	return r
}

// versions are those that there are.
var versions = regexp.MustCompile(`^(1\.[0-7]|2\.0)$`)

func (s *sweep) headerFacts() {
	d := s.d
	switch {
	case d.version == "" && !d.src.has(d.base, "%PDF-"):
		s.facts.add(NoHeader, ID{}, 0, "")
		return
	case d.base > 0:
		s.facts.add(LateHeader, ID{}, d.base, "")
	}
	if !versions.MatchString(d.version) {
		s.facts.add(OddVersion, ID{}, d.base, d.version)
	}
}

func (s *sweep) endFacts() {
	d := s.d
	usual := 1
	if d.seen.linearized {
		usual = 2
	}
	switch {
	case d.seen.ends == 0 && d.seen.whole:
		s.facts.add(NoEnd, ID{}, d.src.size, "")
	case d.seen.ends > usual:
		s.facts.add(ManyEnds, ID{}, d.seen.lastEnd, fmt.Sprint(d.seen.ends))
	}
	if at, size := d.behind(); size > 0 {
		s.facts.add(DataBehind, ID{}, at, fmt.Sprintf("%d bytes", size))
	}
}

func (s *sweep) xrefFacts() {
	d := s.d
	for range d.ignoredStarts {
		s.facts.add(StrayStart, ID{}, 0, "")
	}
	if d.xrefs != nil && d.xrefs.broken != "" {
		s.facts.add(BrokenXRefs, ID{}, 0, d.xrefs.broken)
	}
	switch {
	case d.xrefs == nil:
		s.facts.add(BrokenXRefs, ID{}, 0, "there are none that can be read")
	case d.rebuilt:
		s.facts.add(BrokenXRefs, ID{}, 0, "they do not lead to a catalog")
	}
	for _, l := range d.lost {
		where := "it is nowhere"
		if l.found != nowhere {
			where = fmt.Sprintf("it is at %d", l.found)
		}
		s.facts.add(LyingXRef, ID{Number: l.number}, l.at, fmt.Sprintf("object %d is not at %d, %s", l.number, l.at, where))
	}
}

// objectFacts are about where objects lie.
func (s *sweep) objectFacts() {
	d := s.d
	for _, e := range d.escaped {
		s.facts.add(EscapedName, s.idAt(e.at), e.at, "/"+e.name.text())
	}
	if fact := s.facts.all[EscapedName]; fact != nil {
		fact.Count = d.escapes
	}
	s.twiceFacts()
	objects := d.seen.objects
	for i := range s.items {
		it := &s.items[i]
		at := it.place.at
		if it.place.index != inFile {
			continue
		}
		if d.seen.ends > 0 && at > d.seen.lastEnd {
			s.facts.add(ObjectBehind, it.id, at, "")
		}
		switch it.state {
		case Unlisted:
			if it.has&isXRefs == 0 && d.seen.whole && !d.rebuilt {
				s.facts.add(UnlistedObject, it.id, at, "")
			}
		case Newer:
			s.facts.add(NewerObject, it.id, at, "")
		case Current:
			// A scan passes over the data of streams, and so over what is in them.
			n := sort.Search(len(objects), func(i int) bool { return objects[i].at > at }) - 1
			if n >= 0 && objects[n].at != at && at < objects[n].end {
				s.facts.add(InnerObject, it.id, at, fmt.Sprintf("it is in object %s", objects[n].id))
			}
		}
	}
}

// twiceFacts tells of objects that the same update has twice.
func (s *sweep) twiceFacts() {
	objects := s.d.seen.objects
	order := make([]int32, len(objects))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &objects[a], &objects[b]
		return cmp.Or(cmp.Compare(x.revision, y.revision), cmp.Compare(x.id.Number, y.id.Number), cmp.Compare(x.id.Generation, y.id.Generation), cmp.Compare(a, b))
	})
	for i := 1; i < len(order); i++ {
		before, f := &objects[order[i-1]], &objects[order[i]]
		if before.revision == f.revision && before.id == f.id {
			s.facts.add(TwiceObject, f.id, f.at, "")
		}
	}
}

// idAt is the object whose header is at an offset.
func (s *sweep) idAt(at int64) ID {
	i, ok := slices.BinarySearchFunc(s.d.seen.objects, at, func(f found, at int64) int { return int(f.at - at) })
	if !ok {
		return ID{}
	}
	return s.d.seen.objects[i].id
}
