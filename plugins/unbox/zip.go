package unbox

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// methods names the compression of zip entries (APPNOTE 4.4.5), as 7-Zip writes it.
var methods = map[uint16]string{0: "Store", 8: "Deflate", 9: "Deflate64", 12: "BZip2", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd", 99: "AES"}

func methodName(m uint16, encrypted bool) string {
	name := methods[m]
	if name == "" {
		name = fmt.Sprintf("method %d", m)
	}
	if encrypted && m != 99 {
		name = "ZipCrypto " + name
	}
	return name
}

// zip takes a zip apart by its central directory or, when that is missing, by the headers in front of the entries.
func (b *box) zip() error {
	z, err := zip.NewReader(b.content, b.content.Size())
	if z == nil || err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		walked := b.localHeaders()
		if failed := b.finish("zip"); failed != nil {
			return failed
		}
		if walked != nil {
			return walked
		}
		return b.damaged(fmt.Errorf("the zip's directory cannot be read: %w", err))
	}
	walk := func() error {
		for _, f := range z.File {
			if strings.HasSuffix(f.Name, "/") && f.UncompressedSize64 == 0 {
				continue // the reference neither lists nor counts a zip's folders
			}
			encrypted := f.Flags&1 != 0
			e := &entry{name: f.Name, changed: f.Modified, method: methodName(f.Method, encrypted)}
			if e.changed.Year() < 1980 {
				e.changed = time.Time{} // DOS time begins in 1980: a zero date is none
			}
			if err := b.list(e); err != nil {
				return err
			}
			if encrypted {
				b.note(fmt.Sprintf("%.200s: the entry is encrypted", e.name))
				continue
			}
			r, err := f.Open()
			if err != nil {
				if err := b.failed(e, err); err != nil {
					return err
				}
				continue
			}
			err = b.extract(e, r)
			r.Close()
			if err != nil {
				return err
			}
		}
		return nil
	}
	err = walk()
	if failed := b.finish("zip"); failed != nil {
		return failed
	}
	if err == nil && len(b.odd) > 0 && !b.onlyEncrypted() {
		return &damage{errors.New("some entries are damaged")}
	}
	return err
}

// onlyEncrypted tells whether nothing worse than a missing password was noted.
func (b *box) onlyEncrypted() bool {
	for _, why := range b.odd {
		if !strings.HasSuffix(why, "the entry is encrypted") {
			return false
		}
	}
	return true
}

// Local file headers (APPNOTE 4.3.7).
const (
	localSignature = "PK\x03\x04"
	localBytes     = 30
	maxLocalName   = 64 << 10
)

// localHeaders walks the entries of a zip without a directory: one that was cut short, mostly. Only stored and deflated entries can be taken
// out; where an entry gives no size, the deflated data tells its own end.
func (b *box) localHeaders() error {
	head := make([]byte, localBytes)
	for at := int64(0); ; {
		n, err := b.content.ReadAt(head, at)
		if n < localBytes || string(head[:4]) != localSignature {
			if err != nil && err != io.EOF {
				return err
			}
			return nil
		}
		flags, method := binary.LittleEndian.Uint16(head[6:]), binary.LittleEndian.Uint16(head[8:])
		packed := int64(binary.LittleEndian.Uint32(head[18:]))
		nameLen, extraLen := int64(binary.LittleEndian.Uint16(head[26:])), int64(binary.LittleEndian.Uint16(head[28:]))
		name := make([]byte, min(nameLen, maxLocalName))
		if n, _ := b.content.ReadAt(name, at+localBytes); int64(n) < nameLen { // what is missing shows in n
			return nil
		}
		e := &entry{name: string(name), method: methodName(method, flags&1 != 0)}
		data := at + localBytes + nameLen + extraLen
		if !strings.HasSuffix(e.name, "/") {
			if err := b.list(e); err != nil {
				return err
			}
		}
		counted := &offsetReader{r: io.NewSectionReader(b.content, data, b.content.Size()-data)}
		sized := flags&8 == 0
		switch {
		case strings.HasSuffix(e.name, "/"):
		case flags&1 != 0:
			b.note(fmt.Sprintf("%.200s: the entry is encrypted", e.name))
		case method == zip.Store && sized:
			err = b.extract(e, io.LimitReader(counted, packed))
		case method == zip.Deflate:
			r := flate.NewReader(counted)
			err = b.extract(e, r)
		default:
			b.note(fmt.Sprintf("%.200s: %s without a directory", e.name, e.method))
		}
		if err != nil && err != io.EOF {
			return err
		}
		if sized {
			at = data + packed
			continue
		}
		next := b.nextHeader(data + counted.n)
		if next < 0 {
			return nil
		}
		at = next
	}
}

// nextHeader looks for the next local header behind an entry of unknown size: its data descriptor is at most 24 bytes long.
func (b *box) nextHeader(at int64) int64 {
	window := make([]byte, 64)
	from := max(0, at-32) // flate reads ahead by a few bytes
	n, _ := b.content.ReadAt(window, from)
	if i := bytes.Index(window[:n], []byte(localSignature)); i >= 0 {
		return from + int64(i)
	}
	return -1
}

// offsetReader counts what was read, byte by byte, so that flate does not read ahead.
type offsetReader struct {
	r io.Reader
	n int64
	b [1]byte
}

func (o *offsetReader) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	o.n += int64(n)
	return n, err
}

// ReadByte makes flate take single bytes.
func (o *offsetReader) ReadByte() (byte, error) {
	if _, err := io.ReadFull(o.r, o.b[:]); err != nil {
		return 0, err
	}
	o.n++
	return o.b[0], nil
}
