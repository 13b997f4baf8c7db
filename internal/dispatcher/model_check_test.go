package dispatcher

import (
	"lazuli/internal/eventlog"
)

// cellSeen is what was seen of a cell so far.
type cellSeen struct {
	start, until int64
	low          int64            // in the life of the dispatcher
	committed    map[string]int64 // by group: its name has the feeds that were asked for last
	verified     int64            // every offset below had ended rightly
}

// check asserts what holds after every step. The numbers are those of the invariants in the design.
func (w *world) check() {
	if w.d == nil {
		return
	}
	for _, a := range w.actors {
		c, _, _ := w.d.known(a.identity)
		if c == nil {
			if len(a.cells) > 0 {
				w.fatalf("%s was born and is not known any more", a.identity.Name)
			}
			continue
		}
		w.checkBorders(c)
		waiting, open := 0, 0
		for f := range c.cells {
			for _, cl := range c.cells[f] {
				w.checkCell(a, c, cl)
				waiting, open = waiting+len(cl.first), open+len(cl.jobs)
			}
		}
		if waiting > maxWaiting+lookAhead*10 || open > maxOpen+lookAhead { // 8
			w.fatalf("%s holds %d waiting and %d open jobs", c.key, waiting, open)
		}
	}
}

// checkBorders: 7, historic and live are everything, disjoint.
func (w *world) checkBorders(c *consumer) {
	from := map[eventlog.Partition]int64{}
	for _, cl := range c.cells[feedHistoric] {
		if cl.start != 0 {
			w.fatalf("%s: historic begins at %d", cellKey(c.key, cl), cl.start)
		}
		from[cl.part] = cl.until
	}
	for _, cl := range c.cells[feedLive] {
		if cl.start != from[cl.part] || cl.until != forever {
			w.fatalf("%s: live is [%d, %d), historic ended at %d", cellKey(c.key, cl), cl.start, cl.until, from[cl.part])
		}
	}
}

func (w *world) checkCell(a *actor, c *consumer, cl *cell) {
	key := cellKey(c.key, cl)
	seen := a.cells[key]
	if seen == nil {
		seen = &cellSeen{start: cl.start, until: cl.until, verified: cl.start, committed: map[string]int64{}}
		a.cells[key] = seen
	}
	if seen.start != cl.start || seen.until != cl.until { // 7
		w.fatalf("%s was [%d, %d) and is [%d, %d)", key, seen.start, seen.until, cl.start, cl.until)
	}
	low := cl.low()
	if low < seen.low { // 1
		w.fatalf("%s: low went back from %d to %d", key, seen.low, low)
	}
	seen.low = low
	for ; seen.verified < low; seen.verified++ { // 1
		w.mustHaveEnded(a, cl, seen.verified)
	}
	for offset := low; offset < cl.high; offset++ { // 1
		if cl.jobs[offset] == nil {
			w.mustHaveEnded(a, cl, offset)
		}
	}
	for offset, j := range cl.jobs { // 4
		at := eventlog.Position{Partition: cl.part, Offset: offset}
		if f := w.facts[at]; f == nil || f.bad || !a.wants(f) || offset < cl.start || offset >= cl.until {
			w.fatalf("%s: offset %d is open and not for this consumer", key, offset)
		}
		if j.offset != offset || j.cell != cl {
			w.fatalf("%s: the job at %d says it is at %d", key, offset, j.offset)
		}
	}
	for offset := range cl.ended { // 8: only what was handed out once can be in it
		if a.tasks[eventlog.Position{Partition: cl.part, Offset: offset}] == nil {
			w.fatalf("%s: offset %d has ended, and was never handed out", key, offset)
		}
	}
	w.checkCommitted(c, cl, seen, low)
}

// checkCommitted: 1, what the group says never goes back and never passes what is open.
func (w *world) checkCommitted(c *consumer, cl *cell, seen *cellSeen, low int64) {
	if !c.feeds[cl.feed] {
		return
	}
	group := c.group(cl.feed)
	offsets, err := w.log.Committed(w.ctx, group)
	w.noError(err)
	committed, ok := offsets[cl.part]
	if ok && (committed > low || committed < seen.committed[group]) {
		w.fatalf("%s: committed %d, was %d, low is %d", cellKey(c.key, cl), committed, seen.committed[group], low)
	}
	seen.committed[group] = committed
}

// mustHaveEnded fails unless there is a reason why an offset is not open any more.
func (w *world) mustHaveEnded(a *actor, cl *cell, offset int64) {
	at := eventlog.Position{Partition: cl.part, Offset: offset}
	f := w.facts[at]
	switch {
	case f == nil:
		w.fatalf("%s: offset %d has ended and is not in the log yet", cellKey(a.identity.key(), cl), offset)
	case f.bad || !a.wants(f) || !w.log.Has(at):
	case !w.ended(a, at):
		w.fatalf("%s: offset %d has ended without a final status: the job is lost", cellKey(a.identity.key(), cl), offset)
	}
}

// ended tells whether a job is done, itself or because the same event was done in the other feed: expedited or from its source.
func (w *world) ended(a *actor, at eventlog.Position) bool {
	if w.endedItself(a, at) {
		return true
	}
	for _, twin := range w.twins(a, at) {
		if w.endedItself(a, twin) {
			return true
		}
	}
	return false
}

// twins are the places of the same event in the other feed.
func (w *world) twins(a *actor, at eventlog.Position) []eventlog.Position {
	var list []eventlog.Position
	f := w.facts[at]
	if !a.active || f == nil || f.key == "" {
		return nil
	}
	expedited := w.names.system(topicExpedite)
	for other, of := range w.facts {
		if of.key == f.key && (other.Topic == expedited) != (at.Topic == expedited) {
			list = append(list, other)
		}
	}
	return list
}

// endedItself tells whether the log, or the consumer if it is passive, says that a job is done.
func (w *world) endedItself(a *actor, at eventlog.Position) bool {
	t := a.tasks[at]
	if t == nil {
		return false
	}
	if !a.active {
		return t.delivered
	}
	h := t.newest()
	return h != nil && w.finals[h.id.Run()+" by "+a.identity.Name] > 0
}

// handedOut notes what a poll got, and asserts that it was right.
func (w *world) handedOut(a *actor, j *job, h *handout) {
	at, key := h.at, cellKey(a.identity.key(), j.cell)
	f := w.facts[at]
	if f == nil || f.bad || !a.wants(f) { // 4
		w.fatalf("%s: offset %d was handed out and is not for this consumer", key, at.Offset)
	}
	t := a.task(at)
	if t.ended { // 3
		w.fatalf("%s: offset %d was handed out again after it had ended", key, at.Offset)
	}
	for _, other := range t.handouts { // 2
		if w.live(other) {
			w.fatalf("%s: offset %d is out with %s and was handed out again as %s", key, at.Offset, other.id, h.id)
		}
	}
	if len(t.handouts) == 0 && len(w.twins(a, at)) == 0 { // 6; who waited for a twin comes later
		if last, ok := a.first[key]; ok && at.Offset < last {
			w.fatalf("%s: offset %d was handed out first after %d", key, at.Offset, last)
		}
		a.first[key] = at.Offset
	}
	h.task = t
	t.handouts = append(t.handouts, h)
	w.handouts = append(w.handouts, h)
	if a.active {
		w.byID[h.id.String()] = h
	}
}

// finishAll lets working clients and a healthy log bring everything to its end: 4 and 5.
func (w *world) finishAll() {
	w.log.fails.reads, w.log.fails.appends, w.log.fails.late = 0, 0, 0
	w.tracef("-- everything is well again")
	if w.d == nil {
		w.start()
	}
	for len(w.answers) > 0 {
		w.finishAnswer(0, true)
	}
	for idle, rounds := 0, 0; idle < 4; rounds++ {
		if rounds > 1000 {
			w.fatalf("there is no end to the work")
		}
		w.noError(w.d.findTails(w.ctx))
		idle++
		for _, a := range w.actors {
			if w.workOn(a) {
				idle = 0
			}
		}
		w.settleNow()
		if idle > 0 {
			w.clock.advance(2 * 60 * 60e9)
		}
		w.reap()
		w.settleNow()
		w.check()
	}
	w.clock.advance(commitEvery)
	w.noError(w.d.progress.flush(w.ctx, false))
	for _, a := range w.actors {
		w.checkComplete(a)
	}
	for _, key := range w.acked { // 5
		if f := w.newest[key]; f == nil || !w.log.Has(f.at) && f.at.Offset >= w.start0(f.at.Partition) {
			w.fatalf("the acknowledged event %s is not in the log", key)
		}
	}
}

func (w *world) start0(p eventlog.Partition) int64 {
	b, err := w.log.Memory.Bounds(w.ctx, p)
	w.noError(err)
	return b.Start
}

// checkComplete: 4, every event reached one final state; and what the group says reached the ends.
func (w *world) checkComplete(a *actor) {
	c, _, _ := w.d.known(a.identity)
	for at, f := range w.facts {
		if f.bad || !a.wants(f) || !w.log.Has(at) || w.ended(a, at) {
			continue
		}
		if seen := a.cells["cell "+c.key+" expedite "+at.Partition.String()]; at.Topic == w.names.system(topicExpedite) && (seen == nil || at.Offset < seen.start) {
			continue // before its birth
		}
		w.fatalf("%s: %s offset %d never reached an end", c.key, at.Partition, at.Offset)
	}
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			end := min(cl.until, cl.tail.end.Load())
			offsets, err := w.log.Committed(w.ctx, c.group(cl.feed))
			w.noError(err)
			if low := cl.low(); low != end || len(cl.jobs) > 0 || offsets[cl.part] != end {
				w.fatalf("%s: the end is %d, low is %d, committed is %d, %d jobs are open", cellKey(c.key, cl), end, low, offsets[cl.part], len(cl.jobs))
			}
		}
	}
}

func (w *world) noError(err error) {
	w.t.Helper()
	if err != nil {
		w.fatalf("%v", err)
	}
}
