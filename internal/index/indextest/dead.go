package indextest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"lazuli/internal/index"
)

// dead: letters come in pages, newest first, each with the shortest beginning of its ID that is unique, by which it is found.
func dead(t *testing.T, b *bench) {
	const key = "0123456789abcdef"
	ids := []string{key + ".P.1.l-0-1", key + ".P.1.l-0-12", key + ".Q.1.l-0-1", "0123fedc.P.1.l-0-7", "größenwahn.P", "größenwäsche.P", "ingest/t/0/1", "z"}
	short := []string{ids[0], ids[1], key + ".Q", "0123fedc", "größenwa", "größenwä", "ingest/t", "z"}
	var batch index.Batch
	for i, id := range ids {
		letter := index.DeadLetter{ID: id, Consumer: "c", Plugin: "P", Time: at(1 + i/3)}
		if strings.HasPrefix(id, "ingest") {
			letter.Consumer = index.ConsumerIngest
		}
		batch.Dead = append(batch.Dead, letter)
	}
	b.apply(batch)

	var got []index.DeadLetter
	for cursor, pages := "", 0; ; pages++ {
		page, err := b.idx.DeadLetters(t.Context(), 3, cursor)
		if err != nil || pages > 3 {
			t.Fatal(pages, err)
		}
		got = append(got, page.Dead...)
		if cursor = page.Next; cursor == "" {
			break
		}
		if pages == 0 { // what comes meanwhile does not shift the pages
			b.apply(index.Batch{Dead: []index.DeadLetter{{ID: "newer", Time: at(50)}}})
		}
	}
	if len(got) != len(ids) {
		t.Fatalf("%d letters: %+v", len(got), got)
	}
	byID := map[string]string{}
	for i, d := range got {
		byID[d.ID] = d.Short
		if i > 0 && d.Time.After(got[i-1].Time) {
			t.Errorf("%s of %s comes after %s", d.ID, d.Time, got[i-1].Time)
		}
		if (d.NoRetry != "") != (d.Consumer == index.ConsumerIngest) {
			t.Errorf("%s: no retry: %q", d.ID, d.NoRetry)
		}
	}
	for i, id := range ids {
		if byID[id] != short[i] {
			t.Errorf("%s is short %q, want %q", id, byID[id], short[i])
		}
		for _, text := range []string{id, short[i]} {
			if d, err := b.idx.DeadLetter(t.Context(), text); err != nil || d.ID != id || d.Short != short[i] {
				t.Errorf("%s: %+v %v", text, d, err)
			}
		}
	}
	var several *index.AmbiguousError
	if _, err := b.idx.DeadLetter(t.Context(), key+".P"); !errors.As(err, &several) || fmt.Sprint(several.IDs) != fmt.Sprint(ids[:2]) || several.More {
		t.Errorf("a beginning of two: %v", err)
	}
	for _, none := range []string{"", "0124", "zz", "\xff"} {
		if _, err := b.idx.DeadLetter(t.Context(), none); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("%q: %v", none, err)
		}
	}
	if _, err := b.idx.DeadLetters(t.Context(), 3, "?"); !errors.Is(err, index.ErrCursor) {
		t.Errorf("a bad cursor: %v", err)
	}
	var many index.Batch
	for i := range 12 {
		many.Dead = append(many.Dead, index.DeadLetter{ID: fmt.Sprint("many-", i), Time: at(1)})
	}
	b.apply(many)
	if _, err := b.idx.DeadLetter(t.Context(), "many"); !errors.As(err, &several) || len(several.IDs) != 10 || !several.More || !strings.Contains(err.Error(), "many-0, many-1, many-10") {
		t.Errorf("a beginning of many: %v", err)
	}
}
