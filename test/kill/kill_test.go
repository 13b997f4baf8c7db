// Package kill is the gate that every release passes: the real platform is killed at random moments under load, and nothing
// that it acknowledged is lost or done twice.
package kill

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"lazuli/test/platform"
)

func TestMain(m *testing.M) {
	code := m.Run()
	platform.Cleanup()
	os.Exit(code)
}

// rounds is how often the platform is killed; LAZULI_LONG=1 (make test-long) asks for more.
func rounds() int {
	if os.Getenv("LAZULI_LONG") != "" {
		return 100
	}
	return 20
}

// load is what the submitters sent and what was acknowledged.
type load struct {
	mu    sync.Mutex
	acked map[string]int // sha256 → how many distinct files are directly inside it
}

func (l *load) ack(sha string, children int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[sha] = children
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("LAZULI_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("LAZULI_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	data := filepath.Join(t.TempDir(), "data")
	l := &load{acked: map[string]int{}}

	for round := range rounds() {
		up := platform.Start(t, data)
		ctx, stop := context.WithCancel(t.Context())
		var submitters sync.WaitGroup
		for i := range 2 {
			r := rand.New(rand.NewPCG(seed, uint64(round*10+i+2)))
			submitters.Go(func() { submit(ctx, up, l, r) })
		}
		for range random.IntN(3) { // sometimes a worker or two first
			pause(random)
			if workers := up.Workers(); len(workers) > 0 {
				_ = syscall.Kill(workers[random.IntN(len(workers))], syscall.SIGKILL) // it may have ended by itself
			}
		}
		pause(random)
		workers := up.Workers()
		up.Kill()
		stop()
		submitters.Wait()
		for _, pid := range workers {
			waitGone(t, pid)
		}
	}
	if l.count() < rounds() {
		t.Fatalf("only %d files were acknowledged in %d rounds: the load is no load", l.count(), rounds())
	}

	up := platform.Start(t, data)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var checkers sync.WaitGroup
	work := make(chan string)
	for range 8 {
		checkers.Go(func() {
			for sha := range work {
				l.check(ctx, t, up, sha)
			}
		})
	}
	for sha := range l.acked {
		work <- sha
	}
	close(work)
	checkers.Wait()
	var dead struct{ Dead []any }
	if err := up.Get(ctx, "/api/v1/dead", &dead); err != nil || len(dead.Dead) > 0 {
		t.Errorf("dead letters %v, %v", dead, err)
	}
	up.Stop(t)
	if out, err := exec.Command(platform.Binary(t), "check", "--data", data).CombinedOutput(); err != nil {
		t.Errorf("lazuli check: %v\n%s", err, out)
	}
	t.Logf("%d files acknowledged over %d kills", l.count(), rounds())
}

// check wants all that is to be known of an acknowledged file, and of the files inside it, once.
func (l *load) check(ctx context.Context, t *testing.T, up *platform.Up, sha string) {
	f, err := up.Settled(ctx, sha)
	if err != nil {
		t.Errorf("file %s: %v\n%s", sha, err, up.Stderr())
		return
	}
	checkFile(t, f)
	if want := l.acked[sha]; len(f.Children) != want {
		t.Errorf("file %s has %d children, want %d: %+v", sha, len(f.Children), want, f.Statuses)
	}
	for _, child := range f.Children {
		c, err := up.Settled(ctx, child.SHA256)
		if err != nil {
			t.Errorf("child %s of %s: %v\n%s", child.SHA256, sha, err, up.Stderr())
			return
		}
		checkFile(t, c)
	}
}

// checkFile wants every plugin's result, once.
func checkFile(t *testing.T, f *platform.File) {
	t.Helper()
	states := map[string][]string{}
	for _, s := range f.Statuses {
		states[s.Plugin] = append(states[s.Plugin], s.State)
	}
	want := map[string]string{"Entropy": "completed"}
	if f.FileFormat == "archive/zip" {
		want["Unbox"], want["Unbox-sevenzip"] = "completed-empty", "completed"
	}
	for plugin, state := range want {
		if got := states[plugin]; len(got) != 1 || got[0] != state {
			t.Errorf("file %s (%s): %s is %v, want %s once", f.SHA256, f.FileFormat, plugin, got, state)
		}
	}
	seen := map[string]int{}
	for _, feature := range f.Features {
		seen[feature.Name+"="+feature.Value+" of "+feature.Label+" by "+feature.Plugin]++
	}
	entropy := 0
	for name, n := range seen {
		if n > 1 {
			t.Errorf("file %s: %s is there %d times", f.SHA256, name, n)
		}
		if len(name) > 8 && name[:8] == "entropy=" {
			entropy++
		}
	}
	if entropy != 1 {
		t.Errorf("file %s has %d entropy features", f.SHA256, entropy)
	}
}

// submit uploads files, a third of them archives, until ctx ends or the platform is gone.
func submit(ctx context.Context, up *platform.Up, l *load, r *rand.Rand) {
	for ctx.Err() == nil {
		content, children := randomBytes(r, 200+r.IntN(20_000)), 0
		if r.IntN(3) == 0 {
			children = 1 + r.IntN(3)
			content = archive(r, children)
		}
		sha, err := up.Submit(ctx, "sample", content)
		if err != nil {
			return
		}
		l.ack(sha, children)
		<-time.After(time.Duration(r.IntN(20)) * time.Millisecond) // or checking all of them would take minutes
	}
}

func archive(r *rand.Rand, n int) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i := range n {
		w, err := z.Create(fmt.Sprintf("inner-%d.bin", i))
		if err == nil {
			_, err = w.Write(randomBytes(r, 100+r.IntN(5000)))
		}
		if err != nil {
			panic(err) // a bytes.Buffer cannot fail
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// pause lets the load go on for a random while. It is the moment of the kill that is random; nothing waits for a state here.
func pause(r *rand.Rand) { <-time.After(time.Duration(20+r.IntN(600)) * time.Millisecond) }

// waitGone waits until a worker whose parent was killed has ended.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		// The command line of a process that has ended, and that nobody has asked about yet, is empty.
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil || len(line) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("worker %d lives on after its parent's death", pid)
		}
		<-time.After(5 * time.Millisecond)
	}
}
