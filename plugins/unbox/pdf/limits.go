package pdf

import (
	"errors"
	"fmt"
	"slices"
)

// ErrLimit is wrapped where something takes more than the limits allow. What was found before counts.
var ErrLimit = errors.New("limit reached")

// limits bound what is read of one file. They are far beyond what honest files have.
type limits struct {
	depth   int   // of arrays and dictionaries in one another
	objects int   // that are known at a time, current or not
	values  int   // in one object
	text    int   // bytes of all strings and names in one object
	stream  int64 // bytes that come out of one stream
	inner   int64 // bytes of a stream that is kept in memory: object streams, cross-reference streams, metadata
	filters int   // of one stream
	found   int   // actions, scripts, files and the like: each kind of finding
	facts   int   // of one kind

	// Work is counted in bytes that are read or come out of a filter. Each phase may do base and so much for each byte of the file.
	base    int64
	parse   int64
	extract int64
}

var defaultLimits = limits{
	depth: 500, objects: 500_000, values: 500_000, text: 16 << 20, stream: 256 << 20, inner: 8 << 20, filters: 16, found: 10_000, facts: 10,
	base: 64 << 20, parse: 16, extract: 64,
}

// work is what one phase may still do.
type work struct {
	left  int64
	phase string
	notes *reached
}

// spend takes n bytes. The error wraps ErrLimit.
func (w *work) spend(n int64) error {
	w.left -= n
	if w.left >= 0 {
		return nil
	}
	return w.notes.reach("more work to " + w.phase + " than a file of its size is worth")
}

// reached are the limits that were reached, in words, each once.
type reached struct{ list []string }

// reach notes a limit and returns it as an error.
func (r *reached) reach(what string) error {
	if !slices.Contains(r.list, what) {
		r.list = append(r.list, what)
	}
	return fmt.Errorf("%w: %s", ErrLimit, what)
}
