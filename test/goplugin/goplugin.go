// Package goplugin builds and runs testdata/plugin: a Go module of its own that speaks Avro through the library that the
// reference's Go plugins use, github.com/hamba/avro/v2 (MIT). It is what lazuli's own codec is measured against, and a plugin
// that behaves as those of the reference do. The library is a dependency of that module only, never of lazuli's.
//
// The reference's own Go module (github.com/AustralianCyberSecurityCentre/azul-bedrock) would be the better judge; the module
// proxy refused it when this was written.
package goplugin

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var built struct {
	once    sync.Once
	path    string
	missing []byte // what go said when the library could not be had
	err     error
	output  []byte
}

// Build builds the program once per test process and returns its path. Without its library the test is skipped; with CI=true
// that is a failure.
func Build(t testing.TB) string {
	t.Helper()
	built.once.Do(build)
	switch {
	case built.missing != nil && os.Getenv("CI") == "true":
		t.Fatalf("github.com/hamba/avro/v2 cannot be had: %s", built.missing)
	case built.missing != nil:
		t.Skipf("SKIPPED: lazuli's Avro is not compared with another's: github.com/hamba/avro/v2 cannot be had: %s", built.missing)
	case built.err != nil:
		t.Fatalf("build %s: %v\n%s", built.path, built.err, built.output)
	}
	return built.path
}

func build() {
	_, here, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(here), "testdata", "plugin")
	dir, err := os.MkdirTemp("", "lazuli-goplugin-")
	if err != nil {
		built.err = err
		return
	}
	built.path = filepath.Join(dir, "goplugin")
	run := func(args ...string) ([]byte, error) {
		cmd := exec.Command("go", args...)
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		return cmd.CombinedOutput()
	}
	if out, err := run("mod", "download"); err != nil {
		built.missing = append(out, err.Error()...)
		return
	}
	built.output, built.err = run("build", "-o", built.path, ".")
}

// Cleanup removes what Build made; call it at the end of TestMain.
func Cleanup() {
	if built.path != "" {
		os.RemoveAll(filepath.Dir(built.path))
	}
}

// Conversion is one event, or one bulk record, to convert: JSON into Avro of a version, or, with Avro given in hex, the other way.
type Conversion struct {
	Model   string          `json:"model"`
	Version int             `json:"version"`
	Bulk    bool            `json:"bulk"`
	JSON    json.RawMessage `json:"json,omitempty"`
	Avro    string          `json:"avro,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// Convert converts them all; a conversion that fails fails the test.
func Convert(t testing.TB, list []Conversion) []Conversion {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, c := range list {
		if err := enc.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(Build(t), "convert")
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	done := make([]Conversion, len(list))
	for i := range done {
		if err := dec.Decode(&done[i]); err != nil {
			t.Fatal(err)
		}
		if done[i].Error != "" {
			t.Fatalf("the other codec says of %+v: %s", list[i], done[i].Error)
		}
	}
	return done
}
