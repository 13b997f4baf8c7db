package unbox

import (
	"compress/bzip2"
	"errors"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzma"
	"lazuli/plugins/unbox/lzw"
	"lazuli/plugins/unbox/xz"
)

// compressions are those that are looked for inside one another.
var compressions = []*compression{gzipFile, bzip2File, xzFile, zstdFile, lz4File, lzipFile, lzwFile}

var bzip2File = &compression{
	name: "bzip2", magics: bzip2Magics(), endings: map[string]string{".bz2": "", ".bz": "", ".tbz2": ".tar", ".tbz": ".tar"}, whole: true,
	open: func(m *members) (io.Reader, memberHeader, error) {
		return behind{archive.Guarded(bzip2.NewReader(m.raw)), errAnotherBzip2}, memberHeader{}, nil
	},
}

// errAnotherBzip2 is what the library says of what follows and is no bzip2.
const errAnotherBzip2 = bzip2.StructuralError("bad magic value in continuation file")

// bzip2Magics have the size of blocks and the beginning of the first one, or of the end where there is none.
func bzip2Magics() []string {
	var list []string
	for level := '1'; level <= '9'; level++ {
		list = append(list, "BZh"+string(level)+"\x31\x41\x59\x26\x53\x59", "BZh"+string(level)+"\x17\x72\x45\x38\x50\x90")
	}
	return list
}

var xzFile = &compression{
	name: "xz", magics: []string{xz.Magic}, endings: map[string]string{".xz": "", ".txz": ".tar"},
	open: func(m *members) (io.Reader, memberHeader, error) {
		r, err := xz.NewReader(m.raw, m.b.budget.limits.Dictionary)
		return r, memberHeader{}, err
	},
}

// lzmaFile has no magic that one could go by.
var lzmaFile = &compression{
	name: "LZMA", endings: map[string]string{".lzma": "", ".tlz": ".tar"},
	open: func(m *members) (io.Reader, memberHeader, error) {
		r, err := lzma.NewAlone(m.raw, m.b.budget.limits.Dictionary)
		return r, memberHeader{}, err
	},
}

var lzipFile = &compression{
	name: "lzip", magics: []string{lzma.LzipMagic}, endings: map[string]string{".lz": "", ".tlz": ".tar"},
	open: func(m *members) (io.Reader, memberHeader, error) {
		r, err := lzma.NewLzip(m.raw, m.b.budget.limits.Dictionary)
		return r, memberHeader{}, err
	},
}

// zstdFile is RFC 8878.
var zstdFile = &compression{
	name: "zstd", magics: zstdMagics(), endings: map[string]string{".zst": "", ".zstd": "", ".tzst": ".tar"}, whole: true,
	open: func(m *members) (io.Reader, memberHeader, error) {
		r, err := newZstd(m.raw, m.b.budget.limits.Dictionary)
		if err != nil {
			return nil, memberHeader{}, err
		}
		return behind{archive.Guarded(r), zstd.ErrMagicMismatch}, memberHeader{}, nil
	},
}

// zstdMagics are those of frames with and without data (3.1.1 and 3.1.2).
func zstdMagics() []string {
	list := []string{"\x28\xb5\x2f\xfd"}
	for c := byte(0x50); c <= 0x5f; c++ {
		list = append(list, string([]byte{c, 0x2a, 0x4d, 0x18}))
	}
	return list
}

// newZstd reads all frames from r, one block at a time, with windows of at most so many bytes.
func newZstd(r io.Reader, window int64) (io.Reader, error) {
	const least = 1 << 20 // what the library takes at the least
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(max(window, least))))
}

var lz4File = &compression{
	name: "LZ4", magics: []string{"\x04\x22\x4d\x18", "\x02\x21\x4c\x18"}, endings: map[string]string{".lz4": "", ".tlz4": ".tar"}, whole: true,
	open: func(m *members) (io.Reader, memberHeader, error) {
		return behind{archive.Guarded(lz4.NewReader(m.raw)), lz4.ErrInvalidFrame}, memberHeader{}, nil
	},
}

// zlibFile is RFC 1950.
var zlibFile = &compression{
	name: "zlib", endings: map[string]string{".zz": "", ".zlib": ""},
	open: func(m *members) (io.Reader, memberHeader, error) {
		r, err := zlib.NewReader(m.raw)
		return archive.Guarded(r), memberHeader{}, err
	},
}

// brotliFile is RFC 7932. Nothing in it tells that it is one, so it is looked for by the names that an archive gives its files.
var brotliFile = &compression{
	name: "brotli", endings: map[string]string{".br": "", ".tbr": ".tar"}, whole: true,
	open: func(m *members) (io.Reader, memberHeader, error) {
		return brotliReader{archive.Guarded(brotli.NewReader(m.raw))}, memberHeader{}, nil
	},
}

// lzwFile is what compress of Unix makes.
var lzwFile = &compression{
	name: "compress", magics: []string{lzw.Magic}, endings: map[string]string{".z": "", ".taz": ".tar"}, whole: true,
	open: func(m *members) (io.Reader, memberHeader, error) {
		r, err := lzw.NewReader(m.raw)
		return r, memberHeader{}, err
	},
}

// behind reads from a library that reads all members by itself, and has an error of its own for what is none.
type behind struct {
	io.Reader
	noMember error
}

func (b behind) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, b.noMember) {
		err = errBehind
	}
	return n, err
}

// brotliReader tells of what follows the data.
type brotliReader struct{ io.Reader }

func (b brotliReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err.Error() == "brotli: excessive input" {
		err = errBehind
	}
	return n, err
}
