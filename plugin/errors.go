package plugin

import "lazuli/event"

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

// OptOut tells that the file is not the plugin's business. code is short and for machines, such as "wrong_file_type"; why is for
// people.
func OptOut(code, why string) error { return &verdict{state: event.OptOut, code: code, text: why} }

// Malformed tells that the file is damaged. What was found so far is kept.
func Malformed(why string) error {
	return &verdict{state: event.CompletedWithErrors, text: why, mark: true}
}

// Partial tells that there is more in the file than was found. What was found is kept.
func Partial(why string) error { return &verdict{state: event.CompletedWithErrors, text: why} }

// outputError is a mistake of the plugin in what it produces.
type outputError struct{ text string }

func (e *outputError) Error() string { return e.text }
