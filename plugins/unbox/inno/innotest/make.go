// Package innotest makes installers of Inno Setup for tests, of every version that the parser knows.
//
// Their records are written from Inno Setup's own, version by version, and not by the table that the parser goes by. Begin at
// Installer.
package innotest

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"os/exec"
	"slices"
	"strings"
	"time"

	ulikunitz "github.com/ulikunitz/xz/lzma"
	"golang.org/x/crypto/chacha20"
)

// Methods of compression, by their numbers in an installer.
const (
	Stored = iota
	Zlib
	Bzip2 // by the program of that name
	LZMA
	LZMA2
)

// Installer is an installer to make.
type Installer struct {
	Version  string // as an installer has it: "5.5.7 (u)"
	Method   int
	Solid    bool   // files are compressed together
	Packed   bool   // the header is compressed
	Password string // "" for none
	Full     bool   // the header is encrypted
	Outside  bool   // the data is in volumes, which are not made
	Over     bool   // all files lie where the first one does
	Altered  bool   // the table does not begin as it should
	Files    []File
}

// File is a file of an installer.
type File struct {
	Names    []string
	Content  string
	Filtered bool // as Inno Setup does with programs
}

// What every installer has.
const (
	Licence   = "the licence"
	InfoAfter = "information after"
	Code      = "IFPS\x17\x00\x00\x00some code"
	Magic     = "zlb\x1a" // in front of each chunk
	Begin     = 1024      // where the first chunk is
)

// Changed is when all files were changed.
var Changed = time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC)

const (
	dictionary = 128 << 10
	rounds     = 1000
	salt       = "saltsalt"
)

var nonce = []byte("nonce of twenty-four by.")

// Program is what looks like code of x86, with calls forwards and backwards, over the end of a block that is filtered.
func Program() string {
	b := []byte("MZ program ")
	for i := 0; len(b) < 70_000; i++ {
		b = append(b, 0x55, 0xe8)
		b = binary.LittleEndian.AppendUint32(b, uint32(i*977-40_000))
		b = append(b, 0xe9, byte(i), 0xe8, 0xff, byte(i>>8), 0xff)
	}
	return string(b) + "\xe8\x01\x02"
}

// Some are files of several kinds.
func Some() []File {
	return []File{
		{[]string{`{app}\readme.txt`, `{app}\doc\again.txt`}, "read me\n", false}, {[]string{`{app}\program.exe`}, Program(), true},
		{[]string{`{app}\sub\numbers.txt`}, strings.Repeat("0123456789", 5000), false}, {[]string{`{app}\empty`}, "", false}, {[]string{`{tmp}\l` + "\u00e4" + `st.dll`}, "the last\n", false},
	}
}

// filteredCalls does what Inno Setup does before it compresses.
func (w *writer) filteredCalls(content string) []byte {
	out := []byte(content)
	signed := w.is(5, 3, 9)
	if !w.is(5, 2) {
		return allCalls(out)
	}
	for from := 0; from < len(out); from += 64 << 10 {
		p := out[from:min(len(out), from+64<<10)]
		for i := 0; i < len(p)-4; i++ {
			if p[i] != 0xe8 && p[i] != 0xe9 {
				continue
			}
			if top := p[i+4]; top == 0 || top == 255 {
				distance := uint32(p[i+1]) | uint32(p[i+2])<<8 | uint32(p[i+3])<<16
				if signed && distance>>23&1 == 1 {
					p[i+4] = ^p[i+4]
				}
				distance += uint32(from + i + 5)
				p[i+1], p[i+2], p[i+3] = byte(distance), byte(distance>>8), byte(distance>>16)
			}
			i += 4
		}
	}
	return out
}

// allCalls is what was done before 5.2: whatever follows the byte of a call or jump is an address, up to the end.
func allCalls(p []byte) []byte {
	for i := 0; i < len(p); i++ {
		if p[i] != 0xe8 && p[i] != 0xe9 {
			continue
		}
		var operand [4]byte
		n := copy(operand[:], p[i+1:])
		binary.LittleEndian.PutUint32(operand[:], binary.LittleEndian.Uint32(operand[:])+uint32(i+5))
		copy(p[i+1:], operand[:n])
		i += 4
	}
	return p
}

// lock writes what is said of the password in the header.
func (m Installer) lock(w *writer) {
	switch {
	case w.is(6, 5):
	case w.is(6, 4):
		w.Write(m.chachaTest(w))
		w.WriteString(salt + salt)
		w.u32(rounds)
		w.Write(nonce)
	default:
		w.Write(m.arcHash(w, "PasswordCheckHash"+salt))
		w.WriteString(salt)
	}
}

func (m Installer) arcHash(w *writer, salt string) []byte {
	p := []byte(salt + w.encoded(m.Password))
	if w.is(5, 3, 9) {
		sum := sha1.Sum(p)
		return sum[:]
	}
	sum := md5.Sum(p)
	return sum[:]
}

func (m Installer) chacha(w *writer, offset int, slice uint32) *chacha20.Cipher {
	key, _ := pbkdf2.Key(sha256.New, wide(m.Password), []byte(salt+salt), rounds, 32)
	nonce := bytes.Clone(nonce)
	for i, b := range binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(nil, uint64(offset)), slice) {
		nonce[i] ^= b
	}
	c, _ := chacha20.NewUnauthenticatedCipher(key, nonce)
	return c
}

func (m Installer) chachaTest(w *writer) []byte {
	test := make([]byte, 4)
	m.chacha(w, 0, 0xffffffff).XORKeyStream(test, test)
	return test
}

// block writes a block of the header.
func (m Installer) block(w *writer, content []byte, special uint32) []byte {
	var flag byte
	if m.Packed {
		flag = 1
		content = lzmaOf(content)
	}
	var c *chacha20.Cipher
	if m.Full {
		c = m.chacha(w, 0, special)
	}
	var body []byte
	for p := range slices.Chunk(content, 4096) {
		p = bytes.Clone(p)
		if c != nil {
			c.XORKeyStream(p, p)
		}
		body = append(binary.LittleEndian.AppendUint32(body, crc32.ChecksumIEEE(p)), p...)
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	if w.is(6, 7) {
		head = binary.LittleEndian.AppendUint64(nil, uint64(len(body)))
	}
	head = append(head, flag)
	return slices.Concat(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(head)), head, body)
}

// lzmaOf is LZMA with its properties and a mark at the end.
func lzmaOf(p []byte) []byte {
	var b bytes.Buffer
	w, _ := ulikunitz.WriterConfig{DictCap: dictionary}.NewWriter(&b)
	w.Write(p)
	w.Close()
	return append(b.Bytes()[:5:5], b.Bytes()[13:]...)
}

func (m Installer) compress(p []byte) []byte {
	var b bytes.Buffer
	switch m.Method {
	case Zlib:
		w := zlib.NewWriter(&b)
		w.Write(p)
		w.Close()
	case Bzip2:
		cmd := exec.Command("bzip2")
		cmd.Stdin, cmd.Stdout = bytes.NewReader(p), &b
		if err := cmd.Run(); err != nil {
			panic(err)
		}
	case LZMA:
		return lzmaOf(p)
	case LZMA2:
		b.WriteByte(10) // stands for dictionary
		w, _ := ulikunitz.Writer2Config{DictCap: dictionary}.NewWriter2(&b)
		w.Write(p)
		w.Close()
	default:
		return p
	}
	return b.Bytes()
}

// data writes the chunks, and the records of where files are in them.
func (m Installer) data(w *writer) (data []byte, places *writer) {
	places = newWriter(m.Version)
	var chunks [][]File
	for i, f := range m.Files {
		if i == 0 || !m.Solid {
			chunks = append(chunks, nil)
		}
		last := &chunks[len(chunks)-1]
		*last = append(*last, f)
	}
	for _, files := range chunks {
		var content []byte
		offset := len(data)
		var at []int
		for _, f := range files {
			at = append(at, len(content))
			if f.Filtered {
				content = append(content, w.filteredCalls(f.Content)...)
			} else {
				content = append(content, f.Content...)
			}
		}
		packed := m.compress(content)
		data = append(data, Magic...)
		if m.Password != "" {
			salt, encrypted := m.encrypt(w, packed, offset)
			data = append(append(data, salt...), encrypted...)
		} else {
			data = append(data, packed...)
		}
		for i, f := range files {
			if m.Over {
				at[i] = 0
			}
			m.place(places, f, offset, at[i], len(packed))
		}
	}
	return data, places
}

func (m Installer) encrypt(w *writer, p []byte, offset int) (salt string, encrypted []byte) {
	p = bytes.Clone(p)
	if w.is(6, 4) {
		m.chacha(w, offset, 0).XORKeyStream(p, p)
		return "", p
	}
	c, _ := rc4.NewCipher(m.arcHash(w, "chunksal"))
	c.XORKeyStream(make([]byte, 1000), make([]byte, 1000))
	c.XORKeyStream(p, p)
	return "chunksal", p
}

func (m Installer) place(w *writer, f File, offset, at, packed int) {
	w.u32(0)
	w.u32(0)
	if w.is(6, 5, 2) {
		w.u64(offset)
	} else {
		w.u32(offset)
	}
	w.u64(at)
	w.u64(len(f.Content))
	w.u64(packed)
	switch sum := sha256.Sum256([]byte(f.Content)); {
	case w.is(6, 4):
		w.Write(sum[:])
	case w.is(5, 3, 9):
		sum := sha1.Sum([]byte(f.Content))
		w.Write(sum[:])
	default:
		sum := md5.Sum([]byte(f.Content))
		w.Write(sum[:])
	}
	w.u64(int(Changed.Unix()+11644473600) * 1e7)
	w.zeros(8)
	var flags [3]byte // UTC, filtered, encrypted, compressed
	bits := []int{2, 4, 6, 7}
	if w.is(6, 4, 3) {
		bits = []int{1, 2, 3, 4}
	}
	for i, is := range []bool{true, f.Filtered, m.Password != "", m.Method != Stored} {
		if is {
			flags[0] |= 1 << bits[i]
		}
	}
	switch {
	case w.is(6, 4, 3), !w.is(5, 1, 13):
		w.Write(flags[:1])
	case w.is(6, 3):
		w.Write(flags[:3])
	default:
		w.Write(flags[:2])
	}
}

// Bytes makes the installer.
func (m Installer) Bytes() []byte { return m.Around(m.Parts()) }

// Parts makes what an installer consists of: the header with its records, where files are, and their data.
func (m Installer) Parts() (header, places, data []byte) {
	w := newWriter(m.Version)
	m.header(w)
	m.records(w)
	data, list := m.data(w)
	return w.Bytes(), list.Bytes(), data
}

// Around makes an installer of parts, whose checksums are right whatever is in them.
func (m Installer) Around(header, places, data []byte) []byte {
	w := newWriter(m.Version)
	id := w.id(m.Version)
	setup := id
	if w.is(6, 5) {
		lock := []byte{0}
		if m.Password != "" {
			lock[0] = 1
		}
		if m.Full {
			lock[0] = 2
		}
		lock = append(append(lock, salt+salt...), 0xe8, 3, 0, 0)
		lock = append(append(lock, nonce...), m.chachaTest(w)...)
		setup = append(binary.LittleEndian.AppendUint32(setup, crc32.ChecksumIEEE(lock)), lock...)
	}
	setup = slices.Concat(setup, m.block(w, header, 0xfffffffe), m.block(w, places, 0xfffffffd))

	dataAt, setupAt := Begin, Begin+len(data)
	if m.Outside {
		data, dataAt, setupAt = nil, 0, Begin
	}
	return slices.Concat(stubWith(m.table(w, dataAt, setupAt), id, Begin), data, setup)
}

func (m Installer) table(w *writer, dataAt, setupAt int) []byte {
	t := &writer{}
	if m.Altered {
		t.WriteString("of somebody!")
	} else {
		t.WriteString("rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a")
	}
	if !w.is(5, 1, 5) {
		t.Reset()
		t.WriteString("rDlPtS07\x87eVx")
	}
	if w.is(6, 5) {
		t.u32(2)
		t.u64(0)
		t.u64(1024)
		t.u32(1000)
		t.u32(0)
		t.u64(setupAt)
		t.u64(dataAt)
		t.u32(0)
	} else {
		if w.is(5, 1, 5) {
			t.u32(1)
		}
		t.u32(0)
		t.u32(1024)
		t.u32(1000)
		t.u32(0)
		t.u32(setupAt)
		t.u32(dataAt)
	}
	t.u32(int(crc32.ChecksumIEEE(t.Bytes())))
	return t.Bytes()
}

// stubWith is a program of size bytes with a resource RCDATA 11111 and the version, which the true one compares with that of the
// header.
func stubWith(resource, id []byte, size int) []byte {
	p := make([]byte, size)
	le := binary.LittleEndian
	put := func(at int, values ...uint32) {
		for i, v := range values {
			le.PutUint32(p[at+4*i:], v)
		}
	}
	const sectionAt, address = 512, 0x1000
	copy(p, "MZ")
	put(0x3c, 0x40)
	put(0x40, 0x4550, 1<<16|0x14c, 0, 0, 0, 0x102<<16|224) // a section, i386, the size of the optional header
	const optional = 0x40 + 24
	put(optional, 0x10b)
	put(optional+92, 16)
	put(optional+96+2*8, address, 512) // the directory of resources
	const section = optional + 224
	copy(p[section:], ".rsrc")
	put(section+8, 512, address, 512, sectionAt)
	for i, id := range []uint32{10, 11111, 1033} { // a directory with one entry in each level
		at := sectionAt + 24*i
		put(at+12, 1<<16, id, uint32(24*(i+1))|1<<31)
	}
	put(sectionAt+24*2+20, 72) // the last one leads to the data
	put(sectionAt+72, address+96, uint32(len(resource)))
	copy(p[sectionAt+96:], resource)
	copy(p[sectionAt+256:], id)
	return p
}
