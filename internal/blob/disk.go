package blob

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// disk is what FS does to its file system when it changes something. Tests play other ones: full, without hard links, and
// one that loses in a crash what was not synced.
type disk interface {
	create(path string) (file, error) // a new file, readable by its owner only
	mkdir(path string) error
	link(old, path string) error
	rename(old, path string) error
	remove(path string) error
	syncDir(path string) error
	lstat(path string) (fs.FileInfo, error)
}

// file is one that is being written.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
}

// osDisk is the file system of this machine.
type osDisk struct{}

func (osDisk) create(path string) (file, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, objectMode)
}
func (osDisk) mkdir(path string) error                { return os.Mkdir(path, dirMode) }
func (osDisk) link(old, path string) error            { return os.Link(old, path) }
func (osDisk) rename(old, path string) error          { return os.Rename(old, path) }
func (osDisk) remove(path string) error               { return os.Remove(path) }
func (osDisk) lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

func (osDisk) syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

const (
	dirMode    = 0o700
	objectMode = 0o400
)
