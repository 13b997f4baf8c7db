package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"

	"lazuli/plugins/unbox/archive"
)

// The header of a sparse extent (VMware Virtual Disk Format 1.1). All numbers are little-endian, places and sizes are in sectors.
const (
	vmdkMagic = "KDMV"

	vmdkZeroGrains = 1 << 2 // a place of 1 stands for zeros
	vmdkCompressed = 1 << 16

	vmdkAtEnd     = 1<<64 - 1 // the place of the directory is in a copy of the header near the end
	vmdkTable     = 512       // entries of a table
	mostGrain     = 1 << 20   // bytes; programs write 64 KiB
	vmdkMostTable = 1 << 20   // entries of the directory: 2 PB
)

// WalkVMDK visits what is on the disk of a VMDK that is one file.
func WalkVMDK(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	header, err := archive.Begin(r, sectorBytes)
	if err != nil {
		return err
	}
	if string(header[:4]) != vmdkMagic {
		return fmt.Errorf("%w: no sparse extent", archive.ErrNotThis)
	}
	at := int64(0)
	if binary.LittleEndian.Uint64(header[56:]) == vmdkAtEnd {
		at = size - 2*sectorBytes
		if err := archive.ReadAt(r, header, at, "the footer"); err != nil {
			return err
		}
		if string(header[:4]) != vmdkMagic {
			return archive.Damagef(at, "there is no footer")
		}
	}
	sectors := func(off int) int64 {
		return int64(min(binary.LittleEndian.Uint64(header[off:]), mostBytes/sectorBytes)) * sectorBytes
	}
	v := &vmdk{r: r, flags: binary.LittleEndian.Uint32(header[8:])}
	disk := &disk{ctx: ctx, visit: visit, size: sectors(12)}
	grain := sectors(20)
	if grain < sectorBytes || grain > mostGrain || binary.LittleEndian.Uint32(header[44:]) != vmdkTable {
		return archive.Damagef(at, "the header makes no sense")
	}
	v.grain = grain
	tables := (disk.size/grain + vmdkTable) / vmdkTable
	v.directory = table{r: r, at: sectors(56), entries: min(tables, vmdkMostTable), order: binary.LittleEndian}
	disk.r = &blocks{size: disk.size, block: grain, image: r, locate: v.locate}
	return disk.walk()
}

type vmdk struct {
	r         io.ReaderAt
	flags     uint32
	grain     int64
	directory table
	grains    table  // the one that was used last
	data      []byte // the compressed grain that was read last
	dataAt    int64
}

// locate finds a grain through the directory and a table.
func (v *vmdk) locate(i int64) (int64, []byte, error) {
	sector, err := v.directory.entry(i / vmdkTable)
	if err != nil || sector == 0 {
		return 0, nil, err
	}
	if at := int64(sector) * sectorBytes; at != v.grains.at {
		v.grains = table{r: v.r, at: at, entries: vmdkTable, order: binary.LittleEndian}
	}
	sector, err = v.grains.entry(i % vmdkTable)
	if err != nil || sector == 0 || sector == 1 && v.flags&vmdkZeroGrains != 0 {
		return 0, nil, err
	}
	at := int64(sector) * sectorBytes
	if v.flags&vmdkCompressed == 0 {
		return at, nil, nil
	}
	data, err := v.unpack(at)
	return at, data, err
}

// unpack unpacks a grain: its place on the disk, its size in the image, and zlib.
func (v *vmdk) unpack(at int64) ([]byte, error) {
	if v.data != nil && v.dataAt == at {
		return v.data, nil
	}
	var h [12]byte
	if err := archive.ReadAt(v.r, h[:], at, "a grain"); err != nil {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(h[8:]))
	if size > 2*v.grain {
		return nil, archive.Damagef(at, "a grain of %d bytes", size)
	}
	packed := make([]byte, size)
	if err := archive.ReadAt(v.r, packed, at+int64(len(h)), "a grain"); err != nil {
		return nil, err
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(archive.Guarded(z), v.grain))
	}
	if err != nil {
		return nil, archive.Damagef(at, "a grain cannot be unpacked: %w", err)
	}
	if data == nil {
		data = []byte{}
	}
	v.data, v.dataAt = data, at
	return data, nil
}
