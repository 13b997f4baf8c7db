// Package ar reads archives of ar: libraries of objects, and Debian's packages. It knows the long names of GNU and of BSD (ar(5)).
package ar

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"lazuli/plugins/unbox/archive"
)

const (
	magic       = "!<arch>\n"
	headerBytes = 60
	mostNames   = 4 << 20 // bytes of the table of long names
	mostName    = 4 << 10 // bytes of a name in front of its content
)

func damaged(what string, at int64) error {
	return fmt.Errorf("ar: %s at %d: %w", what, at, archive.ErrDamaged)
}

// Walk lists the members of an archive, without tables of symbols.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	start := make([]byte, len(magic))
	if _, err := r.ReadAt(start, 0); err != nil && err != io.EOF {
		return err
	}
	if string(start) != magic {
		return archive.ErrNotThis
	}
	w := walk{r: r, size: size, visit: visit}
	for at := int64(len(magic)); at < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, err := w.member(at)
		if err != nil {
			return err
		}
		at = next
	}
	return nil
}

type walk struct {
	r     io.ReaderAt
	size  int64
	visit archive.Visit
	names []byte // GNU's table of long names
}

// member visits the member whose header lies at at, and tells where the next one begins.
func (w *walk) member(at int64) (next int64, err error) {
	var h [headerBytes]byte
	if n, err := w.r.ReadAt(h[:], at); n < len(h) {
		if err != io.EOF {
			return 0, err
		}
		return 0, damaged("a header is cut short", at)
	}
	length, err := strconv.ParseInt(field(h[48:58]), 10, 64)
	if string(h[58:]) != "`\n" || err != nil || length < 0 {
		return 0, damaged("there is no header", at)
	}
	data := at + headerBytes
	next = data + length + length&1 // members begin at even offsets
	if next < data {
		return 0, damaged("a size is too large", at)
	}
	e := archive.Entry{Name: field(h[:16]), Size: length}
	if seconds, err := strconv.ParseInt(field(h[16:28]), 10, 64); err == nil && seconds > 0 {
		e.Changed = time.Unix(seconds, 0).UTC()
	}
	switch {
	case e.Name == "//":
		w.names = make([]byte, min(length, mostNames, max(0, w.size-data)))
		_, err := w.r.ReadAt(w.names, data)
		if err == io.EOF {
			err = nil
		}
		return next, err
	case e.Name == "/" || e.Name == "/SYM64/":
		return next, nil
	case strings.HasPrefix(e.Name, "#1/"):
		if data, err = w.nameInFront(&e, data); err != nil {
			return 0, err
		}
	case strings.HasPrefix(e.Name, "/"):
		e.Name = w.longName(e.Name[1:])
	default:
		e.Name = strings.TrimSuffix(e.Name, "/")
	}
	if strings.HasPrefix(e.Name, "__.SYMDEF") {
		return next, nil
	}
	return next, w.visit(e, &content{io.NewSectionReader(w.r, data, e.Size), e.Size})
}

// nameInFront reads a name of BSD, which comes in front of the content and counts as some of it.
func (w *walk) nameInFront(e *archive.Entry, data int64) (int64, error) {
	n, err := strconv.ParseInt(e.Name[len("#1/"):], 10, 64)
	if err != nil || n < 0 || n > min(e.Size, mostName) {
		return 0, damaged("a long name has a wrong length", data)
	}
	name := make([]byte, n)
	if _, err := w.r.ReadAt(name, data); err != nil && err != io.EOF {
		return 0, err
	}
	e.Name = string(bytes.TrimRight(name, "\x00"))
	e.Size -= n
	return data + n, nil
}

// longName is the name at an offset of GNU's table.
func (w *walk) longName(offset string) string {
	at, err := strconv.Atoi(offset)
	if err != nil || at < 0 || at >= len(w.names) {
		return "/" + offset
	}
	name, _, _ := bytes.Cut(w.names[at:], []byte("\n"))
	return strings.TrimSuffix(string(name[:min(len(name), mostName)]), "/")
}

// field is text that is filled up with blanks.
func field(b []byte) string { return strings.TrimRight(string(b), " \x00") }

// content ends with an error if there is less than the header says.
type content struct {
	r    io.Reader
	left int64
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.left -= int64(n)
	if err == io.EOF && c.left > 0 {
		err = archive.ErrCutShort
	}
	return n, err
}
