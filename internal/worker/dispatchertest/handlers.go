package dispatchertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/event/eventtest"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/poll", s.pollMany)
	mux.HandleFunc("GET /api/v2/event/binary/active", s.pollOne)
	mux.HandleFunc("DELETE /api/v1/workers/{id}", s.deleteWorker)
	mux.HandleFunc("POST /api/v2/event", s.postEvents)
	mux.HandleFunc("POST /api/v3/stream/{source}/{label}", s.postStream)
	mux.HandleFunc("GET /api/v3/stream/{source}/{label}/{hash}", s.getStream)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.t.Errorf("there is no %s %s", r.Method, r.URL)
		http.NotFound(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.log = append(s.log, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Range")))
		fail := s.fail
		s.wakeLocked()
		s.mu.Unlock()
		if fail != nil {
			if code := fail(r); code != 0 {
				answer(w, code, map[string]string{"status": fmt.Sprint(code), "title": "planted", "detail": "by the test"})
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // a client that went away is no failure of the test
}

// take waits for a job of one of the plugins and hands it out.
func (s *Server) take(r *http.Request, worker string, plugins []string, deadline time.Duration) (int, *event.Binary) {
	over := time.NewTimer(deadline)
	defer over.Stop()
	for {
		s.mu.Lock()
		for n, j := range s.waiting {
			for i, name := range plugins {
				if j.plugin != name {
					continue
				}
				s.waiting = append(s.waiting[:n:n], s.waiting[n+1:]...)
				s.handed++
				j.attempt++
				j.worker = worker
				j.ev.Dequeued = fmt.Sprintf("%s.%s.1.%d", j.ev.KafkaKey, j.plugin, s.handed)
				s.out[j.ev.Dequeued] = j
				ev := j.ev
				s.wakeLocked()
				s.mu.Unlock()
				return i, &ev
			}
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-over.C:
			return -1, nil
		case <-s.quit:
			return -1, nil
		case <-r.Context().Done():
			return -1, nil
		}
	}
}

func (s *Server) polled(consumers ...string) (plugins []string) {
	for _, c := range consumers {
		q, err := url.ParseQuery(c)
		if err != nil || q.Get("name") == "" || q.Get("count") != "" || q.Get("deadline") != "" {
			s.t.Errorf("bad consumer %q: %v", c, err)
		}
		plugins = append(plugins, q.Get("name"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polls = append(s.polls, strings.Join(consumers, " "))
	s.wakeLocked()
	return plugins
}

func (s *Server) pollMany(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Worker    string   `json:"worker"`
		Deadline  int      `json:"deadline"`
		Consumers []string `json:"consumers"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client died
	}
	s.decode(body, &req)
	if req.Worker == "" || req.Deadline < 0 || len(req.Consumers) == 0 {
		s.t.Errorf("a poll without worker, deadline or consumers: %+v", req)
	}
	i, ev := s.take(r, req.Worker, s.polled(req.Consumers...), time.Duration(req.Deadline)*time.Second)
	if ev == nil {
		answer(w, http.StatusOK, map[string]int{"consumer": -1})
		return
	}
	answer(w, http.StatusOK, map[string]any{"consumer": i, "event": ev})
}

// pollOne is the reference's poll, for the client's tests.
func (s *Server) pollOne(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	deadline, err := time.ParseDuration(q.Get("deadline") + "s")
	if err != nil {
		s.t.Errorf("bad deadline: %v", err)
	}
	q.Del("count")
	q.Del("deadline")
	_, ev := s.take(r, "", s.polled(q.Encode()), deadline)
	events := []*event.Binary{}
	if ev != nil {
		events = append(events, ev)
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for _, p := range []struct {
		name string
		v    any
	}{
		{"info", map[string]any{"filtered": 2, "fetched": len(events), "ready": true, "filters": map[string]int{"F-x": 2}}},
		{"events", map[string]any{"events": events}},
	} {
		part, _ := parts.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", p.name)}})
		_ = json.NewEncoder(part).Encode(p.v)
	}
	_ = parts.Close()
	w.Header().Set("Content-Type", parts.FormDataContentType())
	_, _ = w.Write(body.Bytes())
}

func (s *Server) deleteWorker(w http.ResponseWriter, r *http.Request) {
	n := s.EndWorker(r.PathValue("id"), event.State(r.URL.Query().Get("state")), r.URL.Query().Get("message"))
	answer(w, http.StatusOK, map[string]int{"ended": n})
}

// decode reads JSON without unknown keys.
func (s *Server) decode(body []byte, into any) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		s.t.Errorf("a body that cannot be read: %v", err)
	}
}

func (s *Server) postEvents(w http.ResponseWriter, r *http.Request) {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" {
		s.t.Errorf("content type %q", kind)
	}
	if r.URL.Query().Get("avro-format") != "false" {
		s.t.Errorf("no avro-format=false in %s", r.URL)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client died
	}
	var raws []json.RawMessage
	s.decode(body, &raws)
	var anything any
	_ = json.Unmarshal(body, &anything)
	if where := nullIn(anything, "body"); where != "" {
		s.t.Errorf("%s is null in %s", where, body)
	}
	model := event.Model(r.URL.Query().Get("model"))
	for _, raw := range raws {
		ev, err := event.Decode(model, raw)
		if err == nil {
			err = ev.Validate()
		}
		if err != nil {
			s.t.Errorf("a posted %s event is not legal: %v\n%s", model, err, raw)
			continue
		}
		s.keep(ev, raw)
	}
	answer(w, http.StatusOK, map[string]any{"total_ok": len(raws), "total_failures": 0, "failures": []string{}})
}

func (s *Server) keep(ev event.Event, raw json.RawMessage) {
	if ev.Header().KafkaKey != "runner-placeholder" {
		s.t.Errorf("kafka_key %q", ev.Header().KafkaKey)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wakeLocked()
	switch ev := ev.(type) {
	case *event.Plugin:
		s.decode(raw, &event.Plugin{})
		s.plugins = append(s.plugins, *ev)
	case *event.Status:
		s.decode(raw, &event.Status{})
		in := &ev.Entity.Input
		if in.Entity.Features != nil || in.Entity.Datastreams != nil || in.Entity.Info != nil {
			s.t.Errorf("the input of a status has features, datastreams or info: %s", raw)
		}
		j := s.out[in.Dequeued]
		part := j != nil && strings.HasPrefix(ev.Author.Name, j.plugin+"-")
		if j == nil || j.plugin != ev.Author.Name && !part {
			s.t.Errorf("a status of %s for job %q, which it has not", ev.Author.Name, in.Dequeued)
		}
		s.statuses = append(s.statuses, *ev)
		if ev.Entity.Status.Final() && !part {
			delete(s.out, in.Dequeued)
		}
		for i := range ev.Entity.Results {
			s.checkResult(&ev.Entity.Results[i])
		}
	}
}

// checkResult wants every stream of a result to be stored. The caller holds s.mu.
func (s *Server) checkResult(b *event.Binary) {
	if b.KafkaKey != "runner-placeholder" || b.Dequeued != "" {
		s.t.Errorf("a result with kafka_key %q and dequeued %q", b.KafkaKey, b.Dequeued)
	}
	for _, d := range b.Entity.Datastreams {
		if s.streams[b.Source.Name+"/"+string(d.Label)+"/"+d.SHA256] == nil {
			s.t.Errorf("stream %s %s of a result is not stored", d.Label, d.SHA256)
		}
	}
}

// nullIn names a null in decoded JSON, "" if there is none. Info is free.
func nullIn(v any, at string) string {
	switch v := v.(type) {
	case nil:
		return at
	case []any:
		for i, e := range v {
			if where := nullIn(e, fmt.Sprintf("%s[%d]", at, i)); where != "" {
				return where
			}
		}
	case map[string]any:
		for k, e := range v {
			if k == "info" {
				continue
			}
			if where := nullIn(e, at+"."+k); where != "" {
				return where
			}
		}
	}
	return ""
}

func (s *Server) postStream(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil || len(content) == 0 {
		answer(w, http.StatusBadRequest, map[string]string{"status": "400", "title": "no content in request body"})
		return
	}
	sum := sha256.Sum256(content)
	label := event.Label(r.PathValue("label"))
	if !label.Valid() {
		s.t.Errorf("label %q", label)
	}
	s.Store(r.PathValue("source"), label, hex.EncodeToString(sum[:]), content)
	stream := eventtest.Stream(label, content, "text/plain")
	answer(w, http.StatusOK, map[string]any{"data": stream})
}

func (s *Server) getStream(w http.ResponseWriter, r *http.Request) {
	content := s.Stream(r.PathValue("source"), event.Label(r.PathValue("label")), r.PathValue("hash"))
	if content == nil {
		answer(w, http.StatusNotFound, map[string]string{"status": "404", "title": "not found", "detail": "not found"})
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
