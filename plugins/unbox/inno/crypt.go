package inno

import (
	"bytes"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"slices"
	"unicode/utf16"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/text/encoding"

	"lazuli/plugins/unbox/archive"
)

// Up to 6.3 files are encrypted by ARC4, with a key for each chunk from its salt and the password; later by XChaCha20, with one key and a
// nonce for each chunk ("Shared.EncryptionFunc.pas" of Inno Setup).

const (
	arcSalt    = 8    // bytes in front of a chunk, and of that of the password's hash
	arcSkipped = 1000 // bytes of the key stream
	arcTest    = "PasswordCheckHash"

	mostRounds = 1 << 22 // that derive a key: 220000 are usual
)

// What a nonce has in place of a chunk's slice.
const (
	nonceTest    = ^uint32(0)
	nonceHeader  = ^uint32(1)
	nonceRecords = ^uint32(2)
)

// lock is what an installer says of its password.
type lock struct {
	encode func(password string) []byte
	full   bool // the header is encrypted too

	sum  func() hash.Hash // of ARC4; nil with XChaCha20
	salt []byte
	test []byte // what a right password leads to

	rounds uint32
	nonce  [chacha20.NonceSizeX]byte
}

// arcLock reads what the header says up to 6.3.
func arcLock(f *fields, v version) *lock {
	l := &lock{sum: sha1.New}
	if v.before(5, 3, 9) {
		l.sum = md5.New
	}
	l.test = f.bytes(v.checksumBytes())
	l.salt = f.bytes(arcSalt)
	return l
}

const (
	kdfSalt     = 16
	testBytes   = 4
	chachaBytes = kdfSalt + 4 + chacha20.NonceSizeX
	lockBytes   = 4 + 1 + chachaBytes + testBytes // in front of the header, since 6.5
)

// chachaLock takes salt, rounds and nonce.
func chachaLock(p, test []byte) *lock {
	l := &lock{salt: p[:kdfSalt], rounds: binary.LittleEndian.Uint32(p[kdfSalt:]), test: test}
	copy(l.nonce[:], p[kdfSalt+4:])
	return l
}

// work is how often a hash is computed to try a password, about.
func (l *lock) work() int { return int(min(l.rounds, mostRounds)) }

// key is what opens chunks.
type key struct {
	lock     *lock
	password []byte // of ARC4
	chacha   []byte
}

// open tries a password: nil if it is not the right one.
func (l *lock) open(password string) *key {
	k := &key{lock: l, password: l.encode(password)}
	if l.sum != nil {
		h := l.sum()
		h.Write(slices.Concat([]byte(arcTest), l.salt, k.password))
		if !bytes.Equal(h.Sum(nil), l.test) {
			return nil
		}
		return k
	}
	if l.rounds == 0 || l.rounds > mostRounds {
		return nil
	}
	var err error
	if k.chacha, err = pbkdf2.Key(sha256.New, string(k.password), l.salt, int(l.rounds), chacha20.KeySize); err != nil {
		return nil
	}
	test := make([]byte, testBytes)
	k.stream(0, nonceTest).XORKeyStream(test, test)
	if !bytes.Equal(test, l.test) {
		return nil
	}
	return k
}

// stream is the key stream of XChaCha20 for a chunk.
func (k *key) stream(offset uint64, slice uint32) *chacha20.Cipher {
	le := binary.LittleEndian
	nonce := k.lock.nonce
	le.PutUint64(nonce[:], le.Uint64(nonce[:])^offset)
	le.PutUint32(nonce[8:], le.Uint32(nonce[8:])^slice)
	c, err := chacha20.NewUnauthenticatedCipher(k.chacha, nonce[:])
	if err != nil {
		panic(err) // sizes are constant
	}
	return c
}

// reader decrypts the chunk that r has.
func (k *key) reader(r io.Reader, l *place) (io.Reader, error) {
	if k.lock.sum == nil {
		return &decrypter{r, k.stream(uint64(l.offset), l.slice)}, nil
	}
	var salt [arcSalt]byte
	if _, err := io.ReadFull(r, salt[:]); err != nil {
		return nil, err
	}
	h := k.lock.sum()
	h.Write(salt[:])
	h.Write(k.password)
	c, err := rc4.NewCipher(h.Sum(nil))
	if err != nil {
		return nil, err
	}
	skipped := make([]byte, arcSkipped)
	c.XORKeyStream(skipped, skipped)
	return &decrypter{r, c}, nil
}

// decrypter reads through a cipher.
type decrypter struct {
	r io.Reader
	c interface{ XORKeyStream(dst, src []byte) }
}

func (d *decrypter) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	d.c.XORKeyStream(p[:n], p[:n])
	return n, err
}

// wideBytes are the bytes of a password where texts are UTF-16.
func wideBytes(password string) []byte {
	var p []byte
	for _, u := range utf16.Encode([]rune(password)) {
		p = binary.LittleEndian.AppendUint16(p, u)
	}
	return p
}

// narrowBytes are those where texts are of a character set.
func narrowBytes(set encoding.Encoding) func(string) []byte {
	return func(password string) []byte {
		p, err := set.NewEncoder().Bytes([]byte(password))
		if err != nil {
			return []byte(password)
		}
		return p
	}
}

// encodeFor is how a version has passwords; its own character set is that of Windows where it was made, which it does not say.
func encodeFor(v version) func(string) []byte {
	if v.wide {
		return wideBytes
	}
	return narrowBytes(archive.CodePage(western))
}
