package indextest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lazuli/internal/index"
)

// permute calls fn with every order of a list.
func permute[T any](list []T, fn func([]T)) {
	list = slices.Clone(list)
	var walk func(int)
	walk = func(k int) {
		if k == len(list) {
			fn(slices.Clone(list))
			return
		}
		for i := k; i < len(list); i++ {
			list[k], list[i] = list[i], list[k]
			walk(k + 1)
			list[k], list[i] = list[i], list[k]
		}
	}
	walk(0)
}

// step is one batch with a name for messages.
type step struct {
	name  string
	batch index.Batch
}

// scene makes the steps of one try, with files, events and keys of its own.
func scene(try int) (parent, child string, steps []step) {
	own := func(name string) string {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", try, name))
		return hex.EncodeToString(sum[:])
	}
	parent, child = own("parent"), own("child")
	document := func(id, plugin, run string, second int, f index.Feature) index.Batch {
		d := result(own(id), "0", plugin, own("in"), run, second, f)
		d.SHA256, d.FileFormat, d.MD5, d.SHA1 = parent, "format/"+run, own("md5")[:32], own("sha1")[:40]
		d.Path = []index.PathNode{{SHA256: parent}}
		return index.Batch{Documents: []index.Document{d}}
	}
	status := func(id, run string, second int) index.Batch {
		st := status(own(id), "0", "P", own("in"), run, "completed", second)
		st.SHA256 = parent
		return index.Batch{Statuses: []index.StatusDocument{st}}
	}
	inner := result(own("inner"), "0", "P", own("in"), "run1", 1)
	inner.SHA256, inner.Action = child, "extracted"
	inner.Path = []index.PathNode{{SHA256: parent}, {SHA256: child, Action: "extracted"}}
	return parent, child, []step{
		{"child of the first run", index.Batch{Documents: []index.Document{inner}}},
		{"result of the first run", document("same", "P", "run1", 1, feature("f", "first"))},
		{"end of the first run", status("s1", "run1", 2)},
		{"result of the second run, same key", document("same", "P", "run2", 3, feature("f", "second"))},
		{"end of the second run", status("s2", "run2", 4)},
		{"result of another plugin", document("other", "Q", "run9", 1, feature("g", "other"))},
	}
}

// anyOrder: the results of a run that another one followed are gone with all that came of them, in whatever order documents
// and statuses arrive, one by one.
func anyOrder(t *testing.T, b *bench) {
	_, _, steps := scene(0)
	numbers := make([]int, len(steps))
	for i := range numbers {
		numbers[i] = i
	}
	try := 0
	permute(numbers, func(order []int) {
		try++
		parent, child, steps := scene(try)
		var names []string
		for _, i := range order {
			names = append(names, steps[i].name)
			b.apply(steps[i].batch)
		}
		got := b.binary(parent)
		var values []string
		for _, f := range got.Features {
			values = append(values, f.Value)
		}
		if fmt.Sprint(values) != "[second other]" || string(got.Info["P"]) != `{"run":"run2"}` || got.FileFormat != "format/run2" || len(got.Children) != 0 ||
			len(got.Statuses) != 1 || len(got.Events) != 2 || !got.FirstSeen.Equal(at(1)) || !got.LastSeen.Equal(at(3)) {
			t.Errorf("order %q: features %v, %+v", names, values, got)
		}
		if _, err := b.idx.Binary(t.Context(), index.Everyone, child); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("order %q: the first run's child is still there: %v", names, err)
		}
	})
	if try != 720 {
		t.Errorf("%d orders were tried", try)
	}
}

// statusOrder: of one job the worthiest state stays, then the newest, in whatever order they arrive.
func statusOrder(t *testing.T, b *bench) {
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 1)}})
	for name, test := range map[string]struct {
		states []string // in the order of their times
		want   string
	}{
		"late heartbeat":    {[]string{"dequeued", "heartbeat", "completed", "heartbeat"}, "completed 3"},
		"late success":      {[]string{"heartbeat", "error-timeout", "completed-empty", "error-exception"}, "completed-empty 3"},
		"opt-out and error": {[]string{"opt-out", "error-network", "heartbeat"}, "opt-out 1"},
		"errors":            {[]string{"error-network", "error-timeout"}, "error-timeout 2"},
		"progress":          {[]string{"dequeued", "heartbeat"}, "heartbeat 2"},
	} {
		var list []index.StatusDocument
		for i, state := range test.states {
			list = append(list, status(name, "a", name, "in", "run", state, i+1))
		}
		try := 0
		permute(list, func(order []index.StatusDocument) {
			try++
			var states []string
			for _, st := range order {
				st.ID, st.Author.Name = fmt.Sprint(name, try), fmt.Sprint(name, try)
				states = append(states, st.State)
				b.apply(index.Batch{Statuses: []index.StatusDocument{st}})
			}
			i := slices.IndexFunc(b.binary(sha("a")).Statuses, func(s index.Status) bool { return s.Plugin == fmt.Sprint(name, try) })
			if i < 0 {
				t.Fatalf("%s: no status", name)
			}
			if st := b.binary(sha("a")).Statuses[i]; fmt.Sprint(st.State, " ", st.Timestamp.Second()) != test.want {
				t.Errorf("%s, order %s: %s of second %d, want %s", name, strings.Join(states, ", "), st.State, st.Timestamp.Second(), test.want)
			}
		})
	}
	// A newer run of the same ID begins again.
	b.apply(index.Batch{Statuses: []index.StatusDocument{status("again", "a", "Again", "in", "r1", "completed", 1), status("again", "a", "Again", "in", "r2", "heartbeat", 2)}})
	for _, st := range b.binary(sha("a")).Statuses {
		if st.Plugin == "Again" && st.State != "heartbeat" {
			t.Errorf("a newer run's progress does not show: %+v", st)
		}
	}
}

// statusVersions: every version of a plugin has its newest status, the newest version first.
func statusVersions(t *testing.T, b *bench) {
	with := func(id, plugin, version, state string, second int) index.StatusDocument {
		st := status(id, "a", plugin, id, "r", state, second)
		st.Author.Version = version
		return st
	}
	b.apply(index.Batch{Documents: []index.Document{doc("1", "a", 1)}, Statuses: []index.StatusDocument{
		with("1", "P", "9", "completed", 1), with("2", "P", "10", "completed", 3), with("3", "P", "10", "opt-out", 2), with("4", "A", "1", "error-input", 1)}})
	var got []string
	for _, st := range b.binary(sha("a")).Statuses {
		got = append(got, fmt.Sprint(st.Plugin, " ", st.Version, " ", st.State))
	}
	if want := "A 1 error-input, P 10 completed, P 9 completed"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}
