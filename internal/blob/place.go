package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// shard guards the directory entries of the objects whose SHA-256 begins with one byte. It is held from the making of an
// entry until that is synced, so that a commit may take back an entry that it could not sync without taking it from
// another commit of the same object.
type shard struct {
	sync.Mutex
	store *FS
	// made holds directories whose own entries are known to be on disk, so that most commits make and sync none. At most
	// 259 for each source and label.
	made map[string]struct{}
}

func (s *FS) shard(k Key) *shard {
	first, _ := strconv.ParseUint(k.SHA256[:2], 16, 8) // a valid key is hex
	return &s.shards[first]
}

// enter gives an object its name and returns when that is on disk. prepare makes the object's bytes durable (nil if they
// are); name makes the entry and tells whether there was none.
//
// The directories are made before prepare and synced after it: a journalling file system takes them to disk together with
// the bytes, and small files in new directories cost two journal commits instead of three.
func (s *FS) enter(k Key, prepare func() error, name func(path string) (bool, error)) error {
	err := s.tryEnter(k, prepare, name)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed a directory behind our back
		s.shard(k).forget()
		err = s.tryEnter(k, prepare, name)
	}
	return err
}

func (s *FS) tryEnter(k Key, prepare func() error, name func(path string) (bool, error)) error {
	sh := s.shard(k)
	fresh, err := sh.mkdirs(s.leaf(k), s.dir)
	if err != nil {
		return err
	}
	if prepare != nil {
		if err := prepare(); err != nil {
			return err
		}
	}
	if err := sh.syncParents(fresh); err != nil {
		return err
	}
	return sh.enter(s.path(k), name)
}

// mkdirs makes dir and what is missing between it and root, and returns those whose entries may not be on disk, the
// topmost first.
func (sh *shard) mkdirs(dir, root string) (fresh []string, err error) {
	sh.Lock()
	for ; dir != root; dir = filepath.Dir(dir) {
		if _, ok := sh.made[dir]; ok {
			break
		}
		fresh = append(fresh, dir)
	}
	sh.Unlock()
	slices.Reverse(fresh)
	for _, dir := range fresh {
		if err := sh.store.disk.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return fresh, nil
}

// syncParents takes the entries of dirs to disk. A directory that was there is treated like a new one: the process that
// made it may have been killed before it synced it.
func (sh *shard) syncParents(dirs []string) error {
	for _, dir := range dirs {
		if err := sh.store.disk.syncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	sh.Lock()
	defer sh.Unlock()
	for _, dir := range dirs {
		sh.made[dir] = struct{}{}
	}
	return nil
}

func (sh *shard) forget() {
	sh.Lock()
	defer sh.Unlock()
	clear(sh.made)
}

func (sh *shard) enter(path string, name func(path string) (bool, error)) error {
	sh.Lock()
	defer sh.Unlock()
	made, err := name(path)
	if err != nil {
		return err
	}
	if err := sh.store.disk.syncDir(filepath.Dir(path)); err != nil {
		if made {
			sh.store.disk.remove(path)
		}
		return err
	}
	return nil
}

// linkNew gives a file a second name and tells whether it did: what has the name already is left alone.
func (s *FS) linkNew(file, path string) (made bool, err error) {
	err = s.disk.link(file, path)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.EMLINK), errors.Is(err, syscall.EXDEV),
		errors.Is(err, syscall.EPERM):
		return false, fmt.Errorf("%w: %w", errCannotLink, err)
	}
	return false, err
}

// errCannotLink tells that the file system has no hard links, or no more for this file.
var errCannotLink = errors.New("cannot make a hard link")

// regular describes the file at path, which must be one.
func (s *FS) regular(path string) (fs.FileInfo, error) {
	info, err := s.disk.lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return info, nil
}

var errNotRegular = errors.New("something that is not a file has its name: move it out of the store")

// keyFault is fault for what needs the object k to be there.
func (s *FS) keyFault(doing string, k Key, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %s: %w", doing, k, ErrNotFound)
	}
	if err == nil {
		return nil
	}
	return s.fault(doing+" "+k.String(), err)
}

// diskFault wraps errors of the file system under dir and says what can be done about them; nil stays nil.
func diskFault(dir string) func(doing string, err error) error {
	return func(doing string, err error) error {
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
			return fmt.Errorf("%s: %w: free some space on the disk of %s (%w)", doing, ErrFull, dir, err)
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("%s: user %d may not use %s: give that user the directory and all that is in it, or choose another: %w",
				doing, os.Getuid(), dir, err)
		case errors.Is(err, syscall.EROFS):
			return fmt.Errorf("%s: the disk of %s is read-only: mount it for writing or choose another directory: %w", doing, dir, err)
		case errors.Is(err, syscall.ENOTDIR):
			return fmt.Errorf("%s: a file is in the way where %s needs a directory: move it or choose another directory: %w",
				doing, dir, err)
		}
		return fmt.Errorf("%s: %w", doing, err)
	}
}
