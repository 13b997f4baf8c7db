package unbox

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"lazuli/event"
)

// kindArchive is the box_type of tar and gzip.
const kindArchive = "archive"

// tar takes a tar apart: r is at its beginning. Links and devices are listed, never followed or made.
func (b *box) tar(r io.Reader) error {
	walk := func() error {
		t := tar.NewReader(r)
		for {
			h, err := t.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return b.damaged(err)
			}
			e := &entry{name: h.Name, changed: h.ModTime}
			if h.Typeflag == tar.TypeDir && !strings.HasSuffix(e.name, "/") {
				e.name += "/"
			}
			if err := b.list(e); err != nil {
				return err
			}
			if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse {
				continue
			}
			if err := b.extract(e, t); err != nil {
				return err
			}
		}
	}
	err := walk()
	if failed := b.finish(kindArchive); failed != nil {
		return failed
	}
	return err
}

// damaged sorts errors of a decoder: those of reading the file and the end of time go through, the rest is the archive's damage. A limit
// that was passed below the decoder is no damage.
func (b *box) damaged(err error) error {
	switch {
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	case b.budget.full():
		return errStop
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &damage{errors.New("the archive ends too early")}
	}
	return &damage{err}
}

// gzip unpacks a gzip (RFC 1952): a tar inside is taken apart in the same step, anything else is one child.
func (b *box) gzip() error {
	raw := bufio.NewReaderSize(b.content, 64<<10)
	z, err := gzip.NewReader(raw)
	if err != nil {
		return b.damaged(err)
	}
	header := z.Header
	members := &memberReader{z: z, raw: raw}
	inside := bufio.NewReaderSize(members, 64<<10)
	if start, _ := inside.Peek(512); isTar(start) { // an error comes again when the bytes are read
		err = b.tar(b.budget.stream(inside))
	} else {
		err = b.single(header, inside)
	}
	if members.extra {
		if failed := b.job.Feature("extra_content", "true"); failed != nil {
			return failed
		}
	}
	return err
}

// single is a gzip with one file in it.
func (b *box) single(header gzip.Header, r io.Reader) error {
	e := &entry{name: header.Name, changed: header.ModTime}
	if e.name == "" {
		e.name = b.nameWithoutGz()
	}
	if err := b.list(e); err != nil {
		return err
	}
	before := len(b.odd)
	err := b.extract(e, r)
	if failed := b.finish(kindArchive); failed != nil {
		return failed
	}
	if err == nil && len(b.odd) > before {
		return &damage{errors.New("the compressed data is damaged")}
	}
	return err
}

// nameWithoutGz makes a name for the content of a gzip that gives none: that of the gzip itself without its ending.
func (b *box) nameWithoutGz() string {
	ev := b.job.Event()
	name := ev.Source.Path[len(ev.Source.Path)-1].Filename
	for _, f := range ev.Entity.Features {
		if name == "" && f.Name == "filename" && f.Type == event.Filepath {
			name = f.Value
		}
	}
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	for _, ending := range []string{".gz", ".GZ", ".gzip"} {
		if rest, ok := strings.CutSuffix(name, ending); ok && rest != "" {
			return rest
		}
	}
	if strings.HasSuffix(name, ".tgz") {
		return strings.TrimSuffix(name, ".tgz") + ".tar"
	}
	return "content"
}

// memberReader reads the members of a gzip one after the other. What follows the last one is no error: extra tells of it.
type memberReader struct {
	z     *gzip.Reader
	raw   *bufio.Reader
	begun bool
	extra bool
	done  bool
}

func (m *memberReader) Read(p []byte) (int, error) {
	if m.done {
		return 0, io.EOF
	}
	if !m.begun {
		m.begun = true
		m.z.Multistream(false)
	}
	for {
		n, err := m.z.Read(p)
		if n > 0 || err != io.EOF {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
		if _, err := m.raw.Peek(1); err == io.EOF {
			m.done = true
			return 0, io.EOF
		}
		if err := m.z.Reset(m.raw); err != nil {
			m.extra, m.done = true, true
			return 0, io.EOF
		}
		m.z.Multistream(false)
	}
}

// isTar tells whether a block of 512 bytes is a tar header: its checksum is right (POSIX.1-2001 ustar; the older form has no magic).
func isTar(block []byte) bool {
	if len(block) < 512 || block[0] == 0 {
		return false
	}
	field := strings.Trim(string(block[148:156]), " \x00")
	want, err := strconv.ParseInt(field, 8, 64)
	if err != nil {
		return false
	}
	sum := int64(8 * ' ')
	for i, c := range block[:512] {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	return sum == want
}
