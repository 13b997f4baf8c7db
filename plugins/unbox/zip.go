package unbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
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

// mostLink is how many bytes the path may have that a link points to.
const mostLink = 4096

// link tells whether an entry is a symbolic link, which the reference leaves out, too. One that is too long for a path is a
// file that hides.
func (e *zipEntry) link() bool { return e.mode&modeType == modeLink && e.size <= mostLink }

func (b *box) listZip(e *zipEntry) (*entry, error) {
	listed := &entry{name: e.name, changed: e.changed, method: e.compression(), size: e.size}
	if err := b.list(listed); err != nil || !strings.HasSuffix(listed.name, "/") {
		return listed, err
	}
	return listed, b.job.Feature("suspicious", "a folder with content", plugin.Label(listed.name))
}

// extractZip takes out an entry of the directory.
func (b *box) extractZip(listed *entry, e *zipEntry, base int64) error {
	local, data, err := readLocal(b.content, base+e.offset)
	if err == errNoLocalHeader && base != 0 {
		local, data, err = readLocal(b.content, e.offset)
	}
	if failed := b.job.Err(); failed != nil {
		return failed
	}
	if err != nil {
		b.damagedEntry(listed, err)
		return nil
	}
	if local.name != e.name {
		if err := b.job.Feature("suspicious", "an entry with two names", plugin.Label(listed.name)); err != nil {
			return err
		}
	}
	return b.extractData(listed, e, data, max(e.packed, 0))
}

// extractData takes out an entry whose packed bytes begin at data.
func (b *box) extractData(listed *entry, e *zipEntry, data, packed int64) error {
	r, err := b.openZip(e, data, packed)
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case errors.Is(err, errPassword):
		b.locked(listed)
	case errors.Is(err, errMethod):
		b.notes.left(fmt.Sprintf("%s: %s cannot be unpacked", short(listed.name), e.compression()))
	case err != nil:
		return b.extract(listed, failed{err})
	default:
		return b.extract(listed, r)
	}
	return nil
}

// failed is data that cannot be read at all.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// openZip opens what an entry unpacks to.
func (b *box) openZip(e *zipEntry, data, packed int64) (io.Reader, error) {
	section := io.NewSectionReader(b.content, data, min(packed, b.content.Size()-data))
	if !e.encrypted() {
		return b.checkedZip(e, b.packed.over(section))
	}
	if e.flags&flagStrong != 0 {
		return nil, errMethod
	}
	var r io.Reader
	_, err := b.unlock(b.budget.limits.Passwords, func(password string, fits bool) error {
		open := func() (err error) {
			decrypted, err := decryptZip(e, section, packed, password)
			if err == nil {
				r, err = b.checkedZip(e, b.packed.over(decrypted))
			}
			return err
		}
		if err := open(); err != nil || fits {
			return err
		}
		if err := b.confirm(r, packed > section.Size()); err != nil {
			return err
		}
		return open()
	})
	return r, err
}

// decryptZip decrypts an entry that is said to have so many packed bytes, of which section has those that are there.
func decryptZip(e *zipEntry, section *io.SectionReader, packed int64, password string) (io.Reader, error) {
	if e.aes() {
		return newZipAES(section, packed, e.strength, password)
	}
	if _, err := section.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return newZipCrypto(section, password, e)
}

// confirm reads something that was decrypted to its end, and returns errPassword if it makes no sense. Only of what is known to be cut off is it
// no surprise that it ends too early.
func (b *box) confirm(r io.Reader, cut bool) error {
	_, err := io.Copy(io.Discard, &layerReader{b: b, r: io.LimitReader(r, b.budget.limits.File)})
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case err == nil, cut && (errors.Is(err, errCutShort) || errors.Is(err, io.ErrUnexpectedEOF)):
		return nil
	case errors.Is(err, errTotalReached), errors.Is(err, errMethod):
		return err
	}
	return errPassword
}

// checkedZip unpacks an entry and holds it to what the archive says.
func (b *box) checkedZip(e *zipEntry, data *bufio.Reader) (io.Reader, error) {
	r, err := b.unpackZip(e, data)
	if err != nil {
		return nil, err
	}
	return &checkedReader{r: r, e: e}, nil
}

// packedReader reads the packed bytes of an entry.
type packedReader struct {
	source io.Reader
	*bufio.Reader
}

// over begins to read from somewhere else.
func (p *packedReader) over(r io.Reader) *bufio.Reader {
	p.source = r
	if p.Reader == nil {
		p.Reader = bufio.NewReaderSize(r, 64<<10)
	}
	p.Reset(r)
	return p.Reader
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
	case c.sum != c.e.sum && !c.e.unsummed:
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
	case sized:
		err = b.extractData(listed, e, data, e.packed)
	case e.encrypted() || !endsItself(e.method):
		b.notes.left(fmt.Sprintf("%s: %s cannot be unpacked without a directory", short(listed.name), e.compression()))
	default:
		section := io.NewSectionReader(b.content, data, b.content.Size()-data)
		e.size = -1 // it is not known
		r, failure := b.unpackZip(e, b.packed.over(section))
		if failure != nil {
			b.damagedEntry(listed, failure)
			return next, b.job.Err()
		}
		err = b.extract(listed, r)
		at, _ := section.Seek(0, io.SeekCurrent) // cannot fail
		next = data + at - int64(b.packed.Buffered())
	}
	return next, err
}
