package blob

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
)

// fsUpload is a temporary file that becomes an object.
type fsUpload struct {
	*spool
	store *FS
}

// Commit implements Upload. Discard is owed also after an error.
func (u fsUpload) Commit(ctx context.Context, k Key) error {
	if err := u.mayCommit(ctx, k); err != nil {
		return err
	}
	prepare := func() error {
		if u.isAt(u.store.path(k)) {
			return nil
		}
		return u.sync()
	}
	if err := u.store.enter(k, prepare, u.name); err != nil {
		return u.store.fault("commit "+k.String(), err)
	}
	u.Discard()
	return nil
}

// isAt tells whether the object at path is complete. It was synced before it got its name, so these bytes are not needed.
func (u fsUpload) isAt(path string) bool {
	info, err := u.store.regular(path)
	return err == nil && info.Size() == u.size
}

// name makes the upload the object at path, unless that is there; made tells whether it did. An object of another size
// was damaged after it was written: the good bytes take its place.
func (u fsUpload) name(path string) (made bool, err error) {
	if u.isAt(path) {
		return false, nil
	}
	if err := u.sync(); err != nil { // already done, unless the object was deleted a moment ago
		return false, err
	}
	info, err := u.store.regular(path)
	switch {
	case err == nil:
		slog.Warn("a stored object was damaged; the same file came in again and replaces it",
			"path", path, "size", info.Size(), "expected", u.size)
		return false, u.disk.rename(u.path, path)
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	made, err = u.store.linkNew(u.path, path)
	if errors.Is(err, errCannotLink) {
		return true, u.disk.rename(u.path, path)
	}
	return made, err
}
