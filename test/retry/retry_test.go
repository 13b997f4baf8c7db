// Package retry shows on the real platform what becomes of a job that kills its plugin: a dead letter, and, once the plugin is
// mended, a retry after which nothing of the accident is left.
package retry

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"lazuli/client"
	"lazuli/event"
	"lazuli/test/platform"
)

func TestMain(m *testing.M) {
	code := m.Run()
	platform.Cleanup()
	os.Exit(code)
}

// bench is a platform without plugins of its own, and a plugin's connection to it.
type bench struct {
	t   *testing.T
	ctx context.Context
	up  *platform.Up
	d   *client.Dispatcher
	api *client.API
}

func newBench(t *testing.T) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	up := platform.Start(t, t.TempDir(), "--no-plugins", "--max-attempts", "2")
	d, err := client.NewDispatcher(up.Plugins)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	api, err := client.NewAPI(up.Pages)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	return &bench{t, ctx, up, d, api}
}

func consumer(name string) *client.Consumer {
	return &client.Consumer{Name: name, Version: "1", Expedite: true, Live: true, Historic: true}
}

// poll gets the next job of a plugin, in the name of a worker.
func (b *bench) poll(name string) *event.Binary {
	b.t.Helper()
	answer, err := b.d.PollMany(b.ctx, client.ManyPoll{Worker: name + "-worker", Deadline: 30 * time.Second, Consumers: []string{consumer(name).Query().Encode()}})
	if err != nil {
		b.t.Fatal(err)
	}
	if answer.Consumer < 0 {
		b.t.Fatalf("no job for %s", name)
	}
	ev, err := event.Decode(event.ModelBinary, answer.Event)
	if err != nil {
		b.t.Fatal(err)
	}
	return ev.(*event.Binary)
}

// die takes a job and says that the process is gone.
func (b *bench) die(name string) {
	b.t.Helper()
	b.poll(name)
	if _, err := b.d.EndWorker(b.ctx, name+"-worker", event.ErrorException, "killed by SIGSEGV"); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) finish(name string, job *event.Binary) {
	b.t.Helper()
	st := &event.Status{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.Now(), Author: event.Author{Category: "plugin", Name: name, Version: "1"}}}
	st.Entity = event.StatusEntity{Input: *job, Status: event.Completed, Runtime: 0.1}
	res, err := b.d.PostEvents(b.ctx, event.ModelStatus, st)
	if err == nil {
		err = res.Err()
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// run runs the command line against the platform.
func (b *bench) run(args ...string) (string, error) {
	cmd := exec.CommandContext(b.ctx, platform.Binary(b.t), append(args, "--server", b.up.Pages)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b *bench) dead() []client.DeadLetter {
	b.t.Helper()
	page, err := b.api.DeadLetters(b.ctx, 0, "")
	if err != nil {
		b.t.Fatal(err)
	}
	return page.Dead
}

func (b *bench) why(sha, name string) client.Why {
	b.t.Helper()
	answer, err := b.api.Why(b.ctx, sha, name)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(answer.Plugins) != 1 {
		b.t.Fatalf("why: %+v", answer)
	}
	return answer.Plugins[0]
}

func (b *bench) page(path string) string {
	b.t.Helper()
	res, err := http.Get(b.up.Pages + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		b.t.Fatal(err)
	}
	return text.String()
}

func TestRetryAfterThePluginIsMended(t *testing.T) {
	b := newBench(t)
	sha, err := b.up.Submit(b.ctx, "poison.bin", []byte("poison"))
	if err != nil {
		t.Fatal(err)
	}
	b.die("Fragile")
	b.die("Fragile")
	if _, err := b.up.Settled(b.ctx, sha); err != nil {
		t.Fatal(err)
	}
	dead := b.dead()
	if len(dead) != 1 || dead[0].Plugin != "Fragile" || dead[0].SHA256 != sha || dead[0].Attempts != 2 {
		t.Fatalf("dead letters %+v", dead)
	}
	if w := b.why(sha, "Fragile"); w.State != "ended" || !strings.Contains(w.Sentence, "given up after 2 attempts") {
		t.Errorf("why, when given up: %s: %s", w.State, w.Sentence)
	}
	if out, err := b.run("dead", "show", dead[0].ID); err != nil || !strings.Contains(out, "SIGSEGV") {
		t.Errorf("dead show: %v: %s", err, out)
	}
	if page := b.page("/file/" + sha); !strings.Contains(page, "SIGSEGV") {
		t.Error("the file's page does not say what happened")
	}
	if out, err := b.run("dead", "retry", dead[0].Short); err != nil || !strings.Contains(out, "1 tried again") {
		t.Fatalf("%v: %s", err, out)
	}
	if w := b.why(sha, "Fragile"); w.State != "waiting" || w.Feed != "retry" || !strings.Contains(w.Sentence, "tried again") {
		t.Errorf("why, before it is polled again: %s by %s: %s", w.State, w.Feed, w.Sentence)
	}
	if out, err := b.run("why", sha, "Fragile"); err != nil || !strings.Contains(out, "waiting (retry)") {
		t.Errorf("why: %v: %s", err, out)
	}
	if page := b.page("/file/" + sha); !strings.Contains(page, "waiting (retry)") {
		t.Error("the file's page does not say that it waits")
	}
	if f, err := b.api.File(b.ctx, sha, 0); err != nil || f.State != client.StateWorking || f.Pending[0].Feed != "retry" {
		t.Errorf("before it is polled again: %+v: %v", f, err)
	}
	job := b.poll("Fragile")
	if f, err := b.api.File(b.ctx, sha, time.Millisecond); err != nil || f.State != client.StateWorking || f.Pending[0].State != "running" {
		t.Errorf("while it runs: %+v: %v", f, err)
	}
	b.finish("Fragile", job)
	f, err := b.up.Settled(b.ctx, sha)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Statuses) != 1 || f.Statuses[0].State != string(event.Completed) {
		t.Errorf("statuses %+v", f.Statuses)
	}
	if dead := b.dead(); len(dead) != 0 {
		t.Errorf("the letter is still there: %+v", dead)
	}
	if page := b.page("/file/" + sha); strings.Contains(page, "SIGSEGV") {
		t.Error("the file's page still shows the error")
	}
	if w := b.why(sha, "Fragile"); w.State != "ended" || !strings.HasPrefix(w.Sentence, "completed") {
		t.Errorf("why, in the end: %s: %s", w.State, w.Sentence)
	}
}

// TestDeadLettersByShortID: two plugins gave up one file. Commands take what the list prints, and say which there are.
func TestDeadLettersByShortID(t *testing.T) {
	b := newBench(t)
	sha, err := b.up.Submit(b.ctx, "poison.bin", []byte("poison"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Fragile", "Frail"} {
		b.die(name)
		b.die(name)
	}
	if _, err := b.up.Settled(b.ctx, sha); err != nil {
		t.Fatal(err)
	}
	out, err := b.run("dead", "list")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 3 {
		t.Fatalf("dead list:\n%s", out)
	}
	for _, line := range lines[1:] {
		short, _, _ := strings.Cut(line, " ")
		out, err := b.run("dead", "show", short)
		name := "Fragile"
		if strings.Contains(line, "Frail") {
			name = "Frail"
		}
		if err != nil || !strings.Contains(out, name) || !strings.Contains(out, `"kafka_key": `) || !strings.Contains(out, `"sha256": "`+sha) {
			t.Errorf("dead show %s: %v: %s", short, err, out)
		}
		if !strings.Contains(b.page("/dead"), short+"</code>") {
			t.Errorf("the page does not show %s", short)
		}
	}
	for _, command := range []string{"show", "retry"} {
		if out, err := b.run("dead", command, lines[1][:10]); err == nil || strings.Count(out, b.dead()[0].ID) != 1 || strings.Count(out, b.dead()[1].ID) != 1 {
			t.Errorf("dead %s of two: %v: %s", command, err, out)
		}
	}
	if out, err := b.run("dead", "retry", "--all"); err != nil || out != "2 tried again: `lazuli dead list` shows those that fail once more\n" {
		t.Errorf("dead retry --all: %v: %s", err, out)
	}
	for _, name := range []string{"Fragile", "Frail"} {
		b.finish(name, b.poll(name))
	}
	if _, err := b.up.Settled(b.ctx, sha); err != nil {
		t.Fatal(err)
	}
	if dead := b.dead(); len(dead) != 0 {
		t.Errorf("the letters are still there: %+v", dead)
	}
}
