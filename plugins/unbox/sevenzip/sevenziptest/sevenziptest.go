// Package sevenziptest makes 7z archives for tests: stored, encrypted or not.
package sevenziptest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"
	"unicode/utf16"
)

// File is an entry; a name that ends with a slash is a folder.
type File struct{ Name, Content string }

// Changed is when all files were changed last.
var Changed = time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC)

// Options say how an archive is made.
type Options struct {
	Password  string // "" for none
	Rounds    byte   // of the derivation of the key
	Directory bool   // the directory is encrypted, too
}

// Make makes an archive with one block.
func Make(o Options, files ...File) []byte {
	var content, directory []byte
	for _, f := range files {
		content = append(content, f.Content...)
	}
	packed := o.pack(content)
	directory = append(directory, 0x01)
	if len(content) > 0 {
		directory = append(directory, 0x04)
		directory = append(directory, streams(o, 0, packed, content, files)...)
	}
	directory = append(directory, 0x05)
	directory = append(directory, filesInfo(files)...)
	directory = append(directory, 0x00)
	if o.Directory {
		at := len(packed)
		again := o.pack(directory)
		whole := append([]byte{0x17}, streams(o, at, again, directory, nil)...)
		return finish(append(packed, again...), whole)
	}
	return finish(packed, directory)
}

// finish puts the beginning in front of what is packed, and the directory behind.
func finish(packed, directory []byte) []byte {
	var start []byte
	start = binary.LittleEndian.AppendUint64(start, uint64(len(packed)))
	start = binary.LittleEndian.AppendUint64(start, uint64(len(directory)))
	start = binary.LittleEndian.AppendUint32(start, crc32.ChecksumIEEE(directory))
	out := []byte("7z\xbc\xaf\x27\x1c\x00\x04")
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(start))
	out = append(out, start...)
	out = append(out, packed...)
	return append(out, directory...)
}

// Number writes a number of up to 63 bits as directories have them.
func Number(n int) []byte {
	if n < 0x80 {
		return []byte{byte(n)}
	}
	return append([]byte{0xff}, binary.LittleEndian.AppendUint64(nil, uint64(n))...)
}

// streams describes one block that lies at at, with the files in it, or with itself as the only one.
func streams(o Options, at int, packed, content []byte, files []File) []byte {
	b := append([]byte{0x06}, Number(at)...)
	b = append(b, 0x01, 0x09)
	b = append(append(b, Number(len(packed))...), 0x00)
	b = append(b, 0x07, 0x0b, 0x01, 0x00)
	if o.Password == "" {
		b = append(b, 0x01, 0x01, 0x00, 0x0c) // one coder that copies
	} else {
		props := append([]byte{0x40 | o.Rounds, 0x0f}, vector...)
		b = append(b, 0x01, 0x24, 0x06, 0xf1, 0x07, 0x01, byte(len(props)))
		b = append(append(b, props...), 0x0c)
	}
	b = append(b, Number(len(content))...)
	b = binary.LittleEndian.AppendUint32(append(b, 0x0a, 0x01), crc32.ChecksumIEEE(content))
	b = append(b, 0x00)
	var full []File
	for _, f := range files {
		if f.Content != "" {
			full = append(full, f)
		}
	}
	if len(full) > 1 {
		b = append(append(b, 0x08, 0x0d), Number(len(full))...)
		b = append(b, 0x09)
		for _, f := range full[:len(full)-1] {
			b = append(b, Number(len(f.Content))...)
		}
		b = append(b, 0x0a, 0x01)
		for _, f := range full {
			b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(f.Content)))
		}
		b = append(b, 0x00)
	}
	return append(b, 0x00)
}

func filesInfo(files []File) []byte {
	b := Number(len(files))
	property := func(id byte, data []byte) { b = append(append(append(b, id), Number(len(data))...), data...) }
	var empty, plain []bool
	for _, f := range files {
		empty = append(empty, f.Content == "")
		if f.Content == "" {
			plain = append(plain, !strings.HasSuffix(f.Name, "/"))
		}
	}
	if len(plain) > 0 {
		property(0x0e, bits(empty))
		property(0x0f, bits(plain))
	}
	names, times := []byte{0}, []byte{1, 0}
	for _, f := range files {
		for _, u := range utf16.Encode([]rune(strings.TrimSuffix(f.Name, "/") + "\x00")) {
			names = binary.LittleEndian.AppendUint16(names, u)
		}
		times = binary.LittleEndian.AppendUint64(times, uint64(Changed.Unix()+11_644_473_600)*10_000_000)
	}
	property(0x11, names)
	property(0x14, times)
	return append(b, 0x00)
}

func bits(list []bool) []byte {
	b := make([]byte, (len(list)+7)/8)
	for i, set := range list {
		if set {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return b
}

var vector = []byte("sixteen bytes...")

// pack encrypts if there is a password.
func (o Options) pack(content []byte) []byte {
	if o.Password == "" {
		return content
	}
	h := sha256.New()
	var once []byte
	for _, u := range utf16.Encode([]rune(o.Password)) {
		once = binary.LittleEndian.AppendUint16(once, u)
	}
	for i := range uint64(1) << o.Rounds {
		h.Write(binary.LittleEndian.AppendUint64(once[:len(once):len(once)], i))
	}
	block, err := aes.NewCipher(h.Sum(nil))
	if err != nil {
		panic(err)
	}
	padded := append([]byte{}, content...)
	for len(padded)%aes.BlockSize != 0 {
		padded = append(padded, 0)
	}
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(padded, padded)
	return padded
}
