package dispatcher

import (
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// pollAvro asks as the reference's Go client does.
func (b *bench) pollAvro(path, query string) ([]event.Event, pollInfo) {
	b.t.Helper()
	res, err := http.Get(b.server.URL + "/api/v2/event/" + path + "?avro-format=true&" + query + "&deadline=1")
	if err != nil {
		b.t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer res.Body.Close()
	_, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %v", res.Status, err)
	}
	parts := multipart.NewReader(res.Body, params["boundary"])
	text := map[string][]byte{}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			b.t.Fatal(err)
		}
		if text[part.FormName()], err = io.ReadAll(part); err != nil {
			b.t.Fatal(err)
		}
	}
	var info pollInfo
	if err := json.Unmarshal(text["info"], &info); err != nil {
		b.t.Fatal(err)
	}
	model, _, _ := strings.Cut(path, "/")
	events, err := event.DecodeAvroBulk(event.Model(model), text["events"])
	if err != nil {
		b.t.Fatal(err)
	}
	if info.Fetched != len(events) {
		b.t.Fatalf("%d events and %+v", len(events), info)
	}
	return events, info
}

// mustPollAvro expects one job.
func (b *bench) mustPollAvro(name string) *event.Binary {
	b.t.Helper()
	events, _ := b.pollAvro("binary/active", "name="+name+"&version=1&"+allFeeds+"&deadline=30")
	if len(events) != 1 {
		b.t.Fatalf("got %d events", len(events))
	}
	return events[0].(*event.Binary)
}

func (b *bench) bulk(events ...event.Event) string {
	b.t.Helper()
	raw, err := event.EncodeAvroBulk(events[0].Model(), events)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(raw)
}

func (b *bench) statusEvent(job *event.Binary, state event.State, results ...event.Binary) *event.Status {
	return &event.Status{
		Head:   event.Head{Timestamp: event.At(b.clock.Now()), Author: event.Author{Category: "plugin", Name: "P", Version: "1"}},
		Entity: event.StatusEntity{Input: *job, Status: state, Results: results},
	}
}

const postAvro = "/api/v2/event?avro-format=true&sync=false&pause_plugins=false&model="

// TestAvroPlugin: what a Go plugin of the reference does, start to end.
func TestAvroPlugin(t *testing.T) {
	b := newBench(t)
	registration := &event.Plugin{Head: event.Head{Timestamp: event.At(b.clock.Now()), Author: event.Author{Name: "P", Version: "1"}},
		Entity: event.PluginEntity{Name: "P", Version: "1", Features: []event.PluginFeature{{Name: "f", Type: event.String}}}}
	if code, body := b.call("POST", postAvro+"plugin", b.bulk(registration)); code != 200 {
		t.Fatalf("register: %d %s", code, body)
	}
	if events, info := b.pollAvro("binary/active", "name=P&version=1&"+allFeeds); len(events) != 0 || info.Filters[longPollIdle] != 1 {
		t.Fatalf("idle: %v %+v", events, info)
	}
	b.publish(b.file("src", "one"))
	job := b.mustPollAvro("P")
	if id, ok := event.ParseJobID(job.Dequeued); !ok || id.Key != job.KafkaKey || id.Attempt != 1 {
		t.Errorf("dequeued %q of %s", job.Dequeued, job.KafkaKey)
	}
	if code, body := b.call("POST", postAvro+"status", b.bulk(b.statusEvent(job, event.Heartbeat))); code != 200 {
		t.Fatalf("heartbeat: %d %s", code, body)
	}
	result := *job
	result.Action, result.Entity.Datastreams, result.Dequeued = event.Enriched, nil, ""
	result.Entity.Features = []event.Feature{{Name: "f", Type: event.String, Value: "v"}}
	result.Source.Path = append(slices.Clone(job.Source.Path), event.PathNode{
		Author: event.Author{Name: "P"}, Action: event.Enriched, SHA256: job.Entity.SHA256, Timestamp: event.At(b.clock.Now())})
	code, body := b.call("POST", postAvro+"status", b.bulk(b.statusEvent(job, event.Completed, result)))
	if code != 200 || string(body) != `{"total_ok":1,"total_failures":0,"failures":[]}` {
		t.Fatalf("status: %d %s", code, body)
	}
	b.settle()
	if got := b.mustPollAvro("P"); got.Action != event.Enriched || len(got.Entity.Features) != 1 {
		t.Errorf("the result became %+v", got)
	}
	for model, want := range map[string]int{"plugin": 1, "status": 2} { // the heartbeat and the end
		if events, _ := b.pollAvro(model+"/passive", "name=i&count=10&r-historic=true"); len(events) != want {
			t.Errorf("%d %s events are read back", len(events), model)
		}
	}
}

// TestAvroPost: as with JSON, each event stands for itself (in the reference the first invalid one silently ends the list).
func TestAvroPost(t *testing.T) {
	b := newBench(t)
	invalid := b.file("src", "invalid")
	invalid.Action = "bogus"
	code, body := b.call("POST", postAvro+"binary", b.bulk(b.file("src", "one"), invalid, b.file("src", "two")))
	var answer postAnswer
	if err := json.Unmarshal(body, &answer); err != nil || code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	if answer.OK != 2 || answer.Failures != 1 || len(answer.Failed) != 1 || !strings.Contains(answer.Failed[0].Error, "bogus") ||
		!strings.Contains(answer.Failed[0].Event, invalid.Entity.SHA256) {
		t.Errorf("answer %s", body)
	}
	b.mustPoll("P", "one")
	b.mustPoll("P", "two")
	b.mustIdle("P")
	good := b.bulk(b.file("src", "three"))
	for _, c := range []struct {
		name, model, body string
		code              int
		want              string
	}{
		{"JSON", "binary", "[{}]", 422, "events"},
		{"no event", "binary", "\x0c\x00", 422, "no event"},
		{"cut", "binary", good[:len(good)-3], 422, "events[0]."},
		{"more follows", "binary", good + "x", 422, "1 more bytes follow"},
		{"all invalid", "binary", b.bulk(invalid), 425, "bogus"},
		{"with ok", "binary&include_ok=true", good, 200, `"failures":[],"ok":[{`},
		{"status of no job", "status", b.bulk(b.statusEvent(&event.Binary{}, event.Completed)), 425, "dequeued"},
		{"cut status of no job", "status", b.bulk(b.statusEvent(&event.Binary{}, event.Completed))[:60], 422, "entity."},
	} {
		code, body := b.call("POST", postAvro+c.model, c.body)
		if code != c.code || !strings.Contains(string(body), c.want) || strings.Contains(string(body), "null") {
			t.Errorf("%s: %d %s, want %d with %q", c.name, code, body, c.code, c.want)
		}
	}
}

// TestAvroStatusThatIsBroken: a plugin that is refused dies, so a status that names its job is accepted whatever follows.
func TestAvroStatusThatIsBroken(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "one"))
	job := b.mustPollAvro("P")
	whole := b.bulk(b.statusEvent(job, event.Completed, *job))
	broken := whole[:len(whole)-20]
	code, body := b.call("POST", postAvro+"status", broken)
	if code != 200 || string(body) != `{"total_ok":1,"total_failures":0,"failures":[]}` {
		t.Fatalf("%d %s", code, body)
	}
	b.settle()
	b.mustIdle("P")
	statuses, _ := b.pollAvro("status/passive", "name=i&r-historic=true")
	if got := statuses[0].(*event.Status).Entity; got.Status != event.ErrorOutput || !strings.Contains(got.Message, "results[0]") {
		t.Errorf("the status is %+v", got)
	}
}

// TestAvroRecords: records that the reference wrote are handed out, and their statuses end jobs.
func TestAvroRecords(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "json"))
	foreign := b.file("src", "avro")
	foreign.KafkaKey = "k1"
	write := func(topic, key string, ev event.Event) {
		value, err := event.EncodeAvro(ev)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.log.Append(t.Context(), []eventlog.Record{{Topic: topic, Key: []byte(key), Value: value}}); err != nil {
			t.Fatal(err)
		}
	}
	write(b.d.names.binary("src", event.Sourced), "k1", foreign)
	for _, name := range []string{"json", "avro"} {
		asJSON := b.mustPoll("P", name)
		asAvro := b.mustPollAvro("Q")
		if !strings.Contains(asJSON.Dequeued, ".P.1.") || !strings.Contains(asAvro.Dequeued, ".Q.1.") {
			t.Errorf("%s: dequeued %q and %q", name, asJSON.Dequeued, asAvro.Dequeued)
		}
		asJSON.Dequeued, asAvro.Dequeued = "", ""
		one, _ := json.Marshal(asJSON)
		two, _ := json.Marshal(asAvro)
		if string(one) != string(two) {
			t.Errorf("%s differs:\n%s\n%s", name, one, two)
		}
	}
	job := b.mustPollAvro("R")
	b.status(job, "R", event.Completed)
	job = b.mustPollAvro("R")
	done := b.statusEvent(job, event.Completed)
	done.Author.Name = "R"
	write(b.d.names.system("status"), "s1", done)
	b.settle()
	b.mustIdle("R")
	passive, _ := b.pollModel("binary/passive", "name=i&count=10&deadline=1&r-historic=true")
	if len(passive) != 2 || strings.Contains(string(passive[1]), "dequeued") {
		t.Errorf("%d events: %s", len(passive), passive)
	}
}
