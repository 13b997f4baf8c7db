package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lazuli/event"
)

// Consumer says who polls and what for (protocol 1.3). Name, version, sources and actions name it: the dispatcher keeps its
// progress under them. The rest is a filter that may change from one poll to the next.
type Consumer struct {
	Name, Version string
	DeploymentKey string

	Expedite, Live, Historic bool // the feeds; at least one

	Sources     []string
	Actions     []event.Action // none means all
	DenyActions []event.Action
	Content     bool                     // sourced and extracted events with content; not together with actions
	NotSelf     bool                     // leave out what Name itself made
	MinSize     int64                    // of the content in bytes; 0 is no limit
	MaxSize     int64                    //
	Streams     map[event.Label][]string // label ("*" for any) to prefixes of the format; none means every format
	MaxSecurity string

	Reset bool // begin anew
	Debug bool // keep progress apart from that of the same consumer without Debug
}

// Query is the consumer as the query of a poll.
func (c *Consumer) Query() url.Values {
	q := url.Values{}
	text := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	number := func(key string, value int64) {
		if value > 0 {
			q.Set(key, strconv.FormatInt(value, 10))
		}
	}
	flag := func(key string, on bool) {
		if on {
			q.Set(key, "true")
		}
	}
	text("name", c.Name)
	text("version", c.Version)
	text("deployment_key", c.DeploymentKey)
	flag("r-expedite", c.Expedite)
	flag("r-live", c.Live)
	flag("r-historic", c.Historic)
	flag("r-content", c.Content)
	flag("d-self", c.NotSelf)
	flag("reset", c.Reset)
	flag("debug", c.Debug)
	number("r-over-content-size", c.MinSize)
	number("r-under-content-size", c.MaxSize)
	text("max-security", c.MaxSecurity)
	for _, s := range c.Sources {
		q.Add("r-source", s)
	}
	for _, a := range c.Actions {
		q.Add("r-action", string(a))
	}
	for _, a := range c.DenyActions {
		q.Add("d-action", string(a))
	}
	for _, label := range slices.Sorted(maps.Keys(c.Streams)) {
		q.Add("r-streams", string(label)+","+strings.Join(c.Streams[label], ","))
	}
	return q
}

// PollParams are one poll of the reference's kind.
type PollParams struct {
	Consumer
	Model    event.Model   // "" is binary
	Passive  bool          // the dispatcher keeps no track of what becomes of the events
	Count    int           // most events; 0 is one
	Deadline time.Duration // how long to wait for the first event, in whole seconds; 0 is the dispatcher's choice
}

// Answer is what a poll got: events as JSON, and how it went.
type Answer struct {
	Events []json.RawMessage
	Info   Info
}

// Info is how a poll went. Filters counts skipped events by reason.
type Info struct {
	Filtered          int            `json:"filtered"`
	Fetched           int            `json:"fetched"`
	Ready             bool           `json:"ready"`
	Paused            bool           `json:"paused"`
	ConsumersNotReady string         `json:"consumers_not_ready"`
	Filters           map[string]int `json:"filters"`
}

// Poll asks for events and waits for them until the deadline. No events is no error.
func (d *Dispatcher) Poll(ctx context.Context, p PollParams) (Answer, error) {
	model, mode := p.Model, "active"
	if model == "" {
		model = event.ModelBinary
	}
	if p.Passive {
		mode = "passive"
	}
	query := p.Query()
	query.Set("count", strconv.Itoa(max(p.Count, 1)))
	if p.Deadline > 0 {
		query.Set("deadline", strconv.Itoa(wholeSeconds(p.Deadline)))
	}
	var answer Answer
	err := d.do(ctx, &call{
		method: http.MethodGet, path: "/api/v2/event/" + url.PathEscape(string(model)) + "/" + mode, query: query,
		timeout: p.Deadline + pollSlack, single: true,
	}, func(resp *http.Response) (err error) {
		defer resp.Body.Close()
		answer, err = readAnswer(resp)
		return err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("poll for %s events: %w", model, err)
	}
	return answer, nil
}

func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// readAnswer takes a poll's answer apart: multipart/form-data with the parts info and events.
func readAnswer(resp *http.Response) (Answer, error) {
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return Answer{}, &answerError{fmt.Errorf("its content type is %.80q, not multipart/form-data: is this a dispatcher?", resp.Header.Get("Content-Type"))}
	}
	raw, err := readAll(resp.Body)
	if err != nil {
		return Answer{}, err
	}
	var (
		answer Answer
		list   struct {
			Events []json.RawMessage `json:"events"`
		}
		parts = multipart.NewReader(bytes.NewReader(raw), params["boundary"])
		seen  = map[string]bool{}
	)
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Answer{}, &answerError{err}
		}
		var into any
		switch part.FormName() {
		case "info":
			into = &answer.Info
		case "events":
			into = &list
		default:
			continue
		}
		text, err := io.ReadAll(part)
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return Answer{}, &answerError{fmt.Errorf("part %s: %w", part.FormName(), err)}
		}
		seen[part.FormName()] = true
	}
	if !seen["info"] || !seen["events"] {
		return Answer{}, &answerError{errors.New("it needs the parts info and events")}
	}
	answer.Events = list.Events
	return answer, nil
}

// ManyPoll is a poll for the first job of any of several consumers.
type ManyPoll struct {
	Worker    string        // names the process, for EndWorker
	Deadline  time.Duration // how long to wait, in whole seconds; 0 answers at once
	Consumers []string      // each the encoded Query of a Consumer of binary events
}

// ManyAnswer is one job: a binary event as JSON, and which of the consumers it is for. Consumer is negative, and Event nil,
// if none came before the deadline.
type ManyAnswer struct {
	Consumer int             `json:"consumer"`
	Event    json.RawMessage `json:"event"`
}

// PollMany asks for one job.
func (d *Dispatcher) PollMany(ctx context.Context, p ManyPoll) (ManyAnswer, error) {
	body, err := json.Marshal(struct {
		Worker    string   `json:"worker"`
		Deadline  int      `json:"deadline"`
		Consumers []string `json:"consumers"`
	}{p.Worker, wholeSeconds(p.Deadline), p.Consumers})
	if err != nil {
		return ManyAnswer{}, fmt.Errorf("encode a poll: %w", err)
	}
	answer := ManyAnswer{Consumer: -1}
	err = d.do(ctx, &call{
		method: http.MethodPost, path: "/api/v1/poll", timeout: p.Deadline + pollSlack, single: true,
		header: http.Header{"Content-Type": {"application/json"}}, body: bytes.NewReader(body), size: int64(len(body)),
	}, readJSON(&answer))
	if err == nil && (answer.Consumer >= len(p.Consumers) || answer.Consumer >= 0 && len(answer.Event) == 0) {
		err = &answerError{fmt.Errorf("consumer %d of %d, event of %d bytes", answer.Consumer, len(p.Consumers), len(answer.Event))}
	}
	if err != nil {
		return ManyAnswer{}, fmt.Errorf("poll for a job: %w", err)
	}
	return answer, nil
}
