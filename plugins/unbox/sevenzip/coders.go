package sevenzip

import (
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/stangelandcl/ppmd"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/branch"
	"lazuli/plugins/unbox/deflate64"
	"lazuli/plugins/unbox/lzma"
)

// call is what a coder is opened with.
type call struct {
	*coder
	in       []io.Reader
	archive  *Archive
	password string
}

// opener opens a coder.
type opener struct {
	name   string // as 7-Zip writes it
	inputs int
	open   func(*call) (io.Reader, error)
}

const (
	coderLZMA  = "\x03\x01\x01"
	coderLZMA2 = "\x21"
	coderPPMd  = "\x03\x04\x01"
	coderDelta = "\x03"
	coderAES   = "\x06\xf1\x07\x01"
)

// coders are those of Methods.txt in the LZMA SDK that are in use. Zstandard has the id that it has there since 24.05, and before that had in
// another edition of 7-Zip.
var coders map[string]opener

func init() { // the text of a method needs the table, and the table the openers
	coders = map[string]opener{
		"\x00":             {"Copy", 1, func(c *call) (io.Reader, error) { return c.in[0], nil }},
		coderLZMA:          {"LZMA", 1, openLZMA},
		coderLZMA2:         {"LZMA2", 1, openLZMA2},
		coderPPMd:          {"PPMD", 1, openPPMd},
		coderDelta:         {"Delta", 1, openDelta},
		coderAES:           {"7zAES", 1, openAES},
		"\x04\x01\x08":     {"Deflate", 1, func(c *call) (io.Reader, error) { return archive.Guarded(flate.NewReader(c.in[0])), nil }},
		"\x04\x01\x09":     {"Deflate64", 1, func(c *call) (io.Reader, error) { return deflate64.NewReader(buffered(c.in[0])), nil }},
		"\x04\x02\x02":     {"BZip2", 1, func(c *call) (io.Reader, error) { return archive.Guarded(bzip2.NewReader(c.in[0])), nil }},
		"\x04\xf7\x11\x01": {"ZSTD", 1, openZstd},
		"\x03\x03\x01\x1b": {"BCJ2", 4, func(c *call) (io.Reader, error) { return branch.NewBCJ2(c.in[0], c.in[1], c.in[2], c.in[3]), nil }},
	}
	for _, b := range []struct {
		name string
		kind branch.Kind
		ids  []string
	}{
		{"BCJ", branch.X86, []string{"\x04", "\x03\x03\x01\x03"}}, {"PPC", branch.PowerPC, []string{"\x05", "\x03\x03\x02\x05"}},
		{"IA64", branch.IA64, []string{"\x06", "\x03\x03\x04\x01"}}, {"ARM", branch.ARM, []string{"\x07", "\x03\x03\x05\x01"}},
		{"ARMT", branch.ARMThumb, []string{"\x08", "\x03\x03\x07\x01"}}, {"SPARC", branch.SPARC, []string{"\x09", "\x03\x03\x08\x05"}},
		{"ARM64", branch.ARM64, []string{"\x0a"}},
	} {
		for _, id := range b.ids {
			coders[id] = opener{b.name, 1, func(c *call) (io.Reader, error) {
				start := uint32(0)
				if len(c.props) >= 4 {
					start = binary.LittleEndian.Uint32(c.props)
				}
				return branch.New(b.kind, c.in[0], start), nil
			}}
		}
	}
}

// buffered is a reader with a buffer, which inputs that are packed streams have already.
func buffered(r io.Reader) *bufio.Reader {
	if b, ok := r.(*bufio.Reader); ok {
		return b
	}
	return bufio.NewReaderSize(r, 64<<10)
}

func openLZMA(c *call) (io.Reader, error) {
	return lzma.NewReader(buffered(c.in[0]), c.props, c.size, c.archive.options.Dictionary)
}

func openLZMA2(c *call) (io.Reader, error) {
	if len(c.props) != 1 {
		return nil, damaged("LZMA2 has no properties")
	}
	size, err := lzma.DictionarySize(c.props[0])
	if err != nil {
		return nil, err
	}
	return lzma.NewReader2(buffered(c.in[0]), min(size, c.size), c.archive.options.Dictionary), nil
}

// openPPMd opens PPMd in variant H. It has all its memory from the beginning.
func openPPMd(c *call) (io.Reader, error) {
	if len(c.props) != 5 {
		return nil, damaged("PPMd has no properties")
	}
	memory := int64(binary.LittleEndian.Uint32(c.props[1:]))
	if memory > c.archive.options.Dictionary {
		return nil, lzma.ErrDictionary
	}
	var r ppmd.Reader
	err := archive.Guard(func() (err error) {
		r, err = ppmd.NewH7zReader(buffered(c.in[0]), int(c.props[0]), int(memory), int(c.size))
		return err
	})
	return archive.Guarded(&r), err
}

func openDelta(c *call) (io.Reader, error) {
	if len(c.props) != 1 {
		return nil, damaged("a difference has no distance")
	}
	return branch.NewDelta(c.in[0], int(c.props[0])+1), nil
}

func openZstd(c *call) (io.Reader, error) {
	r, err := zstd.NewReader(c.in[0], zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(max(c.archive.options.Dictionary, 1<<20))))
	return archive.Guarded(r), err
}
