// Package plugin is the kit for writing an analysis plugin in Go.
//
// A plugin is a Spec and a Run. The kit registers it, fetches one job at a time, gives Run the bytes of the file, checks
// what it found, stores it and reports how the job ended:
//
//	type Lines struct{}
//
//	func (Lines) Spec() plugin.Spec {
//		return plugin.Spec{
//			Name: "Lines", Version: "1", Description: "Counts lines of text.",
//			Features: []plugin.Feature{{Name: "line_count", Type: event.Integer, Description: "number of lines"}},
//			Wants:    plugin.Wants{Streams: map[event.Label][]string{event.LabelContent: {"text/"}}},
//		}
//	}
//
//	func (Lines) Run(ctx context.Context, job *plugin.Job) error { … job.Feature("line_count", n) … }
//
// It knows nothing of the log or of the index. Begin with Plugin; plugintest runs one over bytes.
package plugin

import (
	"context"
	"time"

	"lazuli/event"
)

// Plugin analyses files.
type Plugin interface {
	// Spec describes the plugin. It is called once and must always return the same.
	Spec() Spec
	// Run analyses one file. What it returns decides how the job ends: nil is completed (or completed-empty when nothing was
	// found), OptOut(…) means that the file is not this plugin's business, Malformed(…) that the file is damaged and what
	// was found so far counts, Partial(…) that there is more than was found; any other error is an exception. What was found before an OptOut or an exception is dropped.
	// Run must return soon after ctx ends; a plugin that does not is killed with its process. It is never called twice at
	// the same time in one process unless the plugin is used so by its own tests.
	Run(ctx context.Context, job *Job) error
}

// Spec describes a plugin.
type Spec struct {
	Name        string // unique, as analysts will see it: "Entropy"
	Version     string // a new version sees every stored file again
	Description string
	Contact     string
	Security    string    // label for what it produces; "" for none
	Features    []Feature // every feature that Run may set
	Wants       Wants
	Parts       []Part        // most plugins have none
	Timeout     time.Duration // for one job; 0 means 10 minutes
}

// Feature declares a feature.
type Feature struct {
	Name        string
	Type        event.FeatureType
	Description string
}

// Part is one of several analyses that share the jobs of a plugin, such as the formats that an unpacker knows. Each is an author of its
// own, "Unbox-cab" for the part cab of the plugin Unbox, with a status and findings of its own; one that fails leaves the others alone.
// When the plugin's Run has returned nil, every part runs whose formats the file has. One that returns ErrNotMine might as well not have
// run; if no other did, the file is opted out.
type Part struct {
	Name        string // lower-case letters
	Description string
	Formats     []string // prefixes of the content's file_format; none means all
	// Run is as Plugin.Run, for the part alone. It may set the plugin's features.
	Run func(ctx context.Context, job *Job) error
}

// Wants is the filter: which events become jobs of the plugin.
type Wants struct {
	Actions []event.Action           // none means sourced and extracted
	Streams map[event.Label][]string // label ("*" for any) to prefixes of file_format; no prefix means every format; an empty map means any event with content
	MinSize int64                    // of the content in bytes; 0 is no limit
	MaxSize int64
	Sources []string // none means all
	NotSelf bool     // leave out events that the plugin made itself
}

// Limits on what one job may produce; what exceeds them is cut, and the job ends as completed-with-errors.
const (
	MaxValuesPerFeature = 1000
	MaxValueLength      = 4000 // characters
	MaxValues           = 9500 // over all features of one event
	MaxDepth            = 10   // nodes of a path: deeper events are opted out
)
