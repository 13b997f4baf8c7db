package plugintest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin"
)

// words finds something of every kind; a file that begins with ! breaks it in one way or another.
type words struct{}

func (words) Spec() plugin.Spec {
	return plugin.Spec{Name: "Words", Version: "1", Features: []plugin.Feature{{Name: "word", Type: event.String, Description: "a word"}}}
}

func (words) Run(ctx context.Context, job *plugin.Job) error {
	r, err := job.Content()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	passwords, err := job.Passwords()
	if err != nil {
		return err
	}
	switch string(text) {
	case "!panic":
		panic("at the disco")
	case "!hang":
		<-ctx.Done()
		return ctx.Err()
	case "!output":
		return job.Feature("undeclared", 1)
	case "!opt out":
		return plugin.OptOut("no_words", "there are no words")
	}
	for i, w := range strings.Fields(string(text)) {
		if err := job.Feature("word", w, plugin.Label(strings.Repeat("l", i)), plugin.At(uint64(i), uint64(len(w)))); err != nil {
			return err
		}
	}
	name := job.Event().Source.Path[0].Filename
	child, err := job.AddChild(strings.NewReader("child"), plugin.Filename("in "+name), plugin.Relationship("label", "x"), plugin.Relationship("action", "made"))
	if err != nil {
		return err
	}
	inner, err := child.AddChild(strings.NewReader("inner"))
	if err != nil {
		return err
	}
	return errors.Join(child.AddStream(event.LabelReport, strings.NewReader("report")), inner.AddText(strings.NewReader("text"), "english"),
		job.AddText(strings.NewReader("text"), ""), job.Info("passwords", passwords), job.Info("format", job.Format()))
}

func TestGolden(t *testing.T) {
	Golden(t, "testdata/words.golden", Run(t, words{}, []byte("some words "+strings.Repeat("w", 100)), Format("text/plain"), Filename("a.txt"),
		Setting("passwords", "secret"), Stream(event.LabelPasswordDictionary, []byte("one\ntwo"))))
	Golden(t, "testdata/opt-out.golden", Run(t, words{}, []byte("!opt out")))
	Golden(t, "testdata/panic.golden", Run(t, words{}, []byte("!panic")))
	Golden(t, "testdata/depth.golden", Run(t, words{}, nil, Event(func(b *event.Binary) {
		b.Source.Path = make(event.Path, plugin.MaxDepth)
	})))
}

func TestHostile(t *testing.T) {
	Hostile(t, words{}, []byte("some words"), nil, []byte("some more words"))
}

// TestHostileFinds: what Hostile is for is found.
func TestHostileFinds(t *testing.T) {
	for content, want := range map[string]string{"!panic": "panic: at the disco", "!output": "undeclared", "!hang": "error-timeout", "!opt out": "", "fine": ""} {
		ctx, cancel := context.WithCancel(t.Context())
		if content == "!hang" {
			ctx, cancel = context.WithTimeout(ctx, 1)
		}
		got := hostileRun(ctx, t.TempDir(), words{}, []byte(content), "unknown")
		cancel()
		if got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", content, got, want)
		}
	}
}

func TestPeakMemory(t *testing.T) {
	const size = 64 << 20
	var block []byte
	peak := PeakMemory(func() {
		block = make([]byte, size)
		block = block[:1:1]
	})
	if peak < size/2 || peak > 2*size { // what was garbage at the start is swept meanwhile
		t.Errorf("%d MiB for a block of 64", peak>>20)
	}
	_ = block
	if peak := PeakMemory(func() {}); peak > size/2 {
		t.Errorf("%d MiB for nothing", peak>>20)
	}
}
