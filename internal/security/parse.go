package security

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxText is how long a label's text may be, in bytes.
const MaxText = 2048

// Parse reads a label. Case does not count, slashes are spaces, labels may stand in any order and more than once: of several
// classifications and TLPs the most restrictive stays. What is not a label of the configuration is an error that names it.
// From the classification on that may have groups, TLPs are dropped, and so are caveats that do not go with the classification.
func (s *Scheme) Parse(text string) (Label, error) {
	if len(text) > MaxText {
		return Label{}, fmt.Errorf("a label of %d bytes is too long, at most %d are read", len(text), MaxText)
	}
	words := strings.Fields(strings.NewReplacer("/", " ", `\`, " ").Replace(upper(text)))
	classes, caveats, tlps := s.classes.take(words), s.caveats.take(words), s.tlps.take(words)
	l := Label{scheme: s}
	for _, word := range words {
		if word == taken {
			continue
		}
		if err := s.addGroups(&l.rels, word); err != nil {
			return Label{}, fmt.Errorf("label %.80q: %w", text, err)
		}
	}
	if len(classes) == 0 {
		return Label{}, fmt.Errorf("label %.80q: has no classification, such as %s", text, s.classes.names[0])
	}
	l.class = int16(slices.Max(classes))
	for _, i := range caveats {
		l.caveats.add(i)
	}
	l.caveats = l.caveats.and(s.fits[l.class])
	if len(tlps) > 0 && int(l.class) < s.relsFrom {
		l.tlp = int16(slices.Max(tlps)) + 1
	}
	switch {
	case l.rels.empty():
	case int(l.class) < s.relsFrom:
		return Label{}, fmt.Errorf("label %.80q: %s must not name groups: its priority is below allow_releasability_priority_gte", text, s.classes.names[l.class])
	case s.origin >= 0 && !l.rels.has(s.origin):
		return Label{}, fmt.Errorf("label %.80q: names groups, so %s must be among them", text, s.rels.names[s.origin])
	}
	return l, nil
}

// Normalise returns a label's text in its normal form.
func (s *Scheme) Normalise(text string) (string, error) {
	l, err := s.Parse(text)
	return l.String(), err
}

// taken is in the place of a word that belongs to a name that was found. No word is empty.
const taken = ""

// take finds the group's names among the words and marks their words as taken. Longer names go first, so that TOP SECRET is
// not SECRET with something before it.
func (g *group) take(words []string) (found []int) {
	type match struct {
		phrase
		from int
	}
	var matches []match
	for i, word := range words {
		for _, p := range g.first[word] {
			if i+len(p.words) <= len(words) && slices.Equal(words[i:i+len(p.words)], p.words) {
				matches = append(matches, match{p, i})
			}
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return b.size - a.size })
	for _, m := range matches {
		span := words[m.from : m.from+len(m.words)]
		if slices.Contains(span, taken) {
			continue // a longer name has it
		}
		for i := range span {
			span[i] = taken
		}
		found = append(found, m.index)
	}
	return found
}

// addGroups reads a word of groups: the prefix, then names with commas between.
func (s *Scheme) addGroups(rels *set, word string) error {
	list, ok := strings.CutPrefix(word, s.prefix)
	if !ok {
		return fmt.Errorf("unknown label %.80q", word)
	}
	named := false
	for name := range strings.SplitSeq(list, ",") {
		if name == "" {
			continue
		}
		name, named = s.prefix+name, true
		i, known := s.rels.at[name]
		switch {
		case known:
			rels.add(i)
		case s.altName != "" && name == s.altName:
			rels.add(s.origin)
		default:
			return fmt.Errorf("unknown label %.80q", name)
		}
	}
	if !named {
		return errors.New(s.prefix + " must name a group")
	}
	return nil
}
