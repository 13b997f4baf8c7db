package query

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cockroachdb/datadriven"
)

// TestComplete reads testdata/complete: each line is what is written, with | for the cursor, and what may be completed there.
func TestComplete(t *testing.T) {
	datadriven.Walk(t, "testdata/complete", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for line := range strings.Lines(d.Input) {
				before, after, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "|")
				if !ok {
					t.Errorf("%s: there is no cursor", line)
				}
				fmt.Fprintln(&out, completed(before+after, utf8.RuneCountInString(before)))
			}
			return out.String()
		})
	})
}

func completed(text string, offset int) string {
	c := Complete(text, offset)
	out := string(c.Kind)
	switch c.Kind {
	case KindError:
		return fmt.Sprintf("%s at column %d: %s", out, c.Column, c.Message)
	case KindFieldName:
		out += fmt.Sprintf(" %q %s", c.Prefix, c.PrefixType)
		if c.HasValue {
			out += ", has a value"
		}
	case KindFieldValue:
		key := "any"
		if c.Key != "" {
			key = c.Key
		}
		out += fmt.Sprintf(" of %s %q %s", key, c.Prefix, c.PrefixType)
	default:
		return out
	}
	out += fmt.Sprintf("; replaces %s", string([]rune(text)[c.Start:c.End]))
	if len(c.Names) > 0 {
		out += fmt.Sprintf("; %d names:", len(c.Names))
		for _, f := range c.Names[:min(len(c.Names), 3)] {
			out += " " + f.Name
		}
	}
	return out
}

// TestCompleteAtLast: azul-client sends the place of the last character, not the one behind it.
func TestCompleteAtLast(t *testing.T) {
	for _, text := range []string{"", "f", "file", "source.name:", "source.name:te", `source.name:"te`, `source.name:"te"`} {
		n := utf8.RuneCountInString(text)
		if got, want := completed(text, n-1), completed(text, n); got != want {
			t.Errorf("%q: %s at its last character and %s behind it", text, got, want)
		}
	}
	for _, offset := range []int{-5, 99} {
		if c := Complete("file", offset); c.Kind != KindFieldValue || c.Prefix != "file" {
			t.Errorf("%d: %+v", offset, c)
		}
	}
}
