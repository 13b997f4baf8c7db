package worker

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLastWords(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ name, stderr, want string }{
		{"nothing", "", ""},
		{"last lines", "1\n2\n3\n4\n5\n6\n", "2\n3\n4\n5\n6"},
		{"panic", "some log\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: boom\n\ngoroutine 1 [running]:\nmain.main()"},
		{"panic first", "panic: boom\n", "panic: boom"},
		{"the word alone", "do not panic: it is fine", "do not panic: it is fine"},
		{"fatal", "log\nfatal error: all goroutines are asleep", "fatal error: all goroutines are asleep"},
		{"bounded", "panic: " + long, ("panic: " + long)[:maxLastWords]},
		{"between characters", strings.Repeat("x", maxLastWords-1) + "ä", strings.Repeat("x", maxLastWords-1)},
	} {
		if got := lastWords(c.stderr); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestStderrTailIsBounded(t *testing.T) {
	var logged strings.Builder
	tail := &stderrTail{logger: slog.New(slog.NewTextHandler(&logged, nil))}
	for range 100 {
		_, _ = io.WriteString(tail, strings.Repeat("y", 10_000))
	}
	_, _ = io.WriteString(tail, "\nhalf")
	_, _ = io.WriteString(tail, " a line\npanic: boom\nand more\n")
	if len(tail.kept) > 2*tailBytes || !strings.HasSuffix(tail.String(), "half a line\npanic: boom\nand more\n") {
		t.Errorf("%d bytes kept, ending in %q", len(tail.kept), tail.String()[len(tail.kept)-40:])
	}
	if logged.Len() > 2*maxLoggedBytes || !strings.Contains(logged.String(), `"half a line"`) || strings.Contains(logged.String(), "more") {
		t.Errorf("logged %q", logged.String())
	}
}

func TestNextPause(t *testing.T) {
	var pause time.Duration
	for range 20 {
		next := nextPause(pause, false)
		if next <= 0 || next < pause || next > 10*time.Second {
			t.Fatalf("%s after %s", next, pause)
		}
		pause = next
	}
	if pause != 10*time.Second || nextPause(pause, true) != 0 {
		t.Errorf("the longest pause is %s, and %s after work", pause, nextPause(pause, true))
	}
}
