package squashfs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzma"
	"lazuli/plugins/unbox/xz"
)

// unpacker unpacks a block of at most so many bytes.
type unpacker func(packed []byte, most int) ([]byte, error)

// unpackerOf is that of a compression (3).
func unpackerOf(id uint16) (string, unpacker, error) {
	switch id {
	case 1:
		return "gzip", streamed(func(r *bufio.Reader, _ int64) (io.Reader, error) { return zlib.NewReader(r) }), nil
	case 2:
		return "LZMA", streamed(func(r *bufio.Reader, most int64) (io.Reader, error) { return lzma.NewAlone(r, most) }), nil
	case 3:
		return "", nil, fmt.Errorf("LZO %w", archive.ErrUnsupported)
	case 4:
		return "xz", streamed(func(r *bufio.Reader, most int64) (io.Reader, error) { return xz.NewReader(r, most) }), nil
	case 5:
		return "LZ4", unpackLZ4, nil
	case 6:
		return "Zstd", newZstd(), nil
	}
	return "", nil, archive.Damagef(20, "there is no compression %d", id)
}

var errTooMuch = errors.New("it unpacks to more than a block")

// streamed makes an unpacker of what unpacks streams.
func streamed(open func(r *bufio.Reader, most int64) (io.Reader, error)) unpacker {
	return func(packed []byte, most int) ([]byte, error) {
		r, err := open(bufio.NewReader(bytes.NewReader(packed)), mostBlock)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(archive.Guarded(r), int64(most)+1))
		if len(data) > most {
			return nil, errTooMuch
		}
		return data, err
	}
}

func unpackLZ4(packed []byte, most int) (data []byte, err error) {
	data = make([]byte, most)
	var n int
	err = archive.Guard(func() error {
		n, err = lz4.UncompressBlock(packed, data)
		return err
	})
	return data[:max(n, 0)], err
}

// newZstd makes an unpacker that uses its tables again.
func newZstd() unpacker {
	var d *zstd.Decoder
	return func(packed []byte, most int) (data []byte, err error) {
		err = archive.Guard(func() (err error) {
			if d == nil {
				d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(mostBlock))
			}
			if err == nil {
				data, err = d.DecodeAll(packed, nil)
			}
			return err
		})
		if len(data) > most {
			return nil, errTooMuch
		}
		return data, err
	}
}

// Sizes of a file's blocks (4) have a bit for those that are not packed.
const blockStored = 1 << 24

// content reads a file: its blocks, and then its end, which lies in a fragment together with those of others.
func (s *image) content(n inode) io.Reader {
	sizes := *n.blocks // each reader from the beginning
	f := &file{s: s, inode: n, sizes: &sizes, left: n.size, at: int64(min(n.start, uint64(s.size)))}
	return f
}

type file struct {
	s     *image
	inode inode
	sizes *cursor
	left  int64 // bytes that are not in data
	at    int64 // of the next block
	data  []byte
	err   error
}

func (f *file) Read(p []byte) (int, error) {
	for len(f.data) == 0 && f.err == nil {
		f.data, f.err = f.next()
	}
	if len(f.data) == 0 {
		return 0, f.err
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, nil
}

// next reads the next block.
func (f *file) next() ([]byte, error) {
	if err := f.s.ctx.Err(); err != nil {
		return nil, err
	}
	if f.left == 0 {
		return nil, io.EOF
	}
	n := int(min(f.left, f.s.blockBytes))
	f.left -= int64(n)
	if int64(n) < f.s.blockBytes && f.inode.fragment != noFragment {
		return f.s.end(f.inode, n)
	}
	p, err := f.sizes.take(4)
	if err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(p)
	stored := size&blockStored != 0
	size &^= blockStored
	if size == 0 {
		return make([]byte, n), nil // it is not stored
	}
	if int64(size) > f.s.blockBytes {
		return nil, archive.Damagef(f.at, "a block of %d bytes", size)
	}
	data, err := f.s.unpacked(f.at, int(size), stored, int(f.s.blockBytes))
	f.at += int64(size)
	if err == nil && len(data) != n {
		err = archive.Damagef(f.at, "a block of %d bytes, which should be %d", len(data), n)
	}
	return data, err
}

// end reads the last n bytes of a file from its fragment (7).
func (s *image) end(n inode, size int) ([]byte, error) {
	if n.fragment >= s.fragments {
		return nil, archive.Damagef(n.at, "there is no fragment %d", n.fragment)
	}
	const entryBytes, blockEntries = 16, metadataBytes / 16
	var p [8]byte
	if err := archive.ReadAt(s.r, p[:], s.fragment+8*int64(n.fragment/blockEntries), "the table of fragments"); err != nil {
		return nil, err
	}
	c, err := s.cursor(offset(p[:]), uint64(n.fragment%blockEntries*entryBytes))
	if err != nil {
		return nil, err
	}
	entry, err := c.take(entryBytes)
	if err != nil {
		return nil, err
	}
	at, packed := offset(entry), binary.LittleEndian.Uint32(entry[8:])
	if at != s.tailAt {
		bytes := packed &^ blockStored
		if int64(bytes) > s.blockBytes {
			return nil, archive.Damagef(at, "a fragment of %d bytes", bytes)
		}
		s.tailAt = -1
		if s.tail, err = s.unpacked(at, int(bytes), packed&blockStored != 0, int(s.blockBytes)); err != nil {
			return nil, err
		}
		s.tailAt = at
	}
	if uint64(n.within)+uint64(size) > uint64(len(s.tail)) {
		return nil, archive.Damagef(at, "a file lies beyond its fragment")
	}
	return s.tail[n.within:][:size], nil
}
