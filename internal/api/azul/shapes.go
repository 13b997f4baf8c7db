package azul

import (
	"encoding/json"
	"maps"

	"lazuli/internal/index"
)

// The shapes that several endpoints share. azul-client refuses keys that it does not know, and null where a list or an object is
// expected, so what is empty is left out or empty, never null.

type author struct {
	Security string `json:"security,omitempty"`
	Category string `json:"category"`
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
}

func authorOf(a index.Author) author { return author{a.Security, a.Category, a.Name, a.Version} }

type eventSource struct {
	Security   string            `json:"security,omitempty"`
	Name       string            `json:"name"`
	Timestamp  string            `json:"timestamp,omitempty"`
	References map[string]string `json:"references"`
	Settings   map[string]string `json:"settings"`
	Track      string            `json:"track_source_references,omitempty"`
}

func sourceOf(d *index.Document) eventSource {
	return eventSource{d.SourceSecurity, d.SourceName, stamp(d.SourceTimestamp), filled(d.SourceReferences), filled(d.SourceSettings), d.TrackSourceReferences}
}

// filled is a map that is not null in JSON, and nobody else's.
func filled(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

type pathNode struct {
	SHA256       string            `json:"sha256"`
	Action       string            `json:"action"`
	Timestamp    string            `json:"timestamp"`
	Author       author            `json:"author"`
	Relationship map[string]string `json:"relationship"`
	FileFormat   string            `json:"file_format,omitempty"`
	Size         int64             `json:"size,omitempty"`
	Filename     string            `json:"filename,omitempty"`
	Language     string            `json:"language,omitempty"`
	TrackLink    string            `json:"track_link,omitempty"`
}

// linkNode is a link as the node at its other end: who made it and how, and what the file there is.
func linkNode(l *index.Link) pathNode {
	return pathNode{SHA256: l.SHA256, Action: l.Action, Timestamp: stamp(l.Timestamp),
		Author: author{l.Security, l.Category, l.Plugin, l.Version}, Relationship: filled(l.Relationship),
		FileFormat: l.FileFormat, Size: l.Size, Filename: l.Filename, Language: l.Language, TrackLink: l.TrackLink}
}

type entityTag struct {
	SHA256    string `json:"sha256"`
	Tag       string `json:"tag"`
	Type      string `json:"type"`
	Owner     string `json:"owner,omitempty"`
	Timestamp string `json:"timestamp"`
	Security  string `json:"security"`
}

func entityTags(tags []index.Tag) []entityTag {
	out := make([]entityTag, len(tags))
	for i, t := range tags {
		out[i] = entityTag{t.SHA256, t.Name, "entity_tag", t.Owner, stamp(t.Time), t.Security}
	}
	return out
}

type featureTag struct {
	Feature   string `json:"feature_name"`
	Value     string `json:"feature_value"`
	Tag       string `json:"tag"`
	Type      string `json:"type"`
	Owner     string `json:"owner,omitempty"`
	Timestamp string `json:"timestamp"`
	Security  string `json:"security"`
}

func featureTags(tags []index.Tag) []featureTag {
	out := make([]featureTag, len(tags))
	for i, t := range tags {
		out[i] = featureTag{t.Feature, t.Value, t.Name, "fv_tag", t.Owner, stamp(t.Time), t.Security}
	}
	return out
}

type statusEvent struct {
	Timestamp string       `json:"timestamp"`
	Author    author       `json:"author"`
	Entity    statusEntity `json:"entity"`
	Completed int          `json:"completed"`
	Security  string       `json:"security"`
}

type statusEntity struct {
	Status  string      `json:"status"`
	Error   string      `json:"error,omitempty"`
	Message string      `json:"message,omitempty"`
	Runtime float64     `json:"runtime"`
	Input   statusInput `json:"input"`
}

type statusInput struct {
	Entity struct {
		SHA256 string `json:"sha256"`
	} `json:"entity"`
}

func statusOf(d *index.StatusDocument) statusEvent {
	e := statusEvent{Timestamp: stamp(d.Timestamp), Author: authorOf(d.Author), Security: d.Label,
		Entity: statusEntity{Status: d.State, Error: d.Error, Message: d.Message, Runtime: d.Runtime}}
	e.Entity.Input.Entity.SHA256 = d.SHA256
	return e
}

type items[T any] struct {
	Items []T `json:"items"`
}

// object tells whether JSON is an object, as the models want it where anything may be in one.
func object(text json.RawMessage) bool {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c == '{'
	}
	return false
}
