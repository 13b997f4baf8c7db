package oldrar

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
)

// cipher decrypts data piece by piece.
type cipher interface{ decrypt(p []byte) }

// newCipher is the one that a version has.
func newCipher(version byte, password []byte) cipher {
	if version == version15 {
		return newStreamCipher(password)
	}
	return newBlockCipher(password)
}

// mostPassword is how many bytes of a password count.
const mostPassword = 127

// decrypter reads what a cipher leaves.
type decrypter struct {
	r     io.Reader
	c     cipher
	buf   [4096]byte // whole blocks
	ready []byte     // of buf
	err   error
}

func (d *decrypter) Read(p []byte) (int, error) {
	if len(d.ready) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		var n int
		n, d.err = io.ReadFull(d.r, d.buf[:])
		if d.err == io.ErrUnexpectedEOF {
			d.err = io.EOF
		}
		d.ready = d.buf[:n]
		d.c.decrypt(d.ready)
	}
	n := copy(p, d.ready)
	d.ready = d.ready[n:]
	if n == 0 && len(d.ready) == 0 {
		return 0, d.err
	}
	return n, nil
}

// streamCipher is that of RAR 1.5: four words that turn over with each byte.
type streamCipher struct{ key [4]uint16 }

func newStreamCipher(password []byte) *streamCipher {
	sum := ^crc32.ChecksumIEEE(password)
	s := &streamCipher{key: [4]uint16{uint16(sum), uint16(sum >> 16)}}
	for _, c := range password {
		t := crc32.IEEETable[c]
		s.key[2] ^= uint16(c) ^ uint16(t)
		s.key[3] += uint16(c) + uint16(t>>16)
	}
	return s
}

func (s *streamCipher) decrypt(p []byte) {
	k := &s.key
	for i := range p {
		k[0] += 0x1234
		t := crc32.IEEETable[byte(k[0]>>1)]
		k[1] ^= uint16(t)
		k[2] -= uint16(t >> 16)
		k[0] ^= k[2]
		k[3] = bits.RotateLeft16(bits.RotateLeft16(k[3], -1)^k[1], -1)
		k[0] ^= k[3]
		p[i] ^= byte(k[0] >> 8)
	}
}

const (
	blockSize = 16
	rounds    = 32
)

// blockCipher is that of RAR 2.0: blocks of four words, whose keys change with each block that was encrypted.
type blockCipher struct {
	key   [4]uint32
	boxes [256]byte // a permutation
}

func newBlockCipher(password []byte) *blockCipher {
	c := &blockCipher{key: [4]uint32{0xd3a3b879, 0x3f6d12f7, 0x7515a235, 0xa4e7f123}, boxes: permutation}
	padded := make([]byte, (len(password)+blockSize)/blockSize*blockSize)
	copy(padded, password)
	for j := range 256 {
		for i := 0; i < len(password); i += 2 {
			from := byte(crc32.IEEETable[padded[i]-byte(j)])
			to := byte(crc32.IEEETable[padded[i+1]+byte(j)])
			for k := 1; from != to; from, k = from+1, k+1 {
				with := from + byte(i+k)
				c.boxes[from], c.boxes[with] = c.boxes[with], c.boxes[from]
			}
		}
	}
	for i := 0; i < len(password); i += blockSize {
		c.encrypt(padded[i:])
	}
	return c
}

// encrypt encrypts one block.
func (c *blockCipher) encrypt(p []byte) {
	c.turn(p, 0)
	c.renew(p)
}

// decrypt decrypts whole blocks; what is no whole one stays as it is.
func (c *blockCipher) decrypt(p []byte) {
	for ; len(p) >= blockSize; p = p[blockSize:] {
		before := [blockSize]byte(p)
		c.turn(p, 3)
		c.renew(before[:])
	}
}

// turn does the rounds over a block. They take the keys in their order if flip is 0, for encryption, and backwards if it is 3.
func (c *blockCipher) turn(p []byte, flip int) {
	le := binary.LittleEndian
	var w [4]uint32
	for i := range w {
		w[i] = le.Uint32(p[4*i:]) ^ c.key[i]
	}
	for i := range rounds {
		key := c.key[i&3^flip]
		one := w[0] ^ c.substitute((w[2]+bits.RotateLeft32(w[3], 11))^key)
		two := w[1] ^ c.substitute((w[3]^bits.RotateLeft32(w[2], 17))+key)
		w = [4]uint32{w[2], w[3], one, two}
	}
	for i := range w {
		le.PutUint32(p[4*i:], w[i^2]^c.key[i])
	}
}

func (c *blockCipher) substitute(w uint32) uint32 {
	return uint32(c.boxes[byte(w)]) | uint32(c.boxes[byte(w>>8)])<<8 | uint32(c.boxes[byte(w>>16)])<<16 | uint32(c.boxes[w>>24])<<24
}

// renew changes the keys by an encrypted block.
func (c *blockCipher) renew(p []byte) {
	for i, b := range p[:blockSize] {
		c.key[i&3] ^= crc32.IEEETable[b]
	}
}

// permutation is what the boxes are made of.
var permutation = [256]byte{
	0xd7, 0x13, 0x95, 0x23, 0x49, 0xc5, 0xc0, 0xcd, 0xf9, 0x1c, 0x10, 0x77, 0x30, 0xdd, 0x02, 0x2a,
	0xe8, 0x01, 0xb1, 0xe9, 0x0e, 0x58, 0xdb, 0x19, 0xdf, 0xc3, 0xf4, 0x5a, 0x57, 0xef, 0x99, 0x89,
	0xff, 0xc7, 0x93, 0x46, 0x5c, 0x42, 0xf6, 0x0d, 0xd8, 0x28, 0x3e, 0x1d, 0xd9, 0xe6, 0x56, 0x06,
	0x47, 0x18, 0xab, 0xc4, 0x65, 0x71, 0xda, 0x7b, 0x5d, 0x5b, 0xa3, 0xb2, 0xca, 0x43, 0x2c, 0xeb,
	0x6b, 0xfa, 0x4b, 0xea, 0x31, 0xa7, 0x7d, 0xd3, 0x53, 0x72, 0x9d, 0x90, 0x20, 0xc1, 0x8f, 0x24,
	0x9e, 0x7c, 0xf7, 0xbb, 0x59, 0xd6, 0x8d, 0x2f, 0x79, 0xe4, 0x3d, 0x82, 0xd5, 0xc2, 0xae, 0xfb,
	0x61, 0x6e, 0x36, 0xe5, 0x73, 0x39, 0x98, 0x5e, 0x69, 0xf3, 0xd4, 0x37, 0xd1, 0xf5, 0x3f, 0x0b,
	0xa4, 0xc8, 0x1f, 0x9c, 0x51, 0xb0, 0xe3, 0x15, 0x4c, 0x63, 0x8b, 0xbc, 0x7f, 0x11, 0xf8, 0x33,
	0xcf, 0x78, 0xbd, 0xd2, 0x08, 0xe2, 0x29, 0x48, 0xb7, 0xcb, 0x87, 0xa5, 0xa6, 0x3c, 0x62, 0x07,
	0x7a, 0x26, 0x9b, 0xaa, 0x45, 0xac, 0xfc, 0xee, 0x27, 0x86, 0x3b, 0x80, 0xec, 0x1b, 0xf0, 0x50,
	0x83, 0x03, 0x55, 0xce, 0x91, 0x4f, 0x9a, 0x8e, 0x9f, 0xdc, 0xc9, 0x85, 0x4a, 0x40, 0x14, 0x81,
	0xe0, 0xb9, 0x8a, 0x67, 0xad, 0xb6, 0x2b, 0x22, 0xfe, 0x52, 0xc6, 0x97, 0xe7, 0xb4, 0x3a, 0x0a,
	0x76, 0x1a, 0x66, 0x0c, 0x32, 0x84, 0x16, 0xbf, 0x88, 0x6f, 0xa2, 0xb3, 0x2d, 0x04, 0x94, 0x6c,
	0xa1, 0x38, 0x4e, 0x7e, 0xf2, 0xde, 0x0f, 0xaf, 0x92, 0x17, 0x21, 0xf1, 0xb5, 0xbe, 0x4d, 0xe1,
	0x00, 0x2e, 0xa9, 0xba, 0x44, 0x5f, 0xed, 0x41, 0x35, 0xd0, 0xfd, 0xa8, 0x09, 0x12, 0x64, 0x34,
	0x74, 0xb8, 0xa0, 0x60, 0x6d, 0x25, 0x1e, 0x6a, 0x8c, 0x68, 0x96, 0x05, 0xcc, 0x75, 0x70, 0x54,
}
