package unbox

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"

	"lazuli/plugin"
)

// zip takes a zip apart by its central directory or, where there is none, by the headers in front of the entries.
//
// The standard library's reader would hold the whole directory in memory, eight times its size, and refuse what is damaged;
// so the directory is read entry by entry here.
func (b *box) zip() error {
	d, found, err := findDirectory(b.content, b.content.Size())
	switch {
	case err != nil:
		return b.damagedArchive(err)
	case found:
		b.kind = "zip"
		return b.walkDirectory(d)
	}
	b.notes.damaged("the zip's directory is missing")
	return b.walkLocal(0, b.content.Size())
}

func (b *box) walkDirectory(d directory) error {
	if d.base > 0 && has(b.content, 0, localSignature) {
		// Readers that go by the directory do not see these entries, those that read from the front do.
		if err := b.job.Feature("suspicious", "a zip in front of the zip"); err != nil {
			return err
		}
		if err := b.walkLocal(0, min(d.base, d.start)); err != nil {
			return err
		}
	}
	r := bufio.NewReaderSize(io.NewSectionReader(b.content, d.start, d.end-d.start), 64<<10)
	for {
		e, err := readEntry(r)
		if err == errNoEntry {
			return nil
		}
		if err != nil {
			return b.damagedArchive(err)
		}
		if e.folder() || e.link() {
			continue
		}
		listed, err := b.listZip(e)
		if err != nil {
			return err
		}
		if err := b.extractZip(listed, e, d.base); err != nil {
			return err
		}
	}
}

// folder tells whether an entry is a folder, which the reference neither lists nor counts. One with content is no folder.
func (e *zipEntry) folder() bool { return strings.HasSuffix(e.name, "/") && e.size == 0 }

// link tells whether an entry is a symbolic link, which the reference leaves out, too. One that is too long for a path is a
// file that hides.
func (e *zipEntry) link() bool { return e.mode&modeType == modeLink && e.size <= 4096 }

func (b *box) listZip(e *zipEntry) (*entry, error) {
	listed := &entry{name: e.name, changed: e.changed, method: e.compression(), size: e.size}
	if err := b.list(listed); err != nil || !strings.HasSuffix(listed.name, "/") {
		return listed, err
	}
	return listed, b.job.Feature("suspicious", "a folder with content", plugin.Label(listed.name))
}

// methods names the compression of entries (4.4.5) as 7-Zip writes it.
var methods = map[uint16]string{
	0: "Store", 1: "Shrink", 6: "Implode", 8: "Deflate", 9: "Deflate64", 12: "BZip2", 14: "LZMA", 93: "Zstd", 95: "xz", 98: "PPMd",
}

func (e *zipEntry) compression() string {
	name := methods[e.method]
	if name == "" {
		name = fmt.Sprintf("Method %d", e.method)
	}
	switch {
	case e.strength >= 1 && e.strength <= 3:
		return fmt.Sprintf("AES-%d %s", 64+64*int(e.strength), name)
	case e.encrypted():
		return "ZipCrypto " + name
	}
	return name
}

// extractZip takes out an entry of the directory.
func (b *box) extractZip(listed *entry, e *zipEntry, base int64) error {
	if e.encrypted() {
		b.notes.left(short(listed.name) + ": entry is encrypted")
		return nil
	}
	_, data, err := readLocal(b.content, base+e.offset)
	if err == errNoLocalHeader && base != 0 {
		_, data, err = readLocal(b.content, e.offset)
	}
	if failed := b.job.Err(); failed != nil {
		return failed
	}
	if err != nil {
		b.damagedEntry(listed, err)
		return nil
	}
	unpacked := b.unpack(e.method, data, max(e.packed, 0))
	if unpacked == nil {
		b.notes.left(fmt.Sprintf("%s: %s cannot be unpacked", short(listed.name), e.compression()))
		return nil
	}
	return b.extract(listed, &checkedReader{r: unpacked, e: e})
}

// packedReader reads the packed bytes of an entry.
type packedReader struct {
	section *io.SectionReader
	*bufio.Reader
}

// used is how many bytes were taken.
func (p *packedReader) used() int64 {
	at, _ := p.section.Seek(0, io.SeekCurrent) // cannot fail
	return at - int64(p.Buffered())
}

// unpack reads an entry whose packed bytes begin at data. It is nil when the method is not known.
func (b *box) unpack(method uint16, data, packed int64) io.Reader {
	section := io.NewSectionReader(b.content, data, min(packed, b.content.Size()-data))
	switch method {
	case methodStore:
		return section
	case methodDeflate:
		b.packed.section = section
		if b.packed.Reader == nil {
			b.packed.Reader = bufio.NewReaderSize(section, 64<<10)
		}
		b.packed.Reset(section)
		return b.inflate.reader(b.packed.Reader)
	}
	return nil
}

// checkedReader holds an entry to what the archive says of it, once it was read to its end.
type checkedReader struct {
	r   io.Reader
	e   *zipEntry
	sum uint32
	n   int64
}

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum = crc32.Update(c.sum, crc32.IEEETable, p[:n])
	c.n += int64(n)
	switch {
	case err != io.EOF:
		return n, err
	case c.n < c.e.size:
		return n, errCutShort
	case c.n > c.e.size:
		return n, fmt.Errorf("the data has more than the %d bytes it is said to have", c.e.size)
	case c.sum != c.e.sum:
		return n, errChecksum
	}
	return n, io.EOF
}

// walkLocal walks the entries between two offsets by their local headers: those of a zip that was cut short, mostly.
func (b *box) walkLocal(from, to int64) error {
	for at := from; ; {
		next, err := b.findHeader(at, to)
		if err != nil {
			return b.damagedArchive(err)
		}
		if next < 0 {
			return nil
		}
		b.kind = "zip"
		if at, err = b.localEntry(next, to); err != nil {
			return err
		}
	}
}

// findHeader returns the offset of the next local header, or -1.
func (b *box) findHeader(at, to int64) (int64, error) {
	if b.window == nil {
		b.window = make([]byte, 64<<10)
	}
	for at+localBytes <= to {
		n, err := b.content.ReadAt(b.window[:min(int64(len(b.window)), to-at)], at)
		if i := bytes.Index(b.window[:n], []byte(localSignature)); i >= 0 {
			return at + int64(i), nil
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
		if n < len(localSignature) {
			return -1, nil
		}
		at += int64(n - len(localSignature) + 1) // the signature may lie across the end
	}
	return -1, nil
}

// localEntry takes out the entry whose local header lies at at, and returns where to look for the next one.
func (b *box) localEntry(at, to int64) (next int64, err error) {
	e, data, err := readLocal(b.content, at)
	if failed := b.job.Err(); failed != nil {
		return 0, failed
	}
	if err != nil {
		b.notes.damaged(fmt.Sprintf("the header at %d: %v", at, err))
		return at + 1, nil
	}
	sized := e.flags&flagDescriptor == 0 || e.packed > 0
	switch {
	case !sized:
		next = data // and on behind what was read
	case e.packed < 0 || e.packed > to-data:
		next = to
	default:
		next = data + e.packed
	}
	if e.folder() && sized {
		return next, nil
	}
	listed, err := b.listZip(e)
	if err != nil {
		return 0, err
	}
	switch {
	case e.encrypted():
		b.notes.left(short(listed.name) + ": entry is encrypted")
	case sized && (e.method == methodStore || e.method == methodDeflate):
		err = b.extract(listed, &checkedReader{r: b.unpack(e.method, data, e.packed), e: e})
	case e.method == methodDeflate: // tells its own end
		err = b.extract(listed, b.unpack(e.method, data, math.MaxInt64))
		next = data + b.packed.used()
	default:
		b.notes.left(fmt.Sprintf("%s: %s cannot be unpacked without a directory", short(listed.name), e.compression()))
	}
	return next, err
}
