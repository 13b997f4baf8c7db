package arj

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"lazuli/plugins/unbox/archive"
)

const (
	magic      = 0xea60
	fixedSize  = 30   // of a header that all makers write
	mostHeader = 2600 // bytes, as ARJ itself allows
	mostExtra  = 100  // extended headers, of which nobody writes one
)

// Flags of a file.
const (
	flagGarbled = 1
	flagGoesOn  = 4  // in the next volume
	flagGoneOn  = 8  // from the volume before
	flagSlashes = 16 // the parts of the name are joined by slashes
)

// Types of files.
const (
	typeMain   = 2
	typeFolder = 3
	typeLabel  = 4 // of a disk
)

const hostUnix = 2

// header is what an archive says of itself or of one file.
type header struct {
	version  byte // that is needed to take it out
	host     byte
	flags    byte
	method   byte
	kind     byte
	modifier byte // of the password
	changed  time.Time
	packed   int64
	size     int64
	crc      uint32
	name     string
	data     int64 // where the compressed data begins
}

// parseHeader reads the header at off. nil without an error: the archive ends here.
func parseHeader(r io.ReaderAt, off int64) (*header, error) {
	var intro [4]byte
	if err := archive.ReadAt(r, intro[:], off, "a header"); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	n := int64(le.Uint16(intro[2:]))
	switch {
	case le.Uint16(intro[:]) != magic:
		return nil, archive.Damagef(off, "no header is where one should be")
	case n == 0:
		return nil, nil
	case n < fixedSize || n > mostHeader:
		return nil, archive.Damagef(off, "a header of %d bytes", n)
	}
	p := make([]byte, n+4)
	if err := archive.ReadAt(r, p, off+4, "a header"); err != nil {
		return nil, err
	}
	p, sum := p[:n], le.Uint32(p[n:])
	if crc32.ChecksumIEEE(p) != sum {
		return nil, archive.Damagef(off, "the checksum of a header differs")
	}
	fixed := int(p[0])
	if fixed < fixedSize || fixed > len(p) {
		return nil, archive.Damagef(off, "a header whose first part has %d bytes", fixed)
	}
	h := &header{
		version: p[2], host: p[3], flags: p[4], method: p[5], kind: p[6], modifier: p[7], packed: int64(le.Uint32(p[12:])),
		size: int64(le.Uint32(p[16:])), crc: le.Uint32(p[20:]), data: off + 4 + n + 4,
	}
	if clock := le.Uint32(p[8:]); h.host == hostUnix && h.kind != typeMain && !plausibleDOS(clock) {
		h.changed = time.Unix(int64(clock), 0).UTC()
	} else {
		h.changed = archive.DOSTime(uint16(clock>>16), uint16(clock))
	}
	name, _, ok := bytes.Cut(p[fixed:], []byte{0})
	if !ok {
		return nil, archive.Damagef(off, "a name without an end")
	}
	h.name = archive.Text(name, charmap.CodePage437)
	if h.flags&flagSlashes == 0 && h.host != hostUnix {
		h.name = strings.ReplaceAll(h.name, `\`, "/")
	}
	return h, h.skipExtra(r)
}

// plausibleDOS tells whether a time can be one of MS-DOS: archives from Unix have those, too.
func plausibleDOS(clock uint32) bool {
	month, day := clock>>21&15, clock>>16&31
	return month >= 1 && month <= 12 && day >= 1 && clock>>11&31 < 24 && clock>>5&63 < 60 && clock&31 < 30
}

// skipExtra passes over extended headers.
func (h *header) skipExtra(r io.ReaderAt) error {
	for range mostExtra {
		var p [2]byte
		if err := archive.ReadAt(r, p[:], h.data, "a header"); err != nil {
			return err
		}
		h.data += 2
		n := int64(binary.LittleEndian.Uint16(p[:]))
		if n == 0 {
			return nil
		}
		h.data += n + 4
	}
	return archive.Damagef(h.data, "extended headers without an end")
}

// errGoesOn tells that a file ends in another volume.
var errGoesOn = errors.New("the file goes on in the next volume")
