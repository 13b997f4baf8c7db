package lzma

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// lzip reads one member of an lzip file: a header, LZMA that ends with a mark, checksum and sizes (the manual of lzip 1.23, "File format").
type lzip struct {
	in   *bufio.Reader
	lzma *Reader
	sum  uint32
	size uint64
	err  error
}

// LzipMagic begins each member.
const LzipMagic = "LZIP\x01"

// NewLzip reads a member that begins at in. When it ends, in is where the next one may begin.
func NewLzip(in *bufio.Reader, dictionary int64) (io.Reader, error) {
	var header [6]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, cutShort(err)
	}
	power, fraction := header[5]&0x1f, uint32(header[5]>>5)
	if string(header[:5]) != LzipMagic || power < 12 || power > 29 {
		return nil, damaged("this is no header of lzip")
	}
	size := uint32(1) << power
	size -= size / 16 * fraction
	props := binary.LittleEndian.AppendUint32([]byte{93}, size) // lc 3, lp 0, pb 2
	z, err := NewReader(in, props, Unknown, dictionary)
	if err != nil {
		return nil, err
	}
	return &lzip{in: in, lzma: z}, nil
}

func (l *lzip) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.lzma.Read(p)
	l.sum = crc32.Update(l.sum, crc32.IEEETable, p[:n])
	l.size += uint64(n)
	if err == io.EOF {
		err = l.trailer()
	}
	l.err = err
	if n > 0 && err != nil {
		err = nil // comes with the next read
	}
	return n, err
}

func (l *lzip) trailer() error {
	var t [20]byte
	if _, err := io.ReadFull(l.in, t[:]); err != nil {
		return cutShort(err)
	}
	if binary.LittleEndian.Uint32(t[:]) != l.sum || binary.LittleEndian.Uint64(t[4:]) != l.size {
		return damaged("the checksum differs")
	}
	return io.EOF
}
