package iso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

// Identifiers of descriptors: ECMA-167 3/7.2.1, 4/7.2.1.
const (
	tagAnchor        = 2
	tagPartition     = 5
	tagVolume        = 6
	tagEnd           = 8
	tagFileSet       = 256
	tagFileID        = 257
	tagMoreExtents   = 258
	tagFile          = 261
	tagExtendedFile  = 266
	tagSize          = 16
	anchorSector     = 256
	mostUDFSequence  = 64  // descriptors
	mostPartitions   = 16  // of which there are one or two
	mostMetadataRuns = 256 // extents of a metadata file
)

// udfVolume is a logical volume of UDF.
type udfVolume struct {
	r          io.ReaderAt
	size       int64 // of the image
	sector     int64 // bytes; the size of logical blocks, too
	partitions []partition
	fileSet    address
}

// partition is where the blocks of a partition of the logical volume are: OSTA UDF 2.2.8 to 2.2.10.
type partition struct {
	start   int64    // byte in the image
	through []extent // if blocks go through a file of metadata: where that is
	virtual []uint32 // if blocks go through a table, as on discs that are written once
	mapped  bool     // one of the two
}

// address is a block in a partition: lb_addr of ECMA-167 4/7.1.
type address struct {
	block     uint32
	partition uint16
}

// samePartition stands for the partition of the file entry that a short address is in.
const samePartition = 0xffff

// findUDF looks for a logical volume. nil without an error: there is none.
func findUDF(r io.ReaderAt, size int64) (*udfVolume, error) {
	for _, sector := range []int64{2048, 512, 4096, 1024} {
		for _, at := range []int64{anchorSector * sector, size - sector, size - (anchorSector+1)*sector} {
			p, err := readTagged(r, at, 512, at/sector)
			switch {
			case errors.Is(err, archive.ErrDamaged):
				continue
			case err != nil:
				return nil, err
			case tagOf(p) != tagAnchor:
				continue
			}
			v := &udfVolume{r: r, size: size, sector: sector}
			err = v.readSequence(p)
			if err == nil || !errors.Is(err, archive.ErrDamaged) {
				return v, err
			}
			if len(v.partitions) > 0 {
				return v, fmt.Errorf("UDF: %w", err)
			}
			return nil, fmt.Errorf("UDF: %w", err)
		}
	}
	return nil, nil
}

func tagOf(p []byte) int { return int(binary.LittleEndian.Uint16(p)) }

// readTagged reads n bytes at off that begin with the tag of a descriptor at a block: ECMA-167 3/7.2.
func readTagged(r io.ReaderAt, off, n, block int64) ([]byte, error) {
	p := make([]byte, n)
	if err := archive.ReadAt(r, p, off, "a descriptor"); err != nil {
		return nil, err
	}
	sum := byte(0)
	for i, b := range p[:tagSize] {
		if i != 4 {
			sum += b
		}
	}
	if sum != p[4] || tagOf(p) == 0 {
		return nil, archive.Damagef(off, "the tag of a descriptor is wrong")
	}
	if at := binary.LittleEndian.Uint32(p[12:]); int64(at) != block {
		return nil, archive.Damagef(off, "a descriptor of another place")
	}
	return p, nil
}

// readSequence reads the main volume descriptor sequence that an anchor points to, or the reserve.
func (v *udfVolume) readSequence(anchor []byte) error {
	le := binary.LittleEndian
	var first error
	for _, at := range []int{16, 24} {
		length, block := int64(le.Uint32(anchor[at:])), int64(le.Uint32(anchor[at+4:]))
		err := v.sequence(block, min(length/v.sector, mostUDFSequence))
		if err == nil || !errors.Is(err, archive.ErrDamaged) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (v *udfVolume) sequence(block, n int64) error {
	starts := map[uint16]int64{} // of partitions, by their numbers
	var volume []byte
	le := binary.LittleEndian
	for i := range n {
		p, err := readTagged(v.r, (block+i)*v.sector, 512, block+i)
		if errors.Is(err, archive.ErrDamaged) {
			break
		}
		if err != nil {
			return err
		}
		switch tagOf(p) {
		case tagPartition:
			starts[le.Uint16(p[22:])] = int64(le.Uint32(p[188:])) * v.sector
		case tagVolume:
			volume = p
		case tagEnd:
			n = 0
		}
		if n == 0 {
			break
		}
	}
	if volume == nil || len(starts) == 0 {
		return archive.Damagef(block*v.sector, "no logical volume in the descriptors")
	}
	if size := int64(le.Uint32(volume[212:])); size != v.sector {
		return archive.Damagef(block*v.sector, "logical blocks of %d bytes in sectors of %d", size, v.sector)
	}
	v.fileSet = address{le.Uint32(volume[252:]), le.Uint16(volume[256:])}
	return v.mapPartitions(block, volume, starts)
}

// mapPartitions takes the partition maps of a logical volume: ECMA-167 3/10.7.
func (v *udfVolume) mapPartitions(block int64, volume []byte, starts map[uint16]int64) error {
	le := binary.LittleEndian
	maps := volume[440:min(len(volume), 440+int(min(le.Uint32(volume[264:]), 512)))]
	v.partitions = nil
	for len(maps) >= 6 && int(maps[1]) >= 6 && int(maps[1]) <= len(maps) && len(v.partitions) < mostPartitions {
		m := maps[:maps[1]]
		maps = maps[maps[1]:]
		number := le.Uint16(m[4:])
		kind := ""
		if m[0] == 2 && len(m) == 64 {
			number, kind = le.Uint16(m[38:]), string(m[5:28])
		}
		p := partition{start: starts[number]}
		var err error
		switch kind {
		case "*UDF Metadata Partition":
			p.mapped = true
			p.through, err = v.metadata(p.start, le.Uint32(m[40:]))
			if errors.Is(err, archive.ErrDamaged) {
				p.through, err = v.metadata(p.start, le.Uint32(m[44:])) // the mirror
			}
		case "*UDF Virtual Partition\x00":
			p.mapped = true
			p.virtual, err = v.allocationTable(p.start)
		}
		if err != nil {
			return err
		}
		v.partitions = append(v.partitions, p)
	}
	if len(v.partitions) == 0 {
		return archive.Damagef(block*v.sector, "no partition in the logical volume")
	}
	return nil
}

// metadata finds the extents of a metadata file, whose blocks are those of the partition: OSTA UDF 2.2.13.
func (v *udfVolume) metadata(start int64, block uint32) ([]extent, error) {
	f, err := v.readFile(start+int64(block)*v.sector, int64(block), func(a address) (int64, error) { return start + int64(a.block)*v.sector, nil })
	if err != nil {
		return nil, err
	}
	if len(f.extents) > mostMetadataRuns {
		return nil, archive.Damagef(start, "metadata in %d pieces", len(f.extents))
	}
	return f.extents, nil
}

// written is where the last bytes of the image are that are not zero, from start on: an image of a disc that is written once may have
// room behind what is written.
func (v *udfVolume) written(start int64) (int64, error) {
	p := make([]byte, 64<<10)
	for end := v.size; end > start; {
		from := max(start, end-int64(len(p)))
		if err := archive.ReadAt(v.r, p[:end-from], from, "the image"); err != nil {
			return 0, err
		}
		if used := len(bytes.TrimRight(p[:end-from], "\x00")); used > 0 {
			return from + int64(used), nil
		}
		end = from
	}
	return start, nil
}

// allocationTable reads the table of a partition that is written once, which is in the last block: OSTA UDF 2.2.11.
func (v *udfVolume) allocationTable(start int64) ([]uint32, error) {
	end, err := v.written(start)
	if err != nil {
		return nil, err
	}
	missing := archive.Damagef(end, "no virtual allocation table")
	for back := range int64(32) { // a drive may have filled up what it wrote
		off := (end-1)/v.sector*v.sector - back*v.sector
		if off < start {
			break
		}
		f, err := v.readFile(off, (off-start)/v.sector, func(a address) (int64, error) { return start + int64(a.block)*v.sector, nil })
		if err == nil && f.kind != 248 && f.kind != 0 {
			continue
		}
		if errors.Is(err, archive.ErrDamaged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return v.parseTable(f)
	}
	return nil, missing
}

func (v *udfVolume) parseTable(f *udfFile) ([]uint32, error) {
	data := f.data
	for _, x := range f.extents {
		n := min(x.size, v.size-int64(len(data)))
		if x.off < 0 || n <= 0 {
			return nil, archive.Damagef(max(0, x.off), "a virtual allocation table of impossible size")
		}
		p := make([]byte, n)
		if err := archive.ReadAt(v.r, p, x.off, "the virtual allocation table"); err != nil {
			return nil, err
		}
		data = append(data, p...)
	}
	data = data[:min(int64(len(data)), f.size)]
	le := binary.LittleEndian
	if f.kind == 248 && len(data) >= 2 { // of UDF 2: a header in front; of UDF 1.5: 36 bytes behind
		data = data[min(len(data), int(le.Uint16(data))):]
	} else {
		data = data[:max(0, len(data)-36)]
	}
	table := make([]uint32, len(data)/4)
	for i := range table {
		table[i] = le.Uint32(data[4*i:])
	}
	return table, nil
}

// offset is where a block is in the image.
func (v *udfVolume) offset(a address) (int64, error) {
	if int(a.partition) >= len(v.partitions) {
		return 0, archive.Damagef(0, "UDF: there is no partition %d", a.partition)
	}
	p := v.partitions[a.partition]
	switch {
	case p.virtual != nil && int64(a.block) < int64(len(p.virtual)):
		return p.start + int64(p.virtual[a.block])*v.sector, nil
	case !p.mapped:
		return p.start + int64(a.block)*v.sector, nil
	}
	at := int64(a.block) * v.sector
	for _, x := range p.through {
		if at < x.size && x.off >= 0 {
			return x.off + at, nil
		}
		at -= x.size
	}
	return 0, archive.Damagef(p.start, "UDF: block %d of the metadata is nowhere", a.block)
}
