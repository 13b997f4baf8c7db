package dispatcher

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// steps are what can happen, with how often it does. down tells that it can happen while no dispatcher runs.
var steps = []struct {
	weight int
	down   bool
	run    func(*world)
}{
	{weight: 12, run: (*world).publish},
	{weight: 3, run: (*world).publishMany},
	{weight: 5, run: (*world).publishAgain},
	{weight: 2, run: (*world).publishHuge},
	{weight: 3, down: true, run: (*world).appendForeign},
	{weight: 1, run: (*world).publishToNewSource},
	{weight: 1, down: true, run: (*world).addPartition},
	{weight: 25, run: (*world).poll},
	{weight: 4, run: (*world).pollForTwo},
	{weight: 25, run: (*world).clientTakesAnswer},
	{weight: 5, run: (*world).clientLeaves},
	{weight: 5, run: (*world).heartbeat},
	{weight: 25, run: (*world).finish},
	{weight: 5, run: (*world).finishAnyOld},
	{weight: 3, run: (*world).subPluginReports},
	{weight: 2, run: (*world).unknownReport},
	{weight: 2, run: (*world).invalidReport},
	{weight: 2, run: (*world).workerGone},
	{weight: 1, run: (*world).releaseWorkers},
	{weight: 15, run: (*world).settle},
	{weight: 8, run: (*world).findTails},
	{weight: 8, run: (*world).reap},
	{weight: 6, run: (*world).flush},
	{weight: 8, down: true, run: (*world).timePasses},
	{weight: 1, down: true, run: (*world).longTimePasses},
	{weight: 2, down: true, run: (*world).compact},
	{weight: 1, down: true, run: (*world).retentionCuts},
	{weight: 2, down: true, run: (*world).logGetsWorse},
	{weight: 4, down: true, run: (*world).logGetsWell},
	{weight: 2, run: (*world).crash},
	{weight: 1, run: (*world).stop},
}

// randomStep makes one step.
func (w *world) randomStep() {
	w.step++
	if w.d == nil && w.random.IntN(3) == 0 {
		w.start()
		return
	}
	total := 0
	for i := range steps {
		if w.d != nil || steps[i].down {
			total += steps[i].weight
		}
	}
	n := w.random.IntN(total)
	for i := range steps {
		if w.d == nil && !steps[i].down {
			continue
		}
		if n -= steps[i].weight; n < 0 {
			steps[i].run(w)
			return
		}
	}
}

func oneOf[T any](w *world, list ...T) T { return list[w.random.IntN(len(list))] }

// file makes the event of a made-up file. The same number and source give the same key.
func (w *world) file(m made, format string) *event.Binary {
	sum := sha256.Sum256(fmt.Append(nil, m.number))
	sha := hex.EncodeToString(sum[:])
	now := event.At(m.at)
	author := event.Author{Category: "user", Name: "tester"}
	return &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: now, Author: author},
		Action: event.Sourced,
		Entity: event.Entity{SHA256: sha, Size: 3, FileFormat: format,
			Datastreams: []event.Datastream{{Label: event.LabelContent, SHA256: sha, Size: 3, FileFormat: format}}},
		Source: event.Source{Name: m.source, Timestamp: now,
			Path: event.Path{{Author: author, Action: event.Sourced, SHA256: sha, Timestamp: now, Size: 3}}},
	}
}

func (w *world) format() string { return oneOf(w, "text/plain", "image/png") }

func (w *world) newFile() *event.Binary {
	m := made{len(w.made), oneOf(w, "a", "b"), w.clock.Now()}
	w.made = append(w.made, m)
	f := w.file(m, w.format())
	f.Flags.Expedite = w.random.IntN(12) == 0
	return f
}

func (w *world) send(events ...event.Event) {
	p, err := w.d.Publish(w.ctx, events...)
	w.tracef("publish %d: %v", len(events), err)
	if err != nil {
		return
	}
	for _, ev := range p.Kept {
		w.acked = append(w.acked, ev.Header().KafkaKey)
	}
}

func (w *world) publish() { w.send(w.newFile()) }

func (w *world) publishMany() {
	events := make([]event.Event, 1+w.random.IntN(oneOf(w, 5, 40)))
	for i := range events {
		events[i] = w.newFile()
	}
	w.send(events...)
}

// publishAgain replaces an event in the log.
func (w *world) publishAgain() {
	if len(w.made) > 0 {
		w.send(w.file(w.made[w.random.IntN(len(w.made))], w.format()))
	}
}

func (w *world) publishHuge() {
	f := w.newFile()
	f.Entity.FileFormat = strings.Repeat("x", 10<<10)
	if _, err := w.d.Publish(w.ctx, f); err == nil {
		w.fatalf("an event over the limit was taken")
	}
}

// appendForeign appends what another writer of the log might: no event, nothing, or an event without a routing header.
func (w *world) appendForeign() {
	topic := w.names.binary(oneOf(w, "a", "b"), event.Sourced)
	r := eventlog.Record{Topic: topic, Key: fmt.Appendf(nil, "foreign%d", w.random.IntN(5))}
	switch w.random.IntN(3) {
	case 0:
		r.Value = []byte("no event")
	case 1:
		f := w.file(made{w.random.IntN(5), strings.Split(topic, ".")[2], w.clock.Now()}, w.format())
		f.KafkaKey = string(r.Key)
		value, err := json.Marshal(f)
		w.noError(err)
		r.Value = value
	}
	_, err := w.log.Append(w.ctx, []eventlog.Record{r})
	w.tracef("another writer appends %d bytes to %s: %v", len(r.Value), topic, err)
}

func (w *world) publishToNewSource() {
	w.sources++
	m := made{len(w.made), fmt.Sprintf("s%d", w.sources%4), w.clock.Now()}
	w.made = append(w.made, m)
	w.send(w.file(m, w.format()))
}

func (w *world) addPartition() {
	topic := eventlog.Topic{Name: w.names.binary(oneOf(w, "a", "b"), event.Sourced), Partitions: int32(2 + w.random.IntN(2)), Compact: true}
	w.tracef("%s has %d partitions: %v", topic.Name, topic.Partitions, w.log.EnsureTopics(w.ctx, []eventlog.Topic{topic}))
}

// settle, findTails, reap and flush are what runs in the background otherwise.
func (w *world) settle() { w.tracef("settle: %v", w.d.statuses.catchUp(w.ctx)) }

func (w *world) settleNow() {
	w.noError(w.d.statuses.catchUp(w.ctx))
	w.follow()
}

func (w *world) findTails() { w.tracef("find tails: %v", w.d.findTails(w.ctx)) }

func (w *world) reap() {
	if int(w.d.statuses.position().at(0)) == len(w.statuses) {
		w.reaped = w.clock.Now() // otherwise no lease may end
	}
	w.d.reap(w.ctx)
	w.tracef("reap")
}

func (w *world) flush() {
	err := w.d.progress.flush(w.ctx, false)
	w.tracef("flush: %v", err)
	if err == nil {
		w.recorded()
	}
}

func (w *world) recorded() {
	for _, h := range w.handouts {
		h.recorded = h.recorded || !h.lost
		if h.recorded && h.done {
			h.task.ended = true
		}
		h.task.durable = h.task.ended
	}
}

func (w *world) timePasses() {
	w.clock.advance(oneOf(w, time.Second, 10*time.Second, 40*time.Second, 70*time.Second))
	w.tracef("time passes")
}

func (w *world) longTimePasses() {
	w.clock.advance(oneOf(w, time.Hour, 25*time.Hour))
	w.tracef("a long time passes")
}

func (w *world) anyBinaryTopic() string {
	return w.names.binary(oneOf(w, "a", "b"), oneOf(w, event.Sourced, event.Sourced, event.Enriched))
}

// compact removes replaced records now, or lets them be from now on.
func (w *world) compact() {
	w.log.Lazy = w.random.IntN(2) == 0
	topic := oneOf(w, w.anyBinaryTopic(), w.names.system(topicProgress))
	w.log.Compact(topic)
	w.tracef("%s is compacted; from now on late: %v", topic, w.log.Lazy)
}

func (w *world) retentionCuts() {
	p := eventlog.Partition{Topic: w.anyBinaryTopic()}
	if b, err := w.log.Memory.Bounds(w.ctx, p); err == nil && b.End > b.Start {
		at := b.Start + w.random.Int64N(b.End-b.Start+1)
		w.log.Cut(p, at)
		w.tracef("%s begins at %d", p, at)
	}
}

func (w *world) logGetsWorse() {
	f := &w.log.fails
	f.reads, f.appends, f.late = oneOf(w, 0, 0.2, 1), oneOf(w, 0, 0.2, 1), oneOf(w, 0, 0.3)
	w.tracef("the log fails: %+v", *f)
}

func (w *world) logGetsWell() {
	f := &w.log.fails
	f.reads, f.appends, f.late = 0, 0, 0
	w.tracef("the log is well")
}

// crash lets go of the dispatcher as a kill does: nothing is written, no answer ends.
func (w *world) crash() {
	w.tracef("crash")
	w.d.stop()
	w.gone()
}

// stop ends the dispatcher in order: answers under way first.
func (w *world) stop() {
	for len(w.answers) > 0 {
		w.finishAnswer(0, w.random.IntN(2) == 0)
	}
	err := w.d.Close(w.ctx)
	w.tracef("stop: %v", err)
	if err == nil {
		w.recorded()
	}
	w.gone()
}

func (w *world) gone() {
	w.d, w.answers = nil, nil
	for _, h := range w.handouts {
		if !h.actor.active || !w.live(h) {
			h.over = true // whoever did not have the whole answer does not get it any more
		}
		if !h.recorded { // nobody remembers it: it may be out twice, once
			h.over, h.lost = true, true
		}
	}
}

func (w *world) start() {
	w.opts.Registry = nil
	d, err := New(w.ctx, w.log, healthy{}, w.opts)
	w.tracef("start: %v", err)
	if err != nil {
		return
	}
	w.d = d
	for _, h := range w.handouts {
		h.kept, h.deadline = true, w.clock.Now().Add(w.opts.Lease)
	}
	for _, a := range w.actors {
		for _, seen := range a.cells {
			seen.low = 0
		}
	}
}
