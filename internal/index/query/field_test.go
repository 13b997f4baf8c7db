package query

import (
	"slices"
	"strings"
	"testing"
)

func TestFields(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Fields() {
		if names[f.Name] || f.Name != strings.ToLower(f.Name) || f.Doc == "" || strings.Contains(f.Doc, "\n") {
			t.Errorf("%+v", f)
		}
		if (f.Type == Hash) != (f.Digits > 0) || (f.Scope == Feature) != (strings.HasPrefix(f.Name, "features.") || f.Name == "feature.tag") {
			t.Errorf("%+v", f)
		}
		if plain(f.Name, "x") { // it could not be asked for without quotes
			t.Errorf("%s looks like the beginning of a word", f.Name)
		}
		names[f.Name] = true
	}
	if !slices.IsSortedFunc(Fields(), func(a, b *Field) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the fields are not sorted")
	}
}

func TestLookup(t *testing.T) {
	if f := Lookup("SHA256"); f == nil || f.Name != "sha256" || f != Lookup("sha256") {
		t.Errorf("%+v", f)
	}
	if f := Lookup("Features_Map.Some.Name"); f == nil || f.Name != "features_map.Some.Name" || f.Feature != "Some.Name" || f.Type != Text {
		t.Errorf("%+v", f)
	}
	for _, name := range []string{"", "nothing", "features_map", "features_map.", "sha256 "} {
		if f := Lookup(name); f != nil {
			t.Errorf("%q: %+v", name, f)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"size", "size", 0}, {"size", "siez", 1}, {"size", "sizes", 1}, {"size", "ize", 1}, {"size", "Size", 1},
		{"filename", "filenmae", 1}, {"abc", "cab", 2}, {"", "ab", 2}, {"abcd", "a", 99},
	} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %d", c.a, c.b, got)
		}
	}
}
