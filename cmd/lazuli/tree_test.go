package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lazuli/client"
)

func feature(name, value string) client.Feature { return client.Feature{Name: name, Value: value} }

// archive is a tree with something of everything in it.
func archive() *client.Tree {
	sha := func(c string) string { return strings.Repeat(c, 64) }
	text := &client.Tree{
		Filename: "notes\u202egpj.exe\nroot",
		Binary:   client.Binary{SHA256: sha("c"), Size: 11, FileFormat: "text/plain", Features: []client.Feature{feature("entropy", "2.845")}},
	}
	broken := &client.Tree{
		Filename: "inner.tar.gz",
		Binary: client.Binary{
			SHA256: sha("d"), Size: 1 << 20, FileFormat: "archive/gzip",
			Statuses: []client.Status{
				{Plugin: "Entropy", Version: "1", State: "completed"},
				{Plugin: "Unbox", Version: "2", State: "error-timeout", Error: "timeout", Message: "it took too long\nsecond line"},
			},
		},
		Truncated: true,
	}
	empty := &client.Tree{Binary: client.Binary{SHA256: sha("e"), Size: 1, Statuses: []client.Status{{Plugin: "Unbox", State: "opt-out"}}}}
	return &client.Tree{
		Binary: client.Binary{
			SHA256: sha("a"), Size: 123456, FileFormat: "archive/zip", Filenames: []string{"sample.zip", "other.zip"},
			Features: []client.Feature{
				feature("box_type", "zip"), feature("entropy", "7.91"), {Name: "entropy", Value: "1", Label: "block"},
				feature("tag", "a"), feature("tag", "b"), feature("tag", "b"), feature("tag", "c"), feature("tag", "d"),
				feature("unimportant", "x"),
			},
			Statuses: []client.Status{{Plugin: "Unbox", Version: "2", State: "completed-with-errors", Message: "2 entries \x1b[31mdamaged"}},
		},
		Children: []*client.Tree{text, {Filename: "folder/inner.zip", Binary: client.Binary{SHA256: sha("b"), Size: 2048}, Children: []*client.Tree{broken}}, empty},
	}
}

func TestPrintTree(t *testing.T) {
	var b strings.Builder
	printTree(&b, archive(), false)
	want := `
sample.zip  aaaaaaaaaaaa  121 KiB  archive/zip  entropy 7.91 ███████▉  box_type zip  tag a, b, c, …
│  ! Unbox 2: completed-with-errors: 2 entries \x1b[31mdamaged
├─ notes\u202egpj.exe\nroot  cccccccccccc  11 B  text/plain  entropy 2.85 ██▉
├─ folder/inner.zip  bbbbbbbbbbbb  2.0 KiB
│  └─ inner.tar.gz  dddddddddddd  1.0 MiB  archive/gzip
│     │  ! Unbox 2: error-timeout: timeout: it took too long
│     └─ … and more: ` + "`lazuli show`" + ` that file to see them
└─ (no name)  eeeeeeeeeeee  1 B
`
	if diff := cmp.Diff(want[1:], b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPrintTreeColour: colours change nothing but colours, and every one is ended.
func TestPrintTreeColour(t *testing.T) {
	var plain, coloured strings.Builder
	printTree(&plain, archive(), false)
	printTree(&coloured, archive(), true)
	text := coloured.String()
	for _, s := range []style{bold, dim, red, green, yellow} {
		text = strings.ReplaceAll(text, "\x1b["+string(s)+"m", "")
	}
	if got := strings.ReplaceAll(text, "\x1b[0m", ""); got != plain.String() {
		t.Errorf("without its colours:\n%s", cmp.Diff(plain.String(), got))
	}
	for i, line := range strings.Split(coloured.String(), "\n") {
		if ends := strings.Count(line, "\x1b[0m"); 2*ends != strings.Count(line, "\x1b[") {
			t.Errorf("line %d: %d colours are ended: %q", i+1, ends, line)
		}
	}
	if coloured.String() == plain.String() {
		t.Error("there are no colours")
	}
}

func TestBar(t *testing.T) {
	for bits, want := range map[float64]string{0: "", 0.1: "▏", 1: "█", 4.5: "████▌", 7.99: "████████", 8: "████████"} {
		if got := (treePrinter{}).bar(bits); got != want {
			t.Errorf("%g: %q, want %q", bits, got, want)
		}
	}
	for _, value := range []string{"NaN", "-1", "9", "Inf", "high"} {
		got := treePrinter{}.feature("entropy", []client.Feature{feature("entropy", value)})
		if got != "entropy "+value {
			t.Errorf("%s: %q", value, got)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain name.txt":        "plain name.txt",
		"Zürich 日本 🙂":           "Zürich 日本 🙂",
		"a\tb\r\n":              `a\tb\r\n`,
		"\x1b]0;title\x07":      `\x1b]0;title\a`,
		"\u202eexe.jpg":         `\u202eexe.jpg`,
		"\u2066x\u2069\u200f":   `\u2066x\u2069\u200f`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"\u2028\u0085\u00a0":    `\u2028\u0085\u00a0`,
		"bad \xff\xc3 utf-8":    `bad \xff\xc3 utf-8`,
		"\ufffd":                "\ufffd",
		"\U000e0041":            `\U000e0041`,
		`back\slash "quote"`:    `back\slash "quote"`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 10189: "10 KiB", 10188: "9.9 KiB", 1048575: "1.0 MiB", 1 << 30: "1.0 GiB", 1500 << 30: "1.5 TiB", 1 << 62: "4096 PiB",
	} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
