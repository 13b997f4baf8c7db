package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
)

// fsUpload is a temporary file.
type fsUpload struct {
	store *FS
	file  *os.File // nil when the upload has ended
	path  string
	size  int64 // bytes
	err   error // of the first write or sync that failed: what is there is incomplete

	synced bool // what was written is on disk
}

// Write implements Upload.
func (u *fsUpload) Write(p []byte) (int, error) {
	if u.file == nil {
		return 0, errEnded
	}
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.file.Write(p)
	u.size += int64(n)
	u.synced = false
	u.err = u.store.fault("write upload", err)
	return n, u.err
}

// ReadAt implements Upload.
func (u *fsUpload) ReadAt(p []byte, off int64) (int, error) {
	if u.file == nil {
		return 0, errEnded
	}
	return u.file.ReadAt(p, off)
}

// Commit implements Upload. Discard is owed also after an error.
func (u *fsUpload) Commit(ctx context.Context, k Key) error {
	if err := k.Valid(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	doing := "commit " + k.String()
	switch {
	case u.file == nil:
		return fmt.Errorf("%s: %w", doing, errEnded)
	case u.err != nil:
		return fmt.Errorf("%s: it is incomplete: %w", doing, u.err)
	case u.store.closed.Load():
		return fmt.Errorf("%s: the store is closed: %w", doing, os.ErrClosed)
	}
	prepare := func() error {
		if u.isAt(u.store.path(k)) {
			return nil
		}
		return u.sync()
	}
	if err := u.store.enter(k, prepare, u.name); err != nil {
		return u.store.fault(doing, err)
	}
	u.Discard()
	return nil
}

// isAt tells whether the object at path is complete. It was synced before it got its name, so these bytes are not needed.
func (u *fsUpload) isAt(path string) bool {
	info, err := regular(path)
	return err == nil && info.Size() == u.size
}

// name makes the upload the object at path, unless that is there; made tells whether it did. An object of another size
// was damaged after it was written: the good bytes take its place.
func (u *fsUpload) name(path string) (made bool, err error) {
	if u.isAt(path) {
		return false, nil
	}
	if err := u.sync(); err != nil { // already done, unless the object was deleted a moment ago
		return false, err
	}
	info, err := regular(path)
	switch {
	case err == nil:
		slog.Warn("a stored object was damaged; the same file came in again and replaces it",
			"path", path, "size", info.Size(), "expected", u.size)
		return false, os.Rename(u.path, path)
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	made, err = u.store.linkNew(u.path, path)
	if errors.Is(err, errCannotLink) {
		return true, os.Rename(u.path, path)
	}
	return made, err
}

func (u *fsUpload) sync() error {
	if u.synced {
		return nil
	}
	u.err = u.file.Sync() // a second sync would succeed, but the kernel has dropped what it could not write
	u.synced = u.err == nil
	return u.err
}

// Discard implements Upload.
func (u *fsUpload) Discard() {
	if u.file == nil {
		return
	}
	u.file.Close()
	u.file = nil
	if err := os.Remove(u.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.Warn("a temporary file stays behind until the next start", "path", u.path, "error", err)
	}
}

var errEnded = errors.New("the upload was committed or discarded already")
