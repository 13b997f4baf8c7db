package eventlogtest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lazuli/internal/eventlog"
)

// Memory is a log that is kept in memory, plain enough to be right, for tests that need very many steps a second. Times
// are strictly rising, so that no two records have one. Begin with NewMemory.
type Memory struct {
	// Now is the clock [time.Now]. Lazy leaves replaced records where they are until Compact is called.
	Now  func() time.Time
	Lazy bool

	mu       sync.Mutex
	closed   bool
	topics   map[string]*memoryTopic
	groups   map[string]map[eventlog.Partition]int64
	watchers map[chan struct{}]bool
	newest   time.Time
}

type memoryTopic struct {
	eventlog.Topic
	parts  []*memoryPart
	latest map[string]eventlog.Position // by key, of a compacted topic
}

type memoryPart struct {
	eventlog.Bounds
	records []eventlog.Record // by offset
}

// NewMemory returns an empty log.
func NewMemory() *Memory {
	return &Memory{Now: time.Now, topics: map[string]*memoryTopic{}, groups: map[string]map[eventlog.Partition]int64{},
		watchers: map[chan struct{}]bool{}}
}

// Reopen opens a log again that was closed; nothing of it was lost.
func (m *Memory) Reopen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = false
}

// enter locks the log for one call.
func (m *Memory) enter(ctx context.Context) error {
	m.mu.Lock()
	err := ctx.Err()
	if m.closed {
		err = eventlog.ErrClosed
	}
	if err != nil {
		m.mu.Unlock()
	}
	return err
}

func (m *Memory) find(p eventlog.Partition) (*memoryPart, error) {
	t := m.topics[p.Topic]
	if t == nil || p.Index < 0 || int(p.Index) >= len(t.parts) {
		return nil, fmt.Errorf("%w: %s", eventlog.ErrNoTopic, p)
	}
	return t.parts[p.Index], nil
}

// EnsureTopics implements eventlog.Log.
func (m *Memory) EnsureTopics(ctx context.Context, topics []eventlog.Topic) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, t := range topics {
		if err := t.Validate(); err != nil {
			return err
		}
	}
	for _, want := range topics {
		t := m.topics[want.Name]
		if t == nil {
			t = &memoryTopic{}
			m.topics[want.Name] = t
		}
		for len(t.parts) < int(want.Partitions) {
			t.parts = append(t.parts, &memoryPart{})
			m.notify()
		}
		compacted := t.Compact
		t.Topic = want
		t.Partitions = int32(len(t.parts))
		if t.Compact && !compacted {
			m.compact(t)
		}
	}
	return nil
}

// Topics implements eventlog.Log.
func (m *Memory) Topics(ctx context.Context) ([]eventlog.TopicState, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := make([]eventlog.TopicState, 0, len(m.topics))
	for _, t := range m.topics {
		state := eventlog.TopicState{Topic: t.Topic}
		for _, p := range t.parts {
			state.Bounds = append(state.Bounds, p.Bounds)
		}
		list = append(list, state)
	}
	slices.SortFunc(list, func(a, b eventlog.TopicState) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// Append implements eventlog.Log.
func (m *Memory) Append(ctx context.Context, records []eventlog.Record) ([]eventlog.Position, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	total := 0
	for i := range records {
		t := m.topics[records[i].Topic]
		size := records[i].Size()
		total += size
		switch {
		case t == nil:
			return nil, fmt.Errorf("%w: %s", eventlog.ErrNoTopic, records[i].Topic)
		case size > eventlog.MaxRecordBytes || total > eventlog.MaxAppendBytes:
			return nil, eventlog.ErrTooLarge
		case t.Compact && len(records[i].Key) == 0:
			return nil, fmt.Errorf("%w: no key", eventlog.ErrInvalid)
		}
	}
	positions := make([]eventlog.Position, len(records))
	for i := range records {
		positions[i] = m.add(m.topics[records[i].Topic], copyRecord(&records[i]))
	}
	m.notify()
	return positions, nil
}

func (m *Memory) add(t *memoryTopic, r eventlog.Record) eventlog.Position {
	m.newest = latest(m.Now().Round(0).Truncate(time.Microsecond), m.newest.Add(time.Microsecond))
	index := r.PartitionIn(t.Partitions)
	p := t.parts[index]
	r.Time, r.Position = m.newest, eventlog.Position{Partition: eventlog.Partition{Topic: t.Name, Index: index}, Offset: p.End}
	p.records = append(p.records, r)
	p.End++
	if t.Compact {
		if old, ok := t.latest[string(r.Key)]; ok && !m.Lazy {
			t.remove(old)
		}
		t.latest[string(r.Key)] = r.Position
	}
	return r.Position
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (t *memoryTopic) remove(at eventlog.Position) {
	p := t.parts[at.Index]
	if i, ok := p.index(at.Offset); ok {
		p.records = slices.Delete(p.records, i, i+1)
	}
}

// index finds the first record at or after an offset, and tells whether it is at it.
func (p *memoryPart) index(offset int64) (int, bool) {
	return slices.BinarySearchFunc(p.records, offset, func(r eventlog.Record, offset int64) int {
		return cmp.Compare(r.Position.Offset, offset)
	})
}

// Compact removes the replaced records of a topic that is compacted.
func (m *Memory) Compact(topic string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.topics[topic]; t != nil && t.Compact {
		m.compact(t)
	}
}

func (m *Memory) compact(t *memoryTopic) {
	newest := map[string]eventlog.Record{}
	for _, p := range t.parts {
		for _, r := range p.records {
			if old, ok := newest[string(r.Key)]; !ok || r.Time.After(old.Time) {
				newest[string(r.Key)] = r
			}
		}
	}
	t.latest = map[string]eventlog.Position{}
	for key, r := range newest {
		t.latest[key] = r.Position
	}
	for _, p := range t.parts {
		p.records = slices.DeleteFunc(p.records, func(r eventlog.Record) bool { return t.latest[string(r.Key)] != r.Position })
	}
}

// Cut removes the records before an offset, as retention does.
func (m *Memory) Cut(at eventlog.Partition, before int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.find(at)
	if err != nil {
		return
	}
	before = min(before, p.End)
	i, _ := p.index(before)
	p.records = slices.Delete(p.records, 0, i)
	p.Start = max(p.Start, before)
}

// Has tells whether a record is still there.
func (m *Memory) Has(at eventlog.Position) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.find(at.Partition)
	if err != nil {
		return false
	}
	_, ok := p.index(at.Offset)
	return ok
}

// Read implements eventlog.Log.
func (m *Memory) Read(ctx context.Context, at eventlog.Partition, offset int64, limit eventlog.Limit) (eventlog.Page, error) {
	if err := m.enter(ctx); err != nil {
		return eventlog.Page{}, err
	}
	defer m.mu.Unlock()
	p, err := m.find(at)
	if err != nil {
		return eventlog.Page{}, err
	}
	if limit.Records <= 0 {
		limit.Records = 1000
	}
	if limit.Bytes <= 0 {
		limit.Bytes = 1 << 20
	}
	from := max(offset, p.Start)
	first, _ := p.index(from)
	page, size := eventlog.Page{Next: max(from, p.End)}, 0
	for i := first; i < len(p.records); i++ {
		size += p.records[i].Size()
		if len(page.Records) == limit.Records || len(page.Records) > 0 && size > limit.Bytes {
			page.Next = page.Records[len(page.Records)-1].Position.Offset + 1
			break
		}
		page.Records = append(page.Records, copyRecord(&p.records[i]))
	}
	return page, nil
}

// Bounds implements eventlog.Log.
func (m *Memory) Bounds(ctx context.Context, at eventlog.Partition) (eventlog.Bounds, error) {
	if err := m.enter(ctx); err != nil {
		return eventlog.Bounds{}, err
	}
	defer m.mu.Unlock()
	p, err := m.find(at)
	if err != nil {
		return eventlog.Bounds{}, err
	}
	return p.Bounds, nil
}

// Watch implements eventlog.Log.
func (m *Memory) Watch(ctx context.Context) <-chan struct{} {
	w := make(chan struct{}, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers[w] = true
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, w)
	})
	return w
}

func (m *Memory) notify() {
	for w := range m.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Commit implements eventlog.Log.
func (m *Memory) Commit(ctx context.Context, group string, offsets map[eventlog.Partition]int64) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if group == "" || len(group) >= 1<<15 || strings.Contains(group, "\x00") {
		return fmt.Errorf("%w: group %q", eventlog.ErrInvalid, group)
	}
	for p, offset := range offsets {
		if _, err := m.find(p); err != nil {
			return err
		}
		if offset < 0 {
			return fmt.Errorf("%w: offset %d", eventlog.ErrInvalid, offset)
		}
	}
	if m.groups[group] == nil {
		m.groups[group] = map[eventlog.Partition]int64{}
	}
	maps.Copy(m.groups[group], offsets)
	return nil
}

// Committed implements eventlog.Log.
func (m *Memory) Committed(ctx context.Context, group string) (map[eventlog.Partition]int64, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return maps.Clone(m.groups[group]), nil
}

// Groups implements eventlog.Log.
func (m *Memory) Groups(ctx context.Context) ([]string, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.groups)), nil
}

// DeleteGroup implements eventlog.Log.
func (m *Memory) DeleteGroup(ctx context.Context, group string) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	delete(m.groups, group)
	return nil
}

// Close implements eventlog.Log.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// copyRecord gives a record slices of its own. Empty keys and headers become nil, an empty value stays one.
func copyRecord(r *eventlog.Record) eventlog.Record {
	c := *r
	c.Key, c.Header, c.Value = append([]byte(nil), r.Key...), append([]byte(nil), r.Header...), bytes.Clone(r.Value)
	return c
}
