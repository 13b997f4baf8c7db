// Package disk reads images of hard disks, VHD and VMDK, and what is on the disks: partitions, and the files of those that have a FAT file
// system. Any other partition is one file.
//
// Begin at WalkVHD and WalkVMDK. vhd.go and vmdk.go say where the blocks of a disk lie in its image, partition.go what stretches it has, fat.go
// what is in them.
package disk

import (
	"context"
	"errors"
	"io"
	"math"

	"lazuli/plugins/unbox/archive"
)

const (
	sectorBytes = 512
	mostBytes   = math.MaxInt64 / 2 // of a disk
)

// blocks is a disk in blocks of one size, which lie anywhere in its image or not at all.
type blocks struct {
	size  int64 // of the disk
	block int64 // bytes of each block
	// locate says where a block lies in the image: below 1 if it is not stored and reads as zeros. Or it returns the block itself.
	locate func(i int64) (at int64, data []byte, err error)
	image  io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (b *blocks) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		if off < 0 || off >= b.size {
			return n, io.EOF
		}
		within := off % b.block
		piece := p[n:min(int64(len(p)), int64(n)+min(b.block-within, b.size-off))]
		at, data, err := b.locate(off / b.block)
		switch {
		case err != nil:
			return n, err
		case data != nil:
			clear(piece)
			copy(piece, data[min(within, int64(len(data))):])
		case at < 1:
			clear(piece)
		default:
			if err := archive.ReadAt(b.image, piece, at+within, "a block of the disk"); err != nil {
				return n, err
			}
		}
		n += len(piece)
		off += int64(len(piece))
	}
	return n, nil
}

// disk is one that is walked through.
type disk struct {
	ctx    context.Context
	r      io.ReaderAt
	size   int64
	visit  archive.Visit
	prefix string // of names, where there are several partitions

	damage  error // the first
	stopped error // what visit said, damage or not
}

// through keeps damage for the end of the walk and lets everything else through.
func (d *disk) through(err error) error {
	if d.stopped != nil || !errors.Is(err, archive.ErrDamaged) {
		return err
	}
	if d.damage == nil {
		d.damage = err
	}
	return nil
}

func (d *disk) emit(e archive.Entry, r io.Reader) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	e.Name = d.prefix + e.Name
	d.stopped = d.visit(e, r)
	return d.stopped
}

// sector reads the sector at off; one beyond the end of the disk is damage.
func (d *disk) sector(off int64) ([]byte, error) {
	p := make([]byte, sectorBytes)
	return p, archive.ReadAt(d.r, p, off, "a sector")
}
