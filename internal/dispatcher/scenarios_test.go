package dispatcher

import (
	"testing"
	"time"

	"lazuli/event"
)

// What broke comparable systems, or was found by the model, one test each.

func TestStatusOfAnOffsetThatIsNotThereYetChangesNothing(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"))
	job := b.mustPoll("P", "one")
	b.status(job, "P", event.Completed)
	b.publish(b.file("src", "two"))
	job = b.mustPoll("P", "two")
	id, ok := event.ParseJobID(job.Dequeued)
	if !ok {
		t.Fatal(job.Dequeued)
	}
	id.Offset++
	job.Dequeued = id.String()
	b.status(job, "P", event.Completed)
	b.publish(b.file("src", "three"))
	b.mustPoll("P", "three")
}

func TestPassiveJobsAreNeverGivenUp(t *testing.T) {
	t.Run("out at a crash", func(t *testing.T) {
		w := newWorld(t, 1)
		watch := w.actors[3]
		w.ask([]*actor{watch}, allFeeds, 1, "")
		w.send(w.file(made{1, "a", w.clock.Now()}, "text/plain"))
		w.findTails()
		if p := w.ask([]*actor{watch}, allFeeds, 1, ""); len(p.list) != 1 {
			t.Fatal("nothing was handed out")
		}
		w.flush()
		w.crash()
		w.clock.advance(25 * time.Hour)
		w.start()
		w.reap()
		w.follow()
		w.check()
		w.finishAll()
	})
	t.Run("clients that leave", func(t *testing.T) {
		w := newWorld(t, 1)
		watch := w.actors[3]
		w.send(w.file(made{1, "a", w.clock.Now()}, "text/plain"))
		for range 50 {
			if p := w.ask([]*actor{watch}, allFeeds, 1, ""); len(p.list) > 0 {
				w.finishAnswer(0, false)
			}
			w.clock.advance(time.Minute)
			w.reap()
		}
		w.check()
		w.finishAll()
	})
}
