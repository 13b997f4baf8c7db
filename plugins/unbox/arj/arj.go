// Package arj reads archives of ARJ: methods 0 to 4, and files that are garbled with a password.
//
// The format is that of the technical information that comes with ARJ, and of its sources. Begin at Walk.
package arj

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzhuf"
)

// Walk visits the files of an archive in their order. What is garbled cannot be read.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	return WalkWithPassword(ctx, r, size, "", visit)
}

// WalkWithPassword is Walk that reads what is garbled with the password, unless that is "". A wrong one gives content whose checksum
// differs.
func WalkWithPassword(ctx context.Context, r io.ReaderAt, size int64, password string, visit archive.Visit) error {
	p, err := archive.Begin(r, 4+fixedSize)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint16(p) != magic || p[4+6] != typeMain {
		return fmt.Errorf("%w: no archive of ARJ", archive.ErrNotThis)
	}
	main, err := parseHeader(r, 0)
	if err != nil {
		return err
	}
	if main == nil {
		return archive.Damagef(0, "the archive has no header")
	}
	for off := main.data; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := parseHeader(r, off)
		if err != nil || h == nil {
			return err
		}
		if err := visit(h.entry(), h.content(ctx, r, password)); err != nil {
			return err
		}
		if h.packed > size-h.data {
			return nil // what is read of it has told
		}
		off = h.data + h.packed
	}
}

// errFound ends the search for a garbled file.
var errFound = errors.New("found")

// Opens tells whether the password opens the first garbled file of at most 16 MiB. It is true if none is garbled.
func Opens(ctx context.Context, r io.ReaderAt, size int64, password string) (bool, error) {
	const most = 16 << 20
	opens := true
	err := WalkWithPassword(ctx, r, size, password, func(e archive.Entry, content io.Reader) error {
		if !e.Encrypted || content == nil || e.Size > most {
			return nil
		}
		_, err := io.Copy(io.Discard, content)
		if errors.Is(err, archive.ErrDamaged) {
			opens = false
		} else if err != nil {
			return err
		}
		return errFound
	})
	if err == errFound || errors.Is(err, archive.ErrDamaged) {
		err = nil
	}
	return opens, err
}

func (h *header) entry() archive.Entry {
	e := archive.Entry{
		Name: h.name, Size: h.size, Changed: h.changed, Encrypted: h.flags&flagGarbled != 0, Folder: h.kind == typeFolder,
		Method: fmt.Sprintf("method %d", h.method),
	}
	if h.method == 0 {
		e.Method = "stored"
	}
	if e.Folder {
		e.Method, e.Size = "", 0
	}
	return e
}

// content is the decompressed content of a file; nil for what is none.
func (h *header) content(ctx context.Context, r io.ReaderAt, password string) io.Reader {
	garbled := h.flags&flagGarbled != 0
	if h.kind >= typeMain || garbled && password == "" {
		return nil
	}
	packed := archive.Section(ctx, r, h.data, h.packed, "a file")
	if garbled {
		packed = &ungarbler{r: packed, password: password, modifier: h.modifier}
	}
	var content io.Reader
	switch h.method {
	case 0:
		content = packed
	case 1, 2, 3:
		content = lzhuf.NewARJ(packed, h.size)
	case 4:
		content = lzhuf.NewFastest(packed, h.size)
	default:
		return archive.Broken{Err: archive.Damagef(h.data, "compressed by method %d, which is not known", h.method)}
	}
	content = &archive.Content{R: content, Off: h.data, Size: h.size, Sum: crc32.NewIEEE(), Want: binary.BigEndian.AppendUint32(nil, h.crc)}
	if h.flags&flagGoesOn != 0 {
		content = io.MultiReader(content, archive.Broken{Err: archive.Damagef(h.data, "%w", errGoesOn)})
	}
	return content
}

// ungarbler undoes what ARJ does with a password: each byte is changed by the next one of the password and a number from the header.
// Later versions can do better, with GOST 28147-89, which is not read.
type ungarbler struct {
	r        io.Reader
	password string
	modifier byte
	at       int
}

func (u *ungarbler) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	for i := range n {
		p[i] ^= u.modifier + u.password[u.at]
		u.at = (u.at + 1) % len(u.password)
	}
	return n, err
}
