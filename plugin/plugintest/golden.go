package plugintest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lazuli/event"
	"lazuli/plugin"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

// Golden compares an outcome, as Text writes it, with a file; `go test -rewrite` writes the file.
func Golden(t testing.TB, path string, out *plugin.Outcome) {
	t.Helper()
	got := Text(t, out)
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -rewrite writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (go test -rewrite takes the new text over), -want +got:\n%s", path, diff)
	}
}

// Text writes an outcome for people: the state, the features by name, streams, info, and the children as an indented tree.
// Long values are shortened.
func Text(t testing.TB, out *plugin.Outcome) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(string(out.State))
	if out.Error != "" {
		fmt.Fprintf(&b, " (%s)", out.Error)
	}
	if out.Message != "" {
		first, _, _ := strings.Cut(out.Message, "\n") // a stack would differ each time
		fmt.Fprintf(&b, ": %s", first)
	}
	b.WriteByte('\n')
	writeFeatures(&b, "", out.Features)
	writeStreams(&b, "", out.Streams)
	if len(out.Info) > 0 {
		var indented bytes.Buffer
		if err := json.Indent(&indented, out.Info, "", "  "); err != nil {
			t.Fatalf("info is not JSON: %v", err)
		}
		fmt.Fprintf(&b, "info %s\n", &indented)
	}
	writeChildren(&b, "", out.Children)
	return b.String()
}

func writeChildren(b *strings.Builder, indent string, children []*plugin.Child) {
	for _, c := range children {
		fmt.Fprintf(b, "%schild %.12s, %d bytes", indent, c.Content.SHA256, c.Content.Size)
		for _, key := range slices.Sorted(maps.Keys(c.Relationship)) {
			fmt.Fprintf(b, ", %s=%s", key, c.Relationship[key])
		}
		b.WriteByte('\n')
		inner := indent + "  "
		writeFeatures(b, inner, c.Features)
		writeStreams(b, inner, c.Streams)
		writeChildren(b, inner, c.Children)
	}
}

func writeStreams(b *strings.Builder, indent string, streams []plugin.Stream) {
	for _, s := range streams {
		fmt.Fprintf(b, "%sstream %s, %.12s, %d bytes", indent, s.Label, s.SHA256, s.Size)
		if s.Language != "" {
			fmt.Fprintf(b, ", in %s", s.Language)
		}
		b.WriteByte('\n')
	}
}

func writeFeatures(b *strings.Builder, indent string, list []event.Feature) {
	lines := make([]string, 0, len(list))
	for _, f := range list {
		line := fmt.Sprintf("%s%s (%s) = %s", indent, f.Name, f.Type, short(f.Value))
		if f.Label != "" {
			line += " of " + short(f.Label)
		}
		if f.Offset != nil && f.Size != nil {
			line += fmt.Sprintf(" at %d+%d", *f.Offset, *f.Size)
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
}

// short quotes text and keeps the beginning of a long one.
func short(text string) string {
	const most = 80
	if len(text) <= most {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q… (%d bytes)", text[:most/2], len(text))
}
