package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"lazuli/event"
	"lazuli/plugin"
)

const (
	sampleEvery = 100 * time.Millisecond // a child's memory, while it has a job
	stopSlack   = 2 * time.Second        // for a child to leave after its own grace period
	waitDelay   = time.Second            // for the last words of a child that is gone
	maxReport   = 64 << 10               // bytes of one line that a child reports
)

// process is one running child.
type process struct {
	name   string
	dir    string // its temporary folder
	cmd    *exec.Cmd
	stdin  io.Closer            // open as long as this process lives
	states chan plugin.JobState // what the child is at; closed when it can report no more, and to be read until then
	stderr *stderrTail
	dead   chan struct{} // closed when the process is gone; cmd.ProcessState is set then
}

// start starts a child with an empty folder of its own.
func (h *Host) start(name, dir string) (*process, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("empty the worker's folder: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the worker's folder: %w", err)
	}
	child, err := json.Marshal(ChildOptions{
		Worker: name, DispatcherURL: h.opts.DispatcherURL, Token: h.opts.Token, CA: h.opts.CA, Settings: h.opts.Settings, MemoryLimit: h.opts.MemoryLimit, Grace: h.opts.Grace, TempDir: dir,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the worker's options: %w", err)
	}
	p := &process{
		name: name, dir: dir, states: make(chan plugin.JobState), dead: make(chan struct{}),
		stderr: &stderrTail{logger: h.logger.With("worker", name)},
	}
	p.cmd = exec.Command(h.opts.Executable, h.opts.Args...)
	p.cmd.Env = childEnv(dir, string(child))
	p.cmd.Dir = dir
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = childAttributes()
	p.cmd.WaitDelay = waitDelay
	reports, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p.cmd.ExtraFiles = []*os.File{theirs} // becomes reportFD
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		reports.Close()
		return nil, err
	}
	if err := h.starts.start(p.cmd); err != nil {
		reports.Close()
		return nil, err
	}
	go func() {
		defer reports.Close()
		readReports(reports, p.states)
	}()
	go func() {
		defer close(p.dead)
		_ = p.cmd.Wait()                                       // how it went is in ProcessState
		_ = reports.SetReadDeadline(time.Now().Add(waitDelay)) // what it said last is still in the pipe
	}()
	return p, nil
}

// readReports passes on each line until there are no more. A line that is no state ends it: the child is not what it should
// be, and is ended by its time-out or by Run's end.
func readReports(r io.Reader, to chan<- plugin.JobState) {
	defer close(to)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxReport)
	for lines.Scan() {
		var s plugin.JobState
		if json.Unmarshal(lines.Bytes(), &s) != nil {
			return
		}
		to <- s
	}
}

// childEnv is all that a child gets of the environment.
func childEnv(dir, options string) []string {
	env := []string{EnvOptions + "=" + options, "TMPDIR=" + dir, "HOME=" + dir, "GOTRACEBACK=single"}
	for _, name := range []string{"TZ", "GODEBUG", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// supervise follows a child until it is gone. It returns how it died, or nil if it was stopped because ctx ended, and
// whether it had work. ready is called when the child reports for the first time.
func (h *Host) supervise(ctx context.Context, p *process, ready func()) (worked bool, end *death) {
	defer os.RemoveAll(p.dir)
	defer p.stdin.Close()
	var (
		job      plugin.JobState
		killed   *death // why it was killed here
		sample   = time.NewTicker(sampleEvery)
		overdue  = time.NewTimer(0)
		states   = p.states
		stopping = ctx.Done()
		tooLate  <-chan time.Time
	)
	defer sample.Stop()
	defer overdue.Stop()
	overdue.Stop()
	sample.Stop()
	kill := func(state event.State, why string) {
		killed = &death{state, why}
		_ = p.cmd.Process.Kill() // it may be gone already
		overdue.Stop()
		sample.Stop()
	}
	for {
		select {
		case s, open := <-states:
			if !open {
				states = nil
				continue
			}
			ready()
			job = s
			worked = worked || !s.Idle()
			if killed == nil {
				watch(s, sample, overdue, h.opts.Grace)
			}
		case <-sample.C:
			used, err := residentBytes(p.cmd.Process.Pid)
			if err == nil && used > h.opts.MemoryLimit {
				kill(event.ErrorOutOfMemory, fmt.Sprintf("it used %d MiB of memory; the limit is %d MiB", used>>20, h.opts.MemoryLimit>>20))
			}
		case <-overdue.C:
			kill(event.ErrorTimeout, fmt.Sprintf("it did not end within %s and %s more", job.Timeout, h.opts.Grace))
		case <-stopping:
			stopping = nil
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
			tooLate = time.After(h.opts.Grace + stopSlack)
		case <-tooLate:
			_ = p.cmd.Process.Kill() // it may be gone already
		case <-p.dead:
			for s := range p.states { // what it reported just before
				job = s
				worked = worked || !s.Idle()
			}
			if ctx.Err() != nil && killed == nil {
				return worked, nil
			}
			if killed == nil {
				killed = causeOf(p.cmd.ProcessState, p.stderr.String())
			}
			return worked, killed.on(job)
		}
	}
}

// watch sets the clocks for what the child is at.
func watch(s plugin.JobState, sample *time.Ticker, overdue *time.Timer, grace time.Duration) {
	if s.Idle() {
		sample.Stop()
	} else {
		sample.Reset(sampleEvery)
	}
	if s.Timeout > 0 {
		overdue.Reset(s.Timeout + grace)
	} else {
		overdue.Stop()
	}
}

// spawner starts processes from one thread that lives until stop. The kernel ties two things to the starting thread: a
// child is killed when its thread ends (PR_SET_PDEATHSIG), and it inherits its priority.
type spawner struct {
	requests chan func()
	ended    chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan func()), ended: make(chan struct{})}
	s.begin()
	return s
}

// start is cmd.Start on the spawner's thread. It must not be called after stop.
func (s *spawner) start(cmd *exec.Cmd) error {
	result := make(chan error)
	s.requests <- func() { result <- cmd.Start() }
	return <-result
}

// stop ends the thread. Every process must be gone.
func (s *spawner) stop() {
	close(s.requests)
	<-s.ended
}
