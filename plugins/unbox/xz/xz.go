// Package xz reads xz files (xz-file-format 1.1.0), with all filters but the one for RISC-V. Begin with NewReader; block.go has the blocks.
package xz

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"lazuli/plugins/unbox/archive"
)

// Magic begins each stream.
const Magic = "\xfd7zXZ\x00"

const (
	headerBytes = 12
	footerBytes = 12
)

// errSum tells that data is not what it was when it was packed.
var errSum = damaged("a checksum differs")

func damaged(what string) error { return fmt.Errorf("xz: %s: %w", what, archive.ErrDamaged) }

// Reader reads one stream.
type Reader struct {
	in         *source
	dictionary int64
	check      byte
	blocks     uint64
	block      *block // nil between two
	err        error  // comes again for ever
}

// source counts what was taken from a stream, all of whose parts have lengths that are multiples of four.
type source struct {
	*bufio.Reader
	n int64
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.n += int64(n)
	return n, err
}

func (s *source) ReadByte() (byte, error) {
	c, err := s.Reader.ReadByte()
	if err == nil {
		s.n++
	}
	return c, err
}

// NewReader reads a stream that begins at in. Of a block's dictionary no more than dictionary bytes are kept. When the stream ends, in is
// where it ends.
func NewReader(in *bufio.Reader, dictionary int64) (*Reader, error) {
	r := &Reader{in: &source{Reader: in}, dictionary: dictionary}
	var h [headerBytes]byte
	if err := r.full(h[:]); err != nil {
		return nil, err
	}
	switch {
	case string(h[:6]) != Magic:
		return nil, damaged("this is no header of a stream")
	case binary.LittleEndian.Uint32(h[8:]) != crc32.ChecksumIEEE(h[6:8]):
		return nil, errSum
	case h[6] != 0 || h[7] > 15:
		return nil, damaged("the stream has flags that nobody knows")
	}
	r.check = h[7]
	return r, nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	for r.err == nil {
		if r.block == nil {
			r.err = r.next()
			continue
		}
		n, err := r.block.Read(p)
		if err == io.EOF {
			r.block, err = nil, nil
			r.blocks++
		}
		r.err = err
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, r.err
}

// next begins the next block, or reads the index and ends the stream.
func (r *Reader) next() error {
	size, err := r.in.ReadByte()
	if err != nil {
		return cutShort(err)
	}
	if size == 0 {
		if err := r.index(); err != nil {
			return err
		}
		return io.EOF
	}
	header := make([]byte, 4*(int(size)+1))
	header[0] = size
	if err := r.full(header[1:]); err != nil {
		return err
	}
	r.block, err = newBlock(r, header)
	return err
}

// index reads the index and the footer. The sizes of blocks that it repeats were not needed; their checksum is that all is there.
func (r *Reader) index() error {
	sum := crc32.NewIEEE()
	sum.Write([]byte{0})
	from := r.in.n - 1
	in := &summing{r.in, sum.Write}
	records, err := number(in)
	if err != nil {
		return err
	}
	if records != r.blocks {
		return damaged("the index does not list all blocks")
	}
	for range 2 * records {
		if _, err := number(in); err != nil {
			return err
		}
	}
	for (r.in.n-from)%4 != 0 {
		if c, err := in.ReadByte(); err != nil || c != 0 {
			return errors.Join(damaged("the padding of the index is not zero"), err)
		}
	}
	var end [4 + footerBytes]byte
	if err := r.full(end[:]); err != nil {
		return err
	}
	footer := end[4:]
	if binary.LittleEndian.Uint32(end[:]) != sum.Sum32() || binary.LittleEndian.Uint32(footer) != crc32.ChecksumIEEE(footer[4:10]) {
		return errSum
	}
	if footer[8] != 0 || footer[9] != r.check || string(footer[10:]) != "YZ" {
		return damaged("the end of the stream does not fit its beginning")
	}
	return nil
}

// full fills p.
func (r *Reader) full(p []byte) error {
	_, err := io.ReadFull(r.in, p)
	return cutShort(err)
}

// summing shows every byte that is read to sum.
type summing struct {
	io.ByteReader
	sum func([]byte) (int, error)
}

func (s *summing) ReadByte() (byte, error) {
	c, err := s.ByteReader.ReadByte()
	if err == nil {
		_, _ = s.sum([]byte{c}) // a hash does not fail
	}
	return c, err
}

// number reads a number of variable length: 7 bits a byte, the lowest first.
func number(r io.ByteReader) (uint64, error) {
	var n uint64
	for shift := 0; shift < 63; shift += 7 {
		c, err := r.ReadByte()
		if err != nil {
			return 0, cutShort(err)
		}
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n, nil
		}
	}
	return 0, damaged("a number is too long")
}

func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
