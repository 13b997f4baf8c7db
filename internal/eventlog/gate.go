package eventlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gate is the file system that Pebble writes through. It freezes the directory at the first write that fails: from then on
// nothing changes on disk any more, as if the power had gone at that moment, which Pebble knows how to recover from.
//
// Pebble itself ends the process when a commit or its MANIFEST cannot be written, from whatever goroutine it is in, and in
// one place (rotating the write-ahead log) it panics with a mutex in a state that no recover can mend. So it must not hear
// of such errors. What it is told instead after the failure:
//
//   - Writes of the write-ahead log and syncs of the directory seem to succeed. They happen on the committer's way, which
//     looks at failure after every commit and tells its callers the truth.
//   - Other writes are those of flushes and compactions in the background. They wait until release, so that no result of
//     theirs, which is not on disk, is ever read; then they fail.
//   - Removals seem to succeed. Reads go through, always.
//
// Until serve is called, errors go to Pebble as they are (they are kept all the same): Open handles them.
//
// The gate also watches over what Pebble's own recovery does not notice, see guard.go.
type gate struct {
	vfs.FS
	guard *guard

	first    atomic.Pointer[error]
	onFail   func(error)
	serving  atomic.Bool
	tripped  chan struct{} // closed at the first failure
	released chan struct{} // closed when nobody cares any more what the background does
	parked   atomic.Int32  // goroutines that wait for released

	mu      sync.Mutex
	holding bool // removals of data files are kept in held
	held    []string
}

func newGate(fs vfs.FS, guard *guard, onFail func(error)) *gate {
	return &gate{FS: fs, guard: guard, onFail: onFail, holding: true,
		tripped: make(chan struct{}), released: make(chan struct{})}
}

// failure returns the error that froze the directory, or nil.
func (g *gate) failure() error {
	if err := g.first.Load(); err != nil {
		return *err
	}
	return nil
}

// trip freezes the directory. The first cause stays.
func (g *gate) trip(cause error) {
	if errors.Is(cause, syscall.ENOSPC) {
		cause = fmt.Errorf("%w: %w", ErrFull, cause)
	}
	if g.first.CompareAndSwap(nil, &cause) {
		close(g.tripped)
		g.onFail(cause)
	}
}

// serve begins the rule for a log in use.
func (g *gate) serve() { g.serving.Store(true) }

// release lets the goroutines go that a failure stopped; their writes fail.
func (g *gate) release() { close(g.released) }

// fileKind tells how the gate treats a file.
type fileKind int

const (
	otherFile fileKind = iota
	walFile
	tableFile
	manifestFile
	directory
)

func kindOf(base string) fileKind {
	switch {
	case strings.HasSuffix(base, ".log"):
		return walFile
	case strings.HasSuffix(base, ".sst"), strings.HasSuffix(base, ".blob"):
		return tableFile
	case strings.HasPrefix(base, "MANIFEST-"):
		return manifestFile
	}
	return otherFile
}

// attempt runs one write and returns what Pebble is to hear of it.
func (g *gate) attempt(kind fileKind, what, name string, write func() error) error {
	err := g.failure()
	if err == nil {
		if err = write(); err == nil {
			return nil
		}
		err = fmt.Errorf("%s %s: %w", what, g.PathBase(name), err)
		g.trip(err)
	}
	if !g.serving.Load() {
		return err
	}
	if kind == walFile || kind == directory {
		return nil
	}
	g.parked.Add(1)
	defer g.parked.Add(-1)
	<-g.released
	return err
}

func (g *gate) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("create", name, func() (vfs.File, error) { return g.FS.Create(name, category) })
}

func (g *gate) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("reuse", newname, func() (vfs.File, error) {
		if err := g.guard.keep(); err != nil {
			return nil, err
		}
		return g.FS.ReuseForWrite(oldname, newname, category)
	})
}

func (g *gate) open(what, name string, open func() (vfs.File, error)) (vfs.File, error) {
	kind := kindOf(g.PathBase(name))
	var file vfs.File
	err := g.attempt(kind, what, name, func() (err error) {
		file, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	if file == nil { // frozen: Pebble gets a file that takes everything and keeps nothing
		if file, err = vfs.NewMem().Create("lost", vfs.WriteCategoryUnspecified); err != nil {
			return nil, err
		}
	}
	return &gatedFile{File: file, gate: g, kind: kind, name: name}, nil
}

func (g *gate) OpenDir(name string) (vfs.File, error) {
	dir, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &gatedFile{File: dir, gate: g, kind: directory, name: name}, nil
}

func (g *gate) Rename(oldname, newname string) error {
	return g.attempt(kindOf(g.PathBase(newname)), "rename to", newname, func() error { return g.FS.Rename(oldname, newname) })
}

func (g *gate) MkdirAll(dir string, perm os.FileMode) error {
	return g.attempt(directory, "create", dir, func() error { return g.FS.MkdirAll(dir, perm) })
}

// Remove removes a file, unless the directory is frozen. Data files stay until Open has found everything in order.
func (g *gate) Remove(name string) error {
	if g.failure() != nil {
		return nil
	}
	if kindOf(g.PathBase(name)) == otherFile {
		return g.FS.Remove(name)
	}
	g.mu.Lock()
	holding := g.holding
	if holding {
		g.held = append(g.held, name)
	}
	g.mu.Unlock()
	if holding {
		return nil
	}
	return g.removeData(name)
}

func (g *gate) removeData(name string) error {
	if err := g.guard.keep(); err != nil {
		g.trip(err)
		return nil
	}
	return g.FS.Remove(name)
}

// settle ends the time in which no data file is removed, and removes what should have been.
func (g *gate) settle() error {
	g.mu.Lock()
	held := g.held
	g.holding, g.held = false, nil
	g.mu.Unlock()
	for _, name := range held {
		if err := g.removeData(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return g.failure()
}

// Lock does nothing: Open holds the lock, and gives it back even when Pebble cannot be closed.
func (g *gate) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (g *gate) Unwrap() vfs.FS { return g.FS }

// gatedFile is a file that is written through the gate.
type gatedFile struct {
	vfs.File
	gate *gate
	kind fileKind
	name string

	// Of the MANIFEST, which one goroutine writes at a time:
	written int64 // bytes
	listed  bool  // the directory was synced since it was made
}

func (f *gatedFile) Write(b []byte) (int, error) {
	n := len(b)
	err := f.gate.attempt(f.kind, "write", f.name, func() (err error) {
		n, err = f.File.Write(b)
		f.written += int64(n)
		return err
	})
	if err != nil {
		return n, err
	}
	return len(b), nil
}

// Preallocate is a hint. If there is no space, the write that needs it will tell.
func (f *gatedFile) Preallocate(offset, length int64) error {
	if f.gate.failure() == nil {
		_ = f.File.Preallocate(offset, length)
	}
	return nil
}

func (f *gatedFile) Sync() error { return f.sync(f.File.Sync) }

func (f *gatedFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *gatedFile) sync(sync func() error) error {
	if f.kind == manifestFile {
		return f.syncManifest(sync)
	}
	return f.gate.attempt(f.kind, "sync", f.name, sync)
}

// syncManifest syncs the directory with a new MANIFEST. Pebble does so only when it has made the marker that names it: a
// crash before that may keep the marker and lose the file.
func (f *gatedFile) syncManifest(sync func() error) error {
	err := f.gate.attempt(f.kind, "sync", f.name, func() error {
		if err := sync(); err != nil || f.listed {
			return err
		}
		f.listed = true
		return syncDir(f.gate.FS, f.gate.PathDir(f.name))
	})
	if err == nil {
		f.gate.guard.manifestSynced(f.gate.PathBase(f.name), f.written)
	}
	return err
}

func (f *gatedFile) SyncTo(length int64) (full bool, err error) {
	err = f.gate.attempt(f.kind, "sync", f.name, func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}
