package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"lazuli/internal/eventlog"
)

// follower reads a topic from its first record on and applies every record once, in the order of its partition. It belongs to
// no consumer group: every instance follows for itself, so each of them knows all of the topic.
type follower struct {
	d     *Dispatcher
	topic string
	apply func(*eventlog.Record)

	mu   sync.Mutex // one reader at a time
	next positions
}

// catchUp applies what is in the topic now.
func (f *follower) catchUp(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n := int32(0); ; n++ {
		part := eventlog.Partition{Topic: f.topic, Index: n}
		b, err := f.d.log.Bounds(ctx, part)
		if errors.Is(err, eventlog.ErrNoTopic) && n > 0 {
			return nil
		}
		if err == nil {
			err = f.read(ctx, part, b.End)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", part, err)
		}
	}
}

// read applies the records of a partition up to an offset. The caller holds f.mu.
func (f *follower) read(ctx context.Context, part eventlog.Partition, end int64) error {
	for len(f.next) <= int(part.Index) {
		f.next = append(f.next, 0)
	}
	at := &f.next[part.Index]
	for *at < end {
		page, err := f.d.log.Read(ctx, part, *at, eventlog.Limit{Records: 1000, Bytes: 4 << 20})
		var corrupt *eventlog.CorruptError
		switch {
		case errors.As(err, &corrupt):
			f.d.logger.Error("what cannot be read has no effect", "err", err)
			page.Next = max(corrupt.To, *at+1)
		case err != nil:
			return err
		case page.Next <= *at:
			page.Next = end // nothing is kept between here and the end
		}
		for i := range page.Records {
			f.apply(&page.Records[i])
		}
		*at = page.Next
	}
	return nil
}
