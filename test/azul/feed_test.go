package azul

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"lazuli/event"
)

// feed is every event of the platform in the order in which azul_bedrock's strict models read it. Start at until.
type feed struct {
	mu      sync.Mutex
	events  []event.Event
	err     error         // why there will be no more
	changed chan struct{} // closed and made anew with every event
}

// follow starts follow.py until the test ends.
func follow(t *testing.T, python, url string) *feed {
	t.Helper()
	f := &feed{changed: make(chan struct{})}
	cmd := exec.Command(python, "follow.py", url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			model, text, _ := strings.Cut(lines.Text(), " ")
			ev, err := event.Decode(event.Model(model), []byte(text))
			f.add(ev, err)
		}
		f.add(nil, fmt.Errorf("follow.py ended: %v", cmd.Wait()))
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended, which is an error of its own
		<-ended
	})
	return f
}

func (f *feed) add(ev event.Event, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.err = err
	} else {
		f.events = append(f.events, ev)
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// until waits for a moment at which done is true of all events so far, and returns them.
func (f *feed) until(ctx context.Context, t *testing.T, what string, done func([]event.Event) bool) []event.Event {
	t.Helper()
	for {
		f.mu.Lock()
		events, err, changed := f.events[:len(f.events):len(f.events)], f.err, f.changed
		f.mu.Unlock()
		if done(events) {
			return events
		}
		if err != nil {
			t.Fatalf("while waiting for %s: %v", what, err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("waited for %s in vain; %d events were read", what, len(events))
		}
	}
}

// status waits for the word of a plugin on a file that is no heartbeat.
func (f *feed) status(ctx context.Context, t *testing.T, plugin, sha string) *event.Status {
	t.Helper()
	var last *event.Status
	f.until(ctx, t, fmt.Sprintf("the status of %s on %s", plugin, sha), func(events []event.Event) bool {
		for _, s := range statuses(events, plugin, sha) {
			if s.Entity.Status != event.Heartbeat {
				last = s
			}
		}
		return last != nil
	})
	return last
}

// binary waits for an event of an author about a file.
func (f *feed) binary(ctx context.Context, t *testing.T, action event.Action, author, sha string) *event.Binary {
	t.Helper()
	var found *event.Binary
	f.until(ctx, t, fmt.Sprintf("what %s says of %s in %s", author, sha, action), func(events []event.Event) bool {
		for _, ev := range events {
			if b, ok := ev.(*event.Binary); ok && b.Action == action && b.Author.Name == author && b.Entity.SHA256 == sha {
				found = b
			}
		}
		return found != nil
	})
	return found
}

// statuses lists what a plugin said of a file, in order, with its heartbeats.
func statuses(events []event.Event, plugin, sha string) []*event.Status {
	var list []*event.Status
	for _, ev := range events {
		if s, ok := ev.(*event.Status); ok && s.Author.Name == plugin && s.Entity.Input.Entity.SHA256 == sha {
			list = append(list, s)
		}
	}
	return list
}
