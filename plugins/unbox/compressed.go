package unbox

import (
	"bufio"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"lazuli/plugins/unbox/cpio"
)

// compression is a format that holds one file, or several ones behind another that are one when unpacked.
type compression struct {
	name    string            // as people call it
	magics  []string          // of which one begins each member
	endings map[string]string // of names of compressed files, and what comes in their place
	// open begins to unpack the member at m.raw, of which not a byte more than the member must be read, unless whole is set.
	open  func(m *members) (io.Reader, memberHeader, error)
	whole bool // open's reader reads all members, and returns errBehind for what is none
}

// memberHeader is what a member says of the file in it.
type memberHeader struct {
	name    string    // "" for none
	changed time.Time // zero for none
}

// errBehind is returned in place of io.EOF when something follows that does not belong to the compressed data.
var errBehind = errors.New("something follows the compressed data")

// mostLayers is how many compressions are undone in one step.
const mostLayers = 8

// compressed unpacks a compressed file. What is compressed again is unpacked in the same step, a tar or cpio is taken apart, and anything else
// is one child.
func (b *box) compressed(c *compression, raw *bufio.Reader) error {
	b.kind = kindArchive
	e := &entry{name: b.ownName()}
	layers, inner, err := b.unpackLayers(e, c, raw)
	if err != nil {
		if len(layers) == 0 {
			b.kind = ""
		}
		return b.damagedArchive(err)
	}
	if len(layers) > 1 {
		e.method = methodOf(layers)
	}
	return b.toldExtra(layers, b.uncompressed(e, inner))
}

// unpackLayers undoes one compression after the other; c is the first one, nil for none. What comes out is read from inner, and e takes name and
// time from the layers.
func (b *box) unpackLayers(e *entry, c *compression, raw *bufio.Reader) (layers []*members, inner *bufio.Reader, err error) {
	for ; c != nil && len(layers) < mostLayers; c = nextCompression(raw) {
		m, err := b.openMembers(c, raw)
		if err != nil {
			return layers, nil, err
		}
		layers = append(layers, m)
		e.name = c.unpackedName(e.name)
		if m.first.name != "" {
			e.name = m.first.name
		}
		e.changed = m.first.changed
		raw = bufio.NewReaderSize(&layerReader{b: b, r: m}, 64<<10)
	}
	return layers, raw, nil
}

// toldExtra tells of what follows compressed data, and returns err.
func (b *box) toldExtra(layers []*members, err error) error {
	if b.job.Err() == nil && anyExtra(layers) {
		return errors.Join(err, b.job.Feature("extra_content", "true"))
	}
	return err
}

// uncompressed takes what came out of all compressions.
func (b *box) uncompressed(e *entry, r *bufio.Reader) error {
	head, _ := r.Peek(magicBytes) // an error comes again
	switch {
	case isTar(r):
		if err := b.tarFrom(r); err != nil {
			return err
		}
		return b.drain(r)
	case begins(head, cpio.Magics[:3]): // the binary form's two bytes alone say too little
		if err := b.cpioFrom(r); err != nil {
			return err
		}
		return b.drain(r)
	}
	if err := b.list(e); err != nil {
		return err
	}
	return b.extract(e, r)
}

// nextCompression returns the compression of what begins at r, if it is compressed.
func nextCompression(r *bufio.Reader) *compression {
	head, _ := r.Peek(magicBytes) // an error comes again
	for _, c := range compressions {
		if begins(head, c.magics) {
			return c
		}
	}
	return nil
}

func methodOf(layers []*members) string {
	var names []string
	for _, m := range layers {
		names = append(names, m.c.name)
	}
	return strings.Join(names, " ")
}

func anyExtra(layers []*members) bool {
	for _, m := range layers {
		if m.extra {
			return true
		}
	}
	return false
}

// layerReader counts what comes out of one compression.
type layerReader struct {
	b     *box
	r     io.Reader
	spent int64
}

func (l *layerReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if limit := l.b.budget.spend(&l.spent, n); limit != nil {
		beyond := l.spent - l.b.budget.most
		return min(n, max(0, n-int(beyond))), limit
	}
	return n, err
}

// drain reads what follows the end of a tar: padding, mostly, and then the checksum of the compression.
func (b *box) drain(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return b.damagedArchive(err)
	}
	return nil
}

// ownName is the name of the archive itself, without folders.
func (b *box) ownName() string {
	ev := b.job.Event()
	n := len(ev.Source.Path)
	if n == 0 || ev.Source.Path[n-1].Filename == "" {
		return ""
	}
	return path.Base(strings.ReplaceAll(ev.Source.Path[n-1].Filename, `\`, "/"))
}

// unpackedName makes a name for what a file of this name holds.
func (c *compression) unpackedName(name string) string {
	ending := path.Ext(name)
	stem := strings.TrimSuffix(name, ending)
	if instead, known := c.endings[strings.ToLower(ending)]; known && stem != "" {
		return stem + instead
	}
	return name
}

// members reads all members of a compressed file one after the other.
type members struct {
	b       *box
	c       *compression
	raw     *bufio.Reader
	first   memberHeader
	inflate inflater
	data    io.Reader // of the member at hand; nil between two
	extra   bool      // something that is no member follows the last one
	err     error     // comes again for ever
}

// openMembers opens the first member.
func (b *box) openMembers(c *compression, raw *bufio.Reader) (m *members, err error) {
	m = &members{b: b, c: c, raw: raw}
	m.data, m.first, err = c.open(m)
	return m, err
}

// Read implements io.Reader.
func (m *members) Read(p []byte) (int, error) {
	for m.err == nil {
		if m.data == nil {
			m.err = m.next()
			continue
		}
		n, err := m.data.Read(p)
		switch {
		case err == io.EOF && !m.c.whole:
			m.data, err = nil, nil
		case err == errBehind:
			m.extra, err = true, io.EOF
		}
		m.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, m.err
}

// next begins the next member, or returns io.EOF. Zeros at the end are padding of a tape's block.
func (m *members) next() error {
	head, err := m.raw.Peek(magicBytes)
	if err != nil && err != io.EOF {
		return err
	}
	if begins(head, m.c.magics) {
		if m.data, _, err = m.c.open(m); err == nil {
			return nil
		}
		m.extra = true
		return io.EOF
	}
	for {
		c, err := m.raw.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			m.extra = true
			return io.EOF
		}
	}
}
