package unzip

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"lazuli/internal/bulk"
)

// encrypted is an archive as WinZip and 7-Zip write it, with one file.
func encrypted(t testing.TB, content, password string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(content))
	var buf bytes.Buffer
	err := bulk.Write(context.Background(), &buf, bulk.Encrypted(password), []string{hex.EncodeToString(sum[:])}, func(context.Context, string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// traditionally is an archive with one file, encrypted in the traditional way, not packed.
func traditionally(t testing.TB, content, password string) []byte {
	t.Helper()
	k := traditional{0x12345678, 0x23456789, 0x34567890}
	for i := range len(password) {
		k.update(password[i])
	}
	plain := append([]byte("eleven byte"), byte(crc32.ChecksumIEEE([]byte(content))>>24))
	plain = append(plain, content...)
	for i, b := range plain {
		t := k[2] | 2
		plain[i] = b ^ byte(t*(t^1)>>8)
		k.update(b)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	into, err := w.CreateRaw(&zip.FileHeader{Name: "a", Flags: 1, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(content)), UncompressedSize64: uint64(len(content)),
		CompressedSize64: uint64(len(plain))})
	if err == nil {
		_, err = into.Write(plain)
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func read(t testing.TB, archive []byte, password string) (string, error) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	content, err := Open(r.File[0], password)
	if err != nil {
		return "", err
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	return string(text), err
}

func TestOpen(t *testing.T) {
	long := strings.Repeat("lapis lazuli ", 10_000)
	for name, make := range map[string]func(testing.TB, string, string) []byte{"AES": encrypted, "traditional": traditionally} {
		for _, content := range []string{"x", long} {
			archive := make(t, content, "sesame")
			if got, err := read(t, archive, "sesame"); err != nil || got != content {
				t.Errorf("%s: %v, %d bytes of %d", name, err, len(got), len(content))
			}
			for _, wrong := range []string{"", "Sesame"} {
				if got, err := read(t, archive, wrong); err == nil {
					t.Errorf("%s with %q: %.20q", name, wrong, got)
				}
			}
			at := bytes.IndexByte(archive, 'P') + 30 + 80 // in the content, behind what is known of it
			if len(content) > 1000 {
				archive[at+200] ^= 1
				if _, err := read(t, archive, "sesame"); err == nil {
					t.Errorf("%s: a damaged file is taken", name)
				}
			}
		}
	}
}

// FuzzOpen: no archive, and no password, brings down who reads it.
func FuzzOpen(f *testing.F) {
	f.Add(encrypted(f, "x", "p"), "p")
	f.Add(encrypted(f, "x", "p"), "")
	f.Add(traditionally(f, "x", "p"), "p")
	f.Fuzz(func(t *testing.T, content []byte, password string) {
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		for _, m := range archive.File {
			if r, err := Open(m, password); err == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
				r.Close()
			}
		}
	})
}
