package event_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/event/eventtest"
)

// illegal is a change that makes a legal event illegal, and the error that it must give.
type illegal[T any] struct {
	change func(T)
	want   string
}

func checkIllegal[T event.Event](t *testing.T, legal func() T, cases []illegal[T]) {
	t.Helper()
	if err := legal().Validate(); err != nil {
		t.Fatalf("the legal event is not: %v", err)
	}
	for _, c := range cases {
		ev := legal()
		c.change(ev)
		err := ev.Validate()
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestBinaryValidate(t *testing.T) {
	long := strings.Repeat("x", event.MaxIdentifierBytes+1)
	longText := strings.Repeat("x", event.MaxTextBytes+1)
	tooLate := event.At(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
	text := eventtest.Stream(event.LabelText, []byte("t"), "text/plain")
	legal := func() *event.Binary {
		b := full()
		b.Action = event.Augmented
		b.Entity.Datastreams = append(b.Entity.Datastreams, text)
		b.Source.Path = append(b.Source.Path, eventtest.Extracted(b, []byte("MZ"), "").Source.Path[1])
		return b
	}
	checkIllegal(t, legal, []illegal[*event.Binary]{
		{func(b *event.Binary) { b.ModelVersion = -1 }, "model_version is negative"},
		{func(b *event.Binary) { b.Author.Name = "" }, "author.name is missing"},
		{func(b *event.Binary) { b.Author.Name = long }, "author.name has 4097 bytes, the limit is 4096"},
		{func(b *event.Binary) { b.Timestamp = tooLate }, "timestamp is outside of the years 1 to 9999"},
		{func(b *event.Binary) { b.KafkaKey = long }, "kafka_key has 4097 bytes, the limit is 4096"},
		{func(b *event.Binary) { b.Action = "" }, "action is missing"},
		{func(b *event.Binary) { b.Action = "Sourced" }, `action "Sourced" is not known`},
		{func(b *event.Binary) { b.Dequeued = long }, "dequeued has 4097 bytes, the limit is 4096"},
		{func(b *event.Binary) { b.Retries = 1 << 63 }, "retries 9223372036854775808 is larger than 2^63-1"},

		{func(b *event.Binary) { b.Source.Path = nil }, "source.path is missing"},
		{func(b *event.Binary) { b.Source.Path = make(event.Path, 101) }, "source.path has 101 entries, the limit is 100"},
		{func(b *event.Binary) { b.Source.Name = "" }, "source.name is missing"},
		{func(b *event.Binary) { b.Source.Timestamp = tooLate }, "source.timestamp is outside of the years 1 to 9999"},
		{func(b *event.Binary) { b.Source.References = map[string]string{"k": longText} },
			`source.references has 65537 bytes at key "k", the limit is 65536`},
		{func(b *event.Binary) { b.Source.Settings = map[string]string{long: ""} },
			"source.settings has a key of 4097 bytes, the limit is 4096"},
		{func(b *event.Binary) { b.Source.Path[1].SHA256 = "" }, "source.path[1].sha256 is missing"},
		{func(b *event.Binary) { b.Source.Path[1].Action = "x" }, `source.path[1].action "x" is not known`},
		{func(b *event.Binary) { b.Source.Path[1].Author.Name = "" }, "source.path[1].author.name is missing"},
		{func(b *event.Binary) { b.Source.Path[1].Filename = longText }, "source.path[1].filename has 65537 bytes, the limit is 65536"},
		{func(b *event.Binary) { b.Source.Path[1].Size = math.MaxUint64 },
			"source.path[1].size 18446744073709551615 is larger than 2^63-1"},
		{func(b *event.Binary) { b.Source.Path[0].Action = event.Enriched }, "source.path[0].action is enriched, which has no children"},

		{func(b *event.Binary) { b.Entity.SHA256 = "" }, "entity.sha256 is missing"},
		{func(b *event.Binary) { b.Entity.MIME = long }, "entity.mime has 4097 bytes, the limit is 4096"},
		{func(b *event.Binary) { b.Entity.Features = make([]event.Feature, 10_001) },
			"entity.features has 10001 entries, the limit is 10000"},
		{func(b *event.Binary) { b.Entity.Features[0].Type = "int" }, `entity.features[0].type "int" is not known`},
		{func(b *event.Binary) { b.Entity.Features[0].Name = "" }, "entity.features[0].name is missing"},
		{func(b *event.Binary) { b.Entity.Features[0].Offset = ptr(uint64(1 << 63)) },
			"entity.features[0].offset 9223372036854775808 is larger than 2^63-1"},
		{func(b *event.Binary) { b.Entity.Datastreams[1].Label = "foo" }, `entity.datastreams[1].label "foo" is not known`},
		{func(b *event.Binary) { b.Entity.Datastreams[1].Label = "" }, `entity.datastreams[1].label is missing`},
		{func(b *event.Binary) { b.Entity.Datastreams[1].SHA256 = "aa11" },
			`entity.datastreams[1].sha256 "aa11" is not 64 lower-case hex digits`},
		{func(b *event.Binary) { b.Entity.Datastreams[1].SHA256 = strings.ToUpper(hashA) },
			`entity.datastreams[1].sha256 "` + strings.ToUpper(hashA) + `" is not 64 lower-case hex digits`},
		{func(b *event.Binary) { b.Entity.Datastreams[1].IdentifyVersion = -1 }, "entity.datastreams[1].identify_version is negative"},

		{func(b *event.Binary) { b.Entity.Info = json.RawMessage(`[]`) }, "entity.info is not a JSON object"},
		{func(b *event.Binary) { b.Entity.Info = json.RawMessage(`{"a"}`) }, "entity.info is not a JSON object"},
		{func(b *event.Binary) { b.Entity.Info = nested(event.MaxObjectDepth + 1) }, "entity.info is nested more than 100 levels deep"},
		{func(b *event.Binary) { b.Entity.Info = json.RawMessage(`{"a":` + strings.Repeat("9", 1001) + `}`) },
			"entity.info holds a number of more than 1000 characters"},
	})
}

// nested returns an object with that many levels.
func nested(levels int) json.RawMessage {
	return json.RawMessage(`{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`)
}

func TestInfoLimitsAreReached(t *testing.T) {
	for _, info := range []string{
		string(nested(event.MaxObjectDepth)),
		`{"a":` + strings.Repeat("9", event.MaxNumberLength) + `}`,
		`{"a":"` + strings.Repeat("[", 500) + strings.Repeat("9", 2000) + `\""}`,
		"{" + strings.Repeat(`"a":[[]],`, 200) + `"b":1}`,
		" \n{} ",
		"null",
	} {
		b := eventtest.Binary()
		b.Entity.Info = json.RawMessage(info)
		if err := b.Validate(); err != nil {
			t.Errorf("%.40s: %v", info, err)
		}
	}
}

func TestStreamsOfActions(t *testing.T) {
	stream := map[byte]event.Datastream{
		'c': eventtest.Stream(event.LabelContent, []byte("c"), ""),
		't': eventtest.Stream(event.LabelText, []byte("t"), ""),
		'r': eventtest.Stream(event.LabelReport, []byte("r"), ""),
	}
	for action, legal := range map[event.Action]string{
		event.Sourced:   "c tc cc",
		event.Extracted: "c tc cc",
		event.Augmented: "tc",
		event.Mapped:    ". t tr",
		event.Enriched:  ".",
	} {
		for _, streams := range []string{".", "c", "t", "tc", "cc", "tr"} {
			b := eventtest.Binary()
			b.Action, b.Entity.Datastreams = action, nil
			for _, s := range strings.Trim(streams, ".") {
				b.Entity.Datastreams = append(b.Entity.Datastreams, stream[byte(s)])
			}
			if err := b.Validate(); (err == nil) != slices.Contains(strings.Fields(legal), streams) {
				t.Errorf("%s with streams %s: %v", action, streams, err)
			}
		}
	}
}

func TestStatusValidate(t *testing.T) {
	input := eventtest.Binary()
	legal := func() *event.Status {
		return eventtest.Status(input, event.Completed, eventtest.Extracted(input, []byte("a"), ""), eventtest.Enriched(input))
	}
	checkIllegal(t, legal, []illegal[*event.Status]{
		{func(s *event.Status) { s.Author.Name = "" }, "author.name is missing"},
		{func(s *event.Status) { s.Entity.Input.Dequeued = "" }, "entity.input.dequeued is missing"},
		{func(s *event.Status) { s.Entity.Status = "" }, "entity.status is missing"},
		{func(s *event.Status) { s.Entity.Status = "done" }, `entity.status "done" is not known`},
		{func(s *event.Status) { s.Entity.Runtime = -1 }, "entity.runtime -1 is not a number of seconds"},
		{func(s *event.Status) { s.Entity.Runtime = math.NaN() }, "entity.runtime NaN is not a number of seconds"},
		{func(s *event.Status) { s.Entity.Runtime = math.Inf(1) }, "entity.runtime +Inf is not a number of seconds"},
		{func(s *event.Status) { s.Entity.Status = event.OptOut }, "entity.results must be empty when entity.status is opt-out"},
		{func(s *event.Status) { s.Entity.Results[1].Action = "" }, "entity.results[1].action is missing"},
		{func(s *event.Status) { s.Entity.Results[0].Entity.Datastreams[0].Label = "foo" },
			`entity.results[0].entity.datastreams[0].label "foo" is not known`},
		{func(s *event.Status) { s.Entity.Results[0].Entity.Datastreams = nil },
			"entity.results[0].entity.datastreams must have one with label content when action is extracted"},
		{func(s *event.Status) { s.Entity.Results = make([]event.Binary, 10_001) },
			"entity.results has 10001 entries, the limit is 10000"},
	})
	unchecked := legal()
	unchecked.Entity.Input = event.Binary{Dequeued: "x"}
	if err := unchecked.Validate(); err != nil {
		t.Errorf("the input is looked at: %v", err)
	}
}

func TestPluginValidate(t *testing.T) {
	checkIllegal(t, func() *event.Plugin { return eventtest.Plugin("Example", "1") }, []illegal[*event.Plugin]{
		{func(p *event.Plugin) { p.Author.Name = "" }, "author.name is missing"},
		{func(p *event.Plugin) { p.Entity.Name = "" }, "entity.name is missing"},
		{func(p *event.Plugin) { p.Entity.Features[0].Name = "" }, "entity.features[0].name is missing"},
		{func(p *event.Plugin) { p.Entity.Features[0].Type = "" }, "entity.features[0].type is missing"},
		{func(p *event.Plugin) { p.Entity.Features[0].Type = "text" }, `entity.features[0].type "text" is not known`},
	})
}

func TestInsertValidate(t *testing.T) {
	legal := func() *event.Insert {
		child := eventtest.Extracted(eventtest.Binary(), []byte("a"), "")
		return &event.Insert{Head: child.Head, Entity: event.InsertEntity{
			ParentSHA256: "aa11", Child: child.Entity, ChildHistory: child.Source.Path[1]}}
	}
	checkIllegal(t, legal, []illegal[*event.Insert]{
		{func(n *event.Insert) { n.Author.Name = "" }, "author.name is missing"},
		{func(n *event.Insert) { n.Entity.ParentSHA256 = "" }, "entity.parent_sha256 is missing"},
		{func(n *event.Insert) { n.Entity.ChildHistory.SHA256 = "" }, "entity.child_history.sha256 is missing"},
		{func(n *event.Insert) { n.Entity.ChildHistory.Action = "" }, "entity.child_history.action is missing"},
		{func(n *event.Insert) { n.Entity.ChildHistory.Author.Name = "" }, "entity.child_history.author.name is missing"},
		{func(n *event.Insert) { n.Entity.Child.SHA256 = "" }, "entity.child.sha256 is missing"},
		{func(n *event.Insert) { n.Entity.Child.Datastreams[0].Label = "x" }, `entity.child.datastreams[0].label "x" is not known`},
	})
}

func TestDeleteValidate(t *testing.T) {
	head := eventtest.Binary().Head
	of := func(action string, e event.DeleteEntity) func() *event.Delete {
		return func() *event.Delete { return &event.Delete{Head: head, Action: action, Entity: e} }
	}
	checkIllegal(t, of("submission", event.DeleteEntity{Submission: &event.DeleteSubmission{TrackSourceReferences: "s"}}),
		[]illegal[*event.Delete]{
			{func(d *event.Delete) { d.Author.Name = "" }, "author.name is missing"},
			{func(d *event.Delete) { d.Action = "" }, "action is missing"},
			{func(d *event.Delete) { d.Action = "all" }, `action "all" is not known`},
			{func(d *event.Delete) { d.Entity.Submission = nil }, "entity.submission is missing"},
			{func(d *event.Delete) { d.Entity.Submission = &event.DeleteSubmission{} },
				"entity.submission.track_source_references is missing"},
			{func(d *event.Delete) { d.Entity.Link = &event.DeleteLink{} }, "entity.link must not be there when action is submission"},
		})
	checkIllegal(t, of("author", event.DeleteEntity{Author: &event.DeleteAuthor{TrackAuthor: "a", Timestamp: eventtest.Moment}}),
		[]illegal[*event.Delete]{
			{func(d *event.Delete) { d.Entity.Author = &event.DeleteAuthor{Timestamp: eventtest.Moment} },
				"entity.author.track_author is missing"},
			{func(d *event.Delete) { d.Entity.Author = &event.DeleteAuthor{TrackAuthor: "a"} }, "entity.author.timestamp is missing"},
		})
	checkIllegal(t, of("link", event.DeleteEntity{Link: &event.DeleteLink{TrackLink: "l"}}), []illegal[*event.Delete]{
		{func(d *event.Delete) { d.Entity.Link = &event.DeleteLink{} }, "entity.link.track_link is missing"},
	})
	checkIllegal(t, of("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{"a"}}}), []illegal[*event.Delete]{
		{func(d *event.Delete) { d.Entity.IDs = &event.DeleteIDs{} }, "entity.ids.ids is missing"},
		{func(d *event.Delete) { d.Entity.IDs = &event.DeleteIDs{IDs: []string{"a", ""}} }, "entity.ids.ids[1] must have 1 to 4096 bytes"},
		{func(d *event.Delete) { d.Action = "link" }, "entity.link is missing"},
	})
}

func TestDownloadValidate(t *testing.T) {
	legal := func() *event.Download {
		return &event.Download{Head: eventtest.Binary().Head, Action: "requested", Source: event.Source{Name: "s"},
			Entity: event.DownloadEntity{Hash: "aa11"}}
	}
	checkIllegal(t, legal, []illegal[*event.Download]{
		{func(d *event.Download) { d.Author.Name = "" }, "author.name is missing"},
		{func(d *event.Download) { d.Action = "" }, "action is missing"},
		{func(d *event.Download) { d.Action = "done" }, `action "done" is not known`},
		{func(d *event.Download) { d.Source.Name = "" }, "source.name is missing"},
		{func(d *event.Download) { d.Source.Path = make(event.Path, 1) }, "source.path[0].action is missing"},
		{func(d *event.Download) { d.Entity.Hash = "" }, "entity.hash is missing"},
		{func(d *event.Download) { d.Entity.Metadata = json.RawMessage("1") }, "entity.metadata is not a JSON object"},
	})
}

func TestRetrohuntValidate(t *testing.T) {
	legal := func() *event.Retrohunt {
		return &event.Retrohunt{Head: eventtest.Binary().Head, Action: "submitted", Entity: json.RawMessage("{}")}
	}
	checkIllegal(t, legal, []illegal[*event.Retrohunt]{
		{func(r *event.Retrohunt) { r.Author.Name = "" }, "author.name is missing"},
		{func(r *event.Retrohunt) { r.Action = "stopped" }, `action "stopped" is not known`},
		{func(r *event.Retrohunt) { r.Entity = json.RawMessage("null") }, "entity is missing"},
		{func(r *event.Retrohunt) { r.Entity = json.RawMessage("[]") }, "entity is not a JSON object"},
	})
}

// What is too long to be shown is cut in errors, and bad text cannot break the line.
func TestErrorsAreOneShortLine(t *testing.T) {
	b := eventtest.Binary()
	b.Entity.Datastreams[0].Label = event.Label(strings.Repeat("a\n", 10_000))
	err := b.Validate()
	if err == nil || len(err.Error()) > 200 || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	if errors.Unwrap(err) != nil {
		t.Errorf("%v wraps another error", err)
	}
}
