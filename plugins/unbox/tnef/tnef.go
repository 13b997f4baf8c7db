// Package tnef reads the attachments that Outlook makes of messages, "winmail.dat" (MS-OXTNEF): attached files, messages in the message,
// and its text. Begin at Walk.
package tnef

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"golang.org/x/text/encoding"

	"lazuli/plugins/unbox/archive"
)

const (
	signature     = 0x223e9f78
	headSize      = 6
	attributeSize = 9 // without data and checksum
	sumSize       = 2

	levelMessage    = 1
	levelAttachment = 2
)

// Attributes: MS-OXTNEF 2.1.3.1. The upper half is a type.
const (
	attBegin       = 0x00069002 // of an attachment
	attData        = 0x0006800f
	attTitle       = 0x00018010
	attPicture     = 0x00068011
	attChanged     = 0x00038013
	attTransport   = 0x00069001
	attProperties  = 0x00069005 // of an attachment
	attMessage     = 0x00069003 // properties of the message
	attBody        = 0x0002800c
	attCodePage    = 0x00069007
	mostAttributes = 1 << 20
)

// Walk visits the text of a message and then its attachments in their order.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	p, err := archive.Begin(r, headSize)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(p) != signature {
		return fmt.Errorf("%w: no TNEF", archive.ErrNotThis)
	}
	w := &walk{ctx: ctx, r: r, visit: visit, page: archive.CodePage(0)}
	off := int64(headSize)
	for off < size {
		if err := ctx.Err(); err != nil {
			return err
		}
		a, err := w.attribute(off, size)
		if err != nil {
			if errors.Is(err, archive.ErrDamaged) {
				w.note(err)
				break
			}
			return err
		}
		if err := w.take(a); err != nil {
			return err
		}
		off = a.data + a.size + sumSize
	}
	if err := w.flush(); err != nil {
		return err
	}
	return w.damage
}

// attribute is one piece of a message or of an attachment.
type attribute struct {
	level      byte
	id         uint32
	data, size int64
}

func (w *walk) attribute(off, size int64) (attribute, error) {
	var p [attributeSize]byte
	if err := archive.ReadAt(w.r, p[:], off, "an attribute"); err != nil {
		return attribute{}, err
	}
	le := binary.LittleEndian
	a := attribute{p[0], le.Uint32(p[1:]), off + attributeSize, int64(le.Uint32(p[5:]))}
	if a.level != levelMessage && a.level != levelAttachment {
		return a, archive.Damagef(off, "an attribute of level %d", a.level)
	}
	if rest := size - a.data; a.size > rest-sumSize {
		if a.id != attData || rest <= 0 {
			return a, archive.Damagef(off, "an attribute of %d bytes where %d are left", a.size, max(0, rest))
		}
		// The content of an attachment that is cut short: what reads it will tell.
	}
	return a, nil
}

// attachment is what is known of one so far.
type attachment struct {
	title, transport, filename, long, display string
	changed                                   time.Time
	content                                   *attribute
	embedded                                  bool // a message, or an object of OLE
	value                                     *part
	picture                                   *attribute
}

// part is a value in the properties.
type part struct{ off, size int64 }

// walk is a walk through one message.
type walk struct {
	ctx     context.Context
	r       io.ReaderAt
	visit   archive.Visit
	page    encoding.Encoding
	current *attachment
	damage  error
}

// note keeps the first damage for the end of the walk.
func (w *walk) note(err error) {
	if w.damage == nil {
		w.damage = err
	}
}

// bytes reads an attribute whole.
func (w *walk) bytes(a attribute) ([]byte, error) {
	p := make([]byte, a.size)
	return p, archive.ReadAt(w.r, p, a.data, "an attribute")
}

// take takes an attribute in. The end of an attachment is where the next one begins.
func (w *walk) take(a attribute) error {
	if a.level == levelAttachment && a.id == attBegin {
		if err := w.flush(); err != nil {
			return err
		}
		w.current = &attachment{}
		return nil
	}
	if w.current == nil && a.level == levelAttachment {
		w.current = &attachment{}
	}
	switch a.id {
	case attData:
		w.current.content = &a
		return nil
	case attPicture:
		w.current.picture = &a
		return nil
	case attBody:
		return w.visit(archive.Entry{Name: "body.txt", Size: a.size}, w.content(a))
	case attTitle, attTransport, attChanged, attProperties, attMessage, attCodePage:
	default:
		return nil
	}
	p, err := w.bytes(a)
	if err != nil {
		return err
	}
	if err := w.compare(a, p); err != nil {
		return err
	}
	return w.takeSmall(a, p)
}

func (w *walk) takeSmall(a attribute, p []byte) error {
	switch {
	case a.id == attCodePage && len(p) >= 4:
		w.page = archive.CodePage(binary.LittleEndian.Uint32(p))
	case a.id == attMessage:
		return w.message(a, p)
	case w.current == nil:
	case a.id == attTitle:
		w.current.title = upToZero(archive.Text(p, w.page))
	case a.id == attTransport:
		w.current.transport = upToZero(archive.Text(p, w.page))
	case a.id == attChanged:
		w.current.changed = date(p)
	case a.id == attProperties:
		w.attached(a, p)
	}
	return nil
}

func upToZero(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// date is year, month, day, hour, minute, second and day of the week, two bytes each.
func date(p []byte) time.Time {
	if len(p) < 12 {
		return time.Time{}
	}
	var n [6]int
	for i := range n {
		n[i] = int(binary.LittleEndian.Uint16(p[2*i:]))
	}
	if n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 {
		return time.Time{}
	}
	return time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
}

// compare notes a checksum that differs.
func (w *walk) compare(a attribute, p []byte) error {
	var want [sumSize]byte
	if err := archive.ReadAt(w.r, want[:], a.data+a.size, "a checksum"); err != nil {
		return err
	}
	var sum sum16
	sum.Write(p)
	if !bytes.Equal(sum.Sum(nil), want[:]) {
		w.note(archive.Damagef(a.data, "the checksum of an attribute differs"))
	}
	return nil
}

// content reads an attribute, whose checksum is compared at its end.
func (w *walk) content(a attribute) io.Reader {
	c := &archive.Content{R: archive.Section(w.ctx, w.r, a.data, a.size, "an attribute"), Off: a.data, Size: a.size}
	want := make([]byte, sumSize)
	if archive.ReadAt(w.r, want, a.data+a.size, "a checksum") == nil {
		c.Sum, c.Want = &sum16{}, want
	}
	return c
}

// attached takes properties of an attachment.
func (w *walk) attached(a attribute, p []byte) {
	list, ok := parseProperties(p)
	if !ok {
		w.note(archive.Damagef(a.data, "properties of an attachment are damaged"))
	}
	for _, prop := range list {
		switch {
		case prop.id == propContent && (prop.kind == typeBinary || prop.kind == typeObject):
			value := part{a.data + int64(prop.at), int64(len(prop.value))}
			if prop.kind == typeObject && value.size >= 16 { // the interface by which it is to be opened
				value = part{value.off + 16, value.size - 16}
				w.current.embedded = true
			}
			w.current.value = &value
		case prop.kind != typeString8 && prop.kind != typeUnicode:
		case prop.id == propLongFilename:
			w.current.long = prop.text(w.page)
		case prop.id == propFilename:
			w.current.filename = prop.text(w.page)
		case prop.id == propDisplayName:
			w.current.display = prop.text(w.page)
		}
	}
}

// message lists the texts of a message.
func (w *walk) message(a attribute, p []byte) error {
	list, ok := parseProperties(p)
	if !ok {
		w.note(archive.Damagef(a.data, "properties of the message are damaged"))
	}
	for _, prop := range list {
		e := archive.Entry{Size: int64(len(prop.value))}
		var r io.Reader = bytes.NewReader(prop.value)
		switch {
		case prop.id == propBody && prop.kind == typeString8:
			e.Name = "body.txt"
		case prop.id == propBody && prop.kind == typeUnicode:
			text := prop.text(w.page)
			e.Name, e.Size, r = "body.txt", int64(len(text)), strings.NewReader(text)
		case prop.id == propHTML && (prop.kind == typeBinary || prop.kind == typeString8):
			e.Name = "body.html"
		case prop.id == propRTF && prop.kind == typeBinary:
			e.Name, e.Method = "body.rtf", "compressed RTF"
			inner, size, err := RTF(prop.value)
			if err != nil {
				r = archive.Broken{Err: archive.Damagef(a.data+int64(prop.at), "%w", err)}
				break
			}
			e.Size, r = size, &archive.Content{R: inner, Off: a.data + int64(prop.at), Size: size}
		default:
			continue
		}
		if err := w.visit(e, r); err != nil {
			return err
		}
	}
	return nil
}

// flush lists the attachment that was read.
func (w *walk) flush() error {
	a := w.current
	w.current = nil
	if a == nil {
		return nil
	}
	e := archive.Entry{Changed: a.changed}
	for _, name := range []string{a.long, a.filename, a.transport, a.title, a.display} {
		if e.Name = name; name != "" {
			break
		}
	}
	if a.embedded && a.content == nil && a.long == "" && a.display != "" {
		e.Name = a.display
	}
	switch {
	case a.content != nil:
		e.Size = a.content.size
		return w.visit(e, w.content(*a.content))
	case a.value != nil:
		e.Size = a.value.size
		return w.visit(e, archive.Section(w.ctx, w.r, a.value.off, a.value.size, "an attachment"))
	case a.picture != nil:
		e.Size = a.picture.size
		return w.visit(e, w.content(*a.picture))
	}
	return w.visit(e, nil)
}

// sum16 is the sum of all bytes.
type sum16 struct{ sum uint16 }

var _ hash.Hash = &sum16{}

func (s *sum16) Write(p []byte) (int, error) {
	for _, b := range p {
		s.sum += uint16(b)
	}
	return len(p), nil
}

func (s *sum16) Sum(p []byte) []byte { return append(p, byte(s.sum), byte(s.sum>>8)) }
func (s *sum16) Reset()              { s.sum = 0 }
func (s *sum16) Size() int           { return sumSize }
func (s *sum16) BlockSize() int      { return 1 }
