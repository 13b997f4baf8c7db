// Package pdf takes a PDF apart and tells what an analyst asks of it (ISO 32000-2).
//
// Nothing that a PDF says of itself is believed: cross-references are checked against what lies where they point, lengths against
// the data, and the whole file is searched for objects that are not listed. What is damaged is read as far as it goes. A file is
// never in memory as a whole, and how much is read, decoded and kept is bounded by its size and by fixed limits.
//
// Begin with Walk. Below it document knows where the objects are, source, lexer and parser read them, decode and crypt open their
// streams; sweep looks at all objects and finds what is worth taking out.
package pdf

import (
	"context"
	"io"
	"strings"

	"lazuli/plugins/unbox/archive"
)

// Options for one file.
type Options struct {
	Passwords []string // that are tried after the empty one, the user's and the owner's alike
}

// Kind is what a part is in its document.
type Kind uint8

// Kinds of parts, in the order in which they are visited.
const (
	NoKind       Kind = iota
	EmbeddedFile      // with the name that a file specification gives it, if one does
	Script            // JavaScript mostly
	Form              // an XFA form
	Lead              // what is in front of the header
	Tail              // what is behind the last %%EOF
	Media             // what plays in a page: Flash, 3D, sounds
	Other             // a stream whose use is not known
	Metadata
	Profile // of colours
	Image
	Font
	Content // of pages, patterns and the like
	Index   // object streams and cross-reference streams
)

func (k Kind) String() string {
	return [...]string{
		"nothing", "embedded file", "script", "XFA form", "data in front of the header", "data behind the end", "rich media", "stream",
		"metadata", "colour profile", "image", "font", "page content", "objects",
	}[k]
}

// Routine tells whether a kind is what ordinary documents are full of.
func (k Kind) Routine() bool { return k >= Metadata }

// Part is something in a PDF that can be taken out. Name is that of an embedded file, or of a script of the document; Method are
// the filters of the stream, by their full names.
type Part struct {
	archive.Entry
	Kind    Kind
	Object  ID     // that it is in
	State   State  // of the object
	Trigger string // of a script: what sets it off, as in Action
	Type    string // the MIME type that is stated of an embedded file, or of a script in a form
}

// Visit gets each part, as archive.Visit gets each entry: r is nil for what cannot be decrypted. Images whose filter is a format
// of its own (DCTDecode, JPXDecode, JBIG2Decode, CCITTFaxDecode) are read as that.
type Visit func(p Part, r io.Reader) error

// Walk visits everything that can be taken out of a PDF, what analysts look for first, and reports on it. The report is there
// unless the error is archive.ErrNotThis, of ctx or of r. Text is UTF-8 as it was decoded: it may hold any character.
//
// The error is archive.ErrEncrypted if no password opens the file, and wraps archive.ErrDamaged if its cross-references or its
// catalog are missing.
func Walk(ctx context.Context, r io.ReaderAt, size int64, opts Options, visit Visit) (*Report, error) {
	return walk(ctx, r, size, opts, defaultLimits, visit)
}

func walk(ctx context.Context, r io.ReaderAt, size int64, opts Options, l limits, visit Visit) (*Report, error) {
	d, err := openDocument(ctx, r, size, opts.Passwords, &l)
	if err != nil {
		return nil, err
	}
	s := newSweep(d)
	d.begin("look at the objects", l.parse)
	rooted := d.dict(d.trailer.Get("Root")) != nil
	s.run()
	report := s.report()
	if err := d.failed(); err != nil {
		return nil, err
	}
	d.begin("take out what is in it", l.extract)
	err = s.visitAll(visit)
	report.Limits = d.notes.list
	switch failed := d.failed(); {
	case failed != nil:
		return nil, failed
	case err != nil:
		return report, err
	case d.crypt.locked():
		return report, archive.ErrEncrypted
	case d.rebuilt:
		return report, damaged("it has no cross-references that lead anywhere")
	case !rooted:
		return report, damaged("it has no catalog")
	}
	return report, nil
}

// methodOf writes filters into an entry's method.
func methodOf(filters []Name) string {
	const most = 16 // there are not that many
	var list []string
	for _, f := range filters[:min(len(filters), most)] {
		list = append(list, cut(f.text(), 64))
	}
	return strings.Join(list, " ")
}
