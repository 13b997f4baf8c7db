package dispatcher

import (
	"strings"

	"lazuli/internal/security"
)

// guard keeps from a consumer what is above the max-security of its poll. A nil guard keeps nothing. What has no label passes;
// a label that cannot be read does not.
type guard struct {
	scheme *security.Scheme
	reader security.Label
	known  map[string]bool // by a label's text whether it is denied; belongs to whoever holds the consumer's lock
}

// maxKnown bounds the decisions that one consumer remembers. There are few distinct labels; whoever sends many makes
// it forget them.
const maxKnown = 1024

func newGuard(scheme *security.Scheme, text string) (*guard, error) {
	reader, err := scheme.Parse(text)
	if err != nil {
		return nil, err
	}
	return &guard{scheme: scheme, reader: reader}, nil
}

// limit is up to where the consumer may read; the zero Label is no limit.
func (g *guard) limit() security.Label {
	if g == nil {
		return security.Label{}
	}
	return g.reader
}

func (g *guard) denies(text string) bool {
	if g == nil || text == "" {
		return false
	}
	label, err := g.scheme.Parse(text)
	return err != nil || !g.scheme.CanAccess(g.reader, label)
}

// skips is denies for many events: it remembers. The caller holds the lock of the consumer whose filter it is.
func (g *guard) skips(text string) bool {
	if g == nil || text == "" {
		return false
	}
	denied, ok := g.known[text]
	if ok {
		return denied
	}
	if denied = g.denies(text); len(text) > security.MaxText {
		return denied
	}
	if g.known == nil || len(g.known) >= maxKnown {
		g.known = map[string]bool{}
	}
	g.known[strings.Clone(text)] = denied // not a part of some larger text, which it would keep
	return denied
}
