package web

import (
	"fmt"
	"strings"
	"testing"

	"lazuli/internal/api/azul"
	"lazuli/internal/index"
)

// inside is a file that was found in another.
func inside(container, sha256, name, format string) index.Document {
	d := document(sha256, name)
	d.ID, d.Action, d.Author.Name, d.FileFormat = container+sha256, "extracted", "Unbox", format
	d.Path = []index.PathNode{{SHA256: container}, {SHA256: sha256, Filename: name, FileFormat: format, Relationship: map[string]string{"action": "extracted"}}}
	return d
}

// TestNear: of much that is inside a file the page shows what runs first, and leads to the rest.
func TestNear(t *testing.T) {
	p, server := newSite(t)
	batch := index.Batch{Documents: []index.Document{document(sha("4"), "big.zip")}}
	for i := range 30 {
		batch.Documents = append(batch.Documents, inside(sha("4"), fmt.Sprintf("%064x", i), fmt.Sprintf("file%02d.txt", i), "text/plain"))
	}
	batch.Documents = append(batch.Documents, inside(sha("4"), sha("5"), "zzz.exe", "executable/windows/pe32"))
	p.apply(batch, "")
	path := "/file/" + sha("4")
	page := ok(t, server, path)
	_, list, _ := strings.Cut(page, `id="inside"`)
	if exe, text := strings.Index(list, "zzz.exe"), strings.Index(list, "file00.txt"); exe < 0 || exe > text || strings.Contains(list, "file29.txt") || !strings.Contains(list, `href="`+path+`?near=all#inside">and 11 more<`) {
		t.Errorf("the program is not the first of a part of them: %.3000s", list)
	}
	if !strings.Contains(page, fmt.Sprintf(`aria-label="%d files and %d links between them"`, drawnLinks+1, drawnLinks)) || !strings.Contains(page, "+23 more") {
		t.Error("the drawing is not small")
	}
	if page := ok(t, server, path+"?near=all"); strings.Count(page, `.txt</a> <code class="quiet">`) != 30 || strings.Contains(page, "more</a></p>") {
		t.Error("not all")
	}
	if page := ok(t, server, path+"/graph"); strings.Count(page, `<g class="node`) <= drawnLinks+1 {
		t.Error("the page of the graph is no larger")
	}
	if page := ok(t, server, "/file/"+sha("5")); !strings.Contains(page, `>big.zip</a> <code class="quiet">44444444444…</code></td>`) {
		t.Error("the container has no name")
	}
}

func TestNamedRoot(t *testing.T) {
	p, server := newSite(t)
	d := inside(sha("4"), sha("5"), "a.txt", "text/plain")
	d.SourceSecurity = "TLP:AMBER " + nasty
	p.apply(index.Batch{Documents: []index.Document{document(sha("4"), nasty), d}}, "")
	page := ok(t, server, "/file/"+sha("5"))
	if !strings.Contains(page, `1 level inside <a href="/file/`+sha("4")+`" title="`+sha("4")+`">&lt;script&gt;`) || !strings.Contains(page, `title="the label of this submission">TLP:AMBER &lt;`) {
		t.Errorf("what was submitted has no name, or no label: %s", page)
	}
}

// TestFewer: what is drawn hangs together, and the file itself is always in it.
func TestFewer(t *testing.T) {
	var ties []azul.Tie
	for i := range 20 {
		ties = append(ties, azul.Tie{Parent: "top", Child: fmt.Sprint("text", i), Format: "text/plain"}, azul.Tie{Parent: fmt.Sprint("text", i), Child: fmt.Sprint("in", i)})
	}
	ties = append(ties, azul.Tie{Parent: "top", Child: "middle", Format: "image/png"}, azul.Tie{Parent: "middle", Child: "run", Format: "executable/x"})
	got := fewer(ties, "middle")
	linked := map[string]bool{"middle": true}
	for again := true; again; {
		again = false
		for _, tie := range got {
			if linked[tie.Parent] != linked[tie.Child] {
				linked[tie.Parent], linked[tie.Child], again = true, true, true
			}
		}
	}
	n := 0
	for _, tie := range got {
		if !linked[tie.Child] || !linked[tie.Parent] {
			t.Errorf("%s hangs in the air", tie.Child)
		}
		if tie.Parent == "top" {
			n++
		}
	}
	if n != drawnLinks || !linked["top"] || !linked["run"] || len(got) >= len(ties) {
		t.Errorf("%d links of the top, %d of all", n, len(got))
	}
}
