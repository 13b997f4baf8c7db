// Package servers runs the real servers that tests need, on loopback and on free ports. Begin with Kafka, which all test
// processes share, or with StartKafka and StartS3, for a test that kills them. test/setup installs what they need.
package servers

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to start. After a kill Kafka looks through its logs.
const patience = 2 * time.Minute

// here is this package's folder, and cache what test/setup and the servers keep.
var here, cache = func() (string, string) {
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Dir(file)
	return dir, filepath.Join(dir, "../../.cache/servers")
}()

// skip leaves a test out, loudly, because something is missing; with CI=true that is a failure.
func skip(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: test/setup should have installed it", missing)
	}
	t.Skipf("SKIPPED: %s: run test/setup", missing)
}

// freePorts returns ports that nobody listens on at the moment.
func freePorts(n int) ([]string, error) {
	ports := make([]string, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// process is a server of one test. It ends with the test's process.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// start returns when the server has printed a line with ready in it.
func (p *process) start(t testing.TB, cmd *exec.Cmd, ready string) {
	t.Helper()
	p.cmd = cmd
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.exited = make(chan struct{})
	begun := make(chan struct{})
	var last []string
	go func() {
		defer close(p.exited)
		is := false
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			last = append(last[max(0, len(last)-20):], lines.Text())
			if !is && strings.Contains(lines.Text(), ready) {
				is = true
				close(begun)
			}
		}
		_ = cmd.Wait() // killed
	}()
	select {
	case <-begun:
	case <-p.exited:
		t.Fatalf("%s ended before it was ready:\n%s", cmd.Path, strings.Join(last, "\n"))
	case <-time.After(patience):
		t.Fatalf("%s was not ready within %s", cmd.Path, patience)
	}
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Kill ends it as kill -9 does.
func (p *process) Kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.exited
}

// Freeze stops its process where it is; connections stay open and nothing is answered. Thaw lets it go on.
func (p *process) Freeze() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (p *process) Thaw() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }
