package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lazuli/event"
)

// Text writes an outcome for people, and for golden files (plugintest.Golden): the state, the features by name, streams, info,
// the children as an indented tree, then the same of each part. Long values are shortened.
func (o *Outcome) Text() string {
	var b strings.Builder
	o.write(&b, "")
	for i := range o.Parts {
		fmt.Fprintf(&b, "part %s: ", o.Parts[i].Part)
		o.Parts[i].write(&b, "  ")
	}
	return b.String()
}

// write writes the state where the line stands, and the rest indented.
func (o *Outcome) write(b *strings.Builder, indent string) {
	b.WriteString(string(o.State))
	if o.Error != "" {
		fmt.Fprintf(b, " (%s)", o.Error)
	}
	if o.Message != "" {
		first, _, _ := strings.Cut(o.Message, "\n") // a stack would differ each time
		fmt.Fprintf(b, ": %s", first)
	}
	b.WriteByte('\n')
	writeFeatures(b, indent, o.Features)
	writeStreams(b, indent, o.Streams)
	if len(o.Info) > 0 {
		var indented bytes.Buffer
		if err := json.Indent(&indented, o.Info, indent, "  "); err != nil {
			indented.Reset()
			fmt.Fprintf(&indented, "is not JSON: %v", err)
		}
		fmt.Fprintf(b, "%sinfo %s\n", indent, &indented)
	}
	writeChildren(b, indent, o.Children)
}

func writeChildren(b *strings.Builder, indent string, children []*Child) {
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

func writeStreams(b *strings.Builder, indent string, streams []Stream) {
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
