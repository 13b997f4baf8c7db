package dispatcher

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

func (b *bench) delete(action string, entity event.DeleteEntity) {
	b.t.Helper()
	entity.Reason = "test"
	del := event.Delete{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()),
		Author: event.Author{Category: "user", Name: "admin"}}, Action: action, Entity: entity}
	if code, body := b.call("POST", "/api/v2/event?model=delete", []any{del}); code != 200 {
		b.t.Fatalf("post a deletion: %d %s", code, body)
	}
}

// child makes an extracted event below a file, as a plugin would.
func (b *bench) child(parent *event.Binary, content, author string) *event.Binary {
	c := b.file(parent.Source.Name, content)
	c.Action, c.Author = event.Extracted, event.Author{Category: "plugin", Name: author, Version: "1"}
	node := c.Source.Path[0]
	node.Action, node.Author = event.Extracted, c.Author
	c.Source = parent.Source
	c.Source.Path = append(parent.Source.Path[:len(parent.Source.Path):len(parent.Source.Path)], node)
	return c
}

// Each kind of deletion hides what it names from every consumer, keeps it from being published again, and spares the rest.
func TestDeletionKinds(t *testing.T) {
	for _, c := range []struct {
		action string
		entity func(ev *event.Binary, now time.Time) event.DeleteEntity
	}{
		{"ids", func(ev *event.Binary, _ time.Time) event.DeleteEntity {
			return event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{"other", ev.KafkaKey}}}
		}},
		{"link", func(ev *event.Binary, _ time.Time) event.DeleteEntity {
			return event.DeleteEntity{Link: &event.DeleteLink{TrackLink: ev.TrackLinks[0]}}
		}},
		{"author", func(ev *event.Binary, now time.Time) event.DeleteEntity {
			return event.DeleteEntity{Author: &event.DeleteAuthor{TrackAuthor: ev.TrackAuthors[1], Timestamp: event.At(now.Add(time.Second))}}
		}},
		{"submission", func(ev *event.Binary, _ time.Time) event.DeleteEntity {
			return event.DeleteEntity{Submission: &event.DeleteSubmission{TrackSourceReferences: ev.TrackSourceReferences}}
		}},
		{"submission", func(ev *event.Binary, _ time.Time) event.DeleteEntity {
			return event.DeleteEntity{Submission: &event.DeleteSubmission{TrackSourceReferences: ev.TrackSourceReferences, Timestamp: ev.Source.Timestamp}}
		}},
	} {
		t.Run(c.action, func(t *testing.T) {
			b := newBench(t)
			parent := b.file("src", "parent")
			parent.Source.References = map[string]string{"case": "1"}
			gone := b.child(parent, "gone", "Bad")
			b.publish(gone)
			kept := b.child(b.file("src", "parent"), "kept", "Good")
			b.publish(kept)
			b.delete(c.action, c.entity(gone, b.clock.Now()))
			for _, plugin := range []string{"P", "Q"} {
				got, info := b.poll(plugin, allFeeds)
				if got == nil || got.KafkaKey != kept.KafkaKey || info.Filters[skipDeleted] != 1 {
					t.Fatalf("%s got %v, %+v; want the other event and one skip", plugin, got, info)
				}
			}
			again := *gone
			code, body := b.call("POST", "/api/v2/event?model=binary", []any{again})
			if code != 425 || !strings.Contains(string(body), enumAllGone) {
				t.Errorf("published again: %d %s", code, body)
			}
			b.restart()
			if code, body := b.call("POST", "/api/v2/event?model=binary", []any{again}); code != 425 {
				t.Errorf("published again after a restart: %d %s", code, body)
			}
		})
	}
}

// Deletions with a time spare what they do not mean.
func TestDeletionTimes(t *testing.T) {
	b := newBench(t)
	first := b.file("src", "first")
	b.publish(first)
	b.delete("author", event.DeleteEntity{Author: &event.DeleteAuthor{TrackAuthor: first.TrackAuthors[0], Timestamp: first.Timestamp}})
	b.delete("submission", event.DeleteEntity{Submission: &event.DeleteSubmission{
		TrackSourceReferences: first.TrackSourceReferences, Timestamp: event.At(first.Source.Timestamp.Add(time.Microsecond))}})
	b.publish(first)
	b.mustPoll("P", "first")
}

// A job that waits ends; one that is out ends by its status, which is kept while its results are not.
func TestDeletionOfOpenJobs(t *testing.T) {
	b := newBench(t)
	b.poll("P", allFeeds+"&deadline=0")
	out, waiting := b.file("src", "out"), b.file("src", "waiting")
	b.publish(out, waiting)
	job := b.mustPoll("P", "out")
	result := b.child(job, "child", "P")
	b.delete("author", event.DeleteEntity{Author: &event.DeleteAuthor{TrackAuthor: "user.tester.", Timestamp: event.At(b.clock.Now().Add(time.Hour))}})
	b.mustIdle("P")
	b.status(job, "P", event.Completed, *result)
	if n := len(b.records("azul.lazuli.src.binary.extracted")); n != 0 {
		t.Errorf("%d results of a deleted event are in the log", n)
	}
	if n := len(b.records("azul.lazuli.system.status")); n != 1 {
		t.Errorf("%d statuses in the log, want the final one", n)
	}
	b.clock.advance(2 * b.opts.Lease)
	b.d.reap(t.Context())
	b.mustIdle("P")
}

// What every event with the key shares is removed from the log, once; what an author made is hidden alone, because a newer
// event with the key may live.
func TestDeletionPurges(t *testing.T) {
	b := newBench(t)
	ev, other := b.file("src", "by id"), b.file("src", "by author")
	other.Author.Name = "someone"
	other.Source.Path[0].Author.Name = "someone"
	b.publish(ev, other)
	b.delete("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{ev.KafkaKey}}})
	b.delete("author", event.DeleteEntity{Author: &event.DeleteAuthor{TrackAuthor: "user.someone.", Timestamp: event.At(b.clock.Now().Add(time.Hour))}})
	topic := "azul.lazuli.src.binary.sourced"
	watch := b.log.Watch(t.Context())
	for _, plugin := range []string{"P", "Q", "R"} {
		b.mustIdle(plugin)
	}
	end := func() int64 {
		bounds, err := b.log.Bounds(t.Context(), eventlog.Partition{Topic: topic})
		if err != nil {
			t.Fatal(err)
		}
		return bounds.End
	}
	for end() < 3 {
		<-watch
	}
	for _, plugin := range []string{"S", "P"} {
		b.mustIdle(plugin)
	}
	b.restart() // nothing is under way any more
	if n := end(); n != 3 {
		t.Errorf("%d records were appended, want two events and a tombstone", n)
	}
	for _, r := range b.records(topic) {
		if key := string(r.Key); (r.Value == nil) != (key == ev.KafkaKey) {
			t.Errorf("%s: %d bytes", key, len(r.Value))
		}
	}
}

// A tombstone takes a deletion back.
func TestDeletionLifted(t *testing.T) {
	b := newBench(t)
	ev := b.file("src", "x")
	b.publish(ev)
	b.delete("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{ev.KafkaKey}}})
	topic := "azul.lazuli.system.delete"
	key := b.records(topic)[0].Key
	if _, err := b.log.Append(t.Context(), []eventlog.Record{{Topic: topic, Key: key}}); err != nil {
		t.Fatal(err)
	}
	if err := b.d.deletions.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.mustPoll("P", "x")
}

// Records of older releases do not say in their headers what deletions look at.
func TestDeletionOfOldRecords(t *testing.T) {
	b := newBench(t)
	ev := b.file("src", "old")
	b.publish(ev)
	topic := "azul.lazuli.src.binary.sourced"
	r := b.records(topic)[0]
	routing, err := event.ParseRouting(r.Header)
	if err != nil {
		t.Fatal(err)
	}
	routing.Made, routing.Tracks = time.Time{}, nil
	header := routing.Append(nil)
	header[0] = 1
	if _, err := b.log.Append(t.Context(), []eventlog.Record{
		{Topic: topic, Key: r.Key, Header: header, Value: r.Value},
		{Topic: topic, Key: []byte("none"), Value: r.Value},
	}); err != nil {
		t.Fatal(err)
	}
	b.delete("submission", event.DeleteEntity{Submission: &event.DeleteSubmission{TrackSourceReferences: ev.TrackSourceReferences}})
	b.mustIdle("P")
}

// What a header says never contradicts the event: no deletion is missed because of it.
func TestDeletionSuspectsWhatItFinds(t *testing.T) {
	b := newBench(t)
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		name := func(label string) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, label) }
		moment := func(label string) event.Time {
			return event.At(base.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, label)) * time.Second))
		}
		s := newDeletions(b.d)
		for range rapid.IntRange(0, 4).Draw(t, "deletions") {
			del := &event.Delete{Head: event.Head{ModelVersion: event.ModelVersion, KafkaKey: "k", Author: event.Author{Name: "x"}}}
			switch del.Action = rapid.SampledFrom([]string{"ids", "link", "author", "submission"}).Draw(t, "action"); del.Action {
			case "ids":
				del.Entity.IDs = &event.DeleteIDs{IDs: []string{name("id")}}
			case "link":
				del.Entity.Link = &event.DeleteLink{TrackLink: name("link")}
			case "author":
				del.Entity.Author = &event.DeleteAuthor{TrackAuthor: name("author"), Timestamp: moment("before")}
			case "submission":
				del.Entity.Submission = &event.DeleteSubmission{TrackSourceReferences: name("submission")}
				if rapid.Bool().Draw(t, "timed") {
					del.Entity.Submission.Timestamp = moment("at")
				}
			}
			value, err := json.Marshal(del)
			if err != nil {
				t.Fatal(err)
			}
			s.apply(&eventlog.Record{Key: []byte{byte(len(s.numbers))}, Value: value})
		}
		ev := &event.Binary{Head: event.Head{KafkaKey: name("key"), Timestamp: moment("made")},
			Source:                event.Source{Timestamp: moment("submitted")},
			TrackSourceReferences: name("of"), TrackAuthors: []string{name("first"), name("second")}, TrackLinks: []string{name("l")}}
		routing := event.Route(ev)
		header, err := event.ParseRouting(routing.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, deleted := s.find(ev); deleted && !s.suspect(event.TrackHash(ev.KafkaKey), &header) {
			t.Fatalf("%+v is deleted, and its header does not show it", ev)
		}
	})
}
