package dispatcher

import (
	"context"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
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

// scene is a world in which the test makes the steps. The sources a and b exist, and the consumer All was born on them.
func scene(t *testing.T) (*world, *actor) {
	w := newWorld(t, 1)
	if err := w.log.EnsureTopics(w.ctx, append(w.names.sourceTopics("a", 0), w.names.sourceTopics("b", 0)...)); err != nil {
		t.Fatal(err)
	}
	w.ask(w.actors[:1], allFeeds, 1, "")
	return w, w.actors[0]
}

// add publishes files with numbers from up to, not including, to.
func (w *world) add(from, to int) {
	for n := from; n < to; n++ {
		w.send(w.file(made{n, "a", w.clock.Now()}, "text/plain"))
	}
}

// take polls for one job, which must be there, and takes the answer.
func (w *world) take(a *actor, worker string) *handout {
	w.t.Helper()
	p := w.ask([]*actor{a}, allFeeds, 1, worker)
	if len(p.list) != 1 {
		w.fatalf("nothing was handed out")
	}
	w.finishAnswer(len(w.answers)-1, true)
	return p.list[0]
}

// none polls and expects that nothing is there.
func (w *world) none(a *actor) {
	w.t.Helper()
	if p := w.ask([]*actor{a}, allFeeds, 1, ""); len(p.list) > 0 {
		w.fatalf("%s was handed out", p.list[0].id)
	}
}

func (w *world) deadLetters() int {
	return len(w.records(eventlog.Partition{Topic: w.names.system(topicDead)}))
}

func TestGapsBeforeABorderHideNothingBehindIt(t *testing.T) {
	w, _ := scene(t)
	at := w.clock.Now()
	w.add(0, 6)
	w.add(0, 3) // replaces: the first three offsets are gaps
	src := w.actors[2]
	w.ask([]*actor{src}, "r-live=true", 1, "") // is born: historic ends here
	w.add(6, 12)
	w.ask([]*actor{src}, "r-historic=true", 30, "") // reads the page up to the border only
	if w.clock.Now() != at {
		t.Fatal("the clock moved, and the keys with it")
	}
	w.finishAll()
}

func TestTroubleOfTheLogIsNobodysFault(t *testing.T) {
	w, all := scene(t)
	w.add(0, 2)
	w.post(*w.take(all, "").input, "All", event.Completed) // the other waits, looked at
	w.log.fails.reads = 1
	for range 50 {
		w.none(all)
		w.clock.advance(time.Minute)
	}
	w.log.fails.reads = 0
	w.settleNow()
	w.reap()
	w.take(all, "")
	if n := w.deadLetters(); n > 0 {
		t.Errorf("%d dead letters of jobs that nobody tried", n)
	}
}

func TestCommitThatFailedIsMadeAgain(t *testing.T) {
	w, all := scene(t)
	committed := func(feeds string) int64 {
		offsets, err := w.log.Committed(w.ctx, "m-azul-All-1-binary-allsrc-alltype-"+feeds+"-live")
		if err != nil {
			t.Fatal(err)
		}
		return offsets[eventlog.Partition{Topic: w.names.binary("a", event.Sourced)}]
	}
	w.add(0, 1)
	w.post(*w.take(all, "").input, "All", event.Completed)
	w.settleNow()
	w.log.fails.appends = 1
	w.flush()
	w.log.fails.appends = 0
	w.flush()
	if got := committed("ELH"); got != 1 {
		t.Errorf("committed %d, want 1", got)
	}
	w.ask([]*actor{all}, "r-live=true", 1, "") // the group has another name from here on
	w.clock.advance(commitEvery)
	w.flush()
	if got := committed("L"); got != 1 {
		t.Errorf("committed %d for the group with the new name, want 1", got)
	}
}

// commits is a log that tells what is committed.
type commits struct {
	*eventlogtest.Memory
	seen chan map[eventlog.Partition]int64
}

func (l *commits) Commit(ctx context.Context, group string, offsets map[eventlog.Partition]int64) error {
	l.seen <- offsets
	return l.Memory.Commit(ctx, group, offsets)
}

func TestLastRecordThatIsSkippedIsCommitted(t *testing.T) {
	w, _ := scene(t)
	log := &commits{w.log.Memory, make(chan map[eventlog.Partition]int64, 100)}
	opts := w.opts
	opts.manual, opts.flushEvery = false, time.Millisecond
	d, err := New(t.Context(), log, healthy{}, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	w.d = d
	w.add(0, 1)
	w.none(w.actors[1]) // wants images
	w.clock.advance(commitEvery)
	for {
		select {
		case offsets := <-log.seen:
			if offsets[eventlog.Partition{Topic: w.names.binary("a", event.Sourced)}] == 1 {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the end was not committed")
		}
	}
}

func TestBirthThatWasWrittenTwiceIsOneConsumer(t *testing.T) {
	w, _ := scene(t)
	w.log.Lazy = true // the log keeps both records
	src := w.actors[2]
	w.log.fails.late = 1
	w.none(src)
	w.log.fails.late = 0
	w.none(src)
	w.crash()
	w.start()
	w.add(0, 1)
	w.post(*w.take(src, "").input, "Src", event.Completed)
	w.settleNow()
	w.clock.advance(time.Hour)
	w.reap()
	w.none(src)
}

func TestAnswerOfAHandoutThatIsOverGivesNothingBack(t *testing.T) {
	w, all := scene(t)
	w.add(0, 1)
	w.ask([]*actor{all}, allFeeds, 1, "local-1")
	w.d.WorkerGone("local-1", event.ErrorOutOfMemory, "killed")
	w.overFor(func(name string) bool { return name == "local-1" })
	w.take(all, "local-2")
	w.finishAnswer(0, false) // the first worker's connection breaks only now
	w.none(all)
}

func TestSuccessCountsMoreThanAGivingUp(t *testing.T) {
	w, all := scene(t)
	w.d.opts.MaxAttempts = 1
	w.add(0, 1)
	h := w.take(all, "local-1")
	w.d.WorkerGone("local-1", event.ErrorOutOfMemory, "killed")
	w.log.fails.appends = 1
	w.reap() // cannot write it
	w.log.fails.appends = 0
	w.post(*h.input, "All", event.Completed)
	w.settleNow()
	w.reap()
	if n := w.deadLetters(); n > 0 {
		t.Error("a job that succeeded is among the dead letters")
	}
	w.check()
}

func TestNetworkErrorOfAJobThatIsGivenUpDoesNotLoseIt(t *testing.T) {
	w, all := scene(t)
	w.d.opts.MaxAttempts = 1
	w.add(0, 1)
	h := w.take(all, "local-1")
	w.d.WorkerGone("local-1", event.ErrorOutOfMemory, "killed")
	w.post(*h.input, "All", event.ErrorNetwork)
	w.settleNow()
	w.check()
	w.reap()
	w.settleNow()
	w.check()
	if n := w.deadLetters(); n != 1 {
		t.Errorf("%d dead letters", n)
	}
}

func TestGivenUpForTheNetworkStaysGivenUp(t *testing.T) {
	w, all := scene(t)
	w.d.opts.MaxAttempts = 1
	w.add(0, 1)
	w.ask([]*actor{all}, allFeeds, 1, "")
	w.finishAnswer(0, false)
	w.flush() // the last record of before the crash knows nothing of the end
	for range maxLeft - 1 {
		w.ask([]*actor{all}, allFeeds, 1, "")
		w.finishAnswer(0, false)
	}
	w.reap()
	w.settleNow()
	if n := w.deadLetters(); n != 1 {
		t.Fatalf("%d dead letters", n)
	}
	w.crash()
	w.start()
	w.none(all)
}

func TestNetworkErrorOfAHandoutThatWasForgottenLeavesTheNewOne(t *testing.T) {
	w, all := scene(t)
	w.add(0, 1)
	forgotten := w.take(all, "")
	w.crash()
	w.clock.advance(time.Second)
	w.start()
	w.take(all, "") // the same attempt, by its number
	w.post(*forgotten.input, "All", event.ErrorNetwork)
	w.settleNow()
	w.clock.advance(networkDelayFirst + time.Second)
	w.none(all)
}

func TestTimeInWhichNothingRunsDoesNotCount(t *testing.T) {
	w, all := scene(t)
	w.add(0, 1)
	h := w.take(all, "")
	w.stop()
	w.clock.advance(25 * time.Hour)
	w.start()
	w.reap()
	if n := w.deadLetters(); n > 0 {
		t.Fatal("given up without its lease after the start")
	}
	w.post(*h.input, "All", event.Completed)
	w.settleNow()
	w.none(all)
}
