package unbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"lazuli/plugins/unbox/ar"
	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/cpio"
)

// cpio takes a cpio apart.
func (b *box) cpio() error {
	return b.cpioFrom(bufio.NewReaderSize(b.content, 64<<10))
}

// cpioFrom takes a cpio apart that begins at r.
func (b *box) cpioFrom(r *bufio.Reader) error {
	b.kind = "cpio"
	return b.walked(cpio.Walk(b.ctx, r, b.visit))
}

// deb takes a package of Debian apart (deb(5)). Its two tars are taken apart in the same step; what controls the package is put below DEBIAN/, as
// dpkg-deb does.
func (b *box) deb() error {
	b.kind = "deb"
	return b.walked(ar.Walk(b.ctx, b.content, b.content.Size(), func(e archive.Entry, r io.Reader) error {
		prefix := ""
		switch {
		case strings.HasPrefix(e.Name, "control.tar"):
			prefix = "DEBIAN/"
		case !strings.HasPrefix(e.Name, "data.tar"):
			return b.visit(e, r)
		}
		return b.debTar(e, prefix, bufio.NewReaderSize(r, 64<<10))
	}))
}

// debTar takes one of a package's tars apart.
func (b *box) debTar(e archive.Entry, prefix string, r *bufio.Reader) error {
	layers, inner, err := b.unpackLayers(&entry{name: e.Name}, nextCompression(r), r)
	if err != nil {
		return b.damagedArchive(err)
	}
	if !isTar(inner) {
		return b.visit(e, inner)
	}
	b.prefix = prefix
	err = b.tarFrom(inner)
	b.prefix, b.kind = "", "deb"
	if err == nil {
		err = b.drain(inner)
	}
	return b.toldExtra(layers, err)
}

const (
	rpmLeadBytes  = 96
	rpmIndexBytes = 16 // for each tag of a header
	rpmMostHeader = 256 << 20
)

var errNoRPM = errors.New("this is no RPM package")

// rpm takes an RPM package apart ("RPM V4 Package format"): a lead, a signature and a header, then a compressed cpio.
func (b *box) rpm() error {
	b.kind = "rpm"
	at := int64(rpmLeadBytes)
	for range 2 {
		at = (at + 7) &^ 7 // the header behind the signature is aligned; the lead's end is anyway
		var h [rpmIndexBytes]byte
		if err := readFull(b.content, h[:], at); err != nil {
			return b.damagedArchive(err)
		}
		tags, data := int64(binary.BigEndian.Uint32(h[8:])), int64(binary.BigEndian.Uint32(h[12:]))
		if string(h[:3]) != "\x8e\xad\xe8" || tags*rpmIndexBytes > rpmMostHeader || data > rpmMostHeader {
			return b.damagedArchive(errNoRPM)
		}
		at += rpmIndexBytes + tags*rpmIndexBytes + data
	}
	if _, err := b.content.Seek(at, io.SeekStart); err != nil {
		return err
	}
	raw := bufio.NewReaderSize(b.content, 64<<10)
	layers, inner, err := b.unpackLayers(&entry{name: "payload"}, nextCompression(raw), raw)
	if err != nil {
		return b.damagedArchive(err)
	}
	err = b.toldExtra(layers, b.uncompressed(&entry{name: "payload"}, inner))
	b.kind = "rpm"
	return err
}
