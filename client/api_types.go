package client

import (
	"encoding/json"
	"time"
)

// Submission is what is said of a file that is submitted. Only Filename is worth giving always.
type Submission struct {
	Source     string // "" for the server's default
	Filename   string
	References map[string]string // what the source asks submitters for
	Security   string
	Raw        bool // a container (CaRT, MalPZ) is kept as it is, not what is in it
}

// Submitted is the answer to a submission: the file is on disk and its event is in the log.
type Submitted struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"` // bytes
	Source string `json:"source"`
	Event  string `json:"event"` // the event's key
	State  string `json:"state"`
}

// Sources are where files may come from.
type Sources struct {
	Default string       `json:"default"` // of what is submitted without one
	Any     bool         `json:"any"`     // other names may be used as well
	Sources []SourceInfo `json:"sources"`
}

// SourceInfo is a source, and what it wants to know of what is submitted to it.
type SourceInfo struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	References  []ReferenceInfo `json:"references"`
}

// ReferenceInfo is something that submitters say of a file.
type ReferenceInfo struct {
	Name        string `json:"name"`
	Required    bool   `json:"required"` // a submission without it is refused
	Description string `json:"description,omitempty"`
}

// The states of a file.
const (
	StateWorking = "working" // a plugin has it or a file inside it still before it
	StateDone    = "done"    // it and every file inside it have been analysed
)

// File is all that is known of one file, and what is still to come.
type File struct {
	Binary
	State   string    `json:"state"`
	Pending []Pending `json:"pending"`
	Silent  []Silent  `json:"silent,omitempty"`
}

// Silent is an instance of the dispatcher that did not answer: what its plugins have is not known.
type Silent struct {
	Instance string `json:"instance"` // base URL
	Error    string `json:"error"`
}

// Pending is a job that has not ended.
type Pending struct {
	Plugin  string    `json:"plugin"`
	Version string    `json:"version"`
	State   string    `json:"state"` // "waiting" or "running"
	Feed    string    `json:"feed,omitempty"`
	Since   time.Time `json:"since,omitzero"`
}

// Binary is all that is known of one file.
type Binary struct {
	SHA256     string    `json:"sha256"`
	SHA512     string    `json:"sha512,omitempty"`
	SHA1       string    `json:"sha1,omitempty"`
	MD5        string    `json:"md5,omitempty"`
	SSDeep     string    `json:"ssdeep,omitempty"`
	TLSH       string    `json:"tlsh,omitempty"`
	Size       int64     `json:"size"` // bytes
	MIME       string    `json:"mime,omitempty"`
	Magic      string    `json:"magic,omitempty"`
	FileFormat string    `json:"file_format,omitempty"`
	Extension  string    `json:"file_extension,omitempty"`
	Filenames  []string  `json:"filenames"`
	FirstSeen  time.Time `json:"first_seen"`
	LastSeen   time.Time `json:"last_seen"`

	Sources  []Source                   `json:"sources"`
	Features []Feature                  `json:"features"`
	Streams  []Stream                   `json:"streams"`
	Info     map[string]json.RawMessage `json:"info"` // by plugin name
	Children []Link                     `json:"children"`
	Parents  []Link                     `json:"parents"`
	Statuses []Status                   `json:"statuses"`
}

// Source is one way by which a file came in. Depth 0 is a file that was itself submitted.
type Source struct {
	Name       string            `json:"name"`
	Security   string            `json:"security,omitempty"`
	Timestamp  time.Time         `json:"timestamp"`
	References map[string]string `json:"references"`
	Depth      int               `json:"depth"`
	Root       string            `json:"root"` // SHA-256 of the submitted file
}

// Feature is one value that a plugin found. Offset and Length point into the content, in bytes; nil is not given.
type Feature struct {
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	Value   string  `json:"value"`
	Label   string  `json:"label,omitempty"`
	Offset  *uint64 `json:"offset,omitempty"`
	Length  *uint64 `json:"size,omitempty"`
	Plugin  string  `json:"plugin"`
	Version string  `json:"version,omitempty"`
}

// Stream is a stored stream of a file.
type Stream struct {
	Label      string `json:"label"`
	SHA256     string `json:"sha256"`
	Size       int64  `json:"size"` // bytes
	FileFormat string `json:"file_format,omitempty"`
	MIME       string `json:"mime,omitempty"`
	Language   string `json:"language,omitempty"`
	Plugin     string `json:"plugin,omitempty"`
	Source     string `json:"source"`
}

// Link ties a file to a child or a parent.
type Link struct {
	SHA256       string            `json:"sha256"`
	Plugin       string            `json:"plugin"`
	Action       string            `json:"action"`
	Relationship map[string]string `json:"relationship"`
	Filename     string            `json:"filename,omitempty"` // of the child or parent
	FileFormat   string            `json:"file_format,omitempty"`
	Size         int64             `json:"size"` // bytes
}

// Status is the newest state of one plugin version on a file.
type Status struct {
	Plugin    string    `json:"plugin"`
	Version   string    `json:"version"`
	State     string    `json:"state"` // as in event.State
	Error     string    `json:"error,omitempty"`
	Message   string    `json:"message,omitempty"`
	Runtime   float64   `json:"runtime"` // seconds
	Timestamp time.Time `json:"timestamp"`
}

// Tree is a file with the files inside it. Relationship and Filename say how it lies in its parent; the root has none.
// Truncated means that there are children which are not in the answer.
type Tree struct {
	Binary       Binary            `json:"binary"`
	Relationship map[string]string `json:"relationship,omitempty"`
	Filename     string            `json:"filename,omitempty"`
	Children     []*Tree           `json:"children"`
	Truncated    bool              `json:"truncated,omitempty"`
}

// Hit is one file of a result list.
type Hit struct {
	SHA256     string    `json:"sha256"`
	Size       int64     `json:"size"` // bytes
	FileFormat string    `json:"file_format,omitempty"`
	Filenames  []string  `json:"filenames"` // at most five
	Sources    []string  `json:"sources"`
	LastSeen   time.Time `json:"last_seen"`
	Features   int       `json:"features"` // how many distinct values, at most 10,000
	Children   int       `json:"children"` // how many distinct
	Tags       []Tag     `json:"tags,omitempty"`
}

// Plugin is a registered plugin with what it did.
type Plugin struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Category    string            `json:"category,omitempty"`
	Description string            `json:"description,omitempty"`
	Contact     string            `json:"contact,omitempty"`
	Security    string            `json:"security,omitempty"`
	Features    []PluginFeature   `json:"features"`
	Config      map[string]string `json:"config,omitempty"` // values are JSON text
	Registered  time.Time         `json:"registered"`
	States      map[string]int    `json:"states"` // state → number of events
	Recent      map[string]int    `json:"recent"` // the same of the last seven days
}

// PluginFeature is a declared feature.
type PluginFeature struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
}

// DeadLetter is a job that was given up.
type DeadLetter struct {
	ID       string    `json:"id"`
	SHA256   string    `json:"sha256"`
	Consumer string    `json:"consumer"`
	Plugin   string    `json:"plugin"`
	Version  string    `json:"version"`
	Attempts int       `json:"attempts"`
	Reason   string    `json:"reason"`
	Position string    `json:"position"` // of the event in the log, "topic/partition/offset"
	Time     time.Time `json:"time"`

	Short   string          `json:"short,omitempty"`    // the shortest beginning of the ID that no other has now
	NoRetry string          `json:"no_retry,omitempty"` // why it cannot be tried again
	Event   json.RawMessage `json:"event,omitempty"`    // of one letter that was asked for, if the log still has it
}

// DeadPage is a page of dead letters. Next is the cursor for more, "" at the end.
type DeadPage struct {
	Dead []DeadLetter `json:"dead"`
	Next string       `json:"next,omitempty"`
}

// Why is why a plugin did or did not run on a file. State is running, waiting, ended, skipped, still (in a feed that the plugin
// does not ask for), absent or unpolled (registered, and never asked for work).
type Why struct {
	Plugin   string    `json:"plugin"`
	Version  string    `json:"version"`
	State    string    `json:"state"`
	Sentence string    `json:"sentence"`
	Active   bool      `json:"active"` // somebody runs the plugin
	Feed     string    `json:"feed,omitempty"`
	Rule     string    `json:"rule,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	Ahead    int64     `json:"ahead,omitempty"`
	Worker   string    `json:"worker,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Attempt  int       `json:"attempt,omitempty"`
	Failed   int       `json:"failed,omitempty"`
	Position string    `json:"position,omitempty"`
	Status   *Status   `json:"status,omitempty"`
}

// WhyAnswer is what every instance that answers says of its plugins.
type WhyAnswer struct {
	Plugins []Why    `json:"plugins"`
	Silent  []Silent `json:"silent,omitempty"`
}

// Retried is what became of a dead letter that was to be tried again; Error says why it is not.
type Retried struct {
	ID    string `json:"id"`
	Error string `json:"error,omitempty"`
}
