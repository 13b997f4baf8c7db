package dispatcher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
)

// TestModel makes random steps with a dispatcher on a log in memory and asserts the engine's invariants after each, beside
// a model that is a list of records and a few sets. Episodes follow each other until the time is over, LAZULI_MODELTIME
// (10 s). LAZULI_SEED runs one episode again, step by step as it was.
//
// The steps stand in model_steps_test.go and model_clients_test.go, one function each; what the model knows of the log in model_log_test.go; the
// invariants in model_check_test.go.
func TestModel(t *testing.T) {
	if text := os.Getenv("LAZULI_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		runEpisode(t, seed)
		return
	}
	budget := 10 * time.Second
	if text := os.Getenv("LAZULI_MODELTIME"); text != "" {
		var err error
		if budget, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	first := rand.Uint64() >> 16
	began, steps, episodes := time.Now(), 0, 0
	for ; time.Since(began) < budget && !t.Failed(); episodes++ {
		steps += runEpisode(t, first+uint64(episodes))
	}
	t.Logf("%d episodes from LAZULI_SEED=%d on, %d steps, %.0f a second", episodes, first, steps, float64(steps)/time.Since(began).Seconds())
}

// TestModelReplays shows that a seed gives the same steps and the same log again.
func TestModelReplays(t *testing.T) {
	for seed := range uint64(5) {
		a, b := newWorld(t, seed), newWorld(t, seed)
		a.run()
		b.run()
		if x, y := a.history(), b.history(); x != y {
			t.Fatalf("seed %d gives two histories:\n%s\n%s", seed, x, y)
		}
	}
}

const stepsPerEpisode = 300

func runEpisode(t *testing.T, seed uint64) (steps int) {
	w := newWorld(t, seed)
	w.run()
	return w.step
}

// world is the dispatcher under test with all that surrounds it.
type world struct {
	t      testing.TB
	ctx    context.Context
	seed   uint64
	random *rand.Rand
	clock  *clock
	log    *moodyLog
	opts   Options
	names  names
	d      *Dispatcher
	step   int
	trace  []string

	facts    map[eventlog.Position]*fact
	newest   map[string]*fact // by key
	acked    []string         // keys of events that Publish acknowledged
	made     []made
	statuses []report
	applied  int            // how many of them the dispatcher has applied
	finals   map[string]int // "<run> by <author>" → final statuses
	actors   []*actor
	handouts []*handout
	byID     map[string]*handout // the newest with the id
	answers  []*pending
	reaped   time.Time // the last time when leases may have been ended
	sources  int
}

// made is an event that was published, to publish it again.
type made struct {
	number int
	source string
	at     time.Time
}

// actor is a consumer with those who work for it.
type actor struct {
	identity identity
	query    string
	active   bool
	wants    func(*fact) bool // its filter, in the model's words
	tasks    map[eventlog.Position]*task
	cells    map[string]*cellSeen
	first    map[string]int64 // the highest offset that was handed out for the first time, by cell
}

// task is what became of one event at one actor.
type task struct {
	handouts  []*handout
	ended     bool              // for ever
	by        eventlog.Position // the status that ended it
	durable   bool              // its end is in a progress record
	delivered bool              // to a passive consumer, which reports nothing
}

// handout is one event in the hands of one client.
type handout struct {
	actor    *actor
	task     *task
	at       eventlog.Position
	id       event.JobID
	input    *event.Binary
	worker   string
	kept     bool      // the client has the whole answer
	deadline time.Time // then
	over     bool      // no lease any more
	done     bool      // a passive client has it: that is the end
	recorded bool      // in a progress record
	lost     bool      // in none when the dispatcher died
}

// pending is an answer that is being written.
type pending struct {
	answer *answer
	list   []*handout
}

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{t: t, ctx: context.Background(), seed: seed, random: rand.New(rand.NewPCG(seed, 4)),
		clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)},
		facts: map[eventlog.Position]*fact{}, newest: map[string]*fact{}, finals: map[string]int{}, byID: map[string]*handout{}}
	w.log = &moodyLog{Memory: eventlogtest.NewMemory(), random: w.random, kept: w.note}
	w.log.Now = w.clock.Now
	w.opts = Options{Prefix: "m", Sources: anySource{}, Lease: time.Minute, Now: w.clock.Now, MaxEventBytes: 8 << 10, logPatience: -1, manual: true}
	w.names = names{"m"}
	all := func(*fact) bool { return true }
	for _, a := range []actor{
		{query: "name=All&version=1", active: true, wants: all},
		{query: "name=P.q/ü-1&version=2.0&r-streams=content,image/", active: true, wants: func(f *fact) bool { return f.format == "image/png" }},
		{query: "name=Src&version=1&r-source=a", active: true, wants: func(f *fact) bool { return f.source == "a" }},
		{query: "name=Watch&version=1", wants: all},
	} {
		a.tasks, a.cells, a.first = map[eventlog.Position]*task{}, map[string]*cellSeen{}, map[string]int64{}
		w.actors = append(w.actors, &a)
	}
	w.start()
	for _, a := range w.actors {
		a.identity = w.parse(a, allFeeds).identity
	}
	return w
}

func (w *world) run() {
	for range stepsPerEpisode {
		w.randomStep()
		w.follow()
		w.check()
	}
	w.finishAll()
}

// history is everything that the log holds, for comparison.
func (w *world) history() string {
	var b strings.Builder
	topics, err := w.log.Memory.Topics(w.ctx)
	if err != nil {
		w.fatalf("%v", err)
	}
	for _, t := range topics {
		for p := range t.Bounds {
			for _, r := range w.records(eventlog.Partition{Topic: t.Name, Index: int32(p)}) {
				fmt.Fprintf(&b, "%s/%d/%d %s %s\n", t.Name, p, r.Position.Offset, r.Key, r.Value)
			}
		}
	}
	return b.String()
}

func (w *world) records(p eventlog.Partition) []eventlog.Record {
	page, err := w.log.Memory.Read(w.ctx, p, 0, eventlog.Limit{Records: 1 << 30, Bytes: 1 << 30})
	if err != nil {
		w.fatalf("%v", err)
	}
	return page.Records
}

func (w *world) tracef(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%4d %s  ", w.step, w.clock.Now().Format("02 15:04:05"))+fmt.Sprintf(format, args...))
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	from := max(0, len(w.trace)-60)
	w.t.Fatalf("LAZULI_SEED=%d, step %d: %s\nthe last steps:\n%s", w.seed, w.step, fmt.Sprintf(format, args...), strings.Join(w.trace[from:], "\n"))
}

func (a *actor) task(at eventlog.Position) *task {
	if a.tasks[at] == nil {
		a.tasks[at] = &task{}
	}
	return a.tasks[at]
}

func (t *task) newest() *handout {
	if len(t.handouts) == 0 {
		return nil
	}
	return t.handouts[len(t.handouts)-1]
}

// live tells whether nobody else may have the event.
func (w *world) live(h *handout) bool { return !h.over && !(h.kept && h.deadline.Before(w.reaped)) }

// follow applies to the model the statuses that the dispatcher has applied.
func (w *world) follow() {
	if w.d == nil {
		return
	}
	for ; w.applied < int(w.d.statuses.position().at(0)); w.applied++ {
		s := w.statuses[w.applied]
		h := w.byID[s.id.String()]
		if h == nil || !w.log.Has(s.at) || s.author != h.actor.identity.Name {
			continue
		}
		last := h.task.newest()
		switch {
		case !s.state.Final():
			if last.kept && w.live(last) {
				last.deadline = w.clock.Now().Add(w.opts.Lease)
			}
		case s.state.Success(), s.state == event.OptOut, s.last, h == last && s.state != event.ErrorNetwork:
			if !h.task.ended {
				h.task.ended, h.task.by = true, s.at
			}
			for _, h := range h.task.handouts {
				h.over = true
			}
		case h == last:
			h.over = true // error-network: again, later
		}
	}
}
