package iso

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"lazuli/plugins/unbox/archive"
)

const (
	recordSize = 33 // of a directory record without its name

	flagFolder = 2
	flagMore   = 0x80 // the file goes on in the next record
)

// record is an entry of a folder: ECMA-119 9.1.
type record struct {
	block     int64
	attribute int64 // blocks of an extended attribute record in front of the data
	size      int64
	changed   time.Time
	flags     byte
	unit      byte // not 0 for an interleaved file
	name      string
	special   bool   // the folder itself, or the one it is in
	system    []byte // what Rock Ridge is in
}

// parseRecord takes the record that p begins with, all of which belongs to it.
func parseRecord(p []byte, joliet bool) (record, bool) {
	if len(p) < recordSize+1 {
		return record{}, false
	}
	n := int(p[32])
	if n == 0 || recordSize+n > len(p) {
		return record{}, false
	}
	name := p[recordSize : recordSize+n]
	system := recordSize + n + (n+1)%2 // a byte of padding makes it even
	rec := record{
		block: int64(binary.LittleEndian.Uint32(p[2:])), attribute: int64(p[1]), size: int64(binary.LittleEndian.Uint32(p[10:])),
		changed: recordTime(p[18:25]), flags: p[25], unit: p[26], special: n == 1 && name[0] <= 1,
	}
	if system < len(p) {
		rec.system = p[system:]
	}
	if joliet && !rec.special {
		rec.name = ucs2(name)
	} else {
		rec.name = archive.Text(name, charmap.ISO8859_1)
	}
	if rec.flags&flagFolder == 0 {
		if at := strings.LastIndexByte(rec.name, ';'); at > 0 {
			rec.name = rec.name[:at] // the version of the file
		}
		if !joliet && strings.Count(rec.name, ".") == 1 {
			rec.name = strings.TrimSuffix(rec.name, ".") // the ending is empty
		}
	}
	return rec, true
}

func ucs2(p []byte) string {
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(p[2*i:])
	}
	return string(utf16.Decode(units))
}

// recordTime is the date and time of a record: ECMA-119 9.1.5.
func recordTime(p []byte) time.Time {
	if p[1] == 0 || p[2] == 0 {
		return time.Time{}
	}
	zone := int(int8(p[6])) * 15 * 60 // quarters of an hour
	local := time.Date(1900+int(p[0]), time.Month(p[1]), int(p[2]), int(p[3]), int(p[4]), int(p[5]), 0, time.UTC)
	return local.Add(-time.Duration(zone) * time.Second)
}

// extent is where the data of a record is.
func (t *tree) extent(rec record) extent {
	return extent{(rec.block + rec.attribute) * t.block, rec.size}
}

// place is a folder that is still to be read.
type place struct {
	path   string
	extent extent
	depth  int
}

// walk lists a tree, each folder before what is in it.
func (t *tree) walk(l *listing) error {
	root := t.extent(t.root)
	open := []place{{"", root, 0}}
	known := map[int64]bool{root.off: true}
	var damage error
	for len(open) > 0 || len(t.moved) > 0 {
		if len(open) == 0 { // nothing refers to these
			if p := t.moved[0]; !known[p.extent.off] {
				known[p.extent.off] = true
				open = append(open, p)
			}
			t.moved = t.moved[1:]
			continue
		}
		p := open[len(open)-1]
		open = open[:len(open)-1]
		inner, err := t.list(l, p)
		if err := l.through(err, &damage); err != nil {
			return errStopped{err}
		}
		for i := len(inner) - 1; i >= 0; i-- { // the first is read next
			switch f := inner[i]; {
			case known[f.extent.off]: // a folder in itself
				err = archive.Damagef(f.extent.off, "a folder is in more than one place")
			case f.depth > mostDepth:
				err = archive.Damagef(f.extent.off, "more than %d folders in one another", mostDepth)
			default:
				known[f.extent.off] = true
				open = append(open, f)
				continue
			}
			if damage == nil {
				damage = err
			}
		}
	}
	return damage
}

// list lists what is in one folder and returns the folders in it.
func (t *tree) list(l *listing, p place) (inner []place, err error) {
	data, damage := l.folder([]extent{p.extent})
	if damage != nil && !errors.Is(damage, archive.ErrDamaged) {
		return nil, errStopped{damage}
	}
	var parts []extent // of a file of several records, so far
	for off := 0; off < len(data); {
		n := int(data[off])
		if n == 0 { // no record crosses the end of a sector
			off += sectorSize - off%sectorSize
			continue
		}
		if off+n > len(data) {
			return inner, archive.Damagef(p.extent.off+int64(off), "a record that goes beyond its folder")
		}
		rec, ok := parseRecord(data[off:off+n], t.joliet)
		if !ok {
			return inner, archive.Damagef(p.extent.off+int64(off), "a record that is none")
		}
		off += n
		if rec.special {
			continue
		}
		e := archive.Entry{Name: rec.name, Size: rec.size, Changed: rec.changed}
		x := t.extent(rec)
		folder := rec.flags&flagFolder != 0
		if t.rock {
			fields, err := t.rockRidge(l, rec)
			if err != nil {
				return inner, errStopped{err}
			}
			fields.apply(&e)
			if fields.relocated {
				if path, ok := join(p.path, e.Name); ok && folder {
					t.moved = append(t.moved, place{path, x, p.depth + 1})
				}
				continue // it is listed where it belongs
			}
			if fields.child > 0 {
				folder = true
				if x, err = t.movedTo(l, fields.child); err != nil {
					damage = err
				}
			}
		}
		path, ok := join(p.path, e.Name)
		if !ok {
			return inner, archive.Damagef(p.extent.off+int64(off-n), "a path of more than %d bytes", mostPath)
		}
		e.Name = path
		switch {
		case folder:
			inner = append(inner, place{path, x, p.depth + 1})
			e.Folder, e.Size = true, 0
			err = l.other(e)
		case e.Link != "":
			e.Size = 0
			err = l.other(e)
		case rec.flags&flagMore != 0:
			parts = append(parts, x)
			continue
		case rec.unit != 0:
			err = l.other(e) // interleaved with another file, which no maker of images does
			damage = archive.Damagef(x.off, "%q is interleaved", e.Name)
		default:
			parts = append(parts, x)
			e.Size = 0
			for _, part := range parts {
				e.Size += part.size
			}
			err = l.file(e, parts)
		}
		parts = nil
		if err != nil {
			return inner, err
		}
	}
	return inner, damage
}
