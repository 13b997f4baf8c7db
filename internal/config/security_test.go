package config

import (
	"strings"
	"testing"

	"lazuli/internal/security"
)

func TestSecurity(t *testing.T) {
	c, err := load(t, `
security:
  labels:
    classification:
      title: Classification
      options:
        - {name: OPEN, priority: "10"}  # as Azul's values have them
        - {name: CLOSED, priority: 20}
    caveat:
      options: [{name: DRAFT, min_priority: 10, max_priority: "10"}]
    releasability:
      origin: REL:HOME
      origin_alt_name: US
      options: [{name: REL:HOME}, {name: REL:EAST}]
    tlp:
      options: [{name: TLP:CLEAR}, {name: TLP:RED, enforce_security: true}]
  default: OPEN TLP:CLEAR
  presets: [CLOSED REL:US]
  allow_releasability_priority_gte: "20"
  minimum_required_access: [OPEN]
  admin_roles: [admin]
`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := security.New(c.Security)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"closed rel:us,east": "CLOSED REL:EAST,HOME", "open draft tlp:red": "OPEN DRAFT TLP:RED", "closed draft": "CLOSED"} {
		if got, err := s.Normalise(text); err != nil || got != want {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	if c, err := load(t, "security:"); err != nil || c.Security.Default != security.Default().Default {
		t.Errorf("an empty section: %+v, %v", c, err)
	}
}

func TestBadSecurity(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"security: {lables: {}}", "line 1: unknown key lables (in security)"},
		{"security:\n  labels:\n    tlp: {options: [{colour: red}]}", "line 3: unknown key colour (in security)"},
		{"security: [a]", "(in security)"},
		{"security: {default: OFFICIAL}", "security.labels.classification.options: must name at least one"},
		{"security: {default: A, labels: {classification: {options: [{name: A}]}}}", "security.allow_releasability_priority_gte: must be set"},
		{"security: {default: B, allow_releasability_priority_gte: 1, labels: {classification: {options: [{name: A}]}}}", `security.default: label "B": unknown label "B"`},
		{"security: {allow_releasability_priority_gte: much}", "(in security)"},
	} {
		if _, err := load(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}
