package main

import (
	"slices"
	"testing"

	"lazuli/client"
)

// A whole ID names its letter, also when another ID goes on after it: offsets end the IDs.
func TestPickDeadByWholeID(t *testing.T) {
	dead := []client.DeadLetter{{ID: "key.P.1.cell-0-12"}, {ID: "key.P.1.cell-0-1"}}
	for _, d := range dead {
		found, err := pickDead(dead, []string{d.ID}, "", false)
		if err != nil || len(found) != 1 || found[0].ID != d.ID {
			t.Errorf("%s: %v %v", d.ID, found, err)
		}
	}
	if found, err := pickDead(dead, []string{"key.P"}, "", false); err == nil {
		t.Errorf("the beginning of two IDs picks %v", found)
	}
}

// What `dead list` prints is enough for `dead show`.
func TestUniqueIDs(t *testing.T) {
	key := "adba052d3c9088aedeb61d40ad9bdb22"
	dead := []client.DeadLetter{{ID: key + ".P.1.h00000000-0-1"}, {ID: key + ".Other.1.h00000000-0-1"}, {ID: key + ".P.1.h00000000-0-12"}, {ID: "0123456789abcdef.P.1.h00000000-0-3"}, {ID: "short"}}
	ids := uniqueIDs(dead)
	for i, id := range ids {
		found, err := pickDead(dead, []string{id}, "", false)
		if err != nil || found[0] != dead[i] {
			t.Errorf("%s finds %v, %v, want %s", id, found, err, dead[i].ID)
		}
	}
	if want := []string{dead[0].ID, key + ".O", dead[2].ID, "0123456789ab", "short"}; !slices.Equal(ids, want) {
		t.Errorf("%q", ids)
	}
}
