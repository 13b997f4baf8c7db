package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// FS is a Store in a directory of a local disk.
//
// An object lies at <dir>/<source>/<label>/<h0h1>/<h2h3>/<sha256>, readable by its owner only. Uploads are written under
// <dir>/.tmp, on the same disk, and moved into place once their bytes are synced, so that an object is complete whenever
// it is seen. (No source can be named .tmp: names begin with a letter or digit.)
//
// Many processes may use one directory at the same time.
type FS struct {
	dir string
	spooler

	shards [256]shard // by the first byte of the SHA-256
}

// OpenFS opens the store in dir and makes dir if it is missing. What uploads of a killed process left behind is removed.
func OpenFS(dir string) (*FS, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open file store: %w", err)
	}
	s := &FS{dir: dir}
	s.disk, s.fault = osDisk{}, diskFault(dir)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, s.fault("open file store", err)
	}
	if s.scratch, err = openScratch(filepath.Join(dir, scratchDir)); err != nil {
		return nil, s.fault("open file store", err)
	}
	syncAncestors(dir)
	for i := range s.shards {
		s.shards[i].store, s.shards[i].made = s, make(map[string]struct{})
	}
	return s, nil
}

// syncAncestors takes a directory that may be new to disk, as far up as this process may.
func syncAncestors(dir string) {
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if (osDisk{}).syncDir(parent) != nil {
			return // it belongs to somebody else, who made it before
		}
	}
}

// Create implements Store.
func (s *FS) Create(ctx context.Context) (Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := s.create()
	if err != nil {
		return nil, err
	}
	return fsUpload{f, s}, nil
}

// Open implements Store. A whole object comes as *os.File and a part of one copies itself through its file, so that the
// kernel can send either to a socket by itself.
func (s *FS) Open(ctx context.Context, k Key, off, n int64) (io.ReadCloser, error) {
	if err := k.Valid(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(s.path(k))
	if err != nil {
		return nil, s.keyFault("open", k, err)
	}
	r, err := section(f, off, n)
	if err != nil {
		f.Close()
		return nil, s.keyFault("open", k, err)
	}
	return r, nil
}

func section(f *os.File, off, n int64) (io.ReadCloser, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	size := info.Size()
	if off < 0 || off > size || off == size && size > 0 {
		return nil, fmt.Errorf("%w: offset %d, size %d bytes", ErrRange, off, size)
	}
	if n < 0 || n > size-off {
		n = size - off
	}
	if off == 0 && n == size {
		return f, nil
	}
	if _, err := f.Seek(off, io.SeekStart); err != nil {
		return nil, err
	}
	return &part{LimitedReader: io.LimitedReader{R: f, N: n}, Closer: f}, nil
}

// part is some bytes of a file.
type part struct {
	io.LimitedReader
	io.Closer
}

// WriteTo hands the bare LimitedReader to io.Copy, in which net recognises a file that it can send with sendfile(2).
func (p *part) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, &p.LimitedReader) }

// Stat implements Store.
func (s *FS) Stat(ctx context.Context, k Key) (Info, error) {
	if err := k.Valid(); err != nil {
		return Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	info, err := s.regular(s.path(k))
	if err != nil {
		return Info{}, s.keyFault("stat", k, err)
	}
	return Info{Size: info.Size(), ModTime: info.ModTime()}, nil
}

// Copy implements Store. The two objects share their bytes on disk where the file system can do that.
func (s *FS) Copy(ctx context.Context, from, to Key) error {
	if err := mayCopy(from, to); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.regular(s.path(from))
	if err != nil {
		return s.keyFault("copy", from, err)
	}
	err = s.enter(to, nil, func(path string) (bool, error) { return s.linkNew(s.path(from), path) })
	if errors.Is(err, errCannotLink) {
		return s.copyBytes(ctx, from, to)
	}
	return s.keyFault("copy", from, err)
}

// copyBytes copies where hard links cannot be made.
func (s *FS) copyBytes(ctx context.Context, from, to Key) error {
	r, err := s.Open(ctx, from, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	up, err := s.Create(ctx)
	if err != nil {
		return err
	}
	defer up.Discard()
	if _, err := io.Copy(up, r); err != nil {
		return err
	}
	return up.Commit(ctx, to)
}

// Delete implements Store. Readers that have the object open keep it.
func (s *FS) Delete(ctx context.Context, k Key) error {
	if err := k.Valid(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	path := s.path(k)
	if _, err := s.regular(path); err != nil {
		return s.keyFault("delete", k, err)
	}
	sh := s.shard(k)
	sh.Lock()
	defer sh.Unlock()
	if err := s.disk.remove(path); err != nil {
		return s.keyFault("delete", k, err)
	}
	return s.keyFault("delete", k, s.disk.syncDir(filepath.Dir(path)))
}

// Check implements Store.
func (s *FS) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	up, err := s.create()
	if err != nil {
		return err
	}
	defer up.Discard()
	if _, err := up.Write([]byte("lazuli was here\n")); err != nil {
		return err
	}
	return s.fault("check file store", up.file.Sync())
}

// Close implements Store. Uploads that are still open can no longer be committed.
func (s *FS) Close() error { return s.close() }

func (s *FS) path(k Key) string {
	return filepath.Join(s.leaf(k), k.SHA256)
}

// leaf is the directory of an object.
func (s *FS) leaf(k Key) string {
	return filepath.Join(s.dir, k.Source, k.Label, k.SHA256[:2], k.SHA256[2:4])
}

// where implements keeper.
func (s *FS) where(k Key) string { return s.path(k) }
