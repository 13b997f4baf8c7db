package index

import (
	"encoding/json"
	"time"
)

// Batch is what one transaction applies. Records of one batch are applied in the order of the fields, each list in order.
type Batch struct {
	Documents []Document
	Deletions []Deletion
	Statuses  []StatusDocument
	Plugins   []PluginDocument
	Tags      []Tag
	Dead      []DeadLetter
	Offsets   map[string]int64 // "topic/partition" → next offset
}

// Document is one result event about one binary. ID is the event's key: of two documents with one ID and AuthorVersion the one with the newer
// Timestamp stays, whichever comes first, because an event and its expedited copy are read from different topics; of one time the one
// that is applied later. Of different versions the one with the newest Timestamp is current and the others are superseded. A document with
// nothing but an ID removes what is there, in all versions.
//
// Input and Run tie a document to the job that made it: Input is the key of the event that the plugin was given, Run names
// the hand-out. A document whose (AuthorName, Input) has a successful status of another Run that is newer than the
// document is out of date, in whatever order documents and statuses arrive: of the same AuthorVersion it is not kept, of another it is
// superseded. Both are empty for what users submit.
type Document struct {
	ID         string
	SHA256     string
	Position   string // "topic/partition/offset" in the log
	Action     string
	Label      string // the security label of all of it together: its source, its author and every author on its path
	Author     Author
	Timestamp  time.Time
	Input, Run string
	Superseded bool // set by the index, not by ingest

	SourceName, SourceSecurity       string
	SourceTimestamp                  time.Time
	SourceReferences, SourceSettings map[string]string
	Path                             []PathNode // from the sourced file down to this one
	TrackSourceReferences            string
	TrackLinks, TrackAuthors         []string

	// What the event says of the binary; empty fields say nothing.
	Size                                                                int64
	SHA512, SHA1, MD5, SSDeep, TLSH, MIME, Magic, FileFormat, Extension string
	Features                                                            []Feature
	Streams                                                             []Stream
	Info                                                                json.RawMessage
}

// Author made an event.
type Author struct{ Category, Name, Version, Security string }

// PathNode is one step of a document's path.
type PathNode struct {
	SHA256, Action, Filename, FileFormat, Language string
	Author                                         Author
	Relationship                                   map[string]string
	Size                                           int64
	Timestamp                                      time.Time
	TrackLink                                      string
}

// Deletion is a delete event: what it names is not kept, whether it came before or comes later. One of the four is set. With a Time,
// only what is not newer counts. A Deletion with nothing but an ID is taken back, for what comes from then on.
type Deletion struct {
	ID                    string
	IDs                   []string // keys of documents
	TrackSourceReferences string   // of a submission; Time is that of the source, to the second, and zero means every submission
	TrackLink             string
	TrackAuthor           string // Time is that of the document
	Time                  time.Time
}

// StatusDocument is the status of one plugin on one event, or of a download. Of two with one ID and Run the one that says more stays (success,
// opt-out, error, progress), then the newer; of different Runs the newer. One with nothing but an ID removes what is there.
type StatusDocument struct {
	ID            string
	SHA256        string
	Author        Author
	Label         string // as of Document, of its input and its author
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
	Config                                                  map[string]string
	Timestamp                                               time.Time
}

// PluginFeature is a declared feature.
type PluginFeature struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
}

// Tag is a word that a person put on a file (SHA256) or on a feature's value (Feature, Value). Of one with an ID the newer stays; one with
// nothing but an ID removes what is there.
type Tag struct {
	ID       string    `json:"-"`
	Name     string    `json:"tag"`
	SHA256   string    `json:"sha256,omitempty"`
	Feature  string    `json:"feature_name,omitempty"`
	Value    string    `json:"feature_value,omitempty"`
	Owner    string    `json:"owner"`
	Security string    `json:"security"` // its label
	Time     time.Time `json:"timestamp"`
}
