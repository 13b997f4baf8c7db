package eventlog

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// topicTable holds every topic. It is not changed once it is made.
type topicTable struct {
	byName map[string]*topic
	sorted []*topic // by name
	lastID uint32
}

// topic is one version of a topic's description; its partitions live on in the next.
type topic struct {
	storedTopic
	partitions []*partition
}

// partition is the part of a partition's state that is kept in memory.
type partition struct {
	start, end atomic.Int64 // as readers see them

	// The committer's own: the next offset to give, and the time of the newest record in µs since 1970.
	next, newest int64
}

func (p *partition) stored() storedBounds { return storedBounds{p.start.Load(), p.next, p.newest} }

func newTopicTable(topics []*topic) *topicTable {
	t := &topicTable{byName: make(map[string]*topic, len(topics)), sorted: topics}
	slices.SortFunc(t.sorted, func(a, b *topic) int { return cmp.Compare(a.Name, b.Name) })
	for _, topic := range topics {
		t.byName[topic.Name] = topic
		t.lastID = max(t.lastID, topic.id)
	}
	return t
}

// byID finds a partition and the name of its topic; nil if there is none.
func (t *topicTable) byID(id uint32, index int32) (*partition, string) {
	for _, topic := range t.sorted {
		if topic.id == id && index >= 0 && int(index) < len(topic.partitions) {
			return topic.partitions[index], topic.Name
		}
	}
	return nil, ""
}

// find returns a partition with its topic, or ErrNoTopic.
func (t *topicTable) find(p Partition) (*topic, *partition, error) {
	topic := t.byName[p.Topic]
	if topic == nil || p.Index < 0 || int(p.Index) >= len(topic.partitions) {
		return nil, nil, fmt.Errorf("%w: %s", ErrNoTopic, p)
	}
	return topic, topic.partitions[p.Index], nil
}

// loadTopics reads all topics and bounds.
func loadTopics(db source) (*topicTable, error) {
	var topics []*topic
	err := scan(db, []byte{prefixTopic}, func(key, value []byte) error {
		stored, err := decodeTopic(key, value)
		if err != nil {
			return err
		}
		t := &topic{storedTopic: stored, partitions: make([]*partition, stored.Partitions)}
		for i := range t.partitions {
			t.partitions[i] = new(partition)
		}
		topics = append(topics, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	table := newTopicTable(topics)
	owners := make(map[uint32]*topic, len(topics))
	for _, t := range topics {
		owners[t.id] = t
	}
	err = scan(db, []byte{prefixBounds}, func(key, value []byte) error {
		if len(key) != 9 {
			return fmt.Errorf("%w: key of bounds", errMalformed)
		}
		t, index := owners[binary.BigEndian.Uint32(key[1:])], binary.BigEndian.Uint32(key[5:])
		if t == nil || uint64(index) >= uint64(len(t.partitions)) {
			return fmt.Errorf("%w: bounds of a partition that does not exist", errMalformed)
		}
		b, err := decodeBounds(value)
		if err != nil {
			return err
		}
		p := t.partitions[index]
		p.start.Store(b.start)
		p.end.Store(b.end)
		p.next, p.newest = b.end, b.newest
		return nil
	})
	return table, err
}

// scan calls fn for every entry whose key begins with prefix, in order, until fn returns an error.
func scan(db source, prefix []byte, fn func(key, value []byte) error) (err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := fn(it.Key(), value); err != nil {
			return err
		}
	}
	return it.Error()
}

// Topics implements Log.
func (l *Embedded) Topics(ctx context.Context) ([]TopicState, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	release, err := l.hold()
	if err != nil {
		return nil, err
	}
	defer release()
	table := l.topics.Load()
	states := make([]TopicState, len(table.sorted))
	for i, t := range table.sorted {
		states[i] = TopicState{Topic: t.Topic, Bounds: make([]Bounds, len(t.partitions))}
		for j, p := range t.partitions {
			states[i].Bounds[j] = p.bounds()
		}
	}
	return states, nil
}

// bounds reads the start first: it never passes the end.
func (p *partition) bounds() Bounds {
	start := p.start.Load()
	return Bounds{Start: start, End: p.end.Load()}
}

// Bounds implements Log.
func (l *Embedded) Bounds(ctx context.Context, p Partition) (Bounds, error) {
	if err := ctx.Err(); err != nil {
		return Bounds{}, err
	}
	release, err := l.hold()
	if err != nil {
		return Bounds{}, err
	}
	defer release()
	_, part, err := l.topics.Load().find(p)
	if err != nil {
		return Bounds{}, err
	}
	return part.bounds(), nil
}

// EnsureTopics implements Log. Appends wait while a topic that holds records becomes compacted: all of it is read.
func (l *Embedded) EnsureTopics(ctx context.Context, topics []Topic) error {
	for _, t := range topics {
		if err := t.Validate(); err != nil {
			return err
		}
	}
	// A topic that becomes compacted is first known to have gaps, then gets them: readers never take one for damage.
	for _, plan := range []planner{planGaps, planAll} {
		if _, changed := plan(l.topics.Load(), topics); len(changed) == 0 {
			continue
		}
		err := l.committer.do(ctx, &op{alone: true, stage: func(s *stage) error {
			table, changed := plan(l.topics.Load(), topics)
			for _, c := range changed {
				if err := l.stageTopic(s, c); err != nil {
					return fmt.Errorf("topic %s: %w", c.new.Name, err)
				}
			}
			s.published = func() { l.topics.Store(table) }
			return nil
		}})
		if err != nil {
			return err
		}
	}
	release, err := l.hold()
	if err != nil {
		return err
	}
	release()
	return ctx.Err()
}

// topicChange is a topic that plan made or changed; old is nil for a new one.
type topicChange struct{ old, new *topic }

// planner returns the table that should be, and what of it differs from the one that is.
type planner func(is *topicTable, wanted []Topic) (*topicTable, []topicChange)

// planGaps marks the topics that are to become compacted.
func planGaps(is *topicTable, wanted []Topic) (*topicTable, []topicChange) {
	byName := maps.Clone(is.byName)
	for _, w := range wanted {
		if old := byName[w.Name]; old != nil && w.Compact && !old.gaps {
			next := *old
			next.gaps = true
			byName[w.Name] = &next
		}
	}
	return changes(is, byName)
}

// planAll makes all topics what is wanted.
func planAll(is *topicTable, wanted []Topic) (*topicTable, []topicChange) {
	byName := maps.Clone(is.byName)
	lastID := is.lastID
	for _, w := range wanted {
		old := byName[w.Name]
		w.Churn, w.Kafka = false, nil // what is replaced goes at once here
		next := &topic{storedTopic: storedTopic{gaps: w.Compact, Topic: w}}
		if old == nil {
			lastID++
			next.id = lastID
		} else {
			next.id = old.id
			next.gaps = old.gaps || w.Compact
			next.Partitions = max(old.Partitions, w.Partitions)
			next.partitions = slices.Clone(old.partitions)
		}
		for len(next.partitions) < int(next.Partitions) {
			next.partitions = append(next.partitions, new(partition))
		}
		if old == nil || old.storedTopic != next.storedTopic {
			byName[w.Name] = next
		}
	}
	return changes(is, byName)
}

func changes(is *topicTable, byName map[string]*topic) (*topicTable, []topicChange) {
	var changed []topicChange
	for name, next := range byName {
		if old := is.byName[name]; old != next {
			changed = append(changed, topicChange{old, next})
		}
	}
	return newTopicTable(slices.Collect(maps.Values(byName))), changed
}

// stageTopic writes one change.
func (l *Embedded) stageTopic(s *stage, c topicChange) error {
	if c.old != nil && c.new.Compact && !c.old.Compact {
		if err := l.compactAll(c.old); err != nil {
			return err
		}
	}
	if c.old != nil && c.old.Compact && !c.new.Compact {
		prefix := latestPrefix(c.new.id)
		s.deleteRange(prefix, after(prefix))
	}
	s.set(topicKey(c.new.Name), c.new.encode())
	s.moved = true
	return nil
}

// compactPage is how much of a topic is read at a time when it becomes compacted.
var compactPage = Limit{Records: 1000, Bytes: 1 << 20}.WithDefaults()

// compactAll makes the 'k' entries of a topic that becomes compacted, and removes all records but the newest of each key,
// in the committer's goroutine and in batches of its own. If a crash cuts it short, the topic is not compacted yet and the
// next try begins with no 'k' entries again; records that are gone are gone rightly. Records without a key stay.
func (l *Embedded) compactAll(t *topic) error {
	fresh := newStage(l.db)
	defer fresh.close()
	prefix := latestPrefix(t.id)
	fresh.deleteRange(prefix, after(prefix))
	if err := l.committer.apply(fresh, pebble.NoSync); err != nil {
		return err
	}
	for i, p := range t.partitions {
		r := stretchReader{db: l.db, topic: t, part: p, at: Partition{t.Name, int32(i)}}
		for next := p.start.Load(); next < p.end.Load(); {
			page, err := r.read(l.stopped, next, compactPage)
			if err != nil {
				return err
			}
			if err := l.compactRecords(t, page.Records); err != nil {
				return err
			}
			next = page.Next
		}
	}
	return nil
}

// compactRecords takes the next records of a topic into its 'k' entries. Partitions come one after the other: a key that
// moved when partitions were added keeps the record of the higher partition.
func (l *Embedded) compactRecords(t *topic, records []Record) error {
	s := newStage(l.db)
	defer s.close()
	var key, latest []byte
	for i := range records {
		r := &records[i]
		if len(r.Key) == 0 {
			continue
		}
		latest = latestKey(latest, t.id, r.Key)
		old, ok := s.latest[string(latest)]
		if !ok {
			stored, err := s.stored(latest)
			if err != nil {
				return err
			}
			if ok = stored != nil; ok {
				old = *stored
			}
		}
		if ok {
			key = recordKey(key, t.id, old.partition, old.offset)
			s.delete(key)
		}
		at := place{r.Position.Index, r.Position.Offset}
		s.latest[string(latest)] = at
		s.set(latest, at.encode())
	}
	return l.committer.apply(s, pebble.NoSync)
}
