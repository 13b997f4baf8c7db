package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"lazuli/internal/eventlog"
)

// Commit implements eventlog.Log. The group must have no members.
func (l *Log) Commit(ctx context.Context, group string, offsets map[eventlog.Partition]int64) error {
	if err := eventlog.CheckGroup(group); err != nil {
		return err
	}
	offsets = maps.Clone(offsets)
	_, err := call(ctx, l, "commit of group "+group, func(ctx context.Context) (any, error) { return nil, l.commit(ctx, group, offsets) })
	return err
}

func (l *Log) commit(ctx context.Context, group string, offsets map[eventlog.Partition]int64) error {
	var list kadm.Offsets
	for p, offset := range offsets {
		t, err := l.view.find(ctx, p)
		if err != nil {
			return err
		}
		if offset < 0 {
			return fmt.Errorf("%w: offset %d of %s", eventlog.ErrInvalid, offset, p)
		}
		list.Add(kadm.Offset{Topic: t.inKafka, Partition: p.Index, At: offset, LeaderEpoch: -1})
	}
	err := coordinated(ctx, func() error {
		answers, err := l.admin.CommitOffsets(ctx, l.opts.Namespace+group, list)
		return cmp.Or(err, answers.Error())
	})
	if errors.Is(err, kerr.UnknownTopicOrPartition) { // the client says so as well when it cannot find out
		err = cmp.Or(l.view.refresh(ctx), err)
	}
	return err
}

// coordinated calls fn again while the broker that keeps a group is still to be found or has just changed: on a new Kafka the
// first group of all makes the topic that groups are kept in.
func coordinated(ctx context.Context, fn func() error) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := fn()
		if !errors.Is(err, kerr.CoordinatorNotAvailable) && !errors.Is(err, kerr.CoordinatorLoadInProgress) && !errors.Is(err, kerr.NotCoordinator) {
			return err
		}
		if late := wait(ctx, pause); late != nil {
			return errors.Join(late, err)
		}
	}
}

// Committed implements eventlog.Log.
func (l *Log) Committed(ctx context.Context, group string) (map[eventlog.Partition]int64, error) {
	if err := eventlog.CheckGroup(group); err != nil {
		return nil, err
	}
	return call(ctx, l, "read group "+group, func(ctx context.Context) (map[eventlog.Partition]int64, error) {
		var answers kadm.OffsetResponses
		err := coordinated(ctx, func() (err error) {
			answers, err = l.admin.FetchOffsets(ctx, l.opts.Namespace+group)
			return cmp.Or(err, answers.Error())
		})
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return nil, err
		}
		offsets := make(map[eventlog.Partition]int64)
		answers.Each(func(o kadm.OffsetResponse) {
			if name, ok := strings.CutPrefix(o.Topic, l.opts.Namespace); ok && o.At >= 0 {
				offsets[eventlog.Partition{Topic: name, Index: o.Partition}] = o.At
			}
		})
		return offsets, nil
	})
}

// Groups implements eventlog.Log. Groups with members are in it.
func (l *Log) Groups(ctx context.Context) ([]string, error) {
	return call(ctx, l, "list groups", func(ctx context.Context) ([]string, error) {
		var all kadm.ListedGroups
		err := coordinated(ctx, func() (err error) {
			all, err = l.admin.ListGroups(ctx)
			return err
		})
		var groups []string
		for _, g := range all {
			if name, ok := strings.CutPrefix(g.Group, l.opts.Namespace); ok && g.State != "Dead" {
				groups = append(groups, name)
			}
		}
		slices.Sort(groups)
		return groups, err
	})
}

// DeleteGroup implements eventlog.Log.
func (l *Log) DeleteGroup(ctx context.Context, group string) error {
	if err := eventlog.CheckGroup(group); err != nil {
		return err
	}
	_, err := call(ctx, l, "delete group "+group, func(ctx context.Context) (any, error) {
		err := coordinated(ctx, func() error {
			answer, err := l.admin.DeleteGroup(ctx, l.opts.Namespace+group)
			return cmp.Or(err, answer.Err)
		})
		if errors.Is(err, kerr.GroupIDNotFound) {
			err = nil
		}
		return nil, err
	})
	return err
}
