package plugin

import (
	"context"
	"errors"
	"fmt"

	"lazuli/event"
)

// verdict is an error that decides how a job ends; see OptOut, Malformed and Partial.
type verdict struct {
	state event.State
	code  string
	text  string
	mark  bool // set the feature malformed
}

func (v *verdict) Error() string {
	if v.code == "" {
		return v.text
	}
	return v.code + ": " + v.text
}

// OptOut tells that the file is not the plugin's business. code is short and for machines, such as "wrong_file_type"; why
// is for people. Nothing that was found is kept.
func OptOut(code, why string) error { return &verdict{state: event.OptOut, code: code, text: why} }

// Malformed tells that the file is damaged: why becomes the feature malformed. What was found so far is kept.
func Malformed(why string) error {
	return &verdict{state: event.CompletedWithErrors, text: why, mark: true}
}

// Partial tells that there is more in the file than was found. What was found is kept.
func Partial(why string) error { return &verdict{state: event.CompletedWithErrors, text: why} }

// ErrNotMine is what a part returns for a file that has one of its formats and is none of its business all the same: it gets no status.
var ErrNotMine = errors.New("the file is none of this part's")

// ErrAround is returned by AddChild for a file that contains itself, on whatever level: there is no new child, or they would come for ever.
var ErrAround = errors.New("the file contains itself")

// The faults of a job: errors that end it whatever Run returns, because Run could not know better. Job.Err returns the
// first one.
type (
	// outputError is a mistake of the plugin in what it produces.
	outputError struct{ text string }
	// readError is trouble with getting a stream, in contrast to trouble with what is in it.
	readError struct{ cause error }
	// spoolError is trouble with keeping what the plugin produces: a full disk, mostly.
	spoolError struct{ cause error }
)

func (e *outputError) Error() string { return e.text }
func (e *readError) Error() string   { return e.cause.Error() }
func (e *readError) Unwrap() error   { return e.cause }
func (e *spoolError) Error() string  { return fmt.Sprintf("keep what was found: %v", e.cause) }
func (e *spoolError) Unwrap() error  { return e.cause }

// panicError is a panic of the plugin, with its stack.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.value, e.stack) }

// stateOf says how a job ends that returned err. ctx is the job's, with its time-out.
func stateOf(ctx context.Context, err error) (state event.State, code, message string) {
	if err == nil {
		return event.Completed, "", ""
	}
	if caught, ok := asError[*panicError](err); ok {
		return event.ErrorException, "panic", caught.Error()
	}
	v, decided := asError[*verdict](err)
	switch late := errors.Is(ctx.Err(), context.DeadlineExceeded); {
	case decided && !(late && v.mark): // a file whose reading was cut off by the clock only looks damaged
		return v.state, v.code, v.text
	case late:
		return event.ErrorTimeout, "PluginTimeout Error", "the plugin's time was over: " + err.Error()
	case errors.Is(err, ErrNoContent):
		return event.OptOut, "no_content", "plugin requires binary content but none exists"
	}
	if _, ok := asError[*outputError](err); ok {
		return event.ErrorOutput, "Invalid Plugin Output", err.Error()
	}
	if _, ok := asError[*readError](err); ok {
		return event.ErrorNetwork, "Storage Failure", err.Error()
	}
	if _, ok := asError[*spoolError](err); ok {
		return event.ErrorRunner, "Temporary Storage Failure", err.Error()
	}
	return event.ErrorException, "exception", err.Error()
}

func asError[T error](err error) (found T, ok bool) {
	ok = errors.As(err, &found)
	return found, ok
}
