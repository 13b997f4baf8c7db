package unbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// gzip unpacks a gzip. A tar inside is taken apart in the same step, anything else is one child.
func (b *box) gzip() error {
	z, err := newGunzip(b.content, &b.inflate)
	if err != nil {
		return b.damagedArchive(err)
	}
	b.kind = kindArchive
	unpacked := bufio.NewReaderSize(&streamReader{b, z}, 64<<10)
	if isTar(unpacked) {
		err = b.tarFrom(unpacked)
		if err == nil {
			err = b.drain(unpacked)
		}
	} else {
		err = b.single(z.first, unpacked)
	}
	if z.extra && b.job.Err() == nil {
		return errors.Join(err, b.job.Feature("extra_content", "true"))
	}
	return err
}

// streamReader counts what comes out of the compression around an archive.
type streamReader struct {
	b *box
	r io.Reader
}

func (s *streamReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if limit := s.b.budget.spend(&s.b.budget.stream, n); limit != nil {
		beyond := s.b.budget.stream - s.b.budget.most
		return max(0, n-int(beyond)), limit
	}
	return n, err
}

// drain reads what follows the end of a tar: padding, mostly, and then the checksum of the gzip.
func (b *box) drain(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return b.damagedArchive(err)
	}
	return nil
}

// single is a gzip with one file in it.
func (b *box) single(h gzipHeader, r io.Reader) error {
	e := &entry{name: h.name, changed: h.changed}
	if e.name == "" {
		e.name = b.nameWithoutGz()
	}
	if err := b.list(e); err != nil {
		return err
	}
	return b.extract(e, r)
}

// nameWithoutGz makes a name for the content of a gzip that gives none: that of the gzip itself without its ending. "" if
// the gzip has no name either.
func (b *box) nameWithoutGz() string {
	ev := b.job.Event()
	name := ""
	if n := len(ev.Source.Path); n > 0 {
		name = ev.Source.Path[n-1].Filename
	}
	if name == "" {
		return ""
	}
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	ending := path.Ext(name)
	stem := strings.TrimSuffix(name, ending)
	switch lower := strings.ToLower(ending); {
	case stem == "":
		return name
	case lower == ".gz" || lower == ".gzip":
		return stem
	case lower == ".tgz":
		return stem + ".tar"
	}
	return name
}

// gzipHeader is what a member of a gzip says of itself.
type gzipHeader struct {
	name    string    // "" for none
	changed time.Time // zero for none
}

// gunzip reads the members of a gzip one after the other (RFC 1952). The standard library's reader refuses names of more
// than 512 bytes, and takes what follows the last member for damage.
type gunzip struct {
	first   gzipHeader
	extra   bool // something that is no member follows the last one
	raw     *bufio.Reader
	inflate *inflater
	data    io.Reader // of the member at hand; nil between two
	sum     uint32
	size    uint32 // of the member, modulo 2^32 as in its trailer
	err     error  // comes again for ever
}

// newGunzip reads the first header.
func newGunzip(r io.Reader, inflate *inflater) (*gunzip, error) {
	g := &gunzip{raw: bufio.NewReaderSize(r, 64<<10), inflate: inflate}
	h, err := g.header()
	if err != nil {
		return nil, err
	}
	g.first = h
	return g, nil
}

// Read implements io.Reader.
func (g *gunzip) Read(p []byte) (int, error) {
	for g.err == nil {
		if g.data == nil {
			g.err = g.next()
			continue
		}
		n, err := g.data.Read(p)
		g.sum = crc32.Update(g.sum, crc32.IEEETable, p[:n])
		g.size += uint32(n)
		if err == io.EOF {
			g.data = nil
			err = g.trailer()
		}
		g.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, g.err
}

// trailer checks the end of a member.
func (g *gunzip) trailer() error {
	var t [8]byte
	if _, err := io.ReadFull(g.raw, t[:]); err != nil {
		return cutShort(err)
	}
	if binary.LittleEndian.Uint32(t[:]) != g.sum || binary.LittleEndian.Uint32(t[4:]) != g.size {
		return errChecksum
	}
	return nil
}

// errChecksum tells that data is not what it was when it was packed.
var errChecksum = errors.New("the checksum differs")

// next begins the next member, or returns io.EOF. Zeros at the end are padding of a tape's block.
func (g *gunzip) next() error {
	start, err := g.raw.Peek(2)
	if len(start) == 2 && start[0] == 0x1f && start[1] == 0x8b {
		if _, err := g.header(); err != nil {
			g.extra = true
			return io.EOF
		}
		return nil
	}
	if err != nil && err != io.EOF {
		return err
	}
	for {
		c, err := g.raw.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			g.extra = true
			return io.EOF
		}
	}
}

// Flags of a member (RFC 1952 2.3.1).
const (
	gzipHeaderSum = 1 << 1
	gzipExtra     = 1 << 2
	gzipName      = 1 << 3
	gzipComment   = 1 << 4
	gzipReserved  = 0xe0
)

// header reads the header of a member and begins its data.
func (g *gunzip) header() (h gzipHeader, err error) {
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
	g.data, g.sum, g.size = g.inflate.reader(g.raw), 0, 0
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
