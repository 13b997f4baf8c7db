// Package platform runs the real binary for tests: it builds lazuli once, starts `lazuli up`, speaks REST to it and kills it.
package platform

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var build struct {
	once sync.Once
	path string
	err  error
}

// Binary builds lazuli once per test process and returns its path.
func Binary(t testing.TB) string {
	t.Helper()
	build.once.Do(func() {
		dir, err := os.MkdirTemp("", "lazuli-bin-")
		if err != nil {
			build.err = err
			return
		}
		build.path = filepath.Join(dir, "lazuli")
		cmd := exec.Command("go", "build", "-o", build.path, "lazuli/cmd/lazuli")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("build lazuli: %w\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

// Cleanup removes what Binary built; call it at the end of TestMain.
func Cleanup() {
	if build.path != "" {
		os.RemoveAll(filepath.Dir(build.path))
	}
}

// Up is a running platform.
type Up struct {
	Pages   string // base URL of REST and pages
	Plugins string // base URL for plugins
	Pid     int
	Ready   time.Duration // from start to the ready line

	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait, once exited is closed
	stderr *tail
}

var (
	upReady       = regexp.MustCompile(`^lazuli is ready: pages and REST on (?P<pages>https?://\S+), plugins on (?P<plugins>https?://\S+)$`)
	dispatchReady = regexp.MustCompile(`^lazuli is ready: plugins on (?P<plugins>https?://\S+)$`)
)

// Start runs `lazuli up` on a data directory, on free ports, and waits for its ready line.
func Start(t testing.TB, data string, args ...string) *Up {
	t.Helper()
	u, err := TryStart(t, data, args...)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TryStart is Start for a start that may fail; the error has what the platform said.
func TryStart(t testing.TB, data string, args ...string) (*Up, error) {
	t.Helper()
	return run(t, upReady, append([]string{"up", "--data", data, "--listen", "127.0.0.1:0", "--dispatcher-listen", "127.0.0.1:0"}, args...))
}

// StartDispatch runs `lazuli dispatch` over a Kafka and a store, and waits for its ready line.
func StartDispatch(t testing.TB, kafka, store string, args ...string) *Up {
	t.Helper()
	u, err := run(t, dispatchReady, append([]string{"dispatch", "--kafka-brokers", kafka, "--store", store, "--dispatcher-listen", "127.0.0.1:0"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// run starts lazuli and waits for the line that says where it listens.
func run(t testing.TB, readyLine *regexp.Regexp, args []string) (*Up, error) {
	t.Helper()
	u := &Up{cmd: exec.Command(Binary(t), args...), exited: make(chan struct{}), stderr: &tail{}}
	u.cmd.Stderr = u.stderr
	out, err := u.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := u.cmd.Start(); err != nil {
		return nil, err
	}
	u.Pid = u.cmd.Process.Pid
	ready := make(chan []string, 1)
	go func() {
		defer close(u.exited)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m
			}
		}
		u.err = u.cmd.Wait()
	}()
	t.Cleanup(u.Kill)
	select {
	case m := <-ready:
		if i := readyLine.SubexpIndex("pages"); i > 0 {
			u.Pages = m[i]
		}
		u.Plugins, u.Ready = m[readyLine.SubexpIndex("plugins")], time.Since(begun)
		return u, nil
	case <-u.exited:
		return nil, fmt.Errorf("lazuli %s ended before it was ready: %v\n%s", args[0], u.err, u.stderr)
	case <-time.After(time.Minute):
		return nil, fmt.Errorf("lazuli %s was not ready within a minute\n%s", args[0], u.stderr)
	}
}

// Kill ends the platform as a power cut would, and waits for its end.
func (u *Up) Kill() {
	_ = u.cmd.Process.Kill() // it may have ended by itself
	<-u.exited
}

// Stop ends the platform as Ctrl-C does, and fails the test when it does not end cleanly.
func (u *Up) Stop(t testing.TB) {
	t.Helper()
	u.Signal(t, syscall.SIGINT)
	if code := u.Wait(t, 30*time.Second); code != 0 {
		t.Fatalf("lazuli up ended with %v\n%s", u.err, u.stderr)
	}
}

// Signal sends the platform's main process a signal.
func (u *Up) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := u.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %s: %v", sig, err)
	}
}

// Wait returns the platform's exit code, and fails the test when it does not end in time.
func (u *Up) Wait(t testing.TB, atMost time.Duration) int {
	t.Helper()
	select {
	case <-u.exited:
		return u.cmd.ProcessState.ExitCode()
	case <-time.After(atMost):
		t.Fatalf("lazuli up did not end within %s\n%s", atMost, u.stderr)
		return -1
	}
}

// Stderr is the end of what the platform wrote to it.
func (u *Up) Stderr() string { return u.stderr.String() }

// Workers lists the process ids of the platform's children.
func (u *Up) Workers() []int {
	// The kernel lists children with the thread that started them.
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", u.Pid)) // the pattern is well-formed
	var pids []int
	for _, task := range tasks {
		if text, err := os.ReadFile(task); err == nil { // else the thread has ended
			pids = append(pids, fields(string(text))...)
		}
	}
	return pids
}

func fields(text string) []int {
	var pids []int
	for _, f := range strings.Fields(text) {
		if pid, err := strconv.Atoi(f); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Submit uploads a file and returns its SHA-256; nil error means that the platform acknowledged it.
func (u *Up) Submit(ctx context.Context, name string, content []byte) (string, error) {
	q := url.Values{"source": {"test"}, "filename": {name}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.Pages+"/api/v1/binaries?"+q.Encode(), bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	var got struct {
		SHA256 string `json:"sha256"`
	}
	return got.SHA256, errors.Join(do(req, &got), ifEmpty(&got.SHA256))
}

func ifEmpty(s *string) error {
	if *s == "" {
		return errors.New("the answer names no sha256")
	}
	return nil
}

// Get reads JSON from a path below the base URL of pages and REST.
func (u *Up) Get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Pages+path, nil)
	if err != nil {
		return err
	}
	return do(req, into)
}

func do(req *http.Request, into any) error {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", req.Method, req.URL, res.Status, body)
	}
	return json.Unmarshal(body, into)
}

// File is what REST tells of a file, as far as tests look at it.
type File struct {
	SHA256     string   `json:"sha256"`
	Size       int64    `json:"size"`
	FileFormat string   `json:"file_format"`
	Filenames  []string `json:"filenames"`
	State      string   `json:"state"`
	Features   []struct{ Name, Value, Label, Plugin string }
	Statuses   []struct{ Plugin, State, Error, Message string }
	Children   []struct{ SHA256, Plugin string }
	Pending    []Pending
}

// Pending is a job that has not ended.
type Pending struct{ Plugin, State, Since string }

// Settled returns a file when it and all files inside it have been analysed.
func (u *Up) Settled(ctx context.Context, sha string) (*File, error) {
	var pending []Pending
	for {
		var f File
		if err := u.Get(ctx, "/api/v1/binaries/"+sha+"?wait=30s", &f); err != nil {
			return nil, fmt.Errorf("%w (pending before: %+v)", err, pending)
		}
		pending = f.Pending
		if f.State == "done" {
			return &f, nil
		}
	}
}

// tail keeps the last 16 KiB that were written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - 16<<10; over > 0 {
		t.buf = t.buf[over:]
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
