package dispatcher

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// answer is what a poll got.
type answer struct {
	d        *Dispatcher
	index    int       // of the poll that got it
	consumer *consumer // of that poll; for an idle answer the last one
	jobs     []*job
	events   [][]byte // of the jobs, in order: JSON, or Avro
	leased   bool
	avro     bool // of the events' form
	security *guard
	skipped  map[string]int
	idle     bool    // the client should ask again at once
	ready    bool    // there is somebody who serves the consumer
	unserved feedSet // that were asked for and nobody serves
	paused   bool
}

// finish tells the consumer what became of the answer.
func (a *answer) finish(what outcome) {
	switch {
	case len(a.jobs) == 0:
	case what == outcomeTaken:
		a.consumer.keep(a.jobs, a.leased)
	default:
		a.consumer.giveBack(a.jobs, what == outcomeLeft)
	}
}

func (a *answer) skippedTotal() int {
	n := 0
	for _, v := range a.skipped {
		n += v
	}
	return n
}

// fill reads the events of jobs. A job whose event is gone ends; jobs past the size of an answer go back. It returns false
// when the log could not be read.
func (a *answer) fill(ctx context.Context, jobs []*job) bool {
	if len(jobs) > 0 {
		defer a.d.metrics.stage(a.d.metrics.consumeSeconds, stageRead, time.Now())
	}
	if a.leased && slices.ContainsFunc(jobs, (*job).mayHaveEnded) {
		// Who was acknowledged a moment ago must not see the job again.
		ends := a.d.statuses.catchUp
		if a.consumer.Model == event.ModelDownload {
			ends = a.d.downloads.catchUp
		}
		if err := ends(ctx); err != nil {
			a.d.logger.Error("look for the ends of jobs", "err", err)
			a.consumer.giveBack(jobs, false)
			return false
		}
	}
	size := 0
	for i, j := range jobs {
		if size > maxAnswerBytes {
			a.consumer.giveBack(jobs[i:], false)
			return true
		}
		record, err := a.d.load(ctx, j.cell.part, j.offset)
		switch {
		case errors.Is(err, errGone):
			a.consumer.drop(j)
			continue
		case err != nil:
			a.d.logger.Error("read an event", "err", err)
			a.consumer.giveBack(jobs[i:], false)
			return false
		}
		if a.withheld(record) {
			a.skipped[skipSecurity]++
			a.consumer.endJob(j)
			continue
		}
		if a.leased && !a.consumer.stillOut(j) {
			continue
		}
		id := ""
		if a.leased && a.consumer.Model == event.ModelDownload && !a.consumer.showDownload(j, record) {
			continue
		}
		if a.leased && a.consumer.Model == event.ModelBinary {
			key := eventKey(record)
			id = a.consumer.jobID(j, key).String()
			may, err := a.d.mayGoOut(ctx, a.consumer, j, record, id)
			if err != nil {
				a.d.logger.Error("look for what was done", "err", err)
				a.consumer.giveBack(jobs[i:], false)
				return false
			}
			if !may {
				continue
			}
		}
		value, err := handOut(a.consumer.Model, record.Value, id, a.avro)
		if err != nil {
			a.d.logger.Error("an event cannot be handed out", "at", record.Position, "err", err) // ingest keeps a dead letter of it
			a.consumer.drop(j)
			continue
		}
		size += len(value)
		a.jobs, a.events = append(a.jobs, j), append(a.events, value)
	}
	return true
}

// withheld tells whether a job is above the poll's max-security. The filter has seen to that when it opened the job; but the
// poll that it was of, or the configuration that counted then, may have allowed more.
func (a *answer) withheld(record *eventlog.Record) bool {
	if a.security == nil {
		return false
	}
	e := readEntry(record, a.consumer.Model)
	return e.bad || a.security.denies(e.routing.Security)
}

// spliceDequeued puts the job's id into the event's JSON, which the log keeps without it.
func spliceDequeued(value []byte, id string) []byte {
	quoted, err := json.Marshal(id)
	if err != nil {
		panic(fmt.Sprintf("encode a job id: %v", err)) // a string: cannot happen
	}
	out := make([]byte, 0, len(value)+len(quoted)+16)
	out = append(out, `{"dequeued":`...)
	out = append(out, quoted...)
	if len(value) > 2 {
		out = append(out, ',')
	}
	return append(out, value[1:]...)
}

// info is the first part of the answer.
type info struct {
	Filtered int            `json:"filtered"`
	Fetched  int            `json:"fetched"`
	Ready    bool           `json:"ready"`
	Paused   bool           `json:"paused"`
	NotReady string         `json:"consumers_not_ready,omitempty"` // feeds, with commas between
	Filters  map[string]int `json:"filters,omitempty"`
}

// writeMultipart writes the answer as the reference does: two parts, info and events (protocol 1.3). An idle answer says
// that one thing was filtered, because azul-runner then asks again at once in place of sleeping for ten seconds.
func writeMultipart(w http.ResponseWriter, a *answer) error {
	i := info{Filtered: a.skippedTotal(), Fetched: len(a.events), Ready: a.ready, Paused: a.paused, NotReady: a.unserved.names(), Filters: a.skipped}
	if a.idle && i.Filtered == 0 {
		i.Filtered, i.Filters = 1, map[string]int{longPollIdle: 1}
	}
	if a.d.draining.Load() && len(a.events) == 0 {
		// The runner sleeps ten seconds after this, and so survives a restart that is shorter.
		i.Filtered, i.Filters = 0, nil
	}
	head, err := json.Marshal(i)
	if err != nil {
		return err
	}
	boundary := rand.Text() // that no event can know
	size := 512 + len(head)
	for _, e := range a.events {
		size += len(e) + 1
	}
	body := append(appendPart(make([]byte, 0, size), boundary, "info"), head...)
	body = a.appendEvents(appendPart(body, boundary, "events"))
	body = append(append(append(body, "\r\n--"...), boundary...), "--\r\n"...)
	w.Header().Set("Content-Type", "multipart/form-data; boundary="+boundary)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, err = w.Write(body)
	return err
}

// appendPart begins a part of a multipart body (RFC 2046 5.1.1), the way the reference names it.
func appendPart(body []byte, boundary, name string) []byte {
	if len(body) > 0 {
		body = append(body, "\r\n"...)
	}
	body = append(append(append(body, "--"...), boundary...), "\r\nContent-Disposition: form-data; name=\""...)
	body = append(append(append(body, name...), `"; filename="`...), name...)
	return append(body, ".json\"\r\nContent-Type: application/octet-stream\r\n\r\n"...)
}

// appendEvents joins the events of an answer: {"events":[…]}, or a bulk record.
func (a *answer) appendEvents(body []byte) []byte {
	if a.avro {
		return append(body, event.JoinAvro(a.events)...)
	}
	body = append(body, `{"events":[`...)
	for i, e := range a.events {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, e...)
	}
	return append(body, "]}"...)
}
