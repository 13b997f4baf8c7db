package pdf

import (
	"cmp"
	"slices"
)

// sweep looks at every object of a document, current or not. It keeps little of them: what is to be taken out is looked for
// again in the objects that have it.
type sweep struct {
	d     *document
	items []item

	names  map[uint32]string // of file specifications and scripts in name trees, by object
	assets map[uint32]bool   // file specifications of rich media
	uses   map[uint32]Kind   // of streams, by what refers to them
	causes map[uint32]cause  // of actions

	actions      []Action
	actionsSeen  map[Action]bool
	dictionaries []Dictionary
	dictBytes    int
	pages        int
	streams      int
	facts        facts

	taken map[int64]bool // offsets of streams that were visited
}

// item is an object and what is in it.
type item struct {
	place place
	id    ID
	state State
	has   contents
	kind  Kind // of a stream
}

type contents uint8

const (
	hasFile contents = 1 << iota
	hasScript
	hasForm
	isXRefs
)

// objectCost is the work that looking at something in an object counts for that is in memory already.
const objectCost = 64

// cause says that an object is what another one leads to.
type cause struct {
	from  uint32
	trail string
}

func newSweep(d *document) *sweep {
	s := &sweep{
		d: d, names: map[uint32]string{}, assets: map[uint32]bool{}, uses: map[uint32]Kind{}, causes: map[uint32]cause{},
		actionsSeen: map[Action]bool{}, taken: map[int64]bool{}, facts: facts{most: d.limits.facts},
	}
	s.items = make([]item, 0, len(d.current)+len(d.spare))
	for number, p := range d.current {
		s.items = append(s.items, item{place: p, id: ID{Number: number}})
	}
	for _, spare := range d.spare {
		s.items = append(s.items, item{place: spare.place, id: spare.id, state: spare.state})
	}
	// In the order of the file, which also reads each object stream once.
	slices.SortFunc(s.items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.place.at, b.place.at), cmp.Compare(a.place.index, b.place.index), cmp.Compare(a.id.Number, b.id.Number))
	})
	return s
}

// run looks at all objects.
func (s *sweep) run() {
	s.nameTrees()
	s.d.memberNamed = s.d.escapedName
	for i := range s.items {
		if s.d.src.err != nil || s.d.work.left < 0 {
			break
		}
		it := &s.items[i]
		s.d.surveyed = it.place.at
		o := s.d.load(it.place, it.id.Number)
		it.id = o.id
		s.look(it, o)
	}
	s.d.memberNamed = nil
}

// look finds out what is in an object.
func (s *sweep) look(it *item, o indirect) {
	if o.flaws > 0 {
		s.facts.add(BrokenObject, it.id, it.place.at, "")
	}
	if dict := dictOf(o.value); dict != nil {
		s.dictionary(it, dict)
		if dict.Get("Type") == Name("Page") && it.state == Current {
			s.pages++
		}
	}
	if stream, ok := o.value.(*Stream); ok {
		s.streams++
		s.lookAtStream(it, stream)
	}
	s.each(o.value, func(n node) {
		if n.dict == nil {
			s.lookAtArray(n.array)
			return
		}
		s.lookAtDict(it, n)
	})
}

// dictionary keeps the text of a dictionary for the report.
func (s *sweep) dictionary(it *item, dict Dict) {
	const most, mostBytes, mostTexts = 3990, 4 << 20, 1000
	if len(s.dictionaries) < mostTexts && s.dictBytes < mostBytes {
		text := Text(dict, most)
		s.dictBytes += len(text)
		s.dictionaries = append(s.dictionaries, Dictionary{it.id, it.state, text})
	}
}

// node is a dictionary or an array somewhere in an object.
type node struct {
	dict  Dict // nil for an array
	array Array
	key   Name   // under which it stands in the dictionary around it
	trail string // to it, see step
	owner string // what the dictionary is, see ownerOf
}

// each calls look for all dictionaries and arrays in an object, the outer ones first.
func (s *sweep) each(o Object, look func(node)) { s.eachBelow(o, "", "", look) }

func (s *sweep) eachBelow(o Object, key Name, trail string, look func(node)) {
	switch o := o.(type) {
	case *Stream:
		s.eachBelow(o.Dict, key, trail, look)
	case Array:
		look(node{array: o, key: key, trail: trail})
		for _, item := range o {
			switch item.(type) {
			case Array, Dict:
				s.eachBelow(item, key, trail, look)
			}
		}
	case Dict:
		owner := ownerOf(o)
		look(node{dict: o, key: key, trail: trail, owner: owner})
		for _, pair := range o {
			switch pair.Value.(type) {
			case Array, Dict:
				s.eachBelow(pair.Value, pair.Key, step(owner, trail, pair.Key), look)
			}
		}
	}
}

// lookAtDict finds actions, files, scripts and forms, and notes what refers to what.
func (s *sweep) lookAtDict(it *item, n node) {
	if key := twice(n.dict); key != "" {
		s.facts.add(TwiceKey, it.id, it.place.at, "/"+key.text())
	}
	if n.dict.Get("EF") != nil {
		it.has |= hasFile
	}
	if n.dict.Get("JS") != nil || n.dict.Get("OnInstantiate") != nil {
		it.has |= hasScript
	}
	if n.dict.Get("XFA") != nil {
		it.has |= hasForm
	}
	s.action(it, n)
	for _, pair := range n.dict {
		s.refer(it, n, pair)
	}
}

// twice returns a key that a dictionary has twice with different values, or "".
func twice(d Dict) Name {
	const most = 64 // keys of a dictionary that is looked at: larger ones are tables
	if len(d) > most {
		return ""
	}
	for i, pair := range d {
		for _, other := range d[:i] {
			if other.Key == pair.Key && Text(other.Value, 200) != Text(pair.Value, 200) {
				return pair.Key
			}
		}
	}
	return ""
}

// usesByKey says what streams are that a key leads to.
var usesByKey = map[Name]Kind{
	"FontFile": Font, "FontFile2": Font, "FontFile3": Font, "ToUnicode": Font, "CIDToGIDMap": Font, "CIDSet": Font, "CharProcs": Font,
	"Contents": Content, "Metadata": Metadata, "DestOutputProfile": Profile, "Thumb": Image, "SMask": Image, "Mask": Image,
	"Sound": Media,
}

// refer notes what a dictionary's value leads to.
func (s *sweep) refer(it *item, n node, pair Pair) {
	trail := step(n.owner, n.trail, pair.Key)
	kind := usesByKey[pair.Key]
	if n.key == "CharProcs" {
		kind = Font
	}
	if trail != "" || kind != NoKind {
		s.lead(it, pair.Value, trail, kind)
		if list, ok := pair.Value.(Array); ok {
			for _, o := range list[:min(len(list), s.d.limits.found)] {
				s.lead(it, o, trail, kind)
			}
		}
	}
	switch pair.Key {
	case "AA":
		if _, ok := pair.Value.(Ref); ok {
			for _, inner := range s.d.dict(pair.Value) {
				if s.d.work.spend(objectCost) != nil {
					return
				}
				s.lead(it, inner.Value, step(n.owner, trail, inner.Key), NoKind)
			}
		}
	case "Assets":
		s.nameTree(pair.Value, func(name Object, ref Ref) {
			if s.named(ref, name); len(s.assets) < s.d.limits.found {
				s.assets[ref.Number] = true
			}
		})
	}
}

// lead notes what an object is used for, if it is one of its own.
func (s *sweep) lead(it *item, o Object, trail string, kind Kind) {
	ref, ok := o.(Ref)
	if !ok {
		return
	}
	if kind != NoKind {
		if _, known := s.uses[ref.Number]; !known && len(s.uses) < s.d.limits.objects {
			s.uses[ref.Number] = kind
		}
	}
	if trail != "" {
		if _, known := s.causes[ref.Number]; !known && len(s.causes) < 10*s.d.limits.found {
			s.causes[ref.Number] = cause{it.id.Number, trail}
		}
	}
}

// lookAtArray notes profiles, which are in arrays: [/ICCBased 8 0 R].
func (s *sweep) lookAtArray(a Array) {
	if len(a) != 2 || a[0] != Name("ICCBased") {
		return
	}
	if ref, ok := a[1].(Ref); ok && len(s.uses) < s.d.limits.objects {
		s.uses[ref.Number] = Profile
	}
}
