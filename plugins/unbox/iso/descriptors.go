package iso

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"lazuli/plugins/unbox/archive"
)

// Kinds of volume descriptors: ECMA-119 8.1.1.
const (
	descriptorBoot    = 0
	descriptorPrimary = 1
	descriptorOther   = 2
	descriptorEnd     = 255
)

// volume is what the descriptors at the beginning of an image say.
type volume struct {
	recognised bool
	udf        bool // there must be UDF, too
	primary    *tree
	joliet     *tree
	catalog    int64 // sector of the boot catalog, 0 for none
}

// tree is one tree of folders.
type tree struct {
	block  int64 // bytes of a logical block
	root   record
	joliet bool
	skip   int     // bytes of each record's system use field that are somebody else's
	rock   bool    // there are fields of SUSP
	names  bool    // and of Rock Ridge, so that there are long names
	moved  []place // folders that lay too deep and are elsewhere
}

// readDescriptors reads the volume recognition sequence: ECMA-119 8, ECMA-167 2/8.
func readDescriptors(ctx context.Context, r io.ReaderAt, size int64) (*volume, error) {
	v := &volume{}
	p := make([]byte, sectorSize)
	for i := range int64(mostDescriptors) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		off := (firstDescriptor + i) * sectorSize
		if off+sectorSize > size {
			break
		}
		if err := archive.ReadAt(r, p, off, "a volume descriptor"); err != nil {
			return nil, err
		}
		switch string(p[1:6]) {
		case "CD001":
			v.recognised = true
			v.descriptor(p)
		case "NSR02", "NSR03":
			v.udf = true
		case "BEA01", "TEA01", "BOOT2", "CDW02":
		default:
			return v, nil
		}
	}
	return v, nil
}

// descriptor takes a volume descriptor of ISO 9660. The first of each kind counts.
func (v *volume) descriptor(p []byte) {
	switch p[0] {
	case descriptorBoot:
		if string(p[7:30]) == "EL TORITO SPECIFICATION" && v.catalog == 0 {
			v.catalog = int64(binary.LittleEndian.Uint32(p[71:]))
		}
	case descriptorPrimary:
		if v.primary == nil {
			v.primary = newTree(p, false)
		}
	case descriptorOther:
		escape := string(p[88:91]) // UCS-2 of level 1, 2 or 3: Joliet specification, "Supplementary Volume Descriptor"
		if v.joliet == nil && (escape == "%/@" || escape == "%/C" || escape == "%/E") {
			v.joliet = newTree(p, true)
		}
	}
}

// newTree takes a tree from a primary or supplementary descriptor: ECMA-119 8.4.
func newTree(p []byte, joliet bool) *tree {
	t := &tree{block: int64(binary.LittleEndian.Uint16(p[128:])), joliet: joliet}
	if t.block != 512 && t.block != 1024 {
		t.block = sectorSize
	}
	root, ok := parseRecord(p[156:190], joliet)
	if !ok {
		return nil
	}
	t.root = root
	return t
}

// walk lists the trees of ISO 9660, the one with the best names first.
func (v *volume) walk(l *listing, damage *error) error {
	if v.recognised && v.primary == nil && v.joliet == nil {
		*damage = errors.Join(*damage, archive.Damagef(firstDescriptor*sectorSize, "no volume descriptor with a tree of folders"))
		return nil
	}
	if v.primary != nil {
		if err := l.through(v.primary.findRock(l), damage); err != nil {
			return err
		}
	}
	order := []*tree{v.joliet, v.primary}
	if v.primary != nil && v.primary.names {
		order = []*tree{v.primary, v.joliet}
	}
	for _, t := range order {
		if t == nil {
			continue
		}
		if err := l.through(t.walk(l), damage); err != nil {
			return err
		}
		l.others = true
	}
	return nil
}
