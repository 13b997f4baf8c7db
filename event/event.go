// Package event holds what travels through the log: the event models of version 6, their validation, their keys and
// tracking fields, and JSON that the strictest client accepts.
//
// It knows nothing of HTTP, of the log or of files. Begin with Decode (bytes to a model), then Event.Validate, Keys.Assign
// and Track; every model is encoded by encoding/json as it stands, and by AppendJSON to the same bytes, faster: empty things are
// left out, nothing is ever null but inside the free JSON objects (info, metadata, the entity of a retrohunt), where readers
// allow it.
package event

import (
	"encoding/json"
)

// ModelVersion is the version of the models in this package. Older JSON events are refused.
const ModelVersion = 6

// Model names a kind of event. It is also the name of its system topic, but for ModelBinary, which has topics of its own.
type Model string

// The models.
const (
	ModelBinary    Model = "binary"
	ModelDelete    Model = "delete"
	ModelDownload  Model = "download"
	ModelInsert    Model = "insert"
	ModelPlugin    Model = "plugin"
	ModelRetrohunt Model = "retrohunt"
	ModelStatus    Model = "status"
)

// Models lists every model, sorted.
var Models = []Model{ModelBinary, ModelDelete, ModelDownload, ModelInsert, ModelPlugin, ModelRetrohunt, ModelStatus}

// Action says what a binary event tells of its binary.
type Action string

// The actions of binary events.
const (
	Sourced   Action = "sourced"   // uploaded by a user or a feed: the root of a tree; carries the content
	Extracted Action = "extracted" // found inside another binary; carries the content
	Augmented Action = "augmented" // another representation of the same binary: content and at least one other stream
	Mapped    Action = "mapped"    // metadata from elsewhere, no content
	Enriched  Action = "enriched"  // features and info, no streams
)

// Actions lists every binary action in the order of the topics.
var Actions = []Action{Sourced, Extracted, Augmented, Mapped, Enriched}

// Event is one event of any model.
type Event interface {
	// Model says which model it is.
	Model() Model
	// Header gives the fields that every event has.
	Header() *Head
	// Validate returns nil, or an error that names the first thing that makes the event illegal. A legal event is
	// accepted by every reader of the reference, strict or not.
	Validate() error
}

// Head is what every event has.
type Head struct {
	ModelVersion int    `json:"model_version"`
	KafkaKey     string `json:"kafka_key"`
	Timestamp    Time   `json:"timestamp"`
	Author       Author `json:"author"`
}

// Header returns h, so that every model that embeds it satisfies Event.
func (h *Head) Header() *Head { return h }

// Author is who made an event: a plugin or a user.
type Author struct {
	Category string `json:"category,omitempty"` // "plugin", "user", …
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Security string `json:"security,omitempty"`
}

// PathNode is one step from the file that was sourced down to the one the event is about.
type PathNode struct {
	Author       Author            `json:"author"`
	Action       Action            `json:"action"`
	SHA256       string            `json:"sha256"`
	Timestamp    Time              `json:"timestamp"`
	Relationship map[string]string `json:"relationship,omitempty"`
	FileFormat   string            `json:"file_format,omitempty"`
	Filename     string            `json:"filename,omitempty"`
	Language     string            `json:"language,omitempty"`
	Size         uint64            `json:"size,omitempty"`
}

// Path is a list of nodes that is never null in JSON.
type Path []PathNode

// Source says where a binary came from.
type Source struct {
	Name       string            `json:"name"`
	Path       Path              `json:"path"`
	Timestamp  Time              `json:"timestamp"`
	References map[string]string `json:"references,omitempty"`
	Security   string            `json:"security,omitempty"`
	Settings   map[string]string `json:"settings,omitempty"`
}

// Feature is one value that an author found. Value is text whatever the type: binary is base64, datetime ISO 8601.
// Offset and Size point into the content, in bytes; nil means not given, which differs from zero.
type Feature struct {
	Name   string      `json:"name"`
	Type   FeatureType `json:"type"`
	Value  string      `json:"value"`
	Label  string      `json:"label,omitempty"`
	Offset *uint64     `json:"offset,omitempty"`
	Size   *uint64     `json:"size,omitempty"`
}

// FeatureType is the type of a feature's value.
type FeatureType string

// The feature types.
const (
	Integer  FeatureType = "integer"
	Float    FeatureType = "float"
	String   FeatureType = "string"
	Bytes    FeatureType = "binary"
	Datetime FeatureType = "datetime"
	Filepath FeatureType = "filepath"
	URI      FeatureType = "uri"
)

// Label says what a datastream is to its binary.
type Label string

// LabelContent is the binary itself; LabelText is text made from it. Labels lists all.
const (
	LabelContent            Label = "content"
	LabelText               Label = "text"
	LabelReport             Label = "report"
	LabelPasswordDictionary Label = "password_dictionary"
)

// Labels lists every label that readers accept, sorted.
var Labels = []Label{
	"assemblyline", "cape_report", "content", "cs_call_tree", "decompiled_c", "decompiled_cs", "decompiled_java", "deob_js",
	"password_dictionary", "pcap", "report", "safe_png", "screenshot", "test", "text", "yara_rule_hit",
}

// Datastream describes one stored stream. Hashes are lower-case hex; Size is in bytes.
type Datastream struct {
	IdentifyVersion int    `json:"identify_version,omitempty"`
	Label           Label  `json:"label"`
	Size            uint64 `json:"size"`
	SHA512          string `json:"sha512"`
	SHA256          string `json:"sha256"`
	SHA1            string `json:"sha1"`
	MD5             string `json:"md5"`
	SSDeep          string `json:"ssdeep,omitempty"`
	TLSH            string `json:"tlsh,omitempty"`
	MIME            string `json:"mime"`
	Magic           string `json:"magic"`
	FileFormat      string `json:"file_format,omitempty"`
	FileExtension   string `json:"file_extension,omitempty"`
	Language        string `json:"language,omitempty"`
}

// Entity is what a binary event knows of its binary.
type Entity struct {
	SHA256        string          `json:"sha256"`
	SHA512        string          `json:"sha512,omitempty"`
	SHA1          string          `json:"sha1,omitempty"`
	MD5           string          `json:"md5,omitempty"`
	SSDeep        string          `json:"ssdeep,omitempty"`
	TLSH          string          `json:"tlsh,omitempty"`
	Size          uint64          `json:"size,omitempty"`
	MIME          string          `json:"mime,omitempty"`
	Magic         string          `json:"magic,omitempty"`
	FileFormat    string          `json:"file_format,omitempty"`
	FileExtension string          `json:"file_extension,omitempty"`
	Features      []Feature       `json:"features,omitempty"`
	Datastreams   []Datastream    `json:"datastreams,omitempty"`
	Info          json.RawMessage `json:"info,omitempty"` // a JSON object or absent
}

// Flags steer how an event is routed.
type Flags struct {
	BypassCache bool `json:"bypass_cache,omitempty"`
	Expedite    bool `json:"expedite,omitempty"`
	Retry       bool `json:"retry,omitempty"`
}

// Binary is an event about one binary.
type Binary struct {
	Head
	Entity                Entity   `json:"entity"`
	Action                Action   `json:"action"`
	Source                Source   `json:"source"`
	Dequeued              string   `json:"dequeued,omitempty"`
	Retries               uint64   `json:"retries,omitempty"`
	Flags                 Flags    `json:"flags"`
	TrackSourceReferences string   `json:"track_source_references,omitempty"`
	TrackLinks            []string `json:"track_links,omitempty"`
	TrackAuthors          []string `json:"track_authors,omitempty"`
}

// State is the state of a job as a status event reports it.
type State string

// The states. Only the three kinds of completed may carry results.
const (
	Completed           State = "completed"
	CompletedEmpty      State = "completed-empty"
	CompletedWithErrors State = "completed-with-errors"
	OptOut              State = "opt-out"
	Heartbeat           State = "heartbeat"
	Dequeued            State = "dequeued"
	DownloadRequested   State = "download-requested"
	ErrorException      State = "error-exception"
	ErrorNetwork        State = "error-network"
	ErrorRunner         State = "error-runner"
	ErrorInput          State = "error-input"
	ErrorOutput         State = "error-output"
	ErrorTimeout        State = "error-timeout"
	ErrorOutOfMemory    State = "error-out-of-memory"
)

// Status is what a plugin says of one job.
type Status struct {
	Head
	Entity StatusEntity `json:"entity"`
}

// StatusEntity is the body of a status. Runtime is in seconds. Error is a short code or class, Message the long text.
type StatusEntity struct {
	Input   Binary   `json:"input"`
	Status  State    `json:"status"`
	Runtime float64  `json:"runtime,omitempty"`
	Error   string   `json:"error,omitempty"`
	Message string   `json:"message,omitempty"`
	Results []Binary `json:"results,omitempty"`
}

// Plugin registers a plugin with its version, its features and its settings.
type Plugin struct {
	Head
	Entity PluginEntity `json:"entity"`
}

// PluginEntity is the body of a registration. The values of Config are JSON text.
type PluginEntity struct {
	Category    string            `json:"category,omitempty"`
	Name        string            `json:"name"`
	Version     string            `json:"version,omitempty"`
	Security    string            `json:"security,omitempty"`
	Contact     string            `json:"contact,omitempty"`
	Description string            `json:"description,omitempty"`
	Features    []PluginFeature   `json:"features,omitempty"`
	Config      map[string]string `json:"config,omitempty"`
}

// PluginFeature declares a feature. Description is always written, because strict readers require it.
type PluginFeature struct {
	Name        string      `json:"name"`
	Type        FeatureType `json:"type"`
	Description string      `json:"desc"`
}

// Insert tells that a child belongs under every sighting of a parent.
type Insert struct {
	Head
	Entity      InsertEntity `json:"entity"`
	TrackLink   string       `json:"track_link,omitempty"`
	TrackAuthor string       `json:"track_author,omitempty"`
}

// InsertEntity is the body of an insert.
type InsertEntity struct {
	OriginalSource string   `json:"original_source,omitempty"`
	ParentSHA256   string   `json:"parent_sha256"`
	Child          Entity   `json:"child"`
	ChildHistory   PathNode `json:"child_history"`
}

// Delete tells what must not be seen any more. Only the part that its action names is written.
type Delete struct {
	Head
	Action string       `json:"action"` // submission, link, author, ids
	Entity DeleteEntity `json:"entity"`
}

// DeleteEntity is the body of a delete.
type DeleteEntity struct {
	Reason     string            `json:"reason"`
	Submission *DeleteSubmission `json:"submission,omitempty"`
	Author     *DeleteAuthor     `json:"author,omitempty"`
	Link       *DeleteLink       `json:"link,omitempty"`
	IDs        *DeleteIDs        `json:"ids,omitempty"`
}

// DeleteSubmission names one submission, or all with the same references when Timestamp is zero.
type DeleteSubmission struct {
	TrackSourceReferences string `json:"track_source_references"`
	Timestamp             Time   `json:"timestamp,omitzero"`
}

// DeleteAuthor names everything by an author up to a time.
type DeleteAuthor struct {
	TrackAuthor string `json:"track_author"`
	Timestamp   Time   `json:"timestamp,omitzero"`
}

// DeleteLink names one link from parent to child.
type DeleteLink struct {
	TrackLink string `json:"track_link"`
}

// DeleteIDs names events by their keys.
type DeleteIDs struct {
	IDs []string `json:"ids"`
}

// Download asks for a binary from elsewhere, or tells how that went.
type Download struct {
	Head
	Action string         `json:"action"` // requested, success, failed, failed-not-found, skipped-already-present
	Source Source         `json:"source"`
	Entity DownloadEntity `json:"entity"`
}

// DownloadEntity is the body of a download.
type DownloadEntity struct {
	Hash          string          `json:"hash"`
	DirectURL     string          `json:"direct_url,omitempty"`
	DirectExpiry  Time            `json:"direct_expiry,omitzero"`
	PCAP          bool            `json:"pcap,omitempty"`
	Category      string          `json:"category,omitempty"`
	CategoryQuota uint64          `json:"category_quota,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"` // a JSON object or absent
}

// Retrohunt carries the state of a hunt.
type Retrohunt struct {
	Head
	Action string          `json:"action,omitempty"`
	Entity json.RawMessage `json:"entity,omitempty"` // a JSON object or absent
	Source RetrohuntSource `json:"source"`
}

// RetrohuntSource says who hunts.
type RetrohuntSource struct {
	Submitter string `json:"submitter,omitempty"`
	Security  string `json:"security,omitempty"`
	Timestamp Time   `json:"timestamp,omitzero"`
}
