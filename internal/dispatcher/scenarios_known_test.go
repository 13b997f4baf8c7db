package dispatcher

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// What public reports say of comparable systems, as far as one instance can have it. A few more stand where they belong:
// a status before the hand-out was recorded (TestStatusOfAJobThatNoProgressRecordKnows), shutdown with jobs out
// (TestRestart), a worker that finishes after its lease went to another (TestLeaseRunsOut).

var sourcedA = eventlog.Partition{Topic: names{"m"}.binary("a", event.Sourced)}

func (w *world) committedAll() int64 {
	offsets, err := w.log.Committed(w.ctx, "m-azul-All-1-binary-allsrc-alltype-ELH-live")
	w.noError(err)
	return offsets[sourcedA]
}

// finishMany takes n jobs and reports their success.
func (w *world) finishMany(a *actor, n int) {
	w.t.Helper()
	for n > 0 {
		p := w.ask([]*actor{a}, allFeeds, min(n, 50), "")
		if len(p.list) == 0 {
			w.fatalf("%d jobs are missing", n)
		}
		w.finishAnswer(len(w.answers)-1, true)
		for _, h := range p.list {
			w.post(*h.input, a.identity.Name, event.CompletedEmpty)
		}
		n -= len(p.list)
		w.settleNow()
	}
}

func TestOneSlowJobAmongThousands(t *testing.T) {
	w, all := scene(t)
	w.add(0, 1)
	slow := w.take(all, "")
	w.add(1, 3000)
	w.finishMany(all, 2999)
	w.clock.advance(commitEvery)
	w.flush()
	if got := w.committedAll(); got != 0 {
		t.Errorf("committed %d, past the job that is out", got)
	}
	for _, r := range w.records(eventlog.Partition{Topic: w.names.system(topicProgress)}) {
		if len(r.Value) > 1000 {
			t.Errorf("the record %s has %d bytes: it grows with what has ended", r.Key, len(r.Value))
		}
	}
	w.crash()
	w.start()
	w.none(all) // nothing of the 2,999 comes again
	w.post(*slow.input, "All", event.Completed)
	w.settleNow()
	w.clock.advance(commitEvery)
	w.flush()
	if got := w.committedAll(); got != 3000 {
		t.Errorf("committed %d, want 3000", got)
	}
}

func TestOffsetsOfTheGroupExpired(t *testing.T) {
	w, all := scene(t)
	w.add(0, 5)
	w.finishMany(all, 5)
	w.stop()
	groups, err := w.log.Groups(w.ctx)
	w.noError(err)
	for _, g := range groups {
		w.noError(w.log.DeleteGroup(w.ctx, g))
	}
	w.start()
	w.none(all)
	w.clock.advance(commitEvery)
	w.flush()
	if got := w.committedAll(); got != 5 {
		t.Errorf("committed %d, want 5 again", got)
	}
}

func TestLogCutAboveTheCommittedOffset(t *testing.T) {
	w, all := scene(t)
	w.add(0, 10)
	h := w.take(all, "")
	w.stop()
	w.log.Cut(sourcedA, 7)
	w.start()
	w.post(*h.input, "All", event.Completed)
	w.settleNow()
	w.finishAll() // 7, 8 and 9 are left
	for offset := int64(7); offset < 10; offset++ {
		if !w.ended(all, eventlog.Position{Partition: sourcedA, Offset: offset}) {
			t.Errorf("offset %d was not worked on", offset)
		}
	}
	if got := w.committedAll(); got != 10 {
		t.Errorf("committed %d, want 10", got)
	}
}

func TestShutdownWithJobsOutCommitsNothingPastThem(t *testing.T) {
	w, all := scene(t)
	w.add(0, 3)
	w.finishMany(all, 1)
	w.take(all, "")
	w.finishMany(all, 1)
	w.stop()
	if got := w.committedAll(); got != 1 {
		t.Errorf("committed %d, want 1", got)
	}
}

func TestRetriesAndNewWorkShareTheWorkers(t *testing.T) {
	w, all := scene(t)
	w.add(0, 10)
	for range 10 {
		w.post(*w.take(all, "").input, "All", event.ErrorNetwork)
		w.settleNow()
	}
	w.add(10, 20)
	w.finishMany(all, 10) // new work goes on while the retries wait
	w.add(20, 30)
	w.clock.advance(networkDelayFirst + time.Second)
	for range 10 {
		if h := w.take(all, ""); h.at.Offset >= 10 {
			t.Fatalf("offset %d goes before retries that are due", h.at.Offset)
		}
	}
}

func TestFullWindowBlocksNobody(t *testing.T) {
	w, all := scene(t)
	w.add(0, maxOpen+100)
	var first *handout
	for n := 0; ; {
		p := w.ask([]*actor{all}, allFeeds, 1000, "")
		if len(p.list) == 0 {
			if n < maxOpen || n > maxOpen+lookAhead {
				t.Fatalf("%d jobs are out, the limit is %d", n, maxOpen)
			}
			break
		}
		if first == nil {
			first = p.list[0]
		}
		n += len(p.list)
		w.finishAnswer(0, true)
	}
	w.finishMany(w.actors[2], 10) // another consumer
	for _, h := range all.handoutsAt(sourcedA, lookAhead+1) {
		w.post(*h.input, "All", event.Completed)
	}
	w.settleNow()
	w.take(all, "") // there is room again
}

// handoutsAt returns the newest hand-outs of the first n offsets.
func (a *actor) handoutsAt(p eventlog.Partition, n int64) []*handout {
	var list []*handout
	for offset := range n {
		list = append(list, a.task(eventlog.Position{Partition: p, Offset: offset}).newest())
	}
	return list
}

func TestClockSetBackAnHourWhileStopped(t *testing.T) {
	w, all := scene(t)
	w.add(0, 2)
	w.take(all, "")
	w.stop()
	w.clock.advance(-time.Hour)
	w.start()
	w.finishMany(all, 1)
	w.none(all)
	w.clock.advance(w.opts.Lease + time.Second) // one full lease, not an hour more
	w.reap()
	w.finishMany(all, 1)
	w.add(2, 3)
	w.finishMany(all, 1)
}

func TestTenThousandConsumersOfWhichTenPoll(t *testing.T) {
	w, _ := scene(t)
	w.actors = w.actors[:1]
	parse := func(i int) *poll {
		return w.parse(&actor{query: fmt.Sprintf("name=C%d&version=1", i), active: true}, allFeeds)
	}
	for i := range 10_000 {
		w.d.poll(w.ctx, []*poll{parse(i)}, "", 1, 0)
	}
	w.flush()
	w.add(0, 1)
	progress := eventlog.Partition{Topic: w.names.system(topicProgress)}
	before, err := w.log.Bounds(w.ctx, progress)
	w.noError(err)
	for i := range 10 {
		if a := w.d.poll(w.ctx, []*poll{parse(i)}, "", 1, 0); len(a.jobs) != 1 {
			t.Fatalf("consumer %d got %d jobs", i, len(a.jobs))
		}
	}
	w.flush()
	after, err := w.log.Bounds(w.ctx, progress)
	w.noError(err)
	if n := after.End - before.End; n > 11 {
		t.Errorf("%d progress records for the work of ten consumers", n)
	}
}

func TestConsumerNamesOfAllKinds(t *testing.T) {
	for _, name := range []string{"a.b.c", "a%2Fb/c", "%C3%BCnicode-%E6%97%A5%E6%9C%AC", "x.l0000beef-0-0-1", "-", "a%20b"} {
		t.Run(name, func(t *testing.T) {
			w, all := scene(t)
			a := *all
			a.query, a.tasks, a.cells, a.first = "version=1.0-x&name="+name, map[eventlog.Position]*task{}, map[string]*cellSeen{}, map[string]int64{}
			a.identity = w.parse(&a, allFeeds).identity
			w.actors = append(w.actors, &a)
			w.none(&a)
			w.add(0, 2)
			w.finishMany(&a, 1)
			w.flush()
			w.crash()
			w.start()
			w.finishMany(&a, 1)
			w.finishAll()
		})
	}
}

func TestNameThatNoGroupCanHave(t *testing.T) {
	w, all := scene(t)
	for _, query := range []string{"name=a%00b&version=1", "name=a&version=%00", "name=a&version=1&r-source=s%00"} {
		q, err := url.ParseQuery(query + "&" + allFeeds)
		w.noError(err)
		if _, err := w.d.parsePoll(string(event.ModelBinary), q, true); err == nil || !strings.Contains(err.Error(), "zero bytes") {
			t.Errorf("%s: %v", query, err)
		}
	}
	// A name that is too long for a group keeps no other group from its offsets.
	long := &actor{query: "name=A&version=1&r-source=a&r-source=" + strings.Repeat("x", 1<<15), active: true}
	if a := w.d.poll(w.ctx, []*poll{w.parse(long, allFeeds)}, "", 1, 0); a.consumer == nil {
		t.Fatal("it was not born")
	}
	w.add(0, 1)
	w.finishMany(all, 1)
	w.clock.advance(commitEvery)
	if err := w.d.progress.flush(w.ctx, false); !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("flush: %v", err)
	}
	if got := w.committedAll(); got != 1 {
		t.Errorf("committed %d, want 1", got)
	}
}
