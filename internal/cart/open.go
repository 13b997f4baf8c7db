package cart

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// Kind is what a stream is.
type Kind string

// The kinds of a stream.
const (
	Raw   Kind = "raw" // not wrapped
	CaRT  Kind = "CaRT"
	MalPZ Kind = "MalPZ"
)

// SniffBytes of a stream are enough for KindOf.
const SniffBytes = headerBytes

// malpzMagic begins a MalPZ of version 3; zlib of a JSON object follows, whose "data" is the content in hex and whose "md5sum"
// is the content's.
const malpzMagic = "\xf0\xf0.malpz_v0003\x00\x0f\x0f"

// KindOf tells what begins with head, of which it looks at no more than SniffBytes.
func KindOf(head []byte) Kind {
	switch {
	case len(head) >= headerBytes && bytes.HasPrefix(head, []byte("CART\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")):
		return CaRT
	case bytes.HasPrefix(head, []byte(malpzMagic)):
		return MalPZ
	}
	return Raw
}

// Reader reads the content of a container, or what is not wrapped as it is. A container that turns out to be damaged gives an
// error instead of io.EOF: until then nothing of it is to be trusted.
type Reader struct {
	io.Reader
	Kind     Kind
	Metadata Metadata // what stands in front of the content; nil without any
}

// Footer returns what stands behind the content of a CaRT, once that was read to its end.
func (r *Reader) Footer() Metadata {
	if u, ok := r.Reader.(*unpack); ok {
		return u.footer
	}
	return nil
}

// Open looks at how r begins and unwraps what follows. key is for a CaRT with a private one, else zero. A MalPZ is held in memory:
// one of more than limit bytes of content is refused, and it takes five times its content.
func Open(r io.Reader, key Key, limit int64) (*Reader, error) {
	b := bufio.NewReaderSize(r, 4<<10)
	head, err := b.Peek(SniffBytes)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch kind := KindOf(head); kind {
	case CaRT:
		u, meta, err := newUnpack(b, key)
		if err != nil {
			return nil, err
		}
		return &Reader{u, kind, meta}, nil
	case MalPZ:
		content, meta, err := readMalPZ(b, limit)
		if err != nil {
			return nil, err
		}
		return &Reader{bytes.NewReader(content), kind, meta}, nil
	}
	return &Reader{b, Raw, nil}, nil
}

// readMalPZ returns the content, at most limit bytes, and the rest of the JSON object.
func readMalPZ(r *bufio.Reader, limit int64) ([]byte, Metadata, error) {
	if _, err := r.Discard(len(malpzMagic)); err != nil {
		return nil, nil, err
	}
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, nil, malpzTrouble(err)
	}
	text, err := io.ReadAll(io.LimitReader(z, 2*limit+maxMetadata+1))
	if err != nil {
		return nil, nil, malpzTrouble(err)
	}
	if int64(len(text)) > 2*limit+maxMetadata {
		return nil, nil, fmt.Errorf("%w: its content has more than %d bytes", ErrFormat, limit)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, fmt.Errorf("%w: something follows the MalPZ", ErrFormat)
	}
	var object struct {
		Data *string  `json:"data"`
		MD5  string   `json:"md5sum"`
		Meta Metadata `json:"meta"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, nil, fmt.Errorf("%w: no JSON object in the MalPZ: %w", ErrFormat, err)
	}
	if object.Data == nil {
		return nil, nil, fmt.Errorf("%w: the MalPZ has no data", ErrFormat)
	}
	content, err := hex.DecodeString(*object.Data)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: the data of the MalPZ: %w", ErrFormat, err)
	}
	if int64(len(content)) > limit {
		return nil, nil, fmt.Errorf("%w: its content has more than %d bytes", ErrFormat, limit)
	}
	if sum := md5.Sum(content); object.MD5 != "" && object.MD5 != hex.EncodeToString(sum[:]) {
		return nil, nil, fmt.Errorf("%w: its md5 is %x, and %s is told", ErrDigest, sum, object.MD5)
	}
	return content, object.Meta, nil
}

func malpzTrouble(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return cut("content", err)
	}
	return fmt.Errorf("%w: the content of the MalPZ is damaged: %w", ErrFormat, err)
}
