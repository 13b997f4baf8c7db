package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lazuli/internal/config"
)

func loadText(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, nil, nil)
}

// What topics says goes before what the source says, key by key; the source says nothing of how long things live but its expiry.
func TestTopicSettings(t *testing.T) {
	c, err := loadText(t, `
default_source: feed
sources:
  feed:
    description: a feed
    icon_class: fa-rss
    partition_unit: month
    expire_events_after: 2 weeks
    exclude_from_backup: true
    references:
      - {name: case, required: true, description: the case, highlight: true}
    kafka:
      numpartitions: 4
      replicationfactor: 2
      config: {segment.bytes: "1", cleanup.policy: compact, retention.ms: "5", other: x}
topics:
  - topic: feed.binary.sourced
    numpartitions: 8
    config: {segment.bytes: "2", retention.ms: "7"}
  - topic: system.status
    replicationfactor: 3
    replicaassignment: {0: [1]}
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		source, name         string
		partitions, replicas int
		settings             map[string]string
	}{
		{"feed", "feed.binary.sourced", 8, 2, map[string]string{"segment.bytes": "2", "retention.ms": "7", "other": "x"}},
		{"feed", "feed.binary.mapped", 4, 2, map[string]string{"segment.bytes": "1", "other": "x"}},
		{"", "system.status", 0, 3, map[string]string{}},
		{"", "system.plugin", 0, 0, map[string]string{}},
		{"unknown", "unknown.binary.mapped", 0, 0, map[string]string{}},
	} {
		partitions, replicas, settings := c.TopicSettings(want.source, want.name)
		if partitions != want.partitions || replicas != want.replicas || !maps.Equal(settings, want.settings) {
			t.Errorf("%s: %d partitions, %d replicas, %v; want %+v", want.name, partitions, replicas, settings, want)
		}
	}
	if c.Expiry("feed") != 14*24*time.Hour || !c.Sources["feed"].References[0].Required || !c.Sources["feed"].ExcludeFromBackup {
		t.Errorf("the source is %+v", c.Sources["feed"])
	}
}

func TestTopicsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"topics: [{numpartitions: 1}]":                                        "topics: number 1: topic must name one",
		"topics: [{topic: azul.lazuli.system.status}]":                        "without azul and the prefix",
		"topics: [{topic: a, numpartitions: -1}]":                             "numpartitions: -1",
		"topics: [{topic: a, numpartitions: 100000}]":                         "numpartitions: 100000",
		"topics: [{topic: a, replicationfactor: 1000}]":                       "replicationfactor: 1000",
		"topics: [{topic: a, config: {retention.ms: soon}}]":                  `config.retention.ms: "soon"`,
		"topics: [{topic: a, config: {cleanup.policy: keep}}]":                `config.cleanup.policy: "keep"`,
		"topics: [{topic: a, partitions: 2}]":                                 "unknown key partitions",
		"topics: 7":                                                           "in topics",
		"default_source: s\nsources: {s: {kafka: {replicationfactor: 1000}}}": "sources.s.kafka.replicationfactor: 1000",
	} {
		if _, err := loadText(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
