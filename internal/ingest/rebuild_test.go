package ingest_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"lazuli/internal/index"
	"lazuli/internal/ingest"
)

// TestRebuild: an index that is built anew from the log takes the place of the one in use, which answers until then; nothing is lost or counted
// twice by it, and what the old one alone had is gone.
func TestRebuild(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(t.TempDir(), "index.db")
	first, err := index.OpenSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	s := index.NewSwitch(first)
	t.Cleanup(func() { s.Close() })
	b.idx = s
	for i := range 50 {
		b.append(record(t, sourced, binary(fmt.Sprint("k", i), string("abcdef"[i%6]), i%60), "", ""))
	}
	b.start()
	b.settle()
	if err := s.Apply(t.Context(), index.Batch{Documents: []index.Document{{ID: "stray", SHA256: sha("9"), Action: "sourced"}}}); err != nil {
		t.Fatal(err)
	}
	fresh, err := index.OpenSQLite(path + ".new")
	if err != nil {
		t.Fatal(err)
	}
	last := int64(-1)
	err = b.in.Rebuild(t.Context(), fresh, func() error {
		// Between the end of the building and the exchange something comes.
		b.append(record(t, sourced, binary("late", "7", 1), "", ""))
		return index.ReplaceSQLite(s, fresh, path)
	}, func(done, all int64) { last = all - done })
	if err != nil || last != 0 {
		t.Fatal(err, last)
	}
	b.settle()
	if c := b.counts(); c.Documents != 51 || c.Binaries != 7 {
		t.Errorf("%+v", c)
	}
	b.append(record(t, sourced, binary("later", "8", 1), "", ""))
	b.settle()
	b.binary(sha("8"))
	if err := s.Verify(t.Context(), func(fault string) { t.Error(fault) }); err != nil {
		t.Error(err)
	}
	b.stop()
	if err := b.in.Rebuild(t.Context(), s, func() error { return nil }, nil); !errors.Is(err, ingest.ErrStopped) {
		t.Errorf("after Run has ended: %v", err)
	}
}
