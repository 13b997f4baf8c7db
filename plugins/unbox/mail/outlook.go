package mail

import (
	"context"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/cfb"
)

// Names of storages and streams (MS-OXMSG 2.1 and 2.2): a property's id and type follow the prefix of a stream.
const (
	attachment = "__attach_version1.0_"
	property   = "__substg1.0_"
	properties = "__properties_version1.0"

	idBody      = "1000"
	idHTML      = "1013"
	idData      = "3701"
	idShortName = "3704"
	idLongName  = "3707"

	typeUnicode = "001F"
	typeString  = "001E"
	typeBinary  = "0102"

	mostText = 64 << 10 // bytes of a property that is a name
)

// WalkOutlook visits the text of a message and what is attached, also to messages in it.
func WalkOutlook(ctx context.Context, r io.ReaderAt, size int64, visit Visit) error {
	f, err := cfb.Open(ctx, r, size)
	if err != nil {
		return err
	}
	o := &outlook{ctx: ctx, f: f}
	if !o.has(properties) {
		return archive.ErrNotThis
	}
	for _, e := range f.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.Storage || !strings.HasPrefix(e.Name, property) {
			continue
		}
		if err := o.entry(e, visit); err != nil {
			return err
		}
	}
	return f.Damage
}

type outlook struct {
	ctx context.Context
	f   *cfb.File
}

func (o *outlook) has(name string) bool {
	for _, e := range o.f.Entries {
		if e.Name == name {
			return true
		}
	}
	return false
}

// entry visits a property that is a text or the content of an attachment.
func (o *outlook) entry(e *cfb.Entry, visit Visit) error {
	id, kind := strings.ToUpper(strings.TrimPrefix(e.Name, property)), ""
	if len(id) == 8 {
		id, kind = id[:4], id[4:]
	}
	storage := strings.Join(e.Path, "/")
	last := storage[strings.LastIndex(storage, "/")+1:]
	attached := strings.HasPrefix(last, attachment)
	p := Part{Entry: archive.Entry{Size: e.Size}}
	var content io.Reader = o.f.Open(o.ctx, e)
	switch {
	case attached && id == idData && kind == typeBinary:
		p.Name = o.name(storage)
	case !attached && (id == idBody || id == idHTML):
		p.Body, p.Type = true, "text/plain"
		if id == idHTML {
			p.Type = "text/html"
		}
		if kind == typeUnicode {
			content, p.Size = &unicodeText{r: content}, 0
		}
	default:
		return nil
	}
	return visit(p, content)
}

// name is that of the attachment in a storage.
func (o *outlook) name(storage string) string {
	for _, wanted := range []string{idLongName + typeUnicode, idLongName + typeString, idShortName + typeUnicode, idShortName + typeString} {
		for _, e := range o.f.Entries {
			if !strings.EqualFold(e.Name, property+wanted) || strings.Join(e.Path, "/") != storage {
				continue
			}
			raw, err := io.ReadAll(io.LimitReader(o.f.Open(o.ctx, e), mostText))
			if err != nil || len(raw) == 0 {
				continue
			}
			if strings.HasSuffix(wanted, typeUnicode) {
				return strings.TrimRight(utf16Text(raw), "\x00")
			}
			return strings.TrimRight(string(raw), "\x00")
		}
	}
	return ""
}

func utf16Text(raw []byte) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}

// unicodeText reads UTF-16 as UTF-8.
type unicodeText struct {
	r    io.Reader
	rest []byte
	err  error
}

func (u *unicodeText) Read(p []byte) (int, error) {
	if len(u.rest) == 0 && u.err == nil {
		var raw [4 << 10]byte
		n, err := io.ReadFull(u.r, raw[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		u.rest, u.err = []byte(utf16Text(raw[:n])), err
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	if n > 0 {
		return n, nil
	}
	return 0, u.err
}
