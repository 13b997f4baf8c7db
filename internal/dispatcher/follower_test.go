package dispatcher

import (
	"strings"
	"testing"

	"lazuli/event"
)

// What one instance is told, every instance knows; and simulate asks the consumers of all.
func TestEveryInstanceFollows(t *testing.T) {
	c := newCluster(t, 2)
	c.give(0, 0, 1)
	c.give(1, 2, 3)
	parent, gone := c.file("src", "parent"), c.file("src", "gone")
	c.use(0)
	c.publish(gone)
	c.delete("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{gone.KafkaKey}}})
	c.insert(parent, "child", "analyst", func(e *event.InsertEntity) { e.OriginalSource = "" })
	c.use(1)
	for _, f := range []*follower{&c.nodes[1].d.deletions.follower, &c.nodes[1].d.inserts.follower} {
		if err := f.catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c.publish(parent)
	if n := len(c.binaries("src.binary.extracted")); n != 1 {
		t.Errorf("%d children of an insert that came by the other instance, want 1", n)
	}
	again := *gone
	if code, body := c.call("POST", "/api/v2/event?model=binary", []any{again}); code != 425 {
		t.Errorf("deleted by the other instance, then published: %d %s", code, body)
	}
	names := []string{"A", "B", "C", "D", "E", "F"} // some belong to each
	for _, name := range names {
		if got, info := c.poll(name, "r-historic=true&r-action=sourced"); got == nil || got.Entity.SHA256 != parent.Entity.SHA256 {
			t.Errorf("%s got %v, %+v; want what is not deleted", name, got, info)
		}
	}
	for n := range c.nodes {
		c.use(n)
		code, body := c.call("POST", "/api/v2/event/simulate", parent)
		if got := strings.Count(string(body), `"filter_out":false`); code != 200 || got != len(names) {
			t.Errorf("instance %d: %d %s", n, code, body)
		}
		if own := len(c.nodes[n].d.simulated(parent)); own == 0 || own == len(names) {
			t.Errorf("instance %d owns %d of the consumers: the test shows nothing", n, own)
		}
	}
}
