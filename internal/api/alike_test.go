package api

import (
	"strings"
	"testing"
	"time"

	"lazuli/internal/index"
)

func TestTagsAndSimilar(t *testing.T) {
	p, server := newAPI(t)
	rare := index.Feature{Name: "rare", Type: "string", Value: "both"}
	doc := func(letter string) index.Document {
		return index.Document{ID: letter, SHA256: strings.Repeat(letter, 64), MD5: strings.Repeat(letter, 32), Action: "sourced", Author: index.Author{Name: "user"}, SourceName: "s",
			Timestamp: time.Now(), Path: []index.PathNode{{SHA256: strings.Repeat(letter, 64)}}, Features: []index.Feature{rare}}
	}
	if err := p.idx.Apply(t.Context(), index.Batch{Documents: []index.Document{doc("1"), doc("2")}, Tags: []index.Tag{{ID: "t", Name: "old", SHA256: strings.Repeat("1", 64), Owner: "me", Time: time.Now()}}}); err != nil {
		t.Fatal(err)
	}
	one, two := "/api/v1/binaries/"+strings.Repeat("1", 32), strings.Repeat("2", 64)
	for _, c := range []struct {
		method, path string
		code         int
		want         string
	}{
		{"GET", one + "/tags", 200, `"tag":"old"`},
		{"PUT", one + "/tags/apt-1", 200, `"sha256":"1111`}, // the stand-in for ingest does nothing
		{"PUT", one + "/tags/No%20tag", 400, "must be 1 to 25"},
		{"DELETE", one + "/tags/never", 200, `"tag":"old"`},
		{"PUT", "/api/v1/binaries/" + strings.Repeat("9", 64) + "/tags/x", 404, "no such file"},
		{"GET", one + "/similar", 200, `"file":{"sha256":"` + two + `"`},
		{"GET", one + "/similar", 200, `"scores":{"features":100}`},
		{"GET", one + "/similar?limit=0", 422, "limit"},
		{"GET", "/api/v1/binaries/" + strings.Repeat("9", 64) + "/similar", 404, "no such file"},
	} {
		if code, body := call(t, c.method, server.URL+c.path, ""); code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, body)
		}
	}
}
