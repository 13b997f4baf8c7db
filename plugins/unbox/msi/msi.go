// Package msi reads packages of Windows Installer (MSI, MSP, MST): tables as text, files of the cabinets inside under the names that they
// are installed as, and all other streams.
//
// A package is a compound file. How tables are in it is not published; it is known through the sources of Wine. Begin at Walk.
package msi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/cab"
	"lazuli/plugins/unbox/cfb"
)

// classes are those of root storages: of packages, of transforms, and of patches.
var classes = [][]byte{
	{0x84, 0x10, 0x0c, 0x00, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}, {0x82, 0x10, 0x0c, 0x00, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46},
	{0x86, 0x10, 0x0c, 0x00, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46},
}

// Walk visits what is in a package, in the order of its directory.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	f, err := cfb.Open(ctx, r, size)
	if err != nil {
		return err
	}
	streams := map[string]*cfb.Entry{}
	for _, e := range f.Entries {
		if len(e.Path) == 0 && !e.Storage {
			streams[decodeName(e.Name)] = e
		}
	}
	known := streams[streamStrings] != nil
	for _, class := range classes {
		known = known || bytes.Equal(f.Root.CLSID[:], class)
	}
	if !known {
		return fmt.Errorf("%w: a compound file, but no package of Windows Installer", archive.ErrNotThis)
	}
	w := &walk{ctx: ctx, f: f, visit: visit, damage: f.Damage}
	if streams[streamStrings] != nil {
		w.d, err = openDatabase(ctx, f, streams)
		if err := w.note(err); err != nil {
			return err
		}
		if w.layout, err = w.d.readLayout(ctx, f, streams); err != nil {
			return err
		}
	}
	for _, e := range f.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.entry(e); err != nil {
			return err
		}
	}
	return w.damage
}

// walk is a walk through one package.
type walk struct {
	ctx    context.Context
	f      *cfb.File
	visit  archive.Visit
	d      *database // nil if there are no tables
	layout *layout
	damage error
}

// note keeps the first damage and lets other errors through.
func (w *walk) note(err error) error {
	if err != nil && !errors.Is(err, archive.ErrDamaged) {
		return err
	}
	if w.damage == nil {
		w.damage = err
	}
	return nil
}

func (w *walk) entry(e *cfb.Entry) error {
	name := decodeName(e.Name)
	full := strings.Join(append(decodeAll(e.Path), name), "/")
	if e.Storage {
		return w.visit(archive.Entry{Name: full, Folder: true, Changed: e.Changed}, nil)
	}
	top := len(e.Path) == 0
	if table, ok := strings.CutPrefix(name, "!"); ok && top && w.d != nil && len(w.d.tables[table]) > 0 {
		return w.table(e, table)
	}
	if name == streamStrings && w.d != nil && w.d.strings != nil {
		return nil // lengths of what is in the other stream
	}
	begin := make([]byte, 4)
	s := w.f.Open(w.ctx, e)
	if n, err := s.ReadAt(begin, 0); n < len(begin) && err != io.EOF && !errors.Is(err, archive.ErrDamaged) {
		return err
	}
	if string(begin) == "MSCF" {
		return w.cabinet(e, full)
	}
	return w.visit(archive.Entry{Name: full, Size: e.Size}, s)
}

func decodeAll(names []string) []string {
	decoded := make([]string, len(names))
	for i, n := range names {
		decoded[i] = decodeName(n)
	}
	return decoded
}

// table lists a table as text. Its size is not known before it is made.
func (w *walk) table(e *cfb.Entry, name string) error {
	data, err := readStream(w.ctx, w.f, e)
	if err := w.note(err); err != nil {
		return err
	}
	return w.visit(archive.Entry{Name: name + ".idt"}, newTableText(name, newTable(w.d, w.d.tables[name], data)))
}

// errStopped is an error of visit on its way through a cabinet.
type errStopped struct{ error }

// cabinet lists the files of a cabinet, or the stream itself if it is none.
func (w *walk) cabinet(e *cfb.Entry, name string) error {
	s := w.f.Open(w.ctx, e)
	listed := false
	err := cab.Walk(w.ctx, s, s.Size(), func(inner archive.Entry, r io.Reader) error {
		listed = true
		installed := ""
		if w.layout != nil {
			installed = w.layout.path(inner.Name)
		}
		if installed == "" {
			installed = name + "/" + inner.Name
		}
		inner.Name = installed
		if err := w.visit(inner, r); err != nil {
			return errStopped{err}
		}
		return nil
	})
	var stopped errStopped
	switch {
	case errors.As(err, &stopped):
		return stopped.error
	case err == nil:
		return nil
	case !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrNotThis):
		return err
	}
	if !listed {
		return w.visit(archive.Entry{Name: name, Size: e.Size}, w.f.Open(w.ctx, e))
	}
	return w.note(fmt.Errorf("%s: %w", name, err))
}
