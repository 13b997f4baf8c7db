package api

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"lazuli/internal/index"
)

// TestComplete: a | is the cursor. What is offered first, put in place, gives the query behind the arrow.
func TestComplete(t *testing.T) {
	p, server := newAPI(t)
	doc := func(sha, source, name string, features ...index.Feature) index.Document {
		return index.Document{ID: sha, SHA256: strings.Repeat(sha, 64), Action: "sourced", Author: index.Author{Name: "user"}, SourceName: source, Timestamp: time.Now(),
			FileFormat: "archive/zip", Path: []index.PathNode{{SHA256: strings.Repeat(sha, 64), Filename: name}}, Features: features}
	}
	err := p.idx.Apply(t.Context(), index.Batch{
		Documents: []index.Document{doc("1", "mail", "two words.zip", index.Feature{Name: "odd name", Type: "string", Value: `say "x"`}), doc("2", "mail", "Other.zip"),
			doc("3", "mailbox", "🙂 face.zip", index.Feature{Name: "domain", Type: "string", Value: "evil.example"})},
		Tags: []index.Tag{{ID: "t", Name: "apt-1", SHA256: strings.Repeat("1", 64), Owner: "me", Time: time.Now()}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ query, want, detail string }{
		{"|", "filename:", "a name that the file was seen under"},
		{"size:>1 |", "size:>1 filename:", "a name that the file was seen under"},
		{"source.na|", "source.name:", "the source into which the file, or what it was extracted from, was submitted"},
		{"source.n|am:mail", "source.name:mail", ""},
		{"source.name:|", "source.name:mail", "2 files"},
		{"source.name:mailb|", "source.name:mailbox", "1 file"},
		{`source.name:"m|`, `source.name:"mail"`, "2 files"},
		{"🙂 source.name:mailb| x", "🙂 source.name:mailbox x", "1 file"},
		{"filename:tw|", "filename:'two words.zip'", "1 file"},
		{"filename:'🙂|", "filename:'🙂 face.zip'", "1 file"},
		{"features_map.d|", "features_map.domain:", "a feature of 1 file"},
		{"features_map.domain:e|", "features_map.domain:evil.example", "1 file"},
		{`features_map.o|`, `"features_map.odd name":`, "a feature of 1 file"},
		{`"features_map.odd name":|`, `"features_map.odd name":'say "x"'`, "1 file"},
		{"binary.tag:a|", "binary.tag:apt-1", "1 file"},
		{"othe|", "filename:Other.zip", "1 file"},
		{"timestamp:|", "timestamp:>now-1d", "in the last day"},
		{"sha256:1|", "", ""},
		{"a) b|", "", ""},
	} {
		before, after, _ := strings.Cut(c.query, "|")
		text := before + after
		code, body := call(t, "GET", server.URL+"/api/v1/search/complete?"+url.Values{"q": {text}, "at": {strconv.Itoa(len(utf16.Encode([]rune(before))))}}.Encode(), "")
		var got completions
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 {
			t.Fatalf("%s: %d %s", c.query, code, body)
		}
		if c.want == "" {
			if len(got.Items) != 0 {
				t.Errorf("%s: %+v", c.query, got)
			}
			continue
		}
		if len(got.Items) == 0 {
			t.Errorf("%s: nothing is offered", c.query)
			continue
		}
		units := utf16.Encode([]rune(text))
		done := string(utf16.Decode(units[:got.From])) + got.Items[0].Insert + string(utf16.Decode(units[got.To:]))
		if done != c.want || c.detail != "" && got.Items[0].Detail != c.detail {
			t.Errorf("%s became %s (%s), want %s (%s)", c.query, done, got.Items[0].Detail, c.want, c.detail)
		}
	}
	for _, at := range []string{"-1", "1000000"} {
		if code, body := call(t, "GET", server.URL+"/api/v1/search/complete?q=source.name:mailb&at="+at, ""); code != 200 || !strings.Contains(body, "mailbox") {
			t.Errorf("at %s: %d %s", at, code, body)
		}
	}
}
