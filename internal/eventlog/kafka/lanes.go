package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"lazuli/internal/eventlog"
)

// linger is how long the client holds records back that nobody sends off; wave does. Without that the first record of a wave was
// a request of its own, with a sync of its own: that made 32 appenders three times slower.
const linger = 5 * time.Millisecond

// lanes writes to each partition in waves: while one is on its way, what comes gathers for the next. So concurrent appends share
// batches, and syncs, however fast or slow Kafka is. The zero value is ready.
type lanes struct {
	mu    sync.Mutex
	lanes map[eventlog.Partition]*lane
}

type lane struct {
	busy    bool
	waiting []*part
}

// join lets a part take part in the next wave to its partition.
func (s *lanes) join(client *kgo.Client, p *part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lanes == nil {
		s.lanes = make(map[eventlog.Partition]*lane)
	}
	l := s.lanes[p.at]
	if l == nil {
		l = new(lane)
		s.lanes[p.at] = l
	}
	l.waiting = append(l.waiting, p)
	if !l.busy {
		l.busy = true
		go s.run(client, l)
	}
}

// run makes waves until nobody waits.
func (s *lanes) run(client *kgo.Client, l *lane) {
	for {
		s.mu.Lock()
		parts := l.waiting
		l.waiting = nil
		l.busy = len(parts) > 0
		s.mu.Unlock()
		if len(parts) == 0 {
			return
		}
		wave(client, parts)
	}
}

// wave writes parts of one partition and waits for the outcome.
func wave(client *kgo.Client, parts []*part) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errAway)
	defer cancel()
	var pending sync.WaitGroup
	for _, p := range parts {
		if !p.taken.CompareAndSwap(false, true) {
			continue // its caller gave up
		}
		left, written, failure := len(p.records), 0, error(nil) // the client calls back one at a time
		pending.Add(1)
		for _, record := range p.records {
			client.Produce(ctx, record, func(_ *kgo.Record, err error) {
				if err != nil && failure == nil && !p.refused.Load() {
					failure = fmt.Errorf("%s: %w", p.at, err)
				}
				if err == nil {
					written++
				}
				if left--; left == 0 {
					if errors.Is(failure, kerr.InvalidRecord) && written == 0 {
						p.refused.Store(true)
						p.invalid, failure = failure, nil
					}
					p.done <- failure
					pending.Done()
				}
			})
		}
	}
	sending, stop := context.WithCancel(ctx)
	go func() { _ = client.Flush(sending) }() // sends what is held back; the records tell of errors
	pending.Wait()
	stop()
}
