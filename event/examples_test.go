package event_test

import (
	"encoding/json"

	"lazuli/event"
	"lazuli/event/eventtest"
)

const hashA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func ptr[T any](v T) *T { return &v }

// examples returns legal events of every model, with every optional field in at least one of them.
func examples() []event.Event {
	head := event.Head{ModelVersion: 6, KafkaKey: "k", Timestamp: eventtest.Moment, Author: event.Author{
		Category: "user", Name: "bob", Version: "1", Security: "LOW"}}
	full := full()
	extracted := eventtest.Extracted(full, []byte("MZ"), "executable/windows/dos")
	augmented := eventtest.Binary()
	augmented.Action = event.Augmented
	augmented.Entity.Datastreams = append(augmented.Entity.Datastreams, eventtest.Stream(event.LabelText, []byte("t"), "text/plain"))
	mapped := eventtest.Binary()
	mapped.Action, mapped.Entity.Datastreams = event.Mapped, nil
	enriched := eventtest.Enriched(full, event.Feature{Name: "n", Type: event.Integer, Value: "1", Offset: ptr(uint64(0))})
	deleted := func(action string, entity event.DeleteEntity) event.Event {
		entity.Reason = "spam"
		return &event.Delete{Head: head, Action: action, Entity: entity}
	}
	return []event.Event{
		eventtest.Binary(), full, extracted, augmented, mapped, enriched,
		eventtest.Status(full, event.Heartbeat),
		eventtest.Status(full, event.CompletedWithErrors, extracted, enriched),
		&event.Status{Head: head, Entity: event.StatusEntity{
			Input: event.Binary{Dequeued: "d"}, Status: event.ErrorException, Error: "E", Message: "m"}},
		eventtest.Plugin("Example", "1"),
		&event.Plugin{Head: head, Entity: event.PluginEntity{
			Category: "plugin", Name: "n", Version: "1", Security: "s", Contact: "c", Description: "d",
			Features: []event.PluginFeature{{Name: "f", Type: event.URI}}, Config: map[string]string{"a": "1"}}},
		&event.Insert{Head: head, TrackLink: "l", TrackAuthor: "a", Entity: event.InsertEntity{
			OriginalSource: "o", ParentSHA256: hashA, Child: full.Entity, ChildHistory: extracted.Source.Path[1]}},
		deleted("submission", event.DeleteEntity{Submission: &event.DeleteSubmission{TrackSourceReferences: "s"}}),
		deleted("submission", event.DeleteEntity{Submission: &event.DeleteSubmission{
			TrackSourceReferences: "s", Timestamp: eventtest.Moment}}),
		deleted("author", event.DeleteEntity{Author: &event.DeleteAuthor{TrackAuthor: "a", Timestamp: eventtest.Moment}}),
		deleted("link", event.DeleteEntity{Link: &event.DeleteLink{TrackLink: "l"}}),
		deleted("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{"a", "b"}}}),
		&event.Download{Head: head, Action: "requested", Source: event.Source{Name: "s"}, Entity: event.DownloadEntity{
			Hash: hashA, DirectURL: "https://example.com", DirectExpiry: eventtest.Moment, PCAP: true,
			Category: "c", CategoryQuota: 3, Metadata: json.RawMessage(`{"a":null}`)}},
		&event.Download{Head: head, Action: "success", Source: full.Source, Entity: event.DownloadEntity{Hash: hashA}},
		&event.Retrohunt{Head: head, Action: "running", Entity: json.RawMessage(`{"id":1}`), Source: event.RetrohuntSource{
			Submitter: "bob", Security: "s", Timestamp: eventtest.Moment}},
	}
}

// full returns a binary event with every field.
func full() *event.Binary {
	b := eventtest.Binary()
	b.Entity.SSDeep, b.Entity.TLSH, b.Entity.FileExtension = "3:a:b", "T1", "txt"
	b.Entity.Info = json.RawMessage(`{"hello":{"list":[1,2.5,null,"x"]}}`)
	b.Entity.Features = []event.Feature{{
		Name: "x", Type: event.String, Value: "v", Label: "l", Offset: ptr(uint64(0)), Size: ptr(uint64(0))}}
	s := &b.Entity.Datastreams[0]
	s.SSDeep, s.TLSH, s.FileExtension, s.Language = "3:a:b", "T1", "txt", "python"
	b.Source.Security, b.Source.Settings = "LOW TLP:CLEAR", map[string]string{"remove_at_depth": "2"}
	b.Source.Path[0].Relationship = map[string]string{"action": "sourced"}
	b.Source.Path[0].Language = "en"
	b.Dequeued, b.Retries, b.Flags = "k.Example.1.5", 2, event.Flags{BypassCache: true, Expedite: true, Retry: true}
	b.TrackLinks = []string{"l"}
	return b
}
