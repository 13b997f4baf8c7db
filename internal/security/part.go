package security

import (
	"fmt"
	"slices"
	"strings"
)

// Part is one of the names that labels are made of: a classification, a caveat, a group or a TLP.
type Part struct {
	kind *group
	at   int
}

// Part finds a name, in any case; the origin's other name is the origin.
func (s *Scheme) Part(name string) (Part, error) {
	wanted := strings.Join(strings.Fields(upper(name)), " ")
	if s.altName != "" && wanted == s.altName {
		return Part{&s.rels, s.origin}, nil
	}
	for _, g := range []*group{&s.classes, &s.caveats, &s.rels, &s.tlps} {
		if at, ok := g.at[wanted]; ok {
			return Part{g, at}, nil
		}
	}
	return Part{}, fmt.Errorf("%.80q is not part of any label", name)
}

// Group tells whether the part is a group, of which a reader needs one of several.
func (s *Scheme) Group(p Part) bool { return p.kind == &s.rels }

// Has tells whether a label has a part.
func (s *Scheme) Has(l Label, p Part) bool {
	if l.scheme != s || p.kind == nil {
		return false
	}
	switch p.kind {
	case &s.classes:
		return int(l.class) == p.at
	case &s.caveats:
		return l.caveats.has(p.at)
	case &s.rels:
		return l.rels.has(p.at)
	}
	return int(l.tlp) == p.at+1
}

// Holds tells whether who may read up to a label holds a name: a classification at or above it, or else the very part.
func (s *Scheme) Holds(up Label, name string) bool {
	p, err := s.Part(name)
	if err != nil || up.scheme != s {
		return false
	}
	if p.kind == &s.classes {
		return p.at <= int(up.class)
	}
	return s.Has(up, p)
}

// Names are those of each kind in the order of the configuration, from the least to the most restrictive.
func (s *Scheme) Names() (classifications, caveats, groups, tlps []string) {
	return slices.Clone(s.classes.names), slices.Clone(s.caveats.names), slices.Clone(s.rels.names), slices.Clone(s.tlps.names)
}
