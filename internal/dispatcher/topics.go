package dispatcher

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// TopicSettings returns what is configured of a topic: zero values where it is as built in. source is "" for the platform's own
// topics; name is without azul and the prefix.
type TopicSettings func(source, name string) (partitions, replicas int, settings map[string]string)

// configure applies what is configured of a topic.
func (s *sourceRegistry) configure(source string, t eventlog.Topic) eventlog.Topic {
	if s.settings == nil {
		return t
	}
	name := strings.TrimPrefix(t.Name, "azul."+s.names.prefix+".")
	partitions, replicas, settings := s.settings(source, name)
	if partitions > 0 {
		t.Partitions = int32(partitions)
	}
	if policy := settings["cleanup.policy"]; policy != "" {
		t.Compact = strings.Contains(policy, "compact")
	}
	if ms, err := strconv.ParseInt(settings["retention.ms"], 10, 64); err == nil {
		t.Retention = time.Duration(max(0, ms)) * time.Millisecond
	}
	if replicas > 0 || len(settings) > 0 {
		t.Kafka = &eventlog.KafkaTopic{Replicas: int16(replicas), Settings: settings}
	}
	return t
}

// ensureSystem makes the platform's own topics. Those of its own bookkeeping have the partitions that it needs.
func (s *sourceRegistry) ensureSystem(ctx context.Context, progress int32) error {
	topics := s.names.systemTopics(progress)
	for i, t := range topics {
		topics[i] = s.configure("", t)
		switch strings.TrimPrefix(t.Name, s.names.system("")) {
		case topicDead, topicProgress, topicInstances, topicRetry, topicPause:
			topics[i].Partitions, topics[i].Compact, topics[i].Retention = t.Partitions, t.Compact, t.Retention
		}
	}
	return s.log.EnsureTopics(ctx, topics)
}

// reconcile brings the topics of sources that exist in line with the configuration. What cannot be changed stays.
func (s *sourceRegistry) reconcile(ctx context.Context, logger *slog.Logger) error {
	existing, err := s.log.Topics(ctx)
	if err != nil {
		return fmt.Errorf("list the topics: %w", err)
	}
	seen := map[string]bool{}
	for i := range existing {
		source, _, ok := s.names.parseBinary(existing[i].Name)
		if !ok || seen[source] || s.sources.SourceAllowed(source) != nil {
			continue
		}
		seen[source] = true
		if err := s.log.EnsureTopics(ctx, s.topics(source)); isAway(err) {
			return err
		} else if err != nil {
			logger.Error("bring the topics of a source in line with the configuration", "source", source, "err", err)
		}
	}
	return nil
}

// topics are those of a source, as configured.
func (s *sourceRegistry) topics(source string) []eventlog.Topic {
	topics := s.names.sourceTopics(source, s.sources.Expiry(source))
	for i, t := range topics {
		topics[i] = s.configure(source, t)
	}
	return topics
}

// Sources says which sources there are and how long their events live.
type Sources interface {
	// SourceAllowed returns nil for a source that may be published to, else an error for the user.
	SourceAllowed(name string) error
	// Expiry returns how long after its submission an event of the source is dropped; 0 is never.
	Expiry(name string) time.Duration
}

// statusRetention is how long the log keeps statuses. The index keeps them for ever.
const statusRetention = 90 * 24 * time.Hour

// expediteRetention is how long expedited events can still be handed out. Each is kept under its source as well.
const expediteRetention = 7 * 24 * time.Hour

// names makes topic and group names, which are those of the reference (protocol 3.1 and 3.2).
type names struct{ prefix string }

// ProgressTopic is the topic whose partitions instances share out.
func ProgressTopic(prefix string) string { return names{prefix}.system(topicProgress) }

func (n names) system(name string) string { return "azul." + n.prefix + ".system." + name }

func (n names) binary(source string, a event.Action) string {
	return "azul." + n.prefix + "." + source + ".binary." + string(a)
}

// parseBinary splits the name of a source's topic.
func (n names) parseBinary(topic string) (source string, a event.Action, ok bool) {
	rest, ok := strings.CutPrefix(topic, "azul."+n.prefix+".")
	if !ok {
		return "", "", false
	}
	i := strings.LastIndex(rest, ".binary.")
	if i <= 0 {
		return "", "", false
	}
	return rest[:i], event.Action(rest[i+len(".binary."):]), true
}

// holdsBinaries tells whether the records of a topic are binary events.
func (n names) holdsBinaries(topic string) bool {
	_, _, ok := n.parseBinary(topic)
	return ok || topic == n.system(topicExpedite) || topic == n.system(topicRetry)
}

// The system topics that are not named after a model.
const (
	topicExpedite  = "expedite"
	topicDead      = "dead"
	topicProgress  = "progress"
	topicInstances = "instances"
	topicRetry     = "retry"
	topicPause     = "pause"
)

// systemTopics are made at start. progress is how many partitions the topic of progress has.
func (n names) systemTopics(progress int32) []eventlog.Topic {
	compact := func(name string, retention time.Duration) eventlog.Topic {
		return eventlog.Topic{Name: n.system(name), Partitions: 1, Compact: true, Retention: retention}
	}
	return []eventlog.Topic{
		compact(string(event.ModelInsert), 0),
		compact(string(event.ModelDelete), 0),
		compact(string(event.ModelRetrohunt), 0),
		compact(string(event.ModelPlugin), 0),
		compact(string(event.ModelDownload), 0),
		compact(string(event.ModelStatus), statusRetention),
		compact(topicDead, 0),
		{Name: n.system(topicProgress), Partitions: progress, Compact: true, Churn: true},
		compact(topicInstances, 0),
		compact(topicPause, 0),
		compact(topicRetry, 0),
		{Name: n.system(topicExpedite), Partitions: 1, Retention: expediteRetention},
	}
}

// sourceTopics are made on the first event of a source. A source that expires is not compacted, as in the reference.
func (n names) sourceTopics(source string, expiry time.Duration) []eventlog.Topic {
	topics := make([]eventlog.Topic, 0, len(event.Actions))
	for _, a := range event.Actions {
		topics = append(topics, eventlog.Topic{
			Name: n.binary(source, a), Partitions: 1, Compact: expiry == 0, Retention: expiry,
		})
	}
	return topics
}

// maxSources bounds how many sources first use may make, so that a client with random names cannot fill the log with topics.
const maxSources = 10_000

// sourceRegistry makes the topics of sources when they are first used.
type sourceRegistry struct {
	log      eventlog.Log
	names    names
	sources  Sources
	settings TopicSettings // or nil

	making sync.Mutex // one source is made at a time; those that are there do not wait for it

	mu    sync.Mutex
	known map[string]bool
}

func (s *sourceRegistry) isKnown(source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[source]
}

// ensure returns nil when the source may be used and its topics exist.
func (s *sourceRegistry) ensure(ctx context.Context, source string) error {
	if s.isKnown(source) {
		return nil
	}
	s.making.Lock()
	defer s.making.Unlock()
	if s.isKnown(source) {
		return nil
	}
	if err := s.sources.SourceAllowed(source); err != nil {
		return &invalidError{err}
	}
	if len(s.known) >= maxSources {
		return &invalidError{fmt.Errorf("source %q would be number %d: name the sources in the configuration", source, maxSources+1)}
	}
	if err := s.log.EnsureTopics(ctx, s.topics(source)); err != nil {
		return fmt.Errorf("make the topics of source %q: %w", source, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[source] = true
	return nil
}

// invalidError marks what is wrong with an event, in contrast to trouble of the back end.
type invalidError struct{ error }

func (e *invalidError) Unwrap() error { return e.error }
