package dispatcher

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"lazuli/event"
)

// Which requests are refused whole, which events of a request are, and what the answer says (protocol 1.4).
func TestPostLineByLine(t *testing.T) {
	b := newBench(t)
	text := func(ev *event.Binary) string {
		raw, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	good := text(b.file("src", "x"))
	gone := b.file("src", "gone")
	b.publish(gone)
	b.delete("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{gone.KafkaKey}}})
	expired := b.file("shortlived", "x")
	expired.Source.Timestamp = event.At(b.clock.Now().Add(-48 * time.Hour))
	invalid := strings.Replace(good, `"sha256"`, `"sha257"`, -1)
	version := func(v string) string { return strings.Replace(good, `"model_version":6`, `"model_version":`+v, 1) }
	for _, c := range []struct {
		name, body string
		code       int
		want       string
	}{
		{"one object", good, 200, `{"total_ok":1,"total_failures":0,"failures":[]}`},
		{"white space before a list", " \n\t[" + good + "] ", 200, `"total_ok":1`},
		{"keys in another case", strings.Replace(good, `"entity"`, `"ENTITY"`, 1), 200, `"total_ok":1`},
		{"unknown keys", strings.Replace(good, `{`, `{"unknown":[1],`, 1), 200, `"total_ok":1`},
		{"null is empty", strings.Replace(good, `{`, `{"retries":null,`, 1), 200, `"total_ok":1`},
		{"an empty list", "[]", 422, "no event"},
		{"an empty list in white space", " [ ] ", 422, "no event"},
		{"white space", "  ", 422, "empty"},
		{"two objects", good + good, 422, "JSON"},
		{"a number in a list", "[" + good + ",7]", 422, "event 1"},
		{"one older event refuses all", "[" + good + "," + version("5") + "]", 422, "event 1"},
		{"no version is 0", strings.Replace(good, `"model_version":6,`, "", 1), 422, "model_version"},
		{"a newer version", version("7"), 422, "model_version"},
		{"a negative version", version("-6"), 422, "model_version"},
		{"one wrong type refuses all", "[" + good + "," + strings.Replace(good, `"action":"sourced"`, `"action":{}`, 1) + "]", 422, "event 1"},
		{"a time without a zone", strings.Replace(good, `12:00:00Z`, `12:00:00`, 1), 422, ""},
		{"all invalid", "[" + invalid + "]", 425, enumAllGone},
		{"one invalid", "[" + invalid + "," + good + "]", 200, `"total_ok":1,"total_failures":1,"failures":[{"event":"{`},
		{"all deleted", text(gone), 425, enumAllGone},
		{"all expired", text(expired), 425, enumAgedOff},
		{"expired and deleted", fmt.Sprintf("[%s,%s]", text(gone), text(expired)), 425, enumAgedOff},
		{"expired and good", fmt.Sprintf("[%s,%s]", text(expired), good), 200, `"total_failures":0`},
	} {
		code, body := b.call("POST", "/api/v2/event?model=binary&sync=true&name=x&version=1", c.body)
		if code != c.code || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %s, want %d with %q", c.name, code, body, c.code, c.want)
		}
	}
}

// `ok` has the final form of what was posted and kept, and nothing that followed from it.
func TestIncludeOK(t *testing.T) {
	b := newBench(t)
	parent := b.file("src", "parent")
	b.insert(parent, "child", "analyst", func(e *event.InsertEntity) { e.OriginalSource = "" })
	gone := b.file("src", "gone")
	b.publish(gone)
	b.delete("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{gone.KafkaKey}}})
	ok := func(query string, posted ...any) []json.RawMessage {
		t.Helper()
		code, body := b.call("POST", "/api/v2/event?"+query, posted)
		var answer struct {
			OK *[]json.RawMessage `json:"ok"`
		}
		if err := json.Unmarshal(body, &answer); err != nil || code != 200 {
			t.Fatalf("%d %s", code, body)
		}
		if answer.OK == nil {
			return nil
		}
		return *answer.OK
	}
	for _, flag := range []string{"", "&include_ok=false", "&include_ok=True"} {
		if list := ok("model=binary"+flag, parent); list != nil {
			t.Errorf("%s: ok is %s", flag, list)
		}
	}
	list := ok("model=binary&include_ok=1", parent, gone)
	if len(list) != 1 {
		t.Fatalf("ok has %d events, want what was posted and is not deleted", len(list))
	}
	ev, err := event.Decode(event.ModelBinary, list[0])
	if err != nil {
		t.Fatal(err)
	}
	kept := ev.(*event.Binary)
	if err := kept.Validate(); err != nil || len(kept.KafkaKey) != 32 || kept.TrackSourceReferences == "" || len(kept.TrackAuthors) != 1 {
		t.Errorf("ok has %s, %v", list[0], err)
	}
	kept.Dequeued = "x.Pusher.1.1"
	st := event.Status{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: kept.Timestamp, Author: event.Author{Category: "plugin", Name: "Pusher"}},
		Entity: event.StatusEntity{Input: *kept, Status: event.Completed, Results: []event.Binary{*b.child(kept, "result", "Pusher")}}}
	list = ok("model=status&include_ok=true", st)
	if len(list) != 1 || strings.Contains(string(list[0]), "results") || strings.Contains(string(list[0]), `"kafka_key":""`) {
		t.Errorf("ok of a status is %s", list)
	}
	if found := b.binaries("src.binary.extracted"); len(found) != 2 {
		t.Errorf("%d extracted events, want the inserted child and the result", len(found))
	}
}

// What is valid of a status with one bad result is kept, and the job ends.
func TestValidResultsOfAnInvalidStatusAreKept(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"))
	job := b.mustPoll("P", "x")
	bad := *b.child(job, "bad", "P")
	bad.Source.Name = "not a name"
	b.status(job, "P", event.Completed, *b.child(job, "good", "P"), bad)
	found := b.binaries("src.binary.extracted")
	if len(found) != 1 || found[0].Source.Path[1].SHA256 != b.file("src", "good").Entity.SHA256 {
		t.Errorf("%d results are kept, want the good one", len(found))
	}
	var st event.Status
	records := b.records("azul.lazuli.system.status")
	if err := json.Unmarshal(records[len(records)-1].Value, &st); err != nil {
		t.Fatal(err)
	}
	if st.Entity.Status != event.ErrorOutput || len(st.Entity.Results) != 0 || !strings.Contains(st.Entity.Message, "results[1]") {
		t.Errorf("the status is %+v", st.Entity)
	}
	b.status(b.mustPoll("P", "good"), "P", event.CompletedEmpty)
	b.mustIdle("P")
}

// An event that is too large for the log is refused alone; what a plugin says at too great length is cut, and its job ends.
func TestEventsOfTheLargestSize(t *testing.T) {
	b := newBench(t)
	sized := func(name string, size int64) *event.Binary {
		f := b.file("src", name)
		f.Entity.Info = json.RawMessage(`{"a":"` + strings.Repeat("x", int(size)-2000) + `"}`)
		return f
	}
	limit := b.d.opts.MaxEventBytes
	code, body := b.call("POST", "/api/v2/event?model=binary", []any{b.file("src", "small"), sized("fits", limit), sized("too large", limit+4000)})
	if text := string(body); code != 200 || !strings.HasPrefix(text, `{"total_ok":2,"total_failures":1,`) || !strings.Contains(text, "the limit is") {
		t.Errorf("%d %.200s", code, body)
	}
	if code, body := b.call("POST", "/api/v2/event?model=binary", []any{sized("too large", limit+4000)}); code != 425 || !strings.Contains(string(body), "the limit is") {
		t.Errorf("alone: %d %.200s", code, body)
	}
	b.status(b.mustPoll("P", "small"), "P", event.Completed)
	job := b.mustPoll("P", "fits")
	if len(job.Entity.Info) < int(limit)-3000 {
		t.Errorf("info has %d bytes", len(job.Entity.Info))
	}
	said := b.statusEvent(job, event.ErrorException)
	said.ModelVersion = event.ModelVersion
	said.Entity.Message = strings.Repeat("Traceback ü ", int(limit)/4) + "the end"
	if code, body := b.call("POST", "/api/v2/event?model=status", []any{said}); code != 200 {
		t.Errorf("a long message: %d %s", code, body)
	}
	b.mustIdle("P")
	records := b.records(b.d.names.system("status"))
	last, err := event.Decode(event.ModelStatus, records[len(records)-1].Value)
	if err != nil {
		t.Fatal(err)
	}
	if m := last.(*event.Status).Entity.Message; len(m) > maxMessage || !strings.HasSuffix(m, "the end") || !strings.Contains(m, "bytes left out") {
		t.Errorf("%d bytes are kept of the message: %.200s", len(m), m)
	}
}

// TestThousandConnections has a thousand polls of one plugin wait at once: each event goes to one of them, and none is lost.
func TestThousandConnections(t *testing.T) {
	b := newBench(t)
	const n = 1000
	b.publish(b.file("src", "first"))
	b.status(b.mustPoll("P", "first"), "P", event.Completed)
	c, err := b.d.consumer(t.Context(), identity{Name: "P", Version: "1", Model: event.ModelBinary})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, n)
	for range n {
		go func() {
			ev, _ := b.poll("P", allFeeds+"&deadline=60")
			if ev == nil {
				got <- ""
				return
			}
			got <- ev.Dequeued
		}()
	}
	for waiting := 0; waiting < n; runtime.Gosched() {
		c.mu.Lock()
		waiting = len(c.waiters)
		c.mu.Unlock()
	}
	files := make([]event.Event, n)
	for i := range files {
		files[i] = b.file("src", fmt.Sprint("file ", i))
	}
	if _, err := b.d.Publish(t.Context(), files...); err != nil { // in one append: a thousand, each synced, take as long as the disk likes
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range n {
		id := <-got
		if id == "" || seen[id] {
			t.Fatalf("a poll got %q, after %d others", id, len(seen))
		}
		seen[id] = true
	}
}
