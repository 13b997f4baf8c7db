package security

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Label is a label in its normal form. Labels of one Scheme may be compared with ==. The zero Label is none: nobody may read
// what has it, and who has it may read nothing.
type Label struct {
	scheme  *Scheme
	class   int16
	tlp     int16 // 1 + its place, 0 for none
	caveats set
	rels    set // empty is for everybody
}

// set is a set of places in a group.
type set [maxOptions / 64]uint64

func (s *set) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *set) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s set) empty() bool { return s == set{} }

func (s set) and(t set) set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

func (s set) or(t set) set {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

func (s set) without(t set) set {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

// names lists those of a group that are in the set, in the order of the configuration.
func (s set) names(g *group) []string {
	var list []string
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			list = append(list, g.names[64*i+bits.TrailingZeros64(word)])
		}
	}
	return list
}

// String is the label's text in its normal form, such as "SECRET CAVEAT REL:A,B" or "OFFICIAL TLP:CLEAR": caveats as they are
// configured, groups by their names. Parse gives the same label back.
func (l Label) String() string {
	s := l.scheme
	if s == nil {
		return ""
	}
	words := append([]string{s.classes.names[l.class]}, l.caveats.names(&s.caveats)...)
	if groups := l.rels.names(&s.rels); len(groups) > 0 {
		for i := range groups {
			groups[i] = groups[i][len(s.prefix):]
		}
		slices.Sort(groups)
		words = append(words, s.prefix+strings.Join(groups, ","))
	}
	if l.tlp > 0 {
		words = append(words, s.tlps.names[l.tlp-1])
	}
	return strings.Join(words, " ")
}

func (l Label) enforcesTLP() bool { return l.tlp > 0 && l.scheme.enforced.has(int(l.tlp-1)) }

// CanAccess tells whether who may read up to reader may read what guarded is on: reader's classification is at or above
// guarded's, reader has all of guarded's caveats, one of its groups if it names any, and its very TLP if that is enforced.
func (s *Scheme) CanAccess(reader, guarded Label) bool {
	return reader.scheme == s && guarded.scheme == s &&
		guarded.class <= reader.class &&
		guarded.caveats.without(reader.caveats).empty() &&
		(guarded.rels.empty() || !guarded.rels.and(reader.rels).empty()) &&
		(!guarded.enforcesTLP() || guarded.tlp == reader.tlp)
}

// Max is the label of what has parts with these labels: the highest classification, all caveats, the groups that all parts
// with groups name, the most restrictive TLP. Who can read it can read every part. Where no label says that it is an error:
// parts without a common group, a caveat that does not go with the classification, an enforced TLP that another one or the
// classification would push out (Azul drops the latter three, and so opens what they closed).
func (s *Scheme) Max(labels ...Label) (Label, error) {
	if len(labels) == 0 {
		return Label{}, errors.New("the maximum of no labels is none")
	}
	for _, l := range labels {
		if l.scheme != s {
			return Label{}, errors.New("a label is not of this configuration")
		}
	}
	all, err := labels[0], error(nil)
	for _, l := range labels[1:] {
		if all, err = s.join(all, l); err != nil {
			return Label{}, err
		}
	}
	return all, nil
}

func (s *Scheme) join(a, b Label) (Label, error) {
	both := Label{scheme: s, class: max(a.class, b.class), tlp: max(a.tlp, b.tlp), caveats: a.caveats.or(b.caveats), rels: a.rels.or(b.rels)}
	if int(both.class) >= s.relsFrom {
		both.tlp = 0
	}
	if lost := both.caveats.without(s.fits[both.class]); !lost.empty() {
		return Label{}, fmt.Errorf("%q and %q have no label together: %s does not go with %s", a, b, strings.Join(lost.names(&s.caveats), ", "), s.classes.names[both.class])
	}
	if !a.rels.empty() && !b.rels.empty() {
		if both.rels = a.rels.and(b.rels); both.rels.empty() {
			return Label{}, fmt.Errorf("%q and %q have no label together: nobody is in a group of both", a, b)
		}
	}
	for _, part := range []Label{a, b} {
		if part.enforcesTLP() && part.tlp != both.tlp {
			return Label{}, fmt.Errorf("%q and %q have no label together: %s would be lost, and it is enforced", a, b, s.tlps.names[part.tlp-1])
		}
	}
	return both, nil
}
