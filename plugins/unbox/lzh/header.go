package lzh

import (
	"encoding/binary"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/japanese"

	"lazuli/plugins/unbox/archive"
)

const (
	baseSize       = 21 // what headers of all levels begin with
	mostHeader     = 1 << 16
	mostExtensions = 100
	methodFolder   = "-lhd-"
)

// Types of extended headers.
const (
	extendedName        = 0x01
	extendedFolder      = 0x02
	extendedWindowsTime = 0x41
	extendedSizes       = 0x42
	extendedUnicodeName = 0x44
	extendedUnicodePath = 0x45
	extendedMode        = 0x50
	extendedUnixTime    = 0x54
)

// header is what an archive says of one file.
type header struct {
	method       string // with its hyphens
	packed, size int64
	changed      time.Time
	crc          uint16
	hasCRC       bool
	system       byte
	name, folder string
	mode         uint16 // of Unix, 0 if unknown
	data         int64  // where the compressed data begins
}

// isMethod tells whether p looks like -lh5- and its kin.
func isMethod(p []byte) bool {
	return p[0] == '-' && p[4] == '-' && (p[1] == 'l' && (p[2] == 'h' || p[2] == 'z') || p[1] == 'p' && p[2] == 'm')
}

// parser reads one header.
type parser struct {
	r    io.ReaderAt
	size int64 // of the archive
	off  int64 // of the header
	h    header
}

// parseHeader reads the header at off. nil without an error: the archive ends here.
func parseHeader(r io.ReaderAt, off, size int64) (*header, error) {
	if off >= size {
		return nil, nil // the zero at the end is often missing
	}
	var first [1]byte
	if err := archive.ReadAt(r, first[:], off, "a header"); err != nil {
		return nil, err
	}
	if first[0] == 0 && off+baseSize >= size {
		return nil, nil
	}
	p := make([]byte, baseSize)
	if err := archive.ReadAt(r, p, off, "a header"); err != nil {
		return nil, err
	}
	if !isMethod(p[2:]) {
		if first[0] == 0 {
			return nil, nil // something follows the end
		}
		return nil, archive.Damagef(off, "no header is where one should be")
	}
	le := binary.LittleEndian
	x := &parser{r: r, size: size, off: off}
	x.h = header{method: string(p[2:7]), packed: int64(le.Uint32(p[7:])), size: int64(le.Uint32(p[11:]))}
	var err error
	switch p[20] {
	case 0, 1:
		x.h.changed = archive.DOSTime(le.Uint16(p[17:]), le.Uint16(p[15:]))
		err = x.old(p)
	case 2:
		x.h.changed = time.Unix(int64(le.Uint32(p[15:])), 0).UTC()
		err = x.level2(p)
	case 3:
		x.h.changed = time.Unix(int64(le.Uint32(p[15:])), 0).UTC()
		err = x.level3()
	default:
		err = archive.Damagef(off, "a header of level %d", p[20])
	}
	if err != nil {
		return nil, err
	}
	if x.h.packed < 0 || x.h.size < 0 {
		return nil, archive.Damagef(off, "a file of impossible size")
	}
	return &x.h, nil
}

// old takes a header of level 0 or 1, whose size is in its first byte.
func (x *parser) old(base []byte) error {
	p := make([]byte, int(base[0])+2)
	if err := archive.ReadAt(x.r, p, x.off, "a header"); err != nil {
		return err
	}
	level := base[20]
	if len(p) < baseSize+1 || baseSize+1+int(p[21]) > len(p) {
		return archive.Damagef(x.off, "a header that is too short")
	}
	sum := byte(0)
	for _, b := range p[2:] {
		sum += b
	}
	if sum != p[1] {
		return archive.Damagef(x.off, "the checksum of a header differs")
	}
	name, rest := p[baseSize+1:baseSize+1+int(p[21])], p[baseSize+1+int(p[21]):]
	x.h.data = x.off + int64(len(p))
	if len(rest) >= 2 {
		x.h.crc, x.h.hasCRC, rest = binary.LittleEndian.Uint16(rest), true, rest[2:]
	}
	if len(rest) >= 1 {
		x.h.system, rest = rest[0], rest[1:]
	}
	x.h.name = x.text(name)
	if level == 0 {
		x.unixFields(rest)
		return nil
	}
	if len(p) < baseSize+6 {
		return archive.Damagef(x.off, "a header that is too short")
	}
	first := int64(binary.LittleEndian.Uint16(p[len(p)-2:]))
	from := x.h.data
	if err := x.extensions(first, 2); err != nil {
		return err
	}
	x.h.packed -= x.h.data - from // it counts them
	return nil
}

// unixFields takes what archives of level 0 from Unix have behind the name.
func (x *parser) unixFields(p []byte) {
	if x.h.system != 'U' || len(p) < 11 {
		return
	}
	le := binary.LittleEndian
	x.h.changed, x.h.mode = time.Unix(int64(le.Uint32(p[1:])), 0).UTC(), le.Uint16(p[5:])
}

// level2 takes a header whose size is in its first two bytes, extensions included.
func (x *parser) level2(base []byte) error {
	var p [26]byte
	if err := archive.ReadAt(x.r, p[:], x.off, "a header"); err != nil {
		return err
	}
	le := binary.LittleEndian
	x.h.crc, x.h.hasCRC, x.h.system = le.Uint16(p[21:]), true, p[23]
	x.h.data = x.off + int64(len(p))
	if err := x.extensions(int64(le.Uint16(p[24:])), 2); err != nil {
		return err
	}
	x.h.data = max(x.h.data, x.off+int64(le.Uint16(base)))
	return nil
}

// level3 takes a header with sizes of four bytes.
func (x *parser) level3() error {
	var p [32]byte
	if err := archive.ReadAt(x.r, p[:], x.off, "a header"); err != nil {
		return err
	}
	le := binary.LittleEndian
	if le.Uint16(p[:]) != 4 {
		return archive.Damagef(x.off, "a header with sizes of %d bytes", le.Uint16(p[:]))
	}
	x.h.crc, x.h.hasCRC, x.h.system = le.Uint16(p[21:]), true, p[23]
	x.h.data = x.off + int64(len(p))
	if err := x.extensions(int64(le.Uint32(p[28:])), 4); err != nil {
		return err
	}
	x.h.data = max(x.h.data, x.off+int64(le.Uint32(p[24:])))
	return nil
}

// extensions reads extended headers from where the data is said to begin, and puts that behind them. Each ends with the size of the
// next, which has the given width.
func (x *parser) extensions(size, width int64) error {
	total := int64(0)
	for n := 0; size != 0; n++ {
		total += size
		if size < 1+width || total > mostHeader || n >= mostExtensions {
			return archive.Damagef(x.h.data, "an extended header of %d bytes", size)
		}
		p := make([]byte, size)
		if err := archive.ReadAt(x.r, p, x.h.data, "an extended header"); err != nil {
			return err
		}
		x.h.data += size
		x.extension(p[0], p[1:size-width])
		if width == 2 {
			size = int64(binary.LittleEndian.Uint16(p[size-width:]))
		} else {
			size = int64(binary.LittleEndian.Uint32(p[size-width:]))
		}
	}
	return nil
}

func (x *parser) extension(kind byte, p []byte) {
	le := binary.LittleEndian
	switch {
	case kind == extendedName:
		x.h.name = x.text(p)
	case kind == extendedFolder:
		x.h.folder = x.path(p)
	case kind == extendedWindowsTime && len(p) >= 16:
		x.h.changed = fileTime(le.Uint64(p[8:]))
	case kind == extendedSizes && len(p) >= 16:
		x.h.packed, x.h.size = int64(le.Uint64(p)), int64(le.Uint64(p[8:]))
	case kind == extendedUnicodeName:
		x.h.name = utf16Text(p)
	case kind == extendedUnicodePath:
		x.h.folder = utf16Text(p)
	case kind == extendedMode && len(p) >= 2:
		x.h.mode = le.Uint16(p)
	case kind == extendedUnixTime && len(p) >= 4:
		x.h.changed = time.Unix(int64(le.Uint32(p)), 0).UTC()
	}
}

// text decodes a name, which is in Shift-JIS most often. Systems other than Unix join its parts by backslashes.
func (x *parser) text(p []byte) string {
	name := archive.Text(p, japanese.ShiftJIS)
	if x.h.system != 'U' {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	return name
}

// path decodes the name of a folder, whose parts are joined by bytes 0xff.
func (x *parser) path(p []byte) string {
	parts := strings.Split(string(p), "\xff")
	for i, part := range parts {
		parts[i] = x.text([]byte(part))
	}
	return strings.Join(parts, "/")
}

func utf16Text(p []byte) string {
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(p[2*i:])
		if units[i] == 0xffff {
			units[i] = '/'
		}
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// fileTime is a time of Windows, in 100 ns since 1601.
func fileTime(t uint64) time.Time {
	if t == 0 || t > 1<<62 {
		return time.Time{}
	}
	const until1970 = 11644473600
	return time.Unix(int64(t/1e7)-until1970, int64(t%1e7)*100).UTC()
}
