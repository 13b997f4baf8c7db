package unzip

import (
	"archive/zip"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// The two ways in which ZIP files are encrypted: the traditional one (APPNOTE 6.1) and AES as WinZip writes it, AE-1 and AE-2
// (https://www.winzip.com/en/support/aes-encryption/).

const (
	methodAES   = 99
	extraAES    = 0x9901
	macBytes    = 10
	verifyBytes = 2
	iterations  = 1000
)

var errPassword = errors.New("the password is wrong")

// decrypt opens an encrypted file of an archive.
func decrypt(m *zip.File, password string) (io.ReadCloser, error) {
	if password == "" {
		return nil, errors.New("it is encrypted, and there is no password")
	}
	raw, err := m.OpenRaw()
	if err != nil {
		return nil, err
	}
	method := m.Method
	var plain io.Reader
	if method == methodAES {
		plain, method, err = decryptAES(m, raw, password)
	} else {
		plain, err = decryptTraditional(m, raw, password)
	}
	if err != nil {
		return nil, err
	}
	content := io.NopCloser(plain)
	switch method {
	case zip.Store:
	case zip.Deflate:
		content = &inflated{flate.NewReader(plain), plain}
	default:
		return nil, fmt.Errorf("it is packed by method %d, which is not known", method)
	}
	if m.Method == methodAES {
		return content, nil // which proves itself
	}
	return &summed{content, crc32.NewIEEE(), m.CRC32}, nil
}

// summed compares the CRC-32 of what was read with that of the archive.
type summed struct {
	io.ReadCloser
	sum  hash.Hash32
	want uint32
}

func (s *summed) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.sum.Write(b[:n])
	if err == io.EOF && s.sum.Sum32() != s.want {
		err = zip.ErrChecksum
	}
	return n, err
}

// inflated reads what is packed to its end, so that what is behind it, which proves it, is looked at as well.
type inflated struct {
	io.ReadCloser
	below io.Reader
}

func (f *inflated) Read(b []byte) (int, error) {
	n, err := f.ReadCloser.Read(b)
	if err == io.EOF {
		if _, below := io.Copy(io.Discard, f.below); below != nil {
			return n, below
		}
	}
	return n, err
}

// decryptAES reads the extra field, checks the password and returns what is inside and how that is packed.
func decryptAES(m *zip.File, raw io.Reader, password string) (io.Reader, uint16, error) {
	strength, method, ok := aesField(m.Extra)
	if !ok {
		return nil, 0, errors.New("it does not say how")
	}
	keyBytes, saltBytes := 8+8*int(strength), 4+4*int(strength)
	body := int64(m.CompressedSize64) - int64(saltBytes) - verifyBytes - macBytes
	if body < 0 {
		return nil, 0, io.ErrUnexpectedEOF
	}
	head := make([]byte, saltBytes+verifyBytes)
	if _, err := io.ReadFull(raw, head); err != nil {
		return nil, 0, err
	}
	keys, err := pbkdf2.Key(sha1.New, password, head[:saltBytes], iterations, 2*keyBytes+verifyBytes)
	if err != nil {
		return nil, 0, err
	}
	if !hmac.Equal(keys[2*keyBytes:], head[saltBytes:]) {
		return nil, 0, errPassword
	}
	block, err := aes.NewCipher(keys[:keyBytes])
	if err != nil {
		return nil, 0, err
	}
	return &aesReader{raw: raw, left: body, block: block, mac: hmac.New(sha1.New, keys[keyBytes:2*keyBytes])}, method, nil
}

// aesField finds strength (1 to 3) and method in the extra fields.
func aesField(extra []byte) (strength byte, method uint16, ok bool) {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return 0, 0, false
		}
		if id == extraAES && n >= 7 {
			strength, method = extra[4], binary.LittleEndian.Uint16(extra[5:])
			return strength, method, strength >= 1 && strength <= 3
		}
		extra = extra[n:]
	}
	return 0, 0, false
}

// aesReader decrypts in counter mode, whose counter is little-endian and begins with 1, and compares what authenticates the
// encrypted bytes at their end.
type aesReader struct {
	raw     io.Reader
	left    int64
	block   cipher.Block
	mac     hash.Hash
	counter uint64
	stream  [aes.BlockSize]byte
	used    int // of stream; 0 when a new block is needed
	checked bool
}

func (a *aesReader) Read(b []byte) (int, error) {
	if a.left == 0 {
		return 0, a.check()
	}
	n, err := a.raw.Read(b[:min(int64(len(b)), a.left)])
	a.left -= int64(n)
	a.mac.Write(b[:n])
	for i := range n {
		if a.used == 0 {
			a.counter++
			var in [aes.BlockSize]byte
			binary.LittleEndian.PutUint64(in[:], a.counter)
			a.block.Encrypt(a.stream[:], in[:])
		}
		b[i] ^= a.stream[a.used]
		a.used = (a.used + 1) % aes.BlockSize
	}
	if err == io.EOF && a.left > 0 {
		err = io.ErrUnexpectedEOF
	} else if err == io.EOF {
		err = nil // what authenticates it is not there, as check finds
	}
	return n, err
}

func (a *aesReader) check() error {
	if a.checked {
		return io.EOF
	}
	var mac [macBytes]byte
	if _, err := io.ReadFull(a.raw, mac[:]); err != nil {
		return io.ErrUnexpectedEOF
	}
	if !hmac.Equal(mac[:], a.mac.Sum(nil)[:macBytes]) {
		return errors.New("it is not what was encrypted")
	}
	a.checked = true
	return io.EOF
}

// traditional is the state of the traditional encryption: three keys.
type traditional [3]uint32

func (k *traditional) update(b byte) {
	k[0] = crc32.IEEETable[byte(k[0])^b] ^ k[0]>>8
	k[1] = (k[1]+k[0]&0xff)*134775813 + 1
	k[2] = crc32.IEEETable[byte(k[2])^byte(k[1]>>24)] ^ k[2]>>8
}

func (k *traditional) decrypt(b []byte) {
	for i := range b {
		t := k[2] | 2
		b[i] ^= byte(t * (t ^ 1) >> 8)
		k.update(b[i])
	}
}

// decryptTraditional reads the twelve bytes before the content, the last of which is the first of the CRC-32, or of the time when the
// CRC comes behind the content. One wrong password in 256 passes that; then the content proves it.
func decryptTraditional(m *zip.File, raw io.Reader, password string) (io.Reader, error) {
	k := traditional{0x12345678, 0x23456789, 0x34567890}
	for i := range len(password) {
		k.update(password[i])
	}
	var head [12]byte
	if _, err := io.ReadFull(raw, head[:]); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	k.decrypt(head[:])
	const behind = 8 // of the flags: sizes and CRC come behind the content
	check := byte(m.CRC32 >> 24)
	if m.Flags&behind != 0 {
		check = byte(m.ModifiedTime >> 8)
	}
	if head[11] != check {
		return nil, errPassword
	}
	return &traditionalReader{raw: raw, keys: k}, nil
}

type traditionalReader struct {
	raw  io.Reader
	keys traditional
}

func (t *traditionalReader) Read(b []byte) (int, error) {
	n, err := t.raw.Read(b)
	t.keys.decrypt(b[:n])
	return n, err
}
