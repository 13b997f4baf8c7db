package blob

import (
	"bufio"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Encrypted keeps objects in another store so that who has its bytes cannot read or change them without a key. Names,
// sizes and times stay as they are.
//
// An object begins with 32 bytes: cryptMagic and a salt of 24. HKDF-SHA256 (RFC 5869) makes the object's own AES-256 key of
// the store's key and the salt. Then come chunks of 64 KiB, the last of which may be shorter and is empty only in an empty
// object; each is sealed with AES-GCM, which adds 16 bytes. The nonce is STREAM's (Hoang, Reyhanitabar, Rogaway, Vizár:
// Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015): seven zero bytes, the chunk's number in
// four, and one that is 1 for the last chunk. So no chunk can be changed, moved, left out or cut off unseen, and any range
// can be read by itself. Whole objects can be exchanged by who may write to the store: their SHA-256 tells that.
type Encrypted struct {
	Store
	key []byte

	mu      sync.Mutex
	ciphers map[Key]cipher.AEAD // of objects that were read, so that a range is one request
}

// Encrypt wraps a store. key has KeySize bytes.
func Encrypt(s Store, key []byte) (*Encrypted, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("the store's key must have %d bytes; this one has %d", KeySize, len(key))
	}
	return &Encrypted{Store: s, key: key, ciphers: map[Key]cipher.AEAD{}}, nil
}

// KeySize is the size of a store's key, in bytes.
const KeySize = 32

// ErrDecrypt tells that an object cannot be decrypted: it has another key, none, or it was changed.
var ErrDecrypt = errors.New("cannot be decrypted: it is encrypted with another key, not encrypted at all, or damaged")

const (
	cryptMagic  = "lazuli\x01\x10" // version 1, chunks of 1<<16 bytes
	cryptHeader = 32
	chunkSize   = 1 << 16
	chunkTag    = 16
	sealedSize  = chunkSize + chunkTag
	maxCiphers  = 4096 // a few hundred bytes each
)

// plainSize is the size of the content of an object that has n bytes in the store.
func plainSize(n int64) (int64, error) {
	body := n - cryptHeader
	full, rest := body/sealedSize, body%sealedSize
	if body < chunkTag || rest > 0 && rest < chunkTag || rest == chunkTag && full > 0 {
		return 0, fmt.Errorf("%w (it has %d bytes)", ErrDecrypt, n)
	}
	return full*chunkSize + max(rest-chunkTag, 0), nil
}

func (s *Encrypted) cipher(header []byte) (cipher.AEAD, error) {
	if string(header[:len(cryptMagic)]) != cryptMagic {
		return nil, ErrDecrypt
	}
	key, err := hkdf.Key(sha256.New, s.key, header[len(cryptMagic):cryptHeader], "lazuli blob", KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func nonce(chunk int64, last bool) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint32(n[7:], uint32(chunk)) // 2^32 chunks are 256 TiB; more is refused by Write
	if last {
		n[11] = 1
	}
	return n
}

const maxChunks = 1 << 32

// Create implements Store.
func (s *Encrypted) Create(ctx context.Context) (Upload, error) {
	header := make([]byte, cryptHeader)
	copy(header, cryptMagic)
	rand.Read(header[len(cryptMagic):])
	aead, err := s.cipher(header)
	if err != nil {
		return nil, err
	}
	inner, err := s.Store.Create(ctx)
	if err != nil {
		return nil, err
	}
	u := &cryptUpload{inner: inner, aead: aead, tail: make([]byte, 0, sealedSize)}
	if _, err := inner.Write(header); err != nil {
		inner.Discard()
		return nil, err
	}
	return u, nil
}

// cryptUpload seals each chunk when the next one begins: only then is it known not to be the last.
type cryptUpload struct {
	inner  Upload
	aead   cipher.AEAD
	sealed int64  // chunks that were written
	tail   []byte // of the content, what is not yet; with room for the tag
	ended  bool   // the last chunk was written
	err    error  // of the first write that failed
}

// Write implements Upload.
func (u *cryptUpload) Write(p []byte) (n int, err error) {
	if u.ended {
		return 0, errEnded
	}
	for len(p) > 0 && u.err == nil {
		if len(u.tail) == chunkSize {
			if u.err = u.seal(false); u.err != nil {
				break
			}
		}
		k := min(len(p), chunkSize-len(u.tail))
		u.tail = append(u.tail, p[:k]...)
		p, n = p[k:], n+k
	}
	return n, u.err
}

func (u *cryptUpload) seal(last bool) error {
	if u.sealed == maxChunks {
		return errors.New("an encrypted object has at most 256 TiB")
	}
	out := u.aead.Seal(u.tail[:0], nonce(u.sealed, last), u.tail, nil)
	if _, err := u.inner.Write(out); err != nil {
		return err
	}
	u.sealed++
	u.tail = u.tail[:0]
	return nil
}

// ReadAt implements Upload.
func (u *cryptUpload) ReadAt(p []byte, off int64) (n int, err error) {
	if u.ended {
		return 0, errEnded
	}
	var buf []byte
	for n < len(p) {
		chunk, at := (off+int64(n))/chunkSize, (off+int64(n))%chunkSize
		plain := u.tail
		if chunk < u.sealed {
			if buf == nil {
				buf = make([]byte, sealedSize)
			}
			if _, err := u.inner.ReadAt(buf, cryptHeader+chunk*sealedSize); err != nil && err != io.EOF {
				return n, err
			}
			if plain, err = u.aead.Open(buf[:0], nonce(chunk, false), buf, nil); err != nil {
				return n, ErrDecrypt
			}
		}
		if chunk > u.sealed || at >= int64(len(plain)) {
			return n, io.EOF
		}
		n += copy(p[n:], plain[at:])
	}
	return n, nil
}

// Commit implements Upload.
func (u *cryptUpload) Commit(ctx context.Context, k Key) error {
	if err := k.Valid(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if u.err != nil {
		return fmt.Errorf("commit %s: it is incomplete: %w", k, u.err)
	}
	if !u.ended {
		if u.err = u.seal(true); u.err != nil {
			return fmt.Errorf("commit %s: %w", k, u.err)
		}
		u.ended = true
	}
	return u.inner.Commit(ctx, k)
}

// Discard implements Upload.
func (u *cryptUpload) Discard() {
	u.ended = true
	u.inner.Discard()
}

// Stat implements Store.
func (s *Encrypted) Stat(ctx context.Context, k Key) (Info, error) {
	info, err := s.Store.Stat(ctx, k)
	if err != nil {
		return Info{}, err
	}
	if info.Size, err = plainSize(info.Size); err != nil {
		return Info{}, fmt.Errorf("stat %s: %w", k, err)
	}
	return info, nil
}

// Walk implements Store. An object that cannot have been encrypted has the size -1.
func (s *Encrypted) Walk(ctx context.Context, fn func(Key, Info) error) error {
	return s.Store.Walk(ctx, func(k Key, info Info) error {
		size, err := plainSize(info.Size)
		if err != nil {
			size = -1
		}
		info.Size = size
		return fn(k, info)
	})
}

// Delete implements Store.
func (s *Encrypted) Delete(ctx context.Context, k Key) error {
	s.forget(k)
	return s.Store.Delete(ctx, k)
}

// Open implements Store. It is one request of the store below, but for the first range of an object that does not begin near
// the object's start: that needs the header first.
func (s *Encrypted) Open(ctx context.Context, k Key, off, n int64) (io.ReadCloser, error) {
	if off < 0 || off >= maxChunks*chunkSize {
		return nil, pastEnd(k, off)
	}
	r, err := s.open(ctx, k, off, n)
	if errors.Is(err, ErrDecrypt) {
		s.forget(k) // it may have been deleted and put again, with another salt
		r, err = s.open(ctx, k, off, n)
	}
	if errors.Is(err, ErrDecrypt) {
		err = fmt.Errorf("open %s: %w", k, err)
	}
	return r, err
}

func (s *Encrypted) open(ctx context.Context, k Key, off, n int64) (io.ReadCloser, error) {
	if n == 0 {
		return openNothing(ctx, s, k, off)
	}
	first := off / chunkSize
	begin, length := cryptHeader+first*sealedSize, int64(-1)
	if n > 0 && n <= maxChunks*chunkSize {
		last := (off + n - 1) / chunkSize
		length = (last-first+1)*sealedSize + 1 // one byte more tells whether that is the object's last chunk
	}
	aead := s.known(k)
	from := begin
	if aead == nil && first <= headerNear {
		from = 0
		if length >= 0 {
			length += begin
		}
	}
	if aead == nil && from > 0 {
		header, err := s.Store.Open(ctx, k, 0, cryptHeader)
		if err != nil {
			return nil, err
		}
		aead, err = s.readHeader(k, header)
		if err := errors.Join(err, header.Close()); err != nil {
			return nil, err
		}
	}
	body, err := s.Store.Open(ctx, k, from, length)
	if errors.Is(err, ErrRange) && first == 0 {
		return nil, ErrDecrypt // even an empty object has a header and a chunk
	}
	if err != nil {
		return nil, err
	}
	r := &cryptReader{body: body, in: bufio.NewReaderSize(body, sealedSize+1), aead: aead, chunk: first, left: n, buf: make([]byte, 0, chunkSize)}
	if err := s.begin(k, r, from, begin, off); err != nil {
		body.Close()
		return nil, err
	}
	return r, nil
}

// headerNear is the last chunk for which it is better to read from the object's start than to ask for the header alone.
const headerNear = 15

// begin reads what lies before the range, and its first chunk.
func (s *Encrypted) begin(k Key, r *cryptReader, from, begin, off int64) (err error) {
	if r.aead == nil {
		if r.aead, err = s.readHeader(k, r.in); err != nil {
			return err
		}
		from = cryptHeader
	}
	if _, err := r.in.Discard(int(begin - from)); err == io.EOF {
		return pastEnd(k, off)
	} else if err != nil {
		return err
	}
	if _, err := r.in.Peek(1); err == io.EOF && r.chunk > 0 {
		return pastEnd(k, off)
	}
	if err := r.next(); err != nil {
		return err
	}
	at := off % chunkSize
	if at > int64(len(r.plain)) || at == int64(len(r.plain)) && off > 0 {
		return pastEnd(k, off)
	}
	r.plain = r.plain[at:]
	return nil
}

func (s *Encrypted) readHeader(k Key, r io.Reader) (cipher.AEAD, error) {
	header := make([]byte, cryptHeader)
	if _, err := io.ReadFull(r, header); err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, ErrDecrypt
	} else if err != nil {
		return nil, err
	}
	aead, err := s.cipher(header)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.ciphers {
		if len(s.ciphers) < maxCiphers {
			break
		}
		delete(s.ciphers, other)
	}
	s.ciphers[k] = aead
	return aead, nil
}

func (s *Encrypted) known(k Key) cipher.AEAD {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ciphers[k]
}

func (s *Encrypted) forget(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ciphers, k)
}

// cryptReader opens one chunk after the other.
type cryptReader struct {
	body  io.Closer
	in    *bufio.Reader // holds a sealed chunk and the byte after it
	aead  cipher.AEAD
	chunk int64  // number of the next one
	buf   []byte // of a chunk
	plain []byte // in buf, what was not read yet
	last  bool   // that was the object's last
	left  int64  // bytes of the range; negative: all there are
	err   error
}

// next opens a chunk.
func (r *cryptReader) next() error {
	sealed, err := r.in.Peek(sealedSize + 1)
	switch {
	case err == nil:
		sealed = sealed[:sealedSize]
	case err == io.EOF:
		r.last = true
	default:
		return err
	}
	size := len(sealed)
	if r.plain, err = r.aead.Open(r.buf[:0], nonce(r.chunk, r.last), sealed, nil); err != nil {
		return fmt.Errorf("its part at byte %d %w", r.chunk*chunkSize, ErrDecrypt)
	}
	r.chunk++
	_, err = r.in.Discard(size)
	return err
}

// Read implements io.Reader.
func (r *cryptReader) Read(p []byte) (int, error) {
	for len(r.plain) == 0 && r.left != 0 && r.err == nil {
		if r.last {
			r.err = io.EOF
		} else {
			r.err = r.next()
		}
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.err != nil {
		return 0, r.err
	}
	if r.left > 0 {
		p = p[:min(int64(len(p)), r.left)]
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	if r.left > 0 {
		r.left -= int64(n)
	}
	return n, nil
}

// Close implements io.Closer.
func (r *cryptReader) Close() error { return r.body.Close() }
