package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
)

// TestRepair: documents with damaged cross-references are read as if they were whole. qpdf tells what they were.
func TestRepair(t *testing.T) {
	dir := t.TempDir()
	damages := map[string]func([]byte) []byte{
		"no startxref":             func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("startxref"), []byte("startxxxx")) },
		"startxref beyond":         func(b []byte) []byte { return append(b, "startxref\n99999999\n%%EOF\n"...) },
		"a line more at the front": func(b []byte) []byte { return bytes.Replace(b, []byte("\n"), []byte("\n% moved\n"), 1) },
		"something in front":       func(b []byte) []byte { return append([]byte("some bytes in front\r\n"), b...) },
		"wrong offsets":            func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(" 00000 n"), []byte(" 00003 n")) },
		"cut within the table":     func(b []byte) []byte { return b[:bytes.LastIndex(b, []byte("xref"))-20] },
	}
	for name, path := range documents(t, dir) {
		for _, form := range []string{"as it is", "in object streams", "for editors", "encrypted"} {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				to := filepath.Join(t.TempDir(), "whole.pdf")
				run(t, "qpdf", append(options("--preserve-unreferenced "+forms[form]), path, to)...)
				want := askQPDF(t, to, "")
				for damage, make := range damages {
					if form == "encrypted" && strings.HasPrefix(damage, "cut") {
						continue // without a trailer nobody knows how
					}
					content, err := os.ReadFile(to)
					must(err)
					t.Log(damage)
					if objects, _ := agreeWith(t, want, make(content), ""); objects < 5 {
						t.Errorf("only %d objects", objects)
					}
				}
			})
		}
	}
}

// TestCuts: a document that is cut short at any byte is read as far as it goes.
func TestCuts(t *testing.T) {
	content := minimal("/OpenAction 4 0 R").object(4, "<< /S /JavaScript /JS (first) >>").stream(5, "/Filter /FlateDecode", deflated([]byte("second"))).
		object(6, "<< /S /JavaScript /JS 5 0 R >>").finish()
	first, second := bytes.Index(content, []byte("(first)"))+7, bytes.Index(content, []byte("JS 5 0 R"))+8
	for n := len("%PDF-1.7"); n <= len(content); n++ {
		report, parts, err := walkAll(t, content[:n])
		whole := n >= bytes.Index(content, []byte("%%EOF"))-1
		if whole != (err == nil) && !errors.Is(err, archive.ErrDamaged) || report == nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		var scripts []string
		for _, p := range parts {
			if p.Kind == Script {
				scripts = append(scripts, p.content)
			}
		}
		got := strings.Join(scripts, " ")
		if n >= first && !strings.Contains(got, "first") || n >= second && !strings.Contains(got, "second") {
			t.Fatalf("%d of %d bytes: %q", n, len(content), got)
		}
	}
}

// TestHybrid: objects that are free in a table and in use in the stream beside it (7.5.8.4).
func TestHybrid(t *testing.T) {
	m := minimal("/OpenAction 10 0 R")
	content, first := bundled(map[int]string{10: "<< /S /JavaScript /JS (hidden from old readers) >>"})
	m.stream(4, fmt.Sprintf("/Type /ObjStm /N 1 /First %d", first), content)
	stream := m.Len()
	m.stream(5, "/Type /XRef /W [1 1 1] /Index [10 1] /Size 11", []byte{2, 4, 0})
	m.object(10, "<< /S /JavaScript /JS (not this one) >>")
	at := m.Len()
	fmt.Fprintf(m, "xref\n0 6\n0000000000 65535 f \n")
	for n := range 5 {
		fmt.Fprintf(m, "%010d 00000 n \n", m.at[n+1])
	}
	fmt.Fprintf(m, "10 1\n0000000000 00000 f \ntrailer\n<< /Root 1 0 R /Size 11 /XRefStm %d >>\n", stream)
	d := openBytes(t, m.end(at).Bytes())
	if got := Text(d.object(10), 100); got != "<< /S /JavaScript /JS (hidden from old readers) >>" || d.rebuilt {
		t.Error(got)
	}
	path := filepath.Join(t.TempDir(), "hybrid.pdf")
	must(os.WriteFile(path, m.Bytes(), 0o600))
	if told := askQPDF(t, path, "")["10 0 R"]; fmt.Sprint(told.Value) != "map[/JS:u:hidden from old readers /S:/JavaScript]" {
		t.Errorf("qpdf has %v", told.Value)
	}
}

// TestXRefs: cross-references that are not as they should be, but good enough.
func TestXRefs(t *testing.T) {
	good := minimal("").object(4, "(four)").finish()
	for _, c := range []struct {
		name    string
		content []byte
	}{
		{"as they should be", good},
		{"a table that begins with 1", replaced(good, "xref\n0 1\n", "xref\n1 1\n")},
		{"a count that is too large", replaced(good, "\n4 1\n", "\n4 9\n")},
		{"a count that is too small", replaced(good, "\n4 1\n", "\n4 0\n")},
		{"lines without blanks at their end", bytes.ReplaceAll(good, []byte(" n \n"), []byte(" n\n"))},
		{"an entry that points at white space", replaced(good, fmt.Sprintf("%010d", bytes.Index(good, []byte("4 0 obj"))), fmt.Sprintf("%010d", bytes.Index(good, []byte("4 0 obj"))-1))},
		{"startxref that points at white space", replaced(good, fmt.Sprint("startxref\n", bytes.Index(good, []byte("xref\n"))), fmt.Sprint("startxref\n", bytes.Index(good, []byte("xref\n"))-1))},
		{"offsets that count from the header", append([]byte("in front"), good...)},
		{"another generation", bytes.ReplaceAll(good, []byte(" 00000 n"), []byte(" 00001 n"))},
		{"a second startxref that leads nowhere", append(bytes.Clone(good), "startxref\n7\n%%EOF"...)},
		{"no white space behind startxref", replaced(good, "startxref\n", "startxref")},
	} {
		d := openBytes(t, c.content)
		if got := Text(d.object(4), 100); got != "(four)" || d.rebuilt || len(d.lost) > 0 || len(d.spare) > 0 {
			t.Errorf("%s: %s, rebuilt %v, lost %v, spare %v", c.name, got, d.rebuilt, d.lost, d.spare)
		}
	}
}
