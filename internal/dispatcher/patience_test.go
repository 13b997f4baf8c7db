package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// awayLog takes nothing while it is away.
type awayLog struct {
	eventlog.Log
	away  atomic.Bool
	asked chan struct{} // gets a token for each append that it refused
}

func (l *awayLog) Append(ctx context.Context, records []eventlog.Record) ([]eventlog.Position, error) {
	if l.away.Load() {
		select {
		case l.asked <- struct{}{}:
		default:
		}
		return nil, errors.New("the log is away")
	}
	return l.Log.Append(ctx, records)
}

// lateLog answers each call but the first of its kind.
type lateLog struct {
	eventlog.Log
	mu   sync.Mutex
	late map[string]int // by call, how often it was made; nil is never late
}

func (l *lateLog) calls(call string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.late[call]
}

// begin makes calls late from now on, but for some.
func (l *lateLog) begin(but ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = map[string]int{}
	for _, call := range but {
		l.late[call] = 1
	}
}

func (l *lateLog) first(call string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.late == nil {
		return nil
	}
	if l.late[call]++; l.late[call] > 1 {
		return nil
	}
	return fmt.Errorf("%s: %w", call, eventlog.ErrAway)
}

func (l *lateLog) Topics(ctx context.Context) ([]eventlog.TopicState, error) {
	if err := l.first("list"); err != nil {
		return nil, err
	}
	return l.Log.Topics(ctx)
}

func (l *lateLog) EnsureTopics(ctx context.Context, topics []eventlog.Topic) error {
	if err := l.first("ensure " + topics[0].Name); err != nil {
		return err
	}
	return l.Log.EnsureTopics(ctx, topics)
}

func (l *lateLog) Bounds(ctx context.Context, p eventlog.Partition) (eventlog.Bounds, error) {
	if err := l.first("bounds " + p.Topic); err != nil {
		return eventlog.Bounds{}, err
	}
	return l.Log.Bounds(ctx, p)
}

func (l *lateLog) Read(ctx context.Context, p eventlog.Partition, offset int64, limit eventlog.Limit) (eventlog.Page, error) {
	if err := l.first("read " + p.Topic); err != nil {
		return eventlog.Page{}, err
	}
	return l.Log.Read(ctx, p, offset, limit)
}

// TestStartWaitsForTheLog: a dispatcher that starts while the log does not answer starts when it does, with all that it knew.
func TestStartWaitsForTheLog(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"), b.file("src", "y"))
	out := b.mustPoll("P", "x")
	log := &lateLog{late: map[string]int{}}
	b.aroundLog = func(l eventlog.Log) eventlog.Log { log.Log = l; return log }
	b.restart()
	log.mu.Lock()
	for _, call := range []string{"list", "ensure azul.lazuli.src.binary.sourced", "bounds azul.lazuli.system.status", "read azul.lazuli.system.progress"} {
		if log.late[call] < 2 {
			t.Errorf("the start never asked again: %s; it asked %v", call, log.late)
		}
	}
	log.late = nil // from here on it answers
	log.mu.Unlock()
	b.mustPoll("P", "y")
	b.status(out, "P", event.Completed)
	b.mustIdle("P")
}

// TestNewSourceWaitsForTheLog: a final status whose results go to a source that this life has not seen waits for its topics.
func TestNewSourceWaitsForTheLog(t *testing.T) {
	b := newBench(t)
	log := &lateLog{}
	b.aroundLog = func(l eventlog.Log) eventlog.Log { log.Log = l; return log }
	b.publish(b.file("src", "x"))
	b.restart()
	job := b.mustPoll("P", "x")
	log.begin()
	if _, err := b.d.Publish(t.Context(), b.file("src", "y")); !errors.Is(err, eventlog.ErrAway) {
		t.Fatalf("an event does not wait: %v", err)
	}
	log.begin("bounds azul.lazuli.system.status", "read azul.lazuli.system.status")
	child := b.file("src", "child")
	child.Author = event.Author{Category: "plugin", Name: "P", Version: "1"}
	b.status(job, "P", event.Completed, *child)
	if n := log.calls("ensure azul.lazuli.src.binary.sourced"); n != 2 {
		t.Errorf("the topics were asked for %d times", n)
	}
}

// TestNoTryThatWouldEndTooLate: an append that fails late is not begun again when its client would have gone by its end.
func TestNoTryThatWouldEndTooLate(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	tries := 0
	late := func(context.Context) error {
		if tries++; tries > 1 {
			return nil
		}
		<-time.After(350 * time.Millisecond) // of 600: what is left is less, on a slow machine even more so
		return eventlog.ErrAway
	}
	if err := b.d.patiently(ctx, time.Now().Add(600*time.Millisecond), late); !errors.Is(err, eventlog.ErrAway) || tries != 1 {
		t.Errorf("%d tries: %v", tries, err)
	}
}

// TestNewSourceHoldsNobodyUp: while the topics of a source are made, others are published to.
func TestNewSourceHoldsNobodyUp(t *testing.T) {
	b := newBench(t)
	log := &slowLog{begun: make(chan struct{}), goOn: make(chan struct{})}
	b.aroundLog = func(l eventlog.Log) eventlog.Log { log.Log = l; return log }
	b.restart()
	b.publish(b.file("src", "x"))
	made := make(chan error)
	file := b.file("slow", "y")
	go func() {
		_, err := b.d.Publish(t.Context(), file)
		made <- err
	}()
	<-log.begun
	b.publish(b.file("src", "z"))
	close(log.goOn)
	if err := <-made; err != nil {
		t.Error(err)
	}
}

// slowLog makes the topics of the source "slow" when it is told to.
type slowLog struct {
	eventlog.Log
	begun, goOn chan struct{}
}

func (l *slowLog) EnsureTopics(ctx context.Context, topics []eventlog.Topic) error {
	if strings.Contains(topics[0].Name, ".slow.") {
		close(l.begun)
		<-l.goOn
	}
	return l.Log.EnsureTopics(ctx, topics)
}

// TestStatusThatCannotBePlaced: the status of a job that was handed out by an instance which knew more of the log is kept until the
// log says how far it goes.
func TestStatusThatCannotBePlaced(t *testing.T) {
	b := newBench(t)
	log := &lateLog{}
	b.aroundLog = func(l eventlog.Log) eventlog.Log { log.Log = l; return log }
	b.opts.manual = true // nobody else looks at the topics
	b.restart()
	b.publish(b.file("src", "x"))
	job := b.mustPoll("P", "x")
	id, _ := event.ParseJobID(job.Dequeued)
	_, cl := b.d.findCell(id)
	cl.tail.end.Store(0)
	status := *job
	status.Entity.Datastreams = nil
	st := &event.Status{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()), Author: event.Author{Category: "plugin", Name: "P", Version: "1"}},
		Entity: event.StatusEntity{Input: status, Status: event.Completed}}
	log.begin("bounds azul.lazuli.system.status", "read azul.lazuli.system.status") // late is only where events are
	if _, err := b.d.Publish(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if err := b.d.statuses.catchUp(t.Context()); !errors.Is(err, eventlog.ErrAway) {
		t.Errorf("the log does not say where the topic ends: %v", err)
	}
	b.settle()
	b.clock.advance(time.Hour)
	b.d.reap(t.Context())
	b.mustIdle("P")
}

// TestStartSaysWhatStays: any other trouble ends a start at once, and so does its end.
func TestStartSaysWhatStays(t *testing.T) {
	b := newBench(t)
	b.opts.Registry = nil
	for _, trouble := range []error{eventlog.ErrFenced, eventlog.ErrAway} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		log := &refusingLog{Log: b.log, refusal: trouble, refused: cancel}
		if _, err := New(ctx, log, b.store, b.opts); !errors.Is(err, trouble) {
			t.Errorf("%v: %v", trouble, err)
		}
	}
}

// refusingLog makes no topics.
type refusingLog struct {
	eventlog.Log
	refusal error
	refused func()
}

func (l *refusingLog) EnsureTopics(context.Context, []eventlog.Topic) error {
	l.refused()
	return l.refusal
}

func TestLogAway(t *testing.T) {
	b := newBench(t)
	log := &awayLog{asked: make(chan struct{}, 1)}
	b.aroundLog = func(l eventlog.Log) eventlog.Log { log.Log = l; return log }
	b.opts.logPatience = 500 * time.Millisecond
	b.restart()
	b.publish(b.file("src", "x"))
	job := b.mustPoll("P", "x")
	post := func(model string, ev event.Event) (int, string, http.Header) {
		req, err := http.NewRequest("POST", b.server.URL+"/api/v2/event?model="+model, strings.NewReader(mustJSON(t, []any{ev})))
		if err != nil {
			t.Fatal(err)
		}
		res, body := b.send(req)
		return res.StatusCode, string(body), res.Header
	}
	status := func(state event.State) *event.Status {
		input := *job
		input.Entity.Datastreams = nil
		return &event.Status{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()),
			Author: event.Author{Category: "plugin", Name: "P", Version: "1"}}, Entity: event.StatusEntity{Input: input, Status: state}}
	}
	registration := &event.Plugin{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()), Author: event.Author{Name: "P", Version: "1"}},
		Entity: event.PluginEntity{Name: "P", Version: "1"}}

	log.away.Store(true)
	if code, body, _ := post("status", status(event.Heartbeat)); code != 200 {
		t.Errorf("a heartbeat: %d %s", code, body)
	}
	if code, _, head := post("binary", b.file("src", "y")); code != 503 || head.Get("Retry-After") == "" {
		t.Errorf("an event: %d %v", code, head)
	}
	for model, ev := range map[string]event.Event{"status": status(event.Completed), "plugin": registration} {
		begun := time.Now()
		if code, body, head := post(model, ev); code != 503 || head.Get("Retry-After") == "" || time.Since(begun) < b.opts.logPatience {
			t.Errorf("a %s: %d %s after %s", model, code, body, time.Since(begun))
		}
	}
	if ev, info := b.poll("P", allFeeds); ev != nil || info.Filtered != 1 {
		t.Errorf("a poll: %v %+v", ev, info)
	}

	<-log.asked
	answered := make(chan int)
	go func() {
		code, _, _ := post("status", status(event.Completed))
		answered <- code
	}()
	<-log.asked
	log.away.Store(false)
	if code := <-answered; code != 200 {
		t.Errorf("a status that waited: %d", code)
	}
	b.settle()
	b.clock.advance(time.Hour)
	b.d.reap(t.Context())
	b.mustIdle("P")
}
