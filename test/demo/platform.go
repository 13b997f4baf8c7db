package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// platform is a running `lazuli up`.
type platform struct {
	pages  string // base URL of pages and REST
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // how it ended, once exited is closed
	said   *tail
}

var readyLine = regexp.MustCompile(`^lazuli is ready: pages and REST on (http://\S+), plugins on http://\S+$`)

const (
	startTime = time.Minute
	stopTime  = 30 * time.Second
)

// startPlatform starts the platform and waits until it is ready. It ends with the demo whatever happens: by an interrupt of
// its own, or, when the demo is killed, by the kernel (prctl(2), PR_SET_PDEATHSIG, which looks at the thread that started it).
func startPlatform(ctx context.Context, lazuli, data string) (*platform, error) {
	p := &platform{exited: make(chan struct{}), said: &tail{}}
	p.cmd = exec.Command(lazuli, "up", "--data", data,
		"--listen", freeAddress("127.0.0.1:8080"), "--dispatcher-listen", freeAddress("127.0.0.1:8111"))
	// A group of its own, because Ctrl-C reaches the whole group of the demo: the platform should get one interrupt, not two.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	p.cmd.Stderr = p.said
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the platform: %w (make build makes it)", err)
	}
	ready := make(chan string, 1)
	go p.follow(out, ready)
	late := time.NewTimer(startTime)
	defer late.Stop()
	select {
	case p.pages = <-ready:
		return p, nil
	case <-p.exited:
		return nil, fmt.Errorf("the platform ended before it was ready: %w\n%s", p.err, p.said)
	case <-late.C:
		return nil, errors.Join(fmt.Errorf("the platform was not ready after %s\n%s", startTime, p.said), p.stop())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), p.stop())
	}
}

// follow reads standard output until it ends, and then waits for the process.
func (p *platform) follow(out io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case ready <- m[1]:
			default: // said twice
			}
		}
	}
	if p.err = p.cmd.Wait(); p.err == nil {
		p.err = errors.New("it ended by itself")
	}
	close(p.exited)
}

// wait returns when ctx ends, or with an error when the platform does.
func (p *platform) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-p.exited:
		return fmt.Errorf("the platform is gone: %w\n%s", p.err, p.said)
	}
}

// stop ends the platform as Ctrl-C does. It is an error if it does not end well.
func (p *platform) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return nil // it is gone; wait or follow has told why
	}
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case <-p.exited:
	case <-late.C:
		_ = p.cmd.Process.Kill() // it may have ended just now
		<-p.exited
		return fmt.Errorf("the platform did not end within %s\n%s", stopTime, p.said)
	}
	if state := p.cmd.ProcessState; !state.Success() {
		return fmt.Errorf("the platform ended with %s\n%s", state, p.said)
	}
	return nil
}

// freeAddress is the given address, or any free one on loopback if that is taken.
func freeAddress(wanted string) string {
	l, err := net.Listen("tcp", wanted)
	if err != nil {
		return "127.0.0.1:0"
	}
	l.Close()
	return wanted
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append([]byte(nil), t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
