package unbox

import (
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/deflate64"
	"lazuli/plugins/unbox/lzma"
	"lazuli/plugins/unbox/pkzip"
	"lazuli/plugins/unbox/ppmd"
	"lazuli/plugins/unbox/xz"
)

// Methods of compression (APPNOTE 4.4.5).
const (
	methodStore     = 0
	methodShrink    = 1
	methodReduce1   = 2
	methodReduce4   = 5
	methodImplode   = 6
	methodDeflate   = 8
	methodDeflate64 = 9
	methodBzip2     = 12
	methodLZMA      = 14
	methodZstdOld   = 20
	methodZstd      = 93
	methodXZ        = 95
	methodPPMd      = 98
	methodAES       = 99 // WinZip's, the real one is in an extra field
)

// methodNames are as 7-Zip writes them.
var methodNames = map[uint16]string{
	methodStore: "Store", methodShrink: "Shrink", 2: "Reduce1", 3: "Reduce2", 4: "Reduce3", 5: "Reduce4", methodImplode: "Implode", methodDeflate: "Deflate", methodDeflate64: "Deflate64",
	methodBzip2: "BZip2", methodLZMA: "LZMA", methodZstdOld: "Zstd", methodZstd: "Zstd", 94: "MP3", methodXZ: "xz", 96: "Jpeg", 97: "WavPack", methodPPMd: "PPMd",
}

// compression names how an entry is compressed and encrypted.
func (e *zipEntry) compression() string {
	name := methodNames[e.method]
	if name == "" {
		name = fmt.Sprintf("Method %d", e.method)
	}
	switch {
	case e.aes():
		return fmt.Sprintf("AES-%d %s", 64+64*int(e.strength), name)
	case e.flags&flagStrong != 0:
		return "StrongCrypto " + name
	case e.encrypted():
		return "ZipCrypto " + name
	}
	return name
}

// errMethod tells that there is nothing to unpack a method with.
var errMethod = errors.New("the method is not known")

// endsItself tells whether data of a method tells where it ends.
func endsItself(method uint16) bool {
	return method > methodImplode && method != methodPPMd
}

// unpackZip unpacks an entry's data, which must not be read beyond its end if the method tells it.
func (b *box) unpackZip(e *zipEntry, data *bufio.Reader) (io.Reader, error) {
	switch e.method {
	case methodStore:
		return data, nil
	case methodShrink:
		return pkzip.NewShrink(data, e.size), nil
	case methodReduce1, 3, 4, methodReduce4:
		return pkzip.NewReduce(data, uint(e.method-methodReduce1+1), e.size), nil
	case methodImplode:
		return pkzip.NewImplode(data, e.flags, e.size), nil
	case methodDeflate:
		return b.inflate.reader(data), nil
	case methodDeflate64:
		return deflate64.NewReader(data), nil
	case methodBzip2:
		return behind{archive.Guarded(bzip2.NewReader(data)), errAnotherBzip2}, nil
	case methodLZMA:
		return b.unpackZipLZMA(e, data)
	case methodZstd, methodZstdOld:
		r, err := newZstd(data, b.budget.limits.Dictionary)
		if err != nil {
			return nil, err
		}
		return archive.Guarded(r), nil
	case methodXZ:
		return xz.NewReader(data, b.budget.limits.Dictionary)
	case methodPPMd:
		return b.unpackPPMd(e, data)
	}
	return nil, errMethod
}

// unpackPPMd unpacks PPMd, one entry after the other with the same memory.
func (b *box) unpackPPMd(e *zipEntry, data *bufio.Reader) (io.Reader, error) {
	h, err := ppmd.ReadHeader(data)
	if err != nil {
		return nil, err
	}
	if h.Memory > b.budget.limits.Dictionary {
		return nil, errDictionary
	}
	b.ppmd.Reset(data, h)
	return io.LimitReader(&b.ppmd, e.size), nil
}

// unpackZipLZMA unpacks LZMA, which has a header of its own (5.8.8).
func (b *box) unpackZipLZMA(e *zipEntry, data *bufio.Reader) (io.Reader, error) {
	var h [4]byte // two bytes are the version of the program
	if _, err := io.ReadFull(data, h[:]); err != nil {
		return nil, cutShort(err)
	}
	props := make([]byte, binary.LittleEndian.Uint16(h[2:]))
	if _, err := io.ReadFull(data, props); err != nil {
		return nil, cutShort(err)
	}
	size := e.size
	if e.flags&flagLZMAMark != 0 || size < 0 {
		size = lzma.Unknown
	}
	return lzma.NewReader(data, props, size, b.budget.limits.Dictionary)
}
