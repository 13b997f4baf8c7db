// Package cpio reads archives of cpio in all forms that are in use: the two with names in hexadecimal that Linux and RPM have ("new ASCII",
// with and without sums), the octal one of POSIX, and the old binary one in either order of bytes (cpio(5)).
package cpio

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"time"

	"lazuli/plugins/unbox/archive"
)

// Magics begin the entries of each form.
var Magics = []string{"070701", "070702", "070707", "\xc7\x71", "\x71\xc7"}

const (
	trailer   = "TRAILER!!!"
	mostName  = 64 << 10 // bytes; longer ones are damage
	modeType  = 0o170000
	modeFile  = 0o100000
	modeLink  = 0o120000
	modeDir   = 0o040000
	mostLink  = 4 << 10
	headBytes = 6
)

func damaged(what string) error { return fmt.Errorf("cpio: %s: %w", what, archive.ErrDamaged) }

// header is what an entry says of itself, in whatever form.
type header struct {
	mode, changed, name int64
	size                int64
	align               int64 // what name and content are filled up to
	fixed               int64 // bytes in front of the name
}

// Walk lists the entries of an archive that begins at r, up to its trailer. What follows the trailer is left in r.
func Walk(ctx context.Context, r *bufio.Reader, visit archive.Visit) error {
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := readHeader(r)
		if first && (err == errNoHeader || err == io.EOF) {
			return archive.ErrNotThis
		}
		if err != nil {
			return cutShort(err)
		}
		name, err := h.readName(r)
		if err != nil {
			return err
		}
		if name == trailer {
			return nil
		}
		if err := h.visit(r, name, visit); err != nil {
			return err
		}
	}
}

var errNoHeader = damaged("there is no header")

func readHeader(r *bufio.Reader) (*header, error) {
	magic, err := r.Peek(headBytes)
	if err != nil {
		return nil, err
	}
	switch {
	case string(magic) == "070701" || string(magic) == "070702":
		return ascii(r, 16, []int{6, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8}, [4]int{2, 6, 7, 12}, 4)
	case string(magic) == "070707":
		return ascii(r, 8, []int{6, 6, 6, 6, 6, 6, 6, 6, 11, 6, 11}, [4]int{3, 8, 10, 9}, 1)
	case string(magic[:2]) == Magics[3]:
		return binaryHeader(r, binary.LittleEndian)
	case string(magic[:2]) == Magics[4]:
		return binaryHeader(r, binary.BigEndian)
	}
	return nil, errNoHeader
}

// ascii reads a header of numbers in some base. widths are those of its fields, which those of mode, time, size and length of the name.
func ascii(r *bufio.Reader, base int, widths []int, which [4]int, align int64) (*header, error) {
	h := &header{align: align}
	fields := make([]int64, len(widths))
	for i, width := range widths {
		var text [11]byte
		if _, err := io.ReadFull(r, text[:width]); err != nil {
			return nil, err
		}
		h.fixed += int64(width)
		n, err := strconv.ParseUint(string(text[:width]), base, 63)
		if err != nil {
			return nil, damaged("a header has something else than numbers")
		}
		fields[i] = int64(n)
	}
	h.mode, h.changed, h.size, h.name = fields[which[0]], fields[which[1]], fields[which[2]], fields[which[3]]
	return h, nil
}

func binaryHeader(r *bufio.Reader, order binary.ByteOrder) (*header, error) {
	var b [26]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, err
	}
	word := func(i int) int64 { return int64(order.Uint16(b[2*i:])) }
	return &header{mode: word(3), changed: word(8)<<16 | word(9), name: word(10), size: word(11)<<16 | word(12), align: 2, fixed: int64(len(b))}, nil
}

func (h *header) readName(r *bufio.Reader) (string, error) {
	if h.name < 1 || h.name > mostName {
		return "", damaged("a name has no reasonable length")
	}
	name := make([]byte, h.name)
	if _, err := io.ReadFull(r, name); err != nil {
		return "", cutShort(err)
	}
	return string(name[:h.name-1]), h.pad(r, h.fixed+h.name)
}

// pad passes over what fills up n bytes.
func (h *header) pad(r *bufio.Reader, n int64) error {
	_, err := r.Discard(int(-n & (h.align - 1)))
	return cutShort(err)
}

// visit shows an entry and passes over what is left of its content.
func (h *header) visit(r *bufio.Reader, name string, visit archive.Visit) error {
	e := archive.Entry{Name: name, Size: h.size, Folder: h.mode&modeType == modeDir}
	if h.changed > 0 {
		e.Changed = time.Unix(h.changed, 0).UTC()
	}
	c := &content{r: r, left: h.size}
	var shown io.Reader
	switch kind := h.mode & modeType; {
	case kind == modeLink && h.size <= mostLink:
		target, err := io.ReadAll(c)
		if err != nil {
			return err
		}
		e.Link = string(target)
	case kind == modeFile, kind == modeLink, kind == 0, h.size > 0:
		shown = c
	}
	if err := visit(e, shown); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		return err
	}
	return h.pad(r, h.size)
}

// content reads an entry's content.
type content struct {
	r    io.Reader
	left int64
}

func (c *content) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if c.left > 0 {
		err = cutShort(err)
	}
	return n, err
}

func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return archive.ErrCutShort
	}
	return err
}
