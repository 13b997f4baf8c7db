package bulk

import (
	"archive/zip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"io"
	"math"
)

// AE-2 is how WinZip encrypts a member (AES Encryption Information: Encryption Specification AE-1 and AE-2, version 1.04). The
// data of a member is
//
//	16 bytes of salt
//	2 bytes that tell most wrong passwords
//	the member, compressed, then encrypted by AES-256 in counter mode
//	the first 10 bytes of the HMAC-SHA1 of what is encrypted
//
// The counter is little-endian and begins with 1, which is not what cipher.NewCTR does. Both keys and the two bytes are
// PBKDF2-HMAC-SHA1 of password and salt. The header says method 99 and has an extra field with the method of compression. The
// CRC-32 is zero, since it would tell of the content.
const (
	aeMethod     = 99
	aeVersion    = 51     // of the readers that know it: 5.1
	aeExtra      = 0x9901 // header id
	aeIterations = 1000
	aeSaltBytes  = 16
	aeKeyBytes   = 32
	aeCheckBytes = 2
	aeMACBytes   = 10

	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3 // sizes stand behind the data
)

func addEncrypted(z *zip.Writer, name string, content io.Reader, password string) error {
	//lint:ignore SA1019 CreateRaw takes the time from this field alone
	header := &zip.FileHeader{Name: name, Method: aeMethod, Flags: flagEncrypted | flagDescriptor, ReaderVersion: aeVersion, ModifiedDate: 1<<5 | 1}
	header.Extra = binary.LittleEndian.AppendUint16(header.Extra, aeExtra)
	header.Extra = append(header.Extra, 7, 0, 2, 0, 'A', 'E', 3) // 7 bytes: AE-2 of the vendor AE, AES-256, and the method
	header.Extra = binary.LittleEndian.AppendUint16(header.Extra, zip.Deflate)
	to, err := z.CreateRaw(header)
	if err != nil {
		return err
	}
	encrypted, err := newEncrypter(to, password)
	if err != nil {
		return err
	}
	compressed, err := deflate(encrypted)
	if err != nil {
		return err
	}
	size, err := io.Copy(compressed, content)
	if err != nil {
		return err
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	if err := encrypted.Close(); err != nil {
		return err
	}
	setSizes(header, encrypted.written, size)
	return nil
}

// setSizes is what the next member, or the end, writes behind this one.
func setSizes(header *zip.FileHeader, compressed, size int64) {
	header.CompressedSize64, header.UncompressedSize64 = uint64(compressed), uint64(size)
	//lint:ignore SA1019 CreateRaw writes what stands here unless it is too large for it
	header.CompressedSize, header.UncompressedSize = uint32(min(compressed, math.MaxUint32)), uint32(min(size, math.MaxUint32))
}

// encrypter writes the data of a member in AE-2.
type encrypter struct {
	to      io.Writer
	written int64
	block   cipher.Block
	mac     hash.Hash
	counter [aes.BlockSize]byte
	keys    [4096]byte // of the stream, those from used on are next
	used    int
	buf     []byte
}

func newEncrypter(to io.Writer, password string) (*encrypter, error) {
	salt := make([]byte, aeSaltBytes)
	rand.Read(salt) // never fails
	keys, err := pbkdf2.Key(sha1.New, password, salt, aeIterations, 2*aeKeyBytes+aeCheckBytes)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(keys[:aeKeyBytes])
	if err != nil {
		return nil, err
	}
	e := &encrypter{to: to, block: block, mac: hmac.New(sha1.New, keys[aeKeyBytes:2*aeKeyBytes])}
	e.used = len(e.keys)
	return e, e.write(append(salt, keys[2*aeKeyBytes:]...))
}

// Write implements io.Writer.
func (e *encrypter) Write(p []byte) (int, error) {
	e.buf = append(e.buf[:0], p...)
	for rest := e.buf; len(rest) > 0; {
		if e.used == len(e.keys) {
			e.nextKeys()
		}
		n := subtle.XORBytes(rest, rest, e.keys[e.used:])
		e.used += n
		rest = rest[n:]
	}
	e.mac.Write(e.buf)
	return len(p), e.write(e.buf)
}

func (e *encrypter) nextKeys() {
	for at := 0; at < len(e.keys); at += aes.BlockSize {
		n := binary.LittleEndian.Uint64(e.counter[:]) + 1
		binary.LittleEndian.PutUint64(e.counter[:], n)
		e.block.Encrypt(e.keys[at:], e.counter[:])
	}
	e.used = 0
}

// Close writes what stands behind the encrypted data.
func (e *encrypter) Close() error { return e.write(e.mac.Sum(nil)[:aeMACBytes]) }

func (e *encrypter) write(p []byte) error {
	n, err := e.to.Write(p)
	e.written += int64(n)
	return err
}
