package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"lazuli/internal/eventlog"
)

// view is what this process knows of the cluster. Tables are replaced, never changed; the bounds in them move.
type view struct {
	log *Log

	busy  chan struct{} // has a token while a new table is made
	table atomic.Pointer[table]
	moved chan struct{} // gets a token when other brokers lead than before
}

// table holds every topic that the log sees.
type table struct {
	byName  map[string]*topic // without namespace
	sorted  []*topic          // by name
	leading []int32           // the brokers that lead partitions
	brokers int
}

// topicID is Kafka's own name of a topic; one that was deleted and made again has another.
type topicID [16]byte

type topic struct {
	eventlog.Topic
	id         topicID
	inKafka    string // the name with the namespace
	replicas   int
	configs    map[string]string
	partitions []partition
	missed     time.Time // when Kafka first did not list it any more
}

// lateListing is for how long a topic that Kafka does not list stays known: a broker may list late what was just made.
const lateListing = 5 * time.Second

// partition says who leads a partition (-1: nobody), and shares its bounds with other tables.
type partition struct {
	leader int32
	*bounds
}

type bounds struct{ start, end atomic.Int64 }

func (b *bounds) load() eventlog.Bounds {
	start := b.start.Load() // first: it never passes the end
	return eventlog.Bounds{Start: start, End: b.end.Load()}
}

// reach moves the end up to at least end, and tells whether it moved.
func (b *bounds) reach(end int64) bool {
	for {
		have := b.end.Load()
		if have >= end {
			return false
		}
		if b.end.CompareAndSwap(have, end) {
			return true
		}
	}
}

func newView(l *Log) *view {
	v := &view{log: l, busy: make(chan struct{}, 1), moved: make(chan struct{}, 1)}
	v.table.Store(&table{byName: map[string]*topic{}})
	return v
}

// find returns the topic of a partition that exists; it looks again before it says ErrNoTopic.
func (v *view) find(ctx context.Context, p eventlog.Partition) (*topic, error) {
	t, err := v.topic(ctx, p.Topic)
	if err != nil {
		return nil, err
	}
	if int(p.Index) >= len(t.partitions) && p.Index >= 0 {
		if err := v.refresh(ctx); err != nil {
			return nil, err
		}
		t = v.table.Load().byName[p.Topic]
	}
	if t == nil || p.Index < 0 || int(p.Index) >= len(t.partitions) {
		return nil, fmt.Errorf("%w: %s", eventlog.ErrNoTopic, p)
	}
	return t, nil
}

// topic returns a topic that exists; it looks again before it says ErrNoTopic.
func (v *view) topic(ctx context.Context, name string) (*topic, error) {
	if t := v.table.Load().byName[name]; t != nil {
		return t, nil
	}
	if err := v.refresh(ctx); err != nil {
		return nil, err
	}
	if t := v.table.Load().byName[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%w: %s", eventlog.ErrNoTopic, name)
}

// refresh asks Kafka for all topics, and for settings and bounds of what is new. Watchers learn of new topics.
func (v *view) refresh(ctx context.Context) error {
	if err := v.lock(ctx); err != nil {
		return err
	}
	defer v.unlock()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = nil // all of them
	answer, err := request.RequestWith(ctx, v.log.client)
	if err != nil {
		return fmt.Errorf("list the topics: %w", err)
	}
	old := v.table.Load()
	byName := make(map[string]*topic)
	var news []*topic
	for i := range answer.Topics {
		t := v.read(&answer.Topics[i], old)
		if t == nil {
			continue
		}
		byName[t.Name] = t
		if before := old.byName[t.Name]; before == nil || before.id != t.id || len(before.partitions) < len(t.partitions) {
			news = append(news, t)
		}
	}
	for name, t := range old.byName {
		if byName[name] == nil && (t.missed.IsZero() || time.Since(t.missed) < lateListing) {
			byName[name] = t.notListed()
		}
	}
	if err := v.learn(ctx, news); err != nil {
		return err
	}
	for name, t := range old.byName {
		if now := byName[name]; now == nil || now.id != t.id {
			v.log.client.PurgeTopicsFromProducing(t.inKafka) // it was deleted; what is made again is another topic
		}
	}
	v.store(byName, len(answer.Brokers))
	if len(news) > 0 || len(byName) != len(old.byName) {
		v.log.watchers.Wake()
	}
	return nil
}

// notListed returns the topic with the time since when it is missed.
func (t *topic) notListed() *topic {
	if !t.missed.IsZero() {
		return t
	}
	next := *t
	next.missed = time.Now()
	return &next
}

func (v *view) lock(ctx context.Context) error {
	select {
	case v.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (v *view) unlock() { <-v.busy }

func (v *view) store(byName map[string]*topic, brokers int) {
	sorted := slices.SortedFunc(maps.Values(byName), func(a, b *topic) int { return cmp.Compare(a.Name, b.Name) })
	var leading []int32
	for _, t := range sorted {
		for _, p := range t.partitions {
			if p.leader >= 0 && !slices.Contains(leading, p.leader) {
				leading = append(leading, p.leader)
			}
		}
	}
	slices.Sort(leading)
	old := v.table.Swap(&table{byName, sorted, leading, brokers})
	if old != nil && !slices.Equal(old.leading, leading) {
		select {
		case v.moved <- struct{}{}:
		default:
		}
	}
}

// read takes over what metadata says of a topic; nil if the log does not see it. What was known of it stays.
func (v *view) read(m *kmsg.MetadataResponseTopic, old *table) *topic {
	opts := &v.log.opts
	if m.Topic == nil || m.IsInternal {
		return nil
	}
	name, ok := strings.CutPrefix(*m.Topic, opts.Namespace)
	if !ok || !strings.HasPrefix(name, opts.Only) {
		return nil
	}
	before := old.byName[name]
	if m.ErrorCode != 0 {
		return before
	}
	t := &topic{Topic: eventlog.Topic{Name: name}, id: m.TopicID, inKafka: *m.Topic}
	if before != nil && before.id == t.id {
		t.Topic, t.configs = before.Topic, before.configs
	} else {
		before = nil
	}
	t.partitions = make([]partition, len(m.Partitions))
	for i := range t.partitions {
		t.partitions[i] = partition{leader: -1}
		if before != nil && i < len(before.partitions) {
			t.partitions[i].bounds = before.partitions[i].bounds
		}
	}
	for _, p := range m.Partitions {
		if p.Partition < 0 || int(p.Partition) >= len(t.partitions) {
			return nil // partitions are numbered without gaps, so this is no answer that can be used
		}
		t.partitions[p.Partition].leader = p.Leader
		t.replicas = max(t.replicas, len(p.Replicas))
	}
	t.Partitions = int32(len(t.partitions))
	return t
}

// learn fills in settings and bounds of new topics, and the bounds of new partitions.
func (v *view) learn(ctx context.Context, news []*topic) error {
	if len(news) == 0 {
		return nil
	}
	names := make([]string, len(news))
	for i, t := range news {
		names[i] = t.inKafka
	}
	settings, err := v.log.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return fmt.Errorf("ask for the settings of topics: %w", err)
	}
	for _, t := range news {
		s, err := settings.On(t.inKafka, nil)
		if err == nil {
			err = s.Err
		}
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			continue // deleted just now: the next refresh does not find it
		}
		if err != nil {
			return fmt.Errorf("ask for the settings of topic %s: %w", t.Name, err)
		}
		t.configs = make(map[string]string, len(s.Configs))
		for _, c := range s.Configs {
			t.configs[c.Key] = c.MaybeValue()
		}
		t.describe()
	}
	return v.measure(ctx, news)
}

// measure asks Kafka for the bounds of topics and puts them into their partitions.
func (v *view) measure(ctx context.Context, topics []*topic) error {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.inKafka
	}
	ends, err := v.log.admin.ListCommittedOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("ask for the ends of topics: %w", err)
	}
	starts, err := v.log.admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("ask for the starts of topics: %w", err)
	}
	for _, t := range topics {
		for i := range t.partitions {
			p := &t.partitions[i]
			if p.bounds == nil {
				p.bounds = new(bounds) // without a leader it has none yet; the tails find out
			}
			p.take(starts[t.inKafka][int32(i)], ends[t.inKafka][int32(i)])
		}
	}
	return nil
}

// take puts measured bounds into place. An end that went down is that of a log that lost records.
func (p *partition) take(start, end kadm.ListedOffset) {
	if start.Err == nil && start.Topic != "" {
		p.start.Store(start.Offset)
	}
	if end.Err == nil && end.Topic != "" {
		p.reach(end.Offset)
	}
}

// refreshInterval is how often the topics are listed: every half second, and less often where that takes long.
func refreshInterval(took time.Duration) time.Duration { return max(500*time.Millisecond, 20*took) }

// moved tells whether an error means that the table is out of date.
func moved(code int16) bool {
	switch kerr.TypedErrorForCode(code) {
	case kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.ReplicaNotAvailable,
		kerr.KafkaStorageError, kerr.UnknownTopicID, kerr.InconsistentTopicID, kerr.OffsetNotAvailable, kerr.BrokerNotAvailable:
		return true
	}
	return false
}
