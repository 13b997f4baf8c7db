package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
	"lazuli/internal/ingest"
)

const (
	sourced  = "azul.test.local.binary.sourced"
	enriched = "azul.test.local.binary.enriched"
	expedite = "azul.test.system.expedite"
	status   = "azul.test.system.status"
	plugins  = "azul.test.system.plugin"
	dead     = "azul.test.system.dead"
)

// bench is a log, an index and an ingest between them.
type bench struct {
	t    *testing.T
	log  eventlog.Log
	idx  index.Index
	in   *ingest.Ingest
	logs *lines
	stop func()
}

func newBench(t *testing.T) *bench {
	t.Helper()
	log, err := eventlog.Open(t.TempDir(), eventlog.Options{Logger: slog.New(slog.DiscardHandler), RetentionInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	idx, err := index.OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { idx.Close() })
	b := &bench{t: t, log: log, idx: idx, logs: &lines{}}
	b.topics(sourced, enriched, expedite, status, plugins, dead, "azul.test.system.progress", "azul.other.local.binary.sourced")
	return b
}

func (b *bench) topics(names ...string) {
	b.t.Helper()
	var list []eventlog.Topic
	for _, name := range names {
		list = append(list, eventlog.Topic{Name: name, Partitions: 2})
	}
	if err := b.log.EnsureTopics(b.t.Context(), list); err != nil {
		b.t.Fatal(err)
	}
}

// start runs an ingest until stop or the end of the test.
func (b *bench) start() {
	b.t.Helper()
	b.in = ingest.New(b.log, b.idx, ingest.Options{Prefix: "test", Logger: slog.New(slog.NewTextHandler(b.logs, nil))})
	in := b.in
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("run: %v", err)
		}
	})
	b.t.Cleanup(b.stop)
}

func (b *bench) append(records ...eventlog.Record) []eventlog.Position {
	b.t.Helper()
	positions, err := b.log.Append(b.t.Context(), records)
	if err != nil {
		b.t.Fatal(err)
	}
	return positions
}

// settle waits until all that is in the log is in the index.
func (b *bench) settle() {
	b.t.Helper()
	topics, err := b.log.Topics(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	ends := map[eventlog.Partition]int64{}
	for _, topic := range topics {
		for i, bounds := range topic.Bounds {
			ends[eventlog.Partition{Topic: topic.Name, Index: int32(i)}] = bounds.End
		}
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	if err := b.in.Reached(ctx, ends); err != nil {
		b.t.Fatalf("the index does not get there: %v (%v)", err, b.in.Err())
	}
}

func (b *bench) binary(hash string) *index.Binary {
	b.t.Helper()
	got, err := b.idx.Binary(b.t.Context(), index.Everyone, hash)
	if err != nil {
		b.t.Fatalf("%s: %v", hash, err)
	}
	return got
}

func (b *bench) letters() []index.DeadLetter {
	b.t.Helper()
	page, err := b.idx.DeadLetters(b.t.Context(), 100, "")
	list := page.Dead
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (b *bench) counts() index.Counts {
	b.t.Helper()
	c, err := b.idx.Counts(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// lines keeps what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func sha(letter string) string { return strings.Repeat(letter, 64) }

func at(second int) event.Time {
	return event.At(time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC))
}

// binary is an event about a file.
func binary(key, letter string, second int, features ...string) *event.Binary {
	ev := &event.Binary{Head: event.Head{ModelVersion: event.ModelVersion, KafkaKey: key, Timestamp: at(second), Author: event.Author{Name: "user"}}, Action: event.Sourced,
		Source: event.Source{Name: "local", Timestamp: at(1), References: map[string]string{"k": "v"},
			Path: event.Path{{SHA256: sha(letter), Action: event.Sourced, Filename: "file-" + letter}}},
		Entity: event.Entity{SHA256: sha(letter), Datastreams: []event.Datastream{
			{Label: event.LabelContent, SHA256: sha(letter), MD5: strings.Repeat(letter, 32), Size: 1234, FileFormat: "text/plain"}}}}
	for _, value := range features {
		ev.Entity.Features = append(ev.Entity.Features, event.Feature{Name: "f", Type: event.String, Value: value})
	}
	return ev
}

// result is what a plugin found out about a file.
func result(key, letter, author string, second int, features ...string) *event.Binary {
	ev := binary(key, letter, second, features...)
	ev.Author, ev.Action, ev.Entity.Datastreams = event.Author{Category: "plugin", Name: author, Version: "1"}, event.Enriched, nil
	return ev
}

func ended(key, letter, author string, state event.State, second int) *event.Status {
	return &event.Status{Head: event.Head{ModelVersion: event.ModelVersion, KafkaKey: key, Timestamp: at(second), Author: event.Author{Name: author, Version: "1"}},
		Entity: event.StatusEntity{Status: state, Runtime: 1.5, Input: *binary("in", letter, 1)}}
}

// record is an event as the dispatcher appends it.
func record(t *testing.T, topic string, ev event.Event, input, run string) eventlog.Record {
	t.Helper()
	value, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	routing := event.Route(ev)
	routing.Input, routing.Run = input, run
	return eventlog.Record{Topic: topic, Key: []byte(ev.Header().KafkaKey), Header: routing.Append(nil), Value: value}
}

// values of the features of a file.
func values(b *index.Binary) string {
	var list []string
	for _, f := range b.Features {
		list = append(list, f.Value)
	}
	return fmt.Sprint(list)
}
