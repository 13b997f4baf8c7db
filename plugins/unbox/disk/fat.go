package disk

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"lazuli/plugins/unbox/archive"
)

// fat is a FAT file system (Microsoft FAT Specification of 2005; its names of fields are in brackets).
type fat struct {
	*disk
	off      int64 // of the file system on the disk
	bits     uint  // of an entry of the table: 12, 16 or 32
	table    int64 // where that lies on the disk, and its bytes
	entries  int64
	cluster  int64 // bytes
	data     int64 // where cluster 2 lies on the disk
	clusters int64 // that there are, from 2 on
	root     int64 // where the root lies, if that is no chain of clusters
	rootSize int64
	first    int64 // cluster of the root, if it is one

	page   []byte // of the table
	pageAt int64
}

const (
	fatEntryBytes = 32
	fatPage       = 3 << 10 // whole entries of 12 bits, too

	attributeVolume   = 1 << 3
	attributeFolder   = 1 << 4
	attributeLongName = 0x0f

	mostFolderBytes = 2 << 20 // 65,536 entries
	mostDepth       = 64
	mostPath        = 4096
)

// openFAT reads the boot sector of a file system (3.1 to 3.3). nil if it is none.
func (d *disk) openFAT(p stretch) (*fat, error) {
	if p.size < sectorBytes {
		return nil, nil
	}
	boot, err := d.sector(p.off)
	if err != nil {
		return nil, err
	}
	u16 := func(off int) int64 { return int64(binary.LittleEndian.Uint16(boot[off:])) }
	u32 := func(off int) int64 { return int64(binary.LittleEndian.Uint32(boot[off:])) }
	sector, perCluster, reserved, tables, rootEntries := u16(11), int64(boot[13]), u16(14), int64(boot[16]), u16(17)
	total, size := u16(19), u16(22)
	if total == 0 {
		total = u32(32)
	}
	wide := size == 0
	if wide {
		size = u32(36)
	}
	power := func(n int64) bool { return n > 0 && n&(n-1) == 0 }
	if string(boot[510:]) != bootMark || boot[0] != 0xeb && boot[0] != 0xe9 || !power(sector) || sector < 512 || sector > 4096 || !power(perCluster) ||
		reserved == 0 || tables == 0 || tables > 4 || size == 0 || total == 0 {
		return nil, nil
	}
	f := &fat{disk: d, off: p.off, cluster: sector * perCluster, table: p.off + reserved*sector, rootSize: rootEntries * fatEntryBytes, pageAt: -1}
	f.root = f.table + tables*size*sector
	f.data = f.root + (f.rootSize+sector-1)/sector*sector
	f.clusters = (p.off + total*sector - f.data) / f.cluster
	switch {
	case f.clusters < 1:
		return nil, nil
	case f.clusters < 4085:
		f.bits = 12
	case f.clusters < 65525:
		f.bits = 16
	default:
		f.bits = 32
	}
	if wide {
		f.bits, f.first, f.rootSize = 32, u32(44), 0
	}
	f.entries = min(size*sector*8/int64(f.bits), f.clusters+2)
	return f, nil
}

// next is the cluster behind one in its chain; 0 at the end.
func (f *fat) next(cluster int64) (int64, error) {
	if cluster < 2 || cluster >= f.entries {
		return 0, archive.Damagef(f.table, "there is no cluster %d", cluster)
	}
	at := cluster * int64(f.bits) / 8
	if page := at / fatPage * fatPage; page != f.pageAt {
		f.page, f.pageAt = make([]byte, min(fatPage, (f.entries*int64(f.bits)+7)/8-page)), -1
		if err := archive.ReadAt(f.r, f.page, f.table+page, "the table of clusters"); err != nil {
			return 0, err
		}
		f.pageAt = page
	}
	var b [4]byte
	copy(b[:], f.page[at-f.pageAt:])
	v := int64(binary.LittleEndian.Uint32(b[:]))
	switch f.bits {
	case 12:
		v = v >> (cluster % 2 * 4) & 0xfff
	case 16:
		v &= 0xffff
	default:
		v &= 0xfffffff
	}
	if v >= int64(1)<<min(f.bits, 28)-8 {
		return 0, nil
	}
	return v, nil
}

// chain reads a chain of clusters.
type chain struct {
	f       *fat
	cluster int64 // the one at hand; 0 behind the last
	within  int64
	left    int64 // clusters that it can have: a longer one is a ring
	bytes   int64 // to read; what is missing is damage
	whole   bool  // up to the end of the chain, however long
}

func (c *chain) Read(p []byte) (int, error) {
	if err := c.f.ctx.Err(); err != nil {
		return 0, err
	}
	if c.bytes == 0 {
		return 0, io.EOF
	}
	if c.within == c.f.cluster {
		next, err := c.f.next(c.cluster)
		if err != nil {
			return 0, err
		}
		c.cluster, c.within = next, 0
	}
	at := c.f.data + (c.cluster-2)*c.f.cluster + c.within
	switch {
	case c.cluster == 0 && c.whole:
		return 0, io.EOF
	case c.cluster < 2 || c.cluster >= c.f.clusters+2:
		return 0, archive.Damagef(c.f.table, "a file ends early")
	case c.within == 0:
		if c.left--; c.left < 0 {
			return 0, archive.Damagef(at, "the clusters of a file are a ring")
		}
	}
	p = p[:min(int64(len(p)), c.f.cluster-c.within, c.bytes)]
	if err := archive.ReadAt(c.f.r, p, at, "a cluster"); err != nil {
		return 0, err
	}
	c.within += int64(len(p))
	c.bytes -= int64(len(p))
	return len(p), nil
}

func (f *fat) chain(cluster, bytes int64, whole bool) *chain {
	return &chain{f: f, cluster: cluster, left: f.clusters, bytes: bytes, whole: whole}
}

// folder is one that is still to be read.
type folder struct {
	path    string
	cluster int64 // 0 for a root of fixed size
	depth   int
}

// walk lists the tree, each folder before what is in it.
func (f *fat) walk() error {
	known := map[int64]bool{f.first: true}
	for open := []folder{{"", f.first, 0}}; len(open) > 0; {
		p := open[len(open)-1]
		open = open[:len(open)-1]
		data, err := f.read(p)
		if err := f.through(err); err != nil {
			return err
		}
		var inner []folder
		for _, e := range parseFolder(data) {
			if f.bits < 32 {
				e.cluster &= 0xffff
			}
			path := e.name
			if p.path != "" {
				path = p.path + "/" + path
			}
			if len(path) > mostPath {
				continue
			}
			entry := archive.Entry{Name: path, Changed: archive.DOSTime(e.date, e.clock)}
			if e.attributes&attributeFolder == 0 {
				entry.Size = e.size
				if err := f.emit(entry, f.chain(e.cluster, e.size, false)); err != nil {
					return err
				}
				continue
			}
			entry.Folder = true
			if err := f.emit(entry, nil); err != nil {
				return err
			}
			var wrong error
			switch {
			case e.cluster < 2 || known[e.cluster]:
				wrong = archive.Damagef(f.off, "a folder is in more than one place")
			case p.depth == mostDepth:
				wrong = archive.Damagef(f.off, "more than %d folders in one another", mostDepth)
			default:
				known[e.cluster] = true
				inner = append(inner, folder{path, e.cluster, p.depth + 1})
			}
			if err := f.through(wrong); err != nil {
				return err
			}
		}
		slices.Reverse(inner) // the first is read next
		open = append(open, inner...)
	}
	return nil
}

// read reads a folder whole, as far as it can be read.
func (f *fat) read(p folder) ([]byte, error) {
	if p.cluster == 0 {
		return io.ReadAll(archive.Section(f.ctx, f.r, f.root, f.rootSize, "the root folder"))
	}
	return io.ReadAll(f.chain(p.cluster, mostFolderBytes, true))
}

// fatEntry is what a folder says of one thing in it.
type fatEntry struct {
	name          string
	attributes    byte
	clock, date   uint16
	cluster, size int64
}

// parseFolder reads the entries of a folder (6, 7). Long names lie in front of them in pieces, the last piece first.
func parseFolder(data []byte) (list []fatEntry) {
	var long []uint16
	var sum byte // of the short name that a long one belongs to
	for ; len(data) >= fatEntryBytes && data[0] != 0; data = data[fatEntryBytes:] {
		e := data[:fatEntryBytes]
		if e[0] == 0xe5 { // deleted
			long = nil
			continue
		}
		if e[11]&0x3f == attributeLongName {
			if e[0]&0x40 != 0 {
				long, sum = nil, e[13]
			}
			if piece := slices.Concat(e[1:11], e[14:26], e[28:32]); len(long) < 20*13 {
				units := make([]uint16, 13)
				for i := range units {
					units[i] = binary.LittleEndian.Uint16(piece[2*i:])
				}
				long = append(units, long...)
			}
			continue
		}
		entry := fatEntry{
			name: shortName(e), attributes: e[11], clock: binary.LittleEndian.Uint16(e[22:]), date: binary.LittleEndian.Uint16(e[24:]),
			cluster: int64(binary.LittleEndian.Uint16(e[20:]))<<16 | int64(binary.LittleEndian.Uint16(e[26:])), size: int64(binary.LittleEndian.Uint32(e[28:])),
		}
		if long != nil && sum == shortSum(e[:11]) {
			if end := slices.Index(long, 0); end >= 0 {
				long = long[:end]
			}
			entry.name = string(utf16.Decode(long))
		}
		long = nil
		if entry.attributes&attributeVolume == 0 && entry.name != "." && entry.name != ".." {
			list = append(list, entry)
		}
	}
	return list
}

// shortName is a name of eight and three bytes. Windows writes small letters by two bits.
func shortName(e []byte) string {
	p := bytes.Clone(e[:11])
	if p[0] == 0x05 {
		p[0] = 0xe5
	}
	text := func(p []byte) string { return archive.Text(bytes.TrimRight(p, " "), charmap.CodePage437) }
	stem, ending := text(p[:8]), text(p[8:])
	if e[12]&0x08 != 0 {
		stem = strings.ToLower(stem)
	}
	if e[12]&0x10 != 0 {
		ending = strings.ToLower(ending)
	}
	if ending != "" {
		stem += "." + ending
	}
	return stem
}

func shortSum(name []byte) (sum byte) {
	for _, c := range name {
		sum = sum<<7 | sum>>1
		sum += c
	}
	return sum
}
