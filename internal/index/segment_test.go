package index_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// count is how many files a query finds.
func count(t *testing.T, s *index.SQLite, text string) int64 {
	t.Helper()
	expr, err := query.Parse(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.Count(t.Context(), index.Everyone, expr)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func verified(t *testing.T, s *index.SQLite) {
	t.Helper()
	if err := s.Verify(t.Context(), func(fault string) { t.Error(fault) }); err != nil {
		t.Fatal(err)
	}
}

// TestMerge: however small the batches are, there are few segments after a while, and they say the same. Whoever searches meanwhile finds each document
// under all of its terms or under none.
func TestMerge(t *testing.T) {
	s := open(t, newPath(t))
	defer s.Close()
	both, err := query.Parse("-(features.name:f0 action:enriched) features.name:f0", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var searches sync.WaitGroup
	searches.Go(func() {
		for last := int64(0); ; {
			select {
			case <-done:
				return
			default:
			}
			c, err := s.Counts(t.Context())
			if err != nil || c.Documents < last {
				t.Errorf("%+v after %d: %v", c, last, err)
			}
			last = c.Documents
			if n, err := s.Count(t.Context(), index.Everyone, both); err != nil || n != 0 {
				t.Errorf("%d documents without a term: %v", n, err)
			}
		}
	})
	const batches = 300
	for i := range batches {
		doc := index.Document{ID: fmt.Sprint("d", i), SHA256: fmt.Sprintf("%064x", i+1), Action: "enriched", Label: "L", Author: index.Author{Category: "plugin", Name: "P", Version: "1"},
			Timestamp: time.Unix(int64(i), 0), Features: []index.Feature{{Name: "f0", Type: "string", Value: fmt.Sprint("same", i%3)}, {Name: "f0", Type: "string", Value: fmt.Sprint("own", i)}}}
		if err := s.Apply(t.Context(), index.Batch{Documents: []index.Document{doc}}); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	searches.Wait()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Number(t.Context(), `SELECT count(*) FROM segments`); err != nil || n > 3*8 {
		t.Errorf("%d segments of %d batches: %v", n, batches, err)
	}
	if n, err := s.Number(t.Context(), `SELECT count(*) FROM blocks WHERE id >> 28 NOT IN (SELECT segment FROM segments)`); err != nil || n != 0 {
		t.Errorf("%d blocks of segments that are gone: %v", n, err)
	}
	for text, want := range map[string]int64{"features.value:same1": batches / 3, "features.value:own17": 1, "features_map.f0:own1*": 111, "author.name:P": batches} {
		if n := count(t, s, text); n != want {
			t.Errorf("%s: %d, not %d", text, n, want)
		}
	}
	verified(t, s)
}

// TestMergeForgets: what was removed is written nowhere once the segments that had it are merged.
func TestMergeForgets(t *testing.T) {
	s := open(t, newPath(t))
	defer s.Close()
	if err := s.Apply(t.Context(), documents(1, 3001)); err != nil {
		t.Fatal(err)
	}
	all := documents(1, 3001)
	var removed index.Batch
	for _, d := range all.Documents[:2000] {
		removed.Documents = append(removed.Documents, index.Document{ID: d.ID})
	}
	before, err := s.Number(t.Context(), `SELECT sum(length(data)) FROM blocks`)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), removed); err != nil {
		t.Fatal(err)
	}
	verified(t, s)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := s.Number(t.Context(), `SELECT sum(length(data)) FROM blocks`)
	if err != nil || after > before*3/4 {
		t.Errorf("%d bytes of blocks before, %d after two thirds are gone: %v", before, after, err)
	}
	if n, err := s.Number(t.Context(), `SELECT count(*) FROM masks WHERE id >> 20 = 2`); err != nil || n != 0 {
		t.Errorf("%d pieces of removed documents are remembered: %v", n, err)
	}
	verified(t, s)
	// The numbers of those that are gone are not given again.
	if err := s.Apply(t.Context(), documents(1, 10)); err != nil {
		t.Fatal(err)
	}
	verified(t, s)
}

// TestMergeInterrupted: what a merge left that did not end is gone with the next start, and nothing of the index with it.
func TestMergeInterrupted(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	if err := s.Apply(t.Context(), documents(1, 101)); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), `INSERT INTO blocks SELECT (77 << 28) + id % 1000, data FROM blocks`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, path)
	defer s.Close()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Number(t.Context(), `SELECT count(*) FROM blocks WHERE id >> 28 NOT IN (SELECT segment FROM segments)`); err != nil || n != 0 {
		t.Errorf("%d blocks of no segment: %v", n, err)
	}
	if err := s.Apply(t.Context(), documents(101, 201)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, ""); n != 200 {
		t.Errorf("%d files", n)
	}
	verified(t, s)
}
