// Package iso reads images of optical discs: ISO 9660 (ECMA-119) with Joliet, Rock Ridge and El Torito, and UDF (ECMA-167, OSTA UDF
// 1.02 to 2.60).
//
// A disc may have several trees of folders over the same data. Walk lists the one with the best names, and of the others what is in none
// before: what only some systems would see is what somebody hides. Begin at Walk.
package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"lazuli/plugins/unbox/archive"
)

const (
	sectorSize      = 2048
	firstDescriptor = 16 // sector of the first volume descriptor
	mostDescriptors = 100

	mostDepth = 64   // folders in folders
	mostPath  = 4096 // bytes of a path
)

// Walk visits the files of an image.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	v, err := readDescriptors(ctx, r, size)
	if err != nil {
		return err
	}
	udf, err := findUDF(r, size)
	if err != nil && !errors.Is(err, archive.ErrDamaged) {
		return err
	}
	if !v.recognised && udf == nil {
		return fmt.Errorf("%w: neither ISO 9660 nor UDF", archive.ErrNotThis)
	}
	l := &listing{ctx: ctx, r: r, size: size, visit: visit, seen: map[extent]bool{}, folderBytes: size + 1<<20}
	damage := err
	if !v.udf && udf == nil {
		damage = nil
	}
	if err := v.walk(l, &damage); err != nil {
		return err
	}
	if udf != nil {
		if err := l.through(udf.walk(l), &damage); err != nil {
			return err
		}
	}
	if err := l.through(v.walkBoot(l), &damage); err != nil {
		return err
	}
	return damage
}

// extent is a stretch of the image.
type extent struct{ off, size int64 }

// listing is one walk through an image.
type listing struct {
	ctx         context.Context
	r           io.ReaderAt
	size        int64 // of the image
	visit       archive.Visit
	seen        map[extent]bool // files that were listed, by where they begin
	others      bool            // the first tree was listed: only what is in none before counts
	folderBytes int64           // that may still be read as folders: each is read once, so that they fit into the image
}

// errStopped wraps what ends the walk at once: an error of visit, of the context or of the source.
type errStopped struct{ error }

func (e errStopped) Unwrap() error { return e.error }

// through keeps damage for the end of the walk, the first of all, and lets everything else through.
func (l *listing) through(err error, damage *error) error {
	var stopped errStopped
	switch {
	case err == nil:
		return nil
	case errors.As(err, &stopped):
		return stopped.error
	case !errors.Is(err, archive.ErrDamaged):
		return err
	}
	if *damage == nil {
		*damage = err
	}
	return nil
}

// file lists a file of some extents, unless another tree has it already.
func (l *listing) file(e archive.Entry, extents []extent) error {
	if err := l.ctx.Err(); err != nil {
		return errStopped{err}
	}
	if key, ok := keyOf(extents, e.Size); ok {
		if l.others && l.seen[key] {
			return nil
		}
		l.seen[key] = true
	} else if l.others {
		return nil // empty: nothing is hidden in it
	}
	return l.emit(e, l.reader(extents))
}

// keyOf tells files apart by where they begin and how long they are. A file without bytes in the image has no key.
func keyOf(extents []extent, size int64) (extent, bool) {
	if size == 0 || len(extents) == 0 || extents[0].off < 0 {
		return extent{}, false
	}
	return extent{extents[0].off, size}, true
}

// other lists what has no content: a folder or a link.
func (l *listing) other(e archive.Entry) error {
	if err := l.ctx.Err(); err != nil {
		return errStopped{err}
	}
	if l.others {
		return nil
	}
	return l.emit(e, nil)
}

func (l *listing) emit(e archive.Entry, r io.Reader) error {
	if err := l.visit(e, r); err != nil {
		return errStopped{err}
	}
	return nil
}

// zeros is the offset of an extent that is not recorded: it reads as zeros.
const zeros = math.MinInt64

// reader reads extents one after the other.
func (l *listing) reader(extents []extent) io.Reader {
	readers := make([]io.Reader, len(extents))
	for i, x := range extents {
		if x.off == zeros {
			readers[i] = io.LimitReader(zeroReader{l.ctx}, x.size)
			continue
		}
		readers[i] = archive.Section(l.ctx, l.r, x.off, x.size, "a file")
	}
	return io.MultiReader(readers...)
}

type zeroReader struct{ ctx context.Context }

func (z zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), z.ctx.Err()
}

// folder reads a folder whole.
func (l *listing) folder(extents []extent) ([]byte, error) {
	var data []byte
	for _, x := range extents {
		if x.off == zeros || x.size > l.folderBytes {
			return data, archive.Damagef(max(0, x.off), "a folder of %d bytes that the image cannot have", x.size)
		}
		l.folderBytes -= x.size
		n := min(x.size, max(0, l.size-x.off))
		if x.off < 0 || n <= 0 {
			return data, archive.Damagef(x.off, "a folder outside the image")
		}
		p := make([]byte, n)
		if err := archive.ReadAt(l.r, p, x.off, "a folder"); err != nil {
			return data, err
		}
		data = append(data, p...)
		if n < x.size {
			return data, archive.Damagef(x.off, "a folder is cut short")
		}
	}
	return data, nil
}

// join makes the path of what is in a folder. "" if it becomes too long.
func join(folder, name string) (string, bool) {
	if folder != "" {
		name = folder + "/" + name
	}
	return name, len(name) <= mostPath
}
