// Package security is the algebra of labels: what a label means, what two together mean, and who may read what.
//
// A Scheme is a checked Config; Parse turns text into a Label, Max joins the labels of several parts, CanAccess compares the
// label up to which somebody may read with the label of what is read. The rules are those of azul-security; where Max would
// lose a restriction it is an error in place of a label. In doubt the answer is no.
//
// The package knows nothing of events, HTTP or the log. Begin with Scheme.CanAccess.
package security

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Scheme is which labels there are. It never changes, and any number of goroutines may use it.
type Scheme struct {
	classes, caveats, rels, tlps group

	relsFrom int   // the first classification that may have groups, and has no TLP
	fits     []set // for each classification the caveats that go with it
	enforced set   // of tlps
	prefix   string
	origin   int    // of rels, -1 for none
	altName  string // of origin, with the prefix; "" for none

	byDefault Label
	presets   []Label
}

// New checks a configuration. An error begins with the key that it is about.
func New(c Config) (*Scheme, error) {
	s := &Scheme{prefix: upper(c.Labels.Releasability.Prefix), origin: -1}
	if s.prefix == "" {
		s.prefix = defaultPrefix
	}
	for _, step := range []func(*Config) error{s.readNames, s.readWords, s.readLadder, s.readCaveats, s.readGroups, s.readTLPs, s.readLabels} {
		if err := step(&c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Scheme) readLadder(c *Config) error {
	options := c.Labels.Classification.Options
	if len(options) == 0 {
		return errors.New("labels.classification.options: must name at least one, because every label has one")
	}
	if c.RelPriority == nil {
		return errors.New("allow_releasability_priority_gte: must be set: from which priority on labels may name groups and have no TLP")
	}
	s.relsFrom = len(options)
	for i, o := range options {
		if i > 0 && o.Priority <= options[i-1].Priority {
			return fmt.Errorf("labels.classification.options: number %d: priority %d of %.80q must be above %d, that of %.80q before it: "+
				"who may read up to one may read what is at or below its priority", i+1, o.Priority, s.classes.names[i], options[i-1].Priority, s.classes.names[i-1])
		}
		if o.Priority >= *c.RelPriority {
			s.relsFrom = min(s.relsFrom, i)
		}
	}
	return nil
}

func (s *Scheme) readCaveats(c *Config) error {
	s.fits = make([]set, len(s.classes.names))
	for i, o := range c.Labels.Caveat.Options {
		high := maxPriority
		if o.MaxPriority != nil {
			high = *o.MaxPriority
		}
		if o.MinPriority > high {
			return fmt.Errorf("labels.caveat.options: number %d: min_priority %d of %.80q must not be above max_priority %d", i+1, o.MinPriority, s.caveats.names[i], high)
		}
		for class, step := range c.Labels.Classification.Options {
			if o.MinPriority <= step.Priority && step.Priority <= high {
				s.fits[class].add(i)
			}
		}
	}
	return nil
}

func (s *Scheme) readGroups(c *Config) error {
	r := &c.Labels.Releasability
	if strings.ContainsAny(s.prefix, ` ,/\`) {
		return fmt.Errorf("labels.releasability.prefix: %.80q must be without spaces, commas and slashes", s.prefix)
	}
	for i, name := range s.rels.names {
		at := fmt.Sprintf("labels.releasability.options: number %d: name %.80q", i+1, name)
		group, ok := strings.CutPrefix(name, s.prefix)
		if !ok || group == "" {
			return fmt.Errorf("%s must be %s and the group's name", at, s.prefix)
		}
		if strings.ContainsAny(name, " ,") {
			return fmt.Errorf("%s must be without spaces and commas: in a label they part groups", at)
		}
	}
	if r.Origin != "" {
		origin, ok := s.rels.at[upper(r.Origin)]
		if !ok {
			return fmt.Errorf("labels.releasability.origin: %.80q is not among the options", upper(r.Origin))
		}
		s.origin = origin
	}
	if r.OriginAltName == "" {
		return nil
	}
	s.altName = s.prefix + strings.TrimPrefix(upper(r.OriginAltName), s.prefix)
	_, taken := s.rels.at[s.altName]
	switch {
	case s.origin < 0:
		return errors.New("labels.releasability.origin_alt_name: needs an origin, whose other name it is")
	case s.altName == s.prefix || strings.ContainsAny(s.altName, ` ,/\`):
		return fmt.Errorf("labels.releasability.origin_alt_name: %.80q must be without spaces, commas and slashes", r.OriginAltName)
	case taken && s.rels.at[s.altName] != s.origin:
		return fmt.Errorf("labels.releasability.origin_alt_name: %.80q is another group's name", s.altName)
	}
	return nil
}

func (s *Scheme) readTLPs(c *Config) error {
	for i, o := range c.Labels.TLP.Options {
		if o.Enforce {
			s.enforced.add(i)
		} else if i > 0 && s.enforced.has(i-1) {
			return fmt.Errorf("labels.tlp.options: number %d: %.80q is more restrictive than %.80q, which has enforce_security, so it must have it too: "+
				"of two markings the more restrictive one stays", i+1, s.tlps.names[i], s.tlps.names[i-1])
		}
	}
	return nil
}

// readLabels parses the labels that the configuration itself has.
func (s *Scheme) readLabels(c *Config) error {
	if strings.TrimSpace(c.Default) == "" {
		return errors.New("default: must be the label of what comes without one")
	}
	var err error
	if s.byDefault, err = s.Parse(c.Default); err != nil {
		return fmt.Errorf("default: %w", err)
	}
	for i, text := range c.Presets {
		label, err := s.Parse(text)
		if err != nil {
			return fmt.Errorf("presets: number %d: %w", i+1, err)
		}
		s.presets = append(s.presets, label)
	}
	for i, name := range c.Required {
		if !s.holdable(upper(name)) {
			return fmt.Errorf("minimum_required_access: number %d: %.80q is neither a classification nor a caveat nor a group", i+1, name)
		}
	}
	for i, role := range c.AdminRoles {
		if strings.TrimSpace(role) == "" {
			return fmt.Errorf("admin_roles: number %d must have a name", i+1)
		}
	}
	return nil
}

func (s *Scheme) holdable(name string) bool {
	for _, g := range []*group{&s.classes, &s.caveats, &s.rels} {
		if _, ok := g.at[name]; ok {
			return true
		}
	}
	return false
}

// Default is the label of what comes without one.
func (s *Scheme) Default() Label { return s.byDefault }

// Presets are the labels that forms offer.
func (s *Scheme) Presets() []Label { return slices.Clone(s.presets) }
