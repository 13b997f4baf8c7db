package dispatcher

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHistoricEndsWhereLiveBegan(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"), b.file("src", "two"))
	first := b.mustPoll("P", "one") // the consumer is born here: one and two are historic
	b.publish(b.file("src", "three"))
	b.status(first, "P", event.Completed)
	b.status(b.mustPoll("P", "three"), "P", event.Completed) // live goes first
	b.status(b.mustPoll("P", "two"), "P", event.CompletedEmpty)
	b.mustIdle("P")
}

func TestFeedsThatAreNotAskedForStandStill(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "old"))
	if got, _ := b.poll("P", "r-live=true"); got != nil {
		t.Fatalf("live gave the historic %s", got.Entity.SHA256)
	}
	b.publish(b.file("src", "new"))
	got, _ := b.poll("P", "r-live=true")
	if got == nil {
		t.Fatal("live gave nothing")
	}
	b.status(got, "P", event.Completed)
	b.status(b.mustPoll("P", "old"), "P", event.Completed)
	b.mustIdle("P")
}

func TestExpediteGoesFirst(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	urgent := b.file("src", "urgent")
	urgent.Flags.Expedite = true
	b.publish(b.file("src", "normal"), urgent)
	job := b.mustPoll("P", "urgent")
	if !job.Flags.Expedite {
		t.Error("the flag is gone")
	}
	b.status(job, "P", event.Completed)
	b.mustPoll("P", "normal")
}

func TestNewSourceIsNoticed(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	b.publish(b.file("brand-new", "x"))
	b.mustPoll("P", "x")
}

func TestWaitingPollIsAnsweredByAnEvent(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	got := make(chan *event.Binary)
	go func() {
		ev, _ := b.poll("P", allFeeds+"&deadline=30")
		got <- ev
	}()
	b.publish(b.file("src", "wake"))
	if ev := <-got; ev == nil {
		t.Fatal("the poll ended without the event")
	}
}

func TestIdleAnswerMakesTheRunnerPollAgain(t *testing.T) {
	b := newBench(t)
	_, info := b.poll("P", allFeeds)
	if info.Filtered != 1 || info.Filters[longPollIdle] != 1 || !info.Ready || info.Fetched != 0 {
		t.Errorf("idle answer %+v", info)
	}
	b.d.Drain()
	_, info = b.poll("P", allFeeds)
	if info.Filtered != 0 {
		t.Errorf("while draining: %+v, want filtered 0 so that the runner sleeps", info)
	}
}

func TestSkipsAreCounted(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "a text"))
	_, info := b.poll("P", allFeeds+"&r-streams="+url.QueryEscape("content,image/"))
	if info.Filters[skipFormat] != 1 || info.Filtered != 1 {
		t.Errorf("info %+v", info)
	}
	if _, info = b.poll("P", allFeeds+"&r-streams="+url.QueryEscape("content,image/")); info.Filters[skipFormat] != 0 {
		t.Errorf("the same event was looked at twice: %+v", info)
	}
}

func TestLeaseRunsOut(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	first := b.mustPoll("P", "x")
	b.mustIdle("P")
	b.clock.advance(50 * time.Second)
	b.status(first, "P", event.Heartbeat) // now it holds a minute from here
	b.clock.advance(50 * time.Second)
	b.d.reap(t.Context())
	b.mustIdle("P")
	b.clock.advance(11 * time.Second)
	b.d.reap(t.Context())
	second := b.mustPoll("P", "x")
	if first.Dequeued == second.Dequeued {
		t.Error("two hand-outs have one id")
	}
	b.status(first, "P", event.Completed) // late is not wrong
	b.clock.advance(time.Hour)
	b.d.reap(t.Context())
	b.mustIdle("P")
}

// TestPartsKeepTheLease: while a part of a multiplugin runs, azul-runner sends its heartbeats in the part's name.
func TestPartsKeepTheLease(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	job := b.mustPoll("P", "x")
	for _, said := range []event.State{event.Heartbeat, event.Completed, event.ErrorException, event.Heartbeat} {
		b.clock.advance(50 * time.Second)
		b.status(job, "P-part", said)
		b.d.reap(t.Context())
		b.mustIdle("P")
	}
	b.clock.advance(50 * time.Second)
	b.status(job, "Person", event.Heartbeat) // no part of P
	b.clock.advance(11 * time.Second)
	b.d.reap(t.Context())
	b.mustPoll("P", "x")
}

func TestErrorOfAnOlderAttemptDoesNotEndTheJob(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	first := b.mustPoll("P", "x")
	b.clock.advance(2 * time.Minute)
	b.d.reap(t.Context())
	second := b.mustPoll("P", "x")
	b.status(first, "P", event.ErrorException)
	b.clock.advance(2 * time.Minute)
	b.d.reap(t.Context())
	b.mustPoll("P", "x")
	b.status(second, "P", event.Completed)
	b.mustIdle("P")
}

func TestAttemptsAreBounded(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "poison"), b.file("src", "good"))
	for range 3 {
		b.mustPoll("P", "poison")
		b.clock.advance(2 * time.Minute)
		b.d.reap(t.Context())
	}
	b.d.reap(t.Context())
	b.status(b.mustPoll("P", "good"), "P", event.Completed)
	b.mustIdle("P")

	dead := b.records("azul.lazuli.system.dead")
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	var letter DeadLetter
	if err := json.Unmarshal(dead[0].Value, &letter); err != nil {
		t.Fatal(err)
	}
	if letter.Plugin != "P" || letter.Attempts != 3 || !strings.Contains(letter.Reason, "3 attempts") {
		t.Errorf("dead letter %+v", letter)
	}
	var last *event.Status
	for _, r := range b.records("azul.lazuli.system.status") {
		ev, err := event.Decode(event.ModelStatus, r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if st := ev.(*event.Status); st.Entity.Status == event.ErrorTimeout {
			last = st
		}
	}
	if last == nil || last.Author.Name != "P" || last.Author.Version != "1" {
		t.Errorf("no error in the plugin's name: %+v", last)
	}
	b.restart()
	b.mustIdle("P")
}

func TestNetworkErrorIsTriedAgainLater(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	b.status(b.mustPoll("P", "x"), "P", event.ErrorNetwork)
	b.mustIdle("P")
	b.clock.advance(31 * time.Second)
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	b.mustIdle("P")
}

func TestClientThatLeavesGivesItsJobBack(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	p, err := b.d.parsePoll("binary", url.Values{"name": {"P"}, "version": {"1"}, "r-historic": {"true"}, "r-live": {"true"}, "r-expedite": {"true"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	a := b.d.poll(t.Context(), []*poll{p}, "", 1, time.Second)
	if len(a.jobs) != 1 {
		t.Fatal("no job")
	}
	a.finish(outcomeLeft) // what getEvents does when the write failed
	b.mustPoll("P", "x")
}

func TestWorkerGoneEndsItsAttemptsAtOnce(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	poll := map[string]any{"worker": "w1", "deadline": 1, "consumers": []string{"name=A&version=1&" + allFeeds, "name=B&version=1&" + allFeeds}}
	seen := map[int]bool{}
	for range 2 {
		code, body := b.call("POST", "/api/v1/poll", poll)
		var got struct {
			Consumer int             `json:"consumer"`
			Event    json.RawMessage `json:"event"`
		}
		if err := json.Unmarshal(body, &got); code != 200 || err != nil || got.Event == nil {
			t.Fatalf("%d %s", code, body)
		}
		seen[got.Consumer] = true
	}
	if !seen[0] || !seen[1] {
		t.Errorf("consumers served: %v", seen)
	}
	if code, body := b.call("POST", "/api/v1/poll", poll); code != 200 || strings.TrimSpace(string(body)) != `{"consumer":-1}` {
		t.Fatalf("idle: %d %s", code, body)
	}
	if code, body := b.call("DELETE", "/api/v1/workers/w1?state=error-out-of-memory&message=killed", nil); code != 200 || string(body) != `{"ended":2}` {
		t.Fatalf("%d %s", code, body)
	}
	b.mustPoll("A", "x")
	b.mustPoll("B", "x")
}

func TestRestart(t *testing.T) {
	for _, how := range []string{"stop", "crash"} {
		t.Run(how, func(t *testing.T) {
			b := newBench(t)
			b.publish(b.file("src", "done"), b.file("src", "out"), b.file("src", "waiting"))
			done, out := b.mustPoll("P", "done"), b.mustPoll("P", "out")
			if how == "crash" {
				if err := b.d.progress.flush(t.Context(), false); err != nil {
					t.Fatal(err)
				}
				b.status(done, "P", event.Completed) // acknowledged, and not in any progress record
				b.crash()
				b.start()
			} else {
				b.status(done, "P", event.Completed)
				b.restart()
			}
			b.status(b.mustPoll("P", "waiting"), "P", event.Completed)
			b.mustIdle("P") // out is still out
			b.status(out, "P", event.Completed)
			b.clock.advance(time.Hour)
			b.d.reap(t.Context())
			b.mustIdle("P")
		})
	}
}

func TestStatusOfAJobThatNoProgressRecordKnows(t *testing.T) {
	b := newBench(t)
	b.mustIdle("P")
	b.opts.flushEvery = time.Hour // so that no record knows of the jobs
	b.restart()
	b.publish(b.file("src", "one"), b.file("src", "two"))
	one, two := b.mustPoll("P", "one"), b.mustPoll("P", "two")
	b.status(two, "P", event.Completed)
	b.crash()
	b.start()
	again := b.mustPoll("P", "one") // at most once per change of owner
	b.mustIdle("P")
	b.status(one, "P", event.Completed)
	b.status(again, "P", event.Completed)
	b.mustIdle("P")
}

func TestReleaseWorkersCountsNoAttempt(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	poll := map[string]any{"worker": "local-1", "deadline": 1, "consumers": []string{"name=A&version=1&" + allFeeds}}
	for range 10 {
		if code, body := b.call("POST", "/api/v1/poll", poll); code != 200 || !strings.Contains(string(body), `"consumer":0`) {
			t.Fatalf("%d %s", code, body)
		}
		b.restart()
		if n := b.d.ReleaseWorkers("local-"); n != 1 {
			t.Fatalf("released %d", n)
		}
	}
}

func TestResultsComeBeforeTheirStatus(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	job := b.mustPoll("P", "x")
	result := *job
	result.Head = event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()), Author: event.Author{Category: "plugin", Name: "P", Version: "1"}}
	result.Action = event.Enriched
	result.Entity = event.Entity{SHA256: job.Entity.SHA256, Features: []event.Feature{{Name: "f", Type: event.String, Value: "v"}}}
	result.Source.Path = append(result.Source.Path, event.PathNode{Author: result.Author, Action: event.Enriched, SHA256: job.Entity.SHA256, Timestamp: result.Timestamp})
	b.status(job, "P", event.Completed, result)

	records := b.records("azul.lazuli.src.binary.enriched")
	if len(records) != 1 {
		t.Fatalf("%d results", len(records))
	}
	routing, err := event.ParseRouting(records[0].Header)
	if err != nil {
		t.Fatal(err)
	}
	if routing.Input != job.KafkaKey || routing.Run == "" || !strings.HasPrefix(job.Dequeued, routing.Run) {
		t.Errorf("input %q run %q, want those of %q", routing.Input, routing.Run, job.Dequeued)
	}
	if bytes.Contains(records[0].Value, []byte("dequeued")) {
		t.Error("the result carries the job's id")
	}
	statuses := b.records("azul.lazuli.system.status")
	if len(statuses) != 1 || bytes.Contains(statuses[0].Value, []byte(`"results"`)) {
		t.Errorf("statuses: %d, the results are still inside", len(statuses))
	}
	b.status(job, "P", event.Completed, result) // doing it twice changes nothing
	if n := len(b.records("azul.lazuli.src.binary.enriched")); n != 1 {
		t.Errorf("%d results after the second post", n)
	}
}

func TestInvalidStatusEndsTheJobAndIsAccepted(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"), b.file("src", "y"))
	x, y := b.mustPoll("P", "x"), b.mustPoll("P", "y")
	bad := *x
	bad.Action = "nonsense"
	b.status(x, "P", event.Completed, bad)
	code, body := b.call("POST", "/api/v2/event?model=status", fmt.Sprintf(
		`[{"model_version":6,"author":{"name":"P","version":"1"},"entity":{"input":{"dequeued":%q,"kafka_key":%q},"status":17}}]`, y.Dequeued, y.KafkaKey))
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	b.settle()
	b.clock.advance(time.Hour)
	b.d.reap(t.Context())
	b.mustIdle("P")
	for _, r := range b.records("azul.lazuli.system.status") {
		ev, err := event.Decode(event.ModelStatus, r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if st := ev.(*event.Status); st.Entity.Status != event.ErrorOutput || st.Entity.Message == "" {
			t.Errorf("status %+v", st.Entity)
		}
	}
}

func TestCompactedJobIsSuperseded(t *testing.T) {
	b := newBench(t)
	if onKafka() {
		t.Skip("Kafka keeps the older event for a while, and it is handed out")
	}
	b.mustIdle("P")
	b.publish(b.file("src", "x"), b.file("src", "y"))
	b.mustPoll("P", "x") // looks ahead: y waits
	again := b.file("src", "y")
	again.Entity.FileFormat = "text/html"
	b.publish(again)
	if job := b.mustPoll("P", "y"); job.Entity.FileFormat != "text/html" {
		t.Errorf("got the replaced event")
	}
	b.mustIdle("P")
}

func TestPending(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	at := []string{"azul.lazuli.src.binary.sourced/0/0"}
	pending := func() string {
		t.Helper()
		list, _, err := b.d.Pending(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		var states []string
		for _, p := range list {
			states = append(states, p.Plugin+" "+p.State)
		}
		return strings.Join(states, ", ")
	}
	if got := pending(); got != "" {
		t.Errorf("nobody works, and %q is pending", got)
	}
	if _, info := b.poll("B", allFeeds+"&r-streams="+url.QueryEscape("content,image/")); info.Filtered != 1 {
		t.Fatalf("%+v", info)
	}
	job := b.mustPoll("A", "x")
	if got := pending(); got != "A running" {
		t.Errorf("pending %q", got)
	}
	b.status(job, "A", event.Completed)
	if got := pending(); got != "" {
		t.Errorf("pending %q", got)
	}
}

func TestPassivePollsEndWithTheAnswer(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"), b.file("src", "y"))
	events, info := b.pollModel("binary/passive", "name=ingest&version=1&count=100&deadline=1&r-historic=true")
	if len(events) != 2 || info.Fetched != 2 || bytes.Contains(events[0], []byte("dequeued")) {
		t.Fatalf("%d events: %s", len(events), events)
	}
	if events, _ = b.pollModel("binary/passive", "name=ingest&version=1&count=100&deadline=1&r-historic=true"); len(events) != 0 {
		t.Errorf("again %d events", len(events))
	}
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	if events, _ = b.pollModel("status/passive", "name=ingest&version=1&count=100&deadline=1&r-historic=true&r-live=true"); len(events) != 1 {
		t.Errorf("%d statuses", len(events))
	}
}

func TestCommittedGroupsHaveTheStandardNames(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	b.status(b.mustPoll("P", "x"), "P", event.Completed)
	b.mustIdle("P")
	b.restart()
	offsets, err := b.log.Committed(t.Context(), "lazuli-azul-P-1-binary-allsrc-alltype-ELH-historic")
	if err != nil {
		t.Fatal(err)
	}
	if got := offsets[eventlog.Partition{Topic: "azul.lazuli.src.binary.sourced"}]; got != 1 {
		groups, _ := b.log.Groups(t.Context())
		t.Errorf("committed %v; groups %q", offsets, groups)
	}
}
