package pdf

import (
	"cmp"
	"slices"
)

// State is what an object is to the file.
type State uint8

// States of objects.
const (
	Current    State = iota // the cross-references lead to it
	Superseded              // a later version of the object is current
	Newer                   // it lies behind the version that is current
	Unlisted                // the cross-references do not know it
	Deleted                 // the cross-references say that it is free
)

func (s State) String() string {
	return [...]string{"current", "superseded", "newer than listed", "unlisted", "deleted"}[s]
}

// mostStarts bounds how many startxref are tried, from the last one back.
const mostStarts = 16

// findXRefs reads the cross-references that the last startxref leads to, or the one before it, …, and finds the objects that
// are where they say.
func (d *document) findXRefs() {
	const keyword = "startxref"
	before := d.src.size
	for range mostStarts {
		last := d.src.lastIndex(before, keyword)
		if last < 0 {
			return
		}
		before = last
		d.parser.at = last + int64(len(keyword))
		if t := d.parser.next(); t.kind == tokenInteger {
			if x, ok := d.readXRefs(t.integer); ok {
				d.xrefs = x
				d.confirmAll()
				return
			}
		}
		d.ignoredStarts++
	}
}

// confirmAll looks where objects are, in the order of the file.
func (d *document) confirmAll() {
	type claim struct {
		number uint32
		at     int64
	}
	var claims []claim
	for number, e := range d.xrefs.entries {
		if e.kind == entryInFile && number > 0 {
			claims = append(claims, claim{number, e.at})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.number, b.number)) })
	for _, c := range claims {
		if at, ok := d.confirm(c.number, c.at); ok {
			d.current[c.number] = place{at, inFile}
		} else if c.at != 0 { // 0 is a common way to say that there is no such object
			d.lost = append(d.lost, lost{number: c.number, at: c.at})
		}
	}
}

// confirm returns where the header of an object is, if it is where its entry says, counted from the file's beginning or from
// the header.
func (d *document) confirm(number uint32, at int64) (int64, bool) {
	for _, at := range []int64{at, at + d.base} {
		if at < 0 || at >= d.src.size {
			continue
		}
		if id, _, ok := d.header(at); ok && id.Number == number {
			d.parser.at = at
			d.parser.skip()
			return d.parser.at, true
		}
	}
	return 0, false
}

// settle takes the last object of a number for one that is not where the cross-references say. It tells whether they lead to
// a document.
func (d *document) settle() bool {
	if d.xrefs == nil {
		return false
	}
	last := map[uint32]int64{}
	for _, l := range d.lost {
		last[l.number] = nowhere
	}
	for _, f := range d.seen.objects {
		if _, missing := last[f.id.Number]; missing {
			last[f.id.Number] = f.at
		}
	}
	for i := range d.lost {
		l := &d.lost[i]
		if l.found = last[l.number]; l.found != nowhere {
			d.current[l.number] = place{l.found, inFile}
		}
	}
	d.trailer = d.xrefs.trailer
	d.clearCache()
	return d.rooted()
}

func (d *document) clearCache() {
	clear(d.cache)
	d.cached = 0
}

// rooted tells whether the trailer leads to a catalog, as far as that can be told before the file is decrypted.
func (d *document) rooted() bool {
	ref, ok := d.trailer.Get("Root").(Ref)
	if !ok {
		return false
	}
	if d.xrefs != nil && d.xrefs.entries[ref.Number].kind == entryInStream {
		return true
	}
	return d.dict(ref) != nil
}

// rebuild takes the last object of each number, as in a file that was updated again and again.
func (d *document) rebuild() {
	d.rebuilt = true
	d.lost, d.spare = nil, nil
	clear(d.current)
	catalog := ID{}
	for _, f := range d.seen.objects {
		d.current[f.id.Number] = place{f.at, inFile}
		if f.catalog {
			catalog = f.id
		}
	}
	d.clearCache()
	d.trailer = d.seen.trailer
	if !d.rooted() && catalog != (ID{}) {
		d.trailer = mergeTrailer(Dict{{"Root", Ref(catalog)}}, d.trailer)
	}
}

// complete opens the file, puts the objects of object streams where they belong, and sorts out what is not current. It tells
// whether there is a catalog, as far as that can be told without a password.
func (d *document) complete(passwords []string) bool {
	d.decrypt(passwords)
	d.bundles = nil
	if d.rebuilt {
		d.placeByOrder()
	} else {
		d.placeByEntries()
	}
	for _, f := range d.seen.objects {
		at := place{f.at, inFile}
		if d.current[f.id.Number] != at {
			d.addSpare(at, f.id)
		}
		if !f.bundle {
			continue
		}
		for i, number := range d.members(f.at) {
			if at := (place{f.at, int32(i)}); d.current[number] != at {
				d.addSpare(at, ID{Number: number})
			}
		}
	}
	d.clearCache()
	return d.crypt.locked() || d.dict(d.trailer.Get("Root")) != nil
}

// placeByOrder lets the members of object streams count as if they lay where their stream does.
func (d *document) placeByOrder() {
	for _, f := range d.seen.objects {
		d.current[f.id.Number] = place{f.at, inFile}
		if !f.bundle {
			continue
		}
		for i, number := range d.members(f.at) {
			d.current[number] = place{f.at, int32(i)}
		}
	}
	d.clearCache()
	if d.dict(d.trailer.Get("Root")) == nil {
		d.findCatalog()
	}
}

// findCatalog looks for the catalog in object streams, for want of a trailer.
func (d *document) findCatalog() {
	for _, f := range d.seen.objects {
		if !f.bundle {
			continue
		}
		for i, number := range d.members(f.at) {
			at := place{f.at, int32(i)}
			if dict, ok := d.member(at, number).value.(Dict); ok && d.current[number] == at && dict.Get("Type") == Name("Catalog") {
				d.trailer = mergeTrailer(Dict{{"Root", Ref{Number: number}}}, d.trailer)
			}
		}
	}
}

// placeByEntries finds the object streams that entries name.
func (d *document) placeByEntries() {
	type claim struct {
		number uint32
		in     place
	}
	var claims []claim
	for number, e := range d.xrefs.entries {
		if in, ok := d.current[uint32(e.at)]; e.kind == entryInStream && ok && e.at < 1<<32 {
			claims = append(claims, claim{number, place{in.at, int32(e.n)}})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.in.at, b.in.at), cmp.Compare(a.in.index, b.in.index), cmp.Compare(a.number, b.number))
	})
	for _, c := range claims {
		if i, ok := d.bundle(c.in.at).index(c.number, c.in.index); ok {
			d.current[c.number] = place{c.in.at, i}
		}
	}
}

// addSpare keeps an object that is not current.
func (d *document) addSpare(at place, id ID) {
	if len(d.spare) >= d.limits.objects {
		_ = d.notes.reach("more objects than are looked at") // told in the report
		return
	}
	s := spare{place: at, id: id, state: Unlisted}
	now, ok := d.current[id.Number]
	switch {
	case ok && now.at > at.at || ok && now.at == at.at && now.index > at.index:
		s.state = Superseded
	case ok:
		s.state = Newer
	case d.xrefs != nil && d.listedFree(id.Number):
		s.state = Deleted
	}
	d.spare = append(d.spare, s)
}

func (d *document) listedFree(number uint32) bool {
	e, ok := d.xrefs.entries[number]
	return ok && e.kind == entryFree
}
