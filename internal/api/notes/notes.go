// Package notes writes what people note down into the log, in compacted topics: tags, which the index reads, and saved searches, which
// are read here. Of the records with one key the newest counts.
//
// A tag is written when the index has it, so that who wrote it reads it back.
package notes

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

// Log is what is needed of the event log.
type Log interface {
	EnsureTopics(ctx context.Context, topics []eventlog.Topic) error
	Append(ctx context.Context, records []eventlog.Record) ([]eventlog.Position, error)
	Read(ctx context.Context, p eventlog.Partition, offset int64, limit eventlog.Limit) (eventlog.Page, error)
	Bounds(ctx context.Context, p eventlog.Partition) (eventlog.Bounds, error)
}

// Settler knows how far the index is.
type Settler interface {
	Reached(ctx context.Context, ends map[eventlog.Partition]int64) error
}

// Notes writes notes.
type Notes struct {
	log            Log
	settler        Settler
	tags, searched string // topics

	mu       sync.Mutex
	next     int64 // offset up to which searches are read
	searches map[string]Search
}

// New writes to the topics of a platform with a prefix.
func New(log Log, settler Settler, prefix string) *Notes {
	system := "azul." + prefix + ".system."
	return &Notes{log: log, settler: settler, tags: system + "annotation", searched: system + "search", searches: map[string]Search{}}
}

// Ensure makes the topics.
func (n *Notes) Ensure(ctx context.Context) error {
	return n.log.EnsureTopics(ctx, []eventlog.Topic{{Name: n.tags, Partitions: 1, Compact: true}, {Name: n.searched, Partitions: 1, Compact: true}})
}

// append writes a record; a value of nil is a tombstone.
func (n *Notes) append(ctx context.Context, topic, key string, value any) (eventlog.Position, error) {
	r := eventlog.Record{Topic: topic, Key: []byte(key)}
	if value != nil {
		text, err := json.Marshal(value)
		if err != nil {
			return eventlog.Position{}, fmt.Errorf("encode a note: %w", err)
		}
		r.Value = text
	}
	at, err := n.log.Append(ctx, []eventlog.Record{r})
	if err != nil {
		return eventlog.Position{}, fmt.Errorf("append a note: %w", err)
	}
	return at[0], nil
}

// PutTag keeps a tag under its ID in place of what is there; nil removes that. It returns when the index has it.
func (n *Notes) PutTag(ctx context.Context, id string, tag *index.Tag) error {
	var value any
	if tag != nil {
		value = tag
	}
	at, err := n.append(ctx, n.tags, id, value)
	if err != nil {
		return err
	}
	return n.settler.Reached(ctx, map[eventlog.Partition]int64{at.Partition: at.Offset + 1})
}
