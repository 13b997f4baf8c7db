package ingest

import (
	"slices"
	"strings"

	"lazuli/event"
	"lazuli/internal/security"
)

// Labels of what nobody may see who does not see everything. They are no labels of any configuration, because those begin with a letter, so
// whoever is asked about them fails to read them and says no.
const (
	labelUnknown  = "?unknown"  // a part has a label that is not of the configuration
	labelDisjoint = "?disjoint" // the parts have no label together: whoever may read one may not read another
)

// labels joins labels, and remembers what came of it.
type labels struct {
	scheme *security.Scheme
	known  map[string]string
}

func newLabels(scheme *security.Scheme) labels {
	if scheme == nil {
		var err error
		if scheme, err = security.New(security.Default()); err != nil {
			panic("the default labels are wrong: " + err.Error()) // they are a constant, which security's own tests try
		}
	}
	return labels{scheme, map[string]string{}}
}

// maxLabels bounds what is remembered; labels come from plugins.
const maxLabels = 10_000

// join returns the label, in its normal form, of what has parts with these labels. No label is the default one.
func (l labels) join(parts []string) string {
	key := strings.Join(parts, "\x00")
	if text, ok := l.known[key]; ok {
		return text
	}
	if len(l.known) >= maxLabels {
		clear(l.known)
	}
	text := l.max(parts)
	l.known[key] = text
	return text
}

func (l labels) max(parts []string) string {
	var list []security.Label
	for _, part := range parts {
		label, err := l.scheme.Parse(part)
		if err != nil {
			return labelUnknown
		}
		list = append(list, label)
	}
	if len(list) == 0 {
		return l.scheme.Default().String()
	}
	all, err := l.scheme.Max(list...)
	if err != nil {
		return labelDisjoint
	}
	return all.String()
}

// ofBinary is the label of a document: of its source, its author and every author on its path.
func (l labels) ofBinary(ev *event.Binary, more ...string) string {
	parts := append(more, ev.Source.Security, ev.Author.Security)
	for i := range ev.Source.Path {
		parts = append(parts, ev.Source.Path[i].Author.Security)
	}
	return l.of(parts...)
}

func (l labels) of(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	slices.Sort(parts)
	return l.join(slices.Compact(parts))
}
