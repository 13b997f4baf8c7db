package index

import (
	"encoding/json"
	"time"
)

// Order of a search.
type Order string

// The orders. Newest is by the newest document of the file, Submitted by the newest time that a source gave it.
const (
	ByNewest    Order = "timestamp"
	BySubmitted Order = "source.timestamp"
)

// SearchOptions say which page of a search is wanted.
type SearchOptions struct {
	Limit     int
	Cursor    string
	Order     Order // "" means ByNewest
	Ascending bool
	Total     bool     // count all matches as well
	Facets    []string // names of fields (query.Field.Name); the most frequent values of each among the matches
	FacetSize int      // values for each facet; 0 means 10
}

// SearchPage is one page of hits.
type SearchPage struct {
	Hits   []Hit   `json:"hits"`
	Next   string  `json:"next,omitempty"`
	Total  *int64  `json:"total,omitempty"`
	Facets []Facet `json:"facets,omitempty"`
	// Partial says why this is not everything, as when the texts of a field could not all be read in time; "" when it is.
	Partial string `json:"partial,omitempty"`
}

// Facet is how often a field has which values among the matches.
type Facet struct {
	Field  string       `json:"field"`
	Values []ValueCount `json:"values"`
	Approx bool         `json:"approx,omitempty"` // counted on a part of the matches
}

// ValueCount is a value and the number of files that have it.
type ValueCount struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Hit is one file of a result list.
type Hit struct {
	SHA256     string    `json:"sha256"`
	SHA512     string    `json:"sha512,omitempty"`
	SHA1       string    `json:"sha1,omitempty"`
	MD5        string    `json:"md5,omitempty"`
	SSDeep     string    `json:"ssdeep,omitempty"`
	TLSH       string    `json:"tlsh,omitempty"`
	Known      bool      `json:"-"`
	Stored     bool      `json:"-"` // a visible document lists its content as a stored stream
	Size       int64     `json:"size"`
	MIME       string    `json:"mime,omitempty"`
	Magic      string    `json:"magic,omitempty"`
	FileFormat string    `json:"file_format,omitempty"`
	Extension  string    `json:"file_extension,omitempty"`
	Filenames  []string  `json:"filenames"` // at most five
	Sources    []string  `json:"sources"`
	Origins    []Source  `json:"-"` // at most three, the newest first
	LastSeen   time.Time `json:"last_seen"`
	Features   int       `json:"features"` // how many distinct values, at most 10,000
	Children   int       `json:"children"` // how many distinct
	Tags       []Tag     `json:"tags,omitempty"`
	Labels     []string  `json:"-"` // security labels of what the reader sees of it
}

// Likeness is what a similar file is like. One of the fields is set.
type Likeness struct {
	SSDeep  string
	TLSH    string
	Entropy []float64 // of equal blocks, in bits a byte
}

// Match is a similar file. Distance is TLSH's, for TLSH.
type Match struct {
	SHA256   string `json:"sha256"`
	Score    int    `json:"score"`
	Distance int    `json:"distance,omitempty"`
}

// FeatureMatches are files that share feature values with one.
type FeatureMatches struct {
	Values  int // distinct values that were compared
	Matches []FeatureMatch
}

// FeatureMatch is one of them. Percent is of the weight of all values of the file.
type FeatureMatch struct {
	SHA256        string
	Score         float64
	Percent       float64
	Contributions []ValueCount // by author, how many values
}

// NameValue is a feature and its value.
type NameValue struct{ Name, Value string }

// FeatureSummary is a feature with what plugins say of it.
type FeatureSummary struct {
	Name         string
	Type         string // of values that were seen, if no plugin says; "" when nobody does
	Descriptions []FeatureDescription
	Tags         []string // of its values
	Labels       []string // security labels of those who declare it
}

// FeatureDescription is what one plugin version says.
type FeatureDescription struct {
	Category, Author, Version string
	Time                      time.Time
	Type, Text                string
}

// ValueOptions say which values of a feature are wanted.
type ValueOptions struct {
	Contains        string // only values with this text in them; "" for all
	AnyCase         bool   // of Contains
	Descending      bool
	Author, Version string
	Limit           int // 1 to 10,000
	After           string
}

// ValuePage is a page of values.
type ValuePage struct {
	Type   string
	Values []FeatureValue
	Next   string // "" at the end
	Total  int64  // of all that match; exact unless Approx
	Approx bool
}

// FeatureValue is a distinct value.
type FeatureValue struct {
	Value  string
	Newest time.Time // of the documents that have it
	Tags   []Tag
}

// PivotOptions bound a pivot. Zero means: 10,000 files, 10 values for each feature.
type PivotOptions struct{ Files, Values int }

// Pivot is what files have in common. Partial says why it is not of all files; "" when it is.
type Pivot struct {
	Files    int64
	Features []PivotFeature
	Partial  string
}

// PivotFeature is a feature and its most frequent values.
type PivotFeature struct {
	Name   string
	Values []ValueCount
}

// SourceSummary is one source.
type SourceSummary struct {
	Name   string
	Files  int64 // distinct, submitted to it: depth 0
	Newest time.Time
}

// SubmissionGroup is what was submitted with one set of references.
type SubmissionGroup struct {
	Track      string // track_source_references
	References map[string]string
	Newest     time.Time
	Times      []time.Time // of its submissions, the newest first, at most 100
	Files      int64       // distinct, at any depth
}

// StateStatuses are the statuses of a plugin with one state.
type StateStatuses struct {
	State string
	Count int64
	Items []StatusDocument
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
	Label           string `json:"label"`
	SHA256          string `json:"sha256"`
	SHA512          string `json:"sha512,omitempty"`
	SHA1            string `json:"sha1,omitempty"`
	MD5             string `json:"md5,omitempty"`
	SSDeep          string `json:"ssdeep,omitempty"`
	TLSH            string `json:"tlsh,omitempty"`
	Size            int64  `json:"size"`
	FileFormat      string `json:"file_format,omitempty"`
	Extension       string `json:"file_extension,omitempty"`
	MIME            string `json:"mime,omitempty"`
	Magic           string `json:"magic,omitempty"`
	Language        string `json:"language,omitempty"`
	IdentifyVersion int    `json:"identify_version,omitempty"`
	Plugin          string `json:"plugin,omitempty"`
	Source          string `json:"source"`
}

// Link ties a file to a child or a parent.
type Link struct {
	SHA256       string            `json:"sha256"`
	Plugin       string            `json:"plugin"`
	Action       string            `json:"action"`
	Relationship map[string]string `json:"relationship"`
	Filename     string            `json:"filename,omitempty"` // of SHA256, as the path says it
	FileFormat   string            `json:"file_format,omitempty"`
	Size         int64             `json:"size"`
	Category     string            `json:"-"` // of the author, which is Plugin
	Version      string            `json:"-"`
	Security     string            `json:"-"`
	Language     string            `json:"-"`
	TrackLink    string            `json:"-"`
	Timestamp    time.Time         `json:"-"` // the newest
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

// LinkPage is a page of links.
type LinkPage struct {
	Links []Link
	Next  string
	Total int64
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
}

// Counts tells how much the index holds.
type Counts struct {
	Binaries  int64 `json:"binaries"`
	Documents int64 `json:"documents"`
	Features  int64 `json:"features"`
	Statuses  int64 `json:"statuses"`
	Dead      int64 `json:"dead"`
}
