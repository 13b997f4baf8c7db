package dispatcher

import (
	"net/url"
	"testing"
	"time"

	"lazuli/event"
)

// look polls without waiting and keeps what it gets.
func (b *bench) look(name, extra string) *event.Binary {
	b.t.Helper()
	query, err := url.ParseQuery("name=" + name + "&version=1&" + allFeeds + "&" + extra)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := b.d.parsePoll("binary", query, true)
	if err != nil {
		b.t.Fatal(err)
	}
	a := b.d.poll(b.t.Context(), []*poll{p}, "", 1, time.Millisecond)
	a.finish(outcomeTaken)
	if len(a.events) == 0 {
		return nil
	}
	ev, err := event.Decode(event.ModelBinary, a.events[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return ev.(*event.Binary)
}

const (
	textFilter  = "r-streams=content%2Ctext/"
	imageFilter = "r-streams=content%2Cimage/"
)

func TestAnotherFilterTakesOverWhenTheFirstIsGone(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"))
	if b.look("P", imageFilter) != nil {
		t.Fatal("a text was taken for an image")
	}
	b.clock.advance(time.Second)
	if b.look("P", textFilter) != nil {
		t.Fatal("the second filter counts while the first may still be in use")
	}
	b.clock.advance(3 * time.Second)
	b.publish(b.file("src", "two"))
	if b.look("P", textFilter) == nil {
		t.Fatal("the second filter got nothing, and nobody uses the first")
	}
	if b.look("P", textFilter) != nil {
		t.Error("what the first filter skipped came again")
	}
	if n := len(b.d.consumers); n != 1 {
		t.Errorf("%d consumers", n)
	}
}

func TestTwoFiltersAtOnceDoNotStealFromEachOther(t *testing.T) {
	b := newBench(t)
	image := b.file("src", "image")
	image.Entity.Datastreams[0].FileFormat = "image/png"
	b.publish(b.file("src", "text"), image)
	first := b.look("P", textFilter)
	if first == nil {
		t.Fatal("no job")
	}
	for range 3 {
		if b.look("P", imageFilter) != nil {
			t.Fatal("the second filter got something at once")
		}
		b.clock.advance(20 * time.Second)
		b.status(first, "P", event.Heartbeat)
		b.look("P", textFilter)
	}
	got := b.look("P", imageFilter)
	if got == nil || got.Entity.SHA256 != image.Entity.SHA256 {
		t.Fatalf("the second filter got %+v", got)
	}
	b.status(got, "P", event.Completed)
	b.status(first, "P", event.Completed)
	b.restart()
	if b.look("P", imageFilter) != nil || b.look("P", textFilter) != nil {
		t.Error("an ended job came again after a restart")
	}
	image = b.file("src", "another image")
	image.Entity.Datastreams[0].FileFormat = "image/png"
	b.publish(image)
	if b.look("P", imageFilter) == nil {
		t.Error("after a restart the second filter has no consumer of its own")
	}
}
