package dispatcher

import (
	"testing"

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
