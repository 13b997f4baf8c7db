// Package plugintest runs a plugin over bytes and compares what it found with a file that an analyst can read.
package plugintest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/plugin"
)

// Option changes the event that a plugin is given.
type Option func(*event.Binary)

// Format says which file_format the file was identified as; without it, it is "unknown".
func Format(format string) Option {
	return func(b *event.Binary) { b.Entity.FileFormat, b.Entity.Datastreams[0].FileFormat = format, format }
}

// Filename says under which name the file was found.
func Filename(name string) Option {
	return func(b *event.Binary) { b.Source.Path[0].Filename = name }
}

// Run runs a plugin on a file. The outcome is closed when the test ends, and nothing that the run left on disk may stay then.
func Run(t testing.TB, p plugin.Plugin, content []byte, opts ...Option) *plugin.Outcome {
	t.Helper()
	dir := t.TempDir()
	out := run(t.Context(), dir, p, content, opts)
	t.Cleanup(func() {
		out.Close()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("the run left %d files behind (%v)", len(left), err)
		}
	})
	return out
}

func run(ctx context.Context, dir string, p plugin.Plugin, content []byte, opts []Option) *plugin.Outcome {
	sum := sha256.Sum256(content)
	sha := hex.EncodeToString(sum[:])
	at := event.At(time.Date(2025, 5, 5, 1, 2, 3, 0, time.UTC))
	author := event.Author{Category: "user", Name: "tester"}
	ev := &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: at, Author: author},
		Action: event.Sourced,
		Entity: event.Entity{SHA256: sha, Size: uint64(len(content)), FileFormat: "unknown", Datastreams: []event.Datastream{
			{Label: event.LabelContent, SHA256: sha, Size: uint64(len(content)), FileFormat: "unknown"}}},
		Source: event.Source{Name: "test", Timestamp: at, Path: event.Path{{Author: author, Action: event.Sourced, SHA256: sha, Timestamp: at}}},
	}
	for _, o := range opts {
		o(ev)
	}
	return plugin.Execute(ctx, p, plugin.Input{Event: ev, TempDir: dir, Open: func(context.Context, event.Datastream) (plugin.Content, error) {
		return memory{bytes.NewReader(content)}, nil
	}})
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

// Golden compares an outcome with testdata/<name>.golden; `go test -rewrite` writes it.
func Golden(t testing.TB, name string, out *plugin.Outcome) {
	t.Helper()
	got := Text(t, out)
	path := filepath.Join("testdata", name+".golden")
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -rewrite takes it over):\n%s", path, got)
	}
}

// Text writes an outcome for people.
func Text(t testing.TB, out *plugin.Outcome) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s", out.State)
	if out.Error != "" {
		fmt.Fprintf(&b, " (%s)", out.Error)
	}
	if out.Message != "" {
		fmt.Fprintf(&b, ": %s", strings.SplitN(out.Message, "\n", 2)[0])
	}
	b.WriteByte('\n')
	writeFeatures(&b, "", out.Features)
	for _, s := range out.Streams {
		fmt.Fprintf(&b, "stream %s, %d bytes, %.12s\n", s.Label, s.Size, s.SHA256)
	}
	if len(out.Info) > 0 {
		var indented bytes.Buffer
		if err := json.Indent(&indented, out.Info, "", "  "); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "info %s\n", indented.String())
	}
	for _, c := range out.Children {
		writeChild(&b, "", c)
	}
	return b.String()
}

func writeChild(b *strings.Builder, indent string, c *plugin.Child) {
	fmt.Fprintf(b, "%schild %.12s, %d bytes, %v\n", indent, c.Content.SHA256, c.Content.Size, c.Relationship)
	writeFeatures(b, indent+"  ", c.Features)
	for _, child := range c.Children {
		writeChild(b, indent+"  ", child)
	}
}

func writeFeatures(b *strings.Builder, indent string, list []event.Feature) {
	var lines []string
	for _, f := range list {
		line := fmt.Sprintf("%s%s (%s) = %q", indent, f.Name, f.Type, f.Value)
		if f.Label != "" {
			line += fmt.Sprintf(" of %q", f.Label)
		}
		if f.Offset != nil {
			line += fmt.Sprintf(" at %d", *f.Offset)
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
}

// Hostile gives a plugin what attackers and broken disks make of the samples: cut short, with flipped bits, empty, one in another's place.
// Every run must end by itself in a known state, without a panic, and must not hold much memory.
func Hostile(t *testing.T, fresh func() plugin.Plugin, samples ...[]byte) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	formats := []string{"unknown"}
	for _, list := range fresh().Spec().Wants.Streams {
		formats = append(formats, list...)
	}
	inputs := [][]byte{{}, {0}, bytes.Repeat([]byte{0xff}, 5000)}
	for _, s := range samples {
		for _, n := range []int{1, len(s) / 4, len(s) / 2, len(s) - 1} {
			if n > 0 && n < len(s) {
				inputs = append(inputs, s[:n])
			}
		}
		for range 20 {
			bad := bytes.Clone(s)
			for range 1 + random.IntN(8) {
				if len(bad) > 0 {
					bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
				}
			}
			inputs = append(inputs, bad)
		}
	}
	dir := t.TempDir()
	for i, input := range inputs {
		for _, format := range formats {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			out := run(ctx, dir, fresh(), input, []Option{Format(format)})
			cancel()
			if !out.State.Final() || out.Error == "panic" || out.State == event.ErrorTimeout || out.State == event.ErrorOutput {
				t.Errorf("input %d (%d bytes) as %s: %s %s", i, len(input), format, out.State, out.Message)
			}
			for _, c := range out.Children {
				if r, err := c.Content.Open(); err != nil {
					t.Errorf("input %d: a child cannot be read: %v", i, err)
				} else if _, err := io.Copy(io.Discard, r); err != nil {
					t.Errorf("input %d: a child cannot be read: %v", i, err)
				} else {
					r.Close()
				}
			}
			out.Close()
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 256<<20 {
		t.Errorf("%d MiB are held after hostile input", m.HeapAlloc>>20)
	}
}
