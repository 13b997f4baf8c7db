package iso

import (
	"encoding/binary"
	"fmt"

	"lazuli/plugins/unbox/archive"
)

const (
	bootEntry      = 32 // bytes of an entry of the boot catalog
	bootSector     = 512
	mostBootImages = 64
)

// emulations are kinds of media that a boot image can pretend to be, with their sizes in bytes: El Torito 2.2.
var emulations = []struct {
	name string
	size int64
}{{"NoEmul", 0}, {"1.2M", 1200 << 10}, {"1.44M", 1440 << 10}, {"2.88M", 2880 << 10}, {"HardDisk", 0}}

// walkBoot lists the boot images of an El Torito catalog, under the names that 7-Zip gives them.
func (v *volume) walkBoot(l *listing) error {
	if v.catalog == 0 {
		return nil
	}
	off := v.catalog * sectorSize
	catalog := make([]byte, max(0, min(sectorSize, l.size-off)))
	if err := archive.ReadAt(l.r, catalog, off, "the boot catalog"); err != nil {
		return err
	}
	if len(catalog) < 2*bootEntry || catalog[0] != 1 || catalog[30] != 0x55 || catalog[31] != 0xaa {
		return archive.Damagef(off, "the boot catalog is none")
	}
	images := 0
	for at := bootEntry; at+bootEntry <= len(catalog); at += bootEntry {
		e := catalog[at : at+bootEntry]
		if e[0] != 0x88 && (e[0] != 0 || at > bootEntry) {
			continue // the header of a section, or more on the entry before
		}
		if images++; images > mostBootImages {
			break
		}
		if err := v.bootImage(l, e, images); err != nil {
			return err
		}
	}
	return nil
}

func (v *volume) bootImage(l *listing, e []byte, number int) error {
	kind := int(e[1] & 15)
	if kind >= len(emulations) {
		kind = 0
	}
	x := extent{int64(binary.LittleEndian.Uint32(e[8:])) * sectorSize, emulations[kind].size}
	if x.off == 0 {
		return nil
	}
	if x.size == 0 {
		x.size = int64(binary.LittleEndian.Uint16(e[6:])) * bootSector
		for known := range l.seen { // what is loaded at first is often a part of a file only
			if known.off == x.off {
				x.size = max(x.size, known.size)
			}
		}
	}
	if x.size == 0 {
		x.size = max(0, l.size-x.off)
	}
	name := fmt.Sprintf("[BOOT]/Boot-%s.img", emulations[kind].name)
	if number > 1 {
		name = fmt.Sprintf("[BOOT]/%d-Boot-%s.img", number, emulations[kind].name)
	}
	if err := l.ctx.Err(); err != nil {
		return errStopped{err}
	}
	return l.emit(archive.Entry{Name: name, Size: x.size}, l.reader([]extent{x}))
}
