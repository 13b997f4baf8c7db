package ingest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"lazuli/internal/index"
)

// slowIndex takes a while for a batch, and notes when each began and ended.
type slowIndex struct {
	index.Index
	began chan struct{} // receives after each beginning

	mu    sync.Mutex
	begun []time.Time
	ended []time.Time
}

func (s *slowIndex) Apply(ctx context.Context, b index.Batch) error {
	s.mu.Lock()
	s.begun = append(s.begun, time.Now())
	s.mu.Unlock()
	s.began <- struct{}{}
	<-time.After(slowBatch)
	err := s.Index.Apply(ctx, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, time.Now())
	return err
}

const slowBatch = 10 * time.Millisecond

// TestGathering: where records come one by one, others are waited for as long as three batches take, at most 50 ms.
func TestGathering(t *testing.T) {
	b := newBench(t)
	slow := &slowIndex{Index: b.idx, began: make(chan struct{}, 100)}
	b.idx = slow
	b.start()
	const batches = 4
	for i := range batches {
		b.append(record(t, sourced, binary(fmt.Sprint(i), "a", i), "", "")) // while the batch before is being applied
		<-slow.began
	}
	b.settle()
	slow.mu.Lock()
	defer slow.mu.Unlock()
	if len(slow.begun) != batches {
		t.Fatalf("%d batches", len(slow.begun))
	}
	for i := 1; i < batches; i++ {
		if pause := slow.begun[i].Sub(slow.ended[i-1]); pause < 3*slowBatch {
			t.Errorf("batch %d began after %v", i, pause)
		}
	}
}
