package azul

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lazuli/test/platform"
)

// clientConfig has two sources and labels of every kind, for client.py.
const clientConfig = `
sources:
  testing:
    description: files of the tests
    icon_class: flask
    references:
      - {name: user, required: true, description: who, highlight: true}
      - {name: description, required: false, description: what, priority: false}
  local:
    description: what is submitted without a source
    expire_events_after: 3 days
security:
  labels:
    classification:
      options: [{name: OFFICIAL, priority: 0}, {name: SECRET, priority: 100}]
    caveat:
      options: [{name: EYES ONLY, min_priority: 100}]
    releasability:
      options: [{name: REL:HOME}, {name: REL:EAST}]
    tlp:
      options: [{name: TLP:CLEAR}, {name: TLP:GREEN}, {name: TLP:AMBER+STRICT, enforce_security: true}]
  allow_releasability_priority_gte: 100
  default: OFFICIAL TLP:CLEAR
  presets: [OFFICIAL TLP:CLEAR, "SECRET REL:HOME"]
  minimum_required_access: [OFFICIAL]
  admin_roles: [admin]
`

// TestClient runs azul-client, unmodified, against a platform whose own plugins analyse what it uploads: every method of its Api and the
// commands of its command line. What they answer is asserted in the script.
func TestClient(t *testing.T) {
	python := findPython(t)
	config := filepath.Join(t.TempDir(), "lazuli.yaml")
	if err := os.WriteFile(config, []byte(clientConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--config", config)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	s := &suite{Up: up, python: python}
	if said := s.script(ctx, t, "client.py", up.Pages, t.TempDir()); !strings.HasSuffix(said, "55 methods\n") {
		t.Errorf("client.py said %q", said)
	}
}
