package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// scratchDir holds one directory for each process that has the store open. No source can have this name.
const scratchDir = ".tmp"

// scratch is the directory of one process's temporary files. The process holds a lock on it for as long as it lives, so
// that what a killed one left behind can be told from what another is using.
type scratch struct {
	dir  string
	lock *os.File
}

// openScratch removes what dead processes left under root and makes a directory for this one.
func openScratch(root string) (*scratch, error) {
	if err := os.Mkdir(root, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := sweep(root); err != nil {
		return nil, err
	}
	// Between Mkdir and the lock another process that opens the store may take the directory for a leftover.
	for range 10 {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			return nil, err
		}
		lock, err := lockDir(dir)
		if err != nil {
			return nil, err
		}
		if lock != nil {
			return &scratch{dir: dir, lock: lock}, nil
		}
	}
	return nil, fmt.Errorf("another process keeps removing the directories that this one makes in %s", root)
}

func (s *scratch) close() error {
	err := os.RemoveAll(s.dir)
	return errors.Join(err, s.lock.Close())
}

func sweep(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		if !e.IsDir() {
			continue // not ours
		}
		lock, err := lockDir(path)
		if err != nil {
			return err
		}
		if lock == nil {
			continue
		}
		err = os.RemoveAll(path)
		lock.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// lockDir locks a directory until the file is closed, or the process ends. It returns nil if another process has it or
// if it is gone.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, nil
	}
	if err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: err}
	}
	if _, err := os.Stat(dir); err != nil {
		f.Close()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	return f, nil
}
