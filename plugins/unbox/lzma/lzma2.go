package lzma

import (
	"encoding/binary"
	"io"
)

// Reader2 reads LZMA2: LZMA and stored data in chunks (xz-file-format 1.1.0, 5.3.1; the chunks themselves are described nowhere but in
// the public code of the LZMA SDK).
type Reader2 struct {
	d      decoder
	in     Source
	chunk  [chunkBytes + symbolBytes]byte // what is packed, and zeros behind it
	stored bool
	left   int  // bytes that the chunk still unpacks to
	based  bool // there was a chunk that begins a dictionary
	known  bool // there was a chunk with properties
	err    error
}

// Source is what a Reader2 reads from, and not a byte more than belongs to it.
type Source interface {
	io.Reader
	io.ByteReader
}

const chunkBytes = 64 << 10 // the most

// NewReader2 reads LZMA2 that begins at in. size says how large a dictionary it asks for, by DictionarySize; no more than dictionary bytes are kept.
// When it ends, in is where it ends.
func NewReader2(in Source, size, dictionary int64) *Reader2 {
	r := &Reader2{in: in}
	r.d.setSize(size, dictionary)
	return r
}

// DictionarySize is the size that the byte of properties stands for: 4 KiB to 4 GiB.
func DictionarySize(props byte) (int64, error) {
	switch {
	case props > 40:
		return 0, damaged("there is no such size of a dictionary")
	case props == 40:
		return 1<<32 - 1, nil
	}
	return int64(2|props&1) << (props/2 + 11), nil
}

// Read implements io.Reader.
func (r *Reader2) Read(p []byte) (int, error) {
	for {
		if n := r.d.give(p); n > 0 || len(p) == 0 {
			return n, nil
		}
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.more()
	}
}

// more decodes some of a chunk.
func (r *Reader2) more() error {
	if r.left == 0 {
		return r.next()
	}
	w := &r.d.window
	w.room()
	before := w.at
	limit := min(len(w.buf), w.at+r.left)
	if r.stored {
		part := r.chunk[:min(limit-w.at, chunkBytes)]
		n, err := io.ReadFull(r.in, part)
		w.write(part[:n])
		r.left -= n
		return cutShort(err)
	}
	marked, err := r.d.decode(limit)
	r.left -= w.at - before
	switch {
	case err != nil:
		return err
	case marked:
		return damaged("a chunk of LZMA2 has a mark")
	case r.left > 0:
		return nil
	}
	r.d.normalize()
	if err := r.d.check(); err != nil {
		return err
	}
	if r.d.rangeDecoder.at != len(r.d.in)-symbolBytes || r.d.code != 0 || r.d.pending > 0 {
		return damaged("a chunk of LZMA2 does not end where it says")
	}
	return nil
}

// next begins the next chunk.
func (r *Reader2) next() error {
	control, err := r.in.ReadByte()
	if err != nil {
		return cutShort(err)
	}
	if control == 0 {
		return io.EOF
	}
	r.stored = control < 0x80
	if r.stored && control > 2 {
		return damaged("there is no such chunk of LZMA2")
	}
	var size [4]byte
	sizes := size[:2]
	if !r.stored {
		sizes = size[:]
	}
	if _, err := io.ReadFull(r.in, sizes); err != nil {
		return cutShort(err)
	}
	if control == 1 || control >= 0xe0 {
		r.d.reset()
		r.based = true
	}
	if !r.based {
		return damaged("the first chunk of LZMA2 does not begin a dictionary")
	}
	r.left = int(binary.BigEndian.Uint16(sizes)) + 1
	if r.stored {
		return nil
	}
	r.left += int(control&0x1f) << 16
	return r.begin(control>>5&3, int(binary.BigEndian.Uint16(sizes[2:]))+1)
}

// begin begins a chunk of LZMA. reset is 0 for one that goes on with what was learned, 1 for none, 2 and 3 for new properties.
func (r *Reader2) begin(reset byte, packed int) error {
	if reset >= 2 {
		props, err := r.in.ReadByte()
		if err != nil {
			return cutShort(err)
		}
		if props%9+props/9%5 > 4 {
			return damaged("LZMA2 has no such properties")
		}
		if err := r.d.setProps(props); err != nil {
			return err
		}
		r.known = true
	}
	if !r.known {
		return damaged("the first chunk of LZMA2 has no properties")
	}
	if reset >= 1 {
		r.d.resetState()
	}
	if _, err := io.ReadFull(r.in, r.chunk[:packed]); err != nil {
		return cutShort(err)
	}
	clear(r.chunk[packed : packed+symbolBytes])
	r.d.in, r.d.rangeDecoder.at, r.d.padded = r.chunk[:packed+symbolBytes], 0, true
	return r.d.rangeDecoder.begin()
}

// cutShort makes an end of the input where there should be more into an error.
func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
