package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"fmt"
	"slices"
	"testing"
)

// encrypter encrypts documents as no tool does: revision 4, with the empty password.
type encrypter struct{ crypt }

// newEncrypter also returns O and U for the dictionary.
func newEncrypter() (e encrypter, o, u []byte) {
	o = bytes.Repeat([]byte("O"), 32)
	h := standard{revision: 4, length: 16, o: o, p: -4, id: []byte("id"), metadata: true}
	key := h.userKey(nil)
	sum := md5.Sum([]byte(padding + "id"))
	u = sum[:]
	for i := range 20 {
		u = rc4Of(xored(key, byte(i)), u)
	}
	return encrypter{crypt{key: key}}, o, append(u, make([]byte, 16)...)
}

// aes encrypts the data of an object.
func (e encrypter) aes(number int, data string) []byte {
	block := newAES(e.objectKey(methodAES128, ID{Number: uint32(number)}))
	n := aes.BlockSize - len(data)%aes.BlockSize
	padded := append([]byte(data), bytes.Repeat([]byte{byte(n)}, n)...)
	out := make([]byte, aes.BlockSize+len(padded))
	copy(out, "an initial value")
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], padded)
	return out
}

// TestCryptFilters: streams and strings that are encrypted in different ways, or not at all (7.6.6).
func TestCryptFilters(t *testing.T) {
	e, o, u := newEncrypter()
	rc4 := func(number int, data string) []byte {
		return rc4Of(e.objectKey(methodRC4, ID{Number: uint32(number)}), []byte(data))
	}
	build := func(dict string) []byte {
		return minimal("").
			object(5, "<< /Filter /Standard /V 4 /R 4 /Length 128 /P -4 /O <%x> /U <%x> /CF << /Std << /CFM /AESV2 >> /Old << /CFM /V2 >> /Odd << /CFM /Odd >> >> %s >>", o, u, dict).
			stream(6, "", e.aes(6, "AES")).
			stream(7, "", []byte("plain")).
			stream(8, "/Filter [/Crypt] /DecodeParms [<< /Name /Identity >>]", []byte("identity")).
			stream(9, "/Filter /Crypt", []byte("identity too")).
			stream(10, "/Filter [/Crypt /ASCIIHexDecode] /DecodeParms [<< /Name /Old >> null]", rc4(10, "524334>")).
			stream(11, "/Type /EmbeddedFile", e.aes(11, "file")).
			stream(12, "/Type /Metadata", []byte("metadata")).
			stream(13, "/Filter /Crypt /DecodeParms << /Name /Odd >>", []byte("odd")).
			stream(14, "", nil).
			stream(15, "", e.aes(15, "cut short in a block")[:40]).
			object(16, "[<%x> << /ByteRange [0 1] /Contents (signature) >> <%x>]", e.aes(16, "string"), "short").
			table("/Root 1 0 R /Encrypt 5 0 R /ID [(id) (id)]").Bytes()
	}
	for _, c := range []struct {
		name, dict string
		encrypted  []int // that are read, as the others that are not
		plain      []int
		texts      string
	}{
		{"all", "/StmF /Std /StrF /Std", []int{6, 10, 11}, []int{8, 9}, "[(string) << /ByteRange [0 1] /Contents (signature) >> ()]"},
		{"files only", "/EFF /Std", []int{10, 11}, []int{7, 8, 9, 12}, ""},
		{"in a way that is not known", "/StmF /Odd /StrF /Odd", nil, []int{8, 9}, ""},
	} {
		want := map[int]string{6: "AES", 7: "plain", 8: "identity", 9: "identity too", 10: "RC4", 11: "file", 12: "metadata"}
		d := openBytes(t, build(c.dict))
		if d.crypt.locked() {
			t.Fatalf("%s: not opened", c.name)
		}
		for _, number := range slices.Concat(c.encrypted, c.plain) {
			s, _ := d.object(uint32(number)).(*Stream)
			content, err := d.content(s, 1000)
			if decoded := d.decode(s, d.work); err != nil || string(content) != want[number] || decoded.encrypted != slices.Contains(c.encrypted, number) {
				t.Errorf("%s: stream %d is %q, %v, encrypted %v", c.name, number, content, err, decoded.encrypted)
			}
		}
		if c.texts != "" {
			if got := Text(d.object(16), 1000); got != c.texts {
				t.Errorf("%s: %s", c.name, got)
			}
		}
	}
	d := openBytes(t, build("/StmF /Std /StrF /Std"))
	for number, want := range map[uint32]string{14: "<nil>", 15: "damaged: decryption: the data end within a block"} {
		if _, err := d.content(d.object(number).(*Stream), 1000); fmt.Sprint(err) != want {
			t.Errorf("stream %d: %v", number, err)
		}
	}
	if decoded := d.decode(d.object(13).(*Stream), d.work); decoded.r != nil || !decoded.encrypted {
		t.Error("a method that is not known was decrypted")
	}
}
