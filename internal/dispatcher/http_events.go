package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"lazuli/event"
)

// postAnswer is the answer to POST /api/v2/event (protocol 1.4). Failures is never null.
type postAnswer struct {
	OK       int               `json:"total_ok"`
	Failures int               `json:"total_failures"`
	Failed   []postFailure     `json:"failures"`
	Kept     []json.RawMessage `json:"ok,omitempty"`
}

type postFailure struct {
	Event string `json:"event"`
	Error string `json:"error"`
}

// postEvents publishes events of one model. It answers when they are on disk, whatever sync says.
func (d *Dispatcher) postEvents(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if isTrue(q.Get("pause_plugins")) {
		if err := d.Pause(context.WithoutCancel(r.Context())); err != nil { // even if the request fails later
			d.logger.Error("pause the plugins", "err", err)
		}
	}
	model, err := event.ParseModel(q.Get("model"))
	if err != nil {
		writeProblem(w, http.StatusBadRequest, "bad model", err.Error())
		return
	}
	body, err := d.readBody(w, r, d.opts.MaxPostBytes)
	if err != nil {
		d.writeFailure(w, r, "read the events", err)
		return
	}
	if len(body) == 0 {
		writeProblem(w, http.StatusBadRequest, "empty body", "post one event or a list of events")
		return
	}
	list, err := d.readPosted(model, body, isTrue(q.Get("avro-format")))
	if err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, "bad events", err.Error())
		return
	}
	if model == event.ModelStatus {
		d.postStatuses(w, r, list)
		return
	}
	answer := postAnswer{Failed: []postFailure{}}
	var items []*item
	var texts []func() string // of the items
	for i, p := range list {
		ev, err := p.decode(model)
		if err != nil {
			writeProblem(w, http.StatusUnprocessableEntity, "bad events", fmt.Sprintf("event %d: %v", i, err))
			return
		}
		answer.OK++
		err = ev.Validate()
		if b, ok := ev.(*event.Binary); ok && err == nil {
			err = d.opts.Sources.SourceAllowed(b.Source.Name)
		}
		if err != nil {
			answer.fail(p.text(), err)
			continue
		}
		items, texts = append(items, &item{ev: ev, client: true, single: true}), append(texts, p.text)
	}
	published, err := d.append(r.Context(), items)
	if err != nil {
		d.writeFailure(w, r, "publish the events", err)
		return
	}
	for i, it := range items {
		if it.refused != nil {
			answer.fail(texts[i](), it.refused)
		}
	}
	if len(published.Kept) == 0 {
		enum, detail := enumAllGone, "every event was invalid or filtered"
		if len(answer.Failed) > 0 {
			detail = answer.Failed[0].Error
		}
		if published.Expired > 0 {
			enum, detail = enumAgedOff, "the source lets events of that age expire"
		}
		writeProblemEnum(w, http.StatusTooEarly, "nothing was published", detail, enum)
		return
	}
	answer.include(q, published)
	writeJSON(w, http.StatusOK, answer)
}

// fail counts an event that seemed good as refused.
func (a *postAnswer) fail(text string, err error) {
	a.OK--
	a.Failures++
	a.Failed = append(a.Failed, postFailure{text, err.Error()})
}

// include adds the posted events that are in the log, in their final form, if the query asks for them.
func (a *postAnswer) include(q url.Values, p Published) {
	if !isTrue(q.Get("include_ok")) {
		return
	}
	for _, ev := range p.Kept {
		raw, err := event.AppendJSON(nil, ev)
		if err != nil {
			panic(fmt.Sprintf("encode an event that is in the log: %v", err)) // it was encoded for that
		}
		a.Kept = append(a.Kept, raw)
	}
}

// isTrue is how the reference reads the flags of this request.
func isTrue(s string) bool { return s == "true" || s == "1" }

// postStatuses publishes statuses. A plugin that is refused here dies, and its successors with it, so a status that names
// its job is always accepted: what cannot be kept of it becomes an error-output in the plugin's name.
func (d *Dispatcher) postStatuses(w http.ResponseWriter, r *http.Request, list []posted) {
	answer := postAnswer{Failed: []postFailure{}}
	var items []*item
	onlyHeartbeats := true
	for i, p := range list {
		ev, err := p.decode(event.ModelStatus)
		if err != nil {
			status := d.salvage(p.raw, err)
			if status == nil {
				writeProblem(w, http.StatusUnprocessableEntity, "bad events", fmt.Sprintf("event %d: %v", i, err))
				return
			}
			ev = status
		}
		status := ev.(*event.Status)
		if status.Entity.Input.Dequeued == "" || status.Author.Name == "" {
			answer.Failures++
			answer.Failed = append(answer.Failed, postFailure{p.text(), "a status needs author.name and entity.input.dequeued"})
			continue
		}
		d.mend(status)
		onlyHeartbeats = onlyHeartbeats && !status.Entity.Status.Final()
		answer.OK++
		items = append(items, &item{ev: status, client: true})
	}
	if len(items) == 0 {
		writeProblemEnum(w, http.StatusTooEarly, "nothing was published", answer.Failed[0].Error, enumAllGone)
		return
	}
	published, err := d.append(r.Context(), items)
	if err != nil {
		if !onlyHeartbeats {
			d.writeFailure(w, r, "publish the statuses", err)
			return
		}
		d.logger.Error("a heartbeat could not be kept; its lease goes on", "err", err)
		d.touch(items)
	}
	answer.include(r.URL.Query(), published)
	writeJSON(w, http.StatusOK, answer)
}

// salvage makes an error-output status out of a body that is no status but names its job and author.
func (d *Dispatcher) salvage(raw json.RawMessage, cause error) *event.Status {
	var named struct {
		Author event.Author `json:"author"`
		Entity struct {
			Input struct {
				Dequeued string `json:"dequeued"`
				KafkaKey string `json:"kafka_key"`
			} `json:"input"`
		} `json:"entity"`
	}
	if json.Unmarshal(raw, &named) != nil || named.Author.Name == "" || named.Entity.Input.Dequeued == "" {
		return nil
	}
	status := &event.Status{Head: event.Head{Timestamp: event.At(d.now()), Author: named.Author}}
	status.Entity.Input.Dequeued = named.Entity.Input.Dequeued
	status.Entity.Input.KafkaKey = named.Entity.Input.KafkaKey
	failOutput(status, cause)
	return status
}

// cleanInput leaves of a status's input what names the job, without the bulk, and makes it one that every reader accepts:
// it came back from a client and is not validated.
func cleanInput(b *event.Binary) {
	b.ModelVersion = event.ModelVersion
	b.Entity.Features, b.Entity.Datastreams, b.Entity.Info = nil, nil, nil
	if !b.Action.Valid() {
		b.Action = event.Sourced
	}
	for i := range b.Source.Path {
		if !b.Source.Path[i].Action.Valid() {
			b.Source.Path = nil
			break
		}
	}
}

// mend keeps what is valid of a status. Anything that is not makes it an error-output with the reason; its valid results
// are kept.
func (d *Dispatcher) mend(status *event.Status) {
	cleanInput(&status.Entity.Input)
	status.Entity.Error, status.Entity.Message = shorten(status.Entity.Error), shorten(status.Entity.Message)
	err := status.Validate()
	if err == nil {
		err = d.resultsFit(status)
	}
	if err == nil {
		return
	}
	var valid []event.Binary
	if status.Entity.Status.Success() {
		for i := range status.Entity.Results {
			result := &status.Entity.Results[i]
			if result.Validate() == nil && d.opts.Sources.SourceAllowed(result.Source.Name) == nil && d.fits(result) {
				valid = append(valid, *result)
			}
		}
	}
	d.logger.Warn("a status is not valid", "author", status.Author.Name, "job", status.Entity.Input.Dequeued, "err", err)
	failOutput(status, err)
	status.Entity.Results = valid
}

// maxMessage bounds the texts of a status, in bytes.
const maxMessage = 64 << 10

// shorten cuts the middle out of a text that is too long: the end of a traceback says most.
func shorten(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	half := maxMessage/2 - 50
	return strings.ToValidUTF8(fmt.Sprintf("%s\n… %d bytes left out …\n%s", text[:half], len(text)-2*half, text[len(text)-half:]), "")
}

// resultsFit tells what keeps a result of a valid status out of the log.
func (d *Dispatcher) resultsFit(status *event.Status) error {
	for i := range status.Entity.Results {
		result := &status.Entity.Results[i]
		if err := d.opts.Sources.SourceAllowed(result.Source.Name); err != nil {
			return fmt.Errorf("entity.results[%d]: %w", i, err)
		}
		if !d.fits(result) {
			return fmt.Errorf("entity.results[%d] is larger than %d bytes", i, d.opts.MaxEventBytes)
		}
	}
	return nil
}

// fits tells whether an event can be encoded within the limit, with room for what the dispatcher adds.
func (d *Dispatcher) fits(b *event.Binary) bool {
	value, err := event.AppendJSON(nil, b)
	return err == nil && int64(len(value)) < d.opts.MaxEventBytes-64<<10
}

func failOutput(status *event.Status, cause error) {
	status.Entity.Status = event.ErrorOutput
	status.Entity.Error = "Invalid Plugin Output"
	status.Entity.Message = cause.Error()
	status.Entity.Results = nil
}

// touch renews the leases that heartbeats name without a word in the log.
func (d *Dispatcher) touch(items []*item) {
	for _, it := range items {
		status := it.ev.(*event.Status)
		if id, ok := event.ParseJobID(status.Entity.Input.Dequeued); ok {
			if c, cl := d.findCell(id); c != nil && (c.Name == status.Author.Name || c.hasPart(status.Author.Name)) {
				c.report(cl, id, event.Heartbeat)
			}
		}
	}
}
