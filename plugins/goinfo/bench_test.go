package goinfo

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lazuli/event"
)

// BenchmarkRun measures a whole run over lazuli itself, built as it is shipped, and over the same bytes as text, which is what other files cost.
func BenchmarkRun(b *testing.B) {
	path := filepath.Join(b.TempDir(), "lazuli")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "lazuli/cmd/lazuli")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, text)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	other := elfOf(machines[0], []part{{addr: madeText, data: make([]byte, len(content)), exec: true}})
	for _, c := range []struct {
		name    string
		content []byte
		state   event.State
	}{{"program of Go", content, event.CompletedWithErrors}, {"other program", other, event.OptOut}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.content)))
			for b.Loop() {
				if out := run(b, c.content); out.State != c.state {
					b.Fatalf("%s: %s", out.State, out.Message)
				}
			}
		})
	}
}
