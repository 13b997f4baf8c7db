package sevenzip

import (
	"encoding/binary"
	"time"
	"unicode/utf16"
)

// Attributes of Windows, and those of Unix that 7-Zip puts above them.
const (
	attributeFolder = 0x10
	attributeUnix   = 0x8000
	modeType        = 0xf000
	modeLink        = 0xa000
	modeFolder      = 0x4000
)

// read reads the directory itself, behind its id.
func (a *Archive) read(d *directory) error {
	id := d.id()
	if id == idProperties {
		for d.err == nil && d.id() != idEnd {
			d.bytes(d.number())
		}
		id = d.id()
	}
	if id == idAdditional {
		if _, err := d.streams(); err != nil {
			return err
		}
		id = d.id()
	}
	s := &streams{}
	if id == idMainStreams {
		var err error
		if s, err = d.streams(); err != nil {
			return err
		}
		id = d.id()
	}
	if id == idFiles {
		a.Files = d.files(s.files)
		id = d.id()
	}
	if id != idEnd {
		d.fail("the directory does not end")
	}
	a.Blocks = s.blocks
	return d.err
}

// files reads the files; those with content have it from streams, in this order.
func (d *directory) files(streams []substream) []File {
	files := make([]File, d.count())
	empty := make([]bool, len(files)) // they have no content
	var plain, anti []bool            // of those: they are files and not folders, they tell what to delete
	attributes := make([]uint32, len(files))
	for d.err == nil {
		id := d.id()
		if id == idEnd {
			break
		}
		p := &directory{b: d.bytes(d.number())}
		switch id {
		case idEmptyStream:
			empty = p.bits(len(files))
		case idEmptyFile:
			plain = p.bits(count(empty))
		case idAnti:
			anti = p.bits(count(empty))
		case idNames:
			p.names(files)
		case idChanged:
			p.values(len(files), func(i int) {
				if t := p.bytes(8); len(t) == 8 {
					files[i].Changed = windowsTime(binary.LittleEndian.Uint64(t))
				}
			})
		case idAttributes:
			p.values(len(files), func(i int) { attributes[i] = p.u32() })
		}
		if p.err != nil {
			d.err = p.err
		}
	}
	at := func(list []bool, i int) bool { return i < len(list) && list[i] }
	nth := 0
	kept := files[:0]
	for i, f := range files {
		f.Block = -1
		switch {
		case empty[i]:
			f.Folder = !at(plain, nth)
			nth++
			if at(anti, nth-1) {
				continue
			}
		case len(streams) == 0:
			d.fail("there are more files than streams")
			return nil
		default:
			s := streams[0]
			streams = streams[1:]
			f.Block, f.Size, f.Sum, f.Summed = s.block, s.size, s.sum, s.summed
		}
		f.mode(attributes[i])
		kept = append(kept, f)
	}
	return kept
}

// mode takes what attributes tell of a file.
func (f *File) mode(attributes uint32) {
	if attributes&attributeUnix == 0 {
		f.Folder = f.Folder || f.Block < 0 && attributes&attributeFolder != 0
		return
	}
	switch attributes >> 16 & modeType {
	case modeLink:
		f.Link = true
	case modeFolder:
		f.Folder = f.Folder || f.Block < 0
	}
}

func count(list []bool) int {
	n := 0
	for _, set := range list {
		if set {
			n++
		}
	}
	return n
}

// values reads a property that not every one of n files must have.
func (d *directory) values(n int, read func(i int)) {
	known := d.defined(n)
	if d.byte() != 0 {
		d.fail("a property lies elsewhere")
		return
	}
	for i, k := range known {
		if k && d.err == nil {
			read(i)
		}
	}
}

// names reads the names, in UTF-16 with a zero behind each.
func (d *directory) names(files []File) {
	if d.byte() != 0 {
		d.fail("the names lie elsewhere")
		return
	}
	for i := range files {
		var name []uint16
		for {
			b := d.bytes(2)
			if len(b) < 2 {
				return
			}
			u := binary.LittleEndian.Uint16(b)
			if u == 0 {
				break
			}
			name = append(name, u)
		}
		files[i].Name = string(utf16.Decode(name))
	}
}

// windowsTime is a FILETIME: units of 100 ns since 1601.
func windowsTime(t uint64) time.Time {
	if t == 0 || t > 1<<62 {
		return time.Time{}
	}
	const perSecond = 10_000_000
	const epoch = 11_644_473_600 // seconds from 1601 to 1970
	return time.Unix(int64(t/perSecond)-epoch, int64(t%perSecond)*100).UTC()
}
