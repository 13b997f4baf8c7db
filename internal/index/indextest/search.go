package indextest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

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
		"filename:file-a":                         "a",
		"features.name:tag filename:file-*":       "ab",
		"features.value:*":                        "ab",
		"md5:" + strings.Repeat("c", 31) + "*":    "c",
		"100%":                                    "",
		`"' OR 1=1 --"`:                           "",
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
	everything, err := query.Parse("", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	last := at(100)
	for cursor, pages := "", 0; ; pages++ {
		page, err := b.idx.Search(t.Context(), index.Everyone, everything, index.SearchOptions{Limit: 5, Cursor: cursor})
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
		if _, err := b.idx.Search(t.Context(), index.Everyone, everything, index.SearchOptions{Limit: 5, Cursor: bad}); !errors.Is(err, index.ErrCursor) {
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
	plugins, err := b.idx.Plugins(t.Context(), index.Everyone)
	if err != nil || len(plugins) != 1 || plugins[0].Description != "second" || plugins[0].States["completed"] != 1 || plugins[0].States["opt-out"] != 1 || len(plugins[0].Features) != 1 {
		t.Errorf("plugins %+v %v", plugins, err)
	}
	nobody := index.Reader{See: func(string) bool { return false }}
	if _, err := b.idx.PluginStatuses(t.Context(), nobody, "P", "1", 1); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("statuses of a plugin that the reader may not know of: %v", err)
	}
	dead, err := b.idx.DeadLetters(t.Context(), 10, "")
	if err != nil || len(dead.Dead) != 1 || dead.Dead[0].ID != "y" || dead.Next != "" {
		t.Errorf("dead letters %+v %v", dead, err)
	}
	counts, err := b.idx.Counts(t.Context())
	if err != nil || counts != (index.Counts{Binaries: 1, Documents: 1, Features: 1, Statuses: 2, Dead: 1}) {
		t.Errorf("counts %+v %v", counts, err)
	}
	b.apply(index.Batch{Statuses: []index.StatusDocument{{ID: "s1"}, {ID: "none"}}})
	if counts, err := b.idx.Counts(t.Context()); err != nil || counts.Statuses != 1 {
		t.Errorf("after the removal of a status: %+v %v", counts, err)
	}
}
