package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"lazuli/client"
	"lazuli/event"
)

// The dispatcher keeps each result of a status as an event of its own, and bounds that and the whole request. What the reference's
// clients allow themselves for a status, 2 MiB, is the bound for each result: an archive of a thousand files needs more in all.
const (
	maxResultBytes = 2<<20 - 128<<10 // with room for what the dispatcher adds
	maxStatusBytes = 48 << 20
)

// maxMessageBytes bounds the text that a status carries.
const maxMessageBytes = 16 << 10

// errGivenBack tells that the runner ended before the job: it is left to the dispatcher to hand out again.
var errGivenBack = errors.New("the job is given back")

// assignment is one job on its way through the runner.
type assignment struct {
	*Runner
	h       *hosted
	input   *event.Binary
	streams streamReader
	begun   time.Time
}

// job runs one job from the polled event to the posted status. The error is ErrHung, or why the status could not be
// posted.
func (r *Runner) job(ctx context.Context, h *hosted, raw json.RawMessage) error {
	ctx, cancel := graceful(ctx, r.opts.Grace)
	defer cancel()
	a := &assignment{Runner: r, h: h, begun: time.Now()}
	input, err := decodeInput(raw)
	if err != nil {
		r.opts.Logger.Error("a polled event cannot be read", "plugin", h.spec.Name, "err", err)
		if input == nil {
			return nil // it does not even name its job: the dispatcher's lease ends it
		}
		a.input = input
		return a.post(ctx, a.failure(event.ErrorInput, "Invalid Input", err))
	}
	a.input = input
	a.streams = streamReader{d: r.d, source: input.Source.Name}

	state := JobState{
		Job: input.Dequeued, Plugin: h.spec.Name, SHA256: input.Entity.SHA256, Begun: a.begun, Timeout: h.spec.Timeout,
	}
	r.opts.OnJob(state)
	defer r.opts.OnJob(JobState{})
	endHeartbeats := a.heartbeats(ctx)
	defer endHeartbeats()
	outcome, err := a.run(ctx)
	switch {
	case errors.Is(err, errGivenBack):
		r.opts.Logger.Info("a job is given back", "plugin", h.spec.Name, "job", input.Dequeued)
		return nil
	case err != nil && ctx.Err() != nil: // ErrHung, and the job is given back
		return err
	case err != nil: // ErrHung
		endHeartbeats()
		return errors.Join(err, a.post(ctx, a.failure(event.ErrorTimeout, "PluginTimeout Error", a.timedOut())))
	}
	defer outcome.Close()
	state.Timeout, state.Reporting = 0, true
	r.opts.OnJob(state)
	for i := range outcome.Parts {
		if err := a.reportPart(ctx, &outcome.Parts[i]); err != nil || ctx.Err() != nil {
			return err
		}
	}
	status := a.status(ctx, outcome)
	endHeartbeats() // one that came after the final status would replace it
	if ctx.Err() != nil {
		return nil
	}
	return a.post(ctx, status)
}

// reportPart posts the status of a part; the plugin's own comes last and ends the job.
func (a *assignment) reportPart(ctx context.Context, o *PartOutcome) error {
	part := &assignment{Runner: a.Runner, h: a.h.parts[o.Part], input: a.input, begun: a.begun}
	status := part.status(ctx, &o.Outcome)
	if ctx.Err() != nil {
		return nil
	}
	return part.post(ctx, status)
}

// decodeInput reads a polled event. With an error comes an event that has the job's name and nothing else, or nil if not
// even that could be read.
func decodeInput(raw json.RawMessage) (*event.Binary, error) {
	input := &event.Binary{}
	err := json.Unmarshal(raw, input)
	if err == nil && input.Dequeued == "" {
		return nil, errors.New("it has no dequeued")
	}
	if err == nil {
		return input, nil
	}
	var named struct {
		KafkaKey string `json:"kafka_key"`
		Dequeued string `json:"dequeued"`
	}
	if json.Unmarshal(raw, &named) != nil || named.Dequeued == "" {
		return nil, err
	}
	least := &event.Binary{Dequeued: named.Dequeued}
	least.KafkaKey, least.ModelVersion = named.KafkaKey, event.ModelVersion
	return least, err
}

// run runs the plugin. The error is errGivenBack or ErrHung; then the outcome, if one comes after all, is thrown away.
func (a *assignment) run(ctx context.Context) (*Outcome, error) {
	limited, cancel := context.WithTimeout(ctx, a.h.spec.Timeout)
	defer cancel()
	done := make(chan *Outcome, 1)
	go func() {
		done <- a.execute(limited, a.h.Plugin, Input{Event: a.input, Open: a.streams.open, TempDir: a.opts.TempDir})
	}()
	outcome, err := a.await(ctx, limited, done)
	switch {
	case err == nil:
		return a.judge(limited, outcome), nil
	case outcome != nil:
		outcome.Close()
	default:
		go func() { (<-done).Close() }() // if it ever returns
	}
	return nil, err
}

// await waits for the outcome, and for the grace period after the time-out. After the end of ctx it waits a moment only.
func (a *assignment) await(ctx, limited context.Context, done <-chan *Outcome) (*Outcome, error) {
	select {
	case o := <-done:
		return o, given(ctx)
	case <-limited.Done():
	}
	wait := a.opts.Grace
	if ctx.Err() != nil {
		wait = min(wait, time.Second)
	}
	overdue := time.NewTimer(wait)
	defer overdue.Stop()
	late := overdue.C
	stopped := ctx.Done()
	if ctx.Err() != nil {
		stopped = nil
	} else if a.opts.Supervised {
		late = nil
	}
	for {
		select {
		case o := <-done:
			return o, given(ctx)
		case <-stopped:
			stopped = nil
			overdue.Reset(min(a.opts.Grace, time.Second))
			late = overdue.C
		case <-late:
			return nil, ErrHung
		}
	}
}

func given(ctx context.Context) error {
	if ctx.Err() != nil {
		return errGivenBack
	}
	return nil
}

// judge corrects the outcome by what the runner knows better than the plugin: that the time was over, and that a stream
// could not be read, which libraries often take for a damaged file. What parts found in time stays when the time was over.
func (a *assignment) judge(limited context.Context, o *Outcome) *Outcome {
	if !o.State.Success() && limited.Err() != nil {
		return o.fail(event.ErrorTimeout, "PluginTimeout Error", a.timedOut())
	}
	if err := a.streams.failure(); err != nil {
		o.Parts = nil
		return o.fail(event.ErrorNetwork, "Storage Failure", err)
	}
	return o
}

// fail drops what was found, but for what parts found.
func (o *Outcome) fail(state event.State, code string, err error) *Outcome {
	o.State, o.Error, o.Message = state, code, err.Error()
	o.Features, o.Info, o.Streams, o.Children = nil, nil, nil, nil
	return o
}

func (a *assignment) timedOut() error {
	return fmt.Errorf("%s timed out on job '%s' after %s", a.h.spec.Name, a.input.Entity.SHA256, a.h.spec.Timeout)
}

// status makes the job's final status, and stores the streams that its results need.
func (a *assignment) status(ctx context.Context, o *Outcome) *event.Status {
	s := a.blank(o.State, o.Error, o.Message)
	s.Entity.Runtime = o.Runtime.Round(time.Millisecond).Seconds()
	if !o.State.Success() {
		return s
	}
	results, err := a.results(ctx, o, s.Timestamp)
	if err == nil {
		s.Entity.Results = results
		err = s.Validate()
	}
	switch {
	case client.Temporary(err):
		return a.failure(event.ErrorNetwork, "Storage Failure", fmt.Errorf("store the results: %w", err))
	case err != nil:
		return a.failure(event.ErrorOutput, "Invalid Plugin Output", fmt.Errorf("store the results: %w", err))
	}
	return s
}

// blank is a status without results. Its input is the polled event without what the dispatcher knows already.
func (a *assignment) blank(state event.State, code, message string) *event.Status {
	input := *a.input
	input.Entity.Features, input.Entity.Datastreams, input.Entity.Info = nil, nil, nil
	return &event.Status{Head: a.h.head(event.Now()), Entity: event.StatusEntity{
		Input: input, Status: state, Error: cut(code, maxMessageBytes), Message: cut(message, maxMessageBytes),
	}}
}

func (a *assignment) failure(state event.State, code string, err error) *event.Status {
	s := a.blank(state, code, err.Error())
	s.Entity.Runtime = time.Since(a.begun).Round(time.Millisecond).Seconds()
	return s
}

// post sends the final status. For a dispatcher that is away it waits a while; a status that is too large or refused is
// replaced by an error, once.
func (a *assignment) post(ctx context.Context, s *event.Status) error {
	if err := fits(s); err != nil {
		s = a.failure(event.ErrorOutput, "Invalid Plugin Output", err)
	}
	var pause backoff
	replaced := false
	for giveUp := time.Now().Add(postPatience); ; {
		answer, err := a.d.PostEvents(ctx, event.ModelStatus, s)
		if err == nil {
			err = answer.Err()
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("report job %s: %w", a.input.Dequeued, err)
		case client.Temporary(err) && time.Now().Before(giveUp):
			pause.wait(ctx)
		case client.Temporary(err) || replaced:
			return fmt.Errorf("report job %s: %w", a.input.Dequeued, err)
		default:
			replaced = true
			s = a.failure(event.ErrorOutput, "Invalid Plugin Output", err)
		}
	}
}

// fits tells what makes a status too large to be posted.
func fits(s *event.Status) error {
	size, err := jsonSize(s)
	if err != nil {
		return err
	}
	if size > maxStatusBytes {
		return fmt.Errorf("the status is %d bytes large; the limit is %d: produce fewer children", size, maxStatusBytes)
	}
	if size <= maxResultBytes {
		return nil
	}
	for i := range s.Entity.Results {
		size, err := jsonSize(&s.Entity.Results[i])
		if err != nil {
			return err
		}
		if size > maxResultBytes {
			return fmt.Errorf("result %d is %d bytes large; the limit is %d: produce fewer features or less info", i, size, maxResultBytes)
		}
	}
	return nil
}

func jsonSize(v any) (int, error) {
	raw, err := json.Marshal(v)
	return len(raw), err
}

// heartbeats tells the dispatcher now and then that the job is alive, until end is called; end returns when the last one
// is through.
func (a *assignment) heartbeats(ctx context.Context) (end func()) {
	quit, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(a.opts.Heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			beat, cancel := context.WithTimeout(ctx, heartbeatPost)
			s := a.blank(event.Heartbeat, "", "")
			s.Entity.Runtime = time.Since(a.begun).Round(time.Second).Seconds()
			if _, err := a.d.PostEvents(beat, event.ModelStatus, s); err != nil && ctx.Err() == nil {
				a.opts.Logger.Warn("a heartbeat was not taken", "plugin", a.h.spec.Name, "job", a.input.Dequeued, "err", err)
			}
			cancel()
		}
	}()
	ended := false
	return func() {
		if !ended {
			ended = true
			close(quit)
			<-over
		}
	}
}

// graceful returns a context that ends grace after ctx does.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		late := time.AfterFunc(grace, cancel)
		context.AfterFunc(out, func() { late.Stop() })
	})
	return out, func() { stop(); cancel() }
}

// cut shortens text to at most n bytes, between characters, and makes it valid UTF-8.
func cut(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "")
}
