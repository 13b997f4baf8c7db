package index

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"lazuli/internal/index/query"
)

// TestLatest: what a batch left is known to the next search without reading the file, a view of before stays as it was, and a batch that failed tells nothing.
func TestLatest(t *testing.T) {
	s, err := OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	apply := func(ctx context.Context, n int) error {
		at := time.Unix(int64(n), 0)
		return s.Apply(ctx, Batch{Documents: []Document{{ID: fmt.Sprint(n), SHA256: fmt.Sprintf("%064x", n), Action: "sourced", Label: "L", Timestamp: at, SourceTimestamp: at}}})
	}
	seen := func(v view) int64 {
		e, err := v.evaluate()
		if err != nil {
			t.Fatal(err)
		}
		files, err := e.find(query.All{})
		if err != nil {
			t.Fatal(err)
		}
		return files.count()
	}
	now := func() (n int64) {
		if err := s.see(t.Context(), Everyone, func(v view) error {
			n = seen(v)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for n := range 3 {
		if err := apply(t.Context(), n+1); err != nil {
			t.Fatal(err)
		}
		if got := now(); got != int64(n+1) {
			t.Fatalf("%d files of %d", got, n+1)
		}
	}
	err = s.see(t.Context(), Everyone, func(v view) error {
		if _, err := v.number(revSQL); err != nil { // from here on the view is of this moment
			return err
		}
		if err := apply(t.Context(), 4); err != nil {
			return err
		}
		if l := s.latest.Load(); l == nil || l.current.count() != 4 {
			t.Error("the batch is not known")
		}
		if n := seen(v); n != 3 {
			t.Errorf("a view of before sees %d files", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// Who searches while a batch is written finds out what there was before: that is enough for it.
	s.latest.Store(nil)
	if err := s.transaction(t.Context(), func(w *writer) {
		b := Batch{Documents: []Document{{ID: "5", SHA256: fmt.Sprintf("%064x", 5), Action: "sourced", Label: "L", Timestamp: time.Unix(5, 0)}}}
		w.batch(&b)
		if n := now(); n != 4 {
			t.Errorf("%d files while a batch is written", n)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if l := s.latest.Load(); l == nil || l.current.count() != 5 {
		t.Error("a batch during which somebody searched is not known")
	}
	before := s.latest.Load()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := apply(ended, 6); err == nil || s.latest.Load() != before || now() != 5 {
		t.Errorf("a batch that was given up: %v, %d files", err, now())
	}
	if err := s.Verify(t.Context(), func(fault string) { t.Error(fault) }); err != nil {
		t.Fatal(err)
	}
	// After that nobody knows what there is; the next reader does.
	if err := apply(t.Context(), 6); err != nil || now() != 6 {
		t.Errorf("%v, %d files", err, now())
	}
	if err := apply(t.Context(), 7); err != nil || s.latest.Load().current.count() != 7 {
		t.Error("batches are not known any more")
	}
}
