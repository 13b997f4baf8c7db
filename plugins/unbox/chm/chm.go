// Package chm reads compiled HTML help (CHM): ITSF, with its files compressed by LZX.
//
// Microsoft never published the format; it is known through "Unofficial (Preliminary) HTML Help Specification" by Paul Wise and
// Jed Wing, and "Microsoft's HTML Help (.chm) format" by Matthew Russotto. Begin at Walk.
package chm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"lazuli/plugins/unbox/archive"
)

const (
	headerSize    = 0x60
	headerSizeV2  = 0x58
	directorySize = 0x54
	listingSize   = 0x14 // of a block of the directory without its entries
	mostBlock     = 1 << 20

	dataSpace    = "::DataSpace/"
	storage      = dataSpace + "Storage/MSCompressed/"
	contentName  = storage + "Content"
	controlName  = storage + "ControlData"
	resetsName   = storage + "Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable"
	mostControl  = 1 << 10
	sectionPlain = 0
	sectionLZX   = 1
)

// item is an entry of the directory.
type item struct {
	name           string
	section        uint64
	offset, length int64
}

// BuiltIn tells whether a file is there for the viewer of the help alone, as indexes are: what authors put in has other names.
func BuiltIn(name string) bool { return strings.HasPrefix(name, "#") || strings.HasPrefix(name, "$") }

// Walk visits the files of a help: what is stored first, then the rest in the order in which it is compressed.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	h, err := parseHeader(r, size)
	if err != nil {
		return err
	}
	items, damage := h.directory(ctx, r, size)
	if damage != nil && !errors.Is(damage, archive.ErrDamaged) {
		return damage
	}
	w := &walk{ctx: ctx, r: r, data: h.data, visit: visit}
	w.compressed, err = openCompressed(ctx, r, h.data, items)
	if err != nil && !errors.Is(err, archive.ErrDamaged) {
		return err
	}
	w.broken = err
	slices.SortStableFunc(items, func(a, b item) int {
		if a.section != b.section {
			return int(min(a.section, 2)) - int(min(b.section, 2))
		}
		switch {
		case a.offset < b.offset:
			return -1
		case a.offset > b.offset:
			return 1
		}
		return 0
	})
	for _, i := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.item(i); err != nil {
			return err
		}
	}
	return damage
}

type header struct {
	directoryAt, directoryLen int64
	data                      int64 // where the content of section 0 begins
}

func parseHeader(r io.ReaderAt, size int64) (*header, error) {
	p, err := archive.Begin(r, headerSizeV2)
	if err != nil {
		return nil, err
	}
	if string(p[:4]) != "ITSF" {
		return nil, fmt.Errorf("%w: no compiled help", archive.ErrNotThis)
	}
	le := binary.LittleEndian
	h := &header{directoryAt: int64(le.Uint64(p[0x48:])), directoryLen: int64(le.Uint64(p[0x50:]))}
	if h.directoryAt < 0 || h.directoryLen < 0 || h.directoryAt > size {
		return nil, archive.Damagef(0x48, "the directory is outside the file")
	}
	h.data = h.directoryAt + h.directoryLen
	if le.Uint32(p[4:]) >= 3 {
		var q [headerSize - headerSizeV2]byte
		if err := archive.ReadAt(r, q[:], headerSizeV2, "the header"); err != nil {
			return nil, err
		}
		h.data = int64(le.Uint64(q[:]))
	}
	if h.data < 0 || h.data > size {
		return nil, archive.Damagef(0x58, "the content is outside the file")
	}
	return h, nil
}

// directory reads all blocks with entries, one after the other: they are chained in the same order.
func (h *header) directory(ctx context.Context, r io.ReaderAt, size int64) ([]item, error) {
	head := make([]byte, directorySize)
	if err := archive.ReadAt(r, head, h.directoryAt, "the directory's header"); err != nil {
		return nil, err
	}
	if string(head[:4]) != "ITSP" {
		return nil, archive.Damagef(h.directoryAt, "no directory")
	}
	le := binary.LittleEndian
	block := int64(le.Uint32(head[0x10:]))
	if block <= listingSize || block > mostBlock {
		return nil, archive.Damagef(h.directoryAt, "a directory in blocks of %d bytes", block)
	}
	off, end := h.directoryAt+int64(le.Uint32(head[8:])), min(h.directoryAt+h.directoryLen, size)
	var items []item
	var damage error
	p := make([]byte, block)
	for ; off+listingSize < end; off += block {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p = p[:min(block, end-off)]
		if err := archive.ReadAt(r, p, off, "the directory"); err != nil {
			return items, err
		}
		if string(p[:4]) != "PMGL" {
			continue // an index
		}
		entries := p[listingSize:max(listingSize, len(p)-int(min(int64(le.Uint32(p[4:])), block)))]
		for len(entries) > 0 {
			i, n := parseItem(entries)
			if n == 0 {
				damage = archive.Damagef(off, "an entry of the directory is damaged")
				break
			}
			items, entries = append(items, i), entries[n:]
		}
	}
	return items, damage
}

// parseItem takes the entry that p begins with and returns how many bytes it has, 0 if there is none.
func parseItem(p []byte) (item, int) {
	whole := len(p)
	var numbers [4]uint64 // length of the name, section, offset, length
	name := ""
	for i := range numbers {
		v, n := number(p)
		if n == 0 {
			return item{}, 0
		}
		numbers[i], p = v, p[n:]
		if i == 0 {
			if v > uint64(len(p)) {
				return item{}, 0
			}
			name, p = string(p[:v]), p[v:]
		}
	}
	return item{name, numbers[1], int64(numbers[2]), int64(numbers[3])}, whole - len(p)
}

// number takes a number of seven bits a byte, most significant first, all bytes but the last with their upper bit set.
func number(p []byte) (v uint64, n int) {
	for n < min(len(p), 9) {
		v = v<<7 | uint64(p[n]&0x7f)
		n++
		if p[n-1]&0x80 == 0 {
			return v, n
		}
	}
	return 0, 0
}

// walk is a walk through one help.
type walk struct {
	ctx        context.Context
	r          io.ReaderAt
	data       int64
	visit      archive.Visit
	compressed *compressed
	broken     error // why there is no compressed
}

func (w *walk) item(i item) error {
	if strings.HasPrefix(i.name, dataSpace) || i.name == "/" {
		return nil // what the container needs for itself
	}
	e := archive.Entry{Name: strings.TrimPrefix(i.name, "/"), Size: i.length, Method: "stored"}
	switch {
	case strings.HasSuffix(i.name, "/") && i.length == 0:
		e.Name, e.Folder, e.Method = strings.TrimSuffix(e.Name, "/"), true, ""
		return w.visit(e, nil)
	case i.section == sectionPlain:
		return w.visit(e, archive.Section(w.ctx, w.r, w.data+i.offset, i.length, "a file"))
	case i.section != sectionLZX:
		e.Method = ""
		return w.visit(e, archive.Broken{Err: archive.Damagef(w.data, "there is no section %d", i.section)})
	}
	e.Method = "LZX"
	if w.compressed == nil {
		return w.visit(e, archive.Broken{Err: w.broken})
	}
	return w.visit(e, &content{w.compressed, i.offset, i.length})
}

// find returns the entry with a name.
func find(items []item, name string) (item, bool) {
	i := slices.IndexFunc(items, func(i item) bool { return i.name == name && i.section == sectionPlain })
	if i < 0 {
		return item{}, false
	}
	return items[i], true
}

// small reads an entry that the container needs for itself.
func small(r io.ReaderAt, data int64, items []item, name string, most int64) ([]byte, int64, error) {
	i, ok := find(items, name)
	if !ok {
		return nil, 0, archive.Damagef(data, "%s is missing", name)
	}
	p := make([]byte, max(0, min(i.length, most)))
	if err := archive.ReadAt(r, p, data+i.offset, name); err != nil {
		return nil, 0, err
	}
	return p, data + i.offset, nil
}
