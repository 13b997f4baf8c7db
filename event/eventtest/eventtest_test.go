package eventtest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lazuli/event"
	"lazuli/event/eventtest"
)

func TestEventsAreLegal(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	input := eventtest.Binary(eventtest.From("other"), eventtest.At(at), eventtest.Content([]byte("MZ"), "executable/windows/dos"))
	child := eventtest.Extracted(input, []byte("child"), "text/plain")
	found := eventtest.Enriched(child, event.Feature{Name: "n", Type: event.Integer, Value: "1"})
	for name, ev := range map[string]event.Event{
		"binary": eventtest.Binary(), "with options": input, "extracted": child, "enriched": found,
		"status": eventtest.Status(input, event.Completed, child, found), "plugin": eventtest.Plugin("Unbox", "2.0"),
	} {
		if err := ev.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if input.Source.Name != "other" || !input.Source.Timestamp.Equal(at) || input.Entity.Size != 2 {
		t.Errorf("the options are not seen in %+v", input)
	}
	if len(found.Source.Path) != 3 || len(child.Source.Path) != 2 || len(input.Source.Path) != 1 {
		t.Error("the path does not grow by one step each")
	}
	if diff := cmp.Diff(eventtest.Binary(), eventtest.Binary()); diff != "" {
		t.Errorf("two calls differ: %s", diff)
	}
}

// Two children of one input must not write into each other's path.
func TestSiblingsShareNothing(t *testing.T) {
	input := eventtest.Extracted(eventtest.Binary(), []byte("in"), "")
	one := eventtest.Extracted(input, []byte("one"), "")
	two := eventtest.Extracted(input, []byte("two"), "")
	if one.Source.Path[2].SHA256 != one.Entity.SHA256 || two.Source.Path[2].SHA256 != two.Entity.SHA256 {
		t.Error("the second child overwrote the first")
	}
}
