package notes

import (
	"context"
	"errors"
	"slices"
	"testing"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
	"lazuli/internal/index"
)

// reached remembers what was waited for.
type reached struct {
	ends map[eventlog.Partition]int64
	err  error
}

func (r *reached) Reached(_ context.Context, ends map[eventlog.Partition]int64) error {
	r.ends = ends
	return r.err
}

func TestNotes(t *testing.T) {
	log, settled := eventlogtest.NewMemory(), &reached{}
	n := New(log, settled, "p")
	ctx := t.Context()
	if err := n.Ensure(ctx); err != nil {
		t.Fatal(err)
	}
	for i, tag := range []*index.Tag{{Name: "a"}, nil} {
		if err := n.PutTag(ctx, "id", tag); err != nil {
			t.Fatal(err)
		}
		part := eventlog.Partition{Topic: "azul.p.system.annotation"}
		if settled.ends[part] != int64(i+1) {
			t.Errorf("waited for %v", settled.ends)
		}
		page, err := log.Read(ctx, part, int64(i), eventlog.Limit{Records: 1, Bytes: 1 << 20})
		if err != nil || string(page.Records[0].Key) != "id" || (page.Records[0].Value == nil) != (tag == nil) {
			t.Errorf("%v: %+v", err, page)
		}
	}
	settled.err = errors.New("the index is away")
	if err := n.PutTag(ctx, "id", nil); !errors.Is(err, settled.err) {
		t.Errorf("an index that is away: %v", err)
	}

	// Searches are read by whoever reads the log: another instance, and this one after a start.
	if err := errors.Join(n.SaveSearch(ctx, Search{Owner: "bob", Name: "b", Query: "1"}), n.SaveSearch(ctx, Search{Owner: "bob", Name: "a", Query: "2"}),
		n.SaveSearch(ctx, Search{Owner: "eve", Name: "b", Query: "3"}), n.SaveSearch(ctx, Search{Owner: "bob", Name: "b", Query: "4"}), n.ForgetSearch(ctx, "eve", "b")); err != nil {
		t.Fatal(err)
	}
	for _, reader := range []*Notes{n, New(log, settled, "p")} {
		list, err := reader.Searches(ctx, "bob")
		if err != nil || len(list) != 2 || list[0].Name != "a" || list[1].Query != "4" {
			t.Errorf("%v: %+v", err, list)
		}
		if list, err := reader.Searches(ctx, "eve"); err != nil || len(list) != 0 {
			t.Errorf("%v: %+v", err, list)
		}
	}
	if _, err := log.Append(ctx, []eventlog.Record{{Topic: "azul.p.system.search", Key: []byte("bob/a"), Value: []byte("no JSON")}}); err != nil {
		t.Fatal(err)
	}
	if list, _ := n.Searches(ctx, "bob"); slices.ContainsFunc(list, func(s Search) bool { return s.Name == "a" }) {
		t.Errorf("a search that cannot be read stays: %+v", list)
	}
}
