package index_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"go.uber.org/goleak"

	"lazuli/internal/index"
	"lazuli/internal/index/indextest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB) *index.SQLite {
	t.Helper()
	s, err := index.OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSQLite(t *testing.T) {
	indextest.Run(t, func(t *testing.T) index.Index { return open(t) })
}

// TestQueries reads testdata/query: each case is a query and what it is understood as.
func TestQueries(t *testing.T) {
	datadriven.Walk(t, "testdata/query", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			expr, err := index.Parse(d.Input)
			if err != nil {
				return "error: " + err.Error()
			}
			return expr.String()
		})
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "a:b", `filename:"x y"`, "size:>1kb AND x", "(", `"`, "file_format:*"} {
		f.Add(seed)
	}
	s, err := index.OpenSQLite(filepath.Join(f.TempDir(), "index.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, query string) {
		expr, err := index.Parse(query)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "column ") {
				t.Fatalf("%q: %v names no column", query, err)
			}
			return
		}
		if _, err := s.Search(t.Context(), expr, 10, ""); err != nil {
			t.Fatalf("%q is understood as %s and cannot be searched: %v", query, expr, err)
		}
	})
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is not a database. ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	var corrupt *index.CorruptError
	if _, err := index.OpenSQLite(path); !errors.As(err, &corrupt) || !strings.Contains(err.Error(), path) {
		t.Errorf("garbage: %v", err)
	}
	if _, err := index.OpenSQLite(filepath.Join(t.TempDir(), "no", "such", "folder.db")); err == nil {
		t.Error("a folder that is not there was opened")
	}
	s, err := index.OpenSQLite(filepath.Join(t.TempDir(), "with space & 100% ?.db"))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func BenchmarkApply(b *testing.B) {
	s := open(b)
	defer s.Close()
	n := 0
	for b.Loop() {
		var batch index.Batch
		for range 500 {
			n++
			d := index.Document{ID: fmt.Sprint(n), SHA256: fmt.Sprintf("%064x", n), Position: "t/0/1", Action: "sourced", AuthorName: "P", Timestamp: time.Unix(int64(n), 0),
				SourceName: "s", Path: []index.PathNode{{SHA256: fmt.Sprintf("%064x", n)}}}
			for f := range 10 {
				d.Features = append(d.Features, index.Feature{Name: fmt.Sprint("feature", f), Type: "string", Value: fmt.Sprint("value ", n%1000, f)})
			}
			batch.Documents = append(batch.Documents, d)
		}
		if err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "documents/s")
	b.ReportMetric(float64(n*10)/b.Elapsed().Seconds(), "features/s")
}
