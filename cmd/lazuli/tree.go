package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"lazuli/client"
	"lazuli/event"
)

// printTree draws a file with the files inside it, a line for each: name, short SHA-256, size, format, and the features that
// tell most. Below it stands each plugin that neither completed nor opted out. Names and values are untrusted and are shown
// as printable makes them.
func printTree(w io.Writer, tree *client.Tree, colour bool) {
	buf := bufio.NewWriter(w)
	p := treePrinter{buf, painter(colour)}
	p.node(tree, "", "")
	buf.Flush() // an error stays with w, whose next user meets it
}

// treePrinter draws nodes.
type treePrinter struct {
	w     io.Writer
	paint painter
}

const (
	maxNameWidth  = 120 // characters of a name
	maxValueWidth = 48  // characters of a feature's value
	maxValues     = 3   // of one feature
)

// node draws a node behind first, and what belongs to it behind rest.
func (p treePrinter) node(t *client.Tree, first, rest string) {
	fmt.Fprintln(p.w, p.dimmed(first)+p.headline(t))
	inside := "   "
	if len(t.Children) > 0 || t.Truncated {
		inside = "│  "
	}
	for _, fault := range faults(t.Binary.Statuses) {
		fmt.Fprintln(p.w, p.dimmed(rest+inside)+p.paint.paint(red, "! "+fault))
	}
	for i, child := range t.Children {
		if i == len(t.Children)-1 && !t.Truncated {
			p.node(child, rest+"└─ ", rest+"   ")
			continue
		}
		p.node(child, rest+"├─ ", rest+"│  ")
	}
	if t.Truncated {
		fmt.Fprintln(p.w, p.dimmed(rest+"└─ … and more: `lazuli show` that file to see them"))
	}
}

func (p treePrinter) dimmed(text string) string { return p.paint.paint(dim, text) }

func (p treePrinter) headline(t *client.Tree) string {
	b := &t.Binary
	parts := []string{
		p.paint.paint(bold, shorten(nodeName(t), maxNameWidth)),
		p.dimmed(shortHash(b.SHA256)),
		p.dimmed(sizeText(b.Size)),
	}
	if b.FileFormat != "" {
		parts = append(parts, printable(b.FileFormat))
	}
	for _, name := range keyFeatures {
		if text := p.feature(name, b.Features); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "  ")
}

// nodeName is the name under which a file lies in its parent, or the first it was ever seen under.
func nodeName(t *client.Tree) string {
	if t.Filename != "" {
		return t.Filename
	}
	if len(t.Binary.Filenames) > 0 {
		return t.Binary.Filenames[0]
	}
	return "(no name)"
}

// shortHash is enough of a hash to recognize it by.
func shortHash(sha string) string { return shorten(sha[:min(len(sha), 12)], 12) }

// keyFeatures are shown in a tree, in this order.
var keyFeatures = []string{"entropy", "box_type", "box_count", "box_password", "malformed", "corrupted", "tag"}

// feature is one feature with its values, or "" if the file has none. What a label narrows to a part of the file is left out.
func (p treePrinter) feature(name string, all []client.Feature) string {
	var values []string
	for _, f := range all {
		if f.Name == name && f.Label == "" && !slices.Contains(values, f.Value) {
			values = append(values, f.Value)
		}
	}
	if len(values) == 0 {
		return ""
	}
	if name == "entropy" {
		if bits, err := strconv.ParseFloat(values[0], 64); err == nil && bits >= 0 && bits <= 8 {
			return p.dimmed(name) + fmt.Sprintf(" %.2f ", bits) + p.bar(bits)
		}
	}
	more := ""
	if len(values) > maxValues {
		values, more = values[:maxValues], ", …"
	}
	for i := range values {
		values[i] = shorten(values[i], maxValueWidth)
	}
	return p.dimmed(name) + " " + strings.Join(values, ", ") + more
}

// bar draws entropy, 0 to 8 bits per byte, as a bar of eight characters. Above 7.2 is what compressed and encrypted data
// has; packed code begins at about 6.7.
func (p treePrinter) bar(bits float64) string {
	const eighths = " ▏▎▍▌▋▊▉█"
	glyphs := []rune(eighths)
	var b strings.Builder
	for left := int(math.Round(bits * 8)); b.Len() == 0 || left > 0; left -= 8 {
		b.WriteRune(glyphs[min(left, 8)])
	}
	level := green
	switch {
	case bits >= 7.2:
		level = red
	case bits >= 6.7:
		level = yellow
	}
	return p.paint.paint(level, strings.TrimSpace(b.String()))
}

// faults are the statuses that say neither that all is well nor that the file was not the plugin's business.
func faults(statuses []client.Status) []string {
	var lines []string
	for _, s := range statuses {
		switch event.State(s.State) {
		case event.Completed, event.CompletedEmpty, event.OptOut:
			continue
		}
		line := s.Plugin + " " + s.Version + ": " + s.State
		if why := strings.Trim(s.Error+": "+firstLine(s.Message), ": "); why != "" {
			line += ": " + why
		}
		lines = append(lines, shorten(line, 2*maxNameWidth))
	}
	return lines
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
