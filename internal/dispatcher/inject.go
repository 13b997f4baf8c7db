package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/eventlog"
)

// inserts is what insert events say (protocol 4.4): a child belongs under every sighting of a parent that is published from
// then on. Sightings that are in the log already stay as they are; whoever posts an insert posts the child for those himself,
// as the reference's metastore does. Every instance knows all inserts.
type inserts struct {
	d *Dispatcher
	follower

	childMu sync.RWMutex
	byHash  map[string]map[string]event.InsertEntity // parent's sha256 → kafka_key of the insert → what it says
	parents map[string]string                        // kafka_key of the insert → parent's sha256
}

func newInserts(d *Dispatcher) *inserts {
	s := &inserts{d: d, byHash: map[string]map[string]event.InsertEntity{}, parents: map[string]string{}}
	s.follower = follower{d: d, topic: d.names.system(string(event.ModelInsert)), apply: s.apply}
	return s
}

// apply takes in an insert, which replaces the one with its key; a tombstone removes that.
func (s *inserts) apply(r *eventlog.Record) {
	s.childMu.Lock()
	defer s.childMu.Unlock()
	key := string(r.Key)
	if parent, ok := s.parents[key]; ok {
		delete(s.parents, key)
		if delete(s.byHash[parent], key); len(s.byHash[parent]) == 0 {
			delete(s.byHash, parent)
		}
	}
	if len(r.Value) == 0 {
		return
	}
	ev, err := event.DecodeRecord(event.ModelInsert, r.Value)
	if err != nil {
		s.d.logger.Error("an insert event is not readable and has no effect", "at", r.Position, "err", err)
		return
	}
	entity := ev.(*event.Insert).Entity
	parent := entity.ParentSHA256
	if s.byHash[parent] == nil {
		s.byHash[parent] = map[string]event.InsertEntity{}
	}
	s.byHash[parent][key], s.parents[key] = entity, parent
}

// of returns what belongs under a parent and the keys of the inserts, sorted.
func (s *inserts) of(parent string) (map[string]event.InsertEntity, []string) {
	s.childMu.RLock()
	defer s.childMu.RUnlock()
	found := s.byHash[parent]
	if len(found) == 0 {
		return nil, nil
	}
	return maps.Clone(found), slices.Sorted(maps.Keys(found))
}

// inject adds the children that belong under the items, each behind its parent, and returns dead letters for those that could
// not be added, which are closed when it succeeds later; the parents go on in either case. Nothing is added under what was added, so there is no end to run into.
func (s *inserts) inject(ctx context.Context, items []*item) ([]*item, []eventlog.Record) {
	var letters []eventlog.Record
	var out []*item
	for i, it := range items {
		b, ok := it.ev.(*event.Binary)
		if ok && it.dropped == "" && takesChildren(b) {
			found, keys := s.of(b.Entity.SHA256)
			for _, key := range keys {
				if out == nil {
					out = append(make([]*item, 0, len(items)+len(keys)), items[:i+1]...)
				}
				entity := found[key]
				child, err := s.child(ctx, b, &entity)
				added := &item{ev: child, both: it.both}
				if err == nil {
					err = s.d.name(added)
				}
				if err != nil {
					letters = append(letters, s.letter(b, &entity, key, err))
					continue
				}
				out = append(out, added)
				if id := letterOfInsert(key, b.Source.Name); s.d.letters.open(newLetterID(id)) {
					letters = append(letters, eventlog.Record{Topic: s.d.names.system(topicDead), Key: []byte(id)})
				}
			}
			if len(keys) > 0 {
				continue // the parent is in out
			}
		}
		if out != nil {
			out = append(out, it)
		}
	}
	if out == nil {
		return items, nil
	}
	return out, letters
}

// takesChildren tells whether an event is a sighting of its binary, and not another word of the author above.
func takesChildren(b *event.Binary) bool {
	switch b.Action {
	case event.Sourced, event.Extracted, event.Augmented:
	default:
		return false
	}
	n := len(b.Source.Path)
	return n < 2 || b.Source.Path[n-1].SHA256 != b.Source.Path[n-2].SHA256
}

// child makes the event of a child under a parent, with its streams in the parent's source. It goes where the parent goes: an
// expedited parent has expedited children, so that they are seen together. Its key does not depend on when it is made.
func (s *inserts) child(ctx context.Context, parent *event.Binary, insert *event.InsertEntity) (*event.Binary, error) {
	history := insert.ChildHistory
	child := &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(s.d.now()), Author: history.Author},
		Entity: insert.Child, Action: history.Action, Source: parent.Source,
		Flags: event.Flags{Expedite: parent.Flags.Expedite, BypassCache: parent.Flags.BypassCache},
	}
	child.Source.Path = append(slices.Clone(parent.Source.Path), history)
	child.Source.References, child.Source.Settings = maps.Clone(parent.Source.References), maps.Clone(parent.Source.Settings)
	if err := child.Validate(); err != nil {
		return nil, err
	}
	if !s.d.fits(child) {
		return nil, fmt.Errorf("the event is larger than %d bytes", s.d.opts.MaxEventBytes)
	}
	if insert.OriginalSource == "" || insert.OriginalSource == parent.Source.Name {
		return child, nil
	}
	for _, stream := range insert.Child.Datastreams {
		from := blob.Key{Source: insert.OriginalSource, Label: string(stream.Label), SHA256: stream.SHA256}
		to := blob.Key{Source: parent.Source.Name, Label: string(stream.Label), SHA256: stream.SHA256}
		if _, err := s.d.store.Stat(ctx, to); err == nil {
			continue
		}
		if err := s.d.store.Copy(ctx, from, to); err != nil {
			return nil, fmt.Errorf("copy %s to source %s: %w", from, to.Source, err)
		}
	}
	return child, nil
}

func letterOfInsert(key, source string) string { return "insert." + key + "." + source }

// letter tells of a child that could not be added under a parent in a source. There is no job to try again, but the parent can be
// submitted again.
func (s *inserts) letter(parent *event.Binary, insert *event.InsertEntity, key string, cause error) eventlog.Record {
	history := &insert.ChildHistory
	s.d.metrics.dropped.WithLabelValues("inject").Inc()
	s.d.logger.Error("a child could not be added; its parent goes on", "parent", insert.ParentSHA256, "child", insert.Child.SHA256,
		"source", parent.Source.Name, "err", cause)
	dead := DeadLetter{
		ID: letterOfInsert(key, parent.Source.Name), SHA256: insert.Child.SHA256, Consumer: "insert",
		Plugin: history.Author.Name, Version: history.Author.Version, Attempts: 1,
		Reason: "could not be added under " + insert.ParentSHA256 + ": " + cause.Error(), Time: s.d.now().UTC(),
	}
	value, err := json.Marshal(dead)
	if err != nil {
		panic(fmt.Sprintf("encode a dead letter: %v", err)) // text and a time: cannot happen
	}
	return eventlog.Record{Topic: s.d.names.system(topicDead), Key: []byte(dead.ID), Value: value}
}
