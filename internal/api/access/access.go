// Package access says who asks REST and what they may see. It is the one place where that is decided: a function of the kind Of
// makes an Access for each request, and everything that reads the index does so through its Reader.
//
// It knows labels and the index's Reader, and nothing of how somebody proves who they are: that is the Of's business.
package access

import (
	"fmt"
	"net/http"

	"lazuli/internal/index"
	"lazuli/internal/security"
)

// Access is what one reader may do.
type Access struct {
	User, Org, Email string
	Roles            []string
	Admin            bool

	Scheme *security.Scheme
	// All sees everything, even what has a label that cannot be read. Otherwise what at least one of Up may read is seen.
	All bool
	Up  []security.Label
}

// Of tells who makes a request. An error is the answer 401, in its words.
type Of func(r *http.Request) (*Access, error)

// Anybody lets everybody see and do everything: for a port that only this machine reaches.
func Anybody(scheme *security.Scheme) Of {
	return func(*http.Request) (*Access, error) {
		return &Access{User: "anonymous", Org: "local", Roles: []string{"validated", "admin"}, Admin: true, Scheme: scheme, All: true}, nil
	}
}

// MayRead tells whether something with a label may be seen. What has none counts as having the default.
func (a *Access) MayRead(label string) bool {
	if a.All {
		return true
	}
	guarded, ok := a.parse(label)
	return ok && a.reads(guarded)
}

// MaySubmit returns nil for a label that the reader may use, else why not, for them to read.
func (a *Access) MaySubmit(label string) error {
	guarded, err := a.Scheme.Parse(label)
	if err != nil {
		return err
	}
	if !a.All && !a.reads(guarded) {
		return fmt.Errorf("you may not read %s, so you may not submit with it", guarded)
	}
	return nil
}

func (a *Access) reads(guarded security.Label) bool {
	for _, up := range a.Up {
		if a.Scheme.CanAccess(up, guarded) {
			return true
		}
	}
	return false
}

func (a *Access) parse(label string) (security.Label, bool) {
	if label == "" {
		return a.Scheme.Default(), true
	}
	l, err := a.Scheme.Parse(label)
	return l, err == nil
}

// Reader is the reader for one request: exclude names parts of labels, and what has one of them is left out; every names groups, and only
// what has all of them is left. An error is the caller's mistake.
func (a *Access) Reader(exclude, every []string) (index.Reader, error) {
	var without, with []security.Part
	for _, name := range exclude {
		if name == "" { // clients send blanks for what they do not say
			continue
		}
		p, err := a.Scheme.Part(name)
		if err != nil {
			return index.Reader{}, fmt.Errorf("x: %w", err)
		}
		without = append(without, p)
	}
	for _, name := range every {
		if name == "" {
			continue
		}
		p, err := a.Scheme.Part(name)
		if err == nil && !a.Scheme.Group(p) {
			err = fmt.Errorf("%.80q is not a group", name)
		}
		if err != nil {
			return index.Reader{}, fmt.Errorf("i: %w", err)
		}
		with = append(with, p)
	}
	if a.All && len(without)+len(with) == 0 {
		return index.Everyone, nil
	}
	return index.Reader{See: func(label string) bool {
		guarded, ok := a.parse(label)
		if !ok || !a.All && !a.reads(guarded) {
			return false
		}
		for _, p := range without {
			if a.Scheme.Has(guarded, p) {
				return false
			}
		}
		for _, p := range with {
			if !a.Scheme.Has(guarded, p) {
				return false
			}
		}
		return true
	}}, nil
}

// Highest joins labels to that of all of them together. false when there is none: no label at all, one that cannot be read, or
// some that have no label together.
func (a *Access) Highest(labels []string) (string, bool) {
	parsed := make([]security.Label, 0, len(labels))
	for _, text := range labels {
		l, ok := a.parse(text)
		if !ok {
			return "", false
		}
		parsed = append(parsed, l)
	}
	highest, err := a.Scheme.Max(parsed...)
	return highest.String(), err == nil
}
