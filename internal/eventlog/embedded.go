package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of the embedded log. The zero value is right for everything but tests.
type Options struct {
	// Now is the clock that records get their time from and retention is measured with. Default time.Now.
	Now func() time.Time
	// FS is the file system that the directory is in. Default the operating system's.
	FS vfs.FS
	// Logger gets warnings and errors. Default slog.Default.
	Logger *slog.Logger
	// RetentionInterval is the time between two looks for expired records. Default 5 min; negative for never.
	RetentionInterval time.Duration
	// ReserveBytes of the disk are left free: an Append that would go below fails with ErrFull, and works again when there
	// is space. Default 64 MiB, which is what flushes and compactions need at a time; negative for none.
	ReserveBytes int64
}

const (
	defaultRetentionInterval = 5 * time.Minute
	defaultReserveBytes      = 64 << 20
)

// The errors of Open, apart from *NewerError.
var (
	ErrLocked  = errors.New("the log is in use by another process")
	ErrDamaged = errors.New("the log is damaged")
)

// Embedded is a Log in a directory, on Pebble. Memory is bounded by its caches (32 MiB of blocks and memtables together) and by
// what callers of Append hold themselves; opening takes milliseconds whatever the size.
//
// If a write to the disk fails, the log stops writing: the failed and all later Appends return that error until the log is
// opened again, reads go on, and the directory stays as it was at that moment. An Append that fails with the very write that
// stopped the log may be there after the next Open, whole: a disk that fails to sync does not tell what it kept.
//
// A goroutine commits (committer.go), another one removes what is expired (retention.go). Close ends both.
type Embedded struct {
	now     func() time.Time
	log     *slog.Logger
	fs      vfs.FS // the real one, without the gate
	dir     string
	reserve int64

	lock   io.Closer
	gate   *gate
	guard  *guard
	db     *pebble.DB
	before atomic.Pointer[pinned] // what to read when the last commit failed

	topics    atomic.Pointer[topicTable] // replaced, never changed; by the committer only
	committer *committer
	watchers  Watchers
	counters  counters

	// use is held for reading by whoever uses db, and for writing by Close.
	use     sync.RWMutex
	closed  bool
	stop    context.CancelFunc // ends everything that runs in stopped
	stopped context.Context
	janitor sync.WaitGroup
}

var _ Log = (*Embedded)(nil)

// counters of what happened since Open.
type counters struct {
	appends, records, bytes, batches atomic.Uint64
}

// Stats is what the log tells of itself. The counts begin at Open.
type Stats struct {
	DiskBytes uint64 // of the whole directory
	Appends   uint64 // calls of Append that were kept
	Records   uint64
	Bytes     uint64 // keys, headers and values
	Batches   uint64 // synced commits; less than Appends and Commits when callers shared them
	Failed    error  // why the log stopped writing, or nil
}

// Stats returns the current figures.
func (l *Embedded) Stats() (Stats, error) {
	release, err := l.hold()
	if err != nil {
		return Stats{}, err
	}
	defer release()
	disk, err := l.diskBytes()
	if err != nil {
		return Stats{}, fmt.Errorf("measure the log in %s: %w", l.dir, err)
	}
	return Stats{
		DiskBytes: disk,
		Appends:   l.counters.appends.Load(),
		Records:   l.counters.records.Load(),
		Bytes:     l.counters.bytes.Load(),
		Batches:   l.counters.batches.Load(),
		Failed:    l.gate.failure(),
	}, nil
}

// diskBytes adds up the files of the directory. Pebble's own figure is behind a lock that a failed flush never gives back.
func (l *Embedded) diskBytes() (total uint64, err error) {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		info, err := l.fs.Stat(l.fs.PathJoin(l.dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return 0, err
		}
		total += uint64(info.Size())
	}
	return total, nil
}

// hold keeps the database open until release is called. ErrClosed after Close.
func (l *Embedded) hold() (release func(), err error) {
	l.use.RLock()
	if l.closed {
		l.use.RUnlock()
		return nil, ErrClosed
	}
	return l.use.RUnlock, nil
}

// reader is what to read from. After a commit that failed half-way Pebble shows what was to be written, although it is not
// on disk: then it is the state before.
func (l *Embedded) reader() source {
	if s := l.before.Load(); s != nil {
		return s
	}
	return l.db
}

// Watch implements Log.
func (l *Embedded) Watch(ctx context.Context) <-chan struct{} { return l.watchers.Add(ctx) }

// Close implements Log. What waits to be appended is still appended; calls that come later get ErrClosed. A second Close
// does nothing.
func (l *Embedded) Close() error {
	if !l.committer.close() {
		return nil
	}
	l.stop()
	l.janitor.Wait()
	ended := l.committer.wait()
	l.watchers.Close()

	l.use.Lock()
	defer l.use.Unlock()
	l.closed = true
	if err := l.gate.failure(); err != nil {
		return errors.Join(fmt.Errorf("close the log: it stopped writing before: %w", err), l.abandon(ended))
	}
	err := l.flush() // so that the next Open has nothing to replay
	if err == nil {
		err = l.guard.close()
	}
	if failed := l.gate.failure(); failed != nil {
		return errors.Join(fmt.Errorf("close the log: %w", failed), l.abandon(true))
	}
	l.gate.release()
	if err := errors.Join(err, l.db.Close(), l.lock.Close()); err != nil {
		return fmt.Errorf("close the log in %s: %w", l.dir, err)
	}
	return nil
}

// flush writes what is in memory to tables. It does not wait for one that a failed write stopped.
func (l *Embedded) flush() error {
	flushed, err := l.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case <-l.gate.tripped:
		return l.gate.failure()
	}
}

// abandon closes a log that stopped writing. If the commit that met the failure never ended, Pebble's own Close would wait
// for it for ever: then Pebble is left where it is, and nothing of it reaches the disk any more.
func (l *Embedded) abandon(committerEnded bool) error {
	l.gate.release()
	if !committerEnded {
		return l.lock.Close()
	}
	if s := l.before.Load(); s != nil {
		_ = s.Close()
	}
	_ = l.db.Close() // it complains of the failure that is reported anyway
	return l.lock.Close()
}
