// Package cab reads Microsoft's cabinets (MS-CAB): stored, MSZIP, Quantum and LZX.
//
// A cabinet may be one of a set: files that begin in the cabinet before it cannot be had, those that go on in the next one as far as they
// are in this one, and the walk ends with ErrSet. Begin at Walk; Find looks for cabinets in other files.
package cab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"lazuli/plugins/unbox/archive"
)

// ErrSet is wrapped, together with archive.ErrDamaged, when a part of something is in another cabinet.
var ErrSet = errors.New("one of a set of cabinets")

var errGoesOn = errors.New("goes on in the next cabinet")

// mostRestarts is how often a folder is decompressed from its beginning because its files are not in order. No maker of cabinets does that;
// without a limit one of 100 KB could keep a reader busy for days.
const mostRestarts = 8

// Walk visits the files of a cabinet in their order.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	h, err := parseHeader(r, size)
	if err != nil {
		return err
	}
	folders, damage := h.parseFolders(r, size)
	if damage != nil && !errors.Is(damage, archive.ErrDamaged) {
		return damage
	}
	w := &walk{ctx: ctx, r: r, header: h, folders: folders}
	off := h.files
	for range h.numFiles {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, next, err := parseFile(r, off, size)
		if err != nil {
			return err
		}
		off = next
		if err := w.visit(f, visit); err != nil {
			return err
		}
	}
	if damage != nil {
		return damage
	}
	return w.set()
}

// walk is a walk through one cabinet.
type walk struct {
	ctx      context.Context
	r        io.ReaderAt
	header   *header
	folders  []folder
	number   int // of the folder that is being decompressed
	stream   *stream
	restarts int
	apart    bool // a part of a file is in another cabinet
	begun    bool // the first folder begins in the cabinet before: offsets in it count from there
}

func (w *walk) visit(f file, visit archive.Visit) error {
	number := int(f.folder)
	switch f.folder {
	case fromPrevious, throughout:
		w.apart, w.begun = true, true
		if len(w.folders) > 0 {
			f.entry.Method = w.folders[0].method()
		}
		return visit(f.entry, nil)
	case toNext:
		w.apart = true
		number = len(w.folders) - 1
	}
	if number < 0 || number >= len(w.folders) {
		return visit(f.entry, archive.Broken{Err: archive.Damagef(w.header.folders, "there is no folder %d", f.folder)})
	}
	f.entry.Method = w.folders[number].method()
	if number == 0 && w.begun {
		w.apart = true
		return visit(f.entry, nil)
	}
	s, err := w.streamFor(number, f.offset)
	if err != nil {
		return visit(f.entry, archive.Broken{Err: err})
	}
	return visit(f.entry, &content{s: s, off: f.offset, left: f.entry.Size})
}

// streamFor is the folder, decompressed up to off or less.
func (w *walk) streamFor(number int, off int64) (*stream, error) {
	if w.stream != nil && w.number == number && off >= w.stream.at {
		return w.stream, nil
	}
	if w.stream != nil && number <= w.number {
		if w.restarts++; w.restarts > mostRestarts {
			return nil, archive.Damagef(w.folders[number].data, "files of a folder overlap or are out of order")
		}
	}
	w.number = number
	w.stream = newStream(w.ctx, w.r, w.folders[number], w.header.dataReserve)
	return w.stream, nil
}

// set tells what of a set is missing.
func (w *walk) set() error {
	if !w.apart {
		return nil
	}
	var missing []string
	if w.header.hasPrev {
		missing = append(missing, fmt.Sprintf("the one before is %q", w.header.previous))
	}
	if w.header.hasNxt {
		missing = append(missing, fmt.Sprintf("the next one is %q", w.header.next))
	}
	return fmt.Errorf("%w: %w: %s", archive.ErrDamaged, ErrSet, strings.Join(missing, ", "))
}
