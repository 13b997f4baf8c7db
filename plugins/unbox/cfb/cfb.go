// Package cfb reads compound files (MS-CFB): the containers of MSI packages, Outlook's messages and Office's older documents.
//
// It reads what it can of a damaged file: a chain of sectors that breaks gives a shorter stream, a folder of the directory that breaks
// fewer entries. Begin at Open.
package cfb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf16"

	"lazuli/plugins/unbox/archive"
)

const (
	signature  = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	headerSize = 512
	entrySize  = 128
	miniSize   = 64   // bytes of a small sector
	miniCutoff = 4096 // smaller streams are in small sectors
	inHeader   = 109  // sectors of the FAT that the header names

	lastRegular = 0xfffffffa // sectors above mean something else
	noEntry     = 0xffffffff
	mostDepth   = 64

	kindStorage = 1
	kindStream  = 2
	kindRoot    = 5
)

// File is a compound file.
type File struct {
	Root    *Entry
	Entries []*Entry // all below the root, each storage before what is in it
	Damage  error    // of the structure; nil for none. Wraps archive.ErrDamaged

	r      io.ReaderAt
	size   int64
	sector int64
	fat    []uint32
	mini   []uint32 // FAT of small sectors
	small  *Stream  // what these are in
}

// Entry is a storage or a stream.
type Entry struct {
	Name    string // as it is stored
	Path    []string
	Storage bool
	Size    int64
	CLSID   [16]byte
	Changed time.Time

	start              uint32
	left, right, child uint32
}

// Open reads the structure of a compound file.
func Open(ctx context.Context, r io.ReaderAt, size int64) (*File, error) {
	p, err := archive.Begin(r, headerSize)
	if err != nil {
		return nil, err
	}
	if string(p[:8]) != signature {
		return nil, fmt.Errorf("%w: no compound file", archive.ErrNotThis)
	}
	le := binary.LittleEndian
	shift := le.Uint16(p[30:])
	if shift != 9 && shift != 12 {
		return nil, archive.Damagef(30, "sectors of 2^%d bytes", shift)
	}
	f := &File{r: r, size: size, sector: 1 << shift}
	if err := f.readFAT(ctx, p); err != nil {
		return nil, err
	}
	directory, err := f.readChain(ctx, le.Uint32(p[48:]))
	if err != nil {
		return nil, err
	}
	if len(directory) < entrySize {
		return nil, archive.Damagef(48, "there is no directory")
	}
	if err := f.readDirectory(directory); err != nil {
		return nil, err
	}
	mini, err := f.readChain(ctx, le.Uint32(p[60:]))
	if err != nil {
		return nil, err
	}
	f.mini = numbers(mini)
	f.small = &Stream{f: f, size: f.Root.Size, unit: f.sector, fat: f.fat, start: f.Root.start}
	return f, nil
}

func (f *File) damaged(off int64, format string, args ...any) {
	if f.Damage == nil {
		f.Damage = archive.Damagef(off, format, args...)
	}
}

func (f *File) offset(sector uint32) int64 { return (int64(sector) + 1) * f.sector }

func numbers(p []byte) []uint32 {
	n := make([]uint32, len(p)/4)
	for i := range n {
		n[i] = binary.LittleEndian.Uint32(p[4*i:])
	}
	return n
}

// readSector reads a sector, which may be cut short at the end of the file. nil without an error: there is nothing.
func (f *File) readSector(sector uint32) ([]byte, error) {
	off := f.offset(sector)
	n := min(f.sector, f.size-off)
	if sector > lastRegular || n <= 0 {
		f.damaged(off, "a sector outside the file")
		return nil, nil
	}
	p := make([]byte, n)
	err := archive.ReadAt(f.r, p, off, "a sector")
	if errors.Is(err, archive.ErrDamaged) {
		f.damaged(off, "a sector is cut short")
		return nil, nil
	}
	return p, err
}

// readFAT reads the allocation table, the sectors of which are in the header and then in a chain of their own. It is never longer than
// what the file has room for.
func (f *File) readFAT(ctx context.Context, header []byte) error {
	le := binary.LittleEndian
	left := f.size/f.sector + 1 // sectors of the file
	each := f.sector / 4
	add := func(list []uint32) error {
		for _, sector := range list {
			if sector > lastRegular || int64(len(f.fat)) >= left {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			p, err := f.readSector(sector)
			if err != nil {
				return err
			}
			n := numbers(p)
			for int64(len(n)) < each {
				n = append(n, lastRegular+1)
			}
			f.fat = append(f.fat, n...)
		}
		return nil
	}
	if err := add(numbers(header[76:headerSize])); err != nil {
		return err
	}
	next := le.Uint32(header[68:])
	for range left {
		if next > lastRegular || int64(len(f.fat)) >= left {
			return nil
		}
		p, err := f.readSector(next)
		if err != nil {
			return err
		}
		list := numbers(p)
		if int64(len(list)) < each {
			return nil
		}
		if err := add(list[:each-1]); err != nil {
			return err
		}
		next = list[each-1]
	}
	return nil
}

// chain lists the sectors of a chain, as many as are needed; it cannot be longer than its table.
func (f *File) chain(start uint32, fat []uint32, most int64) []uint32 {
	var list []uint32
	for sector := start; sector <= lastRegular && int64(len(list)) < most; sector = fat[sector] {
		if int64(sector) >= int64(len(fat)) {
			f.damaged(0, "a chain leads to sector %d, which is not there", sector)
			return list
		}
		if len(list) >= len(fat) {
			f.damaged(f.offset(start), "a chain of sectors has no end")
			return nil
		}
		list = append(list, sector)
	}
	return list
}

// readChain reads the sectors of a chain.
func (f *File) readChain(ctx context.Context, start uint32) ([]byte, error) {
	var data []byte
	for _, sector := range f.chain(start, f.fat, math.MaxInt64) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := f.readSector(sector)
		if err != nil {
			return nil, err
		}
		data = append(data, p...)
	}
	return data, nil
}

// parseEntry takes an entry of the directory: MS-CFB 2.6.
func parseEntry(p []byte) (*Entry, byte) {
	le := binary.LittleEndian
	units := make([]uint16, min(32, max(1, int(le.Uint16(p[64:]))/2))-1)
	for i := range units {
		units[i] = le.Uint16(p[2*i:])
	}
	e := &Entry{
		Name: string(utf16.Decode(units)), Storage: p[66] == kindStorage || p[66] == kindRoot, CLSID: [16]byte(p[80:]), Changed: fileTime(le.Uint64(p[108:])),
		start: le.Uint32(p[116:]), left: le.Uint32(p[68:]), right: le.Uint32(p[72:]), child: le.Uint32(p[76:]),
	}
	e.Size = int64(le.Uint64(p[120:]))
	return e, p[66]
}

// fileTime is a time of Windows, in 100 ns since 1601.
func fileTime(t uint64) time.Time {
	if t == 0 || t > 1<<62 {
		return time.Time{}
	}
	const until1970 = 11644473600
	return time.Unix(int64(t/1e7)-until1970, int64(t%1e7)*100).UTC()
}

// readDirectory follows the trees of siblings from the root on. What no tree leads to is listed as well, at the root.
func (f *File) readDirectory(directory []byte) error {
	all := make([]*Entry, len(directory)/entrySize)
	kinds := make([]byte, len(all))
	for i := range all {
		all[i], kinds[i] = parseEntry(directory[i*entrySize:])
		if f.sector == headerSize {
			all[i].Size &= 1<<32 - 1 // the upper half may be anything: MS-CFB 2.6.3
		}
		if all[i].Size < 0 {
			all[i].Size = 0
		}
	}
	if kinds[0] != kindRoot {
		return archive.Damagef(48, "the directory has no root")
	}
	f.Root = all[0]
	seen := make([]bool, len(all))
	seen[0] = true
	f.collect(all, kinds, seen, f.Root.child, nil)
	for i := range all {
		if !seen[i] && kinds[i] == kindStream {
			f.damaged(48, "a stream is in no storage")
			seen[i] = true
			f.Entries = append(f.Entries, all[i])
		}
	}
	return nil
}

// collect lists the siblings of an entry in their order, and what is in them. No entry is listed twice.
func (f *File) collect(all []*Entry, kinds []byte, seen []bool, first uint32, path []string) {
	var waiting []uint32 // whose left siblings are being listed
	for at := first; at != noEntry || len(waiting) > 0; {
		if at != noEntry {
			if int64(at) >= int64(len(all)) || seen[at] || kinds[at] != kindStorage && kinds[at] != kindStream {
				f.damaged(48, "the directory refers to entry %d, which is not there or elsewhere", at)
				at = noEntry
				continue
			}
			seen[at] = true
			waiting = append(waiting, at)
			at = all[at].left
			continue
		}
		i := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		e := all[i]
		e.Path = path
		f.Entries = append(f.Entries, e)
		if kinds[i] == kindStorage {
			if len(path) >= mostDepth {
				f.damaged(48, "more than %d storages in one another", mostDepth)
			} else {
				f.collect(all, kinds, seen, e.child, append(path[:len(path):len(path)], e.Name))
			}
		}
		at = e.right
	}
}

// Open returns the content of a stream.
func (f *File) Open(ctx context.Context, e *Entry) *Stream {
	if e.Size < miniCutoff {
		return &Stream{ctx: ctx, f: f, size: e.Size, unit: miniSize, fat: f.mini, start: e.start, within: f.small}
	}
	return &Stream{ctx: ctx, f: f, size: e.Size, unit: f.sector, fat: f.fat, start: e.start}
}

// Stream is the content of a stream: an io.ReaderAt, and an io.Reader that begins at its beginning.
type Stream struct {
	ctx    context.Context
	f      *File
	size   int64
	unit   int64 // bytes of a sector
	fat    []uint32
	start  uint32
	chain  []uint32 // of sectors, when known
	known  bool
	within *Stream // small sectors are in this
	at     int64   // of Read
}

// Size is how many bytes the stream is said to have.
func (s *Stream) Size() int64 { return s.size }

// ReadAt implements io.ReaderAt.
func (s *Stream) ReadAt(p []byte, off int64) (n int, err error) {
	if !s.known {
		s.chain, s.known = s.f.chain(s.start, s.fat, (s.size-1)/s.unit+1), true
	}
	for n < len(p) {
		if s.ctx != nil && s.ctx.Err() != nil {
			return n, s.ctx.Err()
		}
		if off >= s.size {
			return n, io.EOF
		}
		i := off / s.unit
		if off < 0 || i >= int64(len(s.chain)) {
			return n, archive.Damagef(0, "a stream has %d bytes of %d", min(s.size, int64(len(s.chain))*s.unit), s.size)
		}
		part := p[n:min(int64(len(p)), int64(n)+s.unit-off%s.unit, int64(n)+s.size-off)]
		if s.within != nil {
			_, err = s.within.ReadAt(part, int64(s.chain[i])*s.unit+off%s.unit)
			if err == io.EOF {
				err = archive.Damagef(0, "a stream is cut short")
			}
		} else {
			err = archive.ReadAt(s.f.r, part, s.f.offset(s.chain[i])+off%s.unit, "a stream")
		}
		if err != nil {
			return n, err
		}
		n += len(part)
		off += int64(len(part))
	}
	return n, nil
}

// Read implements io.Reader.
func (s *Stream) Read(p []byte) (int, error) {
	if s.at >= s.size {
		return 0, io.EOF
	}
	n, err := s.ReadAt(p[:min(int64(len(p)), s.size-s.at)], s.at)
	s.at += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}
