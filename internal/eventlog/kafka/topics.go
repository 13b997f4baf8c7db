package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"lazuli/internal/eventlog"
)

// The settings of Kafka that a topic's description becomes.
const (
	cleanupPolicy  = "cleanup.policy"
	retentionMS    = "retention.ms"
	maxMessage     = "max.message.bytes"
	flushMessages  = "flush.messages"
	segmentBytes   = "segment.bytes"
	segmentMS      = "segment.ms"
	minDirtyRatio  = "min.cleanable.dirty.ratio"
	timestampType  = "message.timestamp.type"
	retentionBytes = "retention.bytes"
	minInSync      = "min.insync.replicas"
)

// messageBytes is what a topic must take: the largest record with room for the frame of a batch.
const messageBytes = eventlog.MaxRecordBytes + 1<<20

// settings returns what a topic needs to be as described, and as configured.
func settings(t eventlog.Topic, replicas int, configured map[string]string) map[string]string {
	s := map[string]string{
		cleanupPolicy:  "delete",
		retentionMS:    "-1",
		retentionBytes: "-1",
		maxMessage:     strconv.Itoa(messageBytes),
		timestampType:  "LogAppendTime",
	}
	if t.Retention > 0 {
		s[retentionMS] = strconv.FormatInt(max(1, t.Retention.Milliseconds()), 10)
	}
	switch {
	case t.Compact && t.Retention > 0:
		s[cleanupPolicy] = "compact,delete"
	case t.Compact:
		s[cleanupPolicy] = "compact"
	}
	if replicas == 1 {
		s[flushMessages] = "1" // nobody else has the records
	}
	if replicas > 2 {
		s[minInSync] = "2"
	}
	if t.Churn {
		s[segmentBytes] = strconv.Itoa(32 << 20)
		s[segmentMS] = strconv.FormatInt((10 * time.Minute).Milliseconds(), 10)
		s[minDirtyRatio] = "0.1"
	}
	maps.Copy(s, configured)
	return s
}

// describe sets what the settings of an existing topic say.
func (t *topic) describe() {
	policy := strings.Split(t.configs[cleanupPolicy], ",")
	t.Compact = slices.Contains(policy, "compact")
	t.Retention = 0
	if ms, err := strconv.ParseInt(t.configs[retentionMS], 10, 64); err == nil && ms > 0 && slices.Contains(policy, "delete") {
		t.Retention = time.Duration(min(ms, int64(maxRetention/time.Millisecond))) * time.Millisecond
	}
}

// maxRetention is the longest that a time.Duration holds, in whole milliseconds.
const maxRetention = time.Duration(1<<63-1) / time.Millisecond * time.Millisecond

// differing returns the settings that a topic needs and does not have, sorted by name.
func (t *topic) differing(w eventlog.Topic, configured map[string]string) []kadm.AlterConfig {
	var differing []kadm.AlterConfig
	for name, want := range settings(w, t.replicas, configured) {
		have, known := t.configs[name]
		if !known || same(name, have, want) {
			continue // what this Kafka does not know cannot be set
		}
		differing = append(differing, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &want})
	}
	slices.SortFunc(differing, func(a, b kadm.AlterConfig) int { return strings.Compare(a.Name, b.Name) })
	return differing
}

func same(name, have, want string) bool {
	switch name {
	case maxMessage, minInSync: // more is fine
		h, err := strconv.Atoi(have)
		w, _ := strconv.Atoi(want)
		return err == nil && h >= w
	case cleanupPolicy:
		h := strings.Split(have, ",")
		slices.Sort(h)
		return strings.Join(h, ",") == want
	}
	return have == want
}

// Topics implements eventlog.Log.
func (l *Log) Topics(ctx context.Context) ([]eventlog.TopicState, error) {
	return call(ctx, l, "list the topics", func(ctx context.Context) ([]eventlog.TopicState, error) {
		if !l.tails.fresh() { // Kafka is away, or its answers are late
			if err := l.remeasure(ctx); err != nil {
				return nil, err
			}
		}
		table := l.view.table.Load()
		states := make([]eventlog.TopicState, len(table.sorted))
		for i, t := range table.sorted {
			states[i] = eventlog.TopicState{Topic: t.Topic, Bounds: make([]eventlog.Bounds, len(t.partitions))}
			for j := range t.partitions {
				states[i].Bounds[j] = t.partitions[j].load()
			}
		}
		return states, nil
	})
}

// remeasure asks for topics and bounds as they are now.
func (l *Log) remeasure(ctx context.Context) error {
	if err := l.view.refresh(ctx); err != nil {
		return err
	}
	topics := l.view.table.Load().sorted
	if len(topics) == 0 {
		return nil
	}
	return l.view.measure(ctx, topics)
}

// EnsureTopics implements eventlog.Log. What Kafka refuses to change of a topic that exists is a warning in the log.
func (l *Log) EnsureTopics(ctx context.Context, topics []eventlog.Topic) error {
	for _, t := range topics {
		if err := t.Validate(); err != nil {
			return err
		}
		if inKafka := (eventlog.Topic{Name: l.opts.Namespace + t.Name, Partitions: 1}); inKafka.Validate() != nil {
			return fmt.Errorf("%w: topic %s is too long behind %s", eventlog.ErrInvalid, t.Name, l.opts.Namespace)
		}
		if !strings.HasPrefix(t.Name, l.opts.Only) {
			return fmt.Errorf("%w: topic %s does not begin with %s", eventlog.ErrInvalid, t.Name, l.opts.Only)
		}
	}
	wanted := slices.Clone(topics)
	_, err := call(ctx, l, "bring the topics in line", func(ctx context.Context) (any, error) { return nil, l.ensure(ctx, wanted) })
	return err
}

func (l *Log) ensure(ctx context.Context, topics []eventlog.Topic) error {
	if len(l.missing(topics)) > 0 {
		if err := l.view.refresh(ctx); err != nil {
			return err
		}
		if err := l.create(ctx, l.missing(topics)); err != nil {
			return err
		}
	}
	changed := false
	for _, w := range topics {
		t := l.view.table.Load().byName[w.Name]
		if t == nil {
			continue // deleted since
		}
		altered, err := l.alter(ctx, t, w)
		if err != nil {
			return err
		}
		grown := l.grow(ctx, t, w)
		changed = changed || altered || grown
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if changed {
		return l.view.refresh(ctx)
	}
	return nil
}

// missing returns those of the topics that are not known, each once.
func (l *Log) missing(topics []eventlog.Topic) []eventlog.Topic {
	table := l.view.table.Load()
	var missing []eventlog.Topic
	for _, t := range topics {
		named := func(other eventlog.Topic) bool { return other.Name == t.Name }
		if table.byName[t.Name] == nil && !slices.ContainsFunc(missing, named) {
			missing = append(missing, t)
		}
	}
	return missing
}

// create makes topics and waits until all of them can be used.
func (l *Log) create(ctx context.Context, topics []eventlog.Topic) error {
	if len(topics) == 0 {
		return nil
	}
	replicas := l.opts.Replicas
	if replicas <= 0 {
		replicas = int16(min(3, max(1, l.view.table.Load().brokers)))
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = int32(patience.Milliseconds())
	for _, t := range topics {
		configured := l.opts.Configured(t.Name)
		r := kmsg.NewCreateTopicsRequestTopic()
		r.Topic, r.NumPartitions, r.ReplicationFactor = l.opts.Namespace+t.Name, t.Partitions, cmp.Or(configured.Replicas, replicas)
		for name, value := range settings(t, int(r.ReplicationFactor), configured.Settings) {
			r.Configs = append(r.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: name, Value: &value})
		}
		request.Topics = append(request.Topics, r)
	}
	answer, err := request.RequestWith(ctx, l.client)
	if err != nil {
		return fmt.Errorf("make %d topics: %w", len(topics), err)
	}
	for _, t := range answer.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			why := ""
			if t.ErrorMessage != nil {
				why = *t.ErrorMessage
			}
			return fmt.Errorf("make topic %s: %w %s", t.Topic, err, why)
		}
	}
	return l.await(ctx, func() bool { return len(l.missing(topics)) == 0 && l.led(topics) })
}

// led tells whether every partition of the topics has a leader.
func (l *Log) led(topics []eventlog.Topic) bool {
	table := l.view.table.Load()
	for _, w := range topics {
		t := table.byName[w.Name]
		if t == nil || slices.ContainsFunc(t.partitions, func(p partition) bool { return p.leader < 0 }) {
			return false
		}
	}
	return true
}

// await refreshes the view until done; brokers learn of changes one after the other.
func (l *Log) await(ctx context.Context, done func() bool) error {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		if err := l.view.refresh(ctx); err != nil {
			return err
		}
		if done() {
			return nil
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// wait returns after a pause, or an error when ctx ends first.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// alter changes the settings that differ, and tells whether it did.
func (l *Log) alter(ctx context.Context, t *topic, w eventlog.Topic) (bool, error) {
	differing := t.differing(w, l.opts.Configured(t.Name).Settings)
	if len(differing) == 0 {
		return false, nil
	}
	changes := make([]any, 0, 2*len(differing)+2)
	changes = append(changes, "topic", t.Name)
	for _, d := range differing {
		changes = append(changes, d.Name, t.configs[d.Name]+" -> "+*d.Value)
	}
	answers, err := l.admin.AlterTopicConfigs(ctx, differing, t.inKafka)
	if err == nil {
		_, err = answers.On(t.inKafka, func(a *kadm.AlterConfigsResponse) error { return a.Err })
	}
	if err != nil {
		l.logger.Warn("the settings of a topic differ and cannot be changed", append(changes, "err", err)...)
		return false, nil
	}
	l.logger.Info("changed the settings of a topic", changes...)
	return true, l.view.reconfigure(ctx, t, differing)
}

// reconfigure puts settings that were changed into the table.
func (v *view) reconfigure(ctx context.Context, t *topic, changed []kadm.AlterConfig) error {
	if err := v.lock(ctx); err != nil {
		return err
	}
	defer v.unlock()
	table := v.table.Load()
	now := table.byName[t.Name]
	if now == nil || now.id != t.id {
		return nil
	}
	next := *now
	next.configs = maps.Clone(now.configs)
	for _, c := range changed {
		next.configs[c.Name] = *c.Value
	}
	next.describe()
	byName := maps.Clone(table.byName)
	byName[t.Name] = &next
	v.store(byName, table.brokers)
	return nil
}

// grow adds the partitions that are missing, and tells whether it did.
func (l *Log) grow(ctx context.Context, t *topic, w eventlog.Topic) bool {
	if t.Partitions > w.Partitions {
		l.logger.Warn("a topic has more partitions than it is configured to; they stay", "topic", t.Name, "has", t.Partitions, "wanted", w.Partitions)
	}
	if t.Partitions >= w.Partitions {
		return false
	}
	answers, err := l.admin.UpdatePartitions(ctx, int(w.Partitions), t.inKafka)
	if err == nil {
		_, err = answers.On(t.inKafka, func(a *kadm.CreatePartitionsResponse) error { return a.Err })
	}
	if err == nil {
		err = l.await(ctx, func() bool {
			now := l.view.table.Load().byName[t.Name]
			return now == nil || now.Partitions >= w.Partitions && l.led([]eventlog.Topic{w})
		})
	}
	if err != nil {
		l.logger.Warn("a topic has too few partitions and cannot be given more", "topic", t.Name, "has", t.Partitions, "wanted", w.Partitions, "err", err)
		return false
	}
	l.logger.Info("added partitions to a topic", "topic", t.Name, "had", t.Partitions, "has", w.Partitions)
	return true
}
