package iso

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"lazuli/plugins/unbox/archive"
)

const (
	mostContinuations = 16   // of one record's fields
	mostName          = 1024 // bytes of a name or of what a link points to
)

// rockFields are what Rock Ridge (IEEE P1282) says of a record.
type rockFields struct {
	name      string
	link      strings.Builder
	isLink    bool
	changed   time.Time
	child     int64 // block of the folder that this record stands for: it was moved because it lay too deep
	relocated bool  // this is such a folder, where it was moved to
}

// apply puts the fields into an entry.
func (f *rockFields) apply(e *archive.Entry) {
	if f.name != "" {
		e.Name = f.name
	}
	if !f.changed.IsZero() {
		e.Changed = f.changed
	}
	if f.isLink {
		e.Link = f.link.String()
		if e.Link == "" {
			e.Link = "."
		}
	}
}

// findRock looks whether the first record of the root has the fields of SUSP (IEEE P1281) and Rock Ridge.
func (t *tree) findRock(l *listing) error {
	var p [sectorSize]byte
	off := t.extent(t.root).off
	if err := archive.ReadAt(l.r, p[:], off, "the root folder"); err != nil {
		return err
	}
	rec, ok := parseRecord(p[:p[0]], false)
	if !ok || len(rec.system) < 7 {
		return nil
	}
	for _, skip := range []int{0, 15} { // CD-ROM XA has 14 bytes of its own, padded
		if s := rec.system; len(s) >= skip+7 && string(s[skip:skip+2]) == "SP" && s[skip+4] == 0xbe && s[skip+5] == 0xef {
			t.rock, t.skip = true, int(s[skip+6])
			t.names = strings.Contains(string(s), "PX") || strings.Contains(string(s), "RR") || strings.Contains(string(s), "CE")
		}
	}
	return nil
}

// rockRidge reads the fields of a record. What cannot be understood is passed over; an error is one of the source.
func (t *tree) rockRidge(l *listing, rec record) (*rockFields, error) {
	f := &rockFields{}
	area := rec.system
	if len(area) < t.skip {
		return f, nil
	}
	area = area[t.skip:]
	var separate bool // the next part of a link begins with a slash
	for range mostContinuations {
		var next extent
		for len(area) >= 4 && int(area[2]) >= 4 && int(area[2]) <= len(area) {
			field := area[:area[2]]
			area = area[area[2]:]
			data := field[4:]
			switch string(field[:2]) {
			case "NM":
				f.addName(data)
			case "SL":
				f.isLink = true
				separate = f.addLink(data, separate)
			case "TF":
				f.addTimes(data)
			case "CL":
				if len(data) >= 8 {
					f.child = int64(binary.LittleEndian.Uint32(data))
				}
			case "RE":
				f.relocated = true
			case "CE":
				if len(data) >= 24 {
					u32 := binary.LittleEndian.Uint32
					next = extent{int64(u32(data))*t.block + int64(u32(data[8:])), int64(u32(data[16:]))}
				}
			case "ST":
				area = nil
			}
		}
		if next.size == 0 {
			return f, nil
		}
		area = make([]byte, min(next.size, sectorSize)) // it lies in one sector: SUSP 5.1
		if err := archive.ReadAt(l.r, area, next.off, "a continuation area"); err != nil {
			if errors.Is(err, archive.ErrDamaged) {
				return f, nil
			}
			return f, err
		}
	}
	return f, nil
}

// addName adds a part of the name: P1282 4.1.4.
func (f *rockFields) addName(data []byte) {
	const current, parent = 2, 4
	if len(data) < 1 || data[0]&(current|parent) != 0 || len(f.name)+len(data) > mostName {
		return
	}
	f.name += string(data[1:])
}

// addLink adds parts of what a link points to: P1282 4.1.3.
func (f *rockFields) addLink(data []byte, separate bool) bool {
	const goesOn, current, parent, root = 1, 2, 4, 8
	if len(data) < 1 {
		return separate
	}
	for data = data[1:]; len(data) >= 2 && int(data[1])+2 <= len(data); data = data[2+int(data[1]):] {
		part := string(data[2 : 2+int(data[1])])
		switch {
		case data[0]&current != 0:
			part = "."
		case data[0]&parent != 0:
			part = ".."
		case data[0]&root != 0:
			f.link.WriteByte('/')
			separate = false
			continue
		}
		if f.link.Len()+len(part) >= mostName {
			return false
		}
		if separate {
			f.link.WriteByte('/')
		}
		f.link.WriteString(part)
		separate = data[0]&goesOn == 0
	}
	return separate
}

// addTimes takes when a file was changed: P1282 4.1.6.
func (f *rockFields) addTimes(data []byte) {
	const created, changed, long = 1, 2, 0x80
	if len(data) < 1 || data[0]&changed == 0 {
		return
	}
	each, at := 7, 1
	if data[0]&long != 0 {
		each = 17
	}
	if data[0]&created != 0 {
		at += each
	}
	if at+each > len(data) || each != 7 {
		return // digits are not written by any maker of images
	}
	f.changed = recordTime(data[at : at+each])
}

// movedTo is where a folder is that was moved: its own first record tells its size.
func (t *tree) movedTo(l *listing, block int64) (extent, error) {
	off := block * t.block
	var p [recordSize + 1]byte
	if err := archive.ReadAt(l.r, p[:], off, "a folder that was moved"); err != nil {
		return extent{off, 0}, err
	}
	rec, ok := parseRecord(p[:], false)
	if !ok || !rec.special {
		return extent{off, 0}, archive.Damagef(off, "a folder that was moved is none")
	}
	return extent{off, rec.size}, nil
}
