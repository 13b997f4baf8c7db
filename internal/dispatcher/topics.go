package dispatcher

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

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
		{Name: n.system(topicProgress), Partitions: progress, Compact: true},
		compact(topicInstances, 0),
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
	log     eventlog.Log
	names   names
	sources Sources

	mu    sync.Mutex
	known map[string]bool
}

// ensure returns nil when the source may be used and its topics exist.
func (s *sourceRegistry) ensure(ctx context.Context, source string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[source] {
		return nil
	}
	if err := s.sources.SourceAllowed(source); err != nil {
		return &invalidError{err}
	}
	if len(s.known) >= maxSources {
		return &invalidError{fmt.Errorf("source %q would be number %d: name the sources in the configuration", source, maxSources+1)}
	}
	if err := s.log.EnsureTopics(ctx, s.names.sourceTopics(source, s.sources.Expiry(source))); err != nil {
		return fmt.Errorf("make the topics of source %q: %w", source, err)
	}
	s.known[source] = true
	return nil
}

// invalidError marks what is wrong with an event, in contrast to trouble of the back end.
type invalidError struct{ error }

func (e *invalidError) Unwrap() error { return e.error }
