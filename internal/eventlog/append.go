package eventlog

import (
	"context"
	"fmt"
)

// Append implements Log.
func (l *Embedded) Append(ctx context.Context, records []Record) ([]Position, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	bytes, err := l.checkAppend(records)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		release, err := l.hold()
		if err != nil {
			return nil, err
		}
		release()
		return nil, nil
	}
	positions := make([]Position, len(records))
	err = l.committer.do(ctx, &op{bytes: bytes, stage: func(s *stage) error { return l.stageAppend(s, records, positions) }})
	if err != nil {
		return nil, fmt.Errorf("append to the log: %w", err)
	}
	l.counters.appends.Add(1)
	l.counters.records.Add(uint64(len(records)))
	l.counters.bytes.Add(uint64(bytes))
	return positions, nil
}

// checkAppend refuses what no log takes, and returns how many bytes the records have.
func (l *Embedded) checkAppend(records []Record) (bytes int64, err error) {
	topics := l.topics.Load()
	for i := range records {
		r := &records[i]
		topic := topics.byName[r.Topic]
		if topic == nil {
			return 0, fmt.Errorf("append to the log: record %d: %w: %s", i, ErrNoTopic, r.Topic)
		}
		if err := checkRecord(topic, r); err != nil {
			return 0, fmt.Errorf("append to the log: record %d for %s: %w", i, r.Topic, err)
		}
		bytes += int64(r.Size())
	}
	if bytes > MaxAppendBytes {
		return 0, fmt.Errorf("append to the log: %d bytes in one call: %w", bytes, ErrTooLarge)
	}
	return bytes, nil
}

func checkRecord(t *topic, r *Record) error {
	if size := r.Size(); size > MaxRecordBytes {
		return fmt.Errorf("%d bytes: %w", size, ErrTooLarge)
	}
	if t.Compact && len(r.Key) == 0 {
		return fmt.Errorf("%w: a record in a compacted topic needs a key", ErrInvalid)
	}
	return nil
}

// stageAppend puts the records into the batch and gives them their offsets.
func (l *Embedded) stageAppend(s *stage, records []Record, positions []Position) error {
	topics := l.topics.Load()
	replaced, err := replacedBy(s, topics, records)
	if err != nil {
		return err
	}
	now := l.now().UnixMicro()
	var key, latest []byte
	for i := range records {
		r := &records[i]
		t := topics.byName[r.Topic]
		index := r.PartitionIn(t.Partitions)
		p := t.partitions[index]
		if !s.touches(p) {
			s.touch(p, t.id, index)
			p.newest = max(p.newest, now)
		}
		at := place{index, p.next}
		p.next++
		positions[i] = Position{Partition{r.Topic, index}, at.offset}
		key = recordKey(key, t.id, index, at.offset)
		s.setRecord(key, r, p.newest)
		if !t.Compact {
			continue
		}
		latest = latestKey(latest, t.id, r.Key)
		old := replaced[i]
		if in, ok := s.latest[string(latest)]; ok {
			old = &in // in the same batch, and so newer than what is stored
		}
		if old != nil {
			s.delete(recordKey(key, t.id, old.partition, old.offset))
		}
		s.latest[string(latest)] = at
		s.set(latest, at.encode())
	}
	s.moved = true
	return nil
}

// replacedBy looks up where the records lie, if anywhere, that the given ones replace in compacted topics. It does not see
// what is in the batch. The answer is nil if no topic is compacted.
func replacedBy(s *stage, topics *topicTable, records []Record) ([]*place, error) {
	var replaced []*place
	var latest []byte
	for i := range records {
		r := &records[i]
		t := topics.byName[r.Topic]
		if err := checkRecord(t, r); err != nil { // the topic may have become compacted since Append looked
			return nil, err
		}
		if !t.Compact {
			continue
		}
		if replaced == nil {
			replaced = make([]*place, len(records))
		}
		latest = latestKey(latest, t.id, r.Key)
		if _, ok := s.latest[string(latest)]; ok {
			continue
		}
		at, err := s.stored(latest)
		if err != nil {
			return nil, err
		}
		replaced[i] = at
	}
	return replaced, nil
}
