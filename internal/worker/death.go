package worker

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"lazuli/event"
	"lazuli/plugin"
)

// death is how a child ended.
type death struct {
	state   event.State
	message string
}

// on adds what the child was at.
func (d *death) on(job plugin.JobState) *death {
	if job.Idle() {
		return &death{d.state, "the worker died without a job: " + d.message}
	}
	return &death{d.state, fmt.Sprintf("%s on %s: %s", job.Plugin, job.SHA256, d.message)}
}

// causeOf reads from a child's exit and its last words why it ended.
func causeOf(exit *os.ProcessState, stderr string) *death {
	words := lastWords(stderr)
	d := &death{state: event.ErrorRunner, message: "it ended (" + exit.String() + ")"}
	if words != "" {
		d.message += ": " + words
	}
	// What the Go runtime says when the system refuses it memory, here for RLIMIT_DATA.
	if strings.HasPrefix(words, "fatal error: ") && strings.Contains(words, "out of memory") ||
		strings.HasPrefix(words, "runtime: out of memory") {
		d.state = event.ErrorOutOfMemory
	}
	return d
}

// Bounds on what is kept of a child's standard error.
const (
	tailBytes      = 64 << 10
	maxLastWords   = 2000 // bytes
	lastLines      = 5
	maxLoggedBytes = 1000 // of one line
)

// lastWords is what a reader wants of the end of standard error: a panic or fatal error from its first line on, otherwise
// the last lines.
func lastWords(stderr string) string {
	stderr = strings.TrimSpace(stderr)
	for _, start := range []string{"panic: ", "fatal error: ", "runtime: out of memory"} {
		at := strings.Index(stderr, "\n"+start) + 1
		if at == 0 && !strings.HasPrefix(stderr, start) {
			continue
		}
		return bounded(stderr[at:])
	}
	lines := strings.Split(stderr, "\n")
	return bounded(strings.Join(lines[max(0, len(lines)-lastLines):], "\n"))
}

func bounded(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxLastWords)], "")
}

// stderrTail keeps the end of a child's standard error, and logs its lines until the child panics: from there on they are
// part of the death.
type stderrTail struct {
	logger *slog.Logger

	mu    sync.Mutex
	kept  []byte
	line  []byte // the one that is not complete
	panic bool
}

// Write takes what the child wrote. It never fails.
func (t *stderrTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailBytes; over > tailBytes {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	for rest := p; !t.panic; {
		line, after, complete := bytes.Cut(rest, []byte("\n"))
		t.line = append(t.line, line[:min(len(line), maxLoggedBytes-min(len(t.line), maxLoggedBytes))]...)
		if !complete {
			break
		}
		text := string(t.line)
		t.line, rest = t.line[:0], after
		t.panic = strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ") || strings.HasPrefix(text, "runtime: ")
		if text != "" && !t.panic {
			t.logger.Info("a worker says", "line", text)
		}
	}
	return len(p), nil
}

// String is the end of what was written.
func (t *stderrTail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
