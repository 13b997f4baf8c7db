package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"lazuli/event"
)

// Execute runs a plugin and its parts on one event and returns what they left behind, in every case: a panic, a time-out or a mistake is a
// state like any other. The caller closes the outcome.
func Execute(ctx context.Context, p Plugin, in Input) *Outcome {
	spec := p.Spec()
	out := &Outcome{}
	begun := time.Now()
	defer func() { out.Runtime = time.Since(begun) }()
	if depth := len(in.Event.Source.Path); depth >= MaxDepth {
		out.State, out.Error = event.OptOut, "depth_limit"
		out.Message = fmt.Sprintf("the file lies %d levels deep, and %s goes down to %d", depth, spec.Name, MaxDepth)
		return out
	}
	limit := spec.Timeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if in.TempDir == "" {
		in.TempDir = os.TempDir()
	}
	shared := newExecution(ctx, in)
	out.cleanup = []func(){shared.close}
	job := newJob(shared, spec)
	job.conclude(out, run(ctx, p.Run, job))
	if len(spec.Parts) > 0 && out.State.Success() {
		runParts(out, shared, spec, job.Format())
	}
	return out
}

// runParts runs the parts whose formats a file has, and leaves out those that have nothing to do with it after all.
func runParts(out *Outcome, shared *execution, spec Spec, format string) {
	for _, part := range spec.Parts {
		if !part.wants(format) {
			continue
		}
		begun := time.Now()
		job := newJob(shared, spec)
		err := run(shared.ctx, part.Run, job)
		if errors.Is(err, ErrNotMine) && job.Err() == nil {
			continue
		}
		o := PartOutcome{Part: part.Name}
		job.conclude(&o.Outcome, err)
		o.Runtime = time.Since(begun)
		out.Parts = append(out.Parts, o)
	}
	switch {
	case len(out.Parts) == 0:
		out.State, out.Error, out.Message = event.OptOut, "wrong_file_type", fmt.Sprintf("no part of %s is for %s", spec.Name, format)
	case errors.Is(shared.ctx.Err(), context.DeadlineExceeded):
		out.State, out.Error, out.Message = event.ErrorTimeout, "PluginTimeout Error", "the plugin's time was over while its parts ran"
	}
}

// wants tells whether a part is for a file_format.
func (p Part) wants(format string) bool {
	return len(p.Formats) == 0 || slices.ContainsFunc(p.Formats, func(prefix string) bool { return strings.HasPrefix(format, prefix) })
}

// run calls a Run and makes an error of a panic.
func run(ctx context.Context, f func(context.Context, *Job) error, job *Job) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return f(ctx, job)
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

// conclude turns what Run returned into the outcome.
func (j *Job) conclude(out *Outcome, err error) {
	if _, panicked := asError[*panicError](err); !panicked {
		if fault := j.fault(); fault != nil {
			err = fault
		}
	}
	out.State, out.Error, out.Message = stateOf(j.ctx, err)
	if !out.State.Success() {
		return
	}
	if v, ok := asError[*verdict](err); ok && v.mark {
		if err := j.Feature("malformed", v.text); err != nil { // the plugin declared malformed as something else
			out.State, out.Error, out.Message = stateOf(j.ctx, err)
			return
		}
	}
	if len(j.info) > 0 {
		raw, err := json.Marshal(j.info)
		if err != nil {
			out.State, out.Error, out.Message = event.ErrorOutput, "Invalid Plugin Output", "info: "+err.Error()
			return
		}
		out.Info = raw
	}
	out.Features, out.Streams, out.Children = j.features.values, j.streams, j.export()
	if left := j.cuts(nil); len(left) > 0 {
		out.State = event.CompletedWithErrors
		out.Message = strings.TrimPrefix(out.Message+"; ", "; ") + "not everything was kept: " + strings.Join(left, "; ")
	}
	if out.State == event.Completed && len(out.Features)+len(out.Streams)+len(out.Children)+len(out.Info) == 0 {
		out.State = event.CompletedEmpty
	}
}
