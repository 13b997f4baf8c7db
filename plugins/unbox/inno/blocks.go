package inno

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"golang.org/x/crypto/chacha20"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzma"
)

const (
	chunkOfBlock = 4 << 10  // bytes of a block that have one checksum, at most
	dictionary   = 64 << 20 // bytes, of a block's compression
	mostInBlock  = 64 << 20 // bytes, unpacked
)

// blockHead reads what a block begins with: a checksum, the size, and whether it is compressed. data is where that lies.
func blockHead(r io.ReaderAt, off int64, v version) (data, size int64, compressed bool, err error) {
	var p [4 + 8 + 1]byte
	head := p[:4+4+1]
	if v.from(6, 7) {
		head = p[:]
	}
	if err := archive.ReadAt(r, head, off, "the header"); err != nil {
		return 0, 0, false, err
	}
	if binary.LittleEndian.Uint32(head) != crc32.ChecksumIEEE(head[4:]) {
		return 0, 0, false, archive.Damagef(off, "the checksum of a header's size differs")
	}
	size = int64(binary.LittleEndian.Uint32(head[4:]))
	if v.from(6, 7) {
		size = int64(binary.LittleEndian.Uint64(head[4:]))
	}
	if size < 0 || size > 1<<40 {
		return 0, 0, false, archive.Damagef(off, "the header has %d bytes", size)
	}
	return off + int64(len(head)), size, head[len(head)-1] != 0, nil
}

// openBlock opens one of the two blocks of the header, and tells where the next one begins. They are chunks behind their checksums
// ("TCompressedBlockReader"). cipher, unless nil, decrypts what is in the chunks.
func openBlock(ctx context.Context, r io.ReaderAt, off int64, v version, cipher *chacha20.Cipher) (block *fields, next int64, err error) {
	data, size, compressed, err := blockHead(r, off, v)
	if err != nil {
		return nil, 0, err
	}
	src := &source{r: &chunks{r: archive.Section(ctx, r, data, size, "the header"), left: size, cipher: cipher}}
	in := bufio.NewReader(src)
	block = &fields{r: in, src: src, off: off, left: mostInBlock}
	if compressed {
		unpacked, err := openLZMA(in, dictionary)
		if err != nil {
			return nil, data + size, src.wrong(off, err)
		}
		block.r = bufio.NewReader(unpacked)
	}
	return block, data + size, nil
}

// openLZMA reads the properties of LZMA, and then what there is until all that is wanted was read, or a mark.
func openLZMA(in *bufio.Reader, dictionary int64) (io.Reader, error) {
	var props [lzma.PropsBytes]byte
	if _, err := io.ReadFull(in, props[:]); err != nil {
		return nil, err
	}
	return lzma.NewReader(in, props[:], lzma.Unknown, dictionary)
}

// chunks reads the chunks of a block.
type chunks struct {
	r      io.Reader
	left   int64
	cipher *chacha20.Cipher
	buf    [4 + chunkOfBlock]byte
	p      []byte // that is still to be given
	err    error
}

func (c *chunks) Read(p []byte) (int, error) {
	for len(c.p) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.err = c.next()
	}
	n := copy(p, c.p)
	c.p = c.p[n:]
	return n, nil
}

func (c *chunks) next() error {
	if c.left == 0 {
		return io.EOF
	}
	buf := c.buf[:min(c.left, int64(len(c.buf)))]
	if len(buf) <= 4 {
		return archive.Damage("the header is cut short")
	}
	if _, err := io.ReadFull(c.r, buf); err != nil {
		return err
	}
	c.left -= int64(len(buf))
	if binary.LittleEndian.Uint32(buf) != crc32.ChecksumIEEE(buf[4:]) {
		return archive.Damage("a checksum of the header differs")
	}
	c.p = buf[4:]
	if c.cipher != nil {
		c.cipher.XORKeyStream(c.p, c.p)
	}
	return nil
}

// source remembers why it could not be read: decompressors make errors of their own of that.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF && s.err == nil {
		s.err = err
	}
	return n, err
}

// wrong is what an error of reading what is unpacked from s means, which began at a place.
func (s *source) wrong(off int64, err error) error {
	switch {
	case s.err != nil && !isDamage(s.err):
		return s.err
	case s.err != nil:
		err = s.err
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		err = errShort
	}
	return archive.Damagef(off, "%w", err)
}

const errShort = archive.Damage("the data is cut short")

func isDamage(err error) bool { return errors.Is(err, archive.ErrDamaged) }

// fields reads what a block unpacks to. After the first error it gives nothing more.
type fields struct {
	r    *bufio.Reader
	src  *source
	off  int64 // of the block, for errors
	left int64 // bytes that may still come
	err  error

	small [4]byte
}

func (f *fields) fail(err error) {
	if f.err == nil {
		f.err = f.src.wrong(f.off, err)
	}
}

// take tells whether n more bytes may come.
func (f *fields) take(n int64) bool {
	if f.err != nil {
		return false
	}
	if f.left -= n; f.left < 0 {
		f.fail(archive.Damage("it unpacks to more than a header may have"))
		return false
	}
	return true
}

// bytes reads n bytes, which are few. They are zeros after an error.
func (f *fields) bytes(n int) []byte {
	p := make([]byte, n)
	if f.take(int64(n)) {
		if _, err := io.ReadFull(f.r, p); err != nil {
			f.fail(err)
			clear(p)
		}
	}
	return p
}

func (f *fields) skip(n int64) {
	if f.take(n) {
		if m, err := io.CopyN(io.Discard, f.r, n); m < n {
			f.fail(err)
		}
	}
}

func (f *fields) number() uint32 {
	p := f.small[:]
	clear(p)
	if f.take(int64(len(p))) {
		if _, err := io.ReadFull(f.r, p); err != nil {
			f.fail(err)
			return 0
		}
	}
	return binary.LittleEndian.Uint32(p)
}

// text reads a text behind its length, and of that no more than most bytes.
func (f *fields) text(most int64) []byte {
	n := int64(f.number())
	if !f.take(n) {
		return nil
	}
	keep := min(n, most)
	p, err := io.ReadAll(io.LimitReader(f.r, keep)) // grows with what is there
	if err == nil && int64(len(p)) < keep {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && keep < n {
		_, err = io.CopyN(io.Discard, f.r, n-keep)
	}
	if err != nil {
		f.fail(err)
	}
	return p
}
