package indextest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"lazuli/internal/index"
)

func document(t *testing.T, b *bench) {
	offset, length := uint64(0), uint64(5)
	d := doc("1", "a", 1, index.Feature{Name: "f", Type: "string", Value: "v", Label: "l", Offset: &offset, Length: &length}, feature("filename", "other"))
	b.apply(index.Batch{Documents: []index.Document{d, d}})
	b.apply(index.Batch{Documents: []index.Document{d}}) // again changes nothing
	for _, hash := range []string{sha("a"), strings.ToUpper(sha("a")), strings.Repeat("a", 40), strings.Repeat("a", 32)} {
		got := b.binary(hash)
		if got.SHA256 != sha("a") || got.Size != 1000 || got.FileFormat != "text/plain" || !got.FirstSeen.Equal(at(1)) {
			t.Errorf("%s: %+v", hash, got)
		}
	}
	got := b.binary(sha("a"))
	if len(got.Features) != 2 || got.Features[0].Label != "l" || *got.Features[0].Offset != 0 || *got.Features[0].Length != 5 || got.Features[0].Plugin != "user" {
		t.Errorf("features %+v", got.Features)
	}
	if fmt.Sprint(got.Filenames) != "[file-a other]" || len(got.Sources) != 1 || got.Sources[0].References["k"] != "v" || got.Sources[0].Depth != 0 || got.Sources[0].Root != sha("a") {
		t.Errorf("names %v, sources %+v", got.Filenames, got.Sources)
	}
	if len(got.Streams) != 1 || got.Streams[0].Source != "src" || len(got.Events) != 1 || got.Events[0].Position != "topic/0/1" {
		t.Errorf("streams %+v, events %+v", got.Streams, got.Events)
	}
	text, err := json.Marshal(got)
	if err != nil || strings.Contains(string(text), "null") {
		t.Errorf("JSON %s %v", text, err)
	}
	second := doc("2", "a", 9)
	second.Size, second.FileFormat = 0, ""
	b.apply(index.Batch{Documents: []index.Document{second}})
	if got := b.binary(sha("a")); got.Size != 1000 || got.FileFormat != "text/plain" || !got.FirstSeen.Equal(at(1)) || !got.LastSeen.Equal(at(9)) || len(got.Sources) != 2 {
		t.Errorf("after a second sighting: %+v", got)
	}
}

func replace(t *testing.T, b *bench) {
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 1, feature("old", "x"))}})
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 2, feature("new", "y"))}})
	if got := b.binary(sha("a")); len(got.Features) != 1 || got.Features[0].Name != "new" {
		t.Errorf("features %+v", got.Features)
	}
	if b.find("features.name:old") != "" || b.find("features.name:new") != "a" {
		t.Error("search finds what was replaced")
	}
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 1, feature("older", "z"))}}) // read late, from another topic
	if got := b.binary(sha("a")); len(got.Features) != 1 || got.Features[0].Name != "new" {
		t.Errorf("an older document replaces a newer one: %+v", got.Features)
	}
	b.apply(index.Batch{Documents: []index.Document{doc("1", "b", 3)}}) // about another file now
	if _, err := b.idx.Binary(t.Context(), index.Everyone, sha("a")); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("a file that no document is about: %v", err)
	}
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 4)}})
	b.apply(index.Batch{Documents: []index.Document{{ID: "1"}}}) // a tombstone
	if _, err := b.idx.Binary(t.Context(), index.Everyone, sha("a")); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("a removed file: %v", err)
	}
}

// removal: nothing of a removed document stays, neither what it said of its file nor its links, times and words.
func removal(t *testing.T, b *bench) {
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 5)}})
	before := b.dump(sha("a"))
	extra := doc("2", "a", 9, feature("f", "v"))
	extra.FileFormat, extra.Magic, extra.Size, extra.SourceName = "other/format", "other magic", 77, "elsewhere"
	extra.Streams = append(extra.Streams, index.Stream{Label: "text", SHA256: sha("d")})
	extra.Path = append([]index.PathNode{{SHA256: sha("b")}}, extra.Path...)
	extra.Path[1].Filename = "extra"
	b.apply(index.Batch{Documents: []index.Document{extra}})
	if got := b.binary(sha("a")); got.FileFormat != "other/format" || got.Size != 77 || got.Magic != "other magic" || !got.LastSeen.Equal(at(9)) || len(got.Parents) != 1 {
		t.Errorf("the newest statement does not count: %+v", got)
	}
	b.apply(index.Batch{Documents: []index.Document{{ID: "2"}}})
	if after := b.dump(sha("a")); after != before {
		t.Errorf("something stays:\n%s\nwas\n%s", after, before)
	}
	for _, query := range []string{"features.name:f", "features.value:v", "source.name:elsewhere", "filename:extra", "file_format:other/format", "size:77"} {
		if got := b.find(query); got != "" {
			t.Errorf("%s finds %s", query, got)
		}
	}
	b.apply(index.Batch{Documents: []index.Document{{ID: "2"}, {ID: "never there"}}})
}

// facts: of each fact the newest statement counts, and one that says nothing leaves it.
func facts(t *testing.T, b *bench) {
	first, second, third := doc("1", "a", 1), doc("2", "a", 2), doc("3", "a", 3)
	first.Magic, first.SSDeep = "first", "3:abc:d"
	second.FileFormat, second.Magic = "image/png", "second"
	third.Size, third.FileFormat, third.MD5, third.SHA1, third.MIME = 0, "", "", "", ""
	permute([]index.Document{first, second, third}, func(order []index.Document) {
		b.apply(index.Batch{Documents: []index.Document{{ID: "1"}, {ID: "2"}, {ID: "3"}}})
		for _, d := range order {
			b.apply(index.Batch{Documents: []index.Document{d}})
		}
		got := b.binary(sha("a"))
		if got.Magic != "second" || got.FileFormat != "image/png" || got.SSDeep != "3:abc:d" || got.Size != 2000 || got.MD5 != strings.Repeat("a", 32) ||
			!got.FirstSeen.Equal(at(1)) || !got.LastSeen.Equal(at(3)) {
			t.Errorf("order %s %s %s: %+v", order[0].ID, order[1].ID, order[2].ID, got)
		}
	})
}

// snapshot: whoever reads while something is written sees all of a batch or nothing.
func snapshot(t *testing.T, b *bench) {
	one := func(version string) []index.Document {
		return []index.Document{doc("1", "a", 1, feature("x", version), feature("y", version)), doc("2", "a", 1, feature("z", version))}
	}
	b.apply(index.Batch{Documents: one("0")})
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				got, err := b.idx.Binary(t.Context(), index.Everyone, sha("a"))
				if err != nil {
					t.Error(err)
					return
				}
				if f := got.Features; len(f) != 3 || f[0].Value != f[1].Value || f[1].Value != f[2].Value {
					t.Errorf("half a batch: %+v", f)
					return
				}
			}
		})
	}
	for i := range 50 {
		b.apply(index.Batch{Documents: one(fmt.Sprint(i))})
	}
	close(done)
	readers.Wait()
}

// bounds: lists are cut, and nothing else is lost by it.
func bounds(t *testing.T, b *bench) {
	many := doc("1", "a", 1)
	for i := range 10_050 {
		many.Features = append(many.Features, feature("f", fmt.Sprintf("%06d", i)))
	}
	b.apply(index.Batch{Documents: []index.Document{many}})
	if got := b.binary(sha("a")).Features; len(got) != 10_000 || got[0].Value != "000000" || got[9999].Value != "009999" {
		t.Errorf("%d features", len(got))
	}
	if b.find("features.value:010049") != "a" {
		t.Error("what is not shown is not found")
	}
	var batch index.Batch
	for i := range 1_100 {
		batch.Statuses = append(batch.Statuses, status(fmt.Sprint(i), "a", "A", fmt.Sprint(i), "r", "completed", 1))
	}
	batch.Statuses = append(batch.Statuses, status("z", "a", "Z", "z", "r", "opt-out", 1))
	b.apply(batch)
	if got := b.binary(sha("a")).Statuses; len(got) != 2 || got[1].Plugin != "Z" {
		t.Errorf("many statuses of one plugin hide another's: %d %+v", len(got), got)
	}
}

// parentNames: a parent has its own name, whichever of its nodes says it and however the file inside is called; parents are listed by it.
func parentNames(t *testing.T, b *bench) {
	var batch index.Batch
	want := []string{"", "first.zip", "second.zip", "third.zip"}
	for i, name := range []string{"third.zip", "second.zip", "", "first.zip"} {
		in := sha(string("5678"[i]))
		d := doc(fmt.Sprint("in", i), "d", i+1)
		d.Path = []index.PathNode{{SHA256: sha("a"), Filename: "top"}, {SHA256: in, Action: "extracted", Filename: name}, {SHA256: in, Action: "enriched"},
			{SHA256: sha("d"), Action: "extracted", Filename: fmt.Sprint("inner", i)}}
		batch.Documents = append(batch.Documents, d)
	}
	b.apply(batch)
	var all []index.Link
	for cursor := ""; len(all) == 0 || cursor != ""; {
		page, err := b.idx.Parents(t.Context(), index.Everyone, sha("d"), 1, cursor)
		if err != nil || len(page.Links) != 1 {
			t.Fatalf("%+v %v", page, err)
		}
		all, cursor = append(all, page.Links...), page.Next
	}
	for i, list := range [][]index.Link{all, b.binary(sha("d")).Parents} {
		var names []string
		for _, l := range list {
			names = append(names, l.Filename)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%d: parents are called %q, want %q", i, names, want)
		}
	}
}

func links(t *testing.T, b *bench) {
	child := doc("2", "b", 2)
	child.Action, child.Author.Name = "extracted", "Unbox"
	child.Path = []index.PathNode{{SHA256: sha("a"), Action: "sourced", Filename: "outer.zip"}, {SHA256: sha("b"), Action: "extracted", Author: index.Author{Name: "Unbox"}, Filename: "inner",
		Relationship: map[string]string{"action": "extracted"}}}
	enriched := result("3", "b", "Entropy", "2", "r", 3)
	enriched.Size = 0
	enriched.Path = append(slices.Clone(child.Path), index.PathNode{SHA256: sha("b"), Action: "enriched", Author: index.Author{Name: "Entropy"}})
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 1), child, enriched}})
	parent, inner := b.binary(sha("a")), b.binary(sha("b"))
	if len(parent.Children) != 1 || len(inner.Parents) != 1 || len(parent.Parents) != 0 || len(inner.Children) != 0 {
		t.Fatalf("children %+v, parents %+v", parent.Children, inner.Parents)
	}
	if c := parent.Children[0]; c.SHA256 != sha("b") || c.Plugin != "Unbox" || c.Relationship["action"] != "extracted" || c.Filename != "inner" || c.Size != 2000 {
		t.Errorf("child %+v", c)
	}
	if p := inner.Parents[0]; p.SHA256 != sha("a") || p.Filename != "outer.zip" || p.FileFormat != "text/plain" {
		t.Errorf("parent %+v", p)
	}
	orphan := doc("4", "c", 4)
	orphan.Path = []index.PathNode{{SHA256: sha("9")}, {SHA256: sha("c"), Action: "mapped"}}
	b.apply(index.Batch{Documents: []index.Document{orphan}})
	if p := b.binary(sha("c")).Parents; len(p) != 1 || p[0].SHA256 != sha("9") || p[0].Relationship == nil {
		t.Errorf("a parent that is not known: %+v", p)
	}
	parentNames(t, b)
	if s := inner.Sources; len(s) != 1 || s[0].Depth != 1 || s[0].Root != sha("a") {
		t.Errorf("sources %+v", s)
	}
}

func unknown(t *testing.T, b *bench) {
	b.apply(index.Batch{Statuses: []index.StatusDocument{status("s", "a", "P", "1", "r", "completed", 1)}})
	for _, hash := range []string{sha("a"), sha("b"), "", "xyz", "' OR 1=1 --"} {
		if _, err := b.idx.Binary(t.Context(), index.Everyone, hash); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("%q: %v", hash, err)
		}
	}
}
