package installer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzma"
)

const (
	nsisHeader     = 28 // flags, four words that are always the same, sizes of the script and of all
	packedBit      = 1 << 31
	lzmaHeader     = lzma.PropsBytes
	mostDictionary = 256 << 20 // bytes, of LZMA
	mostScript     = 64 << 20  // bytes, unpacked
	scriptRatio    = 2000      // bytes of the script for each byte of the installer, at most

	methodStored  = "stored"
	methodDeflate = "deflate"
	methodBzip2   = "bzip2"
	methodLZMA    = "LZMA"
)

// nsis is the data of an installer.
type nsis struct {
	ctx    context.Context
	r      io.ReaderAt
	at     int64 // of what is behind the header
	end    int64 // of the data
	script int64 // bytes of the script, unpacked
	method string
	solid  bool
	filter bool // of x86 code, in front of LZMA
}

func openNSIS(ctx context.Context, r io.ReaderAt, off, size int64) (*nsis, error) {
	var p [nsisHeader]byte
	if err := archive.ReadAt(r, p[:], off, "the header of NSIS"); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	n := &nsis{ctx: ctx, r: r, at: off + nsisHeader, end: min(size, off+int64(le.Uint32(p[24:]))), script: int64(le.Uint32(p[20:]))}
	if n.end <= n.at {
		n.end = size
	}
	begin := make([]byte, max(0, min(16, size-n.at)))
	if err := archive.ReadAt(r, begin, n.at, "the data of NSIS"); err != nil {
		return nil, err
	}
	begin = append(begin, make([]byte, 16-len(begin))...)
	n.recognise(begin)
	return n, nil
}

// recognise tells how an installer is compressed, which it does not say itself.
func (n *nsis) recognise(p []byte) {
	word := binary.LittleEndian.Uint32(p)
	switch {
	case int64(word) == n.script:
		n.method = methodStored
	case n.isLZMA(p):
		n.method, n.solid = methodLZMA, true
	case word&packedBit != 0 && n.isLZMA(p[4:]):
		n.method = methodLZMA
	case word>>24 == 0x80 && isBzip2(p[4:]):
		n.method = methodBzip2
	case word>>24 == 0x80:
		n.method = methodDeflate
	case isBzip2(p):
		n.method, n.solid = methodBzip2, true
	default:
		n.method, n.solid = methodDeflate, true
	}
}

func (n *nsis) isLZMA(p []byte) bool {
	is := func(p []byte) bool { return p[0] == 0x5d && p[1] == 0 && p[2] == 0 && p[5] == 0 && p[6]&0x80 == 0 }
	if p[0] <= 1 && is(p[1:]) {
		n.filter = true
		return true
	}
	return is(p)
}

func isBzip2(p []byte) bool { return p[0] == bzip2Begins && p[1] < 14 }

// unpack decompresses what r has.
func (n *nsis) unpack(r io.Reader) (io.Reader, error) {
	switch n.method {
	case methodDeflate:
		return newInflate(r), nil
	case methodBzip2:
		return newBunzip(r), nil
	}
	var p [lzmaHeader + 1]byte
	head := p[:lzmaHeader]
	if n.filter {
		head = p[:]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = archive.Damage("LZMA: the data is cut short")
		}
		return nil, err
	}
	if n.filter {
		if head[0] != 0 {
			return nil, archive.Damage("LZMA with a filter for x86 code")
		}
		head = head[1:]
	}
	stream, err := lzma.NewReader(bufio.NewReader(r), head, lzma.Unknown, mostDictionary)
	if err != nil {
		return nil, lzmaError(err)
	}
	return lzmaReader{stream}, nil
}

// lzmaReader tells damage for what it is.
type lzmaReader struct{ r io.Reader }

func (l lzmaReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	return n, lzmaError(err)
}

func lzmaError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return archive.Damage("LZMA: the data is cut short")
	case errors.Is(err, archive.ErrDamaged), errors.Is(err, lzma.ErrDictionary):
		return archive.Damage(err.Error())
	}
	return err
}

// solidStream is all of a solid installer, unpacked. It goes forward only.
type solidStream struct {
	r  io.Reader
	at int64 // behind the size of the script
}

func (n *nsis) openSolid() (*solidStream, error) {
	r, err := n.unpack(archive.Section(n.ctx, n.r, n.at, n.end-n.at, "the data of NSIS"))
	return &solidStream{r: r, at: -4}, err
}

// skip goes on to an offset.
func (s *solidStream) skip(to int64) error {
	skipped, err := io.CopyN(io.Discard, s.r, to-s.at)
	s.at += skipped
	if err == io.EOF {
		err = archive.Damage("the data ends before its files do")
	}
	return err
}

func (s *solidStream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.at += int64(n)
	return n, err
}

func (s *solidStream) word() (uint32, error) {
	var p [4]byte
	_, err := io.ReadFull(s, p[:])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = archive.Damage("the data ends before its files do")
	}
	return binary.LittleEndian.Uint32(p[:]), err
}

// walk lists the texts of the script, and the files.
func (n *nsis) walk(visit archive.Visit) error {
	f := &files{n: n}
	script, err := f.open()
	var damage archive.Damage
	switch {
	case errors.As(err, &damage):
		return archive.Damagef(n.at, "the script: %w", err)
	case err != nil:
		return err
	}
	s, err := parseScript(script)
	if err != nil {
		return archive.Damagef(n.at, "the script: %w", err)
	}
	texts := s.texts()
	if err := visit(archive.Entry{Name: "[NSIS]/strings.txt", Size: int64(len(texts))}, bytes.NewReader(texts)); err != nil {
		return err
	}
	list, err := s.files(n.ctx)
	if errors.As(err, &damage) {
		err = archive.Damagef(n.at, "the script: %w", err)
	} else if err != nil {
		return err
	}
	for _, file := range list {
		if err := n.ctx.Err(); err != nil {
			return err
		}
		e := archive.Entry{Name: file.name, Changed: file.changed, Method: n.method}
		r, size, method, failed := f.content(file)
		switch {
		case errors.Is(failed, archive.ErrDamaged):
			r = archive.Broken{Err: archive.Damagef(n.at, "%w", failed)}
		case failed != nil:
			return failed
		}
		if method != "" {
			e.Method = method
		}
		e.Size = size
		if err := visit(e, r); err != nil {
			return err
		}
	}
	return err
}

// mostRestarts is how often a solid installer is unpacked from its beginning, because one file is there under several names.
const mostRestarts = 8

// files gives the content of files.
type files struct {
	n        *nsis
	base     int64 // where offsets of files count from: in the installer, or in what it is unpacked to
	solid    *solidStream
	restarts int
}

// open reads the script, which comes first.
func (f *files) open() ([]byte, error) {
	n := f.n
	if n.script > min(mostScript, scriptRatio*n.end) {
		return nil, archive.Damage(fmt.Sprintf("%d bytes", n.script))
	}
	var r io.Reader
	if n.solid {
		var err error
		if f.solid, err = n.openSolid(); err != nil {
			return nil, err
		}
		size, err := f.solid.word()
		if err != nil {
			return nil, err
		}
		r, f.base = io.LimitReader(f.solid, int64(size)), int64(size)
	} else {
		var head [4]byte
		if err := archive.ReadAt(n.r, head[:], n.at, "the script"); err != nil {
			return nil, err
		}
		size := int64(binary.LittleEndian.Uint32(head[:]) &^ packedBit)
		r, f.base = archive.Section(n.ctx, n.r, n.at+4, size, "the script"), n.at+4+size
		if binary.LittleEndian.Uint32(head[:])&packedBit != 0 {
			var err error
			if r, err = n.unpack(r); err != nil {
				return nil, err
			}
		}
	}
	script, err := io.ReadAll(io.LimitReader(r, n.script))
	if err == nil && int64(len(script)) < n.script {
		err = archive.Damage(fmt.Sprintf("%d bytes of %d", len(script), n.script))
	}
	return script, err
}

// content is the content of a file, and its size, 0 if that is not known.
func (f *files) content(file stored) (r io.Reader, size int64, method string, err error) {
	n := f.n
	if !n.solid {
		var head [4]byte
		off := f.base + file.offset
		if err := archive.ReadAt(n.r, head[:], off, "a file"); err != nil {
			return nil, 0, "", err
		}
		word := binary.LittleEndian.Uint32(head[:])
		size := int64(word &^ packedBit)
		packed := archive.Section(n.ctx, n.r, off+4, size, "a file")
		if word&packedBit == 0 {
			return packed, size, methodStored, nil
		}
		unpacked, err := n.unpack(packed)
		if err != nil {
			return nil, 0, "", err
		}
		return &ending{r: unpacked, off: off}, 0, "", nil
	}
	if f.solid.at > f.base+file.offset {
		if f.restarts++; f.restarts > mostRestarts {
			return nil, 0, "", archive.Damage("files are stored over one another")
		}
		if f.solid, err = n.openSolid(); err != nil {
			return nil, 0, "", err
		}
	}
	if err := f.solid.skip(f.base + file.offset); err != nil {
		return nil, 0, "", err
	}
	word, err := f.solid.word()
	if err != nil {
		return nil, 0, "", err
	}
	size = int64(word)
	return &archive.Content{R: f.solid, Off: n.at, Size: size}, size, "", nil
}

// ending reads up to the end of a stream, and says where damage is.
type ending struct {
	r   io.Reader
	off int64
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	var damage archive.Damage
	if errors.As(err, &damage) {
		err = archive.Damagef(e.off, "%w", err)
	}
	return n, err
}
