package unbox

import (
	"context"
	"errors"
	"io"
	"strings"

	"lazuli/plugins/unbox/archive"
)

// walker is a parser of an archive format, as package archive describes it.
type walker func(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error

// unpackWith takes archives apart with a parser.
func unpackWith(kind string, walk walker) func(*box) error {
	return func(b *box) error {
		b.kind = kind
		return b.walked(walk(b.ctx, b.content, b.content.Size(), b.visit))
	}
}

// visit lists an entry and takes it out.
func (b *box) visit(e archive.Entry, r io.Reader) error {
	listed := &entry{name: e.Name, changed: e.Changed, method: e.Method, size: e.Size}
	if e.Folder && !strings.HasSuffix(listed.name, "/") {
		listed.name += "/"
	}
	if err := b.list(listed); err != nil {
		return err
	}
	switch {
	case e.Folder || e.Link != "":
		return nil
	case r == nil:
		if e.Encrypted {
			b.locked(listed)
		}
		return nil
	}
	return b.extract(listed, r)
}

// walked sorts out why a parser stopped.
func (b *box) walked(err error) error {
	switch {
	case err == nil, errors.Is(err, errStop):
		return err
	case b.job.Err() != nil:
		return b.job.Err()
	case errors.Is(err, archive.ErrEncrypted):
		b.notes.left("encrypted, and no password fits")
		return nil
	case errors.Is(err, archive.ErrUnsupported):
		b.notes.left(err.Error())
		return nil
	}
	return b.damagedArchive(err)
}
