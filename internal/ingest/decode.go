package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

// consumer is the name under which ingest writes dead letters.
const consumer = index.ConsumerIngest

// add turns one record into what the index keeps. What cannot be read becomes a dead letter.
func (b *batch) add(kind string, r *eventlog.Record) {
	var err error
	switch {
	case kind == kindDead:
		err = b.addLetter(r)
	case kind == kindAnnotation:
		err = b.addTag(r)
	case r.Value != nil:
		err = b.addEvent(event.Model(kind), r)
	case kind == string(event.ModelBinary):
		b.Documents = append(b.Documents, index.Document{ID: string(r.Key)})
	case kind == string(event.ModelDelete):
		b.Deletions = append(b.Deletions, index.Deletion{ID: string(r.Key)})
	case kind == string(event.ModelStatus), kind == string(event.ModelDownload):
		key, _, _ := strings.Cut(string(r.Key), ".") // what follows keeps records of one status apart
		b.Statuses = append(b.Statuses, index.StatusDocument{ID: key})
	}
	if err != nil {
		b.addUnreadable(r, err)
	}
}

// maxTag bounds the texts of a tag, in bytes.
const maxTag = 10_000

// addTag keeps or removes a tag; its key is its ID.
func (b *batch) addTag(r *eventlog.Record) error {
	t := index.Tag{}
	if r.Value != nil {
		if err := json.Unmarshal(r.Value, &t); err != nil {
			return fmt.Errorf("decode a tag: %w", err)
		}
		switch file, value := t.SHA256 != "", t.Feature != ""; {
		case t.Name == "" || len(t.Name) > maxTag:
			return errors.New("the tag has no name, or one that is too long")
		case file == value, file && !isSHA256(strings.ToLower(t.SHA256)):
			return errors.New("a tag is on a file, by its SHA-256, or on a value of a feature")
		}
		t.Security = b.labels.of(t.Security)
	}
	t.ID = string(r.Key)
	b.Tags = append(b.Tags, t)
	b.change(strings.ToLower(t.SHA256))
	return nil
}

// addLetter keeps or closes a dead letter; its key is its ID.
func (b *batch) addLetter(r *eventlog.Record) error {
	letter := index.DeadLetter{Closed: r.Value == nil}
	if !letter.Closed {
		if err := json.Unmarshal(r.Value, &letter); err != nil {
			return fmt.Errorf("decode a dead letter: %w", err)
		}
	}
	letter.ID = string(r.Key)
	b.Dead = append(b.Dead, letter)
	return nil
}

func (b *batch) addEvent(model event.Model, r *eventlog.Record) error {
	ev, err := event.DecodeRecord(model, r.Value)
	if err != nil {
		return err
	}
	h := ev.Header()
	if h.KafkaKey == "" {
		h.KafkaKey = string(r.Key)
	}
	if h.KafkaKey == "" {
		return errors.New("the event has no kafka_key")
	}
	routing, err := event.ParseRouting(r.Header)
	if err != nil {
		routing = event.Routing{} // written by somebody else: it belongs to no job of ours
	}
	switch ev := ev.(type) {
	case *event.Binary:
		if !isSHA256(ev.Entity.SHA256) {
			return fmt.Errorf("entity.sha256 %.80q is not a SHA-256 in lower-case hex", ev.Entity.SHA256)
		}
		b.addBinary(ev, &routing, r.Position)
	case *event.Status:
		b.Statuses = append(b.Statuses, b.status(ev, &routing))
		b.change(ev.Entity.Input.Entity.SHA256)
	case *event.Plugin:
		b.Plugins = append(b.Plugins, b.registration(ev))
	case *event.Delete:
		b.Deletions = append(b.Deletions, deletion(ev))
	case *event.Download:
		b.Statuses = append(b.Statuses, b.download(ev))
		b.change(strings.ToLower(ev.Entity.Hash))
	}
	return nil
}

// addBinary keeps a document. Its parent changed too: it has a child.
func (b *batch) addBinary(ev *event.Binary, routing *event.Routing, at eventlog.Position) {
	if ev.TrackSourceReferences == "" {
		event.Track(ev) // written by somebody who does not
	}
	d := document(ev, routing, position(at))
	d.Label = b.labels.ofBinary(ev)
	b.Documents = append(b.Documents, d)
	b.change(ev.Entity.SHA256)
	if n := len(ev.Source.Path); n > 1 {
		b.change(ev.Source.Path[n-2].SHA256)
	}
}

func (b *batch) change(sha string) {
	if isSHA256(sha) {
		b.changed[sha] = true
	}
}

// addUnreadable writes a dead letter. Applying the record again writes the same one.
func (b *batch) addUnreadable(r *eventlog.Record, cause error) {
	letter := index.DeadLetter{ID: consumer + "/" + position(r.Position), Consumer: consumer, Plugin: consumer, Attempts: 1, Reason: cause.Error(),
		Position: position(r.Position), Time: r.Time.UTC()}
	if routing, err := event.ParseRouting(r.Header); err == nil {
		letter.SHA256 = routing.SHA256
	}
	b.Dead = append(b.Dead, letter)
	b.failed++
}

// addDamage writes a dead letter for a stretch that the log has lost.
func (b *batch) addDamage(part eventlog.Partition, corrupt *eventlog.CorruptError) {
	at := position(eventlog.Position{Partition: part, Offset: corrupt.From})
	b.Dead = append(b.Dead, index.DeadLetter{ID: consumer + "/" + at, Consumer: consumer, Plugin: consumer, Attempts: 1, Position: at, Time: time.Now().UTC(),
		Reason: fmt.Sprintf("offsets %d to %d cannot be read: %v", corrupt.From, corrupt.To-1, corrupt)})
	b.damage = append(b.damage, corrupt)
	b.failed++
}

func position(p eventlog.Position) string { return fmt.Sprintf("%s/%d", p.Partition, p.Offset) }

func isSHA256(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == 64
}

// size makes a number that the index can hold. No file is larger than 2^62 bytes.
func size(n uint64) int64 { return int64(min(n, 1<<62)) }

func author(a *event.Author) index.Author {
	return index.Author{Category: a.Category, Name: a.Name, Version: a.Version, Security: a.Security}
}

func document(ev *event.Binary, routing *event.Routing, position string) index.Document {
	e, src := &ev.Entity, &ev.Source
	d := index.Document{
		ID: ev.KafkaKey, SHA256: e.SHA256, Position: position, Action: string(ev.Action), Author: author(&ev.Author),
		Timestamp: ev.Timestamp.Time, Input: routing.Input, Run: routing.Run,
		SourceName: src.Name, SourceSecurity: src.Security, SourceTimestamp: src.Timestamp.Time, SourceReferences: src.References, SourceSettings: src.Settings,
		TrackSourceReferences: ev.TrackSourceReferences, TrackLinks: ev.TrackLinks, TrackAuthors: ev.TrackAuthors,
		Size: size(e.Size), SHA512: e.SHA512, SHA1: e.SHA1, MD5: e.MD5, SSDeep: e.SSDeep, TLSH: e.TLSH, MIME: e.MIME, Magic: e.Magic,
		FileFormat: e.FileFormat, Extension: e.FileExtension, Info: e.Info,
	}
	for i := range src.Path {
		n := &src.Path[i]
		node := index.PathNode{SHA256: n.SHA256, Action: string(n.Action), Author: author(&n.Author), Filename: n.Filename, FileFormat: n.FileFormat, Language: n.Language,
			Relationship: n.Relationship, Size: size(n.Size), Timestamp: n.Timestamp.Time}
		if i > 0 && len(ev.TrackLinks) == len(src.Path)-1 {
			node.TrackLink = ev.TrackLinks[i-1]
		}
		d.Path = append(d.Path, node)
	}
	for i := range e.Features {
		f := &e.Features[i]
		d.Features = append(d.Features, index.Feature{Name: f.Name, Type: string(f.Type), Value: f.Value, Label: f.Label, Offset: f.Offset, Length: f.Size})
	}
	for i := range e.Datastreams {
		s := &e.Datastreams[i]
		d.Streams = append(d.Streams, index.Stream{Label: string(s.Label), SHA256: s.SHA256, SHA512: s.SHA512, SHA1: s.SHA1, MD5: s.MD5, SSDeep: s.SSDeep, TLSH: s.TLSH,
			Size: size(s.Size), FileFormat: s.FileFormat, Extension: s.FileExtension, MIME: s.MIME, Magic: s.Magic, Language: s.Language, IdentifyVersion: int(s.IdentifyVersion)})
		if s.Label == event.LabelContent && s.SHA256 == e.SHA256 {
			takeContent(&d, s)
		}
	}
	return d
}

// takeContent fills in what the stream of the file itself says: the dispatcher has computed it, while the entity of a plugin's
// event may say less.
func takeContent(d *index.Document, s *event.Datastream) {
	d.Size = size(s.Size)
	for _, fact := range []struct {
		into *string
		text string
	}{
		{&d.SHA512, s.SHA512}, {&d.SHA1, s.SHA1}, {&d.MD5, s.MD5}, {&d.SSDeep, s.SSDeep}, {&d.TLSH, s.TLSH}, {&d.MIME, s.MIME}, {&d.Magic, s.Magic},
		{&d.FileFormat, s.FileFormat}, {&d.Extension, s.FileExtension},
	} {
		if fact.text != "" {
			*fact.into = fact.text
		}
	}
}

// status is of a job: its label is that of its input and of who ran it.
func (b *batch) status(ev *event.Status, routing *event.Routing) index.StatusDocument {
	e := &ev.Entity
	return index.StatusDocument{
		ID: ev.KafkaKey, SHA256: e.Input.Entity.SHA256, Author: author(&ev.Author), Label: b.labels.ofBinary(&e.Input, ev.Author.Security), Input: routing.Input, Run: routing.Run,
		State: string(e.Status), Error: e.Error, Message: e.Message, Runtime: e.Runtime, Timestamp: ev.Timestamp.Time,
		SourceName: e.Input.Source.Name, ResultsStored: len(e.Results),
	}
}

// downloadStates are what the actions of download events are as states.
var downloadStates = map[string]event.State{"requested": event.DownloadRequested, "success": event.Completed, "failed": event.ErrorNetwork,
	"failed-not-found": event.CompletedEmpty, "skipped-already-present": event.OptOut}

// download is how a download stands: a status whose message is the event's action.
func (b *batch) download(ev *event.Download) index.StatusDocument {
	return index.StatusDocument{ID: ev.KafkaKey, SHA256: strings.ToLower(ev.Entity.Hash), Author: author(&ev.Author), Label: b.labels.of(ev.Source.Security, ev.Author.Security),
		State: string(downloadStates[ev.Action]), Message: ev.Action, Timestamp: ev.Timestamp.Time, SourceName: ev.Source.Name}
}

func (b *batch) registration(ev *event.Plugin) index.PluginDocument {
	e := &ev.Entity
	p := index.PluginDocument{Name: e.Name, Version: e.Version, Category: e.Category, Description: e.Description, Contact: e.Contact, Security: b.labels.of(e.Security),
		Config: e.Config, Timestamp: ev.Timestamp.Time}
	for _, f := range e.Features {
		p.Features = append(p.Features, index.PluginFeature{Name: f.Name, Type: string(f.Type), Description: f.Description})
	}
	return p
}

func deletion(ev *event.Delete) index.Deletion {
	d := index.Deletion{ID: ev.KafkaKey}
	switch e := &ev.Entity; {
	case ev.Action == "ids" && e.IDs != nil:
		d.IDs = e.IDs.IDs
	case ev.Action == "link" && e.Link != nil:
		d.TrackLink = e.Link.TrackLink
	case ev.Action == "author" && e.Author != nil && !e.Author.Timestamp.IsZero():
		d.TrackAuthor, d.Time = e.Author.TrackAuthor, e.Author.Timestamp.Time
	case ev.Action == "submission" && e.Submission != nil:
		d.TrackSourceReferences, d.Time = e.Submission.TrackSourceReferences, e.Submission.Timestamp.Time
	}
	return d
}
