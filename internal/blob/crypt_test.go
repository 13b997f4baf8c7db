package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
)

var cryptKey = bytes.Repeat([]byte("key!"), 8)

func encrypt(t testing.TB, s blob.Store, key []byte) *blob.Encrypted {
	t.Helper()
	e, err := blob.Encrypt(s, key)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEncrypted(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return encrypt(t, openFS(t, t.TempDir()), cryptKey) })
}

// TestEncryptedRanges reads ranges around the borders of chunks, by a store that has read the object before and by one that has not.
func TestEncryptedRanges(t *testing.T) {
	const chunk = 1 << 16
	inner := openFS(t, t.TempDir())
	random := rand.NewChaCha8([32]byte{})
	for _, size := range []int64{1, chunk - 1, chunk, chunk + 1, 2 * chunk, 20*chunk + 7} {
		content := make([]byte, size)
		random.Read(content)
		warm := encrypt(t, inner, cryptKey)
		k := blobtest.Put(t, warm, content)
		if info, err := warm.Stat(t.Context(), k); err != nil || info.Size != size {
			t.Errorf("Stat of %d bytes: %+v, %v", size, info, err)
		}
		for _, off := range []int64{0, 1, chunk - 1, chunk, chunk + 1, size / 2, size - chunk, size - 1, size, size + 1, 2 * chunk, 1 << 40, 1<<63 - 1} {
			if off < 0 {
				continue
			}
			for _, n := range []int64{-1, 0, 1, chunk - 1, chunk, chunk + 1, size, 1<<63 - 1} {
				for _, s := range []blob.Store{warm, encrypt(t, inner, cryptKey)} {
					checkRange(t, s, k, content, off, n)
				}
			}
		}
	}
}

func checkRange(t *testing.T, s blob.Store, k blob.Key, content []byte, off, n int64) {
	t.Helper()
	size := int64(len(content))
	if off >= size && off > 0 {
		if _, err := s.Open(t.Context(), k, off, n); !errors.Is(err, blob.ErrRange) {
			t.Errorf("Open(%d, %d) of %d bytes: %v, want ErrRange", off, n, size, err)
		}
		return
	}
	end := size
	if n >= 0 && n < size-off {
		end = off + n
	}
	if got := blobtest.Get(t, s, k, off, n); !bytes.Equal(got, content[off:end]) {
		t.Errorf("Open(%d, %d) of %d bytes: %d bytes, want %d of the content", off, n, size, len(got), end-off)
	}
}

// TestEncryptedUploadIsReadable reads across chunks that are sealed and the one that is not.
func TestEncryptedUploadIsReadable(t *testing.T) {
	s := encrypt(t, openFS(t, t.TempDir()), cryptKey)
	content := bytes.Repeat([]byte("0123456789"), 20_000) // three chunks and a bit
	up, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer up.Discard()
	for i := 0; i < len(content); i += 999 {
		if _, err := up.Write(content[i:min(i+999, len(content))]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := io.ReadAll(io.NewSectionReader(up, 0, 1<<30))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v; want the %d that were written", len(got), err, len(content))
	}
}

// TestDiskHoldsNoPlainText looks at every byte on the disk, before and after Commit.
func TestDiskHoldsNoPlainText(t *testing.T) {
	dir := t.TempDir()
	s := encrypt(t, openFS(t, dir), cryptKey)
	content := bytes.Repeat([]byte("very secret "), 20_000)
	up, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer up.Discard()
	if _, err := up.Write(content); err != nil {
		t.Fatal(err)
	}
	look := func(when string) {
		files := 0
		err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			files++
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte("secret")) {
				t.Errorf("%s: %s holds the content", when, path)
			}
			return err
		})
		if err != nil || files == 0 {
			t.Errorf("%s: %d files, %v", when, files, err)
		}
	}
	look("before Commit")
	if err := up.Commit(t.Context(), blobtest.Key(content)); err != nil {
		t.Fatal(err)
	}
	look("after Commit")
}

// TestEncryptedChanges: whatever somebody does to the bytes in the store, reading the whole object tells.
func TestEncryptedChanges(t *testing.T) {
	dir := t.TempDir()
	s := encrypt(t, openFS(t, dir), cryptKey)
	content := bytes.Repeat([]byte("0123456789abcdef"), 3*4096) // three chunks
	k := blobtest.Put(t, s, content)
	path := objectPath(dir, k)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const sealed = 1<<16 + 16
	changes := map[string][]byte{
		"nothing left":      {},
		"half a header":     good[:16],
		"a header alone":    good[:32],
		"last chunk gone":   good[:32+2*sealed],
		"last byte gone":    good[:len(good)-1],
		"a byte more":       append(bytes.Clone(good), 0),
		"chunks exchanged":  bytes.Join([][]byte{good[:32], good[32+sealed : 32+2*sealed], good[32 : 32+sealed], good[32+2*sealed:]}, nil),
		"first chunk twice": bytes.Join([][]byte{good[:32+sealed], good[32:]}, nil),
		"plain content":     content,
	}
	for _, at := range []int{0, 7, 8, 31, 32, 32 + sealed - 1, 32 + sealed, len(good) - 17, len(good) - 1} {
		flipped := bytes.Clone(good)
		flipped[at] ^= 1
		changes[fmt.Sprintf("bit flipped in byte %d", at)] = flipped
	}
	for name, bad := range changes {
		replace(t, path, bad)
		for i, s := range []blob.Store{encrypt(t, openFS(t, dir), cryptKey), s} {
			if i == 1 && len(bad) == len(good) && bytes.Equal(bad[32:], good[32:]) {
				continue // it remembers the header
			}
			if err := readAll(t.Context(), s, k); !errors.Is(err, blob.ErrDecrypt) {
				t.Errorf("%s: %v, want ErrDecrypt", name, err)
			}
		}
	}
	replace(t, path, good)
	if err := readAll(t.Context(), s, k); err != nil {
		t.Errorf("the good object again: %v", err)
	}
	if err := readAll(t.Context(), encrypt(t, openFS(t, dir), make([]byte, 32)), k); !errors.Is(err, blob.ErrDecrypt) {
		t.Errorf("another key: %v, want ErrDecrypt", err)
	}
}

func readAll(ctx context.Context, s blob.Store, k blob.Key) error {
	r, err := s.Open(ctx, k, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

func TestKeySize(t *testing.T) {
	if _, err := blob.Encrypt(openFS(t, t.TempDir()), make([]byte, 16)); err == nil {
		t.Error("a key of 16 bytes is accepted")
	}
}
