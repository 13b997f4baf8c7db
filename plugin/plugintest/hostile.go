package plugintest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/identify"
	"lazuli/internal/identify/zoo"
	"lazuli/plugin"
)

// What one run over hostile input may take.
const (
	hostileTime   = 10 * time.Second
	hostileMemory = 256 << 20 // bytes on the heap, with garbage
)

// Hostile runs a plugin over what attackers and broken disks make of its samples: cut short, with flipped bits, with a
// stretch of another sample in it, doubled; over nothing, and over a file of every format there is. Files that are whole run under
// every format that the plugin wants, damaged ones under that of the sample and one other. Every run must end by
// itself in a state that says something, without a panic or a mistake in what it produces, in bounded time and memory, and
// what it found must be readable.
func Hostile(t *testing.T, p plugin.Plugin, samples ...[]byte) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	wanted := []string{"unknown"}
	for _, list := range p.Spec().Wants.Streams {
		wanted = append(wanted, list...)
	}
	slices.Sort(wanted)
	dir := t.TempDir()
	wanted = slices.Compact(wanted)
	for i, in := range append(hostile(samples), others()...) {
		formats := wanted
		if in.damaged && wants(wanted, in.format) {
			formats = []string{in.format, wanted[i%len(wanted)]}
		}
		var took time.Duration // the longest run
		peak := PeakMemory(func() {
			for _, format := range formats {
				begun := time.Now()
				if fault := hostileRun(t.Context(), dir, p, in.content, format); fault != "" {
					t.Errorf("%s, as %s: %s", in.what, format, fault)
				}
				took = max(took, time.Since(begun))
			}
		})
		if peak > hostileMemory || took > hostileTime {
			t.Errorf("%s: took %s and %d MiB", in.what, took, peak>>20)
		}
	}
	expectEmpty(t, dir)
}

func wants(prefixes []string, format string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(format, prefix) })
}

// others are the samples of all formats that are known: what other plugins are for.
func others() []input {
	var list []input
	for _, s := range zoo.Samples() {
		list = append(list, input{what: "the sample " + s.Name, content: s.Content})
	}
	return list
}

// hostileRun runs a plugin once and says what is wrong with its outcome.
func hostileRun(ctx context.Context, dir string, p plugin.Plugin, content []byte, format string) string {
	ctx, cancel := context.WithTimeout(ctx, hostileTime)
	defer cancel()
	out := newJob(content, []Option{Format(format)}).run(ctx, dir, p)
	defer out.Close()
	if err := Check(out); err != nil {
		return err.Error()
	}
	return ""
}

// Check returns what is wrong with an outcome whatever the file was: a state that is not final, a panic, a time-out, a
// mistake in what the plugin produced, a child that cannot be read. Fuzz targets call it.
func Check(out *plugin.Outcome) error {
	if !out.State.Final() {
		return fmt.Errorf("%q is no final state", out.State)
	}
	switch out.State {
	case event.ErrorOutput, event.ErrorTimeout, event.ErrorRunner, event.ErrorNetwork:
		return fmt.Errorf("%s: %s", out.State, out.Message)
	}
	if out.Error == "panic" {
		return fmt.Errorf("%s", out.Message)
	}
	for i := range out.Parts {
		if err := Check(&out.Parts[i].Outcome); err != nil {
			return fmt.Errorf("part %s: %w", out.Parts[i].Part, err)
		}
	}
	return checkChildren(out.Children)
}

func checkChildren(children []*plugin.Child) error {
	for _, c := range children {
		for _, s := range append([]plugin.Stream{c.Content}, c.Streams...) {
			r, err := s.Open()
			if err != nil {
				return fmt.Errorf("a child cannot be read: %w", err)
			}
			n, err := io.Copy(io.Discard, r)
			r.Close()
			if err != nil || n != s.Size {
				return fmt.Errorf("a child of %d bytes reads as %d (%v)", s.Size, n, err)
			}
		}
		if err := checkChildren(c.Children); err != nil {
			return err
		}
	}
	return nil
}

// input is a file and what was done to it.
type input struct {
	what    string
	content []byte
	damaged bool
	format  string // of the sample that it is made of
}

// hostile makes the inputs, the same each time.
func hostile(samples [][]byte) []input {
	r := rand.New(rand.NewPCG(1, 2))
	list := []input{{what: "nothing"}, {what: "one byte", content: []byte{0}}, {what: "ones", content: bytes.Repeat([]byte{0xff}, 5000)}}
	for i, s := range samples {
		list = append(list, input{what: fmt.Sprintf("sample %d", i), content: s})
		if len(s) == 0 {
			continue
		}
		is := identify.File(bytes.NewReader(s), int64(len(s))).Format
		add := func(content []byte, format string, args ...any) {
			list = append(list, input{what: fmt.Sprintf(format, args...), content: content, damaged: true, format: is})
		}
		add(bytes.Repeat(s, 2), "sample %d twice", i)
		for _, n := range []int{1, len(s) / 4, len(s) / 2, len(s) - 1, r.IntN(len(s)), r.IntN(len(s))} {
			add(s[:n], "sample %d, the first %d bytes", i, n)
			add(s[n:], "sample %d from byte %d on", i, n)
		}
		for k := range 20 {
			bad := bytes.Clone(s)
			for range 1 + r.IntN(8) {
				bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
			}
			add(bad, "sample %d with flipped bits, no. %d", i, k)
		}
		for k := range 10 {
			other := samples[r.IntN(len(samples))]
			bad := bytes.Clone(s)
			if len(other) > 0 {
				copy(bad[r.IntN(len(bad)):], other[r.IntN(len(other)):])
			}
			add(bad, "sample %d with a piece of another, no. %d", i, k)
		}
	}
	return list
}

// PeakMemory returns by how many bytes the heap grew at most while fn ran, garbage that was not collected yet included. It
// looks every millisecond.
func PeakMemory(fn func()) uint64 {
	heap := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	base := heap()
	quit, done := make(chan struct{}), make(chan struct{})
	most := base
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, heap())
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	func() {
		defer func() { close(quit); <-done }() // also when fn ends the test
		fn()
	}()
	return max(most, heap()) - base
}
