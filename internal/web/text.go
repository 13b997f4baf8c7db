package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"lazuli/event"
	"lazuli/internal/api"
	"lazuli/internal/index"
)

// functions are what templates call.
var functions = template.FuncMap{
	"bytes": sizeText, "short": func(s string) string { return shorten(s, 12) }, "clean": clean, "cut": func(s string) string { return shorten(clean(s), 300) },
	"ago": ago, "utc": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }, "tone": tone, "meaning": meaning, "states": states, "outcomes": outcomes,
	"relationship": relationship, "jobs": jobs, "plural": plural, "lines": lines,
	"count": count, "searchFor": searchFor, "tagNames": tagNames, "deref": func(n *int) int { return *n },
	"hexOf": hexOf, "hexAt": hexAt, "codings": codings, "pivotTo": pivotTo, "named": named, "json": indented,
}

// clean makes text from files safe to look at: control characters, and those that turn the direction of writing, become visible escapes.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(' ')
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// namedFile is a file to go to, and its name if it has one.
type namedFile struct{ SHA256, Name string }

func named(sha256 string, names map[string]string) namedFile { return namedFile{sha256, names[sha256]} }

// jobs lists jobs of a file that has several events as a reader wants them: one of a plugin, version and state.
func jobs(list []api.PendingJob) []api.PendingJob {
	seen := map[api.PendingJob]bool{}
	return slices.DeleteFunc(slices.Clone(list), func(j api.PendingJob) bool {
		j.Since, j.Position = time.Time{}, ""
		again := seen[j]
		seen[j] = true
		return again
	})
}

// lines is clean for text of several lines.
func lines(s string) string {
	list := strings.Split(s, "\n")
	for i, line := range list {
		list[i] = clean(line)
	}
	return strings.Join(list, "\n")
}

// shorten cuts text to n characters.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

func sizeText(n int64) string {
	if n < 1024 {
		return plural(int(n), "byte")
	}
	f, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f /= 1024; f < 1024 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// count writes a number that may be large, with spaces between its thousands, before a noun.
func count(n int64, noun string) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u00a0" + digits[i:]
	}
	if n == 1 {
		return digits + " " + noun
	}
	return digits + " " + noun + "s"
}

// tagNames lists tags once each, whoever put them there.
func tagNames(tags []index.Tag) []string {
	var names []string
	for i := range tags {
		names = append(names, tags[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func ago(t time.Time) string {
	switch d := time.Since(t); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plural(int(d.Minutes()), "minute") + " ago"
	case d < 24*time.Hour:
		return plural(int(d.Hours()), "hour") + " ago"
	}
	return t.UTC().Format("2006-01-02")
}

// tone gives a state its colour.
func tone(state string) string {
	switch {
	case state == "completed-with-errors":
		return "warn"
	case state == "completed-empty", state == "opt-out":
		return "quiet"
	case strings.HasPrefix(state, "completed"), state == "done":
		return "good"
	case strings.HasPrefix(state, "error"):
		return "bad"
	}
	return "busy"
}

// meaning says in words what a state of a job means.
func meaning(state string) string {
	switch state {
	case "completed":
		return "it found something"
	case "completed-empty":
		return "it looked, and found nothing"
	case "completed-with-errors":
		return "it ended, but something went wrong: see its message"
	case "opt-out":
		return "not the kind of file that it is for"
	case "done":
		return "every plugin has ended with it and with what is inside"
	case "working":
		return "a plugin still has it, or a file inside it, before it"
	}
	return ""
}

// stateCount is how often a plugin ended in a state.
type stateCount struct {
	State string
	N     int
}

func states(m map[string]int) []stateCount {
	var list []stateCount
	for _, s := range slices.Sorted(maps.Keys(m)) {
		list = append(list, stateCount{s, m[s]})
	}
	return list
}

// outcomes tells how jobs ended, without those that have not.
func outcomes(m map[string]int) string {
	var done, optedOut, failed int
	for s, n := range m {
		switch state := event.State(s); {
		case state.Success():
			done += n
		case state == event.OptOut:
			optedOut += n
		case state.Error():
			failed += n
		}
	}
	if done+optedOut+failed == 0 {
		return "no jobs"
	}
	return fmt.Sprintf("%d completed, %d opted out, %d failed", done, optedOut, failed)
}

func relationship(m map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k == "action" {
			parts = append(parts, m[k])
			continue
		}
		parts = append(parts, k+": "+m[k])
	}
	return clean(strings.Join(parts, ", "))
}

// Sizes of the strip, in SVG units.
const (
	stripWidth  = 1000
	stripHeight = 120
	maxBars     = 800
)

// bands are ranges of entropy that one learns to recognise.
var bands = []struct {
	from, to float64
	name     string
}{{4.0, 4.6, "text"}, {4.9, 5.3, "code"}, {6.7, 6.9, "packed"}, {7.7, 8.0, "compressed or encrypted"}}

// entropyStrip draws the entropy of a file's blocks; nothing when there are none. Every number in it is ours, no text is a file's.
func entropyStrip(e api.Entropy) template.HTML {
	if len(e.Blocks) == 0 {
		return ""
	}
	blocks := e.Blocks[:min(len(e.Blocks), maxBars)]
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="strip" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="entropy of %d blocks of %d bytes, overall %.2f bits for each byte">`,
		stripWidth, stripHeight, len(blocks), e.BlockSize, e.Overall)
	y := func(bits float64) float64 { return stripHeight * (1 - min(max(bits, 0), 8)/8) }
	for _, band := range bands {
		fmt.Fprintf(&b, `<rect class="band" x="0" y="%.1f" width="%d" height="%.1f"><title>%s: %.1f to %.1f</title></rect>`, y(band.to), stripWidth, y(band.from)-y(band.to), band.name, band.from, band.to)
	}
	width := stripWidth / float64(len(blocks))
	for i, bits := range blocks {
		bits = min(max(bits, 0), 8)
		fmt.Fprintf(&b, `<rect x="%.2f" y="%.1f" width="%.2f" height="%.1f" fill="hsl(%d 70%% 48%%)"><title>from byte %d: %.2f</title></rect>`,
			float64(i)*width, y(bits)-1, width+0.05, stripHeight-y(bits)+1, 60+int(bits/8*300), int64(i)*e.BlockSize, bits)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// indented writes a plugin's report for people.
func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}
