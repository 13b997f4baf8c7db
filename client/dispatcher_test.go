package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"lazuli/client"
	"lazuli/event"
	"lazuli/event/eventtest"
	"lazuli/internal/worker/dispatchertest"
)

func connect(t *testing.T, url string) *client.Dispatcher {
	t.Helper()
	d, err := client.NewDispatcher(url, client.WithTries(3, time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// answering starts a server that answers every request with h.
func answering(t *testing.T, h http.HandlerFunc) *client.Dispatcher {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return connect(t, s.URL)
}

func TestNewDispatcherRefusesBadURLs(t *testing.T) {
	for _, u := range []string{"", "127.0.0.1:8111", "ftp://host", "http://", "http://host/?a=b", "http://host/#x", "http://user:s3cret@ho st"} {
		_, err := client.NewDispatcher(u)
		if err == nil {
			t.Errorf("%q was accepted", u)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestCredentialsBecomeBasicAuthAndStayHidden(t *testing.T) {
	var user, password, path string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ = r.BasicAuth()
		path = r.URL.Path
		w.WriteHeader(http.StatusNotFound)
	}))
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User, u.Path = url.UserPassword("azul", "s3cret"), "/behind/proxy/"
	d := connect(t, u.String())
	if found, err := d.HeadStream(t.Context(), "samples", "content", "ab"); found || err != nil {
		t.Fatalf("HeadStream = %v, %v", found, err)
	}
	if user != "azul" || password != "s3cret" || path != "/behind/proxy/api/v3/stream/samples/content/ab" {
		t.Errorf("sent as %q %q to %q", user, password, path)
	}
	s.Close()
	_, err = d.HeadStream(t.Context(), "samples", "content", "ab")
	if err == nil || strings.Contains(err.Error()+d.URL(), "s3cret") || !client.Temporary(err) {
		t.Errorf("a dispatcher that is away gives %v", err)
	}
}

func TestPollReadsBothParts(t *testing.T) {
	s := dispatchertest.New(t)
	d := connect(t, s.URL)
	sha := s.Submit("Entropy", []byte("content"), "text/plain")
	answer, err := d.Poll(t.Context(), client.PollParams{
		Consumer: client.Consumer{
			Name: "Entropy", Version: "1", Live: true, Historic: true, Expedite: true, NotSelf: true, MinSize: 3, MaxSize: 9,
			Sources: []string{"samples"}, Actions: []event.Action{event.Sourced}, DenyActions: []event.Action{event.Mapped},
			Streams: map[event.Label][]string{"content": {"text/", "archive/gzip"}, "report": {}},
		},
		Deadline: 1500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	wantInfo := client.Info{Filtered: 2, Fetched: 1, Ready: true, Filters: map[string]int{"F-x": 2}}
	if diff := cmp.Diff(wantInfo, answer.Info); diff != "" {
		t.Error(diff)
	}
	if len(answer.Events) != 1 || !bytes.Contains(answer.Events[0], []byte(sha)) {
		t.Errorf("events: %s", answer.Events)
	}
	want := "GET /api/v2/event/binary/active?count=1&d-action=mapped&d-self=true&deadline=2&name=Entropy&r-action=sourced" +
		"&r-expedite=true&r-historic=true&r-live=true&r-over-content-size=3&r-source=samples" +
		"&r-streams=content%2Ctext%2F%2Carchive%2Fgzip&r-streams=report%2C&r-under-content-size=9&version=1"
	if got := s.Requests()[0]; got != want {
		t.Errorf("asked\n%s, want\n%s", got, want)
	}
}

func TestPollRefusesOtherAnswers(t *testing.T) {
	const form = "multipart/form-data; boundary=x"
	part := func(name, body string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + body + "\r\n"
	}
	info := part("info", `{"filtered":0,"fetched":0,"ready":true}`)
	for name, c := range map[string]struct{ kind, body string }{
		"no multipart":    {"text/html", "<p>hello"},
		"mixed":           {"multipart/mixed; boundary=x", info + part("events", `{"events":[]}`) + "--x--"},
		"events missing":  {form, info + "--x--"},
		"info missing":    {form, part("events", `{"events":[]}`) + "--x--"},
		"no end":          {form, info + part("events", `{"events":[]}`)},
		"events no JSON":  {form, info + part("events", `[`) + "--x--"},
		"info wrong type": {form, part("info", `[]`) + part("events", `{"events":[]}`) + "--x--"},
	} {
		t.Run(name, func(t *testing.T) {
			d := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				fmt.Fprint(w, c.body)
			})
			answer, err := d.Poll(t.Context(), client.PollParams{Consumer: client.Consumer{Name: "a", Live: true}, Deadline: time.Second})
			if err == nil || client.Temporary(err) {
				t.Errorf("got %+v, %v; want a lasting error", answer, err)
			}
		})
	}
}

func TestPollManyHandsOutOneJob(t *testing.T) {
	s := dispatchertest.New(t)
	d := connect(t, s.URL)
	s.Submit("Two", []byte("x"), "text/plain")
	poll := client.ManyPoll{Worker: "w-1", Deadline: time.Second, Consumers: []string{"name=One&r-live=true", "name=Two&r-live=true"}}
	answer, err := d.PollMany(t.Context(), poll)
	if err != nil || answer.Consumer != 1 || len(answer.Event) == 0 {
		t.Fatalf("PollMany = %+v, %v", answer, err)
	}
	if answer, err = d.PollMany(t.Context(), poll); err != nil || answer.Consumer != -1 || answer.Event != nil {
		t.Fatalf("idle PollMany = %+v, %v", answer, err)
	}
	n, err := d.EndWorker(t.Context(), "w-1", event.ErrorOutOfMemory, "too much")
	if err != nil || n != 1 {
		t.Fatalf("EndWorker = %d, %v", n, err)
	}
	if diff := cmp.Diff([]dispatchertest.Gone{{Worker: "w-1", State: event.ErrorOutOfMemory, Message: "too much"}}, s.Gone()); diff != "" {
		t.Error(diff)
	}
	if answer, err = d.PollMany(t.Context(), poll); err != nil || answer.Consumer != 1 {
		t.Fatalf("after EndWorker: PollMany = %+v, %v", answer, err)
	}
}

func TestPollManyRefusesAConsumerItDidNotName(t *testing.T) {
	for _, body := range []string{`{"consumer":1,"event":{}}`, `{"consumer":0}`, `[]`} {
		d := answering(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		if answer, err := d.PollMany(t.Context(), client.ManyPoll{Worker: "w", Deadline: time.Second, Consumers: []string{"name=a"}}); err == nil {
			t.Errorf("%s was taken as %+v", body, answer)
		}
	}
}

func TestPollsAreNotRepeated(t *testing.T) {
	var polls atomic.Int32
	d := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		polls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if _, err := d.PollMany(t.Context(), client.ManyPoll{Worker: "w", Deadline: time.Second}); !client.Temporary(err) {
		t.Errorf("err = %v", err)
	}
	if polls.Load() != 1 {
		t.Errorf("%d polls", polls.Load())
	}
}

func TestPostEvents(t *testing.T) {
	d := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.RawQuery != "avro-format=false&include_ok=true&model=binary" || body[0] != '[' {
			t.Errorf("posted ?%s %.20s", r.URL.RawQuery, body)
		}
		fmt.Fprint(w, `{"total_ok":1,"total_failures":1,"failures":[{"event":"{}","error":"no author"}],"ok":[{"a":1}]}`)
	})
	answer, err := d.PostEventsOK(t.Context(), event.ModelBinary, eventtest.Binary(), eventtest.Binary())
	if err != nil || answer.TotalOK != 1 || len(answer.OK) != 1 {
		t.Fatalf("PostEventsOK = %+v, %v", answer, err)
	}
	if err := answer.Err(); err == nil || !strings.Contains(err.Error(), "no author") {
		t.Errorf("Err = %v", err)
	}
}

func TestRegisterFailsWhenRefused(t *testing.T) {
	d := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"total_ok":0,"total_failures":1,"failures":[]}`)
	})
	if err := d.Register(t.Context(), eventtest.Plugin("Entropy", "1")); err == nil || !strings.Contains(err.Error(), "Entropy") {
		t.Errorf("err = %v", err)
	}
}

// What may be sent again, and what not.
func TestRetries(t *testing.T) {
	post := func(m event.Model, ev event.Event) func(*client.Dispatcher) error {
		return func(d *client.Dispatcher) error { _, err := d.PostEvents(t.Context(), m, ev); return err }
	}
	status := post(event.ModelStatus, eventtest.Status(eventtest.Binary(), event.Completed))
	download := post(event.ModelDownload, &event.Download{})
	put := func(r io.Reader, size int64) func(*client.Dispatcher) error {
		return func(d *client.Dispatcher) error {
			_, err := d.PutStream(t.Context(), "samples", "text", r, size)
			return err
		}
	}
	const broken = -1 // the connection breaks
	for _, c := range []struct {
		name string
		send func(*client.Dispatcher) error
		code int
		want int32 // requests
	}{
		{"status busy", status, 503, 3},
		{"status broken", status, broken, 3},
		{"status by a proxy", status, 502, 3},
		{"status refused", status, 422, 1},
		{"status too early", status, 425, 1},
		{"status failed", status, 500, 1},
		{"download busy", download, 503, 3},
		{"download broken", download, broken, 1},
		{"download by a proxy", download, 502, 1},
		{"stream again", put(strings.NewReader("abc"), 3), broken, 3},
		{"stream once", put(io.MultiReader(strings.NewReader("abc")), 3), broken, 1},
		{"stream of unknown size", put(strings.NewReader("abc"), -1), broken, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n atomic.Int32
			d := answering(t, func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				if c.code == broken {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(c.code)
				fmt.Fprint(w, `{"status":"1","title":"planted","detail":"by the test"}`)
			})
			err := c.send(d)
			if err == nil || n.Load() != c.want {
				t.Errorf("%d requests, want %d; err = %v", n.Load(), c.want, err)
			}
			var answered *client.StatusError
			if c.code != broken && (!errors.As(err, &answered) || answered.Code != c.code || answered.Title != "planted" || answered.Detail != "by the test") {
				t.Errorf("err = %#v", err)
			}
			if temporary := c.code == broken || c.code >= 500; client.Temporary(err) != temporary {
				t.Errorf("Temporary(%v) = %v", err, !temporary)
			}
		})
	}
}

func TestRetrySucceedsWithTheSameBody(t *testing.T) {
	s := dispatchertest.New(t)
	var n atomic.Int32
	s.Fail(func(*http.Request) int {
		if n.Add(1) < 3 {
			return http.StatusServiceUnavailable
		}
		return 0
	})
	content := bytes.Repeat([]byte("lazuli"), 1000)
	stream, err := connect(t, s.URL).PutStream(t.Context(), "samples", event.LabelText, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.Stream("samples", event.LabelText, stream.SHA256), content) || stream.Label != event.LabelText {
		t.Errorf("stored as %+v", stream)
	}
}

func TestRetryWaitsForTheContextOnly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
		cancel()
	})
	begun := time.Now()
	if err := d.Register(ctx, eventtest.Plugin("Entropy", "1")); !errors.Is(err, context.Canceled) || client.Temporary(err) {
		t.Errorf("err = %v", err)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestGetStream(t *testing.T) {
	s := dispatchertest.New(t)
	d := connect(t, s.URL)
	s.Store("samples", "content", "ab", []byte("0123456789"))
	for _, c := range []struct {
		off, n int64
		want   string
		code   int
	}{
		{0, -1, "0123456789", 0},
		{0, 4, "0123", 0},
		{4, -1, "456789", 0},
		{8, 100, "89", 0},
		{10, 1, "", 416},
	} {
		body, total, err := d.GetStream(t.Context(), "samples", "content", "ab", c.off, c.n)
		if c.code != 0 {
			var status *client.StatusError
			if !errors.As(err, &status) || status.Code != c.code {
				t.Errorf("%d+%d: %v", c.off, c.n, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d+%d: %v", c.off, c.n, err)
			continue
		}
		got, err := io.ReadAll(body)
		if string(got) != c.want || total != 10 || err != nil || body.Close() != nil {
			t.Errorf("%d+%d = %q of %d, %v", c.off, c.n, got, total, err)
		}
	}
	var status *client.StatusError
	if _, _, err := d.GetStream(t.Context(), "samples", "content", "cd", 0, -1); !errors.As(err, &status) || status.Code != 404 {
		t.Errorf("a stream that is not there gives %v", err)
	}
}

func TestGetStreamDistrustsAnswers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"other range": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 1-4/10")
			w.WriteHeader(206)
		},
		"whole for a part": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "0123456789") },
		"range past total": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-3/2")
			w.WriteHeader(206)
		},
		"no range": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206) },
		"not numbers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-99999999999999999999/x")
			w.WriteHeader(206)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := answering(t, h).GetStream(t.Context(), "samples", "content", "ab", 0, 4)
			if err == nil {
				t.Error("it was accepted")
			}
		})
	}
	d := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-3/10")
		w.WriteHeader(206)
		fmt.Fprint(w, "01")
	})
	body, _, err := d.GetStream(t.Context(), "samples", "content", "ab", 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a short answer gives %q, %v", got, err)
	}
}

func TestStreamNamesCannotLeaveTheirPath(t *testing.T) {
	d := answering(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) })
	for _, name := range []string{"", ".", ".."} {
		if _, err := d.HeadStream(t.Context(), name, "content", "ab"); err == nil {
			t.Errorf("source %q was accepted", name)
		}
	}
	d = answering(t, func(_ http.ResponseWriter, r *http.Request) {
		if want := "/api/v3/stream/a%2F..%2Fb/content/ab%3Fx"; r.URL.EscapedPath() != want {
			t.Errorf("asked for %s", r.URL.EscapedPath())
		}
	})
	if found, err := d.HeadStream(t.Context(), "a/../b", "content", "ab?x"); !found || err != nil {
		t.Errorf("HeadStream = %v, %v", found, err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var paths []string
	d := answering(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	if _, err := d.HeadStream(t.Context(), "samples", "content", "ab"); err == nil || slices.Contains(paths, "/elsewhere") {
		t.Errorf("err = %v, asked for %v", err, paths)
	}
}

// A server that takes connections and says nothing.
func TestStandstillEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := client.NewDispatcher("http://"+l.Addr().String(), client.WithTries(1, 0), client.WithIdleTime(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, _, err = d.GetStream(t.Context(), "samples", "content", "ab", 0, -1)
	if err == nil || !client.Temporary(err) || !strings.Contains(err.Error(), "in time") {
		t.Errorf("err = %v", err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
