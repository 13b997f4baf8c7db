package dispatcher

import (
	"fmt"
	"testing"
	"time"

	"lazuli/event"
)

// Settings end at the depth that they name; the key is the one from before (protocol 4.1, step 7).
func TestRemoveAtDepth(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		depth string
		nodes int
		kept  bool
	}{
		{"", 3, true}, {"2", 1, true}, {"2", 2, false}, {"2", 3, false}, {"0", 1, false}, {"-1", 1, false},
		{"two", 3, true}, {"2.0", 3, true}, {"99999999999999999999", 3, true},
	} {
		ev := b.file("src", fmt.Sprint(c))
		for len(ev.Source.Path) < c.nodes {
			ev = b.child(ev, fmt.Sprint(c, len(ev.Source.Path)), "P")
		}
		ev.Source.Settings = map[string]string{"expedite_plugin": "X"}
		if c.depth != "" {
			ev.Source.Settings["remove_at_depth"] = c.depth
		}
		again := *ev
		keyed := *ev
		if err := event.KeysV2.Assign(&keyed); err != nil {
			t.Fatal(err)
		}
		b.publish(ev, &again)
		if kept := ev.Source.Settings != nil; kept != c.kept || ev.KafkaKey != keyed.KafkaKey || again.KafkaKey != ev.KafkaKey {
			t.Errorf("remove_at_depth %q at %d nodes: kept %v, keys %s, %s and %s of the posted event", c.depth, c.nodes, kept, ev.KafkaKey, again.KafkaKey, keyed.KafkaKey)
		}
	}
}

// Plugins get events of at most 10 nodes, whoever reads along of at most 11 (protocol 3.5); all are in the log.
func TestDepthLimits(t *testing.T) {
	b := newBench(t)
	ev := b.file("src", "root")
	for depth := 1; depth <= 12; depth++ {
		b.publish(ev)
		ev = b.child(ev, fmt.Sprint("level ", depth), "P")
	}
	for path, want := range map[string]int{"binary/active": 10, "binary/passive": 11} {
		events, info := b.pollModel(path, "name="+path[7:]+"&version=1&count=100&deadline=1&r-historic=true")
		if len(events) != want || info.Filters[skipDeep] != 12-want {
			t.Errorf("%s: %d events and %+v, want %d", path, len(events), info, want)
		}
	}
}

// What a source has let expire is dropped when it is published and passed over in the log; of a status that comes late the results
// are dropped and the status is kept, so that its plugin lives and its job ends (protocol 4.1, step 1; 3.5).
func TestAgeOff(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	b.publish(b.file("shortlived", "done in time"), b.file("shortlived", "never done"), b.file("src", "stays"))
	job := b.mustPoll("P", "done in time")
	result := b.child(job, "result", "P")
	b.clock.advance(24*time.Hour + time.Second)
	b.status(job, "P", event.Completed, *result)
	if n := len(b.binaries("shortlived.binary.extracted")); n != 0 {
		t.Errorf("%d results of an expired event are kept", n)
	}
	b.poll("Late", allFeeds)
	_, info := b.poll("Later", allFeeds)
	if info.Fetched != 1 || info.Filters[skipExpired] != 2 {
		t.Errorf("a new consumer: %+v, want the event that stays and two skips", info)
	}
	late := b.file("shortlived", "late")
	late.Source.Timestamp = event.At(b.clock.Now().Add(-24*time.Hour - time.Microsecond))
	young := b.file("shortlived", "young")
	young.Source.Timestamp = event.At(b.clock.Now().Add(-24 * time.Hour))
	for ev, want := range map[*event.Binary]int{late: 425, young: 200} {
		if code, body := b.call("POST", "/api/v2/event?model=binary", []any{ev}); code != want {
			t.Errorf("%s: %d %s, want %d", ev.Entity.SHA256, code, body, want)
		}
	}
}
