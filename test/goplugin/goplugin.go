// Package goplugin builds and runs two Go programs, each a module of its own, so that what they need is no dependency of lazuli's.
//
// testdata/plugin speaks Avro through the library that the reference's Go plugins use, github.com/hamba/avro/v2 (MIT). It is what
// lazuli's own codec is measured against, in every version of the schema, and a plugin that asks for Avro.
// testdata/bedrock is a plugin on the reference's own Go runner, which test/setup unpacks, and a reader with its client and codec.
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

// program is one of them, built once per test process.
type program struct {
	module string // its folder in testdata
	needs  string // what it cannot be built without

	once    sync.Once
	path    string
	missing []byte // what go said when that could not be had
	err     error
	output  []byte
}

var (
	avro    = &program{module: "plugin", needs: "github.com/hamba/avro/v2"}
	bedrock = &program{module: "bedrock", needs: "the Go source of azul-bedrock (run test/setup)"}
)

// build returns the program's path. Without what it needs the test is skipped; with CI=true that is a failure.
func (p *program) build(t testing.TB) string {
	t.Helper()
	p.once.Do(p.make)
	switch {
	case p.missing != nil && os.Getenv("CI") == "true":
		t.Fatalf("%s cannot be had: %s", p.needs, p.missing)
	case p.missing != nil:
		t.Skipf("SKIPPED: lazuli is not tried with another's Go code: %s cannot be had: %s", p.needs, p.missing)
	case p.err != nil:
		t.Fatalf("build %s: %v\n%s", p.path, p.err, p.output)
	}
	return p.path
}

func (p *program) make() {
	_, here, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(here), "testdata", p.module)
	dir, err := os.MkdirTemp("", "lazuli-goplugin-")
	if err != nil {
		p.err = err
		return
	}
	p.path = filepath.Join(dir, p.module)
	run := func(args ...string) ([]byte, error) {
		cmd := exec.Command("go", args...)
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		return cmd.CombinedOutput()
	}
	if out, err := run("list", "-deps", "."); err != nil {
		p.missing = append(out, err.Error()...)
		return
	}
	p.output, p.err = run("build", "-o", p.path, ".")
}

// Cleanup removes what was built; call it at the end of TestMain.
func Cleanup() {
	for _, p := range []*program{avro, bedrock} {
		if p.path != "" {
			os.RemoveAll(filepath.Dir(p.path))
		}
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
	cmd := exec.Command(avro.build(t), "convert")
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
