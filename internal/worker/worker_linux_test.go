package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"lazuli/event"
	"lazuli/internal/worker"
	"lazuli/internal/worker/dispatchertest"
)

const grace = 200 * time.Millisecond

// running is a host that works for a dispatcher.
type running struct {
	*worker.Host
	dir  string
	log  *watchedLog
	stop func() // and waits for the end; may be called twice
}

// watchedLog is a log that a test can wait for, and is thrown away.
type watchedLog struct {
	began chan struct{} // closed when a plugin says hasBegun
	once  sync.Once
}

func (l *watchedLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(hasBegun)) {
		l.once.Do(func() { close(l.began) })
	}
	return len(p), nil
}

// waitBegun waits until a plugin has said hasBegun: a job that is only handed out may still be on its way.
func (r *running) waitBegun(t *testing.T) {
	t.Helper()
	select {
	case <-r.log.began:
	case <-time.After(20 * time.Second):
		t.Fatal("no plugin has begun")
	}
}

func run(t *testing.T, s *dispatchertest.Server, o worker.Options) *running {
	t.Helper()
	o.DispatcherURL, o.TempDir = s.URL, t.TempDir()
	if o.Grace == 0 {
		o.Grace = grace
	}
	if o.Workers == 0 {
		o.Workers = 1
	}
	o.MemoryLimit = 128 << 20
	log := &watchedLog{began: make(chan struct{})}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	o.OnGone = func(name string, state event.State, message string) { s.EndWorker(name, state, message) }
	h, err := worker.NewHost(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	r := &running{Host: h, dir: o.TempDir, log: log}
	r.stop = func() {
		cancel()
		if err, ok := <-ended; ok && err != nil {
			t.Errorf("Run: %v", err)
		}
		select {
		case ended <- nil: // for a second call
		default:
		}
	}
	t.Cleanup(r.stop)
	ready, done := context.WithTimeout(ctx, 20*time.Second)
	defer done()
	if err := h.Ready(ready); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHostRunsJobs(t *testing.T) {
	t.Parallel()
	s := dispatchertest.New(t)
	h := run(t, s, worker.Options{ID: "here", Workers: 2})
	if want := 2 * len(plugins); len(s.Plugins()) != want {
		t.Errorf("%d registrations, want %d", len(s.Plugins()), want)
	}
	for i := range 3 {
		sha := s.Submit("Littering", []byte{byte(i)}, "text/plain")
		if got := s.WaitFinal(t, "Littering", sha); got.Entity.Status != event.CompletedEmpty {
			t.Errorf("job %d: %s %s", i, got.Entity.Status, got.Entity.Message)
		}
	}
	h.stop()
	if left, err := filepath.Glob(filepath.Join(h.dir, "workers", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if len(s.Gone()) > 0 {
		t.Errorf("reported as gone: %v", s.Gone())
	}
}

// Every way to die costs each job its attempts and nothing else: other jobs are done, by other workers and by the
// successors of those that died.
func TestDeathsEndAttemptsAtOnce(t *testing.T) {
	t.Parallel()
	s := dispatchertest.New(t)
	deaths := []struct {
		plugin string
		state  event.State
		words  string // in the message
	}{
		{"Panicking", event.ErrorRunner, "panic: boom in a goroutine"},
		{"Exiting", event.ErrorRunner, "exit status 7): last words of a plugin"},
		{"Hanging", event.ErrorTimeout, "it did not end within 200ms"},
		{"Eating", event.ErrorOutOfMemory, ""}, // the host's sample or the kernel's limit, whichever is first
		{"Devouring", event.ErrorOutOfMemory, "out of memory"},
	}
	run(t, s, worker.Options{ID: "here", Workers: 2})
	shas := map[string]string{}
	for i, d := range deaths {
		shas[d.plugin] = s.Submit(d.plugin, []byte(d.plugin), "text/plain")
		shas["Good"] = s.Submit("Good", fmt.Append(nil, i), "text/plain")
		s.WaitFinal(t, "Good", shas["Good"])
	}
	for _, d := range deaths {
		got := s.WaitFinal(t, d.plugin, shas[d.plugin])
		message := got.Entity.Message
		if got.Entity.Status != d.state || !strings.Contains(message, d.words) || !strings.HasPrefix(message, d.plugin+" on "+shas[d.plugin]) {
			t.Errorf("%s: %s %q", d.plugin, got.Entity.Status, message)
		}
		if len(message) > 2300 {
			t.Errorf("%s: the message has %d bytes", d.plugin, len(message))
		}
	}
	if want := len(deaths) * dispatchertest.MaxAttempts; len(s.Gone()) != want {
		t.Errorf("%d workers died, want %d: %+v", len(s.Gone()), want, s.Gone())
	}
	name := regexp.MustCompile(`^here-[01]-[0-9]+$`)
	seen := map[string]bool{}
	for _, g := range s.Gone() {
		if !name.MatchString(g.Worker) || seen[g.Worker] {
			t.Errorf("worker %q is badly named, or died twice", g.Worker)
		}
		seen[g.Worker] = true
	}
}

func TestSandbox(t *testing.T) {
	t.Parallel()
	version, err := ll.LandlockGetABIVersion()
	if err != nil || version < 4 {
		t.Skipf("THE SANDBOX IS NOT TESTED: it needs Landlock version 4, this kernel has %d (%v)", version, err)
	}
	s := dispatchertest.New(t)
	run(t, s, worker.Options{})
	sha := s.Submit("Spying", []byte("x"), "text/plain")
	if got := s.WaitFinal(t, "Spying", sha); got.Entity.Status != event.CompletedEmpty {
		t.Errorf("%s: %s", got.Entity.Status, got.Entity.Message)
	}
}

// scopedSignals tells whether the kernel can keep a process from signalling others.
func scopedSignals() bool {
	version, err := ll.LandlockGetABIVersion()
	return err == nil && version >= 6
}

func TestStopLetsAJobFinish(t *testing.T) {
	t.Parallel()
	s := dispatchertest.New(t)
	h := run(t, s, worker.Options{Grace: 10 * time.Second})
	sha := s.Submit("Slow", []byte("x"), "text/plain")
	h.waitBegun(t)
	h.stop()
	if got := s.WaitFinal(t, "Slow", sha); got.Entity.Status != event.CompletedEmpty {
		t.Errorf("%s: %s", got.Entity.Status, got.Entity.Message)
	}
}

func TestStopGivesAJobBack(t *testing.T) {
	for _, name := range []string{"Obedient", "Stuck"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dispatchertest.New(t)
			h := run(t, s, worker.Options{Grace: 10 * time.Millisecond})
			s.Submit(name, []byte("x"), "text/plain")
			h.waitBegun(t)
			h.stop()
			if len(s.Statuses()) > 0 || len(s.Out()) != 1 || len(s.Gone()) > 0 {
				t.Errorf("statuses %+v, out %v, gone %v", s.Statuses(), s.Out(), s.Gone())
			}
		})
	}
}

func TestReadyTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := dispatchertest.New(t)
	h, err := worker.NewHost(worker.Options{
		Workers: 1, DispatcherURL: s.URL, Executable: filepath.Join(t.TempDir(), "missing"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	err = h.Ready(ctx)
	if err == nil || !strings.HasPrefix(err.Error(), "0 of 1 workers are ready") || !strings.Contains(err.Error(), "missing") {
		t.Errorf("Ready: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestNewHostRefuses(t *testing.T) {
	for _, o := range []worker.Options{{}, {DispatcherURL: "http://x", Workers: -1}, {DispatcherURL: "http://x", MemoryLimit: -1}} {
		if _, err := worker.NewHost(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// A host that is killed takes its children with it, even when a plugin hangs.
func TestChildrenDieWithTheirHost(t *testing.T) {
	t.Parallel()
	s := dispatchertest.New(t)
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), envHost+"="+s.URL, "TMPDIR="+t.TempDir())
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	defer host.Wait() //nolint: it was killed
	defer host.Process.Kill()
	sha := s.Submit("Pid", []byte("x"), "text/plain")
	var pid int
	if _, err := fmt.Sscanf(s.WaitFinal(t, "Pid", sha).Entity.Message, "pid=%d", &pid); err != nil {
		t.Fatal(err)
	}
	child, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	s.Submit("Stuck", []byte("y"), "text/plain")
	s.Wait(t, "the job to be out", func() bool { return len(s.Out()) == 1 })
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if !exited(child) {
		t.Errorf("child %d outlives its host", pid)
	}
}

// exited waits at most 10 s for a process to end.
func exited(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for begun := time.Now(); time.Since(begun) < 10*time.Second; {
		if n, err := unix.Poll(fds, 1000); n == 1 && err == nil {
			return true
		}
	}
	return false
}

// The kernel's signal is not the only way by which a child learns that its host is gone.
func TestChildLeavesWhenStandardInputEnds(t *testing.T) {
	t.Parallel()
	s := dispatchertest.New(t)
	reports, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reports.Close()
	child := exec.Command(os.Args[0])
	child.Env = []string{fmt.Sprintf(`%s={"worker":"w","dispatcher":%q,"memory":%d,"temp":%q}`, worker.EnvOptions, s.URL, 1<<30, t.TempDir())}
	child.ExtraFiles = []*os.File{theirs}
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	s.Submit("Stuck", []byte("x"), "text/plain")
	s.Wait(t, "the job to be out", func() bool { return len(s.Out()) == 1 })
	stdin.Close()
	if err := child.Wait(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("the child ended with %v", err)
	}
}

func TestChildNeedsItsHost(t *testing.T) {
	for _, options := range []string{"", "{}", "{", `{"worker":"w","dispatcher":"http://127.0.0.1:1","memory":1,"temp":"relative"}`} {
		if options == "" {
			os.Unsetenv(worker.EnvOptions)
		} else {
			t.Setenv(worker.EnvOptions, options)
		}
		if o, err := worker.ChildOptionsFromEnv(); err == nil {
			t.Errorf("%q gave %+v", options, o)
		}
	}
}
