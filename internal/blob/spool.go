package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
)

// spooler makes the temporary files in which uploads wait for their Commit.
type spooler struct {
	scratch *scratch
	disk    disk
	fault   func(doing string, err error) error // says what users can do about an error of the file system

	serial atomic.Uint64 // names the files
	closed atomic.Bool
}

// create begins a file.
func (s *spooler) create() (*spool, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("begin upload: the store is closed: %w", os.ErrClosed)
	}
	path := filepath.Join(s.scratch.dir, fmt.Sprintf("%d", s.serial.Add(1)))
	f, err := s.disk.create(path)
	if err != nil {
		return nil, s.fault("begin upload", err)
	}
	return &spool{spooler: s, file: f, path: path}, nil
}

// close removes all files. Uploads that are still open can no longer be committed.
func (s *spooler) close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.fault("close file store", s.scratch.close())
}

// spool is the temporary file of an upload: what every Upload has but its Commit.
type spool struct {
	*spooler
	file file // nil when the upload has ended
	path string
	size int64 // bytes
	err  error // of the first write or sync that failed: what is there is incomplete

	synced bool // what was written is on disk
}

// Write implements Upload.
func (u *spool) Write(p []byte) (int, error) {
	if u.file == nil {
		return 0, errEnded
	}
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.file.Write(p)
	u.size += int64(n)
	u.synced = false
	u.err = u.fault("write upload", err)
	return n, u.err
}

// ReadAt implements Upload.
func (u *spool) ReadAt(p []byte, off int64) (int, error) {
	if u.file == nil {
		return 0, errEnded
	}
	return u.file.ReadAt(p, off)
}

// mayCommit returns nil if what was written can be kept under k.
func (u *spool) mayCommit(ctx context.Context, k Key) error {
	if err := k.Valid(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case u.file == nil:
		return fmt.Errorf("commit %s: %w", k, errEnded)
	case u.err != nil:
		return fmt.Errorf("commit %s: it is incomplete: %w", k, u.err)
	case u.closed.Load():
		return fmt.Errorf("commit %s: the store is closed: %w", k, os.ErrClosed)
	}
	return nil
}

func (u *spool) sync() error {
	if u.synced {
		return nil
	}
	u.err = u.file.Sync() // a second sync would succeed, but the kernel has dropped what it could not write
	u.synced = u.err == nil
	return u.err
}

// Discard implements Upload.
func (u *spool) Discard() {
	if u.file == nil {
		return
	}
	u.file.Close()
	u.file = nil
	if err := u.disk.remove(u.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.Warn("a temporary file stays behind until the next start", "path", u.path, "error", err)
	}
}

var errEnded = errors.New("the upload was committed or discarded already")
