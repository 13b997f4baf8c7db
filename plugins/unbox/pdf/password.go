package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
)

// standard is the standard security handler's dictionary (7.6.4). Start at open.
type standard struct {
	revision int
	length   int // bytes of the key
	o, u     []byte
	oe, ue   []byte // of revisions 5 and 6
	p        int32
	id       []byte
	metadata bool
}

// standard reads the dictionary. ok is false if it is that of another handler, or nothing that passwords can be tried on.
func (d *document) standard(dict Dict) (standard, bool) {
	r := d.crypt.report
	text := func(key Name) []byte { s, _ := d.resolve(dict.Get(key)).(String); return []byte(s) }
	length, _ := integer(d.resolve(dict.Get("Length")))
	h := standard{
		revision: r.Revision, length: keyBytes(r.Version, length), o: text("O"), u: text("U"), oe: text("OE"), ue: text("UE"),
		p: r.Permissions, id: d.fileID(), metadata: d.crypt.metadata,
	}
	long := 32
	if h.revision >= 5 {
		long = 48
	}
	if r.Handler != "Standard" || r.Version < 1 || r.Version > 5 || h.revision < 2 || h.revision > 6 || len(h.o) < long || len(h.u) < long {
		return h, false
	}
	if (h.revision >= 5) != (h.length == 32) || h.revision >= 5 && (len(h.oe) < 32 || len(h.ue) < 32) {
		return h, false
	}
	h.o, h.u = h.o[:long], h.u[:long] // some writers add zeros
	return h, true
}

// encodings are the bytes that a password may stand for. Passwords are in PDFDocEncoding up to revision 4, and in UTF-8 from
// revision 5 on, where what is not ASCII is taken as it was given, without SASLprep.
func (h *standard) encodings(password string) [][]byte {
	list := [][]byte{[]byte(password)}
	if h.revision >= 5 {
		list[0] = list[0][:min(len(list[0]), 127)]
		return list
	}
	if encoded, ok := toDocEncoding(password); ok && encoded != password {
		list = append(list, []byte(encoded))
	}
	return list
}

// open returns the file's key if a password is the user's or the owner's, and nil if it is not.
func (h *standard) open(password []byte) (key []byte, owner bool) {
	if h.revision >= 5 {
		return h.openNew(password)
	}
	if key := h.userKey(password); h.isUser(key) {
		return key, false
	}
	if key := h.userKey(h.userPassword(password)); h.isUser(key) {
		return key, true
	}
	return nil, false
}

// padding fills passwords up to 32 bytes (7.6.4.3.2).
const padding = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a"

func padded(password []byte) []byte {
	return append(bytes.Clone(password[:min(len(password), 32)]), padding...)[:32]
}

// userKey makes the file's key of the user's password (algorithm 2).
func (h *standard) userKey(password []byte) []byte {
	sum := md5.New()
	sum.Write(padded(password))
	sum.Write(h.o)
	sum.Write(binary.LittleEndian.AppendUint32(nil, uint32(h.p)))
	sum.Write(h.id)
	if h.revision >= 4 && !h.metadata {
		sum.Write([]byte{0xff, 0xff, 0xff, 0xff})
	}
	return h.strengthen(sum.Sum(nil))
}

// strengthen hashes a hash again, and cuts it to a key.
func (h *standard) strengthen(key []byte) []byte {
	if h.revision >= 3 {
		for range 50 {
			next := md5.Sum(key[:h.length])
			key = next[:]
		}
	}
	return key[:h.length]
}

// isUser tells whether a key is right (algorithms 4 to 6).
func (h *standard) isUser(key []byte) bool {
	if h.revision == 2 {
		return bytes.Equal(rc4Of(key, []byte(padding)), h.u)
	}
	sum := md5.New()
	sum.Write([]byte(padding))
	sum.Write(h.id)
	want := sum.Sum(nil)
	for i := range 20 {
		want = rc4Of(xored(key, byte(i)), want)
	}
	return bytes.Equal(want, h.u[:16])
}

// userPassword is what O hides behind the owner's password (algorithm 7).
func (h *standard) userPassword(owner []byte) []byte {
	sum := md5.Sum(padded(owner))
	key := h.strengthen(sum[:])
	if h.revision == 2 {
		return rc4Of(key, h.o)
	}
	user := h.o
	for i := 19; i >= 0; i-- {
		user = rc4Of(xored(key, byte(i)), user)
	}
	return user
}

func xored(key []byte, with byte) []byte {
	out := bytes.Clone(key)
	for i := range out {
		out[i] ^= with
	}
	return out
}

func rc4Of(key, data []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err) // for a key of no bytes, or of more than 256
	}
	out := make([]byte, len(data))
	c.XORKeyStream(out, data)
	return out
}

// openNew is open for revisions 5 and 6 (algorithm 2.A). Behind the hash in O and U are the salts of the password and of the key.
func (h *standard) openNew(password []byte) (key []byte, owner bool) {
	if bytes.Equal(h.hash(password, h.o[32:40], h.u), h.o[:32]) {
		return fileKey(h.hash(password, h.o[40:48], h.u), h.oe), true
	}
	if bytes.Equal(h.hash(password, h.u[32:40], nil), h.u[:32]) {
		return fileKey(h.hash(password, h.u[40:48], nil), h.ue), false
	}
	return nil, false
}

// fileKey decrypts the file's key.
func fileKey(key, encrypted []byte) []byte {
	out := make([]byte, 32)
	cipher.NewCBCDecrypter(newAES(key), make([]byte, aes.BlockSize)).CryptBlocks(out, encrypted[:32])
	return out
}

func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // for keys of other lengths than 16, 24 and 32
	}
	return block
}

// hash is SHA-256 in revision 5, and algorithm 2.B in revision 6: at least 64 rounds of AES and a hash that the round before chooses.
func (h *standard) hash(password, salt, user []byte) []byte {
	first := sha256.New()
	first.Write(password)
	first.Write(salt)
	first.Write(user)
	k := first.Sum(nil)
	if h.revision < 6 {
		return k
	}
	kinds := [3]func() hash.Hash{sha256.New, sha512.New384, sha512.New}
	for round, last := 0, byte(0); round < 64 || int(last) > round-32; round++ {
		piece := bytes.Join([][]byte{password, k, user}, nil)
		e := bytes.Repeat(piece, 64)
		cipher.NewCBCEncrypter(newAES(k[:16]), k[16:32]).CryptBlocks(e, e)
		sum := 0
		for _, c := range e[:16] { // the number modulo 3: 256 is 1 modulo 3
			sum += int(c)
		}
		next := kinds[sum%3]()
		next.Write(e)
		k = next.Sum(nil)
		last = e[len(e)-1]
	}
	return k[:32]
}
