package disk

import (
	"encoding/binary"
	"fmt"

	"lazuli/plugins/unbox/archive"
)

// stretch is a partition, or the whole disk.
type stretch struct{ off, size int64 }

const (
	bootMark = "\x55\xaa" // ends a boot record
	gptMagic = "EFI PART" // begins the header of UEFI 2.10, 5.3.2

	mostPartitions = 128
	tableAt        = 446 // in a boot record: four partitions of 16 bytes

	kindExtended    = 0x05 // another boot record, with a partition and the next extended one
	kindExtendedLBA = 0x0f
	kindProtective  = 0xee // the disk has a GPT
)

// walk visits what is on the disk.
func (d *disk) walk() error {
	parts, err := d.partitions()
	if err := d.through(err); err != nil {
		return err
	}
	for i, p := range parts {
		if len(parts) > 1 {
			d.prefix = fmt.Sprintf("%d/", i+1)
		}
		if err := d.through(d.stretch(p)); err != nil {
			return err
		}
	}
	return d.damage
}

// stretch visits the files of a partition, or the partition as one.
func (d *disk) stretch(p stretch) error {
	f, err := d.openFAT(p)
	if err != nil {
		return err
	}
	if f != nil {
		return f.walk()
	}
	return d.emit(archive.Entry{Name: "partition.img", Size: p.size}, archive.Section(d.ctx, d.r, p.off, p.size, "a partition"))
}

// partitions lists the partitions: the whole disk, if there are none.
func (d *disk) partitions() ([]stretch, error) {
	whole := []stretch{{0, d.size}}
	boot, err := d.sector(0)
	if err != nil {
		return nil, err
	}
	if string(boot[510:]) != bootMark {
		return whole, nil
	}
	if f, err := d.openFAT(whole[0]); f != nil || err != nil { // its first sector looks like a boot record, too
		return whole, err
	}
	var list []stretch
	for i := range 4 {
		p := boot[tableAt+16*i:]
		switch p[4] {
		case 0:
		case kindProtective:
			return d.gpt()
		case kindExtended, kindExtendedLBA:
			inner, err := d.extended(int64(binary.LittleEndian.Uint32(p[8:])) * sectorBytes)
			list = append(list, inner...)
			if err := d.through(err); err != nil {
				return list, err
			}
		default:
			list = d.add(list, int64(binary.LittleEndian.Uint32(p[8:]))*sectorBytes, int64(binary.LittleEndian.Uint32(p[12:]))*sectorBytes)
		}
	}
	if len(list) == 0 {
		return whole, nil
	}
	return list, nil
}

// add adds a partition, if some of it lies on the disk.
func (d *disk) add(list []stretch, off, size int64) []stretch {
	if size = min(size, d.size-off); off <= 0 || size <= 0 || len(list) == mostPartitions {
		return list
	}
	return append(list, stretch{off, size})
}

// extended lists the partitions of a chain of boot records.
func (d *disk) extended(first int64) (list []stretch, err error) {
	for at := first; len(list) < mostPartitions; {
		boot, err := d.sector(at)
		if err != nil {
			return list, err
		}
		p, next := boot[tableAt:], boot[tableAt+16:]
		list = d.add(list, at+int64(binary.LittleEndian.Uint32(p[8:]))*sectorBytes, int64(binary.LittleEndian.Uint32(p[12:]))*sectorBytes)
		if string(boot[510:]) != bootMark || next[4] != kindExtended && next[4] != kindExtendedLBA {
			return list, nil
		}
		to := first + int64(binary.LittleEndian.Uint32(next[8:]))*sectorBytes
		if to <= at { // they lie one behind the other, or they would go on for ever
			return list, archive.Damagef(to, "a partition lies before the one that leads to it")
		}
		at = to
	}
	return list, nil
}

// gpt lists the partitions of a GPT.
func (d *disk) gpt() (list []stretch, err error) {
	header, err := d.sector(sectorBytes)
	if err != nil {
		return nil, err
	}
	at := int64(min(binary.LittleEndian.Uint64(header[72:]), mostBytes/sectorBytes)) * sectorBytes
	entries, size := binary.LittleEndian.Uint32(header[80:]), int64(binary.LittleEndian.Uint32(header[84:]))
	if string(header[:8]) != gptMagic || size < 128 || size > 4096 {
		return nil, archive.Damagef(sectorBytes, "the header of the partitions makes no sense")
	}
	for i := range min(entries, mostPartitions) {
		p := make([]byte, 128)
		if err := archive.ReadAt(d.r, p, at+int64(i)*size, "the table of partitions"); err != nil {
			return list, err
		}
		first, last := binary.LittleEndian.Uint64(p[32:]), binary.LittleEndian.Uint64(p[40:])
		if last < first || last >= mostBytes/sectorBytes {
			continue
		}
		list = d.add(list, int64(first)*sectorBytes, int64(last-first+1)*sectorBytes)
	}
	return list, nil
}
