// Package indextest is the suite that every Index passes.
package indextest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// Run runs the suite. open returns an empty index, which the suite closes.
func Run(t *testing.T, open func(t *testing.T) index.Index) {
	for name, test := range map[string]func(*testing.T, *bench){
		"Document": document, "Replace": replace, "Removal": removal, "Facts": facts, "AnyOrder": anyOrder, "StatusOrder": statusOrder,
		"StatusVersions": statusVersions, "Links": links, "Snapshot": snapshot, "Bounds": bounds,
		"Search": search, "Paging": paging, "Offsets": offsets, "Lists": lists, "Dead": dead, "Unknown": unknown,
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{t: t, idx: open(t)}
			defer b.end()
			test(t, b)
		})
	}
	t.Run("Scripts", func(t *testing.T) { scripts(t, open) })
}

// end verifies and closes the index.
func (b *bench) end() {
	if err := b.idx.Verify(context.Background(), func(fault string) { b.t.Error(fault) }); err != nil {
		b.t.Error(err)
	}
	if err := b.idx.Close(); err != nil {
		b.t.Error(err)
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
	got, err := b.idx.Binary(b.t.Context(), index.Everyone, hash)
	if err != nil {
		b.t.Fatalf("%s: %v", hash, err)
	}
	return got
}

// dump is all that is known of a file, as text.
func (b *bench) dump(hash string) string {
	b.t.Helper()
	text, err := json.MarshalIndent(b.binary(hash), "", " ")
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// find returns the first letters of what a query finds.
func (b *bench) find(text string) string {
	b.t.Helper()
	expr, err := query.Parse(text, time.Now())
	if err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
	page, err := b.idx.Search(b.t.Context(), index.Everyone, expr, index.SearchOptions{Limit: 100})
	if err != nil {
		b.t.Fatalf("%s: %v", text, err)
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
	return index.Document{ID: id, SHA256: sha(letter), Position: "topic/0/" + id, Action: "sourced", Author: index.Author{Name: "user"}, Timestamp: at(second),
		SourceName: "src", SourceTimestamp: at(second), SourceReferences: map[string]string{"k": "v"},
		Path: []index.PathNode{{SHA256: sha(letter), Action: "sourced", Filename: "file-" + letter, Timestamp: at(second)}},
		Size: int64(second * 1000), MD5: strings.Repeat(letter, 32), SHA1: strings.Repeat(letter, 40), FileFormat: "text/plain", MIME: "text/plain",
		Features: features, Streams: []index.Stream{{Label: "content", SHA256: sha(letter), Size: int64(second * 1000)}}}
}

// result makes a document that a plugin's run made of a file.
func result(id, letter, plugin, input, run string, second int, features ...index.Feature) index.Document {
	d := doc(id, letter, second, features...)
	d.Action, d.Author.Name, d.Author.Version, d.Input, d.Run = "enriched", plugin, "1", input, run
	d.Streams, d.Info = nil, json.RawMessage(`{"run":"`+run+`"}`)
	d.Path = append(d.Path, index.PathNode{SHA256: sha(letter), Action: "enriched", Author: index.Author{Name: plugin}})
	return d
}

func status(id, letter, plugin, input, run, state string, second int) index.StatusDocument {
	return index.StatusDocument{ID: id, SHA256: sha(letter), Author: index.Author{Name: plugin, Version: "1"}, Input: input, Run: run, State: state, Timestamp: at(second), SourceName: "src"}
}

func feature(name, value string) index.Feature {
	return index.Feature{Name: name, Type: "string", Value: value}
}
