// Package indextest is the suite that every Index passes.
package indextest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/internal/index"
)

// Run runs the suite. open returns an empty index, which the suite closes.
func Run(t *testing.T, open func(t *testing.T) index.Index) {
	for name, test := range map[string]func(*testing.T, *bench){
		"Document": document, "Replace": replace, "Runs": runs, "Links": links, "Statuses": statuses, "Search": search, "Paging": paging,
		"Offsets": offsets, "Lists": lists, "Unknown": unknown,
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{t: t, idx: open(t)}
			defer func() {
				if err := b.idx.Verify(t.Context(), func(fault string) { t.Error(fault) }); err != nil {
					t.Error(err)
				}
				if err := b.idx.Close(); err != nil {
					t.Error(err)
				}
			}()
			test(t, b)
		})
	}
}

type bench struct {
	t   *testing.T
	idx index.Index
}

func (b *bench) apply(batch index.Batch) {
	b.t.Helper()
	if err := b.idx.Apply(b.t.Context(), batch); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) binary(hash string) *index.Binary {
	b.t.Helper()
	got, err := b.idx.Binary(b.t.Context(), hash)
	if err != nil {
		b.t.Fatalf("%s: %v", hash, err)
	}
	return got
}

// find returns the first letters of what a query finds.
func (b *bench) find(query string) string {
	b.t.Helper()
	expr, err := index.Parse(query)
	if err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	page, err := b.idx.Search(b.t.Context(), expr, 100, "")
	if err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	var found []string
	for _, h := range page.Hits {
		found = append(found, h.SHA256[:1])
	}
	slices.Sort(found)
	return strings.Join(found, "")
}

// sha makes a SHA-256 out of a letter.
func sha(letter string) string { return strings.Repeat(letter, 64) }

func at(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }

// doc makes a document of a submitted file.
func doc(id, letter string, second int, features ...index.Feature) index.Document {
	return index.Document{ID: id, SHA256: sha(letter), Position: "topic/0/" + id, Action: "sourced", AuthorName: "user", Timestamp: at(second),
		SourceName: "src", SourceTimestamp: at(second), SourceReferences: map[string]string{"k": "v"},
		Path: []index.PathNode{{SHA256: sha(letter), Action: "sourced", Filename: "file-" + letter, Timestamp: at(second)}},
		Size: int64(second * 1000), MD5: strings.Repeat(letter, 32), SHA1: strings.Repeat(letter, 40), FileFormat: "text/plain", MIME: "text/plain",
		Features: features, Streams: []index.Stream{{Label: "content", SHA256: sha(letter), Size: int64(second * 1000)}}}
}

// result makes a document that a plugin's run made of a file.
func result(id, letter, plugin, input, run string, second int, features ...index.Feature) index.Document {
	d := doc(id, letter, second, features...)
	d.Action, d.AuthorName, d.AuthorVersion, d.Input, d.Run = "enriched", plugin, "1", input, run
	d.Streams, d.Info = nil, json.RawMessage(`{"run":"`+run+`"}`)
	d.Path = append(d.Path, index.PathNode{SHA256: sha(letter), Action: "enriched", AuthorName: plugin})
	return d
}

func status(id, letter, plugin, input, run, state string, second int) index.StatusDocument {
	return index.StatusDocument{ID: id, SHA256: sha(letter), Plugin: plugin, Version: "1", Input: input, Run: run, State: state, Timestamp: at(second), SourceName: "src"}
}

func feature(name, value string) index.Feature {
	return index.Feature{Name: name, Type: "string", Value: value}
}

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
	b.apply(index.Batch{Documents: []index.Document{{ID: "1"}}}) // a tombstone
	if _, err := b.idx.Binary(t.Context(), sha("a")); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("a removed file: %v", err)
	}
}

// runs: whatever the order of documents and statuses, a later run's results replace an earlier one's.
func runs(t *testing.T, b *bench) {
	steps := map[string]index.Batch{
		"old document": {Documents: []index.Document{result("d1", "a", "P", "in", "run1", 1, feature("f", "old"))}},
		"old status":   {Statuses: []index.StatusDocument{status("s1", "a", "P", "in", "run1", "completed", 2)}},
		"new document": {Documents: []index.Document{result("d2", "a", "P", "in", "run2", 3, feature("f", "new"))}},
		"new status":   {Statuses: []index.StatusDocument{status("s2", "a", "P", "in", "run2", "completed", 4)}},
		"other plugin": {Documents: []index.Document{result("d3", "a", "Q", "in", "run9", 1, feature("g", "q"))}},
	}
	names := []string{"old document", "old status", "new document", "new status", "other plugin"}
	tried := 0
	permute(names, func(order []string) {
		tried++
		b.apply(index.Batch{Documents: []index.Document{{ID: "d1"}, {ID: "d2"}, {ID: "d3"}}})
		for _, id := range []string{"s1", "s2"} { // forget the statuses' runs
			b.apply(index.Batch{Statuses: []index.StatusDocument{status(id, "z", "none", "", "", "completed", 0)}})
		}
		for _, name := range order {
			b.apply(steps[name])
		}
		got := b.binary(sha("a"))
		var values []string
		for _, f := range got.Features {
			values = append(values, f.Value)
		}
		if fmt.Sprint(values) != "[new q]" || string(got.Info["P"]) != `{"run":"run2"}` {
			t.Errorf("order %q: features %v, info %s", order, values, got.Info["P"])
		}
	})
	if tried != 120 {
		t.Errorf("%d orders were tried", tried)
	}
}

func permute(list []string, fn func([]string)) {
	var walk func(int)
	walk = func(k int) {
		if k == len(list) {
			fn(list)
			return
		}
		for i := k; i < len(list); i++ {
			list[k], list[i] = list[i], list[k]
			walk(k + 1)
			list[k], list[i] = list[i], list[k]
		}
	}
	walk(0)
}

func links(t *testing.T, b *bench) {
	child := doc("2", "b", 2)
	child.Action, child.AuthorName = "extracted", "Unbox"
	child.Path = []index.PathNode{{SHA256: sha("a"), Action: "sourced"}, {SHA256: sha("b"), Action: "extracted", AuthorName: "Unbox", Filename: "inner",
		Relationship: map[string]string{"action": "extracted"}}}
	enriched := result("3", "b", "Entropy", "2", "r", 3)
	enriched.Size = 0
	enriched.Path = append(slices.Clone(child.Path), index.PathNode{SHA256: sha("b"), Action: "enriched", AuthorName: "Entropy"})
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 1), child, enriched}})
	parent, inner := b.binary(sha("a")), b.binary(sha("b"))
	if len(parent.Children) != 1 || len(inner.Parents) != 1 || len(parent.Parents) != 0 || len(inner.Children) != 0 {
		t.Fatalf("children %+v, parents %+v", parent.Children, inner.Parents)
	}
	if c := parent.Children[0]; c.SHA256 != sha("b") || c.Plugin != "Unbox" || c.Relationship["action"] != "extracted" || c.Filename != "inner" || c.Size != 2000 {
		t.Errorf("child %+v", c)
	}
	if p := inner.Parents[0]; p.SHA256 != sha("a") || p.FileFormat != "text/plain" {
		t.Errorf("parent %+v", p)
	}
	if s := inner.Sources; len(s) != 1 || s[0].Depth != 1 || s[0].Root != sha("a") {
		t.Errorf("sources %+v", s)
	}
}

func statuses(t *testing.T, b *bench) {
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 1)}, Statuses: []index.StatusDocument{
		status("s", "a", "P", "1", "r", "heartbeat", 1), status("s", "a", "P", "1", "r", "completed", 2)}})
	b.apply(index.Batch{Statuses: []index.StatusDocument{status("s", "a", "P", "1", "r", "heartbeat", 3)}}) // comes late
	if got := b.binary(sha("a")).Statuses; len(got) != 1 || got[0].State != "completed" {
		t.Errorf("statuses %+v", got)
	}
}

func search(t *testing.T, b *bench) {
	image := doc("2", "b", 2, feature("tag", "red"), feature("filename", "Holiday Picture.PNG"))
	image.FileFormat, image.MIME, image.SourceName = "image/png", "image/png", "other"
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 1, feature("tag", "red"), feature("weird", `with "quotes" and \`)), image, doc("3", "c", 3)}})
	for query, want := range map[string]string{
		"":                                        "abc",
		sha("a"):                                  "a",
		strings.Repeat("b", 32):                   "b",
		"sha1:" + strings.Repeat("C", 40):         "c",
		"file_format:image/png":                   "b",
		"file_format:text/*":                      "ac",
		"file_format:text":                        "",
		"source.name:src":                         "ac",
		"source.name:src AND features.value:red":  "a",
		"features.name:tag features.value:red":    "ab",
		"features.name:ta*":                       "ab",
		`features.value:"with \"quotes\" and \\"`: "a",
		`filename:"Holiday Picture.PNG"`:          "b",
		"filename:file-*":                         "abc",
		"picture":                                 "b",
		"image/":                                  "b",
		"red":                                     "ab",
		"size:2000":                               "b",
		"size:>1kb":                               "bc",
		"size:<2000":                              "a",
		"mime:text/plain size:>2kb":               "c",
		"nothing":                                 "",
		"aaaa*":                                   "a",
	} {
		if got := b.find(query); got != want {
			t.Errorf("%s: found %q, want %q", query, got, want)
		}
	}
}

func paging(t *testing.T, b *bench) {
	var docs []index.Document
	for i, letter := range strings.Split("0123456789abcdef", "") {
		docs = append(docs, doc(letter, letter, i%4)) // several of one time
	}
	b.apply(index.Batch{Documents: docs})
	everything, err := index.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	last := at(100)
	for cursor, pages := "", 0; ; pages++ {
		page, err := b.idx.Search(t.Context(), everything, 5, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range page.Hits {
			if seen[h.SHA256] || h.LastSeen.After(last) {
				t.Errorf("%.4s again, or out of order", h.SHA256)
			}
			seen[h.SHA256], last = true, h.LastSeen
		}
		b.apply(index.Batch{Documents: []index.Document{doc(fmt.Sprint("new", pages), "e", 50)}}) // new files do not disturb
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) < 15 {
		t.Errorf("%d files in all pages", len(seen))
	}
	for _, bad := range []string{"x", "!!!", "AAAA"} {
		if _, err := b.idx.Search(t.Context(), everything, 5, bad); !errors.Is(err, index.ErrCursor) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
}

func offsets(t *testing.T, b *bench) {
	b.apply(index.Batch{Offsets: map[string]int64{"t/0": 5, "u/1": 7}})
	b.apply(index.Batch{Offsets: map[string]int64{"t/0": 6}})
	got, err := b.idx.Offsets(t.Context())
	if err != nil || got["t/0"] != 6 || got["u/1"] != 7 || len(got) != 2 {
		t.Errorf("%v %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.idx.Apply(ctx, index.Batch{Documents: []index.Document{doc("1", "a", 1)}, Offsets: map[string]int64{"t/0": 99}}); err == nil {
		t.Error("a cancelled transaction was applied")
	}
	if got, err := b.idx.Offsets(t.Context()); err != nil || got["t/0"] != 6 {
		t.Errorf("after a cancelled transaction: %v %v", got, err)
	}
}

func lists(t *testing.T, b *bench) {
	b.apply(index.Batch{
		Documents: []index.Document{doc("1", "a", 1, feature("f", "v"))},
		Plugins: []index.PluginDocument{{Name: "P", Version: "1", Description: "first", Timestamp: at(1)}, {Name: "P", Version: "1", Description: "second", Timestamp: at(2),
			Features: []index.PluginFeature{{Name: "f", Type: "string"}}}},
		Statuses: []index.StatusDocument{status("s1", "a", "P", "1", "r", "completed", 1), status("s2", "a", "P", "2", "r2", "opt-out", 1)},
		Dead:     []index.DeadLetter{{ID: "x", Plugin: "P", Reason: "why", Time: at(1)}, {ID: "y", Time: at(2)}, {ID: "x", Closed: true}},
	})
	plugins, err := b.idx.Plugins(t.Context())
	if err != nil || len(plugins) != 1 || plugins[0].Description != "second" || plugins[0].States["completed"] != 1 || plugins[0].States["opt-out"] != 1 || len(plugins[0].Features) != 1 {
		t.Errorf("plugins %+v %v", plugins, err)
	}
	dead, err := b.idx.DeadLetters(t.Context(), 10)
	if err != nil || len(dead) != 1 || dead[0].ID != "y" {
		t.Errorf("dead letters %+v %v", dead, err)
	}
	counts, err := b.idx.Counts(t.Context())
	if err != nil || counts != (index.Counts{Binaries: 1, Documents: 1, Features: 1, Statuses: 2, Dead: 1}) {
		t.Errorf("counts %+v %v", counts, err)
	}
}

func unknown(t *testing.T, b *bench) {
	b.apply(index.Batch{Statuses: []index.StatusDocument{status("s", "a", "P", "1", "r", "completed", 1)}})
	for _, hash := range []string{sha("a"), sha("b"), "", "xyz", "' OR 1=1 --"} {
		if _, err := b.idx.Binary(t.Context(), hash); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("%q: %v", hash, err)
		}
	}
}
