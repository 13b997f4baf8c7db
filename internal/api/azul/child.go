package azul

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"lazuli/event"
	"lazuli/internal/api/submit"
	"lazuli/internal/blob"
	"lazuli/internal/index"
)

// child is what a form says of a file that belongs under another.
type child struct {
	submit.Said
	parent       string
	relationship map[string]string
	sightings    []index.Document // of the parent, that the reader may see
}

// maxSightings is under how many sightings of its parent a child is put at once.
const maxSightings = 100

// readChild checks the form of a child. The child is kept in the source of the parent's newest sighting.
func (s *Server) readChild(ctx context.Context, c *call, f *form) (*child, error) {
	said, err := s.said(c, f)
	if err != nil {
		return nil, err
	}
	ch := &child{Said: said}
	if ch.parent, err = formHash(f, "parent_sha256"); err != nil {
		return nil, err
	}
	if kind := f.values["parent_type"]; kind != "" && kind != "binary" {
		return nil, invalid("body", "parent_type", "parent_type must be binary", kind)
	}
	if ch.relationship, err = f.pairs("relationship"); err != nil {
		return nil, err
	}
	if len(ch.relationship) == 0 {
		return nil, invalid("body", "relationship", "relationship must have at least one key", f.values["relationship"])
	}
	list, _, err := s.Index.Documents(ctx, c.reader, ch.parent, index.DocumentFilter{Actions: []string{"sourced", "extracted"}})
	if err != nil && err != index.ErrNotFound {
		return nil, err
	}
	if len(list) == 0 {
		return nil, refuse(http.StatusBadRequest, "no parent", "nothing was submitted or extracted with the SHA-256 %s", ch.parent)
	}
	ch.sightings = list[:min(len(list), maxSightings)]
	ch.Source = list[0].SourceName
	return ch, nil
}

// events says that a child belongs under its parent: an insert for what comes of the parent from now on, and the child itself for
// each sighting that is there. Its streams are copied to where the sightings are.
func (s *Server) childEvents(ctx context.Context, ch *child, entity event.Entity) ([]event.Event, error) {
	author := event.Author{Category: "user", Name: ch.User, Security: ch.Label}
	node := event.PathNode{Author: author, Action: event.Extracted, SHA256: entity.SHA256, Timestamp: event.At(ch.Time), Relationship: ch.relationship,
		FileFormat: entity.FileFormat, Filename: ch.Filename, Size: entity.Size}
	events := []event.Event{&event.Insert{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: event.Now(), Author: author},
		Entity: event.InsertEntity{OriginalSource: ch.Source, ParentSHA256: ch.parent, Child: entity, ChildHistory: node},
	}}
	copied := map[string]bool{ch.Source: true}
	for i := range ch.sightings {
		source := sourceEvent(&ch.sightings[i])
		if !copied[source.Name] {
			copied[source.Name] = true
			if err := s.copyStreams(ctx, ch.Source, source.Name, entity.Datastreams); err != nil {
				return nil, err
			}
		}
		source.Path = append(source.Path, node)
		events = append(events, &event.Binary{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.Now(), Author: author},
			Action: event.Extracted, Entity: entity, Source: source})
	}
	return events, nil
}

func (s *Server) copyStreams(ctx context.Context, from, to string, streams []event.Datastream) error {
	for _, st := range streams {
		err := s.Store.Copy(ctx, blob.Key{Source: from, Label: string(st.Label), SHA256: st.SHA256}, blob.Key{Source: to, Label: string(st.Label), SHA256: st.SHA256})
		if err != nil {
			return err
		}
	}
	return nil
}

// sourceEvent is where a document came from, as its event has it.
func sourceEvent(d *index.Document) event.Source {
	src := event.Source{Name: d.SourceName, Timestamp: event.At(d.SourceTimestamp), References: maps.Clone(d.SourceReferences), Security: d.SourceSecurity,
		Settings: maps.Clone(d.SourceSettings)}
	for i := range d.Path {
		n := &d.Path[i]
		src.Path = append(src.Path, event.PathNode{Author: event.Author(n.Author), Action: event.Action(n.Action), SHA256: n.SHA256, Timestamp: event.At(n.Timestamp),
			Relationship: maps.Clone(n.Relationship), FileFormat: n.FileFormat, Filename: n.Filename, Language: n.Language, Size: uint64(max(n.Size, 0))})
	}
	return src
}

func (s *Server) uploadChild(w http.ResponseWriter, r *http.Request, c *call) error {
	var ch *child
	u := s.receiver(r, func(f *form) (source string, err error) {
		if ch, err = s.readChild(r.Context(), c, f); err != nil {
			return "", err
		}
		return ch.Source, nil
	})
	if err := s.receive(w, r, u); err != nil {
		return err
	}
	var events []event.Event
	var answer []uploaded
	for _, f := range u.files {
		ch.Filename = f.filename
		entity := submit.Entity(f.filename, f.streams...)
		some, err := s.childEvents(r.Context(), ch, entity)
		if err != nil {
			return err
		}
		events = append(events, some...)
		answer = append(answer, uploadedOf(&entity, f.filename, ch.sightings[0].TrackSourceReferences, string(event.LabelContent)))
	}
	c.label(ch.Label)
	return s.publish(w, r, c, events, answer)
}

// uploadChildDataless puts a file that is stored already under another.
func (s *Server) uploadChildDataless(w http.ResponseWriter, r *http.Request, c *call) error {
	var ch *child
	var sha string
	u := s.receiver(r, func(f *form) (source string, err error) {
		if sha, err = formHash(f, "sha256"); err != nil {
			return "", err
		}
		if ch, err = s.readChild(r.Context(), c, f); err != nil {
			return "", err
		}
		return ch.Source, nil
	})
	u.dataless = true
	if err := s.receive(w, r, u); err != nil {
		return err
	}
	content, err := s.storedContent(r.Context(), c, sha)
	if err != nil {
		return err
	}
	from := content.Source
	entity := submit.Entity(ch.Filename, datastream(content))
	if from != ch.Source {
		if err := s.copyStreams(r.Context(), from, ch.Source, entity.Datastreams); err != nil {
			return err
		}
	}
	entity.Datastreams = append(entity.Datastreams, u.streams...)
	events, err := s.childEvents(r.Context(), ch, entity)
	if err != nil {
		return err
	}
	c.label(ch.Label)
	return s.publish(w, r, c, events, []uploaded{uploadedOf(&entity, ch.Filename, ch.sightings[0].TrackSourceReferences, string(event.LabelContent))})
}

// storedContent finds the stored content of a file.
func (s *Server) storedContent(ctx context.Context, c *call, sha string) (*index.Stream, error) {
	list, _, err := s.Index.Documents(ctx, c.reader, sha, index.DocumentFilter{})
	if err != nil {
		return nil, err
	}
	for i := range list {
		j := slices.IndexFunc(list[i].Streams, func(st index.Stream) bool { return st.Label == string(event.LabelContent) && st.SHA256 == sha })
		if j >= 0 {
			st := list[i].Streams[j]
			st.Source = list[i].SourceName
			return &st, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "no content", "the content of %s is not stored", sha)
}

func datastream(st *index.Stream) event.Datastream {
	return event.Datastream{IdentifyVersion: st.IdentifyVersion, Label: event.Label(st.Label), Size: uint64(max(st.Size, 0)), SHA512: st.SHA512, SHA256: st.SHA256,
		SHA1: st.SHA1, MD5: st.MD5, SSDeep: st.SSDeep, TLSH: st.TLSH, MIME: st.MIME, Magic: st.Magic, FileFormat: st.FileFormat, FileExtension: st.Extension, Language: st.Language}
}

type expediteInput struct {
	SHA256Input
	Bypass bool `query:"bypass_cache" doc:"also by plugins that have done it"`
}

// expedite publishes every sighting of a file again, with the flag by which it goes before all others.
func (s *Server) expedite(ctx context.Context, c *call, in *expediteInput) (bool, error) {
	list, _, err := s.Index.Documents(ctx, c.reader, strings.ToLower(in.SHA256), index.DocumentFilter{Actions: []string{"sourced", "extracted"}})
	if err != nil {
		return false, err
	}
	if len(list) == 0 {
		return false, index.ErrNotFound
	}
	var events []event.Event
	for i := range list[:min(len(list), maxSightings)] {
		c.label(list[i].Label)
		record, err := s.Dispatcher.Event(ctx, list[i].Position)
		if err != nil {
			continue // it is no longer in the log; others may be
		}
		ev, err := event.DecodeRecord(event.ModelBinary, record)
		if err != nil {
			continue
		}
		b := ev.(*event.Binary)
		b.Flags = event.Flags{Expedite: true, BypassCache: in.Bypass}
		events = append(events, b)
	}
	if len(events) == 0 {
		return false, refuse(http.StatusNotFound, "not found", "the events of the file are no longer in the log")
	}
	if err := s.Dispatcher.Publish(ctx, events...); err != nil {
		return false, s.uploadError(err)
	}
	return true, nil
}
