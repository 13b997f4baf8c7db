// Package lzh reads archives of LHA (LZH), with headers of levels 0 to 3: stored, lh1 and lh4 to lh7, and LArc's lzs, lz4 and lz5.
//
// The format is that of LHA for Unix by Masaru Oki, "header.doc.md" in its sources. Begin at Walk.
package lzh

import (
	"context"
	"fmt"
	"io"
	"strings"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzhuf"
)

const (
	modeKind = 0xf000 // of a mode of Unix
	modeLink = 0xa000
)

// Walk visits the files of an archive in their order.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	p, err := archive.Begin(r, baseSize)
	if err != nil {
		return err
	}
	if !isMethod(p[2:]) {
		return fmt.Errorf("%w: no archive of LHA", archive.ErrNotThis)
	}
	for off := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := parseHeader(r, off, size)
		if err != nil || h == nil {
			return err
		}
		if err := visit(h.entry(), h.content(ctx, r)); err != nil {
			return err
		}
		if h.packed > size-h.data {
			return nil // what is read of it has told
		}
		off = h.data + h.packed
	}
}

func (h *header) entry() archive.Entry {
	e := archive.Entry{Name: h.name, Size: h.size, Changed: h.changed, Method: strings.Trim(h.method, "-")}
	if h.folder != "" {
		e.Name = strings.TrimSuffix(h.folder, "/") + "/" + h.name
	}
	if h.mode&modeKind == modeLink {
		if at := strings.LastIndexByte(e.Name, '|'); at >= 0 {
			e.Name, e.Link = e.Name[:at], e.Name[at+1:]
		}
	}
	if e.Link == "" && h.method == methodFolder {
		e.Folder, e.Method = true, ""
		e.Name = strings.TrimSuffix(e.Name, "/")
	}
	return e
}

// content is the decompressed content of a file; nil for what is none.
func (h *header) content(ctx context.Context, r io.ReaderAt) io.Reader {
	if h.method == methodFolder {
		return nil
	}
	packed := archive.Section(ctx, r, h.data, h.packed, "a file")
	var content io.Reader
	switch h.method {
	case "-lh0-", "-lz4-", "-pm0-":
		content = packed
	case "-lh1-":
		content = lzhuf.NewLH1(packed, h.size)
	case "-lh4-":
		content = lzhuf.NewLH(packed, h.size, 12)
	case "-lh5-":
		content = lzhuf.NewLH(packed, h.size, 13)
	case "-lh6-":
		content = lzhuf.NewLH(packed, h.size, 15)
	case "-lh7-":
		content = lzhuf.NewLH(packed, h.size, 16)
	case "-lzs-":
		content = lzhuf.NewLZS(packed, h.size)
	case "-lz5-":
		content = lzhuf.NewLZ5(packed, h.size)
	default:
		return archive.Broken{Err: archive.Damagef(h.data, "compressed by %s, which is not known", h.method)}
	}
	c := &archive.Content{R: content, Off: h.data, Size: h.size}
	if h.hasCRC {
		c.Sum, c.Want = &crc16{}, []byte{byte(h.crc >> 8), byte(h.crc)}
	}
	return c
}

// crc16 is the checksum of LHA: the polynomial x^16+x^15+x^2+1, reflected.
type crc16 struct{ sum uint16 }

var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0xa001
			} else {
				c >>= 1
			}
		}
		t[i] = c
	}
	return t
}()

func (c *crc16) Write(p []byte) (int, error) {
	for _, b := range p {
		c.sum = crcTable[byte(c.sum)^b] ^ c.sum>>8
	}
	return len(p), nil
}

func (c *crc16) Sum(p []byte) []byte { return append(p, byte(c.sum>>8), byte(c.sum)) }
func (c *crc16) Reset()              { c.sum = 0 }
func (c *crc16) Size() int           { return 2 }
func (c *crc16) BlockSize() int      { return 1 }
