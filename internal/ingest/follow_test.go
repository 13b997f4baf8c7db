package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

// TestEverything: each kind of record arrives, from topics that are there and from one that is made later.
func TestEverything(t *testing.T) {
	b := newBench(t)
	child := binary("k2", "b", 2)
	child.Action = event.Extracted
	child.Source.Path = event.Path{{SHA256: sha("a"), Action: event.Sourced}, {SHA256: sha("b"), Action: event.Extracted, Filename: "inner", Relationship: map[string]string{"r": "s"}}}
	b.append(record(t, sourced, binary("k1", "a", 1, "v"), "", ""), record(t, enriched, child, "", ""),
		record(t, status, ended("s1", "a", "P", event.Completed, 3), "k1", "run"),
		record(t, plugins, &event.Plugin{Head: event.Head{ModelVersion: event.ModelVersion, KafkaKey: "p", Timestamp: at(1), Author: event.Author{Name: "P"}},
			Entity: event.PluginEntity{Name: "P", Version: "1", Description: "what it does", Features: []event.PluginFeature{{Name: "f", Type: event.String, Description: "d"}}}}, "", ""),
		eventlog.Record{Topic: dead, Key: []byte("letter"), Value: []byte(`{"id":"other","plugin":"P","reason":"why","attempts":3,"time":"2026-01-01T00:00:00Z"}`)},
		record(t, "azul.other.local.binary.sourced", binary("foreign", "f", 1), "", ""))
	b.start()
	b.settle()
	got := b.binary(sha("a"))
	if got.Size != 1234 || got.MD5 != strings.Repeat("a", 32) || got.FileFormat != "text/plain" || values(got) != "[v]" || fmt.Sprint(got.Filenames) != "[file-a]" {
		t.Errorf("%+v", got)
	}
	if len(got.Children) != 1 || got.Children[0].SHA256 != sha("b") || got.Children[0].Relationship["r"] != "s" {
		t.Errorf("children %+v", got.Children)
	}
	if len(got.Statuses) != 1 || got.Statuses[0].State != "completed" || got.Statuses[0].Runtime != 1.5 {
		t.Errorf("statuses %+v", got.Statuses)
	}
	if len(got.Sources) != 1 || got.Sources[0].Name != "local" || got.Sources[0].References["k"] != "v" || len(got.Events) != 1 || !strings.HasPrefix(got.Events[0].Position, sourced+"/") {
		t.Errorf("sources %+v, events %+v", got.Sources, got.Events)
	}
	if list, err := b.idx.Plugins(t.Context(), index.Everyone); err != nil || len(list) != 1 || list[0].Description != "what it does" || list[0].Features[0].Description != "d" {
		t.Errorf("plugins %+v %v", list, err)
	}
	if list := b.letters(); len(list) != 1 || list[0].ID != "letter" || list[0].Reason != "why" || list[0].Attempts != 3 {
		t.Errorf("dead letters %+v", list)
	}
	if _, err := b.idx.Binary(t.Context(), index.Everyone, sha("f")); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("another platform's file: %v", err)
	}

	b.topics("azul.test.my.dotted.source.binary.mapped")
	b.append(record(t, "azul.test.my.dotted.source.binary.mapped", binary("k3", "c", 1), "", ""),
		eventlog.Record{Topic: dead, Key: []byte("letter")}) // closed
	b.settle()
	b.binary(sha("c"))
	if list := b.letters(); len(list) != 0 {
		t.Errorf("a closed letter is still there: %+v", list)
	}
	if s := b.in.Stats(); s.Applied != 7 || s.Lag != 0 || s.Failed != 0 {
		t.Errorf("stats %+v", s)
	}
	var total int64
	for _, next := range b.in.Position() {
		total += next
	}
	if total != 7 {
		t.Errorf("positions %v", b.in.Position())
	}
}

// TestRuns: the header's job ties results to statuses, and what a later run did not find again is gone.
func TestRuns(t *testing.T) {
	b := newBench(t)
	b.start()
	b.append(record(t, sourced, binary("in", "a", 1), "", ""), record(t, enriched, result("r1", "a", "P", 2, "old"), "in", "run1"),
		record(t, status, ended("s1", "a", "P", event.Completed, 3), "in", "run1"))
	b.settle()
	if got := values(b.binary(sha("a"))); got != "[old]" {
		t.Errorf("features %s", got)
	}
	b.append(record(t, enriched, result("r2", "a", "P", 4, "new"), "in", "run2"), record(t, status, ended("s2", "a", "P", event.Completed, 5), "in", "run2"))
	b.settle()
	if got := values(b.binary(sha("a"))); got != "[new]" {
		t.Errorf("features %s", got)
	}
	// The first run's result comes again, late, from the topic of expedited events, and under the second's key.
	b.append(record(t, expedite, result("r2", "a", "P", 2, "stale"), "in", "run1"))
	b.settle()
	if got := values(b.binary(sha("a"))); got != "[new]" {
		t.Errorf("after a stale copy: features %s", got)
	}
}

func TestNoHeader(t *testing.T) {
	b := newBench(t)
	r := record(t, sourced, binary("k", "a", 1), "in", "run")
	r.Header = nil
	keyless := record(t, sourced, binary("", "b", 1), "", "")
	keyless.Key = []byte("from the record")
	foreign := record(t, sourced, binary("k2", "c", 1), "", "") // as the reference writes it
	foreign.Header = nil
	ev, err := event.Decode(event.ModelBinary, foreign.Value)
	if err != nil {
		t.Fatal(err)
	}
	if foreign.Value, err = event.EncodeAvro(ev); err != nil {
		t.Fatal(err)
	}
	b.append(r, keyless, foreign)
	b.start()
	b.settle()
	b.binary(sha("a"))
	if got := b.binary(sha("c")).Events; len(got) != 1 || got[0].ID != "k2" {
		t.Errorf("events %+v", got)
	}
	if got := b.binary(sha("b")).Events; len(got) != 1 || got[0].ID != "from the record" {
		t.Errorf("events %+v", got)
	}
}

func TestTombstone(t *testing.T) {
	b := newBench(t)
	b.append(record(t, sourced, binary("k1", "a", 1), "", ""), record(t, sourced, binary("k2", "b", 1), "", ""), eventlog.Record{Topic: sourced, Key: []byte("k1")},
		eventlog.Record{Topic: status, Key: []byte("nothing")}, eventlog.Record{Topic: plugins, Key: []byte("nothing")})
	b.start()
	b.settle()
	if _, err := b.idx.Binary(t.Context(), index.Everyone, sha("a")); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("a removed file: %v", err)
	}
	b.binary(sha("b"))
	if list := b.letters(); len(list) != 0 {
		t.Errorf("dead letters %+v", list)
	}
}

// TestUnreadable: what cannot be read becomes a dead letter that says why, once, and what follows arrives.
func TestUnreadable(t *testing.T) {
	b := newBench(t)
	old := binary("k", "c", 1)
	old.ModelVersion = 5
	upper := binary("k", "d", 1)
	upper.Entity.SHA256 = strings.ToUpper(sha("d"))
	garbage := record(t, sourced, binary("x", "e", 1), "", "")
	garbage.Value = []byte("{")
	bad := []struct {
		record eventlog.Record
		want   string
	}{
		{garbage, "decode a binary event"},
		{eventlog.Record{Topic: sourced, Key: []byte("k"), Value: []byte{}}, "decode a binary event"},
		{record(t, sourced, old, "", ""), "model_version"},
		{record(t, sourced, upper, "", ""), "not a SHA-256"},
		{record(t, sourced, binary("", "a", 1), "", ""), "no kafka_key"},
		{eventlog.Record{Topic: status, Key: []byte("k"), Value: []byte(`[]`)}, "decode a status event"},
		{eventlog.Record{Topic: plugins, Key: []byte("k"), Value: []byte(`{"model_version":"six"}`)}, "decode a plugin event"},
		{eventlog.Record{Topic: dead, Key: []byte("k"), Value: []byte(`"text"`)}, "decode a dead letter"},
	}
	reasons := map[string]string{} // position → reason
	var first string
	for i, c := range bad {
		p := b.append(c.record)[0]
		position := fmt.Sprintf("%s/%d", p.Partition, p.Offset)
		reasons[position] = c.want
		if i == 0 {
			first = position
		}
	}
	b.append(record(t, sourced, binary("good", "a", 1), "", ""))
	b.start()
	b.settle()
	b.binary(sha("a"))
	list := b.letters()
	if len(list) != len(bad) {
		t.Errorf("%d dead letters for %d records", len(list), len(bad))
	}
	for _, letter := range list {
		if want := reasons[letter.Position]; want == "" || !strings.Contains(letter.Reason, want) || letter.Consumer != "ingest" || letter.Time.IsZero() {
			t.Errorf("want %q: %+v", want, letter)
		}
		if letter.Position == first && letter.SHA256 != sha("e") {
			t.Errorf("the header's hash is not in the letter: %+v", letter)
		}
	}
	if s := b.in.Stats(); s.Failed != uint64(len(bad)) {
		t.Errorf("stats %+v", s)
	}
}

// TestRestart: a second ingest goes on where the first was stopped.
func TestRestart(t *testing.T) {
	b := newBench(t)
	b.append(record(t, sourced, binary("k1", "a", 1), "", ""))
	b.start()
	b.settle()
	b.stop()
	b.append(record(t, sourced, binary("k2", "b", 1), "", ""))
	b.start()
	b.settle()
	if c := b.counts(); c.Documents != 2 {
		t.Errorf("%+v", c)
	}
	if s := b.in.Stats(); s.Applied != 1 {
		t.Errorf("the second applied %d records", s.Applied)
	}
}

// TestReplacedLog: an index that is ahead of the log follows the log from its start.
func TestReplacedLog(t *testing.T) {
	b := newBench(t)
	positions := b.append(record(t, sourced, binary("k1", "a", 1), "", ""))
	if err := b.idx.Apply(t.Context(), index.Batch{Offsets: map[string]int64{positions[0].Partition.String(): 500}}); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.settle()
	b.binary(sha("a"))
	if offsets, err := b.idx.Offsets(t.Context()); err != nil || offsets[positions[0].Partition.String()] != 1 {
		t.Errorf("offsets %v %v", offsets, err)
	}
	if n := b.logs.count("ahead of the log"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// TestManyBatches: a long log is applied in parts, from all partitions, and everything arrives.
func TestManyBatches(t *testing.T) {
	b := newBench(t)
	var records []eventlog.Record
	for i := range 2500 {
		records = append(records, record(t, []string{sourced, enriched}[i%2], binary(fmt.Sprint("k", i), "a", 1), "", ""))
	}
	b.append(records...)
	limits := &limitedLog{Log: b.log}
	b.log = limits
	b.start()
	b.settle()
	if c := b.counts(); c.Documents != 2500 || c.Binaries != 1 {
		t.Errorf("%+v", c)
	}
	if limits.largest > 1000 {
		t.Errorf("%d records were asked for at once", limits.largest)
	}
}

// limitedLog notes how much is asked for.
type limitedLog struct {
	eventlog.Log
	largest int
}

func (l *limitedLog) Read(ctx context.Context, p eventlog.Partition, offset int64, limit eventlog.Limit) (eventlog.Page, error) {
	if limit.Records <= 0 || limit.Bytes <= 0 { // would mean the log's own defaults
		return eventlog.Page{}, errors.New("an unbounded read")
	}
	l.largest = max(l.largest, limit.Records)
	return l.Log.Read(ctx, p, offset, limit)
}

func TestReachedEnds(t *testing.T) {
	b := newBench(t)
	b.start()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	part := eventlog.Partition{Topic: sourced}
	if err := b.in.Reached(ctx, map[eventlog.Partition]int64{part: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an end that is not there: %v", err)
	}
	if err := b.in.Reached(t.Context(), map[eventlog.Partition]int64{{Topic: "azul.test.system.progress"}: 9}); err != nil {
		t.Errorf("a topic that is not indexed: %v", err)
	}
}
