package main

import (
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
