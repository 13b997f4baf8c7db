package pdf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash"
	"hash/adler32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// inflater decompresses zlib data (RFC 1950). What is wrong around the compressed data does not matter: an end of line in front
// of the header, a header with a wrong check, none at all, no checksum, bytes that follow.
type inflater struct {
	in      *bufio.Reader
	deflate io.Reader
	sum     hash.Hash32 // of what came out; nil if there is no header, and so no checksum
	err     error
}

var errChecksum = errors.New("the checksum differs")

// inflaters keeps the 40 KB of tables that each takes.
var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

func newInflater(r io.Reader) *inflater { return &inflater{in: bufio.NewReader(r)} }

func (f *inflater) Read(p []byte) (int, error) {
	if f.err == nil && f.deflate == nil {
		f.err = f.begin()
	}
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.deflate.Read(p)
	if f.sum != nil {
		_, _ = f.sum.Write(p[:n]) // a hash takes everything
	}
	if err != nil {
		if f.err = err; err == io.EOF {
			f.err = f.end()
		}
		inflaters.Put(f.deflate)
		f.deflate = nil
	}
	return n, f.err
}

// end compares the checksum, if it is there.
func (f *inflater) end() error {
	stated, _ := f.in.Peek(4)
	if f.sum != nil && len(stated) == 4 && binary.BigEndian.Uint32(stated) != f.sum.Sum32() {
		return errChecksum
	}
	return io.EOF
}

func (f *inflater) begin() error {
	head, err := f.in.Peek(4)
	if len(head) == 0 {
		return err // an empty stream, or an error of what is below
	}
	lines := 0
	for lines < 2 && (head[lines] == '\r' || head[lines] == '\n') && lines+1 < len(head) {
		lines++
	}
	skip := 0
	switch {
	case zlibHeader(head[lines:]):
		skip, f.sum = lines+2, adler32.New()
	case head[0] == 0x78: // its check is wrong
		skip, f.sum = min(2, len(head)), adler32.New()
	}
	_, _ = f.in.Discard(skip) // it was peeked at
	f.deflate = inflaters.Get().(io.Reader)
	return f.deflate.(flate.Resetter).Reset(f.in, nil)
}

// zlibHeader tells whether b begins with the header of deflated data without a dictionary.
func zlibHeader(b []byte) bool {
	return len(b) >= 2 && b[0]&0x0f == 8 && b[0]>>4 <= 7 && b[1]&0x20 == 0 && (uint(b[0])<<8|uint(b[1]))%31 == 0
}
