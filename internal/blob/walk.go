package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Walk implements Store. Files that are not objects are left out; a directory that cannot be read is an error.
func (s *FS) Walk(ctx context.Context, fn func(Key, Info) error) error {
	t := tree{
		root: s.dir,
		object: func(k Key, path string) error {
			info, err := s.regular(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // deleted meanwhile
			}
			if err != nil {
				return s.keyFault("walk", k, err)
			}
			return fn(k, Info{Size: info.Size(), ModTime: info.ModTime()})
		},
		stray:      func(string) {},
		unreadable: func(_ string, err error) error { return s.fault("walk", err) },
	}
	return t.walk(ctx, s.dir, nil)
}

// Verify reads every object and calls report, from one goroutine at a time, for each that is damaged or has the wrong
// name, for each file that is no object, and for each directory that cannot be read. What is written or deleted meanwhile
// is no fault. An error means that it did not get to the end.
func (s *FS) Verify(ctx context.Context, report func(fault string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	locked := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		report(fmt.Sprintf(format, args...))
	}
	type object struct {
		key  Key
		path string
	}
	objects := make(chan object)
	var workers sync.WaitGroup
	for range verifyWorkers {
		workers.Go(func() {
			buf := make([]byte, verifyBuffer)
			for o := range objects {
				if fault := rehash(ctx, o.key, o.path, buf); fault != "" && ctx.Err() == nil {
					locked("%s: %s", o.path, fault)
				}
			}
		})
	}
	t := tree{
		root: s.dir,
		object: func(k Key, path string) error {
			select {
			case objects <- object{k, path}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		stray:      func(path string) { locked("%s: not an object of this store: move it elsewhere", path) },
		unreadable: func(path string, err error) error { locked("%s: cannot be read: %v", path, err); return nil },
	}
	err := t.walk(ctx, s.dir, nil)
	close(objects)
	workers.Wait()
	if err != nil {
		return fmt.Errorf("verify %s: %w", s.dir, err)
	}
	return nil
}

const (
	verifyWorkers = 2
	verifyBuffer  = 256 << 10 // bytes
)

// rehash says what is wrong with an object, or "".
func rehash(ctx context.Context, k Key, path string, buf []byte) string {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		return fmt.Sprintf("cannot be read: %v", err)
	}
	defer f.Close()
	h := sha256.New()
	for ctx.Err() == nil {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Sprintf("cannot be read: %v", err)
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != k.SHA256 {
		return fmt.Sprintf("damaged, its bytes have the SHA-256 %s: restore it from a backup or submit the file again", got)
	}
	return ""
}

// tree visits the directory of a store: source, label, first and second byte of the SHA-256, then the objects.
type tree struct {
	root       string
	object     func(k Key, path string) error
	stray      func(path string)                  // what has no place here
	unreadable func(path string, err error) error // a directory
}

// walk visits dir; names are those of the directories down to it.
func (t *tree) walk(ctx context.Context, dir string, names []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) && len(names) > 0 {
		return nil
	}
	if err != nil {
		return t.unreadable(dir, err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch below := append(names, e.Name()); {
		case len(names) == 0 && notOurs(e.Name()):
		case len(names) < objectDepth:
			if !e.IsDir() || !validDir(below) {
				t.stray(path)
			} else if err := t.walk(ctx, path, below); err != nil {
				return err
			}
		default:
			k := Key{below[0], below[1], below[4]}
			if !e.Type().IsRegular() || k.Valid() != nil || k.SHA256[:2] != below[2] || k.SHA256[2:4] != below[3] {
				t.stray(path)
			} else if err := t.object(k, path); err != nil {
				return err
			}
		}
	}
	return nil
}

const objectDepth = 4 // directories above an object

// notOurs tells of the entries that may lie beside the sources: temporary files, and what mkfs.ext4 makes.
func notOurs(name string) bool { return name == scratchDir || name == "lost+found" }

func validDir(names []string) bool {
	name := names[len(names)-1]
	if len(names) <= 2 {
		return validName(name)
	}
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == 1 && name == hex.EncodeToString(b)
}
