package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"time"
)

// The plugin asks for the same things in the same order as Go plugins of the reference do (protocol 7.6), and like them ends at
// the first answer that it does not like.

var me = author{Name: "GoLines", Version: "1.0", Category: "plugin"}

// run is the plugin's life: one job at a time until it is killed.
func run() error {
	if err := register(); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	fmt.Println("registered")
	for {
		job, err := poll()
		if err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		if job == nil {
			continue
		}
		fmt.Println("job", job.Dequeued)
		if err := report(job, "heartbeat", "", nil); err != nil {
			return fmt.Errorf("heartbeat: %w", err)
		}
		fmt.Println("heartbeat")
		state, message, results := execute(job)
		if err := report(job, state, message, results); err != nil {
			return fmt.Errorf("status: %w", err)
		}
		fmt.Println("reported", state)
	}
}

func register() error {
	var ev registration
	ev.head = headNow()
	ev.Entity.author, ev.Entity.Contact, ev.Entity.Description = me, "lazuli", "counts lines and hands the first one on"
	ev.Entity.Features = []declared{{Name: "go_lines", Type: "integer", Desc: "lines", Tags: []string{"test"}}}
	ev.Entity.Config = map[string]string{"run_timeout": "600"}
	return post("plugin", bulk[registration]{Events: []registration{ev}})
}

func headNow() head { return head{6, "go-runner-placeholder", time.Now().UTC(), me} }

// post sends a bulk record.
func post[T any](model string, events bulk[T]) error {
	events.ModelVersion = 6
	body, err := encode(model, 6, true, events)
	if err != nil {
		return err
	}
	query := url.Values{"model": {model}, "avro-format": {"true"}, "sync": {"false"}, "include_ok": {"false"}, "pause_plugins": {"false"}}
	raw, err := request("POST", os.Getenv("PLUGIN_EVENTS_URL")+"/api/v2/event?"+query.Encode(), "application/avro", body)
	if err != nil {
		return err
	}
	var answer struct {
		OK       int `json:"total_ok"`
		Failures int `json:"total_failures"`
		Failed   *[]struct{ Event, Error string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	if answer.OK != len(events.Events) || answer.Failures > 0 {
		return fmt.Errorf("answer %s", raw)
	}
	return nil
}

func request(method, at, kind string, body []byte) ([]byte, error) {
	res, err := send(method, at, http.Header{"Content-Type": {kind}}, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

func send(method, at string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequest(method, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPartialContent {
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		return nil, fmt.Errorf("%s %s: %s: %s", method, at, res.Status, text)
	}
	return res, nil
}

// poll asks for one job; nil for none.
func poll() (*binary, error) {
	query := url.Values{"name": {me.Name}, "version": {me.Version}, "deployment_key": {"plugin-GoLines"}, "deadline": {"30"}, "count": {"1"},
		"avro-format": {"true"}, "r-expedite": {"true"}, "r-live": {"true"}, "r-historic": {"true"}, "r-action": {"sourced", "extracted"}}
	res, err := send("GET", os.Getenv("PLUGIN_EVENTS_URL")+"/api/v2/event/binary/active?"+query.Encode(), nil, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, fmt.Errorf("content type %q: %v", kind, err)
	}
	var info struct{ Fetched, Filtered int }
	var events bulk[binary]
	parts := multipart.NewReader(res.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		switch part.FormName() {
		case "info":
			err = json.Unmarshal(raw, &info)
		case "events":
			err = decode("binary", 6, true, raw, &events)
		default:
			err = fmt.Errorf("unknown part %q", part.FormName())
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case events.ModelVersion != 6 || info.Fetched != len(events.Events) || info.Fetched > 1:
		return nil, fmt.Errorf("%+v with %d events of version %d", info, len(events.Events), events.ModelVersion)
	case info.Fetched == 0:
		return nil, nil
	}
	return &events.Events[0], nil
}

// execute does the work of the plugin and returns its state, a message and the results.
func execute(job *binary) (string, string, []binary) {
	content, err := fetch(job)
	switch {
	case err != nil:
		return "error-network", err.Error(), nil
	case bytes.Contains(content, []byte("go raise")):
		return "error-exception", "asked to", nil
	}
	result := *job
	result.head, result.Dequeued, result.Action = headNow(), "", "enriched"
	result.Source.Path = append(append([]node(nil), job.Source.Path...),
		node{Author: me, Action: "enriched", SHA256: job.Entity.SHA256, Timestamp: time.Now().UTC()})
	result.Entity.Datastreams = nil
	result.Entity.Features = []feature{{Name: "go_lines", Type: "integer", Value: fmt.Sprint(bytes.Count(content, []byte("\n"))), Offset: 1}}
	result.Entity.Info = free(`{"read":["in","two","parts"]}`)
	results := []binary{result}
	if first, _, more := bytes.Cut(content, []byte("\n")); more {
		child, err := extract(job, first)
		if err != nil {
			return "error-network", err.Error(), nil
		}
		results = append(results, *child)
	}
	return "completed", "", results
}

// fetch reads the content in two ranges.
func fetch(job *binary) ([]byte, error) {
	var content []byte
	for _, s := range job.Entity.Datastreams {
		if s.Label != "content" {
			continue
		}
		for _, asked := range []string{fmt.Sprintf("bytes=0-%d", s.Size/2), fmt.Sprintf("bytes=%d-%d", s.Size/2+1, s.Size-1)} {
			if s.Size < 2 && content != nil {
				break
			}
			at := fmt.Sprintf("%s/api/v3/stream/%s/content/%s", os.Getenv("PLUGIN_DATA_URL"), url.PathEscape(job.Source.Name), s.SHA256)
			res, err := send("GET", at, http.Header{"Range": {asked}}, nil)
			if err != nil {
				return nil, err
			}
			part, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil {
				return nil, err
			}
			content = append(content, part...)
		}
		if uint64(len(content)) != s.Size {
			return nil, fmt.Errorf("%d bytes of %d", len(content), s.Size)
		}
		return content, nil
	}
	return nil, errors.New("there is no content")
}

// extract uploads a child and describes it.
func extract(job *binary, content []byte) (*binary, error) {
	at := fmt.Sprintf("%s/api/v3/stream/%s/content", os.Getenv("PLUGIN_DATA_URL"), url.PathEscape(job.Source.Name))
	raw, err := request("POST", at, "application/octet-stream", content)
	if err != nil {
		return nil, err
	}
	var answer struct{ Data stream }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, err
	}
	s := answer.Data
	child := binary{head: headNow(), Action: "extracted", Source: job.Source, Entity: entity{
		SHA256: s.SHA256, SHA512: s.SHA512, SHA1: s.SHA1, MD5: s.MD5, Size: s.Size, MIME: s.MIME, Magic: s.Magic, Format: s.Format,
		Datastreams: []stream{s}}}
	child.Source.Path = append(append([]node(nil), job.Source.Path...), node{Author: me, Action: "extracted", SHA256: s.SHA256,
		Timestamp: time.Now().UTC(), Size: s.Size, Format: s.Format, Relationship: map[string]string{"action": "first line"}})
	return &child, nil
}

// report posts a status. Its input is the event without what others found.
func report(job *binary, state, message string, results []binary) error {
	var ev status
	ev.head = headNow()
	ev.Entity.Input = *job
	ev.Entity.Input.Entity.Features, ev.Entity.Input.Entity.Info, ev.Entity.Input.Entity.Datastreams = nil, nil, nil
	ev.Entity.Status, ev.Entity.Message, ev.Entity.Runtime, ev.Entity.Results = state, message, 0.25, results
	if message != "" {
		ev.Entity.Error = "Asked To"
	}
	return post("status", bulk[status]{Events: []status{ev}})
}
