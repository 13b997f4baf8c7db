package event

import (
	"fmt"
	"slices"
	"strings"
)

// ParseModel returns the model of that name.
func ParseModel(name string) (Model, error) { return parse("model", Model(name), Models) }

// ParseAction returns the binary action of that name.
func ParseAction(name string) (Action, error) { return parse("action", Action(name), Actions) }

func parse[T ~string](what string, name T, known []T) (T, error) {
	if slices.Contains(known, name) {
		return name, nil
	}
	return "", fmt.Errorf("%s %.40q is not known: use one of %s", what, name, list(known))
}

func list[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}

// Valid tells whether every reader knows the label.
func (l Label) Valid() bool {
	_, known := slices.BinarySearch(Labels, l)
	return known
}

// Valid tells whether it is one of Actions.
func (a Action) Valid() bool { return slices.Contains(Actions, a) }

// Valid tells whether every reader knows the type.
func (t FeatureType) Valid() bool {
	switch t {
	case Integer, Float, String, Bytes, Datetime, Filepath, URI:
		return true
	}
	return false
}

// Valid tells whether every reader knows the state.
func (s State) Valid() bool { return s.Success() || s.Error() || s.progress() || s == OptOut }

// Final tells whether the state ends a job. A state that is not valid ends nothing.
func (s State) Final() bool { return s.Valid() && !s.progress() }

// Success tells whether the job was done; only then may the status carry results.
func (s State) Success() bool {
	return s == Completed || s == CompletedEmpty || s == CompletedWithErrors
}

// Error tells whether the job went wrong.
func (s State) Error() bool {
	switch s {
	case ErrorException, ErrorNetwork, ErrorRunner, ErrorInput, ErrorOutput, ErrorTimeout, ErrorOutOfMemory:
		return true
	}
	return false
}

func (s State) progress() bool { return s == Heartbeat || s == Dequeued || s == DownloadRequested }

// DeleteActions lists the actions of delete events; each is the JSON name of the part of DeleteEntity that it needs.
var DeleteActions = []string{"submission", "link", "author", "ids"}

// DownloadActions lists the actions of download events.
var DownloadActions = []string{"requested", "success", "failed", "failed-not-found", "skipped-already-present"}

// RetrohuntActions lists the actions of retrohunt events.
var RetrohuntActions = []string{"submitted", "starting", "running", "completed"}
