// Package ingest brings what the log says into the index. Its place in the log is kept in the index's own transactions, so
// nothing is applied twice and nothing is left out, whatever dies when.
//
// It knows nothing of jobs. Begin with New.
package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

// Options of an Ingest.
type Options struct {
	Prefix string // of the topics; "" means lazuli
	Logger *slog.Logger
}

// Ingest follows the log.
type Ingest struct {
	log    eventlog.Log
	idx    index.Index
	opts   Options
	logger *slog.Logger

	mu      sync.Mutex
	applied map[eventlog.Partition]int64
	moved   chan struct{} // closed and replaced when applied moves
	subs    map[chan string]bool
	err     error
}

// New makes an Ingest; Run starts it.
func New(log eventlog.Log, idx index.Index, opts Options) *Ingest {
	if opts.Prefix == "" {
		opts.Prefix = "lazuli"
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Ingest{log: log, idx: idx, opts: opts, logger: opts.Logger, applied: map[eventlog.Partition]int64{},
		moved: make(chan struct{}), subs: map[chan string]bool{}}
}

// maxBatch is how many records one transaction applies.
const maxBatch = 1000

// retry bounds the pauses between attempts at an index that cannot be written.
const (
	retryFirst = 100 * time.Millisecond
	retryLong  = 10 * time.Second
)

// Run applies the log until ctx ends. An index that cannot be written is tried again; Err tells about it.
func (in *Ingest) Run(ctx context.Context) error {
	offsets, err := in.idx.Offsets(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the index's place in the log: %w", err)
	}
	watch := in.log.Watch(ctx)
	pause := retryFirst
	for {
		more, err := in.step(ctx, offsets)
		in.mu.Lock()
		if err != nil && in.err == nil && ctx.Err() == nil {
			in.logger.Error("the index cannot be brought up to date; it is tried again", "err", err)
		}
		in.err = err
		in.mu.Unlock()
		var wait <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			wait = time.After(pause)
			pause = min(2*pause, retryLong)
		case more:
			pause = retryFirst
			continue
		default:
			pause = retryFirst
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wait:
		case <-watch:
			if wait != nil {
				select { // news are no reason to hurry
				case <-wait:
				case <-ctx.Done():
				}
			}
		}
	}
}

// Err tells why the index is behind, or nil.
func (in *Ingest) Err() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}

// step applies one batch and tells whether there may be more.
func (in *Ingest) step(ctx context.Context, offsets map[string]int64) (bool, error) {
	topics, err := in.log.Topics(ctx)
	if err != nil {
		return false, err
	}
	b := &batch{Batch: index.Batch{Offsets: map[string]int64{}}, changed: map[string]bool{}}
	next := map[eventlog.Partition]int64{}
	room := maxBatch
	more := false
	for i := range topics {
		kind := in.kind(topics[i].Name)
		if kind == "" {
			continue
		}
		for p, bounds := range topics[i].Bounds {
			part := eventlog.Partition{Topic: topics[i].Name, Index: int32(p)}
			at := offsets[part.String()]
			if at >= bounds.End || room <= 0 {
				more = more || at < bounds.End
				next[part] = at
				continue
			}
			page, err := in.log.Read(ctx, part, at, eventlog.Limit{Records: room, Bytes: 8 << 20})
			var corrupt *eventlog.CorruptError
			if errors.As(err, &corrupt) {
				in.logger.Error("events cannot be read", "err", err)
				b.dead(fmt.Sprintf("ingest/%s/%d", part, corrupt.From), "", fmt.Sprintf("%s/%d", part, corrupt.From), err)
				page.Next = max(corrupt.To, at+1)
			} else if err != nil {
				return false, err
			}
			for i := range page.Records {
				b.add(kind, &page.Records[i])
			}
			room -= len(page.Records)
			next[part] = page.Next
			if page.Next != at {
				b.Offsets[part.String()] = page.Next
			}
			more = more || page.Next < bounds.End
		}
	}
	if len(b.Offsets) > 0 {
		if err := in.idx.Apply(ctx, b.Batch); err != nil {
			return false, err
		}
		for place, at := range b.Offsets {
			offsets[place] = at
		}
	}
	in.announce(next, b.changed)
	return more, nil
}

// kind tells what a topic holds: a model's events, "dead" letters, or nothing that is indexed.
func (in *Ingest) kind(topic string) string {
	rest, ok := strings.CutPrefix(topic, "azul."+in.opts.Prefix+".")
	if !ok {
		return ""
	}
	switch name, system := strings.CutPrefix(rest, "system."); {
	case !system && strings.Contains(rest, ".binary."), name == "expedite":
		return string(event.ModelBinary)
	case system && (name == "status" || name == "plugin" || name == "dead"):
		return name
	}
	return ""
}

func (in *Ingest) announce(next map[eventlog.Partition]int64, changed map[string]bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.applied = next
	close(in.moved)
	in.moved = make(chan struct{})
	for ch := range in.subs {
		for sha := range changed {
			select {
			case ch <- sha:
			default: // the subscriber is slow and looks again anyway
			}
		}
	}
}

// Reached waits until everything before the given ends is in the index. Partitions that are not indexed do not count.
func (in *Ingest) Reached(ctx context.Context, ends map[eventlog.Partition]int64) error {
	for {
		in.mu.Lock()
		moved, reached := in.moved, true
		for part, end := range ends {
			if in.kind(part.Topic) != "" && in.applied[part] < end {
				reached = false
			}
		}
		in.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Subscribe returns a channel with the SHA-256 of each file of which something new is in the index, until ctx ends. A
// subscriber that does not keep up misses some.
func (in *Ingest) Subscribe(ctx context.Context) <-chan string {
	ch := make(chan string, 256)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.subs[ch] = true
	context.AfterFunc(ctx, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		delete(in.subs, ch)
	})
	return ch
}

// batch gathers what one transaction applies.
type batch struct {
	index.Batch
	changed map[string]bool
}

// add turns one record into what the index keeps. What cannot be read becomes a dead letter.
func (b *batch) add(kind string, r *eventlog.Record) {
	position := fmt.Sprintf("%s/%d", r.Position.Partition, r.Position.Offset)
	if kind == "dead" {
		letter := index.DeadLetter{ID: string(r.Key), Closed: r.Value == nil}
		if r.Value != nil {
			if err := json.Unmarshal(r.Value, &letter); err != nil {
				b.dead("ingest/"+position, "", position, err)
				return
			}
		}
		b.Dead = append(b.Dead, letter)
		return
	}
	if len(r.Value) == 0 {
		if kind == string(event.ModelBinary) {
			b.Documents = append(b.Documents, index.Document{ID: string(r.Key)})
		}
		return
	}
	ev, err := event.Decode(event.Model(kind), r.Value)
	if err != nil {
		b.dead("ingest/"+position, "", position, err)
		return
	}
	routing, err := event.ParseRouting(r.Header)
	if err != nil {
		routing = event.Route(ev)
	}
	switch ev := ev.(type) {
	case *event.Binary:
		b.Documents = append(b.Documents, document(ev, &routing, position))
		b.changed[ev.Entity.SHA256] = true
		if n := len(ev.Source.Path); n > 1 {
			b.changed[ev.Source.Path[n-2].SHA256] = true
		}
	case *event.Status:
		b.Statuses = append(b.Statuses, status(ev, &routing))
		b.changed[ev.Entity.Input.Entity.SHA256] = true
	case *event.Plugin:
		b.Plugins = append(b.Plugins, registration(ev))
	}
}

func (b *batch) dead(id, sha, position string, cause error) {
	b.Dead = append(b.Dead, index.DeadLetter{ID: id, SHA256: sha, Consumer: "ingest", Plugin: "ingest", Attempts: 1, Reason: cause.Error(),
		Position: position, Time: time.Now().UTC()})
}

func document(ev *event.Binary, routing *event.Routing, position string) index.Document {
	d := index.Document{
		ID: ev.KafkaKey, SHA256: ev.Entity.SHA256, Position: position, Action: string(ev.Action),
		AuthorName: ev.Author.Name, AuthorVersion: ev.Author.Version, AuthorCategory: ev.Author.Category, AuthorSecurity: ev.Author.Security,
		Timestamp: ev.Timestamp.Time, Input: routing.Input, Run: routing.Run,
		SourceName: ev.Source.Name, SourceSecurity: ev.Source.Security, SourceTimestamp: ev.Source.Timestamp.Time, SourceReferences: ev.Source.References,
		Size: int64(min(ev.Entity.Size, 1<<62)), SHA512: ev.Entity.SHA512, SHA1: ev.Entity.SHA1, MD5: ev.Entity.MD5, SSDeep: ev.Entity.SSDeep,
		TLSH: ev.Entity.TLSH, MIME: ev.Entity.MIME, Magic: ev.Entity.Magic, FileFormat: ev.Entity.FileFormat, Extension: ev.Entity.FileExtension,
		Info: ev.Entity.Info,
	}
	for _, n := range ev.Source.Path {
		d.Path = append(d.Path, index.PathNode{SHA256: n.SHA256, Action: string(n.Action), AuthorName: n.Author.Name, Filename: n.Filename,
			FileFormat: n.FileFormat, Relationship: n.Relationship, Size: int64(min(n.Size, 1<<62)), Timestamp: n.Timestamp.Time})
	}
	for _, f := range ev.Entity.Features {
		d.Features = append(d.Features, index.Feature{Name: f.Name, Type: string(f.Type), Value: f.Value, Label: f.Label, Offset: f.Offset, Length: f.Size})
	}
	for _, s := range ev.Entity.Datastreams {
		d.Streams = append(d.Streams, index.Stream{Label: string(s.Label), SHA256: s.SHA256, Size: int64(min(s.Size, 1<<62)), FileFormat: s.FileFormat,
			MIME: s.MIME, Language: s.Language})
		if s.Label == event.LabelContent && s.SHA256 == ev.Entity.SHA256 { // the entity of a plugin's event may say less than its stream
			d.SHA512, d.SHA1, d.MD5, d.SSDeep, d.TLSH = s.SHA512, s.SHA1, s.MD5, s.SSDeep, s.TLSH
			d.Size, d.MIME, d.Magic, d.FileFormat, d.Extension = int64(min(s.Size, 1<<62)), s.MIME, s.Magic, s.FileFormat, s.FileExtension
		}
	}
	return d
}

func status(ev *event.Status, routing *event.Routing) index.StatusDocument {
	return index.StatusDocument{
		ID: ev.KafkaKey, SHA256: ev.Entity.Input.Entity.SHA256, Plugin: ev.Author.Name, Version: ev.Author.Version, Input: routing.Input, Run: routing.Run,
		State: string(ev.Entity.Status), Error: ev.Entity.Error, Message: ev.Entity.Message, Runtime: ev.Entity.Runtime, Timestamp: ev.Timestamp.Time,
		SourceName: ev.Entity.Input.Source.Name,
	}
}

func registration(ev *event.Plugin) index.PluginDocument {
	p := index.PluginDocument{Name: ev.Entity.Name, Version: ev.Entity.Version, Category: ev.Entity.Category, Description: ev.Entity.Description,
		Contact: ev.Entity.Contact, Security: ev.Entity.Security, Timestamp: ev.Timestamp.Time}
	for _, f := range ev.Entity.Features {
		p.Features = append(p.Features, index.PluginFeature{Name: f.Name, Type: string(f.Type), Description: f.Description})
	}
	return p
}
