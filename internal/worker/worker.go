// Package worker runs the built-in plugins in child processes, each with one job at a time in a sandbox. A child that dies,
// hangs or takes too much memory costs one job one attempt, which ends at once.
//
// The parent has a Host; the children, started by it, run Main. They talk to the dispatcher themselves and tell the parent
// through a pipe what they are at. The package knows nothing of what plugins do. Begin with Host.Run and Main.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"lazuli/event"
)

// Options say what a Host starts.
type Options struct {
	ID            string // begins the names of its workers; "" makes one up
	Executable    string // "" is this program
	Args          []string
	Workers       int // how many children; 0 is one for each processor
	DispatcherURL string
	Token         string                       // shown to the dispatcher; "" is none, or user and password in the URL
	CA            string                       // PEM of who may sign its certificate; "" is whom the system trusts
	Settings      map[string]map[string]string // of plugins, for the child to apply
	MemoryLimit   int64                        // of one child in bytes; 0 is 1 GiB
	Grace         time.Duration                // for a job to end after its time-out, and after Run's ctx; 0 is 10 s
	TempDir       string                       // belongs to this Host alone: what is left in it is removed; "" is a new one
	Logger        *slog.Logger                 // nil is slog.Default

	// OnGone is told at once when a child has died on its own or was killed, so that its jobs can be handed out again. It is
	// called from several goroutines, and not for children that Run's end stops.
	OnGone func(worker string, state event.State, message string)
}

// Host keeps children running.
type Host struct {
	opts   Options
	starts *spawner
	logger *slog.Logger

	mu    sync.Mutex
	ready int           // slots whose child has polled
	all   chan struct{} // closed when all have
	last  string        // why a child died last
}

// NewHost checks the options. Nothing is started yet.
func NewHost(o Options) (*Host, error) {
	if o.DispatcherURL == "" {
		return nil, errors.New("workers need the dispatcher's URL")
	}
	if o.Workers < 0 || o.MemoryLimit < 0 || o.Grace < 0 {
		return nil, errors.New("workers cannot have a negative number, memory limit or grace period")
	}
	if o.ID == "" {
		o.ID = fmt.Sprintf("host%08x", rand.Uint32())
	}
	if o.Executable == "" {
		exe, err := thisProgram()
		if err != nil {
			return nil, fmt.Errorf("find the program to start workers with: %w", err)
		}
		o.Executable = exe
	}
	if o.Args == nil {
		o.Args = []string{"worker"}
	}
	if o.Workers == 0 {
		o.Workers = runtime.NumCPU()
	}
	if o.MemoryLimit == 0 {
		o.MemoryLimit = 1 << 30
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.OnGone == nil {
		o.OnGone = func(string, event.State, string) {}
	}
	return &Host{opts: o, logger: o.Logger, all: make(chan struct{})}, nil
}

// ID begins the names of the host's workers: they are ID-number-generation.
func (h *Host) ID() string { return h.opts.ID }

// Run starts the children and keeps them running until ctx ends. Then each may finish its job within the grace period; when
// Run returns, all are gone. It may be called once.
func (h *Host) Run(ctx context.Context) error {
	dir, err := h.tempDir()
	if err != nil {
		return fmt.Errorf("make a folder for workers: %w", err)
	}
	defer os.RemoveAll(dir)
	h.starts = newSpawner()
	defer h.starts.stop()
	var slots sync.WaitGroup
	for n := range h.opts.Workers {
		slots.Go(func() { h.slot(ctx, n, dir) })
	}
	slots.Wait()
	return nil
}

// tempDir makes the folder that holds those of the workers, and removes what a host that was killed left there.
func (h *Host) tempDir() (string, error) {
	if h.opts.TempDir == "" {
		return os.MkdirTemp("", "lazuli-workers-")
	}
	dir := filepath.Join(h.opts.TempDir, "workers")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// Ready waits until every child has registered its plugins and polled once.
func (h *Host) Ready(ctx context.Context) error {
	select {
	case <-h.all:
		return nil
	case <-ctx.Done():
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.last != "" {
			return fmt.Errorf("%d of %d workers are ready, the last trouble was: %s: %w", h.ready, h.opts.Workers, h.last, context.Cause(ctx))
		}
		return fmt.Errorf("%d of %d workers are ready: %w", h.ready, h.opts.Workers, context.Cause(ctx))
	}
}

// slot keeps one child running: the next generation starts when one is gone.
func (h *Host) slot(ctx context.Context, n int, dir string) {
	var pause time.Duration
	once := sync.OnceFunc(h.slotReady)
	for generation := 1; ctx.Err() == nil; generation++ {
		name := fmt.Sprintf("%s-%d-%d", h.opts.ID, n, generation)
		worked := false
		p, err := h.start(name, filepath.Join(dir, fmt.Sprint(n)))
		if err == nil {
			var end *death
			worked, end = h.supervise(ctx, p, once)
			if end == nil {
				return
			}
			err = errors.New(end.message)
			h.logger.Warn("a worker is gone", "worker", name, "state", string(end.state), "why", end.message)
			h.opts.OnGone(name, end.state, end.message)
		} else {
			h.logger.Error("a worker does not start", "worker", name, "err", err)
		}
		h.mu.Lock()
		h.last = err.Error()
		h.mu.Unlock()
		if pause = nextPause(pause, worked); pause == 0 {
			continue
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// nextPause is how long to wait before the next generation: not at all after one that ended a job or began to work on one,
// otherwise 200 ms, doubling to 10 s.
func nextPause(last time.Duration, worked bool) time.Duration {
	if worked {
		return 0
	}
	return min(max(2*last, 200*time.Millisecond), 10*time.Second)
}

func (h *Host) slotReady() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ready++; h.ready == h.opts.Workers {
		close(h.all)
	}
}
