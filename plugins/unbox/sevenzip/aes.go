package sevenzip

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf16"

	"lazuli/plugins/unbox/archive"
)

// The first byte of the properties of 7zAES.
const (
	aesRounds = 0x3f // of the derivation of the key, as a power of two
	aesRaw    = 0x3f // as the number of rounds: the password itself is the key
	aesVector = 0x40 // there is an initialization vector
	aesSalt   = 0x80
)

// keys keeps keys that took long to derive.
type keys map[string][]byte

// openAES decrypts AES-256 in CBC mode.
func openAES(c *call) (io.Reader, error) {
	p := c.props
	if len(p) < 1 {
		return nil, damaged("encryption has no properties")
	}
	rounds := int(p[0] & aesRounds)
	var salt []byte
	var vector [aes.BlockSize]byte
	if p[0]&(aesVector|aesSalt) != 0 {
		if len(p) < 2 {
			return nil, damaged("encryption has too few properties")
		}
		saltBytes, vectorBytes := int(p[0]>>7+p[1]>>4), int(p[0]>>6&1+p[1]&0x0f)
		if len(p) != 2+saltBytes+vectorBytes {
			return nil, damaged("encryption has properties of a wrong length")
		}
		salt = p[2 : 2+saltBytes]
		copy(vector[:], p[2+saltBytes:])
	}
	if rounds != aesRaw && rounds > c.archive.options.MostRounds {
		return nil, fmt.Errorf("7z: the key takes 2^%d rounds to derive, of which only 2^%d are done: %w", rounds, c.archive.options.MostRounds, archive.ErrEncrypted)
	}
	block, err := aes.NewCipher(c.archive.key(c.password, salt, rounds))
	if err != nil {
		return nil, err
	}
	return &decrypter{in: c.in[0], mode: cipher.NewCBCDecrypter(block, vector[:])}, nil
}

// key derives a key: the SHA-256 of salt, password and a counter again and again.
func (a *Archive) key(password string, salt []byte, rounds int) []byte {
	name := fmt.Sprintf("%d %x %s", rounds, salt, password)
	if key := a.keys[name]; key != nil {
		return key
	}
	once := append([]byte{}, salt...)
	for _, u := range utf16.Encode([]rune(password)) {
		once = binary.LittleEndian.AppendUint16(once, u)
	}
	key := make([]byte, sha256.Size)
	if rounds == aesRaw {
		copy(key, once)
	} else {
		key = stretch(once, rounds)
	}
	if a.keys == nil {
		a.keys = keys{}
	}
	a.keys[name] = key
	return key
}

func stretch(once []byte, rounds int) []byte {
	const together = 64 // rounds that are given to the hash at once
	step := len(once) + 8
	var many []byte
	for range min(together, 1<<rounds) {
		many = binary.LittleEndian.AppendUint64(append(many, once...), 0)
	}
	h := sha256.New()
	for n := uint64(0); n < 1<<rounds; {
		for i := len(once); i < len(many); i += step {
			binary.LittleEndian.PutUint64(many[i:], n)
			n++
		}
		h.Write(many)
	}
	return h.Sum(nil)
}

// decrypter decrypts whole blocks; what is less at the end is lost.
type decrypter struct {
	in   io.Reader
	mode cipher.BlockMode
	buf  [8 << 10]byte
	out  []byte // of buf, not given out yet
	err  error
}

func (d *decrypter) Read(p []byte) (int, error) {
	if len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		n, err := io.ReadFull(d.in, d.buf[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		d.err = err
		d.out = d.buf[:n-n%aes.BlockSize]
		d.mode.CryptBlocks(d.out, d.out)
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	if n == 0 && len(p) > 0 {
		return 0, d.err
	}
	return n, nil
}
