package dispatcher

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"lazuli/event"
)

func TestPollParameters(t *testing.T) {
	b := newBench(t)
	for query, want := range map[string]string{
		"binary/active?name=P":                                                          "one of r-expedite",
		"binary/active?name=P&r-live=maybe":                                             `r-live="maybe"`,
		"binary/active?name=P&r-live=true&count=x":                                      `count="x"`,
		"binary/active?name=P&r-live=true&r-action=bogus":                               `r-action="bogus"`,
		"binary/active?name=P&r-live=true&r-content=1&r-action=sourced":                 "r-content cannot be combined",
		"binary/active?name=P&r-live=true&r-under-content-size=1&r-over-content-size=2": "r-over-content-size is larger",
		"status/passive?name=P&r-expedite=true":                                         "r-expedite is for model binary",
		"bogus/active?name=P&r-live=true":                                               "bogus",
	} {
		code, body := b.call("GET", "/api/v2/event/"+query, nil)
		var p problem
		if err := json.Unmarshal(body, &p); err != nil || code != 422 || p.Status != "422" || !strings.Contains(p.Detail, want) {
			t.Errorf("%s: %d %s, want 422 with %q", query, code, body, want)
		}
	}
}

func TestPostParameters(t *testing.T) {
	b := newBench(t)
	good, err := json.Marshal(b.file("src", "x"))
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Replace(string(good), `"model_version":6`, `"model_version":5`, 1)
	aged := b.file("shortlived", "x")
	aged.Source.Timestamp = event.At(b.clock.Now().Add(-48 * time.Hour))
	invalid := strings.Replace(string(good), `"action":"sourced"`, `"action":"bogus"`, -1)
	for _, c := range []struct {
		name, query string
		body        any
		code        int
		want        string
	}{
		{"no model", "", "[]", 400, "model"},
		{"empty body", "model=binary", "", 400, "empty body"},
		{"empty list", "model=binary", "[]", 422, ""},
		{"not JSON", "model=binary", "{", 422, ""},
		{"old version", "model=binary", old, 422, ""},
		{"wrong type", "model=binary", `[{"model_version":6,"action":7}]`, 422, ""},
		{"all invalid", "model=binary", invalid, 425, enumAllGone},
		{"all expired", "model=binary", []any{aged}, 425, enumAgedOff},
		{"bad source", "model=binary", strings.Replace(string(good), `"name":"src"`, `"name":"a b"`, 1), 425, "not well-formed"},
		{"some invalid", "model=binary", fmt.Sprintf("[%s,%s]", invalid, good), 200, `"total_ok":1,"total_failures":1`},
		{"leading space, with ok", "model=binary&include_ok=true", " \n" + string(good), 200, `"ok":[{`},
		{"status without a job", "model=status", `[{"model_version":6,"author":{"name":"x"},"entity":{}}]`, 425, "dequeued"},
	} {
		code, body := b.call("POST", "/api/v2/event?"+c.query, c.body)
		if code != c.code || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %s, want %d with %q", c.name, code, body, c.code, c.want)
		}
		if strings.Contains(string(body), "null") {
			t.Errorf("%s: null in %s", c.name, body)
		}
	}
	b.opts.MaxPostBytes = 1000
	b.restart()
	if code, body := b.call("POST", "/api/v2/event?model=binary", strings.Repeat(" ", 2000)); code != 413 {
		t.Errorf("too large: %d %s", code, body)
	}
}

func TestRegistrationIsReadBack(t *testing.T) {
	b := newBench(t)
	code, body := b.call("POST", "/api/v2/event?avro-format=false&model=plugin", `[{"model_version":6,"kafka_key":"runner-placeholder",
		"timestamp":"2026-11-23T01:47:17.339901+00:00","author":{"category":"plugin","name":"P","version":"1"},
		"entity":{"category":"plugin","name":"P","version":"1","features":[{"name":"f","desc":"a feature","type":"string"}],"config":{"data_url":"\"http://x\""}}}]`)
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	events, _ := b.pollModel("plugin/passive", "name=i&count=10&deadline=1&r-historic=true")
	if len(events) != 1 || !strings.Contains(string(events[0]), `"desc":"a feature"`) {
		t.Errorf("read back %s", events)
	}
}

func TestStreams(t *testing.T) {
	b := newBench(t)
	const content = "0123456789"
	code, body := b.call("POST", "/api/v3/stream/src/text", content)
	var up struct{ Data event.Datastream }
	if err := json.Unmarshal(body, &up); err != nil || code != 200 {
		t.Fatalf("%d %s %v", code, body, err)
	}
	if up.Data.Label != "text" || up.Data.Size != 10 || up.Data.MD5 != "781e5e245d69b566979b86e28d23f2c7" || up.Data.FileFormat != "text/plain" {
		t.Errorf("described as %+v", up.Data)
	}
	path := "/api/v3/stream/src/text/" + up.Data.SHA256
	for _, c := range []struct {
		asked string
		code  int
		rng   string
		body  string
	}{
		{"", 200, "", content},
		{"bytes=0-", 206, "bytes 0-9/10", content},
		{"bytes=0-1048575", 206, "bytes 0-9/10", content},
		{"bytes=2-4", 206, "bytes 2-4/10", "234"},
		{"bytes=-3", 206, "bytes 7-9/10", "789"},
		{"bytes=-100", 206, "bytes 0-9/10", content},
		{"bytes=10-", 416, "bytes */10", ""},
		{"bytes=9437184-10485759", 416, "bytes */10", ""},
		{"bytes=4-2", 400, "", "*"},
		{"bytes=0-1,3-4", 400, "", "*"},
		{"lines=1-2", 400, "", "*"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", b.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip, deflate")
		if c.asked != "" {
			req.Header.Set("Range", c.asked)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != c.code || res.Header.Get("Content-Range") != c.rng || c.body != "*" && string(got) != c.body {
			t.Errorf("%q: %d %q %q %v", c.asked, res.StatusCode, res.Header.Get("Content-Range"), got, err)
		}
		if kind := res.Header.Get("Content-Type"); c.code != 400 && kind != "application/octet-stream" {
			t.Errorf("%q: content type %q", c.asked, kind)
		}
		if res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%q: the stream is encoded", c.asked)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	missing := strings.Repeat("0", 64)
	for _, c := range []struct {
		method, path string
		body         any
		code         int
	}{
		{"HEAD", path, nil, 200},
		{"HEAD", "/api/v3/stream/src/text/" + missing, nil, 404},
		{"GET", "/api/v3/stream/src/text/" + missing, nil, 404},
		{"GET", "/api/v3/stream/src/text/short", nil, 404},
		{"GET", "/api/v3/stream/..%2f..%2fetc/text/" + missing, nil, 404},
		{"GET", strings.Replace(path, "src", "other", 1), nil, 404},
		{"PATCH", "/api/v3/stream/src/other/text/" + up.Data.SHA256, nil, 200},
		{"GET", strings.Replace(path, "src", "other", 1), nil, 200},
		{"PATCH", "/api/v3/stream/src/other/text/" + missing, nil, 404},
		{"POST", "/api/v3/stream/src/text", "", 400},
		{"POST", "/api/v3/stream/src/bogus", "x", 400},
		{"POST", "/api/v3/stream/a%20b/text", "x", 400},
		{"POST", "/api/v3/stream/src/text?skip-identify=true", "x", 400},
		{"POST", "/api/v3/stream/src/text?expected-sha256=" + missing, "x", 400},
		{"POST", "/api/v3/stream/src/text?skip-identify=true&expected-sha256=" + up.Data.SHA256, content, 200},
		{"GET", "/api/v3/nonsense", nil, 404},
	} {
		if code, body := b.call(c.method, c.path, c.body); code != c.code {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, code, body, c.code)
		}
	}
	for _, c := range []struct{ method, path, says string }{
		{"GET", "/api/v3/nonsense", `"status":"404"`},
		{"POST", path, `has GET, DELETE`},
		{"BREW", "/api/v2/event", `has POST`},
	} {
		if code, body := b.call(c.method, c.path, nil); code != 404 && code != 405 || !strings.Contains(string(body), c.says) {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, body)
		}
	}
	b.opts.MaxUploadBytes = 100
	b.restart()
	if code, body := b.call("POST", "/api/v3/stream/src/text", strings.Repeat("x", 101)); code != 413 {
		t.Errorf("too large: %d %s", code, body)
	}
}

func TestStreamRules(t *testing.T) {
	content := func(format string) event.RoutingStream {
		return event.RoutingStream{Label: "content", Format: format, Size: 100}
	}
	picture := event.RoutingStream{Label: "safe_png", Format: "image/png", Size: 10}
	for _, c := range []struct {
		rules   string // values of r-streams, separated by spaces
		streams []event.RoutingStream
		want    string
	}{
		{"", []event.RoutingStream{content("x")}, passed},
		{"content", []event.RoutingStream{content("x")}, passed},
		{"content,", []event.RoutingStream{content("x")}, passed},
		{"content,executable/,archive/zip", []event.RoutingStream{content("archive/zip")}, passed},
		{"content,executable/", []event.RoutingStream{content("archive/zip")}, skipFormat},
		{"content,executable/", []event.RoutingStream{picture, content("executable/windows/pe32")}, passed},
		{"*,image/", []event.RoutingStream{content("executable/windows/pe32"), picture}, passed},
		{"*,image/", []event.RoutingStream{content("executable/windows/pe32")}, skipFormat},
		{"content pcap", []event.RoutingStream{content("x"), content("y")}, skipStream},
		{"content", nil, skipStream},
		{"text", []event.RoutingStream{content("x")}, skipStream},
	} {
		f := filter{model: event.ModelBinary, maxDepth: 10, expiry: anySource{}.Expiry, streams: streamRules(strings.Fields(c.rules))}
		if got := f.skip(&event.Routing{Source: "s", Action: event.Sourced, Streams: c.streams}, "P", time.Now()); got != c.want {
			t.Errorf("%q on %v: %q, want %q", c.rules, c.streams, got, c.want)
		}
	}
}

func TestConsumerRules(t *testing.T) {
	stream := []event.RoutingStream{{Label: "content", Size: 100}}
	base := event.Routing{Source: "s", Action: event.Sourced, Author: "A", Depth: 1, Streams: stream}
	with := func(change func(*event.Routing)) event.Routing { r := base; change(&r); return r }
	for _, c := range []struct {
		name   string
		filter filter
		event  event.Routing
		want   string
	}{
		{"plain", filter{}, base, passed},
		{"under, equal", filter{under: 100}, base, passed},
		{"under", filter{under: 99}, base, skipTooLarge},
		{"over, equal", filter{over: 100}, base, passed},
		{"over", filter{over: 101}, base, skipTooSmall},
		{"content", filter{content: true}, with(func(r *event.Routing) { r.Streams = nil }), skipNoContent},
		{"size of nothing", filter{under: 5}, with(func(r *event.Routing) { r.Streams = nil }), skipNoContent},
		{"source", filter{sources: []string{"other"}}, base, skipSource},
		{"action", filter{actions: []event.Action{event.Extracted}}, base, skipEventType},
		{"denied action", filter{deny: []event.Action{event.Sourced}}, base, skipEventType},
		{"self", filter{self: "A"}, base, skipSelf},
		{"deep enough", filter{}, with(func(r *event.Routing) { r.Depth = 10 }), passed},
		{"too deep", filter{}, with(func(r *event.Routing) { r.Depth = 11 }), skipDeep},
		{"expired", filter{}, with(func(r *event.Routing) { r.Source, r.Submitted = "shortlived", time.Unix(0, 1) }), skipExpired},
		{"for another plugin", filter{}, with(func(r *event.Routing) { r.Flags.Expedite, r.Settings = true, "Q" }), skipPluginOnly},
		{"for this plugin", filter{}, with(func(r *event.Routing) { r.Flags.Expedite, r.Settings = true, "P" }), passed},
	} {
		c.filter.model, c.filter.maxDepth, c.filter.expiry = event.ModelBinary, 10, anySource{}.Expiry
		if got := c.filter.skip(&c.event, "P", time.Now()); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestDeadlinesEndWithTheirRequest: one connection serves a stream and then polls for longer than a stream's part may take.
func TestDeadlinesEndWithTheirRequest(t *testing.T) {
	b := newBench(t)
	b.opts.bodyTimeout = 50 * time.Millisecond
	b.restart()
	_, body := b.call("POST", "/api/v3/stream/src/content", "some content")
	var up struct{ Data event.Datastream }
	if err := json.Unmarshal(body, &up); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	do := func(method, path, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 {
			t.Fatalf("%s %s: %s %s %v", method, path, res.Status, text, err)
		}
	}
	for range 2 {
		do("GET", "/api/v3/stream/src/content/"+up.Data.SHA256, "")
		do("GET", "/api/v2/event/binary/active?name=P&version=1&count=1&deadline=1&r-live=true", "")
		do("POST", "/api/v1/poll", `{"worker":"w","deadline":1,"consumers":["name=P&version=1&r-live=true"]}`)
	}
}

// TestSlowClients: a client that stops in the middle of a body is cut off, and told so.
func TestSlowClients(t *testing.T) {
	b := newBench(t)
	b.opts.bodyTimeout = 50 * time.Millisecond
	b.restart()
	for _, path := range []string{"/api/v3/stream/src/content", "/api/v2/event?model=binary"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf", path)
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408") {
			t.Errorf("%s: %q %v", path, answer, err)
		}
		conn.Close()
	}
}
