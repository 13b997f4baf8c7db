package eventlog

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/semaphore"
)

const (
	// queueBytes bounds what waits for the committer. A larger op waits until it is the only one.
	queueBytes = 64 << 20
	// batchBytes is where the committer stops to gather. Batches of half a memtable and more cost Pebble a flush each.
	batchBytes = 2 << 20
	// opBytes is what an op without records counts.
	opBytes = 256
	// stuckAfter is how long callers wait for a commit after a write failed. One that does not come back by then waits for
	// a flush that will never be, and writes nothing more. (A batch of half a memtable may be in the write-ahead log by then;
	// see Embedded on what a failed Append may leave.)
	stuckAfter = time.Second
)

// op is one change of the log, all of it or nothing.
type op struct {
	bytes int64 // what it holds in memory, about
	alone bool  // shares no batch, because it reads what others in it would change
	// stage adds the op to the batch, in the committer's goroutine. On an error it must have added nothing, unless it is alone.
	stage func(*stage) error

	taken atomic.Bool // by the committer, or by the caller who gave up
	done  chan error  // gets one
}

// committer is the only one who writes to the database, in one goroutine: it gathers the ops that wait, stages them into one
// batch, commits that with one sync, and then lets everybody know.
type committer struct {
	log   *Embedded
	space *semaphore.Weighted // bytes

	mu      sync.Mutex
	queue   []*op
	closed  bool
	pending chan struct{} // has a token while the queue may not be empty
	ended   chan struct{}
}

func startCommitter(l *Embedded) *committer {
	c := &committer{log: l, space: semaphore.NewWeighted(queueBytes), pending: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.run()
	return c
}

// do hands an op to the committer and waits until it is on disk, or for the reason why not.
func (c *committer) do(ctx context.Context, o *op) error {
	o.done = make(chan error, 1)
	weight := min(max(o.bytes, opBytes), queueBytes)
	if err := c.log.gate.failure(); err != nil {
		return refusal(err)
	}
	if err := c.space.Acquire(ctx, weight); err != nil {
		return err
	}
	defer c.space.Release(weight)
	if err := c.push(o); err != nil {
		return err
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		if o.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-c.log.gate.tripped:
	}
	return c.outcome(o)
}

func (c *committer) push(o *op) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.queue = append(c.queue, o)
	select {
	case c.pending <- struct{}{}:
	default:
	}
	return nil
}

// outcome waits for an op that is being committed.
func (c *committer) outcome(o *op) error {
	select {
	case err := <-o.done:
		return err
	case <-c.log.gate.tripped:
	}
	patience := time.NewTimer(stuckAfter)
	defer patience.Stop()
	select {
	case err := <-o.done:
		return err
	case <-patience.C:
		o.taken.Store(true)
		return refusal(c.log.gate.failure())
	}
}

// close lets no op in any more; those in the queue are still done. It returns false if it was called before.
func (c *committer) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.closed = true
	close(c.pending)
	return true
}

// wait waits for the committer's end. It returns false if that does not come because the log failed.
func (c *committer) wait() bool {
	select {
	case <-c.ended:
		return true
	case <-c.log.gate.tripped:
	}
	patience := time.NewTimer(stuckAfter)
	defer patience.Stop()
	select {
	case <-c.ended:
		return true
	case <-patience.C:
		return false
	}
}

func (c *committer) run() {
	defer close(c.ended)
	for range c.pending {
		c.drain()
	}
	c.drain()
}

// drain commits until the queue is empty.
func (c *committer) drain() {
	for {
		c.mu.Lock()
		ops := c.queue
		c.queue = nil
		c.mu.Unlock()
		if len(ops) == 0 {
			return
		}
		for len(ops) > 0 {
			n := gather(ops)
			c.commit(ops[:n])
			ops = ops[n:]
		}
	}
}

// gather says how many of the ops, at least one, go into the next batch.
func gather(ops []*op) int {
	if ops[0].alone {
		return 1
	}
	bytes := ops[0].bytes
	n := 1
	for ; n < len(ops) && !ops[n].alone && bytes+ops[n].bytes <= batchBytes; n++ {
		bytes += ops[n].bytes
	}
	return n
}

// commit does the ops in one batch. Those that cannot be staged fail alone; if the batch fails, all do.
func (c *committer) commit(ops []*op) {
	s := newStage(c.log.db)
	defer s.close()
	notNow := c.ready(ops)
	var staged []*op
	for _, o := range ops {
		if !o.taken.CompareAndSwap(false, true) {
			continue // its caller gave up
		}
		err := notNow
		if err == nil {
			err = o.stage(s)
		}
		if err != nil {
			o.done <- err
			continue
		}
		staged = append(staged, o)
	}
	if len(staged) == 0 {
		return
	}
	err := c.write(s)
	for _, o := range staged {
		o.done <- err
	}
}

// ready says why nothing can be written now.
func (c *committer) ready(ops []*op) error {
	l := c.log
	if err := l.gate.failure(); err != nil {
		return refusal(err)
	}
	var bytes int64
	for _, o := range ops {
		bytes += o.bytes
	}
	if bytes == 0 || l.reserve < 0 {
		return nil // what frees space or is tiny goes on
	}
	usage, err := l.fs.GetDiskUsage(l.dir)
	if err == nil && usage.AvailBytes < uint64(l.reserve+bytes) {
		return fmt.Errorf("%w: %d MiB are free in %s, and %d MiB of them are kept for the log's own work: make space",
			ErrFull, usage.AvailBytes>>20, l.dir, l.reserve>>20)
	}
	return nil // a file system that does not tell is tried
}

// refusal is what callers hear after a write failed.
func refusal(cause error) error {
	return fmt.Errorf("the log stopped writing (reading goes on) until it is opened again: %w", cause)
}

// write commits the staged batch durably and publishes it.
func (c *committer) write(s *stage) error {
	s.setBounds()
	if err := c.apply(s, pebble.Sync); err != nil {
		return err
	}
	for p := range s.touched {
		p.end.Store(p.next)
	}
	if s.published != nil {
		s.published()
	}
	if s.moved {
		c.log.watchers.Wake()
	}
	return nil
}

// apply commits a batch. If its write-ahead log cannot be written, Pebble shows it to readers all the same; then they get to
// see the state before it.
func (c *committer) apply(s *stage, opts *pebble.WriteOptions) error {
	l := c.log
	if s.err != nil {
		l.gate.trip(fmt.Errorf("stage a batch: %w", s.err)) // memory has moved on: only Open makes it agree with the disk
		return refusal(s.err)
	}
	if s.batch.Empty() {
		return nil
	}
	before, err := pin(l.db)
	if err != nil {
		l.gate.trip(fmt.Errorf("commit a batch: %w", err))
		return refusal(err)
	}
	if err := l.db.Apply(s.batch, opts); err != nil {
		l.gate.trip(fmt.Errorf("commit a batch: %w", err)) // what is on disk is not known
	}
	if failure := l.gate.failure(); failure != nil {
		l.before.Store(before)
		return refusal(failure)
	}
	l.counters.batches.Add(1)
	return before.Close()
}
