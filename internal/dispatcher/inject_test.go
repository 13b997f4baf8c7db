package dispatcher

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/eventlog"
)

// insert posts an insert of a child with its content under a parent.
func (b *bench) insert(parent *event.Binary, childContent, author string, change ...func(*event.InsertEntity)) {
	b.t.Helper()
	child := b.file("origin", childContent)
	now := event.At(b.clock.Now())
	who := event.Author{Category: "user", Name: author}
	entity := event.InsertEntity{
		OriginalSource: "origin", ParentSHA256: parent.Entity.SHA256, Child: child.Entity,
		ChildHistory: event.PathNode{Author: who, Action: event.Extracted, SHA256: child.Entity.SHA256, Timestamp: now},
	}
	for _, f := range change {
		f(&entity)
	}
	ev := event.Insert{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: now, Author: who}, Entity: entity}
	if code, body := b.call("POST", "/api/v2/event?model=insert", []any{ev}); code != 200 {
		b.t.Fatalf("post an insert: %d %s", code, body)
	}
}

func (b *bench) storeContent(source, content string) {
	b.t.Helper()
	if code, body := b.call("POST", "/api/v3/stream/"+source+"/content", content); code != 200 {
		b.t.Fatalf("store: %d %s", code, body)
	}
}

// events decodes what a topic keeps.
func (b *bench) binaries(topic string) []*event.Binary {
	b.t.Helper()
	var list []*event.Binary
	for _, r := range b.records("azul.lazuli." + topic) {
		ev, err := event.Decode(event.ModelBinary, r.Value)
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, ev.(*event.Binary))
	}
	return list
}

func TestInsertedChildFollowsItsParent(t *testing.T) {
	b := newBench(t)
	parent := b.file("src", "parent")
	b.publish(b.file("early", "parent")) // in the log already: stays as it is
	b.storeContent("origin", "child")
	b.insert(parent, "child", "analyst")
	b.clock.advance(time.Minute)
	b.publish(parent)
	children := b.binaries("src.binary.extracted")
	if len(children) != 1 || len(b.binaries("early.binary.extracted")) != 0 {
		t.Fatalf("%d children, want 1, and none of the event before the insert", len(children))
	}
	child := children[0]
	if err := child.Validate(); err != nil {
		t.Error(err)
	}
	path := child.Source.Path
	if child.Author.Name != "analyst" || len(path) != 2 || path[0].SHA256 != parent.Entity.SHA256 || path[1].SHA256 != child.Entity.SHA256 ||
		!child.Timestamp.Equal(b.clock.Now()) || len(child.TrackLinks) != 1 || !child.Source.Timestamp.Equal(parent.Source.Timestamp.Time) {
		t.Errorf("the child is %+v", child)
	}
	stream, err := b.store.Open(t.Context(), blob.Key{Source: "src", Label: "content", SHA256: child.Entity.SHA256}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(stream)
	if stream.Close(); err != nil || string(content) != "child" {
		t.Errorf("the child's content in the parent's source is %q, %v", content, err)
	}
	b.restart() // inserts are known before anything is served
	b.clock.advance(time.Minute)
	b.publish(parent)
	if again := b.binaries("src.binary.extracted"); len(again) != 1 || again[0].KafkaKey != child.KafkaKey || again[0].Timestamp.Equal(child.Timestamp.Time) {
		t.Errorf("published again: %d children, want the same one anew", len(again))
	}
}

func TestInsertNeverDropsTheParent(t *testing.T) {
	b := newBench(t)
	parent := b.file("src", "parent")
	b.insert(parent, "never stored", "analyst")
	b.insert(parent, "not legal", "second", func(e *event.InsertEntity) { e.ChildHistory.Action = event.Enriched }) // enriched with streams
	b.storeContent("origin", "good")
	b.insert(parent, "good", "third")
	b.publish(parent)
	if len(b.binaries("src.binary.sourced")) != 1 || len(b.binaries("src.binary.extracted")) != 1 {
		t.Error("the parent and its good child are not both in the log")
	}
	var reasons []string
	for _, r := range b.records("azul.lazuli.system.dead") {
		var letter DeadLetter
		if err := json.Unmarshal(r.Value, &letter); err != nil {
			t.Fatal(err)
		}
		reasons = append(reasons, letter.Plugin+": "+letter.Reason)
	}
	slices.Sort(reasons)
	if len(reasons) != 2 || !strings.HasPrefix(reasons[0], "analyst: ") || !strings.Contains(reasons[0], "copy origin/content/") ||
		!strings.HasPrefix(reasons[1], "second: ") {
		t.Errorf("dead letters %q", reasons)
	}
	letters := b.openLetters()
	for _, id := range letters {
		if err := b.d.Retry(t.Context(), id); !errors.Is(err, ErrEventGone) {
			t.Errorf("there is no job to try again: %v", err)
		}
	}
	b.storeContent("origin", "never stored") // but now it is
	b.publish(parent)
	if left := b.openLetters(); len(left) != 1 || len(letters) != 2 || len(b.binaries("src.binary.extracted")) != 2 {
		t.Errorf("dead letters %q, want the one of the child that is still not legal", left)
	}
}

// Only sightings take children: not enrichments, not a second word on the binary above, and not what was itself added.
func TestInsertsOfSightingsAlone(t *testing.T) {
	b := newBench(t)
	parent := b.file("src", "parent")
	b.storeContent("src", "child")
	own := func(e *event.InsertEntity) { e.OriginalSource = "src" }
	b.insert(parent, "child", "analyst", own)
	b.insert(b.file("src", "child"), "child", "analyst", own) // a loop: the child below itself
	b.insert(b.file("src", "child"), "parent", "analyst", own)
	enriched := b.file("src", "parent")
	enriched.Action, enriched.Entity.Datastreams, enriched.Source.Path[0].Action = event.Enriched, nil, event.Enriched
	same := b.child(parent, "parent", "P")
	b.publish(enriched, same)
	if n := len(b.binaries("src.binary.extracted")); n != 1 {
		t.Errorf("%d extracted events, want the published one alone", n)
	}
	b.publish(parent)
	if n := len(b.binaries("src.binary.extracted")); n != 2 {
		t.Errorf("%d extracted events, want one more", n)
	}
}

// A child goes where its parent goes.
func TestInsertsOfExpeditedParents(t *testing.T) {
	b := newBench(t)
	b.storeContent("src", "child")
	parent := b.file("src", "parent")
	b.insert(parent, "child", "analyst", func(e *event.InsertEntity) { e.OriginalSource = "" })
	parent.Flags.Expedite = true
	b.publish(parent)
	if n := len(b.binaries("system.expedite")); n != 2 || len(b.binaries("src.binary.extracted")) != 0 {
		t.Fatalf("%d expedited events, want parent and child", n)
	}
	// Of an expedited job's result, both go to both.
	b.mustIdle("P") // the consumer is born
	upper := b.file("src", "upper")
	upper.Flags.Expedite = true
	b.publish(upper)
	job := b.mustPoll("P", "upper")
	b.status(job, "P", event.Completed, *b.child(job, "parent", "P"))
	topics := map[string]int{}
	for _, topic := range []string{"system.expedite", "src.binary.extracted"} {
		for _, ev := range b.binaries(topic) {
			if len(ev.Source.Path) == 3 || len(ev.Source.Path) == 2 && ev.Author.Name == "P" {
				topics[topic]++
				if ev.Flags.Expedite != (topic == "system.expedite") {
					t.Errorf("%s: %s has flags %+v", topic, ev.Author.Name, ev.Flags)
				}
			}
		}
	}
	if topics["system.expedite"] != 2 || topics["src.binary.extracted"] != 2 {
		t.Errorf("result and child are in %v, want both in both", topics)
	}
}

// The newest insert with a key counts, and a tombstone removes it; both come through the log from any instance.
func TestInsertsAreReplacedAndRemoved(t *testing.T) {
	b := newBench(t)
	parent := b.file("src", "parent")
	local := func(e *event.InsertEntity) { e.OriginalSource = "" }
	b.insert(parent, "child", "analyst", local)
	b.insert(parent, "child", "analyst", local, func(e *event.InsertEntity) { e.ChildHistory.Language = "second" })
	b.publish(parent)
	children := b.binaries("src.binary.extracted")
	if len(children) != 1 || children[0].Source.Path[1].Language != "second" {
		t.Fatalf("%d children, want the newer", len(children))
	}
	topic := "azul.lazuli.system.insert"
	if _, err := b.log.Append(t.Context(), []eventlog.Record{{Topic: topic, Key: b.records(topic)[0].Key}}); err != nil {
		t.Fatal(err)
	}
	if err := b.d.inserts.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := b.file("other", "parent")
	b.publish(other)
	if n := len(b.binaries("other.binary.extracted")); n != 0 {
		t.Errorf("%d children after the insert was removed", n)
	}
	if len(b.d.inserts.byHash)+len(b.d.inserts.parents) != 0 {
		t.Error("removed inserts are kept in memory")
	}
}

// Results that go out twice have one key, also when their settings end at their depth.
func TestExpeditedResultsHaveOneKey(t *testing.T) {
	b := newBench(t)
	b.poll("P", "r-expedite=true&r-live=true")
	root := b.file("src", "root")
	root.Flags.Expedite = true
	root.Source.Settings = map[string]string{"remove_at_depth": "2", "x": "y"}
	b.publish(root)
	job := b.mustPoll("P", "root")
	b.status(job, "P", event.Completed, *b.child(job, "child", "P"))
	plain := b.binaries("src.binary.extracted")
	var expedited *event.Binary
	for _, ev := range b.binaries("system.expedite") {
		if ev.Action == event.Extracted {
			expedited = ev
		}
	}
	if len(plain) != 1 || expedited == nil || plain[0].KafkaKey != expedited.KafkaKey {
		t.Fatalf("plain %v, expedited %v: want one key", plain, expedited)
	}
	if plain[0].Source.Settings != nil || expedited.Source.Settings != nil {
		t.Error("settings go on at the depth where they end")
	}
}

// What is deleted takes no children, and a child that is deleted is not added.
func TestInsertsAndDeletions(t *testing.T) {
	b := newBench(t)
	local := func(e *event.InsertEntity) { e.OriginalSource = "" }
	parent, other := b.file("src", "parent"), b.file("src", "other")
	b.insert(parent, "child", "analyst", local)
	b.insert(other, "child", "analyst", local)
	b.publish(parent)
	child := b.binaries("src.binary.extracted")[0]
	b.delete("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{parent.KafkaKey}}})
	b.publish(other) // its child is not deleted
	b.delete("link", event.DeleteEntity{Link: &event.DeleteLink{TrackLink: child.TrackLinks[0]}})
	b.publish(parent, b.file("second", "parent"))
	if n := len(b.binaries("src.binary.extracted")); n != 2 {
		t.Errorf("%d children, want one of each parent", n)
	}
	if n := len(b.binaries("second.binary.sourced")); n != 1 || len(b.binaries("second.binary.extracted")) != 0 {
		t.Errorf("the parent that is not deleted is %d times there, want once and without the deleted child", n)
	}
}
