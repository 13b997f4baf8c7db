// Package upx unpacks programs that UPX packed: ELF for Linux and PE for Windows, packed by NRV2B, NRV2D, NRV2E, LZMA or deflate. All
// others it recognises: Detect tells what they say of themselves.
//
// How UPX packs is known through its sources, by Markus Oberhumer, László Molnár and John Reiser; what is here was written anew. Of what
// UPX moves in a PE, imports, exports, relocations and resources are put back. Begin at Detect and Walk.
package upx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

// ErrUnsupported is wrapped with the format and the method that are recognised and not unpacked.
var ErrUnsupported = errors.New("cannot be unpacked")

// Walk visits the program that is packed in another. It has no name. ErrUnsupported: it is packed in a way that is not known here.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	info, err := Detect(r, size)
	if err != nil {
		return err
	}
	var program []byte
	u := &unpacker{ctx: ctx, r: r, size: size, info: info}
	switch info.Format {
	case "win32/pe", "win64/pe":
		program, err = u.pe()
	case "linux/elf386", "linux/elf64", "linux/armel", "linux/mipsel", "linux/arm64", "linux/ppc64le", "linux/ppc32", "linux/armeb", "linux/mips", "linux/ppc64", "bsd/elf386":
		program, err = u.elf()
	case "linux/i386", "linux/sh386", "bsd/i386":
		program, err = u.blocks()
	default:
		err = ErrUnsupported
	}
	var damage archive.Damage
	switch {
	case errors.Is(err, ErrUnsupported):
		return fmt.Errorf("%s, UPX %s, method %s: %w", info.Format, known(info.Version), known(info.Method), err)
	case errors.As(err, &damage):
		err = archive.Damagef(u.at, "%w", err)
	case err != nil && !errors.Is(err, archive.ErrDamaged):
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	e := archive.Entry{Size: int64(len(program)), Method: info.Method}
	if len(program) == 0 {
		return err
	}
	var content io.Reader = bytes.NewReader(program)
	if err != nil {
		content = io.MultiReader(content, archive.Broken{Err: err})
	}
	return visit(e, content)
}

func known(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

// unpacker unpacks one program.
type unpacker struct {
	ctx  context.Context
	r    io.ReaderAt
	size int64 // of the packed program
	info *Info
	at   int64 // where in the file it is
}

// most is how many bytes may come out: packed programs grow ten times, not ten thousand times.
func (u *unpacker) most() int64 { return min(mostUnpacked, 64<<20+64*u.size) }

// read reads n bytes at off.
func (u *unpacker) read(off, n int64, what string) ([]byte, error) {
	if err := u.ctx.Err(); err != nil {
		return nil, err
	}
	if n < 0 || off < 0 || off > u.size || n > u.size-off {
		return nil, archive.Damagef(max(0, off), "%s is cut short", what)
	}
	p := make([]byte, n)
	return p, archive.ReadAt(u.r, p, off, what)
}
