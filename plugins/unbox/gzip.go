package unbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
	"unicode/utf8"
)

// gzipFile is RFC 1952. The standard library's reader refuses names of more than 512 bytes, and takes what follows the last member for damage.
var gzipFile = &compression{
	name: "gzip", magics: []string{"\x1f\x8b"}, endings: map[string]string{".gz": "", ".gzip": "", ".tgz": ".tar"},
	open: func(m *members) (io.Reader, memberHeader, error) {
		g := &gunzip{raw: m.raw}
		h, err := g.header()
		if err != nil {
			return nil, h, err
		}
		g.data = m.inflate.reader(m.raw)
		return g, h, nil
	},
}

// gunzip reads one member.
type gunzip struct {
	raw  *bufio.Reader
	data io.Reader
	sum  uint32
	size uint32 // modulo 2^32 as in the trailer
}

// Read implements io.Reader.
func (g *gunzip) Read(p []byte) (int, error) {
	n, err := g.data.Read(p)
	g.sum = crc32.Update(g.sum, crc32.IEEETable, p[:n])
	g.size += uint32(n)
	if err == io.EOF {
		err = g.trailer()
	}
	return n, err
}

// trailer checks the end of the member.
func (g *gunzip) trailer() error {
	var t [8]byte
	if _, err := io.ReadFull(g.raw, t[:]); err != nil {
		return cutShort(err)
	}
	if binary.LittleEndian.Uint32(t[:]) != g.sum || binary.LittleEndian.Uint32(t[4:]) != g.size {
		return errChecksum
	}
	return io.EOF
}

// errChecksum tells that data is not what it was when it was packed.
var errChecksum = errors.New("the checksum differs")

// Flags of a member (RFC 1952 2.3.1).
const (
	gzipHeaderSum = 1 << 1
	gzipExtra     = 1 << 2
	gzipName      = 1 << 3
	gzipComment   = 1 << 4
	gzipReserved  = 0xe0
)

// header reads the header of a member.
func (g *gunzip) header() (h memberHeader, err error) {
	var fixed [10]byte
	if _, err := io.ReadFull(g.raw, fixed[:]); err != nil {
		return h, cutShort(err)
	}
	if fixed[0] != 0x1f || fixed[1] != 0x8b || fixed[2] != 8 || fixed[3]&gzipReserved != 0 {
		return h, fmt.Errorf("this is no gzip header: % x", fixed[:4])
	}
	flags := fixed[3]
	if seconds := binary.LittleEndian.Uint32(fixed[4:]); seconds != 0 {
		h.changed = time.Unix(int64(seconds), 0)
	}
	if flags&gzipExtra != 0 {
		var length [2]byte
		if _, err := io.ReadFull(g.raw, length[:]); err != nil {
			return h, cutShort(err)
		}
		if _, err := g.raw.Discard(int(binary.LittleEndian.Uint16(length[:]))); err != nil {
			return h, cutShort(err)
		}
	}
	if flags&gzipName != 0 {
		if h.name, err = g.text(); err != nil {
			return h, err
		}
	}
	if flags&gzipComment != 0 {
		if _, err := g.text(); err != nil {
			return h, err
		}
	}
	if flags&gzipHeaderSum != 0 {
		if _, err := g.raw.Discard(2); err != nil {
			return h, cutShort(err)
		}
	}
	return h, nil
}

// text reads text that ends with a zero byte, and keeps the beginning of a long one. By the standard it is Latin-1, but
// gzip itself writes the bytes of the name as the system has them, today mostly UTF-8.
func (g *gunzip) text() (string, error) {
	const most = 4 << 10
	var text []byte
	for {
		c, err := g.raw.ReadByte()
		if err != nil {
			return "", cutShort(err)
		}
		if c == 0 {
			break
		}
		if len(text) < most {
			text = append(text, c)
		}
	}
	if utf8.Valid(text) {
		return string(text), nil
	}
	latin := make([]rune, len(text))
	for i, c := range text {
		latin[i] = rune(c)
	}
	return string(latin), nil
}

// cutShort makes an end of the file where there should be more into errCutShort.
func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errCutShort
	}
	return err
}
