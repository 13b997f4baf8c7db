package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lazuli/event"
	"lazuli/internal/worker/dispatchertest"
)

// stream is a stream that a plugin made.
func stream(label event.Label, content string) Stream {
	sum := sha256.Sum256([]byte(content))
	return Stream{
		Label: label, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

// A plugin that finds everything there is: the events are those of the reference's runner (observed requests, 1.3).
func TestResults(t *testing.T) {
	s := dispatchertest.New(t)
	grandchild := &Child{
		Content: stream(event.LabelContent, "grandchild"), Relationship: map[string]string{"action": "unpacked"},
		Features: []event.Feature{{Name: "filename", Type: event.Filepath, Value: "gc.bin"}},
	}
	child := &Child{
		Content: stream(event.LabelContent, "child"), Relationship: map[string]string{"key": "val"},
		Features: []event.Feature{
			{Name: "filename", Type: event.Filepath, Value: "dir/z"}, {Name: "filename", Type: event.Filepath, Value: "dir/a"},
		},
		Streams: []Stream{stream(event.LabelText, "text of child")}, Children: []*Child{grandchild},
	}
	text := stream(event.LabelText, "some text")
	text.Language = "python"
	startRunner(t, s, RunnerOptions{}, outcome(func(o *Outcome) {
		o.Features = []event.Feature{{Name: "x", Type: event.Integer, Value: "42"}}
		o.Info = json.RawMessage(`{"hello":null}`)
		o.Streams = []Stream{text, stream(event.LabelReport, "report")}
		o.Children = []*Child{child}
	}), specOnly{Spec{Name: "All", Version: "1", Security: "OFFICIAL"}})
	sha := s.Submit("All", []byte("the input"), "text/plain")
	status := s.WaitFinal(t, "All", sha)
	author := event.Author{Category: "plugin", Name: "All", Version: "1", Security: "OFFICIAL"}
	if status.Author != author || status.Entity.Status != event.Completed || status.Entity.Runtime != 1.234 || len(status.Entity.Results) != 3 {
		t.Fatalf("status %+v", status)
	}
	shaOf := func(content string) string { return stream("", content).SHA256 }
	main, first, second := status.Entity.Results[0], status.Entity.Results[1], status.Entity.Results[2]

	if main.Action != event.Augmented || main.Entity.SHA256 != sha || main.Entity.FileFormat != "text/plain" ||
		string(main.Entity.Info) != `{"hello":null}` || len(main.Entity.Features) != 1 {
		t.Errorf("main %+v", main)
	}
	own := []string{shaOf("some text"), shaOf("report")}
	slices.Sort(own)
	if diff := cmp.Diff(append([]string{sha}, own...), shas(main.Entity.Datastreams)); diff != "" {
		t.Errorf("streams of main: %s", diff)
	}
	for _, d := range main.Entity.Datastreams {
		if (d.Label == event.LabelText) != (d.Language == "python") {
			t.Errorf("stream %s has language %q", d.Label, d.Language)
		}
	}
	root := status.Entity.Input.Source.Path[0]
	now := status.Timestamp
	at := func(action event.Action, sha string) event.PathNode {
		return event.PathNode{Author: author, Action: action, SHA256: sha, Timestamp: now}
	}
	childNode, grandNode := at(event.Extracted, shaOf("child")), at(event.Extracted, shaOf("grandchild"))
	childNode.Relationship, childNode.FileFormat, childNode.Size, childNode.Filename = child.Relationship, "text/plain", 5, "dir/a"
	grandNode.Relationship, grandNode.FileFormat, grandNode.Size, grandNode.Filename = grandchild.Relationship, "text/plain", 10, "gc.bin"
	for _, c := range []struct {
		what string
		got  event.Path
		want event.Path
	}{
		{"main", main.Source.Path, event.Path{root, at(event.Augmented, sha)}},
		{"child", first.Source.Path, event.Path{root, childNode}},
		{"grandchild", second.Source.Path, event.Path{root, childNode, grandNode}},
	} {
		if diff := cmp.Diff(asJSON(t, c.want), asJSON(t, c.got)); diff != "" {
			t.Errorf("path of %s: %s", c.what, diff)
		}
	}
	if diff := cmp.Diff([]event.Feature{
		{Name: "file_format", Type: event.String, Value: "text/plain"},
		{Name: "magic", Type: event.String, Value: "data"},
		{Name: "mime", Type: event.String, Value: "application/octet-stream"},
		{Name: "filename", Type: event.Filepath, Value: "dir/z"},
		{Name: "filename", Type: event.Filepath, Value: "dir/a"},
	}, first.Entity.Features); diff != "" {
		t.Errorf("features of child: %s", diff)
	}
	want := []string{shaOf("child"), shaOf("text of child")}
	slices.Sort(want)
	if diff := cmp.Diff(want, shas(first.Entity.Datastreams)); diff != "" {
		t.Errorf("streams of child: %s", diff)
	}
}

func shas(streams []event.Datastream) (list []string) {
	for _, d := range streams {
		list = append(list, d.SHA256)
	}
	return list
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestStatuses(t *testing.T) {
	feature := []event.Feature{{Name: "x", Type: event.String, Value: "v"}}
	for _, c := range []struct {
		name    string
		change  func(*Outcome)
		fail    string // requests to this path are refused with code
		code    int
		state   event.State
		results []event.Action
		message string
	}{
		{name: "nothing found", change: func(o *Outcome) { o.State = event.CompletedEmpty }, state: event.CompletedEmpty},
		{name: "features", change: func(o *Outcome) { o.Features = feature }, state: event.Completed, results: []event.Action{event.Enriched}},
		{name: "info", change: func(o *Outcome) { o.Info = json.RawMessage(`{}`) }, state: event.Completed, results: []event.Action{event.Enriched}},
		{name: "partly", change: func(o *Outcome) { o.State, o.Message, o.Features = event.CompletedWithErrors, "cut", feature },
			state: event.CompletedWithErrors, results: []event.Action{event.Enriched}, message: "cut"},
		{name: "child alone", change: func(o *Outcome) { o.Children = []*Child{{Content: stream(event.LabelContent, "c")}} },
			state: event.Completed, results: []event.Action{event.Extracted}},
		{name: "opt-out", change: func(o *Outcome) { o.State, o.Error, o.Message = event.OptOut, "code", "why" }, state: event.OptOut, message: "why"},
		{name: "exception", change: func(o *Outcome) { o.State, o.Message, o.Features = event.ErrorException, "bad \xff text", feature },
			state: event.ErrorException, message: "bad  text"},
		{name: "too large", change: func(o *Outcome) { o.Info = json.RawMessage(`{"x":"` + strings.Repeat("y", 2<<20) + `"}`) },
			state: event.ErrorOutput, message: "the limit is 1966080"},
		{name: "not legal", change: func(o *Outcome) { o.Info = json.RawMessage(`[]`) }, state: event.ErrorOutput, message: "info"},
		{name: "unreadable stream", change: func(o *Outcome) {
			o.Streams = []Stream{stream(event.LabelText, "t")}
			o.Streams[0].Open = func() (io.ReadCloser, error) { return nil, errors.New("the file is gone") }
		}, state: event.ErrorOutput, message: "the file is gone"},
		{name: "other bytes", change: func(o *Outcome) {
			o.Streams = []Stream{stream(event.LabelText, "t")}
			o.Streams[0].SHA256 = strings.Repeat("0", 64)
		}, state: event.ErrorOutput, message: "in place of"},
		{name: "upload refused", change: func(o *Outcome) { o.Streams = []Stream{stream(event.LabelText, "t")} },
			fail: "/api/v3/stream/", code: 413, state: event.ErrorOutput, message: "413"},
		{name: "store away", change: func(o *Outcome) { o.Streams = []Stream{stream(event.LabelText, "t")} },
			fail: "/api/v3/stream/", code: 503, state: event.ErrorNetwork, message: "503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := dispatchertest.New(t)
			s.Fail(func(r *http.Request) int {
				if c.fail != "" && strings.HasPrefix(r.URL.Path, c.fail) {
					return c.code
				}
				return 0
			})
			startRunner(t, s, RunnerOptions{}, outcome(c.change), named("P"))
			got := s.WaitFinal(t, "P", s.Submit("P", []byte("input"), "text/plain"))
			var actions []event.Action
			for _, r := range got.Entity.Results {
				actions = append(actions, r.Action)
			}
			if got.Entity.Status != c.state || !slices.Equal(actions, c.results) || !strings.Contains(got.Entity.Message, c.message) {
				t.Errorf("%s %v %q", got.Entity.Status, actions, got.Entity.Message)
			}
		})
	}
}

// The same bytes under the same label are stored once, however often they were found.
func TestUploadsOnce(t *testing.T) {
	s := dispatchertest.New(t)
	startRunner(t, s, RunnerOptions{}, outcome(func(o *Outcome) {
		for i := range 20 {
			o.Children = append(o.Children, &Child{Content: stream(event.LabelContent, fmt.Sprint(i%5)), Relationship: map[string]string{"n": fmt.Sprint(i)}})
		}
	}), named("P"))
	got := s.WaitFinal(t, "P", s.Submit("P", []byte("input"), "text/plain"))
	uploads := 0
	for _, r := range s.Requests() {
		if strings.HasPrefix(r, "POST /api/v3/stream/") {
			uploads++
		}
	}
	if len(got.Entity.Results) != 20 || uploads != 5 {
		t.Errorf("%d results, %d uploads", len(got.Entity.Results), uploads)
	}
}
