package cab

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzx"
	"lazuli/plugins/unbox/quantum"
)

const (
	blockSize   = 32 << 10         // bytes of a block, decompressed
	mostPacked  = blockSize + 6144 // bytes of a block, compressed: MS-CAB 2.4
	kindMask    = 0x0f
	kindStored  = 0
	kindMSZIP   = 1
	kindQuantum = 2
	kindLZX     = 3
)

// decompressor decompresses the blocks of a folder in their order. What it returns is valid until the next call; with an error it is what
// could be decompressed.
type decompressor interface {
	block(in []byte, size int) ([]byte, error)
}

// method names how a folder is compressed.
func (f folder) method() string {
	bits := f.kind >> 8 & 31
	switch f.kind & kindMask {
	case kindStored:
		return "stored"
	case kindMSZIP:
		return "MSZIP"
	case kindQuantum:
		return fmt.Sprintf("Quantum:%d", bits)
	case kindLZX:
		return fmt.Sprintf("LZX:%d", bits)
	}
	return fmt.Sprintf("method %d", f.kind&kindMask)
}

func (f folder) decompressor() (decompressor, error) {
	bits := int(f.kind >> 8 & 31)
	switch f.kind & kindMask {
	case kindStored:
		return stored{}, nil
	case kindMSZIP:
		return &mszip{}, nil
	case kindQuantum:
		d, err := quantum.New(bits)
		return quantumBlocks{d}, err
	case kindLZX:
		d, err := lzx.New(bits)
		return lzxBlocks{d}, err
	}
	return nil, fmt.Errorf("compressed in an unknown way, %d", f.kind&kindMask)
}

type stored struct{}

func (stored) block(in []byte, size int) ([]byte, error) {
	if len(in) < size {
		return in, errors.New("fewer bytes than it states")
	}
	return in[:size], nil
}

type quantumBlocks struct{ d *quantum.Decoder }

func (q quantumBlocks) block(in []byte, size int) ([]byte, error) { return q.d.Frame(in, size) }

type lzxBlocks struct{ d *lzx.Decoder }

func (l lzxBlocks) block(in []byte, size int) ([]byte, error) {
	out, _, err := l.d.Frame(in, size)
	return out, err
}

// mszip is deflate (RFC 1951) in blocks, each of which may refer to the one before: MS-MCI.
type mszip struct {
	inflate io.ReadCloser
	out     [2][]byte // of this block and the one before
}

func (m *mszip) block(in []byte, size int) ([]byte, error) {
	if len(in) < 2 || string(in[:2]) != "CK" {
		return nil, errors.New("MSZIP: no signature")
	}
	packed := bytes.NewReader(in[2:])
	if m.inflate == nil {
		m.inflate = flate.NewReader(packed)
	} else if err := m.inflate.(flate.Resetter).Reset(packed, m.out[0]); err != nil {
		return nil, fmt.Errorf("MSZIP: %w", err)
	}
	before := m.out[0]
	m.out[0], m.out[1] = m.out[1], before
	if cap(m.out[0]) < blockSize {
		m.out[0] = make([]byte, blockSize)
	}
	n, err := io.ReadFull(m.inflate, m.out[0][:size])
	m.out[0] = m.out[0][:n]
	if err != nil {
		return m.out[0], fmt.Errorf("MSZIP: %w", plain(err))
	}
	return m.out[0], nil
}

// plain says that data is cut short in words.
func plain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the data is cut short")
	}
	return err
}

// stream is a folder that is being decompressed.
type stream struct {
	ctx      context.Context
	r        io.ReaderAt
	folder   folder
	reserve  int64 // bytes between a block's header and its data
	unpack   decompressor
	next     int64 // offset of the next block's header
	left     int   // blocks
	at       int64 // of buf in the folder, decompressed
	buf      []byte
	packed   []byte
	failed   error // with which the folder ends behind buf
	doubtful error // buf is not what was packed
}

func newStream(ctx context.Context, r io.ReaderAt, f folder, reserve int64) *stream {
	s := &stream{ctx: ctx, r: r, folder: f, reserve: reserve, next: f.data, left: f.blocks}
	unpack, err := f.decompressor()
	if err != nil {
		s.failed = archive.Damagef(f.data, "%v", err)
	}
	s.unpack = unpack
	return s
}

// advance decompresses the next block: MS-CAB 2.4.
func (s *stream) advance() error {
	if s.failed != nil {
		return s.failed
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	s.at += int64(len(s.buf))
	s.buf, s.doubtful = nil, nil
	if s.left == 0 {
		s.failed = archive.Damagef(s.next, "the folder ends before its files do")
		return s.failed
	}
	s.failed = s.readBlock()
	if s.failed != nil && len(s.buf) == 0 {
		return s.failed
	}
	return nil
}

func (s *stream) readBlock() error {
	head := make([]byte, dataSize)
	off := s.next
	if err := archive.ReadAt(s.r, head, off, "a block's header"); err != nil {
		return err
	}
	n, size := int(binary.LittleEndian.Uint16(head[4:])), int(binary.LittleEndian.Uint16(head[6:]))
	if size == 0 {
		return archive.Damagef(off, "%w", errGoesOn)
	}
	if n > mostPacked || size > blockSize {
		return archive.Damagef(off, "a block of %d bytes, %d when it is decompressed", n, size)
	}
	if cap(s.packed) < n {
		s.packed = make([]byte, n, mostPacked)
	}
	s.packed = s.packed[:n]
	read, err := s.r.ReadAt(s.packed, off+dataSize+s.reserve)
	if read < n {
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		err = archive.Damagef(off, "a block is cut short")
		s.buf, _ = s.unpack.block(s.packed[:read], size)
		return err
	}
	s.next = off + dataSize + s.reserve + int64(n)
	s.left--
	if want := binary.LittleEndian.Uint32(head); want != 0 && want != checksum(head[4:], checksum(s.packed, 0)) {
		s.doubtful = archive.Damagef(off, "the checksum of a block differs")
	}
	s.buf, err = s.unpack.block(s.packed, size)
	if err != nil {
		return archive.Damagef(off, "%v", err)
	}
	return nil
}

// checksum is the exclusive or of 32-bit words; bytes beyond the last word count from its other end: MS-CAB 3.1.
func checksum(p []byte, sum uint32) uint32 {
	for ; len(p) >= 4; p = p[4:] {
		sum ^= binary.LittleEndian.Uint32(p)
	}
	rest := uint32(0)
	for _, b := range p {
		rest = rest<<8 | uint32(b)
	}
	return sum ^ rest
}

// content reads one file of a folder.
type content struct {
	s         *stream
	off, left int64
	doubtful  error
}

func (c *content) Read(p []byte) (int, error) {
	if err := c.s.ctx.Err(); err != nil {
		return 0, err
	}
	if c.left == 0 {
		if c.doubtful != nil {
			return 0, c.doubtful
		}
		return 0, io.EOF
	}
	for c.off >= c.s.at+int64(len(c.s.buf)) {
		if err := c.s.advance(); err != nil {
			return 0, err
		}
	}
	if c.s.doubtful != nil && c.doubtful == nil {
		c.doubtful = c.s.doubtful
	}
	n := copy(p[:min(int64(len(p)), c.left)], c.s.buf[c.off-c.s.at:])
	c.off += int64(n)
	c.left -= int64(n)
	return n, nil
}
