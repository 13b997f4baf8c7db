package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"lazuli/client"
)

// Runner connects plugins to a dispatcher: it registers them, asks for the first job of any of them, runs it, stores what
// it produced, reports, and asks again. There is never more than one job at a time.
type Runner struct {
	d       *client.Dispatcher
	opts    RunnerOptions
	plugins []*hosted
	queries []string // of the plugins, in the same order
	execute func(context.Context, Plugin, Input) *Outcome
}

// RunnerOptions say how a Runner works; the zero value will do.
type RunnerOptions struct {
	Worker       string         // names this process to the dispatcher (see client.EndWorker); "" makes a name up
	TempDir      string         // for what a plugin produces; "" is the system's
	Heartbeat    time.Duration  // between two signs of life while a job runs; 0 is 30 s
	PollDeadline time.Duration  // how long the dispatcher may hold a poll, in whole seconds; 0 is 25 s
	Grace        time.Duration  // for a job to end after its time-out, and after Run's ctx; 0 is 10 s
	Supervised   bool           // somebody else ends this process when a job does not return in time: Run waits for it
	OnJob        func(JobState) // called on every change, never twice at the same time; nil for nobody
	Logger       *slog.Logger   // nil is slog.Default
}

// JobState is what a Runner does. The first one after Run begins is an idle one, when every plugin is registered and the
// dispatcher has answered a poll. In JSON the duration is in nanoseconds.
type JobState struct {
	Job       string        `json:"job,omitempty"` // its id (`dequeued`); "" when idle
	Plugin    string        `json:"plugin,omitempty"`
	SHA256    string        `json:"sha256,omitempty"`
	Begun     time.Time     `json:"begun,omitzero"`
	Timeout   time.Duration `json:"timeout,omitempty"`   // for the plugin; 0 while reporting
	Reporting bool          `json:"reporting,omitempty"` // the plugin is done, its results are being stored
}

// Idle tells whether there is no job.
func (s JobState) Idle() bool { return s.Job == "" }

// ErrHung is what Run returns when a plugin did not return after its time-out, or after Run was told to end: a goroutine
// cannot be stopped, so the process must.
var ErrHung = errors.New("a plugin does not return: the process must be ended")

const (
	defaultTimeout = 10 * time.Minute
	postPatience   = 2 * time.Minute  // how long a finished job's status is kept for a dispatcher that is away
	heartbeatPost  = 10 * time.Second // for one heartbeat
	firstPause     = 200 * time.Millisecond
	longestPause   = 5 * time.Second
)

// NewRunner makes a runner for plugins with different names.
func NewRunner(d *client.Dispatcher, opts RunnerOptions, plugins ...Plugin) (*Runner, error) {
	if len(plugins) == 0 {
		return nil, errors.New("there is no plugin to run")
	}
	if opts.Worker == "" {
		opts.Worker = fmt.Sprintf("runner-%d-%08x", os.Getpid(), rand.Uint32())
	}
	if opts.Heartbeat <= 0 {
		opts.Heartbeat = 30 * time.Second
	}
	if opts.PollDeadline <= 0 {
		opts.PollDeadline = 25 * time.Second
	}
	if opts.Grace <= 0 {
		opts.Grace = 10 * time.Second
	}
	if opts.OnJob == nil {
		opts.OnJob = func(JobState) {}
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	r := &Runner{d: d, opts: opts, execute: Execute}
	names := map[string]bool{}
	for _, p := range plugins {
		h, err := host(p)
		if err != nil {
			return nil, err
		}
		if names[h.spec.Name] {
			return nil, fmt.Errorf("two plugins are called %s: give one of them another name", h.spec.Name)
		}
		names[h.spec.Name] = true
		r.plugins, r.queries = append(r.plugins, h), append(r.queries, h.query)
	}
	return r, nil
}

// Run works until ctx ends; then the job at hand has the grace period to end and be reported, or is left to the dispatcher
// to hand out again. It returns nil, or ErrHung. A dispatcher that is away or refuses something is waited for.
func (r *Runner) Run(ctx context.Context) error {
	var pause backoff
	connected, away := false, false
	for ctx.Err() == nil {
		err := r.round(ctx, !connected)
		switch {
		case errors.Is(err, ErrHung):
			return err
		case ctx.Err() != nil:
			return nil
		case err == nil:
			if away {
				r.opts.Logger.Info("the dispatcher is back", "url", r.d.URL())
			}
			connected, away, pause = true, false, backoff{}
			continue
		case !away:
			r.opts.Logger.Warn("wait for the dispatcher", "url", r.d.URL(), "err", err)
		}
		connected, away = false, true // it may have lost the registrations
		pause.wait(ctx)
	}
	return nil
}

// round asks for one job and runs it. anew says that the plugins must be registered first.
func (r *Runner) round(ctx context.Context, anew bool) error {
	deadline := r.opts.PollDeadline
	if anew {
		for _, h := range r.plugins {
			for _, registration := range h.registrations() {
				if err := r.d.Register(ctx, registration); err != nil {
					return err
				}
			}
		}
		deadline = 0 // answered at once, so that one soon knows that the connection works
	}
	begun := time.Now()
	answer, err := r.d.PollMany(ctx, client.ManyPoll{Worker: r.opts.Worker, Deadline: deadline, Consumers: r.queries})
	if err != nil {
		return err
	}
	if anew {
		r.opts.OnJob(JobState{})
	}
	if answer.Consumer < 0 {
		if time.Since(begun) < deadline/2 {
			return errStopping
		}
		return nil
	}
	return r.job(ctx, r.plugins[answer.Consumer], answer.Event)
}

// errStopping tells that a poll got nothing long before its time: the dispatcher is about to stop, and would answer the next
// poll as fast.
var errStopping = errors.New("it answers polls with nothing: it is stopping")

// backoff waits longer each time: 200 ms, doubling to 5 s, less a random part so that many runners do not come at once.
type backoff struct{ last time.Duration }

// wait returns early if ctx ends.
func (b *backoff) wait(ctx context.Context) {
	b.last = min(max(2*b.last, firstPause), longestPause)
	select {
	case <-time.After(b.last - rand.N(b.last/4)):
	case <-ctx.Done():
	}
}
