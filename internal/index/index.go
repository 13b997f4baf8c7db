// Package index keeps what is known of files, for search and for the pages: documents made from result events, features,
// links between parents and children, statuses, plugins and dead letters.
//
// It can always be rebuilt from the log. It knows nothing of HTTP or of the log's format beyond positions. Every
// implementation passes indextest; SQLite (OpenSQLite) is the default. Begin with Index.
package index

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Index answers what is known. All methods may be called at the same time; Apply is called by one writer at a time.
type Index interface {
	// Apply stores a batch and the offsets it covers in one transaction. Applying the same batch again changes nothing.
	Apply(ctx context.Context, b Batch) error
	// Offsets returns, for each "topic/partition", the next offset to apply.
	Offsets(ctx context.Context) (map[string]int64, error)

	// Binary returns all that is known of one file, by SHA-256, SHA-1 or MD5 in any case. ErrNotFound if no document is about
	// it, even if links or statuses name it. Lists are never nil, are in a fixed order and are cut: 10,000 features and events,
	// 1,000 children, parents, streams, sources and statuses, 200 infos, 100 filenames.
	Binary(ctx context.Context, hash string) (*Binary, error)
	// Search returns files that match q, newest first, at most 1,000 at a time. Page.Next is the cursor for more, "" at the end;
	// what arrives meanwhile does not shift the pages. ErrCursor for a cursor that is not one.
	Search(ctx context.Context, q Expr, limit int, cursor string) (SearchPage, error)
	// Plugins lists the registered plugins by name and version, with the number of statuses by state.
	Plugins(ctx context.Context) ([]Plugin, error)
	// DeadLetters lists jobs that were given up, newest first, at most 1,000 at a time; cursors are as of Search.
	DeadLetters(ctx context.Context, limit int, cursor string) (DeadPage, error)
	// DeadLetter returns the one with an ID, or else the only one whose ID begins like that. ErrNotFound, *AmbiguousError.
	DeadLetter(ctx context.Context, id string) (DeadLetter, error)
	// Counts tells how much there is.
	Counts(ctx context.Context) (Counts, error)
	// Verify reads everything and reports each fault once; an error means that it could not read on.
	Verify(ctx context.Context, report func(fault string)) error
	Close() error
}

// The errors of an Index.
var (
	ErrNotFound = errors.New("not known")
	ErrCursor   = errors.New("bad cursor")
)

// CorruptError tells that the index cannot be read. Nothing is lost with it: it is rebuilt from the log when its file is
// moved away.
type CorruptError struct {
	Path  string
	Cause error
}

func (e *CorruptError) Error() string {
	return "index " + e.Path + " is damaged (" + e.Cause.Error() + "): stop, move it away and start again; it is rebuilt from the log"
}
func (e *CorruptError) Unwrap() error { return e.Cause }

// Batch is what one transaction applies. Records of one batch are applied in the order of the fields, each list in order.
type Batch struct {
	Documents []Document
	Statuses  []StatusDocument
	Plugins   []PluginDocument
	Dead      []DeadLetter
	Offsets   map[string]int64 // "topic/partition" → next offset
}

// Document is one result event about one binary. ID is the event's key: of two documents with one ID the one with the newer
// Timestamp stays, whichever comes first, because an event and its expedited copy are read from different topics; of one time the one
// that is applied later. A document with nothing but an ID removes what is there.
//
// Input and Run tie a document to the job that made it: Input is the key of the event that the plugin was given, Run names
// the hand-out. A document whose (AuthorName, Input) has a successful status of another Run that is newer than the
// document is out of date: it is not kept, in whatever order documents and statuses arrive. Both are empty for what users
// submit.
type Document struct {
	ID                                                        string
	SHA256                                                    string
	Position                                                  string // "topic/partition/offset" in the log
	Action                                                    string
	AuthorName, AuthorVersion, AuthorCategory, AuthorSecurity string
	Timestamp                                                 time.Time
	Input, Run                                                string

	SourceName, SourceSecurity string
	SourceTimestamp            time.Time
	SourceReferences           map[string]string
	Path                       []PathNode // from the sourced file down to this one

	// What the event says of the binary; empty fields say nothing.
	Size                                                                int64
	SHA512, SHA1, MD5, SSDeep, TLSH, MIME, Magic, FileFormat, Extension string
	Features                                                            []Feature
	Streams                                                             []Stream
	Info                                                                json.RawMessage
}

// PathNode is one step of a document's path.
type PathNode struct {
	SHA256, Action, AuthorName, Filename, FileFormat string
	Relationship                                     map[string]string
	Size                                             int64
	Timestamp                                        time.Time
}

// StatusDocument is the status of one plugin on one event. Of two with one ID and Run the one that says more stays (success,
// opt-out, error, progress), then the newer; of different Runs the newer. One with nothing but an ID removes what is there.
type StatusDocument struct {
	ID            string
	SHA256        string
	Plugin        string
	Version       string
	Input, Run    string
	State         string
	Error         string
	Message       string
	Runtime       float64 // seconds
	Timestamp     time.Time
	SourceName    string
	ResultsStored int
}

// PluginDocument is a registration. A later one with the same name and version replaces it.
type PluginDocument struct {
	Name, Version, Category, Description, Contact, Security string
	Features                                                []PluginFeature
	Timestamp                                               time.Time
}

// PluginFeature is a declared feature.
type PluginFeature struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
}

// Binary is all that is known of one file. Its JSON is that of `lazuli show --json`.
type Binary struct {
	SHA256     string    `json:"sha256"`
	SHA512     string    `json:"sha512,omitempty"`
	SHA1       string    `json:"sha1,omitempty"`
	MD5        string    `json:"md5,omitempty"`
	SSDeep     string    `json:"ssdeep,omitempty"`
	TLSH       string    `json:"tlsh,omitempty"`
	Size       int64     `json:"size"`
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
	Statuses []Status                   `json:"statuses"` // by plugin, the newest version first
	Events   []Event                    `json:"-"`        // its documents in the log, to ask the dispatcher about
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

// Feature is one value. Offset and Length point into the content, in bytes; nil is not given.
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
	Size       int64  `json:"size"`
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
	Filename     string            `json:"filename,omitempty"`
	FileFormat   string            `json:"file_format,omitempty"`
	Size         int64             `json:"size"`
}

// Status is the newest state of one plugin version on a file.
type Status struct {
	Plugin    string    `json:"plugin"`
	Version   string    `json:"version"`
	State     string    `json:"state"`
	Error     string    `json:"error,omitempty"`
	Message   string    `json:"message,omitempty"`
	Runtime   float64   `json:"runtime"` // seconds
	Timestamp time.Time `json:"timestamp"`
}

// Event is where a document lies in the log.
type Event struct {
	ID       string
	Action   string
	Position string // "topic/partition/offset"
}

// SearchPage is one page of hits.
type SearchPage struct {
	Hits []Hit  `json:"hits"`
	Next string `json:"next,omitempty"`
}

// Hit is one file of a result list.
type Hit struct {
	SHA256     string    `json:"sha256"`
	Size       int64     `json:"size"`
	FileFormat string    `json:"file_format,omitempty"`
	Filenames  []string  `json:"filenames"` // at most five
	Sources    []string  `json:"sources"`
	LastSeen   time.Time `json:"last_seen"`
	Features   int       `json:"features"` // how many values
	Children   int       `json:"children"` // how many distinct
}

// Plugin is a registered plugin with what it did.
type Plugin struct {
	Name        string          `json:"name"`
	Version     string          `json:"version"`
	Category    string          `json:"category,omitempty"`
	Description string          `json:"description,omitempty"`
	Contact     string          `json:"contact,omitempty"`
	Security    string          `json:"security,omitempty"`
	Features    []PluginFeature `json:"features"`
	Registered  time.Time       `json:"registered"`
	States      map[string]int  `json:"states"` // state → number of events
}

// Counts tells how much the index holds.
type Counts struct {
	Binaries  int64 `json:"binaries"`
	Documents int64 `json:"documents"`
	Features  int64 `json:"features"`
	Statuses  int64 `json:"statuses"`
	Dead      int64 `json:"dead"`
}
