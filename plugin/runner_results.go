package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"lazuli/client"
	"lazuli/event"
)

// uploadsAtOnce bounds the streams of one job that are on their way at the same time.
const uploadsAtOnce = 4

// streamKey names a stream within one job: the same bytes under the same label are stored once.
type streamKey struct {
	label  event.Label
	sha256 string
}

// results turns an outcome into the events that a status carries (protocol 7.4): one for the file itself if there is
// anything to say of it, and one for every child. Their streams are stored first.
func (a *assignment) results(ctx context.Context, o *Outcome, now event.Time) ([]event.Binary, error) {
	b := &builder{assignment: a, now: now}
	var err error
	if b.stored, err = a.upload(ctx, outcomeStreams(o)); err != nil {
		return nil, err
	}
	var results []event.Binary
	if len(o.Features) > 0 || len(o.Info) > 0 || len(o.Streams) > 0 {
		main, err := b.main(o)
		if err != nil {
			return nil, err
		}
		results = append(results, main)
	}
	return b.children(results, a.input.Source.Path, o.Children), nil
}

// outcomeStreams lists the streams to store: those of the file itself, then those of each child, content first.
func outcomeStreams(o *Outcome) []Stream {
	streams := slices.Clone(o.Streams)
	var add func([]*Child)
	add = func(children []*Child) {
		for _, c := range children {
			streams = append(append(streams, c.Content), c.Streams...)
			add(c.Children)
		}
	}
	add(o.Children)
	return streams
}

// upload stores each stream once and returns what the dispatcher found out about it.
func (a *assignment) upload(ctx context.Context, streams []Stream) (map[streamKey]event.Datastream, error) {
	stored := map[streamKey]event.Datastream{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploadsAtOnce)
	seen := map[streamKey]bool{}
	for _, s := range streams {
		key := streamKey{s.Label, s.SHA256}
		if seen[key] {
			continue
		}
		seen[key] = true
		group.Go(func() error {
			d, err := put(ctx, a.d, a.input.Source.Name, s)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			stored[key] = d
			return nil
		})
	}
	return stored, group.Wait()
}

func put(ctx context.Context, d *client.Dispatcher, source string, s Stream) (event.Datastream, error) {
	r, err := s.Open()
	if err != nil {
		return event.Datastream{}, fmt.Errorf("read a %s stream that the plugin made: %w", s.Label, err)
	}
	defer r.Close()
	stored, err := d.PutStream(ctx, source, s.Label, r, s.Size)
	if err != nil {
		return event.Datastream{}, err
	}
	if stored.SHA256 != s.SHA256 {
		return event.Datastream{}, fmt.Errorf("the dispatcher stored %.64s in place of %s stream %s", stored.SHA256, s.Label, s.SHA256)
	}
	return stored, nil
}

// builder makes the events of one job, all of the same moment.
type builder struct {
	*assignment
	now    event.Time
	stored map[streamKey]event.Datastream
}

// main is the event about the file itself: augmented if it has new streams, else enriched.
func (b *builder) main(o *Outcome) (event.Binary, error) {
	entity := b.input.Entity
	entity.Features, entity.Info, entity.Datastreams = o.Features, o.Info, nil
	action := event.Enriched
	if len(o.Streams) > 0 {
		action = event.Augmented
		i := slices.IndexFunc(b.input.Entity.Datastreams, func(s event.Datastream) bool { return s.Label == event.LabelContent })
		if i < 0 {
			return event.Binary{}, errors.New("streams can only be added to a file with content, and this one has none")
		}
		entity.Datastreams = append([]event.Datastream{b.input.Entity.Datastreams[i]}, b.described(o.Streams)...)
	}
	node := event.PathNode{Author: b.h.author(), Action: action, SHA256: b.input.Entity.SHA256, Timestamp: b.now}
	return b.event(action, entity, b.input.Source.Path, node), nil
}

// children appends an event for each child and, after it, its own children.
func (b *builder) children(results []event.Binary, path event.Path, children []*Child) []event.Binary {
	for _, c := range children {
		ev := b.child(path, c)
		results = b.children(append(results, ev), ev.Source.Path, c.Children)
	}
	return results
}

func (b *builder) child(path event.Path, c *Child) event.Binary {
	d := b.stored[streamKey{c.Content.Label, c.Content.SHA256}]
	entity := event.Entity{
		SHA256: d.SHA256, SHA512: d.SHA512, SHA1: d.SHA1, MD5: d.MD5, SSDeep: d.SSDeep, TLSH: d.TLSH, Size: d.Size,
		MIME: d.MIME, Magic: d.Magic, FileFormat: d.FileFormat, FileExtension: d.FileExtension,
		Features:    append(identified(d), c.Features...),
		Datastreams: b.described(append([]Stream{c.Content}, c.Streams...)),
	}
	node := event.PathNode{
		Author: b.h.author(), Action: event.Extracted, SHA256: d.SHA256, Timestamp: b.now, Relationship: c.Relationship,
		FileFormat: d.FileFormat, Filename: filename(c.Features), Language: c.Content.Language, Size: d.Size,
	}
	return b.event(event.Extracted, entity, path, node)
}

// event puts a result together; path is copied.
func (b *builder) event(action event.Action, entity event.Entity, path event.Path, node event.PathNode) event.Binary {
	source := b.input.Source
	source.Path = append(slices.Clip(slices.Clone(path)), node)
	return event.Binary{Head: b.h.head(b.now), Entity: entity, Action: action, Source: source}
}

// described are the datastreams of stored streams, by SHA-256 and label, each once.
func (b *builder) described(streams []Stream) []event.Datastream {
	list := make([]event.Datastream, 0, len(streams))
	for _, s := range streams {
		d := b.stored[streamKey{s.Label, s.SHA256}]
		d.Label, d.Language = s.Label, s.Language
		list = append(list, d)
	}
	slices.SortStableFunc(list, func(x, y event.Datastream) int {
		return cmp.Or(cmp.Compare(x.SHA256, y.SHA256), cmp.Compare(x.Label, y.Label))
	})
	return slices.CompactFunc(list, func(x, y event.Datastream) bool { return x.SHA256 == y.SHA256 && x.Label == y.Label })
}

// identified are the features that every child has: what the dispatcher made of its content.
func identified(d event.Datastream) []event.Feature {
	var list []event.Feature
	for _, f := range []struct{ name, value string }{
		{"file_format", d.FileFormat}, {"file_extension", d.FileExtension}, {"magic", d.Magic}, {"mime", d.MIME},
	} {
		if f.value != "" {
			list = append(list, event.Feature{Name: f.name, Type: event.String, Value: f.value})
		}
	}
	return list
}

// filename is the smallest of the names that a child was found under.
func filename(features []event.Feature) string {
	smallest := ""
	for _, f := range features {
		if f.Name == "filename" && f.Value != "" && (smallest == "" || f.Value < smallest) {
			smallest = f.Value
		}
	}
	return smallest
}
