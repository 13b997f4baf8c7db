package dispatcher

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// The steps of clients: polls, their answers, and what they report.

func (w *world) parse(a *actor, extra string) *poll {
	model := w.d
	q, err := url.ParseQuery(a.query + "&" + extra)
	w.noError(err)
	p, err := model.parsePoll(string(event.ModelBinary), q, a.active)
	w.noError(err)
	return p
}

func (w *world) poll() {
	a := oneOf(w, w.actors...)
	feeds := oneOf(w, allFeeds, allFeeds, allFeeds, "r-live=true", "r-historic=true&r-live=true")
	w.ask([]*actor{a}, feeds, oneOf(w, 1, 1, 1, 3, 30), "")
}

func (w *world) pollForTwo() {
	w.ask([]*actor{w.actors[0], w.actors[1]}, allFeeds, 1, oneOf(w, "local-1", "local-2", "far-1"))
}

func (w *world) ask(actors []*actor, feeds string, count int, worker string) *pending {
	polls := make([]*poll, len(actors))
	for i, a := range actors {
		polls[i] = w.parse(a, feeds)
	}
	p := &pending{answer: w.d.poll(w.ctx, polls, worker, count, 0)}
	got := ""
	for i, j := range p.answer.jobs {
		a := actors[p.answer.index]
		h := &handout{actor: a, at: eventlog.Position{Partition: j.cell.part, Offset: j.offset}, worker: worker}
		if a.active {
			h.input, h.id = w.read(p.answer.events[i])
			if h.id.Offset != j.offset || h.id.Partition != j.cell.part.Index || h.id.Attempt != j.attempt {
				w.fatalf("offset %d of %s was handed out as %s", j.offset, j.cell.part, h.id)
			}
		}
		w.handedOut(a, j, h)
		p.list = append(p.list, h)
		got += fmt.Sprintf(" %c%d@%d#%d", j.cell.feed.letter(), j.cell.part.Index, j.offset, j.attempt)
	}
	w.tracef("poll for %d of %s by %q:%s", count, actors[p.answer.index].identity.Name, worker, got)
	if len(p.list) > 0 {
		w.answers = append(w.answers, p)
	}
	return p
}

func (w *world) read(text []byte) (*event.Binary, event.JobID) {
	ev, err := event.Decode(event.ModelBinary, text)
	w.noError(err)
	input := ev.(*event.Binary)
	id, ok := event.ParseJobID(input.Dequeued)
	if !ok {
		w.fatalf("the job id %q is none", input.Dequeued)
	}
	input.Entity.Datastreams = nil
	return input, id
}

func (w *world) clientTakesAnswer() { w.finishAnswer(w.random.IntN(len(w.answers)+1), true) }
func (w *world) clientLeaves()      { w.finishAnswer(w.random.IntN(len(w.answers)+1), false) }

func (w *world) finishAnswer(i int, whole bool) {
	if i >= len(w.answers) {
		return
	}
	p := w.answers[i]
	w.answers = slices.Delete(w.answers, i, i+1)
	what := outcomeLeft
	if whole {
		what = outcomeTaken
	}
	p.answer.finish(what)
	w.tracef("the client of %d jobs of %s has the whole answer: %v", len(p.list), p.list[0].actor.identity.Name, whole)
	for _, h := range p.list {
		switch {
		case !whole:
			h.over = true
		case !h.actor.active:
			h.over, h.done, h.task.delivered, h.recorded = true, true, true, false
		default:
			h.kept, h.deadline = true, w.clock.Now().Add(w.opts.Lease)
		}
	}
}

// working picks a hand-out that a client works on, or nil.
func (w *world) working() *handout {
	recent := w.handouts[max(0, len(w.handouts)-40):]
	for range 10 {
		if len(recent) == 0 {
			return nil
		}
		if h := oneOf(w, recent...); h.actor.active && (h.kept && !h.task.ended || w.random.IntN(10) == 0) {
			return h
		}
	}
	return nil
}

// post sends a status as a client does, and returns whether it was acknowledged.
func (w *world) post(input event.Binary, author string, state event.State, results ...event.Binary) bool {
	status := event.Status{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(w.clock.Now()), Author: event.Author{Category: "plugin", Name: author, Version: "1"}},
		Entity: event.StatusEntity{Input: input, Status: state, Results: results},
	}
	raw, err := json.Marshal(status)
	w.noError(err)
	rec := httptest.NewRecorder()
	w.d.postStatuses(rec, httptest.NewRequestWithContext(w.ctx, "POST", "/", nil), []posted{{raw: raw}})
	w.tracef("%s reports %s of %s: %d", author, state, input.Dequeued, rec.Code)
	if rec.Code != 200 && (!w.log.troubled() || !state.Final()) {
		w.fatalf("a status was answered %d: %s", rec.Code, rec.Body)
	}
	return rec.Code == 200
}

var errorStates = []event.State{event.ErrorException, event.ErrorInput, event.ErrorOutput, event.ErrorRunner, event.ErrorTimeout, event.ErrorOutOfMemory}

func (w *world) anyFinal() event.State {
	switch w.random.IntN(6) {
	case 0:
		return event.ErrorNetwork
	case 1:
		return oneOf(w, errorStates...)
	case 2:
		return event.OptOut
	}
	return oneOf(w, event.Completed, event.CompletedEmpty)
}

func (w *world) heartbeat() {
	if h := w.working(); h != nil {
		w.post(*h.input, h.actor.identity.Name, oneOf(w, event.Heartbeat, event.Dequeued))
	}
}

func (w *world) finish() {
	h := w.working()
	if h == nil {
		return
	}
	state := w.anyFinal()
	var results []event.Binary
	if state == event.Completed {
		results = append(results, w.result(h))
	}
	w.post(*h.input, h.actor.identity.Name, state, results...)
}

// result is what a plugin finds: an event in another topic of the same source.
func (w *world) result(h *handout) event.Binary {
	r := *h.input
	r.Author = event.Author{Category: "plugin", Name: h.actor.identity.Name, Version: "1"}
	r.Action = event.Enriched
	r.Entity = event.Entity{SHA256: h.input.Entity.SHA256, Features: []event.Feature{{Name: "f", Type: event.String, Value: "v"}}}
	r.Source.Path = append(slices.Clip(r.Source.Path), event.PathNode{Author: r.Author, Action: event.Enriched, SHA256: r.Entity.SHA256, Timestamp: r.Timestamp})
	return r
}

// finishAnyOld reports about any hand-out there ever was: late, again, by a client of a dispatcher that died.
func (w *world) finishAnyOld() {
	if len(w.handouts) == 0 {
		return
	}
	if h := oneOf(w, w.handouts...); h.actor.active {
		w.post(*h.input, h.actor.identity.Name, w.anyFinal())
	}
}

func (w *world) subPluginReports() {
	if h := w.working(); h != nil {
		w.post(*h.input, h.actor.identity.Name+"-sub", w.anyFinal())
	}
}

// unknownReport names a job that was never handed out: an offset that does not exist yet, or an id of another make.
func (w *world) unknownReport() {
	h := w.working()
	if h == nil {
		return
	}
	input, id := *h.input, h.id
	id.Offset += 200 + int64(w.random.IntN(3))
	for w.facts[eventlog.Position{Partition: h.at.Partition, Offset: id.Offset}] != nil {
		id.Offset += 100
	}
	input.Dequeued = oneOf(w, id.String(), "made.by.a.pusher.17")
	w.post(input, h.actor.identity.Name, w.anyFinal())
}

// invalidReport has a result that no reader would accept; the job ends as error-output.
func (w *world) invalidReport() {
	if h := w.working(); h != nil {
		bad := w.result(h)
		bad.Action = "nonsense"
		w.post(*h.input, h.actor.identity.Name, event.Completed, bad)
	}
}

func (w *world) workerGone() {
	worker := oneOf(w, "local-1", "local-2", "far-1")
	w.tracef("worker %s is gone: %d jobs", worker, w.d.WorkerGone(worker, event.ErrorOutOfMemory, "killed"))
	w.overFor(func(name string) bool { return name == worker })
}

func (w *world) releaseWorkers() {
	w.tracef("the local workers are released: %d jobs", w.d.ReleaseWorkers("local-"))
	w.overFor(func(name string) bool { return strings.HasPrefix(name, "local-") })
}

func (w *world) overFor(worker func(string) bool) {
	for _, h := range w.handouts {
		if worker(h.worker) {
			h.over = true
		}
	}
}

// workOn takes what there is for a consumer and finishes it, and tells whether there was anything.
func (w *world) workOn(a *actor) bool {
	p := w.ask([]*actor{a}, allFeeds, 50, "")
	if len(p.list) == 0 {
		return false
	}
	w.finishAnswer(len(w.answers)-1, true)
	if a.active {
		for _, h := range p.list {
			w.post(*h.input, a.identity.Name, event.CompletedEmpty)
		}
	}
	w.settleNow()
	return true
}
