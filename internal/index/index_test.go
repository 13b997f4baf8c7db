package index_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lazuli/internal/index"
	"lazuli/internal/index/indextest"
	"lazuli/internal/index/query"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, path string) *index.SQLite {
	t.Helper()
	s, err := index.OpenSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "index.db") }

func TestSQLite(t *testing.T) {
	indextest.Run(t, func(t *testing.T) index.Index {
		s := open(t, newPath(t))
		s.HaveTime()
		return s
	})
}

// document is one of many with features.
func document(n int) index.Document {
	sha := fmt.Sprintf("%016x%048x", n, n) // its first half is what it is looked up by
	d := index.Document{ID: fmt.Sprint(n), SHA256: sha, Position: fmt.Sprintf("topic/0/%d", n), Action: "sourced", Author: index.Author{Name: "P"}, Input: fmt.Sprint("in", n), Run: "r",
		Timestamp: time.Unix(int64(n), 0), SourceName: "s", Size: int64(n), SHA1: sha[:40], MD5: sha[:32], FileFormat: "text/plain",
		Path: []index.PathNode{{SHA256: sha, Filename: fmt.Sprint("file", n)}}}
	for f := range 10 {
		d.Features = append(d.Features, index.Feature{Name: fmt.Sprint("feature", f), Type: "string", Value: fmt.Sprint("value ", n%1000, " ", f)})
	}
	return d
}

func documents(from, to int) index.Batch {
	var b index.Batch
	for n := from; n < to; n++ {
		b.Documents = append(b.Documents, document(n))
	}
	return b
}

// TestReopen: what was applied is there again.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with space & 100% ?#.db")
	s := open(t, path)
	b := documents(0, 5)
	b.Offsets = map[string]int64{"topic/0": 5}
	if err := s.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	if got, err := s.Offsets(t.Context()); err != nil || got["topic/0"] != 5 {
		t.Errorf("offsets %v %v", got, err)
	}
	if got, err := s.Binary(t.Context(), index.Everyone, document(3).SHA256); err != nil || len(got.Features) != 10 || got.Events[0].Position != "topic/0/3" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, newPath(t))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := s.Apply(t.Context(), documents(0, 1)); err == nil {
		t.Error("applied to a closed index")
	}
	if _, err := s.Counts(t.Context()); err == nil {
		t.Error("read a closed index")
	}
}

func TestForeignFiles(t *testing.T) {
	path := newPath(t)
	if _, err := index.OpenSQLite(filepath.Join(filepath.Dir(path), "no", "such", "folder.db")); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder that is not there: %v", err)
	}
	for _, test := range []struct{ sql, want string }{
		{"PRAGMA user_version = 99", "newer release"},
		{"PRAGMA user_version = 1", "rebuilt from the log"},
		{"PRAGMA user_version = 0", "something else"},
	} {
		path := newPath(t)
		db, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("CREATE TABLE theirs (x); " + test.sql); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := index.OpenSQLite(path); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", test.sql, err)
		}
		var corrupt *index.CorruptError
		if _, err := index.OpenSQLite(path); errors.As(err, &corrupt) {
			t.Errorf("%s is called damaged: %v", test.sql, err)
		}
		if db, err = sql.Open("sqlite", "file:"+path); err != nil {
			t.Fatal(err)
		}
		var tables int
		if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil || tables != 1 {
			t.Errorf("%s: %d tables afterwards, %d bytes before: %v", test.sql, tables, len(before), err)
		}
		db.Close()
	}
}

// TestDamage: a file that is no database, cut short or overwritten is called damaged, and a file with good pages but rows that
// do not fit together is found by Verify.
func TestDamage(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	if err := s.Apply(t.Context(), documents(0, 500)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	overwritten := append([]byte{}, good...)
	for i := 8192; i < len(good); i++ {
		overwritten[i] = byte(i * 7)
	}
	for name, content := range map[string][]byte{
		"no database": []byte(strings.Repeat("this is not a database. ", 500)), "cut short": good[:len(good)/2], "overwritten": overwritten,
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var corrupt *index.CorruptError
		s, err := index.OpenSQLite(path)
		if err == nil {
			_, err = s.Binary(t.Context(), index.Everyone, document(250).SHA256)
			s.Close()
		}
		if !errors.As(err, &corrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerify(t *testing.T) {
	for query, want := range map[string]string{
		`DELETE FROM binaries WHERE bin = 1`:                              "documents without their file",
		`DELETE FROM documents WHERE doc = 1`:                             "files without a document",
		`DELETE FROM columns WHERE id >> 32 >= 16`:                        "times",
		`DELETE FROM columns WHERE id >> 32 = 1`:                          "columns say something else",
		`DELETE FROM blocks`:                                              "damaged parts of terms",
		`UPDATE blocks SET data = x'0301'`:                                "damaged parts of terms",
		`UPDATE documents SET features = x'' WHERE doc = 1`:               "not found by what they have",
		`UPDATE masks SET docs = x'0001'`:                                 "documents that are current and should not be",
		`UPDATE documents SET body = x'00' WHERE doc = 1`:                 "cannot be read",
		`UPDATE documents SET fact = NULL`:                                "no document states",
		`DELETE FROM facts`:                                               "facts are not there",
		`DELETE FROM words`:                                               "a name that is not there",
		`UPDATE segments SET filter = zeroblob(length(filter))`:           "does not say it has",
		`UPDATE segments SET until = until - 1`:                           "without their summary",
		`UPDATE counters SET n = 7 WHERE name = 'features'`:               "counts that are wrong",
		`DELETE FROM states`:                                              "statuses that are not counted right",
		`UPDATE hours SET n = n + 1`:                                      "not counted right by the hour",
		`UPDATE statuses SET timestamp = 9000000000, run = 'another one'`: "a later run has replaced",
		`UPDATE statuses SET id = 'another'`:                              "statuses that are not found",
	} {
		s := open(t, newPath(t))
		b := documents(0, 3)
		b.Statuses = []index.StatusDocument{{ID: "s", Author: index.Author{Name: "P"}, Input: "in1", Run: "r", State: "completed", Timestamp: time.Unix(9, 0)}}
		if err := s.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(t.Context(), func(fault string) { t.Errorf("fault of a good index: %s", fault) }); err != nil {
			t.Fatal(err)
		}
		if err := s.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
		var faults []string
		if err := s.Verify(t.Context(), func(fault string) { faults = append(faults, fault) }); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(faults, "\n"), want) {
			t.Errorf("%s: faults %q", query, faults)
		}
		s.Close()
	}
}

// TestFull: without room nothing of a batch is kept, what was there can be read, and it goes on when there is room. Names that
// the failed transaction made are made again.
func TestFull(t *testing.T) {
	s := open(t, newPath(t))
	defer s.Close()
	if err := s.Apply(t.Context(), documents(0, 3)); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMaxPages(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	big := documents(10, 2000)
	big.Documents[0].Author.Name, big.Documents[0].Features[0].Name = "New author", "new name"
	big.Offsets = map[string]int64{"topic/0": 2000}
	if err := s.Apply(t.Context(), big); !errors.Is(err, index.ErrFull) {
		t.Fatalf("a full disk: %v", err)
	}
	if c, err := s.Counts(t.Context()); err != nil || c.Documents != 3 {
		t.Errorf("%+v %v", c, err)
	}
	if o, err := s.Offsets(t.Context()); err != nil || len(o) != 0 {
		t.Errorf("offsets %v %v", o, err)
	}
	if err := s.SetMaxPages(t.Context(), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), big); err != nil {
		t.Fatal(err)
	}
	got, err := s.Binary(t.Context(), index.Everyone, big.Documents[0].SHA256)
	if err != nil || len(got.Features) != 10 || got.Features[9].Plugin != "New author" || got.Features[9].Name != "new name" {
		t.Errorf("after a failed batch: %+v %v", got, err)
	}
	if err := s.Verify(t.Context(), func(fault string) { t.Error(fault) }); err != nil {
		t.Error(err)
	}
}

// TestCheckpoint: the log is written back beside batches and begun anew; who reads meanwhile sees what there was, and holds it up until they end.
func TestCheckpoint(t *testing.T) {
	s := open(t, newPath(t))
	defer s.Close()
	apply := func(from, to int) {
		t.Helper()
		if err := s.Apply(t.Context(), documents(from, to)); err != nil {
			t.Fatal(err)
		}
	}
	apply(0, 300)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	full := s.LogBytes()
	err := s.WhileRead(t.Context(), func() {
		apply(300, 301)
		if s.Checkpoint(t.Context()) {
			t.Error("the log is empty while somebody reads what is in it")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.LogBytes() <= full || full < 100_000 {
		t.Errorf("the log has %d bytes, then %d", full, s.LogBytes())
	}
	if !s.Checkpoint(t.Context()) {
		t.Error("the log is not empty when nobody reads")
	}
	apply(301, 302)
	if n := s.LogBytes(); n == 0 || n > full/2 {
		t.Errorf("the log has %d bytes of %d after it was begun anew", n, full)
	}
	if c, err := s.Counts(t.Context()); err != nil || c.Documents != 302 {
		t.Errorf("%+v %v", c, err)
	}
}

// TestPlans: no query that runs all the time goes through a whole table.
func TestPlans(t *testing.T) {
	s := open(t, newPath(t))
	defer s.Close()
	// dead_time is the order of the answer, which stops at its limit; json_each is a list of documents.
	harmless := []string{"SCAN CONSTANT ROW", "SCAN dead USING INDEX dead_time", "SCAN json_each"}
	for name, query := range index.HotQueries {
		plan, err := s.Plan(t.Context(), query)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for line := range strings.Lines(plan) {
			line = strings.TrimSpace(line)
			fine := slices.ContainsFunc(harmless, func(s string) bool { return strings.HasPrefix(line, s) })
			if strings.HasPrefix(line, "SCAN") && !fine {
				t.Errorf("%s: %s\n%s", name, line, plan)
			}
		}
	}
}

func BenchmarkApply(b *testing.B) {
	s := open(b, newPath(b))
	defer s.Close()
	n := 0
	for b.Loop() {
		batch := documents(n, n+500)
		for _, d := range batch.Documents {
			batch.Statuses = append(batch.Statuses, index.StatusDocument{ID: "s" + d.ID, SHA256: d.SHA256, Author: index.Author{Name: "P", Version: "1"}, Input: d.Input, Run: d.Run,
				State: "completed", Timestamp: d.Timestamp})
		}
		n += 500
		if err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "documents/s")
	b.ReportMetric(float64(n*10)/b.Elapsed().Seconds(), "features/s")
}

func BenchmarkSearch(b *testing.B) {
	s := open(b, newPath(b))
	defer s.Close()
	const files = 20_000
	for n := 0; n < files; n += 1000 {
		if err := s.Apply(b.Context(), documents(n, n+1000)); err != nil {
			b.Fatal(err)
		}
	}
	for _, text := range []string{"", "features.value:\"value 7 7\"", "features.name:feature3", "source.name:s", "filename:file77", "file_format:text/plain", "nosuchword",
		"md5:00000000000000ff0000000000000000"} {
		expr, err := query.Parse(text, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Search(b.Context(), index.Everyone, expr, index.SearchOptions{Limit: 50}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("Binary", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Binary(b.Context(), index.Everyone, document(files/2).SHA256); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestReaderGone: who goes away, at whatever moment, leaves nothing behind that is in the way of others.
func TestReaderGone(t *testing.T) {
	s := open(t, newPath(t))
	defer s.Close()
	if err := s.Apply(t.Context(), documents(0, 3)); err != nil {
		t.Fatal(err)
	}
	gone := 0
	for n := range 4000 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for begun := time.Now(); time.Since(begun) < time.Duration(n%200)*time.Microsecond; {
			}
			cancel()
		}()
		if _, err := s.Binary(ctx, index.Everyone, document(1).SHA256); errors.Is(err, context.Canceled) {
			gone++
		} else if err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		<-ctx.Done()
	}
	if gone < 100 {
		t.Errorf("%d were gone before the answer", gone)
	}
	for range 4 { // there are three connections
		if _, err := s.Binary(t.Context(), index.Everyone, document(1).SHA256); err != nil {
			t.Fatal(err)
		}
	}
}
