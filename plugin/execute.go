package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"lazuli/event"
)

const defaultRunTime = 10 * time.Minute

// Execute runs a plugin on one event and returns what it left behind, in every case: a panic, a time-out or a mistake is a
// state like any other. The caller closes the outcome.
func Execute(ctx context.Context, p Plugin, in Input) *Outcome {
	spec := p.Spec()
	out := &Outcome{}
	begun := time.Now()
	defer func() { out.Runtime = time.Since(begun) }()
	if len(in.Event.Source.Path) >= MaxDepth {
		out.State, out.Error = event.OptOut, "depth_limit"
		out.Message = fmt.Sprintf("the file is %d levels deep; %s goes down to %d", len(in.Event.Source.Path), spec.Name, MaxDepth)
		return out
	}
	limit := spec.Timeout
	if limit <= 0 {
		limit = defaultRunTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if in.TempDir == "" {
		in.TempDir = os.TempDir()
	}
	job := &Job{ctx: ctx, in: in, out: out, info: map[string]json.RawMessage{}, open: map[string]*Reader{}}
	job.found = &findings{job: job, features: newFeatures(spec.declared())}
	err := runSafely(ctx, p, job)
	job.conclude(ctx, err)
	return out
}

// declared maps every feature that the plugin may set to its type.
func (s Spec) declared() map[string]event.FeatureType {
	all := map[string]event.FeatureType{}
	for _, list := range [][]Feature{BuiltInFeatures, s.Features} {
		for _, f := range list {
			all[f.Name] = f.Type
		}
	}
	return all
}

// panicError is a panic of the plugin with its stack.
type panicError struct{ text string }

func (e *panicError) Error() string { return e.text }

func runSafely(ctx context.Context, p Plugin, job *Job) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{fmt.Sprintf("panic: %v\n\n%s", v, debug.Stack())}
		}
	}()
	return p.Run(ctx, job)
}

// conclude turns what Run returned into the outcome.
func (j *Job) conclude(ctx context.Context, err error) {
	out := j.out
	if j.fault != nil && !isPanic(err) {
		err = j.fault
	}
	out.State, out.Error, out.Message = stateOf(ctx, err)
	if !out.State.Success() {
		return
	}
	var v *verdict
	if errors.As(err, &v) && v.mark {
		if err := j.Feature("malformed", v.text); err != nil {
			out.State, out.Error, out.Message = stateOf(ctx, err)
			return
		}
	}
	out.Features, out.Streams = j.found.features.values, j.found.streams
	out.Children = j.found.export()
	if len(j.info) > 0 {
		raw, err := json.Marshal(j.info)
		if err != nil {
			out.State, out.Error, out.Message = event.ErrorOutput, "Invalid Plugin Output", err.Error()
			return
		}
		out.Info = raw
	}
	if cut := j.found.cuts(); len(cut) > 0 {
		out.State = event.CompletedWithErrors
		out.Message = strings.TrimPrefix(out.Message+"; ", "; ") + strings.Join(cut, "; ")
	}
	if out.State == event.Completed && len(out.Features)+len(out.Streams)+len(out.Children)+len(out.Info) == 0 {
		out.State = event.CompletedEmpty
	}
}

func isPanic(err error) bool {
	var p *panicError
	return errors.As(err, &p)
}

// stateOf says how a job ends that returned err.
func stateOf(ctx context.Context, err error) (state event.State, code, message string) {
	var v *verdict
	var output *outputError
	var read *readError
	switch {
	case err == nil:
		return event.Completed, "", ""
	case errors.As(err, &v):
		return v.state, v.code, v.text
	case isPanic(err):
		return event.ErrorException, "panic", err.Error()
	case errors.As(err, &output):
		return event.ErrorOutput, "Invalid Plugin Output", err.Error()
	case errors.Is(err, ErrNoContent):
		return event.OptOut, "no_content", "the plugin requires binary content but none exists"
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return event.ErrorTimeout, "timeout", "the plugin's time was over: " + err.Error()
	case errors.As(err, &read):
		return event.ErrorNetwork, "Storage Failure", err.Error()
	}
	return event.ErrorException, fmt.Sprintf("%T", err), err.Error()
}

// export copies children for the outcome.
func (f *findings) export() []*Child {
	var list []*Child
	for _, c := range f.children {
		list = append(list, &Child{Content: c.content, Relationship: c.relationship, Features: c.features.values,
			Streams: c.streams, Children: c.export()})
	}
	return list
}

// cuts lists what was left out here and in all children.
func (f *findings) cuts() []string {
	all := append([]string(nil), f.features.cut...)
	for _, c := range f.children {
		all = append(all, c.cuts()...)
	}
	return all
}
