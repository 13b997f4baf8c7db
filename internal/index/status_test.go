package index

import (
	"path/filepath"
	"testing"
	"time"
)

// TestStatusNumbers: a status that takes the place of another one has its number, unless it is found by other keys; no number comes twice.
func TestStatusNumbers(t *testing.T) {
	s, err := OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, step := range []struct {
		sha, input, state string
		second            int64
		want              int64 // from firstStatus on; -1 for none
	}{
		{"aa", "in", "heartbeat", 1, 0},
		{"aa", "in", "heartbeat", 2, 0},
		{"aa", "in", "completed", 3, 0},
		{"bb", "in", "completed", 4, 1},
		{"bb", "other", "completed", 5, 2},
		{"bb", "other", "", 6, -1},
		{"bb", "other", "completed", 7, 3},
	} {
		status := StatusDocument{ID: "s", SHA256: step.sha, Author: Author{Name: "P", Version: "1"}, Label: "L", Input: step.input, Run: "r", State: step.state, Timestamp: time.Unix(step.second, 0)}
		again := status
		again.Timestamp = again.Timestamp.Add(time.Millisecond) // also within a batch
		if err := s.Apply(t.Context(), Batch{Statuses: []StatusDocument{status, again}}); err != nil {
			t.Fatal(err)
		}
		n, err := s.Number(t.Context(), `SELECT coalesce(max(status), -1) FROM statuses`)
		if step.want >= 0 {
			step.want += firstStatus
		}
		if err != nil || n != step.want {
			t.Errorf("step %d: number %d, not %d: %v", i, n, step.want, err)
		}
		if n, err := s.Number(t.Context(), `SELECT count(*) FROM statuses`); err != nil || n > 1 {
			t.Errorf("step %d: %d statuses: %v", i, n, err)
		}
		for _, sha := range []string{"aa", "bb"} {
			list, err := s.Statuses(t.Context(), Everyone, sha)
			if want := step.sha == sha && step.want >= 0; err != nil || len(list) > 0 != want {
				t.Errorf("step %d: %s has %v: %v", i, sha, list, err)
			}
		}
		if err := s.Verify(t.Context(), func(fault string) { t.Errorf("step %d: %s", i, fault) }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPanicWhileReading: an answer that panics does not take its connection along.
func TestPanicWhileReading(t *testing.T) {
	s, err := OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 * readConnections {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is not the caller's")
				}
			}()
			_ = s.see(t.Context(), Everyone, func(view) error { panic("a damaged file") })
		}()
	}
	if _, err := s.Counts(t.Context()); err != nil {
		t.Error(err)
	}
}
