package index

import "testing"

// TestRecent: what was used last is there, and no more than may be.
func TestRecent(t *testing.T) {
	r := newRecent[int, string](10)
	r.put(1, "one", 4)
	r.put(2, "two", 4)
	r.put(2, "again", 4) // is there already
	if v, ok := r.get(1); !ok || v != "one" {
		t.Errorf("%q %t", v, ok)
	}
	r.put(3, "three", 4) // 2 was used longest ago
	for key, want := range map[int]string{1: "one", 2: "", 3: "three"} {
		if v, ok := r.get(key); v != want || ok != (want != "") {
			t.Errorf("%d: %q %t", key, v, ok)
		}
	}
	r.put(4, "too much", 11)
	if len(r.items) != 0 || r.weight != 0 || r.order.Len() != 0 {
		t.Errorf("%d items of %d", len(r.items), r.weight)
	}
	r.put(5, "five", 10)
	r.drop(5)
	r.drop(6)
	r.put(7, "seven", 10)
	r.forget()
	if _, ok := r.get(7); ok || r.weight != 0 {
		t.Errorf("forgotten: %t, %d", ok, r.weight)
	}
}
