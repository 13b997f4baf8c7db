package unbox

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
)

// errPassword tells that a password does not fit.
var errPassword = errors.New("the password does not fit")

// zipCrypto is the old encryption of zip (APPNOTE 6.1): three keys that every byte stirs.
type zipCrypto struct {
	r    io.Reader
	keys [3]uint32
}

const cryptoHeaderBytes = 12 // in front of the data

// newZipCrypto decrypts r. Of a wrong password it finds out with 255 of 256, by the last byte of the header: it is the highest of the checksum
// or, where that was not known yet, of the time.
func newZipCrypto(r io.Reader, password string, e *zipEntry) (io.Reader, error) {
	z := &zipCrypto{r: r, keys: [3]uint32{0x12345678, 0x23456789, 0x34567890}}
	for i := range len(password) {
		z.stir(password[i])
	}
	var h [cryptoHeaderBytes]byte
	if _, err := io.ReadFull(z, h[:]); err != nil {
		return nil, cutShort(err)
	}
	last := h[cryptoHeaderBytes-1]
	if last != byte(e.sum>>24) && (e.flags&flagDescriptor == 0 || last != byte(e.clock>>8)) {
		return nil, errPassword
	}
	return z, nil
}

func (z *zipCrypto) stir(c byte) {
	k := &z.keys
	k[0] = crc32.IEEETable[byte(k[0])^c] ^ k[0]>>8
	k[1] = (k[1]+k[0]&0xff)*134775813 + 1
	k[2] = crc32.IEEETable[byte(k[2])^byte(k[1]>>24)] ^ k[2]>>8
}

func (z *zipCrypto) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	for i, c := range p[:n] {
		t := z.keys[2] | 2
		c ^= byte(t * (t ^ 1) >> 8)
		z.stir(c)
		p[i] = c
	}
	return n, err
}

// WinZip's AES ("AES Encryption Information", versions AE-1 and AE-2).
const (
	aesVerifierBytes = 2
	aesSumBytes      = 10
	aesRounds        = 1000 // of PBKDF2
)

// aesCounter decrypts in counter mode, with a counter that has its lowest byte first, and checks what it reads.
type aesCounter struct {
	r       io.Reader // without the sum
	tail    io.Reader // the sum
	block   cipher.Block
	sum     hash.Hash
	counter uint64
	stream  [1 << 10]byte // of key, which is used up to at
	at      int
}

// newZipAES decrypts what r holds in packed bytes. Of a wrong password it finds out with all but one of 65,536.
func newZipAES(r io.ReaderAt, packed int64, strength byte, password string) (io.Reader, error) {
	key := 8 + 8*int(strength)
	salt := make([]byte, key/2+aesVerifierBytes)
	data := packed - int64(len(salt)) - aesSumBytes
	if data < 0 {
		return nil, errCutShort
	}
	if err := readFull(r, salt, 0); err != nil {
		return nil, err
	}
	keys, err := pbkdf2.Key(sha1.New, password, salt[:key/2], aesRounds, 2*key+aesVerifierBytes)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(keys[2*key:], salt[key/2:]) == 0 {
		return nil, errPassword
	}
	block, err := aes.NewCipher(keys[:key])
	if err != nil {
		return nil, err
	}
	at := int64(len(salt))
	c := &aesCounter{
		r: io.NewSectionReader(r, at, data), tail: io.NewSectionReader(r, at+data, aesSumBytes),
		block: block, sum: hmac.New(sha1.New, keys[key:2*key]),
	}
	c.at = len(c.stream)
	return c, nil
}

func (c *aesCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	for done := 0; done < n; {
		if c.at == len(c.stream) {
			c.refill()
		}
		k := subtle.XORBytes(p[done:n], p[done:n], c.stream[c.at:])
		c.at += k
		done += k
	}
	if err == io.EOF {
		err = c.check()
	}
	return n, err
}

func (c *aesCounter) refill() {
	for i := 0; i < len(c.stream); i += aes.BlockSize {
		c.counter++ // the first one is 1
		var counter [aes.BlockSize]byte
		binary.LittleEndian.PutUint64(counter[:], c.counter)
		c.block.Encrypt(c.stream[i:], counter[:])
	}
	c.at = 0
}

// check compares the sum at the end. Its error is io.EOF if it is right.
func (c *aesCounter) check() error {
	var want [aesSumBytes]byte
	if _, err := io.ReadFull(c.tail, want[:]); err != nil {
		return cutShort(err)
	}
	if !hmac.Equal(c.sum.Sum(nil)[:aesSumBytes], want[:]) {
		return errChecksum
	}
	return io.EOF
}
