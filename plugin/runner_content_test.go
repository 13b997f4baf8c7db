package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"lazuli/client"
	"lazuli/event"
	"lazuli/event/eventtest"
	"lazuli/internal/worker/dispatchertest"
)

func TestContent(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), (wholeBytes+3*chunkBytes/2)/16)
	for name, content := range map[string][]byte{
		"small": large[:1000], "just small enough": large[:wholeBytes], "large": large,
	} {
		t.Run(name, func(t *testing.T) {
			s := dispatchertest.New(t)
			var wrong atomic.Pointer[string]
			note := func(format string, args ...any) { text := fmt.Sprintf(format, args...); wrong.Store(&text) }
			startRunner(t, s, RunnerOptions{}, func(ctx context.Context, _ Plugin, in Input) *Outcome {
				c, err := in.Open(ctx, in.Event.Entity.Datastreams[0])
				if err != nil {
					note("open: %v", err)
					return &Outcome{State: event.OptOut}
				}
				if c.Size() != int64(len(content)) {
					note("size %d", c.Size())
				}
				buf := make([]byte, chunkBytes+100)
				for _, off := range []int64{0, 10, int64(len(content)) - 7, int64(len(content)), chunkBytes - 50, 0} {
					n, err := c.ReadAt(buf, off)
					want := content[min(off, int64(len(content))):min(off+int64(len(buf)), int64(len(content)))]
					if !bytes.Equal(buf[:n], want) || (n < len(buf)) != (err == io.EOF) || err != nil && err != io.EOF {
						note("ReadAt(%d) = %d, %v, want %d bytes", off, n, err, len(want))
					}
				}
				if _, err := c.ReadAt(buf, -1); err == nil {
					note("a negative offset was accepted")
				}
				if err := c.Close(); err != nil {
					note("close: %v", err)
				}
				return &Outcome{State: event.CompletedEmpty}
			}, named("P"))
			s.WaitFinal(t, "P", s.Submit("P", content, "text/plain"))
			if text := wrong.Load(); text != nil {
				t.Error(*text)
			}
			var ranges []string
			for _, r := range s.Requests() {
				if _, span, ok := strings.Cut(r, "bytes="); ok {
					ranges = append(ranges, span)
				}
			}
			want := []string{fmt.Sprintf("0-%d", len(content)-1)}
			if name == "large" {
				want = []string{"0-1048575", "1048576-2097151", "5242880-5767167", "2097152-3145727"}
			}
			if !slices.Equal(ranges, want) {
				t.Errorf("asked for %v, want %v", ranges, want)
			}
		})
	}
}

func TestChunksKeptAreBounded(t *testing.T) {
	s := dispatchertest.New(t)
	content := bytes.Repeat([]byte{1}, (chunksKept+2)*chunkBytes)
	d, err := client.NewDispatcher(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ds := eventtest.Stream(event.LabelContent, content, "")
	s.Store("samples", event.LabelContent, ds.SHA256, content)
	reader := &streamReader{d: d, source: "samples"}
	opened, err := reader.open(t.Context(), ds)
	if err != nil {
		t.Fatal(err)
	}
	c := opened.(*remoteContent)
	for range 2 {
		if n, err := io.Copy(io.Discard, io.NewSectionReader(c, 0, c.size)); n != c.size || err != nil {
			t.Fatalf("read %d, %v", n, err)
		}
	}
	if len(c.chunks) != chunksKept {
		t.Errorf("%d chunks are kept", len(c.chunks))
	}
	if err := c.Close(); err != nil || c.chunks != nil {
		t.Errorf("after Close: %d chunks, %v", len(c.chunks), err)
	}
	if _, err := c.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("a closed content can be read")
	}
}

// Whatever the plugin makes of a stream that cannot be read, the job ends as what it is.
func TestStreamTrouble(t *testing.T) {
	for _, c := range []struct {
		name  string
		code  int
		state event.State
		none  bool // what the plugin sees is ErrNoContent
	}{
		{"not stored", 404, event.CompletedEmpty, true},
		{"store away", 503, event.ErrorNetwork, false},
		{"refused", 400, event.ErrorNetwork, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := dispatchertest.New(t)
			s.Fail(func(r *http.Request) int {
				if r.Method == http.MethodGet {
					return c.code
				}
				return 0
			})
			var none atomic.Bool
			startRunner(t, s, RunnerOptions{}, func(ctx context.Context, _ Plugin, in Input) *Outcome {
				_, err := in.Open(ctx, in.Event.Entity.Datastreams[0])
				none.Store(errors.Is(err, ErrNoContent))
				return &Outcome{State: event.CompletedEmpty}
			}, named("P"))
			got := s.WaitFinal(t, "P", s.Submit("P", []byte("input"), "text/plain"))
			if got.Entity.Status != c.state || none.Load() != c.none {
				t.Errorf("%s %q, ErrNoContent %v", got.Entity.Status, got.Entity.Message, none.Load())
			}
		})
	}
}
