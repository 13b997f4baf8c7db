package unbox

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kindArchive is the box_type of tar and gzip.
const kindArchive = "archive"

// tarBlock is the unit of tars (POSIX.1-2001, pax: ustar interchange format).
const tarBlock = 512

// tar takes a tar apart. Seeking in the content makes skipped entries cheap.
func (b *box) tar() error { return b.tarFrom(b.content) }

// tarFrom takes a tar apart that begins at r. Folders, links and devices are listed, never followed or made.
func (b *box) tarFrom(r io.Reader) error {
	b.kind = kindArchive
	names := tarNames{utf8: true}
	err := b.walkTar(tar.NewReader(r), &names)
	if names.foreign && names.utf8 && b.job.Err() == nil {
		return errors.Join(err, b.job.Feature("archive_encoding", "utf-8"))
	}
	return err
}

func (b *box) walkTar(t *tar.Reader, names *tarNames) error {
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return b.damagedArchive(err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue // settings for the entries behind it
		}
		names.see(h.Name)
		e := &entry{name: h.Name, changed: h.ModTime, size: h.Size}
		if h.Typeflag == tar.TypeDir && !strings.HasSuffix(e.name, "/") {
			e.name += "/"
		}
		if err := b.list(e); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir, tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
			continue
		}
		// Any other type is to be taken as a file (POSIX.1-2001, typeflag).
		if err := b.extract(e, t); err != nil {
			return err
		}
	}
}

// tarNames is what the names of a tar have in common.
type tarNames struct {
	foreign bool // some are not plain ASCII
	utf8    bool // all are UTF-8
}

func (n *tarNames) see(name string) {
	n.foreign = n.foreign || !isASCII(name)
	n.utf8 = n.utf8 && utf8.ValidString(name)
}

// isTar tells whether a tar begins at r: the checksum of its first header is right. Magic would miss the older forms.
func isTar(r *bufio.Reader) bool {
	block, err := r.Peek(tarBlock)
	if err != nil || block[0] == 0 {
		return false
	}
	const from, to = 148, 156 // where the checksum stands; it counts as blanks
	want, err := strconv.ParseUint(strings.Trim(string(block[from:to]), " \x00"), 8, 32)
	if err != nil {
		return false
	}
	unsigned, signed := int64(8*' '), int64(8*' ') // some old programs took bytes as signed
	for i, c := range block {
		if i < from || i >= to {
			unsigned += int64(c)
			signed += int64(int8(c))
		}
	}
	return unsigned == int64(want) || signed == int64(want)
}
