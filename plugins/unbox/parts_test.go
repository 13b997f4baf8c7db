package unbox

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/internal/identify/zoo"
	"lazuli/plugin/plugintest"
)

// TestPartsUnpack: archives of other programs reach their part, and come out as they were.
func TestPartsUnpack(t *testing.T) {
	dir, want := filesToPack(t)
	must(os.Remove(filepath.Join(dir, "folder", "link")))
	var names []string
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, c := range []struct{ part, kind, ending, command string }{
		{"cab", "cab", "cab", "gcab -c -n -z OUT"}, {"arj", "arj", "arj", "arj a -y OUT"}, {"arj", "arj", "arj", "arj a -y -gsecret OUT"},
		{"sevenzip", "iso", "iso", "genisoimage -quiet -R -o OUT -graft-points"},
	} {
		t.Run(c.command, func(t *testing.T) {
			args := strings.Fields(c.command)
			path := filepath.Join(t.TempDir(), "x."+c.ending)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "OUT", path)
			}
			files := names
			if c.kind == "iso" {
				files = []string{"folder=folder"}
			}
			plugintest.Output(t, dir, nil, plugintest.Tool(t, args[0]), append(args[1:], files...)...)
			packed, err := os.ReadFile(path)
			must(err)
			all := plugintest.Run(t, New(DefaultLimits()), packed, plugintest.Format(identified(packed)), plugintest.Setting("passwords", "wrong\nsecret"))
			if len(all.Parts) != 1 || all.Parts[0].Part != c.part {
				t.Fatalf("%s: %s", identified(packed), all.Text())
			}
			out := &all.Parts[0].Outcome
			got := map[string]bool{}
			for _, child := range out.Children {
				got[childContent(t, child)] = true
			}
			for name, content := range want {
				if !got[content] {
					t.Errorf("%s is missing: %s %s", name, out.State, out.Message)
				}
			}
			if out.State != event.Completed || !slices.Equal(values(out, "box_type"), []string{c.kind}) {
				t.Errorf("%s %s, box_type %q", out.State, out.Message, values(out, "box_type"))
			}
			if locked := strings.Contains(c.command, "secret"); locked != slices.Equal(values(out, "password"), []string{"secret"}) {
				t.Errorf("opened by %q", values(out, "password"))
			}
		})
	}
}

// pdfWith is a document with an embedded file and a script that runs when it is opened.
func pdfWith(content string) []byte {
	return pdfOf(
		"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a.txt) 3 0 R]>>>>/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>",
		"<</Type/Pages/Kids[]/Count 0>>",
		"<</Type/Filespec/F(a.txt)/EF<</F 4 0 R>>>>",
		fmt.Sprintf("<</Type/EmbeddedFile/Length %d>>\nstream\n%s\nendstream", len(content), content),
	)
}

// pdfOf is a document of objects, of which the first is the catalog.
func pdfOf(objects ...string) []byte {
	b := "%PDF-1.7\n"
	var offsets []int
	for i, text := range objects {
		offsets = append(offsets, len(b))
		b += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+1, text)
	}
	at := len(b)
	b += fmt.Sprintf("xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		b += fmt.Sprintf("%010d 00000 n \n", o)
	}
	return []byte(b + fmt.Sprintf("trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, at))
}

// scriptedPDF has scripts that are set off in every way, and something behind its end.
func scriptedPDF() []byte {
	const form = `<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template xmlns="http://www.xfa.org/schema/xfa-template/2.8/"><subform>` +
		`<event activity="initialize"><script contentType="application/x-formcalc">Sum(1)</script></event></subform></template></xdp:xdp>`
	content := pdfOf(
		"<</Type/Catalog/Pages 2 0 R/Names<</JavaScript<</Names[(init) 3 0 R]>>>>/OpenAction 4 0 R/AcroForm<</XFA 6 0 R>>>>",
		"<</Type/Pages/Kids[5 0 R]/Count 1>>",
		"<</S/JavaScript/JS(names\\(\\))>>",
		"<</S/JavaScript/JS 7 0 R>>",
		"<</Type/Page/Parent 2 0 R/AA<</O<</S/JavaScript/JS(page\\(\\))>>>>>>",
		fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(form), form),
		"<</Length 6>>\nstream\nopen()\nendstream",
		"<</S/JavaScript/JS(nobody\\(\\))>>",
		"<</Length 5>>\nstream\nother\nendstream",
	)
	return append(content, "hidden behind the end"...)
}

func TestPDFParts(t *testing.T) {
	out := run(t, pdfWith("what is embedded"), "document/pdf")
	got := slices.Collect(maps.Values(contents(t, out)))
	if contents(t, out)["a.txt"] != "what is embedded" || !slices.Contains(got, "app.alert(1)") || len(values(out, "pdf_object_dictionary")) == 0 {
		t.Errorf("%s %s with %q", out.State, out.Message, got)
	}
	for _, c := range out.Children {
		if c.Relationship["action"] != "extracted" || c.Relationship["object_id"] == "" {
			t.Errorf("relationship %v", c.Relationship)
		}
	}
}

// TestOrdinaryPrograms: a program with nothing packed in it has no status of any part.
func TestOrdinaryPrograms(t *testing.T) {
	for _, name := range []string{"pe32", "elf64 static", "elf64 library"} {
		s := zoo.Find(name)
		out := plugintest.Run(t, New(DefaultLimits()), s.Content, plugintest.Format(s.Want.Format))
		if out.State != event.OptOut || out.Error != "wrong_file_type" || len(out.Parts) > 0 {
			t.Errorf("%s: %s", name, out.Text())
		}
	}
}
