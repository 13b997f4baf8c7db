package disk

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

// What begins a footer and the header of a disk that grows (Virtual Hard Disk Image Format Specification 1.0). All numbers are big-endian.
const (
	vhdMagic       = "conectix"
	vhdHeaderMagic = "cxsparse"

	vhdFixed        = 2
	vhdDynamic      = 3
	vhdDifferencing = 4

	vhdHeaderBytes = 1024
	vhdHole        = 1<<32 - 1 // the place of a block that is not stored
)

// WalkVHD visits what is on the disk of a VHD.
func WalkVHD(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	footer := make([]byte, sectorBytes)
	at := size - sectorBytes
	if at < 0 {
		return fmt.Errorf("%w: shorter than a footer", archive.ErrNotThis)
	}
	if err := archive.ReadAt(r, footer, at, "the footer"); err != nil {
		return err
	}
	if string(footer[:8]) != vhdMagic { // it may be cut off; disks that grow have a copy in front
		if err := archive.ReadAt(r, footer, 0, "the footer"); err != nil {
			return err
		}
		at = 0
	}
	if string(footer[:8]) != vhdMagic {
		return fmt.Errorf("%w: there is no footer of a VHD", archive.ErrNotThis)
	}
	d := &disk{ctx: ctx, visit: visit, size: int64(min(binary.BigEndian.Uint64(footer[48:]), mostBytes))}
	switch kind := binary.BigEndian.Uint32(footer[60:]); kind {
	case vhdFixed:
		d.r, d.size = r, min(d.size, size-sectorBytes)
	case vhdDynamic:
		var err error
		if d.r, err = vhdBlocks(r, footer, d.size); err != nil {
			return err
		}
	case vhdDifferencing:
		return fmt.Errorf("what differs from another disk %w", archive.ErrUnsupported)
	default:
		return archive.Damagef(at, "a disk of kind %d", kind)
	}
	return d.walk()
}

// vhdBlocks reads the table of blocks. In front of each block there are bits for its sectors, which are not looked at: a sector that is not in
// use has zeros, or something that somebody hides.
func vhdBlocks(r io.ReaderAt, footer []byte, size int64) (io.ReaderAt, error) {
	at := int64(min(binary.BigEndian.Uint64(footer[16:]), mostBytes))
	header := make([]byte, vhdHeaderBytes)
	if err := archive.ReadAt(r, header, at, "the header"); err != nil {
		return nil, err
	}
	block := int64(binary.BigEndian.Uint32(header[32:]))
	if string(header[:8]) != vhdHeaderMagic || block < sectorBytes || block&(block-1) != 0 {
		return nil, archive.Damagef(at, "the header makes no sense")
	}
	bits := (block/sectorBytes/8 + sectorBytes - 1) / sectorBytes * sectorBytes
	t := table{r: r, at: int64(min(binary.BigEndian.Uint64(header[16:]), mostBytes)), entries: int64(binary.BigEndian.Uint32(header[28:])), order: binary.BigEndian}
	return &blocks{size: size, block: block, image: r, locate: func(i int64) (int64, []byte, error) {
		sector, err := t.entry(i)
		if err != nil || sector == vhdHole {
			return 0, nil, err
		}
		return int64(sector)*sectorBytes + bits, nil, nil
	}}, nil
}

// table is one of 32-bit numbers, of which a page is kept.
type table struct {
	r       io.ReaderAt
	at      int64
	entries int64
	order   binary.ByteOrder

	page   []byte
	pageAt int64 // of its first entry
}

const pageEntries = 1 << 10

func (t *table) entry(i int64) (uint32, error) {
	if i < 0 || i >= t.entries {
		return 0, archive.Damagef(t.at, "a block that the table does not have")
	}
	if first := i / pageEntries * pageEntries; t.page == nil || first != t.pageAt {
		page := make([]byte, 4*min(pageEntries, t.entries-first))
		if err := archive.ReadAt(t.r, page, t.at+4*first, "the table of blocks"); err != nil {
			return 0, err
		}
		t.page, t.pageAt = page, first
	}
	return t.order.Uint32(t.page[4*(i-t.pageAt):]), nil
}
