package unbox

import (
	"archive/zip"
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

// zipCrypted encrypts as zip always could. check is the last byte of the header.
func zipCrypted(content []byte, password string, check byte) []byte {
	z := &zipCrypto{keys: [3]uint32{0x12345678, 0x23456789, 0x34567890}}
	for i := range len(password) {
		z.stir(password[i])
	}
	out := append([]byte("eleven byte"), check)
	out = append(out, content...)
	for i, c := range out {
		t := z.keys[2] | 2
		z.stir(c)
		out[i] = c ^ byte(t*(t^1)>>8)
	}
	return out
}

// aesCrypted encrypts as WinZip does.
func aesCrypted(content []byte, password string, strength int) []byte {
	key := 8 + 8*strength
	salt := []byte("saltsaltsaltsalt")[:key/2]
	keys, err := pbkdf2.Key(sha1.New, password, salt, 1000, 2*key+2)
	must(err)
	block, err := aes.NewCipher(keys[:key])
	must(err)
	packed := bytes.Clone(content)
	for i := range packed {
		var counter, stream [16]byte
		binary.LittleEndian.PutUint64(counter[:], uint64(i/16)+1)
		block.Encrypt(stream[:], counter[:])
		packed[i] ^= stream[i%16]
	}
	sum := hmac.New(sha1.New, keys[key:2*key])
	sum.Write(packed)
	return slices.Concat(salt, keys[2*key:], packed, sum.Sum(nil)[:10])
}

func aesExtra(version, strength byte, method uint16) []byte {
	return []byte{0x01, 0x99, 7, 0, version, 0, 'A', 'E', strength, byte(method), byte(method >> 8)}
}

// addCrypted adds an entry with ZipCrypto, addAES one with AES.
func addCrypted(w *zip.Writer, name, content, password string) {
	h := zip.FileHeader{Name: name, Method: zip.Deflate, Flags: 1, UncompressedSize64: uint64(len(content)), CRC32: sumOf(content), Modified: changed}
	addRawZip(w, h, zipCrypted(deflated([]byte(content)), password, byte(h.CRC32>>24)))
}

func addAES(w *zip.Writer, name, content, password string, strength int) {
	h := zip.FileHeader{Name: name, Method: methodAES, Flags: 1, UncompressedSize64: uint64(len(content)), Extra: aesExtra(2, byte(strength), zip.Deflate)}
	addRawZip(w, h, aesCrypted(deflated([]byte(content)), password, strength))
}

// lockedZip has entries with the usual passwords, with ones that must be told, and one that needs none.
func lockedZip() []byte {
	return makeZip(func(w *zip.Writer) {
		addCrypted(w, "infected.txt", "opened by a usual password", "infected")
		addAES(w, "aes-256.txt", "opened by another usual password", "password", 3)
		addAES(w, "aes-128.txt", "opened by what was told", "Tr0ub4dor", 1)
		addCrypted(w, "settings.txt", "opened by the submission", "from settings")
		addZip(w, &zip.FileHeader{Name: "open.txt", Modified: changed}, "open")
	})
}

func lockedOptions() []plugintest.Option {
	return []plugintest.Option{plugintest.Stream(event.LabelPasswordDictionary, []byte("wrong\nTr0ub4dor\n")), plugintest.Setting("passwords", "from settings\nother")}
}

// TestZipAgainstTools: what other programs made comes out as it was, with every method and encryption.
func TestZipAgainstTools(t *testing.T) {
	want := map[string]string{}
	dir := t.TempDir()
	must(os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for name, content := range contentsToPack() {
		want["folder/"+name] = string(content)
		must(os.WriteFile(filepath.Join(dir, "folder", name), content, 0o600))
	}
	for _, command := range []string{
		"zip -r", "zip -r -0", "zip -r -9 -Z bzip2", "zip -r -P infected", "zip -r -P secret -Z bzip2", "zip -r -P secret -0", "zip -r -fz",
		"7zz a -tzip", "7zz a -tzip -mm=Deflate64", "7zz a -tzip -mm=BZip2", "7zz a -tzip -mm=LZMA", "7zz a -tzip -mm=LZMA -mx9 -mlc=4",
		"7zz a -tzip -mm=PPMd -psecret", "7zz a -tzip -mm=xz", "7zz a -tzip -mm=Copy", "7zz a -tzip -psecret", "7zz a -tzip -psecret -mem=AES128", "7zz a -tzip -psecret -mem=AES192",
		"7zz a -tzip -pinfected -mem=AES256 -mm=Deflate64", "7zz a -tzip -psecret -mem=AES256 -mm=LZMA -mmt1",
		"bsdtar -c --format=zip", "bsdtar -c --format=zip --options=zip:compression=store", "bsdtar -c --format=zip --options=zip:zip64",
		"bsdtar -c --format=zip --passphrase=secret --options=zip:encryption=zipcrypt", "bsdtar -c --format=zip --passphrase=secret --options=zip:encryption=aes256",
		"python3 -m zipfile -c",
	} {
		t.Run(command, func(t *testing.T) {
			args := strings.Fields(command)
			tool := plugintest.Tool(t, args[0])
			archive := filepath.Join(t.TempDir(), "x.zip")
			if args[0] == "bsdtar" {
				args = append(args, "-f")
			}
			plugintest.Output(t, dir, nil, tool, append(args[1:], archive, "folder")...)
			content, err := os.ReadFile(archive)
			must(err)
			out := run(t, content, "archive/zip", plugintest.Setting("passwords", "wrong\nsecret"))
			if got := contents(t, out); out.State != event.Completed || !maps.Equal(got, want) {
				t.Errorf("%s %s with %q", out.State, out.Message, slices.Sorted(maps.Keys(got)))
			}
			if locked := strings.Contains(command, "secret"); locked != slices.Equal(values(out, "box_password"), []string{"secret"}) && !strings.Contains(command, "infected") {
				t.Errorf("opened by %q", values(out, "box_password"))
			}
		})
	}
}

// TestPasswordThatSeemsToFit: the check of ZipCrypto lets one of 256 wrong passwords pass, which then do not unpack.
func TestPasswordThatSeemsToFit(t *testing.T) {
	content := strings.Repeat("some content ", 20)
	packed := makeZip(func(w *zip.Writer) {
		addCrypted(w, "stored", content, "the right one")
		addCrypted(w, "second", content, "the right one")
	})
	var wrong []string // those that pass
	for i := 0; len(wrong) < 5; i++ {
		password := fmt.Sprint("wrong ", i)
		crypted := zipCrypted(deflated([]byte(content)), "the right one", byte(sumOf(content)>>24))
		if _, err := newZipCrypto(bytes.NewReader(crypted), password, &zipEntry{sum: sumOf(content)}); err == nil {
			wrong = append(wrong, password)
		}
	}
	out := run(t, packed, "archive/zip", plugintest.Setting("passwords", strings.Join(append(wrong, "the right one"), "\n")))
	if got := contents(t, out); out.State != event.Completed || got["stored"] != content || !slices.Equal(values(out, "password"), []string{"the right one"}) {
		t.Errorf("%s %s with %q, opened by %q", out.State, out.Message, got, values(out, "password"))
	}
}

// TestPasswordThatSeemsToFitOneByte: what a wrong password makes of an entry of a byte may well end too early, and is not taken for a cut.
func TestPasswordThatSeemsToFitOneByte(t *testing.T) {
	packed := makeZip(func(w *zip.Writer) { addCrypted(w, "x", "x", "the right one") })
	crypted := zipCrypted(deflated([]byte("x")), "the right one", byte(sumOf("x")>>24))
	var wrong []string
	for i := 0; len(wrong) < 60; i++ {
		password := fmt.Sprint("wrong ", i)
		if _, err := newZipCrypto(bytes.NewReader(crypted), password, &zipEntry{sum: sumOf("x")}); err == nil {
			wrong = append(wrong, password)
		}
	}
	limits := DefaultLimits()
	limits.Passwords = 100
	out := runWith(t, limits, packed, "archive/zip", plugintest.Setting("passwords", strings.Join(append(wrong, "the right one"), "\n")))
	if got := contents(t, out); out.State != event.Completed || got["x"] != "x" || !slices.Equal(values(out, "password"), []string{"the right one"}) {
		t.Errorf("%s %s with %q, opened by %q", out.State, out.Message, got, values(out, "password"))
	}
}

// TestPasswordLimits: no more than so many passwords are tried, and none for ever.
func TestPasswordLimits(t *testing.T) {
	packed := makeZip(func(w *zip.Writer) { addAES(w, "a", "content", "the last", 3) })
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprint(i))
	}
	out := run(t, packed, "archive/zip", plugintest.Setting("passwords", strings.Join(append(many, "the last"), "\n")))
	if out.State != event.CompletedWithErrors || len(out.Children) > 0 || !slices.Equal(values(out, "suspicious"), []string{"extraction limit reached: more than 20 passwords"}) {
		t.Errorf("%s %s, suspicious %q", out.State, out.Message, values(out, "suspicious"))
	}
	limits := DefaultLimits()
	limits.Passwords = 100
	out = runWith(t, limits, packed, "archive/zip", plugintest.Setting("passwords", strings.Join(append(many, "the last"), "\n")))
	if got := contents(t, out); out.State != event.Completed || got["a"] != "content" {
		t.Errorf("%s %s with %q", out.State, out.Message, got)
	}
	packed = makeZip(func(w *zip.Writer) {
		for i := range 900 {
			addAES(w, fmt.Sprint(i), "content", "unknown", 3)
		}
	})
	out = run(t, packed, "archive/zip", plugintest.Setting("passwords", strings.Join(many, "\n")))
	if out.State != event.CompletedWithErrors || len(values(out, "box_filepath")) != 900 {
		t.Errorf("%s %s", out.State, out.Message)
	}
}

// TestCryptedAndCut: an encrypted entry that is cut short is decrypted as far as it goes.
func TestCryptedAndCut(t *testing.T) {
	content := string(contentsToPack()["noise"][:5000])
	for name, packed := range map[string][]byte{
		"ZipCrypto": makeZip(func(w *zip.Writer) { addCrypted(w, "a", content, "infected") }),
		"AES":       makeZip(func(w *zip.Writer) { addAES(w, "a", content, "infected", 3) }),
	} {
		out := run(t, packed[:len(packed)-1110], "archive/zip")
		got := contents(t, out)["a"]
		if out.State != event.CompletedWithErrors || got == "" || !strings.HasPrefix(content, got) || len(values(out, "password")) != 1 {
			t.Errorf("%s: %s %s with %d bytes", name, out.State, out.Message, len(got))
		}
	}
}

// TestTwoNames: an entry with another name in front of its data than in the directory is told, and extracted under that of the directory.
func TestTwoNames(t *testing.T) {
	packed := bytes.Replace(zipOf(file{"seen.txt", "content"}), []byte("seen.txt"), []byte("real.exe"), 1)
	out := run(t, packed, "archive/zip")
	if got := contents(t, out); got["seen.txt"] != "content" || !slices.Equal(values(out, "suspicious"), []string{"an entry with two names|seen.txt"}) {
		t.Errorf("%s %s with %q, suspicious %q", out.State, out.Message, got, values(out, "suspicious"))
	}
}
