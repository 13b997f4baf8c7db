package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrFull tells that there is no room left for the index. What was being written is not kept; it can be written again when
// there is room.
var ErrFull = errors.New("no space left for the index")

// SQLite is the index in one SQLite file: schema.go says what is in it, write.go how a batch gets there, binary.go and
// search.go how it is read.
type SQLite struct {
	path              string
	writers           *sql.DB // one connection: SQLite has one writer
	readers           *sql.DB
	backWriter        *sql.DB      // of the write-ahead log
	idle              chan *reader // of which there are readConnections; nil for one that must be opened
	chunks            *recent[chunkID, readChunk]
	blocks            *recent[int64, []byte] // of segments, which do not change
	latest            atomic.Pointer[latest]
	summaries         summaries
	texts, fieldNames wordTexts
	sights            sightsOf
	patience          patience
	courtesy          courtesy

	mu          sync.Mutex // held by the one that writes
	write       *sql.Conn
	statements  map[string]*sql.Stmt
	known       *known
	lastSegment int64
	segments    int   // that answer
	mergeFault  error // of the merger, not told yet

	merging     sync.Mutex         // held by the one that merges
	swept       bool               // there are no blocks of segments that do not answer
	written     chan struct{}      // a batch was
	merged      chan struct{}      // some segments were
	stop        context.CancelFunc // of merger and checkpointer
	mergerEnded chan struct{}

	committed         chan struct{} // something was
	checkpointerEnded chan struct{}
}

// Bounds on memory, for each connection: SQLite's own page cache. Files that are read often are in the system's cache too.
const (
	readConnections = 3
	readCacheKiB    = 4 << 10
	writeCacheKiB   = 32 << 10
	journalBytes    = 128 << 20        // to which the write-ahead log is cut back after a burst
	busy            = 10 * time.Second // how long a connection waits for another process, such as a backup
)

// OpenSQLite opens or makes the index at path. A *CorruptError if the file cannot be read; damage deeper inside shows when it
// is met, or with Verify.
//
// The file is written with synchronous=NORMAL: a power cut may take the last transactions, never a part of one. That is
// enough, because the place in the log is in the same transaction as what was made of it: what is gone is applied again.
func OpenSQLite(path string) (*SQLite, error) {
	s := &SQLite{path: path, statements: map[string]*sql.Stmt{}, known: newKnown(), idle: make(chan *reader, readConnections), chunks: newRecent[chunkID, readChunk](maxCachedChunks), blocks: newRecent[int64, []byte](maxBlockBytes), patience: ordinary,
		texts: wordTexts{texts: map[int64]string{}}, fieldNames: wordTexts{texts: map[int64]string{}}, summaries: summaries{read: map[int64]summary{}}, written: make(chan struct{}, 1), merged: make(chan struct{}, 1), mergerEnded: make(chan struct{}),
		committed: make(chan struct{}, 1), checkpointerEnded: make(chan struct{})}
	for range readConnections {
		s.idle <- nil
	}
	s.writers = s.pool(1, writeCacheKiB, "immediate", "journal_mode(WAL)", "synchronous(NORMAL)", fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages), fmt.Sprintf("journal_size_limit(%d)", journalBytes))
	s.readers = s.pool(readConnections, readCacheKiB, "deferred", "query_only(1)")
	s.backWriter = s.pool(1, readCacheKiB, "deferred", "busy_timeout(0)", "synchronous(NORMAL)") // it does not wait for readers
	ctx := context.Background()
	var err error
	if s.write, err = s.writers.Conn(ctx); err == nil {
		err = prepare(ctx, s.write)
	}
	if err == nil {
		err = s.startWorkers(ctx)
	}
	if err != nil {
		_ = s.Close()
		return nil, s.fault("open the index "+path, err)
	}
	return s, nil
}

// pool prepares connections, without making one.
func (s *SQLite) pool(connections, cacheKiB int, lock string, pragmas ...string) *sql.DB {
	options := url.Values{"_txlock": {lock}, "_pragma": append([]string{
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), fmt.Sprintf("cache_size(-%d)", cacheKiB), "temp_store(MEMORY)"}, pragmas...)}
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(s.path)+"?"+options.Encode())
	if err != nil {
		panic("the driver sqlite is not registered: " + err.Error()) // its import is in this file
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}

// Close: see Index.
func (s *SQLite) Close() error {
	if s.stop != nil {
		s.stop()
		<-s.mergerEnded
		<-s.checkpointerEnded
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for range readConnections {
		r := <-s.idle
		errs = append(errs, r.close())
	}
	errs = append(errs, s.readers.Close(), s.backWriter.Close())
	for range readConnections {
		s.idle <- nil // who reads now is told that it is closed
	}
	for _, st := range s.statements {
		errs = append(errs, st.Close())
	}
	s.statements = nil
	if s.write != nil {
		if err := s.write.Close(); !errors.Is(err, sql.ErrConnDone) { // closed before
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, s.writers.Close())...)
}

// fault gives SQLite's errors the types that callers look for.
func (s *SQLite) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff { // the low byte is the primary code; sqlite.org/rescode.html
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return &CorruptError{Path: s.path, Cause: err}
		case sqlite3.SQLITE_FULL:
			return fmt.Errorf("%s: %w: %w", doing, ErrFull, err)
		case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE:
			return fmt.Errorf("%s: %w: %w", doing, ErrRefused, err)
		case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
			return fmt.Errorf("%s: make sure that its folder exists and can be written: %w", doing, err)
		}
	}
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s: no right to use %s: %w", doing, s.path, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// ReplaceSQLite puts the index in the file of fresh in the place of the one at path, which s has inside: fresh takes its name. fresh and what was inside
// are closed. When that fails, what is at path stays, or is there already.
func ReplaceSQLite(s *Switch, fresh *SQLite, path string) error {
	return s.Replace(func(old Index) (Index, error) {
		err := errors.Join(fresh.Close(), old.Close()) // the last connection takes the write-ahead log with it
		if err == nil {
			err = os.Rename(fresh.path, path)
		}
		idx, open := OpenSQLite(path)
		if open != nil {
			return old, errors.Join(err, open) // closed: whoever asks is told so
		}
		return idx, err
	})
}
