// Package eventtest builds legal events for tests. Two calls with the same arguments give equal events.
package eventtest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"time"

	"lazuli/event"
)

// Moment is the time of everything that has no other, with a fraction of a second as real events have.
var Moment = event.At(time.Date(2025, time.May, 5, 1, 2, 3, 500_000_000, time.UTC))

// Option changes an event that Binary is making.
type Option func(*event.Binary)

// Binary returns a text file that user bob uploaded to source "samples" at Moment.
func Binary(opts ...Option) *event.Binary {
	bob := event.Author{Category: "user", Name: "bob"}
	b := &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: Moment, Author: bob},
		Action: event.Sourced,
		Source: event.Source{
			Name:       "samples",
			Path:       event.Path{{Author: bob, Action: event.Sourced, Timestamp: Moment, Filename: "hello.txt"}},
			Timestamp:  Moment,
			References: map[string]string{"user": "bob"},
		},
	}
	Content([]byte("hello, lazuli\n"), "text/plain")(b)
	for _, opt := range opts {
		opt(b)
	}
	return finish(b)
}

// finish gives an event the fields that follow from the others.
func finish(b *event.Binary) *event.Binary {
	event.Track(b)
	if err := event.KeysV2.Assign(b); err != nil {
		panic(err) // an option took the path away
	}
	return b
}

// Content makes content the binary's bytes. format is a file_format such as "executable/windows/pe32".
func Content(content []byte, format string) Option {
	return func(b *event.Binary) {
		s := Stream(event.LabelContent, content, format)
		b.Entity = event.Entity{
			SHA256: s.SHA256, SHA512: s.SHA512, SHA1: s.SHA1, MD5: s.MD5, Size: s.Size,
			MIME: s.MIME, Magic: s.Magic, FileFormat: s.FileFormat, Datastreams: []event.Datastream{s},
		}
		node := &b.Source.Path[len(b.Source.Path)-1]
		node.SHA256, node.Size, node.FileFormat = s.SHA256, s.Size, s.FileFormat
	}
}

// From makes it an upload to another source.
func From(source string) Option { return func(b *event.Binary) { b.Source.Name = source } }

// At makes it an upload of another time.
func At(t time.Time) Option {
	return func(b *event.Binary) {
		b.Timestamp, b.Source.Timestamp, b.Source.Path[0].Timestamp = event.At(t), event.At(t), event.At(t)
	}
}

// Stream describes bytes, with their real hashes.
func Stream(label event.Label, content []byte, format string) event.Datastream {
	h512, h256, h1, h5 := sha512.Sum512(content), sha256.Sum256(content), sha1.Sum(content), md5.Sum(content)
	return event.Datastream{
		IdentifyVersion: 1, Label: label, Size: uint64(len(content)), FileFormat: format,
		SHA512: hex.EncodeToString(h512[:]), SHA256: hex.EncodeToString(h256[:]),
		SHA1: hex.EncodeToString(h1[:]), MD5: hex.EncodeToString(h5[:]),
		MIME: "application/octet-stream", Magic: "data",
	}
}

// plugin is the author of whatever a plugin makes in this package.
var plugin = event.Author{Category: "plugin", Name: "Example", Version: "1"}

// Enriched returns features that plugin Example 1 found in input.
func Enriched(input *event.Binary, features ...event.Feature) *event.Binary {
	b := below(input, event.Enriched)
	b.Entity = input.Entity
	b.Entity.Datastreams, b.Entity.Info, b.Entity.Features = nil, nil, features
	b.Source.Path[len(b.Source.Path)-1].SHA256 = input.Entity.SHA256
	return finish(b)
}

// Extracted returns a file that plugin Example 1 found inside input.
func Extracted(input *event.Binary, content []byte, format string) *event.Binary {
	b := below(input, event.Extracted)
	Content(content, format)(b)
	return finish(b)
}

// below returns an event of plugin Example 1, one step further down than input.
func below(input *event.Binary, action event.Action) *event.Binary {
	b := &event.Binary{Action: action, Source: input.Source}
	b.Head = event.Head{ModelVersion: event.ModelVersion, Timestamp: Moment, Author: plugin}
	node := event.PathNode{Author: plugin, Action: action, Timestamp: Moment}
	b.Source.Path = append(input.Source.Path[:len(input.Source.Path):len(input.Source.Path)], node)
	return b
}

// Status returns what plugin Example 1 says of its job on input. An input that was not handed out by a dispatcher gets a
// `dequeued` in the reference's form.
func Status(input *event.Binary, state event.State, results ...*event.Binary) *event.Status {
	s := &event.Status{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: Moment, Author: plugin}}
	s.Entity = event.StatusEntity{Input: *input, Status: state, Runtime: 1.5}
	if input.Dequeued == "" {
		s.Entity.Input.Dequeued = input.KafkaKey + ".Example.1.1746406923"
	}
	for _, r := range results {
		s.Entity.Results = append(s.Entity.Results, *r)
	}
	return s
}

// Plugin returns a registration with one feature.
func Plugin(name, version string) *event.Plugin {
	author := event.Author{Category: "plugin", Name: name, Version: version}
	return &event.Plugin{
		Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: Moment, Author: author},
		Entity: event.PluginEntity{
			Category: author.Category, Name: name, Version: version, Description: "An example.",
			Features: []event.PluginFeature{{Name: "example", Type: event.String, Description: "an example"}},
		},
	}
}
