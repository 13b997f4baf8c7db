package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"lazuli/client"
	"lazuli/event"
	"lazuli/internal/worker/dispatchertest"
)

// specOnly is a plugin of which tests replace the run.
type specOnly struct{ spec Spec }

func (p specOnly) Spec() Spec                      { return p.spec }
func (p specOnly) Run(context.Context, *Job) error { return nil }

func named(name string) specOnly { return specOnly{Spec{Name: name, Version: "1"}} }

type executeFunc = func(context.Context, Plugin, Input) *Outcome

// testRunner is a runner at work.
type testRunner struct {
	*Runner
	stop func() error // ends it, and returns what Run returned

	mu     sync.Mutex
	states []JobState
}

func (r *testRunner) seen() []JobState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.states)
}

// startRunner runs plugins for s until the test ends. A nil execute is the real one.
func startRunner(t *testing.T, s *dispatchertest.Server, o RunnerOptions, execute executeFunc, plugins ...Plugin) *testRunner {
	t.Helper()
	d, err := client.NewDispatcher(s.URL, client.WithTries(2, time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	r := &testRunner{}
	o.TempDir, o.Logger = t.TempDir(), slog.New(slog.DiscardHandler)
	o.OnJob = func(state JobState) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.states = append(r.states, state)
	}
	if r.Runner, err = NewRunner(d, o, plugins...); err != nil {
		t.Fatal(err)
	}
	if execute != nil {
		r.execute = execute
	}
	ctx, cancel := context.WithCancel(context.Background())
	var result error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		result = r.Run(ctx)
	}()
	r.stop = func() error { cancel(); <-ended; return result }
	t.Cleanup(func() { _ = r.stop() }) // tests that care have looked at the error
	return r
}

func outcome(change func(*Outcome)) executeFunc {
	return func(context.Context, Plugin, Input) *Outcome {
		o := &Outcome{State: event.Completed, Runtime: 1234 * time.Millisecond}
		change(o)
		return o
	}
}

// deep is a plugin with a setting.
type deep struct {
	specOnly
	depth string
}

func (d deep) Settings() []Setting { return []Setting{{"depth", d.depth, "how deep"}} }

func (d deep) With(_, value string) (Plugin, error) {
	if _, err := strconv.Atoi(value); err != nil {
		return nil, errors.New("no number")
	}
	d.depth = value
	return d, nil
}

func TestConfigure(t *testing.T) {
	p := deep{specOnly{Spec{Name: "Deep"}}, "3"}
	changed, err := Configure(p, map[string]string{"depth": "4"})
	if err != nil || changed.(deep).depth != "4" || p.depth != "3" {
		t.Errorf("%+v, %v", changed, err)
	}
	for want, c := range map[string]struct {
		p      Plugin
		values map[string]string
	}{
		"Deep: depth: no number":                      {p, map[string]string{"depth": "x"}},
		`Deep has no setting "dept": there are depth`: {p, map[string]string{"dept": "4"}},
		"Plain has no settings":                       {named("Plain"), map[string]string{"depth": "4"}},
	} {
		if _, err := Configure(c.p, c.values); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestRegistrationAndPoll(t *testing.T) {
	s := dispatchertest.New(t)
	full := deep{specOnly{Spec{
		Name: "Full", Version: "2", Description: "Does much.", Contact: "me@example", Security: "OFFICIAL", Timeout: time.Minute,
		Features: []Feature{{"b", event.Integer, "the b"}, {"a", event.String, ""}},
		Wants: Wants{
			Actions: []event.Action{event.Sourced, event.Augmented}, Sources: []string{"samples"}, MinSize: 3, MaxSize: 99, NotSelf: true,
			Streams: map[event.Label][]string{event.LabelContent: {"text/", "archive/gzip"}, "*": {}},
		},
	}}, "3"}
	startRunner(t, s, RunnerOptions{Worker: "w"}, nil, full, named("Plain"))
	s.Wait(t, "a poll", func() bool { return len(s.Polls()) > 0 })
	registered := s.Plugins()
	if len(registered) != 2 || registered[0].Author != (event.Author{Category: "plugin", Name: "Full", Version: "2", Security: "OFFICIAL"}) {
		t.Fatalf("registered %+v", registered)
	}
	e := registered[0].Entity
	var features []string
	for _, f := range e.Features {
		features = append(features, f.Name)
	}
	if want := []string{"a", "b", "file_extension", "file_format", "filename", "magic", "malformed", "mime"}; !slices.Equal(features, want) {
		t.Errorf("features %v, want %v", features, want)
	}
	for name, text := range e.Config {
		if !json.Valid([]byte(text)) {
			t.Errorf("setting %s is not JSON: %s", name, text)
		}
	}
	if e.Config["depth"] != `"3"` || e.Config["run_timeout"] != "60" || e.Config["filter_allow_event_types"] != `["sourced","augmented"]` {
		t.Errorf("config %v", e.Config)
	}
	want := "d-self=true&deployment_key=Full&name=Full&r-action=sourced&r-action=augmented&r-expedite=true&r-historic=true" +
		"&r-live=true&r-over-content-size=3&r-source=samples&r-streams=%2A%2C&r-streams=content%2Ctext%2F%2Carchive%2Fgzip" +
		"&r-under-content-size=99&version=2 deployment_key=Plain&name=Plain&r-action=sourced&r-action=extracted" +
		"&r-expedite=true&r-historic=true&r-live=true&r-streams=content%2C&version=1"
	if got := s.Polls()[0]; got != want {
		t.Errorf("polled\n%s, want\n%s", got, want)
	}
}

func TestNewRunnerRefuses(t *testing.T) {
	for name, plugins := range map[string][]Plugin{
		"none":       nil,
		"no name":    {named("")},
		"twice":      {named("A"), named("A")},
		"bad type":   {specOnly{Spec{Name: "A", Features: []Feature{{"x", "colour", ""}}}}},
		"before now": {specOnly{Spec{Name: "A", Timeout: -1}}},
	} {
		if _, err := NewRunner(nil, RunnerOptions{}, plugins...); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestHeartbeatsComeBeforeTheEnd(t *testing.T) {
	s := dispatchertest.New(t)
	startRunner(t, s, RunnerOptions{Heartbeat: time.Millisecond}, func(ctx context.Context, _ Plugin, _ Input) *Outcome {
		s.Wait(t, "heartbeats", func() bool { return len(s.Statuses()) >= 3 })
		return &Outcome{State: event.CompletedEmpty}
	}, named("P"))
	sha := s.Submit("P", []byte("input"), "text/plain")
	s.WaitFinal(t, "P", sha)
	for i, status := range s.Statuses() {
		if final := i == len(s.Statuses())-1; final != status.Entity.Status.Final() {
			t.Errorf("status %d of %d is %s", i, len(s.Statuses()), status.Entity.Status)
		}
	}
}

func TestTimeouts(t *testing.T) {
	obedient := func(ctx context.Context, _ Plugin, _ Input) *Outcome {
		<-ctx.Done()
		return &Outcome{State: event.ErrorException, Message: ctx.Err().Error()}
	}
	release := make(chan struct{})
	defer close(release)
	stuck := func(context.Context, Plugin, Input) *Outcome { <-release; return &Outcome{} }
	for _, c := range []struct {
		name    string
		execute executeFunc
		hung    bool
	}{{"obedient", obedient, false}, {"stuck", stuck, true}} {
		t.Run(c.name, func(t *testing.T) {
			s := dispatchertest.New(t)
			p := specOnly{Spec{Name: "P", Version: "1", Timeout: 20 * time.Millisecond}}
			r := startRunner(t, s, RunnerOptions{Grace: 20 * time.Millisecond}, c.execute, p)
			got := s.WaitFinal(t, "P", s.Submit("P", []byte("input"), "text/plain"))
			if got.Entity.Status != event.ErrorTimeout || !strings.Contains(got.Entity.Message, "P timed out on job") {
				t.Errorf("%s %q", got.Entity.Status, got.Entity.Message)
			}
			if err := r.stop(); errors.Is(err, ErrHung) != c.hung {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

func TestStop(t *testing.T) {
	begun := make(chan struct{})
	t.Run("the job ends in time", func(t *testing.T) {
		s := dispatchertest.New(t)
		finish := make(chan struct{})
		r := startRunner(t, s, RunnerOptions{}, func(context.Context, Plugin, Input) *Outcome {
			begun <- struct{}{}
			<-finish
			return &Outcome{State: event.CompletedEmpty}
		}, named("P"))
		sha := s.Submit("P", []byte("input"), "text/plain")
		<-begun
		time.AfterFunc(20*time.Millisecond, func() { close(finish) }) // after Run's context has ended
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if got := s.WaitFinal(t, "P", sha); got.Entity.Status != event.CompletedEmpty {
			t.Errorf("%s", got.Entity.Status)
		}
	})
	t.Run("the job is given back", func(t *testing.T) {
		s := dispatchertest.New(t)
		r := startRunner(t, s, RunnerOptions{Grace: 10 * time.Millisecond}, func(ctx context.Context, _ Plugin, _ Input) *Outcome {
			begun <- struct{}{}
			<-ctx.Done()
			return &Outcome{State: event.ErrorException}
		}, named("P"))
		s.Submit("P", []byte("input"), "text/plain")
		<-begun
		if err := r.stop(); err != nil || len(s.Statuses()) > 0 || len(s.Out()) != 1 {
			t.Errorf("Run: %v; statuses %v, out %v", err, s.Statuses(), s.Out())
		}
	})
}

// A dispatcher that is away is waited for, and gets the registrations again.
func TestReconnect(t *testing.T) {
	s := dispatchertest.New(t)
	var refused atomic.Int32
	away := func(r *http.Request) int { refused.Add(1); return http.StatusBadGateway }
	s.Fail(away)
	r := startRunner(t, s, RunnerOptions{PollDeadline: time.Second}, nil, named("P"))
	s.Wait(t, "two refusals", func() bool { return refused.Load() >= 2 })
	s.Fail(nil)
	s.WaitFinal(t, "P", s.Submit("P", []byte("one"), "text/plain"))
	if len(s.Plugins()) != 1 {
		t.Errorf("%d registrations", len(s.Plugins()))
	}
	s.Fail(func(r *http.Request) int {
		if r.URL.Path == "/api/v1/poll" {
			s.Fail(nil)
			return http.StatusServiceUnavailable
		}
		return 0
	})
	s.Wait(t, "a second registration", func() bool { return len(s.Plugins()) == 2 })
	s.WaitFinal(t, "P", s.Submit("P", []byte("two"), "text/plain"))
	if err := r.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// A status that the dispatcher refuses becomes an error that it takes.
func TestRefusedStatus(t *testing.T) {
	s := dispatchertest.New(t)
	var refused atomic.Bool
	s.Fail(func(r *http.Request) int {
		if r.URL.Query().Get("model") == "status" && !refused.Swap(true) {
			return http.StatusUnprocessableEntity
		}
		return 0
	})
	startRunner(t, s, RunnerOptions{}, outcome(func(*Outcome) {}), named("P"))
	got := s.WaitFinal(t, "P", s.Submit("P", []byte("input"), "text/plain"))
	if got.Entity.Status != event.ErrorOutput || !strings.Contains(got.Entity.Message, "422") {
		t.Errorf("%s %q", got.Entity.Status, got.Entity.Message)
	}
}

func TestOnJobTellsEveryStep(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) }) // after the server and the runner have ended
	s := dispatchertest.New(t)
	closed := false
	r := startRunner(t, s, RunnerOptions{}, outcome(func(o *Outcome) { o.cleanup = append(o.cleanup, func() { closed = true }) }), named("P"))
	s.Wait(t, "a poll", func() bool { return len(s.Polls()) > 0 })
	sha := s.Submit("P", []byte("input"), "text/plain")
	s.WaitFinal(t, "P", sha)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, state := range r.seen() {
		steps = append(steps, fmt.Sprint(state.Plugin, state.SHA256 == sha, state.Timeout, state.Reporting, state.Idle()))
	}
	want := []string{"false 0s false true", "Ptrue 10m0s false false", "Ptrue 0s true false", "false 0s false true"}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Error(diff)
	}
	if !closed {
		t.Error("the outcome was not closed")
	}
}

func TestInputThatCannotBeRead(t *testing.T) {
	for raw, named := range map[string]bool{
		`{"dequeued":"a.b.1.2","kafka_key":"k","entity":{"size":"big"}}`: true,
		`{"dequeued":5}`:       false,
		`{"kafka_key":"k"}`:    false,
		`{"dequeued":"a.b.1`:   false,
		`{"dequeued":"a.b.1"}`: true,
	} {
		input, err := decodeInput(json.RawMessage(raw))
		if (input != nil) != named || input == nil && err == nil || named && !strings.HasPrefix(input.Dequeued, "a.b.1") {
			t.Errorf("%s gives %+v, %v", raw, input, err)
		}
	}
}
