package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Walk implements Store. Files that are not objects are left out; a directory that cannot be read is an error.
func (s *FS) Walk(ctx context.Context, fn func(Key, Info) error) error {
	return s.list(ctx, listing{
		object: fn, stray: func(string) {}, unreadable: func(_ string, err error) error { return s.fault("walk", err) },
	})
}

// list implements keeper.
func (s *FS) list(ctx context.Context, l listing) error {
	t := tree{root: s.dir, listing: l}
	t.file = func(k Key, path string) error {
		info, err := s.regular(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return s.keyFault("walk", k, err)
		}
		return l.object(k, Info{Size: info.Size(), ModTime: info.ModTime()})
	}
	return t.walk(ctx, s.dir, nil)
}

// tree visits the directory of a store: source, label, first and second byte of the SHA-256, then the objects.
type tree struct {
	root string
	file func(k Key, path string) error
	listing
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
			} else if err := t.file(k, path); err != nil {
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
