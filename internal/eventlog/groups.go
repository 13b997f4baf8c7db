package eventlog

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Commit implements Log.
func (l *Embedded) Commit(ctx context.Context, group string, offsets map[Partition]int64) error {
	if err := CheckGroup(group); err != nil {
		return err
	}
	topics := l.topics.Load()
	for p, offset := range offsets {
		if _, _, err := topics.find(p); err != nil {
			return fmt.Errorf("commit of group %s: %w", group, err)
		}
		if offset < 0 {
			return fmt.Errorf("commit of group %s: %w: offset %d of %s", group, ErrInvalid, offset, p)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := l.committer.do(ctx, &op{stage: func(s *stage) error {
		for p, offset := range offsets {
			key := groupKey(group, topics.byName[p.Topic].id, p.Index)
			s.set(key, binary.BigEndian.AppendUint64(nil, uint64(offset)))
		}
		return nil
	}})
	if err != nil {
		return fmt.Errorf("commit of group %s: %w", group, err)
	}
	return nil
}

// Committed implements Log.
func (l *Embedded) Committed(ctx context.Context, group string) (map[Partition]int64, error) {
	if err := CheckGroup(group); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	release, err := l.hold()
	if err != nil {
		return nil, err
	}
	defer release()
	names := make(map[uint32]string)
	for _, t := range l.topics.Load().sorted {
		names[t.id] = t.Name
	}
	offsets := make(map[Partition]int64)
	err = scan(l.reader(), groupPrefix(group), func(key, value []byte) error {
		_, id, index, err := splitGroupKey(key)
		if err != nil {
			return err
		}
		if names[id] == "" || len(value) != 8 {
			return fmt.Errorf("%w: offset of group %s", errMalformed, group)
		}
		offsets[Partition{names[id], index}] = int64(binary.BigEndian.Uint64(value))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read group %s: %w", group, describe(err))
	}
	return offsets, nil
}

// Groups implements Log. It seeks from group to group, whatever number of offsets they have.
func (l *Embedded) Groups(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	release, err := l.hold()
	if err != nil {
		return nil, err
	}
	defer release()
	it, err := l.reader().NewIter(&pebble.IterOptions{LowerBound: []byte{prefixGroup}, UpperBound: []byte{prefixGroup + 1}})
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", describe(err))
	}
	var groups []string
	for ok := it.First(); ok; ok = it.SeekGE(after(groupPrefix(groups[len(groups)-1]))) {
		group, _, _, err := splitGroupKey(it.Key())
		if err != nil {
			_ = it.Close()
			return nil, err
		}
		groups = append(groups, group)
	}
	if err := it.Close(); err != nil {
		return nil, fmt.Errorf("list groups: %w", describe(err))
	}
	return groups, nil
}

// DeleteGroup implements Log.
func (l *Embedded) DeleteGroup(ctx context.Context, group string) error {
	if err := CheckGroup(group); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	prefix := groupPrefix(group)
	err := l.committer.do(ctx, &op{stage: func(s *stage) error {
		s.deleteRange(prefix, after(prefix))
		return nil
	}})
	if err != nil {
		return fmt.Errorf("delete group %s: %w", group, err)
	}
	return nil
}
