package blob

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/minio/minio-go/v7"
)

// FillDisk makes the files of new uploads devices that are always full.
func FillDisk(t *testing.T, s *FS) {
	full := fullDisk{s.disk}
	f, err := full.create("")
	if err != nil {
		t.Skipf("SKIPPED: this system cannot play a full disk: %v", err)
	}
	f.Close()
	s.disk = full
}

type fullDisk struct{ disk }

func (fullDisk) create(string) (file, error) { return os.OpenFile("/dev/full", os.O_RDWR, 0) }

// FailCreate makes new uploads fail with err.
func FailCreate(s *FS, err error) { s.disk = uselessDisk{s.disk, err} }

type uselessDisk struct {
	disk
	err error
}

func (d uselessDisk) create(string) (file, error) { return nil, d.err }

// ForbidHardLinks makes s behave as on a file system without them.
func ForbidHardLinks(s *FS) { s.disk = linklessDisk{s.disk} }

type linklessDisk struct{ disk }

func (d linklessDisk) link(old, path string) error {
	err := &os.LinkError{Op: "link", Old: old, New: path, Err: syscall.EPERM}
	if _, lstatErr := d.lstat(path); lstatErr == nil {
		err.Err = fs.ErrExist
	}
	return err
}

// OnMemory opens a store in dir that makes its changes in memory and calls before ahead of each.
func OnMemory(dir string, memory *vfs.MemFS, links bool, before func()) (*FS, error) {
	s, err := OpenFS(dir)
	if err != nil {
		return nil, err
	}
	disk := &memDisk{memory: memory, before: func() {}}
	if err := memory.MkdirAll(s.scratch.dir, dirMode); err != nil {
		return nil, err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if err := disk.syncDir(filepath.Dir(dir)); err != nil {
			return nil, err
		}
	}
	disk.before = before
	if s.disk = disk; !links {
		ForbidHardLinks(s)
	}
	return s, nil
}

// memDisk is a file system that forgets what was not synced when its power is cut: see vfs.MemFS.CrashClone.
type memDisk struct {
	mu     sync.Mutex // MemFS waits for itself when a clone is made beside other work
	memory *vfs.MemFS
	before func()
}

// change begins one; the result ends it.
func (d *memDisk) change() func() {
	d.mu.Lock()
	d.before()
	return d.mu.Unlock
}

func (d *memDisk) create(path string) (file, error) {
	defer d.change()()
	f, err := d.memory.Create(path, vfs.WriteCategoryUnspecified)
	return memFile{f, d}, err
}

func (d *memDisk) mkdir(path string) error {
	defer d.change()()
	return d.memory.MkdirAll(path, dirMode)
}

func (d *memDisk) link(old, path string) error {
	defer d.change()()
	return d.memory.Link(old, path)
}

func (d *memDisk) rename(old, path string) error {
	defer d.change()()
	return d.memory.Rename(old, path)
}

func (d *memDisk) remove(path string) error {
	defer d.change()()
	return d.memory.Remove(path)
}

func (d *memDisk) lstat(path string) (fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.memory.Stat(path)
}

func (d *memDisk) syncDir(path string) error {
	defer d.change()()
	f, err := d.memory.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

type memFile struct {
	vfs.File
	disk *memDisk
}

func (f memFile) Write(p []byte) (int, error) {
	defer f.disk.change()()
	return f.File.Write(p)
}

func (f memFile) Sync() error {
	defer f.disk.change()()
	return f.File.Sync()
}

// WatchRequests puts watch around the requests of a store that Open makes.
func WatchRequests(opts *Options, watch func(http.RoundTripper) http.RoundTripper) {
	opts.watch = watch
}

// BeginMultipart begins an upload in parts that nobody will end.
func BeginMultipart(ctx context.Context, s Store, name string) error {
	store := keeperOf(s).(*S3)
	_, err := store.api.NewMultipartUpload(ctx, store.bucket, store.prefix+name, minio.PutObjectOptions{})
	return err
}

// CacheBytes counts what a cache keeps.
func CacheBytes(s *Cached) (n int) {
	for _, item := range s.blocks.Items() {
		n += len(item.Value()) + blockExtra
	}
	return n
}
