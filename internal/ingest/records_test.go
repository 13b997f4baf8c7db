package ingest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

const (
	deletes     = "azul.test.system.delete"
	downloads   = "azul.test.system.download"
	annotations = "azul.test.system.annotation"
)

// only sees one label.
func only(label string) index.Reader {
	return index.Reader{See: func(l string) bool { return l == label }}
}

// TestLabels: a document's label is that of all its parts together, in its normal form; one that cannot be read, or whose parts have none
// together, is seen by those alone who see everything.
func TestLabels(t *testing.T) {
	b := newBench(t)
	amber := binary("k1", "a", 1)
	amber.Source.Security = "tlp:green official"
	amber.Source.Path[0].Author.Security = "OFFICIAL TLP:AMBER"
	unknown := binary("k2", "b", 1)
	unknown.Source.Security = "TOP BANANA"
	st := ended("s", "a", "P", event.Completed, 2)
	st.Entity.Input.Source.Security = "OFFICIAL TLP:GREEN"
	b.append(record(t, sourced, amber, "", ""), record(t, sourced, unknown, "", ""), record(t, sourced, binary("k3", "c", 1), "", ""), record(t, status, st, "k1", "r"))
	b.start()
	b.settle()
	for letter, label := range map[string]string{"a": "OFFICIAL TLP:AMBER", "b": "?unknown", "c": "OFFICIAL TLP:CLEAR"} {
		docs, _, err := b.idx.Documents(t.Context(), index.Everyone, sha(letter), index.DocumentFilter{})
		if err != nil || len(docs) != 1 || docs[0].Label != label {
			t.Errorf("%s: %+v %v, want the label %s", letter, docs, err, label)
		}
	}
	if _, err := b.idx.Binary(t.Context(), only("OFFICIAL TLP:CLEAR"), sha("a")); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("somebody sees what they may not: %v", err)
	}
	if list, err := b.idx.Statuses(t.Context(), only("OFFICIAL TLP:GREEN"), sha("a")); err != nil || len(list) != 1 {
		t.Errorf("statuses %+v %v", list, err)
	}
}

// TestDeletes: what a delete event names goes, and a tombstone for it takes it back.
func TestDeletes(t *testing.T) {
	b := newBench(t)
	b.topics(deletes)
	del := &event.Delete{Head: event.Head{ModelVersion: event.ModelVersion, KafkaKey: "d", Timestamp: at(5)}, Action: "ids",
		Entity: event.DeleteEntity{Reason: "test", IDs: &event.DeleteIDs{IDs: []string{"k1"}}}}
	b.append(record(t, sourced, binary("k1", "a", 1), "", ""), record(t, sourced, binary("k2", "b", 1), "", ""))
	b.start()
	b.settle()
	b.append(record(t, deletes, del, "", ""))
	b.settle()
	if _, err := b.idx.Binary(t.Context(), index.Everyone, sha("a")); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
	submission := binary("k3", "c", 1)
	event.Track(submission)
	b.append(eventlog.Record{Topic: deletes, Key: []byte("d")}, record(t, deletes, &event.Delete{Head: event.Head{ModelVersion: event.ModelVersion, KafkaKey: "e", Timestamp: at(5)},
		Action: "submission", Entity: event.DeleteEntity{Submission: &event.DeleteSubmission{TrackSourceReferences: submission.TrackSourceReferences}}}, "", ""))
	b.settle()
	b.append(record(t, sourced, binary("k1", "a", 2), "", ""))
	b.settle()
	if c := b.counts(); c.Binaries != 0 { // all three are of one submission
		t.Errorf("%+v", c)
	}
}

// TestDownloads: a download's events are statuses of what was asked for.
func TestDownloads(t *testing.T) {
	b := newBench(t)
	b.topics(downloads)
	ask := &event.Download{Head: event.Head{ModelVersion: event.ModelVersion, KafkaKey: "d", Timestamp: at(1), Author: event.Author{Name: "user"}}, Action: "requested",
		Entity: event.DownloadEntity{Hash: strings.ToUpper(sha("a"))}, Source: binary("", "a", 1).Source}
	b.append(record(t, downloads, ask, "", ""))
	b.start()
	b.settle()
	list, err := b.idx.Statuses(t.Context(), index.Everyone, sha("a"))
	if err != nil || len(list) != 1 || list[0].State != "download-requested" || list[0].Message != "requested" {
		t.Errorf("%+v %v", list, err)
	}
}

// TestAnnotations: tags come and go with their records; what is none is a dead letter.
func TestAnnotations(t *testing.T) {
	b := newBench(t)
	b.topics(annotations)
	b.append(record(t, sourced, binary("k1", "a", 1, "v"), "", ""),
		eventlog.Record{Topic: annotations, Key: []byte("t1"), Value: []byte(`{"tag":"bad","sha256":"` + sha("a") + `","owner":"eve","security":"official","timestamp":"2026-01-01T00:00:00Z"}`)},
		eventlog.Record{Topic: annotations, Key: []byte("t2"), Value: []byte(`{"tag":"good","feature_name":"f","feature_value":"v","owner":"eve","timestamp":"2026-01-01T00:00:00Z"}`)},
		eventlog.Record{Topic: annotations, Key: []byte("t3"), Value: []byte(`{"tag":"on nothing"}`)})
	b.start()
	b.settle()
	tags, err := b.idx.FileTags(t.Context(), index.Everyone, sha("a"))
	if err != nil || len(tags) != 1 || tags[0].Name != "bad" || tags[0].Security != "OFFICIAL" || !tags[0].Time.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v %v", tags, err)
	}
	if tags, err := b.idx.ValueTags(t.Context(), index.Everyone, "good", ""); err != nil || len(tags) != 1 || tags[0].Feature != "f" || tags[0].Security != "OFFICIAL TLP:CLEAR" {
		t.Errorf("%+v %v", tags, err)
	}
	if list := b.letters(); len(list) != 1 || !strings.Contains(list[0].Reason, "a tag is on a file") {
		t.Errorf("dead letters %+v", list)
	}
	b.append(eventlog.Record{Topic: annotations, Key: []byte("t1")})
	b.settle()
	if tags, err := b.idx.FileTags(t.Context(), index.Everyone, sha("a")); err != nil || len(tags) != 0 {
		t.Errorf("after its removal: %+v %v", tags, err)
	}
}
