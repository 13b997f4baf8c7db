package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	cerrors "github.com/cockroachdb/errors"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Open opens the embedded log in dir, and creates it if the directory is empty or not there. ErrLocked if another process
// has it open, *NewerError if a newer release wrote it. Damage that would lose acknowledged records is ErrDamaged, with the
// file named; nothing is removed then. Damaged records themselves are found when they are read.
func Open(dir string, opts Options) (*Embedded, error) {
	l := &Embedded{now: opts.Now, log: opts.Logger, fs: opts.FS, dir: dir, reserve: opts.ReserveBytes}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	if l.fs == nil {
		l.fs = vfs.Default
	}
	if l.reserve == 0 {
		l.reserve = defaultReserveBytes
	}
	interval := opts.RetentionInterval
	if interval == 0 {
		interval = defaultRetentionInterval
	}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("open the log in %s: %w", dir, err)
	}
	l.stopped, l.stop = context.WithCancel(context.Background())
	l.committer = startCommitter(l)
	if interval > 0 {
		l.janitor.Go(func() { l.expireEvery(l.stopped, interval) })
	}
	return l, nil
}

// open locks, checks, opens and loads. On an error nothing stays open.
func (l *Embedded) open() (err error) {
	if err := l.makeDir(); err != nil {
		return err
	}
	if err := l.lockDir(); err != nil {
		return err
	}
	guarded, err := l.precheck()
	if err != nil {
		return errors.Join(err, l.lock.Close())
	}
	l.topics.Store(newTopicTable(nil))
	l.guard = &guard{fs: l.fs, dir: l.dir, ends: l.guardEnds}
	l.gate = newGate(l.fs, l.guard, func(err error) {
		l.log.Error("event log: a write failed; nothing is written any more until the log is opened again", "dir", l.dir, "err", err)
	})
	if l.db, err = pebble.Open(l.dir, l.pebbleOptions()); err != nil {
		return errors.Join(describe(err), l.lock.Close())
	}
	err = l.load(guarded)
	if err == nil {
		err = l.gate.settle()
	}
	if err != nil {
		l.gate.release()
		return errors.Join(err, l.db.Close(), l.lock.Close())
	}
	l.gate.serve()
	return nil
}

func (l *Embedded) makeDir() error {
	if _, err := l.fs.Stat(l.dir); err == nil {
		return nil
	}
	if err := l.fs.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	return syncDir(l.fs, l.fs.PathDir(l.dir))
}

func (l *Embedded) lockDir() (err error) {
	l.lock, err = l.fs.Lock(l.fs.PathJoin(l.dir, lockName))
	if path := (*os.PathError)(nil); err == nil || errors.As(err, &path) {
		return err // the file cannot be made
	}
	return fmt.Errorf("%w (%w)", ErrLocked, err)
}

// precheck finds what Pebble would take for an empty directory or for a write that a crash cut short. The guard file is nil
// for a directory that has none.
func (l *Embedded) precheck() (*guardFile, error) {
	guarded, err := readGuard(l.fs, l.dir)
	if err != nil {
		return nil, err
	}
	found, err := pebble.Peek(l.dir, l.fs)
	if err != nil {
		return nil, describe(err)
	}
	names, err := l.fs.List(l.dir)
	if err != nil {
		return nil, err
	}
	if !found.Exists {
		if err := checkEmpty(names); err != nil {
			return nil, err
		}
		return nil, l.create()
	}
	if guarded != nil {
		if err := guarded.checkManifest(l.fs, found.ManifestFilename); err != nil {
			return nil, err
		}
	}
	return guarded, checkNewestWAL(l.fs, l.dir, names)
}

// checkEmpty returns an error if there are files of a log among the names.
func checkEmpty(names []string) error {
	for _, name := range names {
		if kind := kindOf(name); kind == walFile || kind == tableFile || name == guardName {
			return fmt.Errorf("%w: there is %s, but marker.manifest, which names the MANIFEST in use, is missing", ErrDamaged, name)
		}
	}
	return nil
}

// create makes an empty log and closes it again: Pebble writes the first write-ahead log of a new directory in an older
// format, in which damage cannot be told from a torn end.
func (l *Embedded) create() error {
	l.gate = newGate(l.fs, &guard{fs: l.fs, dir: l.dir, ends: func() []guardEnd { return nil }}, func(error) {})
	db, err := pebble.Open(l.dir, l.pebbleOptions())
	if err != nil {
		return describe(err)
	}
	l.gate.release()
	return errors.Join(writeFormat(db), db.Close(), l.gate.failure())
}

// lockName is the file that Pebble locks too, so that its tools see a log in use.
const lockName = "LOCK"

// pebbleOptions keep an idle process small, and reads of one record quick.
func (l *Embedded) pebbleOptions() *pebble.Options {
	logger := &pebbleLogger{log: l.log, gate: l.gate}
	opts := &pebble.Options{
		FS:            l.gate,
		Logger:        logger,
		EventListener: logger.events(),
		// The newest that Pebble 2.1 reads and writes: with checksums of tables' footers and with a write-ahead log that
		// tells damage from a torn end.
		FormatMajorVersion: pebble.FormatTableFormatV6,
		// Pebble takes the memtables out of the cache's size: 8 to 24 MiB are left for blocks.
		CacheSize:                   32 << 20,
		MemTableSize:                8 << 20,
		MemTableStopWritesThreshold: 3,
		MaxOpenFiles:                512,
		MaxManifestFileSize:         4 << 20,
		// Appends must not wait for compactions that cannot go on, be it for a damaged file. Reads get slower instead.
		L0StopWritesThreshold:      1000,
		L0CompactionThreshold:      2,
		LBaseMaxBytes:              64 << 20,
		CompactionConcurrencyRange: func() (int, int) { return 1, 1 },
	}
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = 16 << 10
		opts.Levels[i].IndexBlockSize = 128 << 10
		// Most keys that are appended are new, and must be looked for in vain.
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		opts.Levels[i].FilterType = pebble.TableFilter
	}
	opts.TargetFileSizes[0] = 4 << 20
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	return opts
}

// oneLine joins the lines of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// describe puts the file that Pebble names in an error's details into its message.
func describe(err error) error {
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, info.Path, err)
	}
	if details := cerrors.FlattenDetails(err); details != "" {
		err = fmt.Errorf("%w (%s)", err, oneLine(details))
	}
	switch {
	case errors.Is(err, pebble.ErrDBNotPristine):
		return fmt.Errorf("%w: marker.format-version is missing: %w", ErrDamaged, err)
	case pebble.IsCorruptionError(err), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// load reads the format, the topics and their bounds into memory, and compares the ends with the guard's.
func (l *Embedded) load(guarded *guardFile) error {
	if err := l.checkFormat(); err != nil {
		return err
	}
	topics, err := loadTopics(l.db)
	if err != nil {
		return describe(err)
	}
	l.topics.Store(topics)
	if guarded == nil {
		return nil
	}
	for _, e := range guarded.ends {
		p, name := topics.byID(e.topic, e.partition)
		if p == nil {
			return fmt.Errorf("%w: topic %d, partition %d was there and is not any more: restore a backup, or remove %s to go on without",
				ErrDamaged, e.topic, e.partition, guardName)
		}
		if end := p.end.Load(); end < e.end {
			return fmt.Errorf("%w: %w: restore a backup, or remove %s to go on without", ErrDamaged,
				&CorruptError{Partition: Partition{name, e.partition}, From: end, To: e.end,
					Cause: errors.New("the end of the write-ahead log or of the MANIFEST cannot be read")}, guardName)
		}
	}
	return nil
}

func (l *Embedded) checkFormat() error {
	value, closer, err := l.db.Get(formatKey)
	if errors.Is(err, pebble.ErrNotFound) {
		if err := scan(l.db, nil, func(key, _ []byte) error {
			return fmt.Errorf("%w: it holds entries (%q is the first) but no format", ErrDamaged, key)
		}); err != nil {
			return err
		}
		return writeFormat(l.db)
	}
	if err != nil {
		return describe(err)
	}
	defer closer.Close()
	if len(value) != 4 {
		return fmt.Errorf("%w: %w: format", ErrDamaged, errMalformed)
	}
	if have := binary.BigEndian.Uint32(value); have > formatKnown {
		return &NewerError{Have: int(have), Know: formatKnown}
	}
	return nil
}

func writeFormat(db *pebble.DB) error {
	return db.Set(formatKey, binary.BigEndian.AppendUint32(nil, formatKnown), pebble.Sync)
}

// guardEnds are the ends that were acknowledged.
func (l *Embedded) guardEnds() []guardEnd {
	var ends []guardEnd
	for _, t := range l.topics.Load().sorted {
		for i, p := range t.partitions {
			ends = append(ends, guardEnd{t.id, int32(i), p.end.Load()})
		}
	}
	return ends
}
