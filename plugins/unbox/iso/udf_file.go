package iso

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"lazuli/plugins/unbox/archive"
)

// Kinds of files: ECMA-167 4/14.6.6.
const (
	kindFolder = 4
	kindLink   = 12
)

// Ways to say where a file's data is: ECMA-167 4/14.6.8.
const (
	shortExtents    = 0
	longExtents     = 1
	extendedExtents = 2
	embedded        = 3
)

const (
	mostExtentBlocks = 4096    // of one file, in a chain
	mostFileExtents  = 1 << 16 // of one file; in an image of fewer blocks, as many as there are
	mostLink         = 4096    // bytes of a symbolic link
)

// udfFile is what a file entry says: ECMA-167 4/14.9, 4/14.17.
type udfFile struct {
	kind    byte
	size    int64
	changed time.Time
	extents []extent
	data    []byte // of a file that is in its own entry
	dataAt  int64  // where in the image
}

// readFile reads the file entry at an offset, which is a block of its partition. locate says where blocks are in the image.
func (v *udfVolume) readFile(off, block int64, locate func(address) (int64, error)) (*udfFile, error) {
	p, err := readTagged(v.r, off, v.sector, block)
	if err != nil {
		return nil, err
	}
	fixed, clock := 176, 84
	switch tagOf(p) {
	case tagFile:
	case tagExtendedFile:
		fixed, clock = 216, 92
	default:
		return nil, archive.Damagef(off, "a file entry is none")
	}
	le := binary.LittleEndian
	f := &udfFile{kind: p[27], size: int64(le.Uint64(p[56:])), changed: udfTime(p[clock:])}
	attributes, n := int64(le.Uint32(p[fixed-8:])), int64(le.Uint32(p[fixed-4:]))
	from := int64(fixed) + attributes
	if f.size < 0 || from+n > int64(len(p)) {
		return nil, archive.Damagef(off, "a file entry of impossible size")
	}
	kind := le.Uint16(p[34:]) & 7
	p = p[from : from+n]
	if kind == embedded {
		f.data, f.dataAt = p[:min(n, f.size)], off+from
		return f, nil
	}
	return f, v.extents(f, p, kind, locate)
}

// extents reads where the data of a file is, up to its size.
func (v *udfVolume) extents(f *udfFile, p []byte, kind uint16, locate func(address) (int64, error)) error {
	le := binary.LittleEndian
	each := map[uint16]int{shortExtents: 8, longExtents: 16, extendedExtents: 20}[kind]
	if each == 0 {
		return archive.Damagef(0, "UDF: extents of an unknown kind, %d", kind)
	}
	left := f.size
	for chain := 0; len(p) >= each && left > 0; {
		d := p[:each]
		p = p[each:]
		n := int64(le.Uint32(d) & (1<<30 - 1))
		if n == 0 {
			return nil // it ends here
		}
		var a address
		switch kind {
		case shortExtents:
			a = address{le.Uint32(d[4:]), samePartition}
		case longExtents:
			a = address{le.Uint32(d[4:]), le.Uint16(d[8:])}
		case extendedExtents:
			a = address{le.Uint32(d[12:]), le.Uint16(d[16:])}
		}
		x := extent{zeros, min(n, left)}
		state := d[3] >> 6
		if state == 0 || state == 3 {
			var err error
			if x.off, err = locate(a); err != nil {
				return err
			}
		}
		if state == 3 { // more extents are there
			if chain++; chain > mostExtentBlocks {
				return archive.Damagef(x.off, "UDF: the extents of a file have no end")
			}
			more, err := readTagged(v.r, x.off, min(v.sector, n), int64(a.block))
			if err != nil {
				return err
			}
			if len(more) < 24 || tagOf(more) != tagMoreExtents {
				return archive.Damagef(x.off, "UDF: extents of a file are missing")
			}
			p = more[24:min(int64(len(more)), 24+int64(le.Uint32(more[20:])))]
			continue
		}
		if int64(len(f.extents)) >= min(mostFileExtents, v.size/v.sector) {
			return archive.Damagef(max(0, x.off), "UDF: a file in too many pieces")
		}
		f.extents = append(f.extents, x)
		left -= x.size
	}
	return nil
}

// udfTime is a timestamp: ECMA-167 1/7.3.
func udfTime(p []byte) time.Time {
	le := binary.LittleEndian
	if p[4] == 0 || p[5] == 0 {
		return time.Time{}
	}
	zone := int(int16(le.Uint16(p)<<4) >> 4) // minutes, in 12 bits
	if zone < -24*60 || zone > 24*60 {
		zone = 0
	}
	local := time.Date(int(int16(le.Uint16(p[2:]))), time.Month(p[4]), int(p[5]), int(p[6]), int(p[7]), int(p[8]), 0, time.UTC)
	return local.Add(-time.Duration(zone) * time.Minute)
}

// udfText decodes a name in OSTA compressed Unicode: OSTA UDF 2.1.1.
func udfText(p []byte) string {
	if len(p) < 1 {
		return ""
	}
	if p[0] == 16 || p[0] == 255 {
		return ucs2(p[1:])
	}
	units := make([]uint16, len(p)-1)
	for i, b := range p[1:] {
		units[i] = uint16(b)
	}
	return string(utf16.Decode(units))
}

// open is a folder of UDF that is still to be read.
type open struct {
	path  string
	file  *udfFile
	depth int
}

// walk lists the tree of a volume, each folder before what is in it.
func (v *udfVolume) walk(l *listing) error {
	off, err := v.offset(v.fileSet)
	if err != nil {
		return err
	}
	p, err := readTagged(v.r, off, 512, int64(v.fileSet.block))
	if err != nil {
		return err
	}
	if tagOf(p) != tagFileSet {
		return archive.Damagef(off, "UDF: no file set")
	}
	root := longAddress(p[400:])
	f, at, err := v.file(root)
	if err != nil {
		return err
	}
	known := map[int64]bool{at: true}
	folders := []open{{"", f, 0}}
	var damage error
	for len(folders) > 0 {
		d := folders[len(folders)-1]
		folders = folders[:len(folders)-1]
		inner, err := v.list(l, d, known)
		if err := l.through(err, &damage); err != nil {
			return errStopped{err}
		}
		for i := len(inner) - 1; i >= 0; i-- {
			folders = append(folders, inner[i])
		}
	}
	return damage
}

// longAddress takes the address out of a long_ad.
func longAddress(p []byte) address {
	return address{binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint16(p[8:])}
}

// file reads the file entry at an address, and returns where it is in the image.
func (v *udfVolume) file(a address) (*udfFile, int64, error) {
	off, err := v.offset(a)
	if err != nil {
		return nil, 0, err
	}
	f, err := v.readFile(off, int64(a.block), func(b address) (int64, error) {
		if b.partition == samePartition {
			b.partition = a.partition
		}
		return v.offset(b)
	})
	return f, off, err
}

// list lists what is in a folder and returns the folders in it.
func (v *udfVolume) list(l *listing, d open, known map[int64]bool) (inner []open, err error) {
	data := d.file.data
	if data == nil {
		data, err = l.folder(d.file.extents)
		if err != nil && !errors.Is(err, archive.ErrDamaged) {
			return nil, errStopped{err}
		}
	}
	damage := err
	const fixed, deleted, parent = 38, 4, 8
	le := binary.LittleEndian
	for len(data) >= fixed && tagOf(data) == tagFileID {
		length, use := int(data[19]), int(le.Uint16(data[36:]))
		n := (fixed + use + length + 3) &^ 3
		if fixed+use+length > len(data) {
			return inner, archive.Damagef(0, "UDF: a name in %q is cut short", d.path)
		}
		id := data[:fixed+use+length]
		data = data[min(n, len(data)):]
		if id[18]&(deleted|parent) != 0 {
			continue
		}
		path, ok := join(d.path, udfText(id[fixed+use:]))
		if !ok {
			return inner, archive.Damagef(0, "UDF: a path of more than %d bytes", mostPath)
		}
		f, at, err := v.file(longAddress(id[20:]))
		if err != nil {
			if !errors.Is(err, archive.ErrDamaged) {
				return inner, errStopped{err}
			}
			damage = fmt.Errorf("%q: %w", path, err)
			if err := l.other(archive.Entry{Name: path}); err != nil {
				return inner, err
			}
			continue
		}
		if f.kind == kindFolder {
			switch {
			case known[at]:
				damage = archive.Damagef(at, "UDF: a folder is in more than one place")
			case d.depth >= mostDepth:
				damage = archive.Damagef(at, "UDF: more than %d folders in one another", mostDepth)
			default:
				known[at] = true
				inner = append(inner, open{path, f, d.depth + 1})
			}
		}
		if err := v.emit(l, path, f); err != nil {
			return inner, err
		}
	}
	return inner, damage
}

// emit lists one file.
func (v *udfVolume) emit(l *listing, path string, f *udfFile) error {
	e := archive.Entry{Name: path, Changed: f.changed, Size: f.size}
	switch f.kind {
	case kindFolder:
		e.Folder, e.Size = true, 0
		return l.other(e)
	case kindLink:
		e.Size = 0
		link, err := v.link(l, f)
		if err != nil {
			return err
		}
		e.Link = link
		return l.other(e)
	}
	extents := f.extents
	if f.data != nil {
		extents = []extent{{f.dataAt, int64(len(f.data))}}
	}
	var total int64
	for _, x := range extents {
		total += x.size
	}
	if total < f.size { // what is in no extent reads as zeros
		extents = append(extents, extent{zeros, f.size - total})
	}
	return l.file(e, extents)
}

// link reads what a symbolic link points to: ECMA-167 4/14.16.
func (v *udfVolume) link(l *listing, f *udfFile) (string, error) {
	data := f.data
	if data == nil {
		p := make([]byte, min(f.size, mostLink))
		n, err := io.ReadFull(l.reader(f.extents), p)
		if err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
			return "", errStopped{err}
		}
		data = p[:n]
	}
	var parts []string
	for len(data) >= 4 && 4+int(data[1]) <= len(data) {
		switch data[0] {
		case 1, 2:
			parts = []string{""}
		case 3:
			parts = append(parts, "..")
		case 4:
			parts = append(parts, ".")
		case 5:
			parts = append(parts, udfText(data[4:4+int(data[1])]))
		}
		data = data[4+int(data[1]):]
	}
	if len(parts) == 1 && parts[0] == "" {
		return "/", nil
	}
	if len(parts) == 0 {
		return "?", nil // a link to nothing that could be read
	}
	return strings.Join(parts, "/"), nil
}
