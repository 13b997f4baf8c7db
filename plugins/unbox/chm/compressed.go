package chm

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzx"
)

const (
	mostPacked   = lzx.FrameSize + 6144 // bytes of a frame, compressed
	resetHeader  = 0x28
	mostRestarts = 8 // because files overlap, which no maker of help does
)

// compressed is the section of files that are compressed as one.
type compressed struct {
	ctx      context.Context
	r        io.ReaderAt
	at, size int64 // of the compressed data in the file
	length   int64 // bytes, decompressed
	reset    int64 // frames after which the decoder begins anew
	resets   resets
	decoder  *lzx.Decoder

	next     int64 // frame
	pos      int64 // of the next frame in the compressed data
	buf      []byte
	failed   error
	restarts int
	packed   []byte
}

// resets is the table of where frames are in the compressed data.
type resets struct {
	r    io.ReaderAt
	at   int64
	n    int64
	each int64
}

// frame is where a frame is, -1 if the table does not say.
func (t resets) frame(i int64) (int64, error) {
	if i >= t.n {
		return -1, nil
	}
	var p [8]byte
	err := archive.ReadAt(t.r, p[:], t.at+i*t.each, "the reset table")
	if errors.Is(err, archive.ErrDamaged) {
		return -1, nil
	}
	return int64(binary.LittleEndian.Uint64(p[:])), err
}

func openCompressed(ctx context.Context, r io.ReaderAt, data int64, items []item) (*compressed, error) {
	content, ok := find(items, contentName)
	if !ok {
		return nil, archive.Damagef(data, "%s is missing", contentName)
	}
	control, at, err := small(r, data, items, controlName, mostControl)
	if err != nil {
		return nil, err
	}
	c := &compressed{ctx: ctx, r: r, at: data + content.offset, size: content.length}
	if err := c.setUp(control, at); err != nil {
		return nil, err
	}
	c.length = 1 << 62
	table, at, err := small(r, data, items, resetsName, resetHeader)
	if err != nil && !errors.Is(err, archive.ErrDamaged) {
		return nil, err
	}
	if err == nil && len(table) == resetHeader {
		le := binary.LittleEndian
		c.resets = resets{r: r, at: at + int64(le.Uint32(table[12:])), n: int64(le.Uint32(table[4:])), each: int64(le.Uint32(table[8:]))}
		if c.resets.each != 8 || le.Uint64(table[0x20:]) != lzx.FrameSize {
			c.resets = resets{}
		}
		if n := int64(le.Uint64(table[0x10:])); n > 0 {
			c.length = n
		}
	}
	return c, nil
}

// setUp takes the control data of LZX.
func (c *compressed) setUp(p []byte, at int64) error {
	le := binary.LittleEndian
	if len(p) < 20 || string(p[4:8]) != "LZXC" {
		return archive.Damagef(at, "the settings of LZX are none")
	}
	reset, window := int64(le.Uint32(p[12:])), int64(le.Uint32(p[16:]))
	switch le.Uint32(p[8:]) {
	case 1:
	case 2:
		reset, window = reset*lzx.FrameSize, window*lzx.FrameSize
	default:
		return archive.Damagef(at, "the settings of LZX have version %d", le.Uint32(p[8:]))
	}
	if reset == 0 || reset%lzx.FrameSize != 0 || bits.OnesCount64(uint64(window)) != 1 {
		return archive.Damagef(at, "LZX begins anew after %d bytes, with a window of %d", reset, window)
	}
	decoder, err := lzx.New(bits.TrailingZeros64(uint64(window)))
	if err != nil {
		return archive.Damagef(at, "%v", err)
	}
	c.reset, c.decoder = reset/lzx.FrameSize, decoder
	return nil
}

// frame makes buf the frame with a number.
func (c *compressed) frame(number int64) error {
	if number < c.next-1 {
		if c.restarts++; c.restarts > mostRestarts {
			return archive.Damagef(c.at, "files overlap")
		}
		c.next, c.pos, c.buf, c.failed = 0, 0, nil, nil
	}
	// A reset on the way makes all before it unnecessary, and damage there harmless.
	if from := number - number%c.reset; from > c.next || from == number && c.failed != nil && c.next <= number {
		pos, err := c.resets.frame(from)
		if err != nil {
			return err
		}
		if pos >= 0 {
			c.next, c.pos, c.buf, c.failed = from, pos, nil, nil
		}
	}
	for c.next <= number {
		if c.failed != nil {
			return c.failed
		}
		if err := c.ctx.Err(); err != nil {
			return err
		}
		c.failed = c.decode()
		c.next++
	}
	if len(c.buf) == 0 {
		return c.failed
	}
	return nil
}

// decode decompresses the next frame.
func (c *compressed) decode() error {
	c.buf = nil
	start := c.next * lzx.FrameSize
	if c.next%c.reset == 0 {
		c.decoder.Reset(start)
	}
	size := min(lzx.FrameSize, c.length-start) // bytes that count: the last frame may be filled up
	n := min(mostPacked, c.size-c.pos)
	if size <= 0 || n <= 0 {
		return archive.Damagef(c.at+c.pos, "the compressed data ends before its files do")
	}
	if c.packed == nil {
		c.packed = make([]byte, mostPacked)
	}
	read, err := c.r.ReadAt(c.packed[:n], c.at+c.pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	out, used, err := c.decoder.Frame(c.packed[:read], lzx.FrameSize)
	c.buf = out[:min(int64(len(out)), size)]
	if err != nil && int64(len(out)) < size {
		return archive.Damagef(c.at+c.pos, "%v", err)
	}
	c.pos += int64(used)
	return nil
}

// content reads one file.
type content struct {
	c         *compressed
	off, left int64
}

func (f *content) Read(p []byte) (int, error) {
	if err := f.c.ctx.Err(); err != nil {
		return 0, err
	}
	if f.left <= 0 {
		return 0, io.EOF
	}
	number := f.off / lzx.FrameSize
	if err := f.c.frame(number); err != nil {
		return 0, err
	}
	at := f.off % lzx.FrameSize
	if at >= int64(len(f.c.buf)) {
		if f.c.failed != nil {
			return 0, f.c.failed
		}
		return 0, archive.Damagef(f.c.at, "the compressed data ends before its files do")
	}
	n := copy(p[:min(int64(len(p)), f.left)], f.c.buf[at:])
	f.off += int64(n)
	f.left -= int64(n)
	return n, nil
}
