package pdf

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"errors"
	"io"
)

// objectKey makes the key of one object (algorithm 1); AES of 256 bits takes the file's key for all of them.
func (c *crypt) objectKey(m method, id ID) []byte {
	if m == methodAES256 {
		return c.key
	}
	sum := md5.New()
	sum.Write(c.key)
	sum.Write([]byte{byte(id.Number), byte(id.Number >> 8), byte(id.Number >> 16), byte(id.Generation), byte(id.Generation >> 8)})
	if m == methodAES128 {
		sum.Write([]byte("sAlT"))
	}
	return sum.Sum(nil)[:min(len(c.key)+5, 16)]
}

// reader decrypts a stream.
func (c *crypt) reader(r io.Reader, m method, id ID) io.Reader {
	if m == methodAES256 && len(c.key) != 32 {
		return failing{errWrongKey}
	}
	key := c.objectKey(m, id)
	if m == methodRC4 {
		stream, err := rc4.NewCipher(key)
		if err != nil {
			return failing{err}
		}
		return cipher.StreamReader{S: stream, R: r}
	}
	if len(key) != 16 && len(key) != 32 {
		return failing{errWrongKey}
	}
	return &cbcReader{in: bufio.NewReader(r), block: newAES(key)}
}

var errWrongKey = errors.New("AES with a key of another length")

// failing is a reader of nothing.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// cbcReader decrypts AES in CBC mode: the first block is the initialization vector, the last one ends in padding (7.6.3.1).
type cbcReader struct {
	in     *bufio.Reader
	block  cipher.Block
	mode   cipher.BlockMode
	buffer [64 * aes.BlockSize]byte
	out    []byte
	err    error
}

func (c *cbcReader) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.fill()
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

var errPartOfBlock = errors.New("the data end within a block")

func (c *cbcReader) fill() {
	if c.mode == nil {
		var iv [aes.BlockSize]byte
		if _, c.err = io.ReadFull(c.in, iv[:]); c.err != nil {
			return // an empty stream has not even a vector
		}
		c.mode = cipher.NewCBCDecrypter(c.block, iv[:])
	}
	n, err := io.ReadFull(c.in, c.buffer[:])
	whole := n - n%aes.BlockSize
	c.out = c.buffer[:whole]
	c.mode.CryptBlocks(c.out, c.out)
	last := err == io.EOF || err == io.ErrUnexpectedEOF
	switch {
	case err != nil && !last:
		c.err = err
	case n != whole:
		c.err = errPartOfBlock
	case last:
		c.out, c.err = withoutPad(c.out), io.EOF
	default:
		if _, err := c.in.Peek(1); err == io.EOF {
			c.out, c.err = withoutPad(c.out), io.EOF
		}
	}
}

// withoutPad cuts the padding of the last block, if it has one.
func withoutPad(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	if n := int(b[len(b)-1]); n >= 1 && n <= aes.BlockSize && n <= len(b) {
		return b[:len(b)-n]
	}
	return b
}

// decryptString decrypts a string. What is too short to be one of AES is empty.
func decryptString(m method, key, s []byte) []byte {
	if m == methodRC4 {
		return rc4Of(key, s)
	}
	if len(s) < 2*aes.BlockSize || len(key) != 16 && len(key) != 32 {
		return nil
	}
	iv, body := s[:aes.BlockSize], s[aes.BlockSize:]
	body = body[:len(body)-len(body)%aes.BlockSize]
	cipher.NewCBCDecrypter(newAES(key), iv).CryptBlocks(body, body)
	return withoutPad(body)
}
