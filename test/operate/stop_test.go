package operate

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lazuli/client"
	"lazuli/event"
	"lazuli/test/platform"
)

// stopTime is what a stop may take; docs/operate.md promises it.
const stopTime = 10 * time.Second

var plugin = client.PollParams{
	Consumer: client.Consumer{Name: "P", Version: "1", Expedite: true, Live: true, Historic: true, Content: true}, Deadline: time.Second,
}

func connect(t *testing.T, up *platform.Up) *client.Dispatcher {
	t.Helper()
	d, err := client.NewDispatcher(up.Plugins, client.WithTries(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// job polls for one job; nil is none.
func job(t *testing.T, d *client.Dispatcher) *event.Binary {
	t.Helper()
	a, err := d.Poll(t.Context(), plugin)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Events) == 0 {
		return nil
	}
	ev, err := event.Decode(event.ModelBinary, a.Events[0])
	if err != nil {
		t.Fatal(err)
	}
	return ev.(*event.Binary)
}

func completed(job *event.Binary) *event.Status {
	return &event.Status{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(time.Now()), Author: event.Author{Category: "plugin", Name: "P", Version: "1"}},
		Entity: event.StatusEntity{Input: *job, Status: event.Completed},
	}
}

// waitingPoll begins a long poll and returns when the dispatcher has it.
func waitingPoll(t *testing.T, up *platform.Up, d *client.Dispatcher) <-chan client.Answer {
	t.Helper()
	answered := make(chan client.Answer, 1)
	go func() {
		long := plugin
		long.Deadline = time.Minute
		a, err := d.Poll(context.WithoutCancel(t.Context()), long)
		if err != nil {
			t.Errorf("the poll that waits: %v", err)
		}
		answered <- a
	}()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		res, err := http.Get(up.Pages + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nlazuli_polls_waiting 1\n") {
			return answered
		}
	}
	t.Fatal("the poll does not wait")
	return nil
}

// waitingFile asks for a file with a job that is out, to be answered when it is done, and returns when the question is on its way. The
// file is in the index by then: of others a platform that stops cannot say what state they are in.
func waitingFile(t *testing.T, up *platform.Up, sha string) <-chan string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		var f platform.File
		err := up.Get(t.Context(), "/api/v1/binaries/"+sha, &f)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	sent, state := make(chan struct{}), make(chan string, 1)
	ctx := httptrace.WithClientTrace(context.WithoutCancel(t.Context()), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, up.Pages+"/api/v1/binaries/"+sha+"?wait=10m", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		var f platform.File
		fresh := &http.Transport{} // one that was used before may be closed under the request, which then finds nobody
		defer fresh.CloseIdleConnections()
		res, err := fresh.RoundTrip(req)
		if err == nil {
			err = json.NewDecoder(res.Body).Decode(&f)
			res.Body.Close()
		}
		if err != nil {
			t.Errorf("who waits for a file: %v", err)
		}
		state <- f.State
	}()
	<-sent
	return state
}

// slowPost begins to post a status and returns what sends the rest and reads the answer.
func slowPost(t *testing.T, up *platform.Up, status *event.Status) (net.Conn, func() string) {
	t.Helper()
	body, err := json.Marshal([]any{status})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(up.Plugins, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	head := fmt.Sprintf("POST /api/v2/event?model=status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body))
	if _, err := io.WriteString(c, head); err != nil {
		t.Fatal(err)
	}
	// The server asks for the body when the handler reads it: from here on the request is under way.
	if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))); err != nil {
		t.Fatal(err)
	}
	return c, func() string {
		if _, err := c.Write(body); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
}

// TestStop: a poll that waits is answered so that azul-runner sleeps, a request under way is finished, and what comes after
// finds every job where it was.
func TestStop(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	up := platform.Start(t, data, "--no-plugins", "--lease", "10s")
	d := connect(t, up)
	if job(t, d) != nil {
		t.Fatal("there is a job before there is a file")
	}
	for _, content := range []string{"first", "second"} {
		if _, err := up.Submit(t.Context(), content, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	first, second := job(t, d), job(t, d)
	if first == nil || second == nil {
		t.Fatal("two files are not two jobs")
	}
	answered := waitingPoll(t, up, d)
	state := waitingFile(t, up, second.Entity.SHA256)
	_, finish := slowPost(t, up, completed(first))

	begun := time.Now()
	up.Signal(t, syscall.SIGTERM)
	if a := <-answered; len(a.Events) > 0 || a.Info.Filtered != 0 {
		t.Errorf("the poll that waited is answered %+v", a)
	}
	if got := <-state; got != "working" {
		t.Errorf("who waited for a file is told %q", got)
	}
	if answer := finish(); !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.Contains(answer, `"total_ok":1`) {
		t.Errorf("the request under way is answered %q", answer)
	}
	if code := up.Wait(t, stopTime); code != 0 {
		t.Errorf("exit code %d\n%s", code, up.Stderr())
	}
	t.Logf("the stop took %s", time.Since(begun).Round(time.Millisecond))

	up = platform.Start(t, data, "--no-plugins", "--lease", "10s")
	d = connect(t, up)
	if _, err := up.Submit(t.Context(), "third", []byte("third")); err != nil {
		t.Fatal(err)
	}
	if third := job(t, d); third == nil || third.Entity.SHA256 == first.Entity.SHA256 || third.Entity.SHA256 == second.Entity.SHA256 {
		t.Errorf("after the start the first job is %+v", third)
	}
	if again := job(t, d); again != nil {
		t.Errorf("a job that is out or done goes out again: %+v", again.Entity)
	}
	for deadline := time.Now().Add(time.Minute); ; { // when its lease ends the second one does
		if again := job(t, d); again != nil {
			if again.Entity.SHA256 == first.Entity.SHA256 {
				t.Error("a job whose end was acknowledged goes out again")
			}
			if again.Entity.SHA256 == second.Entity.SHA256 {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the job that was out is lost")
		}
	}
	up.Stop(t)
}

// TestSecondSignal: who does not want to wait says so twice.
func TestSecondSignal(t *testing.T) {
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--no-plugins")
	d := connect(t, up)
	if _, err := up.Submit(t.Context(), "x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	held := job(t, d)
	answered := waitingPoll(t, up, d)
	slowPost(t, up, completed(held)) // and never finishes
	up.Signal(t, syscall.SIGTERM)
	<-answered
	up.Signal(t, syscall.SIGTERM)
	if code := up.Wait(t, time.Second); code != 128+int(syscall.SIGTERM) {
		t.Errorf("exit code %d", code)
	}
}

// TestStopWithJob: what a worker is at when the platform stops is done and reported before it ends.
func TestStopWithJob(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	up := platform.Start(t, data, "--workers", "1")
	content := make([]byte, 64<<20)
	rand.Read(content) // never fails
	sha, err := up.Submit(t.Context(), "large", content)
	if err != nil {
		t.Fatal(err)
	}
	working := ""
	for deadline := time.Now().Add(time.Minute); working == ""; {
		var f platform.File
		if err := up.Get(t.Context(), "/api/v1/binaries/"+sha, &f); err != nil && time.Now().After(deadline) { // it is not in the index at once
			t.Fatal(err)
		}
		for _, p := range f.Pending {
			if p.State == "running" && p.Plugin == "Entropy" { // the others see that it is not theirs
				working = p.Plugin
			}
		}
		if f.State == "done" && len(f.Statuses) > 0 {
			t.Fatalf("the jobs are done before anybody saw them: %+v", f.Statuses)
		}
	}
	up.Signal(t, syscall.SIGTERM)
	if code := up.Wait(t, stopTime); code != 0 {
		t.Errorf("exit code %d\n%s", code, up.Stderr())
	}
	up = platform.Start(t, data, "--no-plugins")
	f, err := up.Settled(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Statuses {
		if s.Plugin == working && s.State == "completed" {
			return
		}
	}
	t.Errorf("%s was at work, and its statuses are %+v", working, f.Statuses)
}

// TestStopWithWorkers: live updates, clients that wait and the platform's own workers do not hold a stop up; it is the end of the terminal here.
func TestStopWithWorkers(t *testing.T) {
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"))
	res, err := http.Get(up.Pages + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	begun := time.Now()
	up.Signal(t, syscall.SIGHUP)
	if code := up.Wait(t, stopTime); code != 0 {
		t.Errorf("exit code %d\n%s", code, up.Stderr())
	}
	t.Logf("the stop took %s", time.Since(begun).Round(time.Millisecond))
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Errorf("the live updates were cut, not ended: %v", err)
	}
}

// TestStopOverTLS: over HTTP/2 a poll that waits is answered as well.
func TestStopOverTLS(t *testing.T) {
	up, roots := startGuarded(t, "--no-plugins")
	pem, err := os.ReadFile(roots)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	d, err := client.NewDispatcher(up.Plugins, client.WithTries(1, 0), client.WithAccess(client.Access{Token: token, RootCAs: pool}))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	answered := waitingPoll(t, up, d)
	up.Signal(t, syscall.SIGTERM)
	if a := <-answered; len(a.Events) > 0 || a.Info.Filtered != 0 || !a.Info.Ready {
		t.Errorf("the poll that waited is answered %+v", a)
	}
	if code := up.Wait(t, stopTime); code != 0 {
		t.Errorf("exit code %d\n%s", code, up.Stderr())
	}
}
