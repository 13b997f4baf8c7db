package dispatcher

import (
	"context"
	"errors"
	"net/http"
	"strings"
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
