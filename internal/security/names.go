package security

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// group is the names of one kind, by their place in the configuration.
type group struct {
	names []string
	at    map[string]int
	first map[string][]phrase // names by their first word
}

// phrase is a name as words.
type phrase struct {
	index int
	words []string
	size  int // bytes of the name
}

func (s *Scheme) readNames(c *Config) error {
	seen := map[string]string{}
	for _, kind := range []struct {
		key   string
		into  *group
		names []string
	}{
		{"classification", &s.classes, names(c.Labels.Classification.Options, func(o Classification) string { return o.Name })},
		{"caveat", &s.caveats, names(c.Labels.Caveat.Options, func(o Caveat) string { return o.Name })},
		{"releasability", &s.rels, names(c.Labels.Releasability.Options, func(o Group) string { return o.Name })},
		{"tlp", &s.tlps, names(c.Labels.TLP.Options, func(o TLP) string { return o.Name })},
	} {
		key := "labels." + kind.key + ".options"
		if len(kind.names) > maxOptions {
			return fmt.Errorf("%s: %d are too many, at most %d fit", key, len(kind.names), maxOptions)
		}
		for i, name := range kind.names {
			at := fmt.Sprintf("%s: number %d", key, i+1)
			if err := validName(name); err != nil {
				return fmt.Errorf("%s: name %.80q %w", at, name, err)
			}
			if other, there := seen[name]; there {
				return fmt.Errorf("%s: name %.80q is there twice, first in %s", at, name, other)
			}
			seen[name] = key
		}
		*kind.into = newGroup(kind.names)
	}
	return nil
}

func names[T any](options []T, name func(T) string) []string {
	list := make([]string, len(options))
	for i, o := range options {
		list[i] = upper(name(o))
	}
	return list
}

// upper is how names and labels are compared.
func upper(text string) string { return strings.ToUpper(text) }

// validName refuses what no label's text could say.
func validName(name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return fmt.Errorf("must have 1 to %d bytes", maxName)
	case strings.ContainsAny(name, `/\`):
		return errors.New("must not contain slashes: in a label they are spaces")
	case strings.Join(strings.Fields(name), " ") != name:
		return errors.New("must have single spaces, and only between words")
	case strings.ContainsFunc(name, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }):
		return errors.New("must be printable")
	}
	return nil
}

func newGroup(names []string) group {
	g := group{names: names, at: make(map[string]int, len(names)), first: map[string][]phrase{}}
	for i, name := range names {
		words := strings.Fields(name)
		g.at[name] = i
		g.first[words[0]] = append(g.first[words[0]], phrase{i, words, len(name)})
	}
	return g
}

// readWords refuses names that could be mixed up in a label's text, so that every label's text is read as that label: a name
// in which a name lies that is looked for earlier, and one that the end of a name and the beginning of another make together.
func (s *Scheme) readWords(*Config) error {
	kinds := []*group{&s.classes, &s.caveats, &s.tlps} // in the order in which they are looked for
	var all [][]string
	for _, g := range kinds {
		for _, name := range g.names {
			all = append(all, strings.Fields(name))
		}
	}
	for k, g := range kinds {
		for _, name := range g.names {
			words := strings.Fields(name)
			if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, s.prefix) }); i >= 0 {
				return fmt.Errorf("labels: %.80q would be mixed up with a group: %.80q begins with %s", name, words[i], s.prefix)
			}
			for _, earlier := range kinds[:k] {
				if inner := slices.Clone(words); len(earlier.take(inner)) > 0 {
					return fmt.Errorf("labels: %.80q would be mixed up with a name of another kind that lies in it", name)
				}
			}
			for i := 1; i < len(words); i++ {
				ends := slices.ContainsFunc(all, func(w []string) bool { return len(w) >= i && slices.Equal(w[len(w)-i:], words[:i]) })
				begins := slices.ContainsFunc(all, func(w []string) bool {
					n := min(len(w), len(words)-i)
					return slices.Equal(w[:n], words[i:i+n])
				})
				if ends && begins {
					return fmt.Errorf("labels: %.80q would be mixed up with two names beside one another, one that ends in %.80q and one that begins with %.80q",
						name, strings.Join(words[:i], " "), words[i])
				}
			}
		}
	}
	return nil
}
