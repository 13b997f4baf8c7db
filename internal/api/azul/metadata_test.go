package azul

import (
	"encoding/json"
	"testing"

	"lazuli/internal/index"
)

func offset(n uint64) *uint64 { return &n }

// TestMetadata: what several authors say of a file is put together.
func TestMetadata(t *testing.T) {
	own := submission("a", sha("1"), 0, "LOW TLP:CLEAR")
	inner := result("b", submission("p", sha("2"), 1, "HIGH REL:A"), 2, "extracted", sha("1"), index.Feature{Name: "filename", Type: "filepath", Value: "a.txt"})
	inner.Author.Name = "Unbox"
	found := result("c", own, 3, "enriched", sha("1"),
		index.Feature{Name: "word", Type: "string", Value: "x", Label: "one", Offset: offset(4), Length: offset(2)},
		index.Feature{Name: "word", Type: "string", Value: "x", Label: "two", Offset: offset(9)},
		index.Feature{Name: "word", Type: "integer", Value: "x"})
	found.Info = json.RawMessage(` {"a":1}`)
	odd := found
	odd.Author.Version, odd.Info, odd.Features = "2.0", json.RawMessage(`[1]`), nil

	for _, c := range []struct {
		name string
		docs []index.Document
		o    metadataOptions
		want string
	}{
		{"nothing but a submission", []index.Document{own}, metadataOptions{details: []string{"documents", "security", "sources"}, bucket: 100},
			`{"documents":{"count":1,"newest":"2025-05-01T10:00:00Z"},"security":["LOW TLP:CLEAR"],"sources":[{"source":"samples","direct":[{"security":"LOW TLP:CLEAR","name":"samples",
			"timestamp":"2025-05-01T10:00:00Z","references":{"user":"bob"},"settings":{},"track_source_references":"samples.00000000000000000000000000000000"}],"indirect":[]}]}`},
		{"inside another", []index.Document{inner, own}, metadataOptions{details: []string{"sources", "instances"}, bucket: 100},
			`{"documents":{"count":2,"newest":"2025-05-01T10:02:00Z"},"sources":[{"source":"samples",
			"direct":[{"security":"LOW TLP:CLEAR","name":"samples","timestamp":"2025-05-01T10:00:00Z","references":{"user":"bob"},"settings":{},"track_source_references":"samples.00000000000000000000000000000000"}],
			"indirect":[{"security":"HIGH REL:A","name":"samples","timestamp":"2025-05-01T10:01:00Z","references":{"user":"bob"},"settings":{},"track_source_references":"samples.00000000000000000000000000000000"}]}],
			"instances":[{"key":"plugin.Unbox.1.0.extracted","author":{"category":"plugin","name":"Unbox","version":"1.0","security":"LOW TLP:CLEAR"},"action":"extracted","num_feature_values":1},
			{"key":"user.bob..sourced","author":{"category":"user","name":"bob","security":"LOW TLP:CLEAR"},"action":"sourced","num_feature_values":1}]}`},
		{"features of all authors", []index.Document{found, inner, own}, metadataOptions{details: []string{"features"}, bucket: 100},
			`{"documents":{"count":3,"newest":"2025-05-01T10:03:00Z"},"features":[
			{"name":"filename","type":"filepath","value":"a.txt","label":[],"instances":["plugin.Unbox.1.0.extracted","user.bob..sourced"],"location":[],"tags":[],
				"parts":{"filepath":"a.txt","filepath_unix":["a.txt"],"filepath_unixr":["a.txt"]}},
			{"name":"word","type":"integer","value":"x","label":[],"instances":["plugin.Finder.1.0.enriched"],"location":[],"tags":[]},
			{"name":"word","type":"string","value":"x","label":["one","two"],"instances":["plugin.Finder.1.0.enriched"],"location":[[4,6],[9,9]],"tags":[]}]}`},
		{"one author", []index.Document{odd, found, own}, metadataOptions{details: []string{"info", "instances"}, author: "Finder", bucket: 100},
			`{"documents":{"count":3,"newest":"2025-05-01T10:03:00Z"},"info":[{"info":{"a":1},"instance":"plugin.Finder.1.0.enriched"}],"instances":[
			{"key":"plugin.Finder.1.0.enriched","author":{"category":"plugin","name":"Finder","version":"1.0","security":"LOW TLP:CLEAR"},"action":"enriched","num_feature_values":2},
			{"key":"plugin.Finder.2.0.enriched","author":{"category":"plugin","name":"Finder","version":"2.0","security":"LOW TLP:CLEAR"},"action":"enriched","num_feature_values":0}]}`},
		{"more than the bucket holds", []index.Document{found, own}, metadataOptions{details: []string{"features"}, bucket: 1},
			`{"documents":{"count":2,"newest":"2025-05-01T10:03:00Z"},"features":[{"name":"filename","type":"filepath","value":"a.txt","label":[],"instances":["user.bob..sourced"],"location":[],"tags":[],
				"parts":{"filepath":"a.txt","filepath_unix":["a.txt"],"filepath_unixr":["a.txt"]}}],
			"diagnostics":[{"severity":"warning","id":"many_buckets_features","title":"Not all features are shown","body":"There are more than the 1 features that are shown. Ask for more with bucket_size."}]}`},
		{"no content", []index.Document{found}, metadataOptions{details: []string{"datastreams"}, bucket: 100},
			`{"documents":{"count":1,"newest":"2025-05-01T10:03:00Z"},"diagnostics":[{"severity":"info","id":"no_content","title":"There is no content",
			"body":"The file's content was never stored, or is no longer. Plugins that read it do not run, and it cannot be downloaded."}]}`},
	} {
		got, err := json.Marshal(metadata(&known{sha256: sha("1"), documents: c.docs}, c.o))
		if err != nil {
			t.Fatal(err)
		}
		want(t, c.name, string(got), c.want)
	}
}
