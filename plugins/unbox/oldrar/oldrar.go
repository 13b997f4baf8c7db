// Package oldrar makes archives of RAR 1.5 and 2 readable for a library that knows only what later ones have: it undoes the encryption of both
// and the compression of RAR 1.5, and rewrites the headers of such files to say so. All else passes through as it is, damage too: the library tells.
//
// Blocks are those of technote.txt of RAR 4. Begin at New.
package oldrar

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// Blocks (technote.txt of RAR 4).
const (
	markSize  = 7
	introSize = 7 // of any block
	fixedSize = 32

	typeArchive = 0x73
	typeFile    = 0x74

	flagSolid     = 0x0008 // of the archive
	flagGoneOn    = 0x0001 // of a file: it began in another volume
	flagGoesOn    = 0x0002
	flagEncrypted = 0x0004
	flagComment   = 0x0008
	flagLarge     = 0x0100
	flagData      = 0x8000 // of any block: something follows it

	stored = 0x30

	version15 = 15
	version20 = 20
	version26 = 26 // that of files of more than 2 GiB
)

// Encrypted tells whether a file whose header begins with h is encrypted as RAR 1.5 or 2 do it. It needs 32 bytes.
func Encrypted(h []byte) bool {
	flags, version := binary.LittleEndian.Uint16(h[3:]), h[24]
	return flags&flagEncrypted != 0 && flags&flagGoneOn == 0 && (version == version15 || version == version20 || version == version26)
}

// Compressed tells whether a file whose header begins with h is compressed as RAR 1.5 does it, and not in parts. It needs 32 bytes.
func Compressed(h []byte) bool {
	const not = flagGoneOn | flagGoesOn | flagLarge
	return h[24] == version15 && h[25] != stored && binary.LittleEndian.Uint16(h[3:])&not == 0
}

// Reader reads an archive as it would be had a later RAR made it. It cannot seek.
type Reader struct {
	ctx      context.Context
	r        io.ReaderAt
	at, end  int64
	password []byte
	block    io.Reader // what is left of the one at hand
	solid    bool
	unpacker *unpacker // of the last file that was compressed, which the next one goes on from in a solid archive
}

// New reads the archive in r that begins at off, where its signature is, and ends at size at the latest. Without a password files that are encrypted stay so.
// With a wrong one their content is something else, as the library finds by the checksums.
func New(ctx context.Context, r io.ReaderAt, off, size int64, password string) *Reader {
	o := &Reader{ctx: ctx, r: r, at: off, end: size, password: []byte(password[:min(len(password), mostPassword)])}
	o.block = o.take(markSize)
	return o
}

// take is the next n bytes of the archive, or as many as there are.
func (o *Reader) take(n int64) io.Reader {
	n = min(n, max(0, o.end-o.at))
	part := io.NewSectionReader(o.r, o.at, n)
	o.at += n
	return part
}

func (o *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := o.ctx.Err(); err != nil {
			return 0, err
		}
		n, err := o.block.Read(p)
		if n > 0 {
			return n, nil
		}
		if err == io.EOF {
			err = o.next()
		}
		if err != nil {
			return 0, err
		}
	}
}

// next begins with the next block. io.EOF if there is none.
func (o *Reader) next() error {
	if o.at >= o.end {
		return io.EOF
	}
	h, err := o.header()
	if err != nil {
		return err
	}
	if h == nil { // what makes no sense is for the library to tell
		o.block = o.take(o.end - o.at)
		return nil
	}
	o.at += int64(len(h))
	if h[2] == typeArchive {
		o.solid = binary.LittleEndian.Uint16(h[3:])&flagSolid != 0
	}
	data := o.data(h)
	o.block = io.MultiReader(bytes.NewReader(h), data)
	return nil
}

// header reads the header of a block; nil without an error if there is none.
func (o *Reader) header() ([]byte, error) {
	if o.end-o.at < introSize {
		return nil, nil
	}
	var intro [introSize]byte
	if n, err := o.r.ReadAt(intro[:], o.at); n < introSize {
		return nil, err
	}
	length := int(binary.LittleEndian.Uint16(intro[5:]))
	if length < introSize || o.end-o.at < int64(length) {
		return nil, nil
	}
	h := make([]byte, length)
	if n, err := o.r.ReadAt(h, o.at); n < length {
		return nil, err
	}
	return h, nil
}

// data is what follows a header, which is changed where the data is not as it was.
func (o *Reader) data(h []byte) io.Reader {
	le := binary.LittleEndian
	if le.Uint16(h[3:])&flagData == 0 || len(h) < introSize+4 {
		return bytes.NewReader(nil)
	}
	size := int64(le.Uint32(h[7:]))
	if h[2] != typeFile || len(h) < fixedSize {
		return o.take(size)
	}
	if le.Uint16(h[3:])&flagLarge != 0 && len(h) >= fixedSize+8 {
		size |= int64(le.Uint32(h[fixedSize:])) << 32
		if size < 0 {
			size = o.end
		}
	}
	sound, locked := le.Uint16(h) == sumOf(h), Encrypted(h)
	from := o.at
	data := o.take(size)
	switch {
	case !sound, locked && len(o.password) == 0, !locked && !Compressed(h):
		return data
	case locked:
		le.PutUint16(h[3:], le.Uint16(h[3:])&^flagEncrypted)
		data = &decrypter{r: data, c: newCipher(h[24], o.password)}
	}
	if Compressed(h) {
		data = o.unpack(h, data, o.at-from)
		if o.at-from == size {
			data = io.LimitReader(io.MultiReader(data, zeros{}), int64(le.Uint32(h[7:]))) // if it is damaged, so that the next file is found
		}
	}
	le.PutUint16(h, sumOf(h))
	return data
}

// unpack decompresses a file of so many bytes, and makes it a stored one that is no larger than can come of them.
func (o *Reader) unpack(h []byte, data io.Reader, packed int64) io.Reader {
	le := binary.LittleEndian
	size := min(int64(le.Uint32(h[11:])), packed*mostGrowth)
	le.PutUint32(h[7:], uint32(size))
	le.PutUint32(h[11:], uint32(size))
	h[25] = stored
	solid := o.solid && o.unpacker != nil
	if o.unpacker == nil {
		o.unpacker = new(unpacker)
	}
	o.unpacker.begin(data, size, solid)
	return o.unpacker
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// sumOf is the checksum of the header of a file. A comment behind its name has one of its own.
func sumOf(h []byte) uint16 {
	end := len(h)
	if flags := binary.LittleEndian.Uint16(h[3:]); flags&flagComment != 0 {
		end = fixedSize + int(binary.LittleEndian.Uint16(h[26:]))
		if flags&flagLarge != 0 {
			end += 8
		}
	}
	return uint16(crc32.ChecksumIEEE(h[2:min(end, len(h))]))
}
