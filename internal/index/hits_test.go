package index

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"lazuli/internal/index/query"
)

// TestHitsTogether: hits are the same whether they are asked for alone, together, twice, or beside a file of more documents than are looked at.
func TestHitsTogether(t *testing.T) {
	maxRows = 20
	defer func() { maxRows = 50_000 }()
	s, err := OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b Batch
	var shas []string
	for file := range 5 {
		sha := fmt.Sprintf("%064x", file+1)
		shas = append(shas, sha)
		documents := 3
		if file == 2 {
			documents = 30 // the newest of all
		}
		for n := range documents {
			at := time.Unix(int64(1000*file+n), 0)
			b.Documents = append(b.Documents, Document{ID: fmt.Sprint(file, n), SHA256: sha, Action: "sourced", Label: "L", Timestamp: at, SourceName: fmt.Sprint("source", file), SourceTimestamp: at,
				Size: int64(file), MD5: fmt.Sprintf("%032x", file), Features: []Feature{{Name: "filename", Type: "string", Value: fmt.Sprint("name", file)}, {Name: "n", Type: "string", Value: fmt.Sprint(n)}}})
		}
		b.Tags = append(b.Tags, Tag{ID: sha, Name: fmt.Sprint("tag", file), SHA256: sha, Security: "L", Time: time.Unix(1, 0)})
	}
	if err := s.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	asked := append(append([]string{"00"}, shas...), shas[1], "ff", shas[2])
	together, err := s.Hits(t.Context(), Everyone, asked)
	if err != nil || len(together) != len(asked) {
		t.Fatalf("%d hits of %d: %v", len(together), len(asked), err)
	}
	for i, sha := range asked {
		alone, err := s.Hits(t.Context(), Everyone, []string{sha})
		if err != nil || len(alone) != 1 {
			t.Fatal(alone, err)
		}
		if got, want := fmt.Sprintf("%+v", together[i]), fmt.Sprintf("%+v", alone[0]); got != want || together[i].SHA256 != sha {
			t.Errorf("%d: together %s\nalone %s", i, got, want)
		}
		if h := together[i]; h.Known && (len(h.Tags) != 1 || len(h.Filenames) != 1 || len(h.Sources) != 1 || h.Features < 4 || h.MD5 == "") {
			t.Errorf("%d: %+v", i, h)
		}
	}
	page, err := s.Search(t.Context(), Everyone, query.All{}, SearchOptions{Limit: 50})
	if err != nil || len(page.Hits) != len(shas) {
		t.Fatalf("%d hits: %v", len(page.Hits), err)
	}
	for i := range page.Hits { // the newest first
		if got, want := fmt.Sprintf("%+v", page.Hits[i]), fmt.Sprintf("%+v", together[len(shas)-i]); got != want {
			t.Errorf("%d: found %s\nasked for %s", i, got, want)
		}
	}
}
