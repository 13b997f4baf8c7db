// Package cart wraps malware so that nothing runs or scans it by accident, and unwraps it: CaRT, as written by
// CybercentreCanada's cart, both ways, and MalPZ, which is only read.
//
// Both are neutering, not encryption: the key is in the file. Begin with NewWriter and Open. Nothing here trusts what a
// container says of its own size; memory is constant, except for MalPZ, whose reader says how much it takes.
//
// A CaRT is, with all numbers little-endian:
//
//	header   "CART", u16 version 1, u64 0, 16 bytes of RC4 key, u64 length of the next part
//	metadata RC4(JSON object), may be missing
//	body     RC4(zlib(content))
//	footer   RC4(JSON object), may be missing; by custom "length", "md5", "sha1" and "sha256" of the content
//	trailer  "TRAC", u64 0, u64 offset of the footer, u64 length of the footer
//
// RC4 begins anew for each part. A container with a key of somebody's own holds zeros where the key would stand.
package cart

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	fast "github.com/klauspost/compress/zlib"
)

// Key is an RC4 key. The zero Key stands for the one that everybody knows.
type Key [16]byte

var commonKey = Key{3, 1, 4, 1, 5, 9, 2, 6, 3, 1, 4, 1, 5, 9, 2, 6}

// Metadata is what a container says of its content: by custom "name" in the one before the content, and "length", "md5",
// "sha1" and "sha256" in the one behind.
type Metadata map[string]any

// Name returns the content's file name, or "".
func (m Metadata) Name() string {
	name, _ := m["name"].(string)
	return name
}

const (
	headerBytes  = 4 + 2 + 8 + 16 + 8
	trailerBytes = 4 + 8 + 8 + 8
	maxMetadata  = 1 << 20 // bytes of JSON in front of the content, and behind it
)

// The errors of a container that cannot be unwrapped. They come wrapped in a sentence that says where and why.
var (
	ErrFormat = errors.New("not a container that can be unwrapped")
	ErrKey    = errors.New("another key is needed")
	ErrDigest = errors.New("the content is not what the container says")
)

func (k Key) cipher() *rc4.Cipher {
	if k == (Key{}) {
		k = commonKey
	}
	c, err := rc4.NewCipher(k[:])
	if err != nil {
		panic(err) // for keys of other lengths only
	}
	return c
}

// Writer wraps what is written to it. Close must be called; it does not close what is below.
type Writer struct {
	to     counted
	key    Key
	cipher *cipherWriter
	zlib   *fast.Writer
	size   int64
	hashes hashes
}

// hashes are those of a footer.
type hashes struct{ md5, sha1, sha256 hash.Hash }

func newHashes() hashes { return hashes{md5.New(), sha1.New(), sha256.New()} }

func (h hashes) write(p []byte) {
	h.md5.Write(p)
	h.sha1.Write(p)
	h.sha256.Write(p)
}

func (h hashes) sums() map[string]string {
	sum := func(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
	return map[string]string{"md5": sum(h.md5), "sha1": sum(h.sha1), "sha256": sum(h.sha256)}
}

// NewWriter begins a container.
func NewWriter(w io.Writer, key Key, meta Metadata) (*Writer, error) {
	c := &Writer{to: counted{w: w}, key: key, hashes: newHashes()}
	var text []byte
	if len(meta) > 0 {
		var err error
		if text, err = json.Marshal(meta); err != nil {
			return nil, fmt.Errorf("encode the metadata: %w", err)
		}
		if len(text) > maxMetadata {
			return nil, fmt.Errorf("the metadata takes %d bytes, the limit is %d", len(text), maxMetadata)
		}
	}
	header := append(make([]byte, 0, headerBytes+len(text)), "CART\x01\x00"...)
	header = binary.LittleEndian.AppendUint64(header, 0)
	shown := commonKey
	if key != (Key{}) {
		shown = Key{}
	}
	header = append(header, shown[:]...)
	header = binary.LittleEndian.AppendUint64(header, uint64(len(text)))
	key.cipher().XORKeyStream(text, text)
	if _, err := c.to.Write(append(header, text...)); err != nil {
		return nil, err
	}
	var err error
	// A program is wrapped in two thirds of the processor time that compress/zlib takes, and gets 3 % larger.
	c.cipher = &cipherWriter{w: &c.to, cipher: key.cipher(), buf: make([]byte, 0, writeBytes)}
	c.zlib, err = fast.NewWriterLevel(c.cipher, fast.BestSpeed)
	return c, err
}

// Write implements io.Writer.
func (c *Writer) Write(p []byte) (int, error) {
	n, err := c.zlib.Write(p)
	c.size += int64(n)
	c.hashes.write(p[:n])
	return n, err
}

// Close writes what stands behind the content.
func (c *Writer) Close() error {
	if err := c.zlib.Close(); err != nil {
		return err
	}
	if err := c.cipher.flush(); err != nil {
		return err
	}
	footer := map[string]string{"length": strconv.FormatInt(c.size, 10)}
	for name, sum := range c.hashes.sums() {
		footer[name] = sum
	}
	text, err := json.Marshal(footer)
	if err != nil {
		return err
	}
	c.key.cipher().XORKeyStream(text, text)
	at := c.to.n
	end := append(text, "TRAC"...)
	end = binary.LittleEndian.AppendUint64(end, 0)
	end = binary.LittleEndian.AppendUint64(end, uint64(at))
	end = binary.LittleEndian.AppendUint64(end, uint64(len(text)))
	_, err = c.to.Write(end)
	return err
}

// Wrap writes a container of all that is in r.
func Wrap(w io.Writer, r io.Reader, key Key, meta Metadata) error {
	c, err := NewWriter(w, key, meta)
	if err != nil {
		return err
	}
	if _, err := io.Copy(c, r); err != nil {
		return err
	}
	return c.Close()
}

type counted struct {
	w io.Writer
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// writeBytes is how much is encrypted and written at a time. The compressor hands over some 240 bytes, and a write may be a call of the
// system, or set a connection's deadline anew.
const writeBytes = 64 << 10

// cipherWriter gathers what it is given, encrypts it and passes it on. What is left at the end takes a flush.
type cipherWriter struct {
	w      io.Writer
	cipher *rc4.Cipher
	buf    []byte // up to its capacity, not encrypted yet
}

func (c *cipherWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		k := min(len(p), cap(c.buf)-len(c.buf))
		c.buf = append(c.buf, p[:k]...)
		n, p = n+k, p[k:]
		if len(c.buf) < cap(c.buf) {
			continue
		}
		if err := c.flush(); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (c *cipherWriter) flush() error {
	c.cipher.XORKeyStream(c.buf, c.buf)
	_, err := c.w.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

// readMetadata decodes n bytes of JSON.
func readMetadata(text []byte, key Key) (Metadata, error) {
	if len(text) == 0 {
		return nil, nil
	}
	plain := make([]byte, len(text))
	key.cipher().XORKeyStream(plain, text)
	var m Metadata
	if err := json.Unmarshal(plain, &m); err != nil {
		return nil, ErrKey
	}
	return m, nil
}

// unpack is the reader of a CaRT.
type unpack struct {
	key    Key
	body   *cipherReader
	zlib   io.ReadCloser
	size   int64
	hashes hashes
	footer Metadata
	err    error
}

func newUnpack(r io.Reader, key Key) (*unpack, Metadata, error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, nil, cut("header", err)
	}
	if version := binary.LittleEndian.Uint16(header[4:]); version != 1 || binary.LittleEndian.Uint64(header[6:]) != 0 {
		return nil, nil, fmt.Errorf("%w: a CaRT of version %d is not known", ErrFormat, version)
	}
	shown := Key(header[14:30])
	if key == (Key{}) {
		if shown == (Key{}) {
			return nil, nil, fmt.Errorf("%w: this CaRT was made with a private one", ErrKey)
		}
		key = shown
	}
	length := binary.LittleEndian.Uint64(header[30:])
	if length > maxMetadata {
		return nil, nil, fmt.Errorf("%w: its metadata would take %d bytes, the limit is %d", ErrFormat, length, maxMetadata)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, nil, cut("metadata", err)
	}
	meta, err := readMetadata(text, key)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: the metadata cannot be read", err)
	}
	u := &unpack{key: key, body: &cipherReader{r: r, cipher: key.cipher()}, hashes: newHashes()}
	if u.zlib, err = zlib.NewReader(u.body); err != nil {
		if errors.Is(err, zlib.ErrHeader) && length == 0 {
			err = fmt.Errorf("%w, or the content is damaged", ErrKey)
		}
		return nil, nil, u.trouble(err)
	}
	return u, meta, nil
}

// trouble says what an error in the body means.
func (u *unpack) trouble(err error) error {
	switch {
	case u.body.err != nil && u.body.err != io.EOF:
		return u.body.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return cut("content", err)
	case errors.Is(err, ErrKey):
		return err
	}
	return fmt.Errorf("%w: the content is damaged: %w", ErrFormat, err)
}

// Read implements io.Reader. io.EOF comes only when all that stands behind the content was found to be right.
func (u *unpack) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.zlib.Read(p)
	u.size += int64(n)
	u.hashes.write(p[:n])
	if err == io.EOF {
		if err = u.end(); err == nil {
			err = io.EOF
		}
	} else if err != nil {
		err = u.trouble(err)
	}
	u.err = err
	return n, err
}

// end reads what stands behind the content, and compares.
func (u *unpack) end() error {
	text, err := io.ReadAll(io.LimitReader(u.body.rest(), maxMetadata+trailerBytes+1))
	if err != nil {
		return err
	}
	n := len(text) - trailerBytes
	if n < 0 {
		return cut("trailer", io.ErrUnexpectedEOF)
	}
	trailer := text[n:]
	if string(trailer[:4]) != "TRAC" || binary.LittleEndian.Uint64(trailer[20:]) != uint64(n) {
		return fmt.Errorf("%w: no trailer of a CaRT follows the content", ErrFormat)
	}
	if u.footer, err = readMetadata(text[:n], u.key); err != nil {
		return fmt.Errorf("%w: what stands behind the content cannot be read", ErrFormat)
	}
	for name, sum := range u.hashes.sums() {
		if told, ok := u.footer[name].(string); ok && !strings.EqualFold(told, sum) {
			return fmt.Errorf("%w: its %s is %s, and %s is told", ErrDigest, name, sum, told)
		}
	}
	return nil
}

func cut(where string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it ends in its %s", ErrFormat, where)
	}
	return err
}

// cipherReader decrypts, and knows what of its source was not asked for: zlib reads no byte too many from an io.ByteReader.
type cipherReader struct {
	r          io.Reader
	cipher     *rc4.Cipher
	raw, plain [4 << 10]byte
	pos, n     int
	err        error // of r
}

func (c *cipherReader) fill() error {
	if c.pos < c.n {
		return nil
	}
	for c.err == nil {
		c.pos = 0
		c.n, c.err = c.r.Read(c.raw[:])
		c.cipher.XORKeyStream(c.plain[:c.n], c.raw[:c.n])
		if c.n > 0 {
			return nil
		}
	}
	return c.err
}

// ReadByte implements io.ByteReader.
func (c *cipherReader) ReadByte() (byte, error) {
	if err := c.fill(); err != nil {
		return 0, err
	}
	c.pos++
	return c.plain[c.pos-1], nil
}

// Read implements io.Reader.
func (c *cipherReader) Read(p []byte) (int, error) {
	if err := c.fill(); err != nil {
		return 0, err
	}
	n := copy(p, c.plain[c.pos:c.n])
	c.pos += n
	return n, nil
}

// rest returns what was not asked for, as it is in the source.
func (c *cipherReader) rest() io.Reader {
	left := io.Reader(bytes.NewReader(c.raw[c.pos:c.n]))
	if c.err != nil {
		return left
	}
	return io.MultiReader(left, c.r)
}
