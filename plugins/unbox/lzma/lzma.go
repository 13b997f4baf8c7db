// Package lzma decompresses LZMA: in the file format of its own, in lzip files, in the chunks of LZMA2, and as other containers hold it.
//
// It exists beside the library that there is because what it reads is hostile and large: a dictionary costs what was decoded and not what
// the header asks for, and it decodes twice as fast. Begin with Reader; decoder.go has the symbols, range.go the bits below
// them, window.go the dictionary.
package lzma

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"lazuli/plugins/unbox/archive"
)

// ErrDictionary tells that a stream refers to what lies further back than may be kept.
var ErrDictionary = errors.New("it needs a larger dictionary than there may be")

func damaged(what string) error { return fmt.Errorf("LZMA: %s: %w", what, archive.ErrDamaged) }

// Unknown stands for the size of a stream that ends with a mark.
const Unknown = -1

// Reader reads what one LZMA stream holds.
type Reader struct {
	d    decoder
	left int64 // bytes until the end; Unknown if a mark tells it
	err  error // comes again for ever
}

// PropsBytes is the length of the properties of a stream: a byte for the model, four for the size of the dictionary.
const PropsBytes = 5

// NewReader reads a stream that begins at in and holds size bytes, or Unknown. Of the dictionary no more than dictionary bytes are kept.
// When it ends, in is where the stream ends.
func NewReader(in *bufio.Reader, props []byte, size, dictionary int64) (*Reader, error) {
	if len(props) < PropsBytes {
		return nil, damaged("there are too few properties")
	}
	r := &Reader{left: size}
	if err := r.d.setProps(props[0]); err != nil {
		return nil, err
	}
	asked := int64(binary.LittleEndian.Uint32(props[1:]))
	if size != Unknown {
		asked = min(asked, size)
	}
	r.d.setSize(asked, dictionary)
	r.d.source = in
	r.d.resetState()
	return r, r.d.begin()
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
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

// more decodes up to the end of the window.
func (r *Reader) more() error {
	w := &r.d.window
	w.room()
	limit := min(len(w.buf), w.at+firstWindow)
	if r.left != Unknown {
		limit = int(min(int64(limit), int64(w.at)+r.left))
	}
	before := w.at
	marked, err := r.d.decode(limit)
	if r.left != Unknown {
		r.left -= int64(w.at - before)
	}
	switch {
	case err != nil:
		return err
	case marked && r.left > 0:
		return fmt.Errorf("LZMA: the end comes too early: %w", io.ErrUnexpectedEOF)
	case r.left == 0:
		r.d.skipMark()
		fallthrough
	case marked:
		r.d.giveBack()
		return io.EOF
	}
	return nil
}

// NewAlone reads a file of the LZMA tools: 5 bytes of properties, 8 with the size, the stream.
func NewAlone(in *bufio.Reader, dictionary int64) (*Reader, error) {
	var header [PropsBytes + 8]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint64(header[PropsBytes:]))
	if size < Unknown || size == math.MaxInt64 {
		return nil, damaged("there is no such size")
	}
	return NewReader(in, header[:], size, dictionary)
}
