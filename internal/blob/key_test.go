package blob_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
)

func TestParseKey(t *testing.T) {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(250 + i) // its base64 has letters that differ between the alphabets
	}
	for _, text := range []string{
		string(key), hex.EncodeToString(key), " " + hex.EncodeToString(key) + "\r\n", base64.StdEncoding.EncodeToString(key) + "\n",
		base64.URLEncoding.EncodeToString(key), base64.RawStdEncoding.EncodeToString(key),
	} {
		if got, err := blob.ParseKey([]byte(text)); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%q: %x, %v; want %x", text, got, err, key)
		}
	}
	for _, text := range []string{"", "secret", hex.EncodeToString(key[:16]), hex.EncodeToString(key) + "00", string(key) + "\n", "twenty and twelve letters of text"[:32]} {
		if got, err := blob.ParseKey([]byte(text)); err == nil {
			t.Errorf("%q became the key %x", text, got)
		}
	}
}

// TestStoreKey opens stores with the right key, a wrong one, and none.
func TestStoreKey(t *testing.T) {
	other := bytes.Repeat([]byte("lock"), 8)
	plain, sealed := t.TempDir(), t.TempDir()
	for dir, key := range map[string][]byte{plain: nil, sealed: cryptKey} {
		s := open(t, dir, blob.Options{Key: key})
		for _, content := range []string{"", "one", "two"} {
			blobtest.Put(t, s, []byte(content))
		}
	}
	for _, c := range []struct {
		name, dir string
		key       []byte
		want      error
	}{
		{"no key for a plain store", plain, nil, nil},
		{"the key", sealed, cryptKey, nil},
		{"another key", sealed, other, blob.ErrStoreKey},
		{"no key for an encrypted store", sealed, nil, blob.ErrStoreKey},
		{"a key for a plain store", plain, cryptKey, blob.ErrStoreKey},
		{"a key for a new store", t.TempDir(), cryptKey, nil},
		{"a key that is too short", t.TempDir(), cryptKey[:16], errAny},
	} {
		s, err := blob.Open(t.Context(), c.dir, blob.Options{Key: c.key})
		if err == nil {
			s.Close()
		}
		if !errors.Is(err, c.want) && (c.want != errAny || err == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

var errAny = errors.New("any error")

// TestEncryptedSample keeps an encrypted object of another store as a sample: that does not make the store an encrypted one.
func TestEncryptedSample(t *testing.T) {
	foreign := openFS(t, t.TempDir())
	k := blobtest.Put(t, encrypt(t, foreign, cryptKey), []byte("stolen"))
	sample := blobtest.Get(t, foreign, k, 0, -1)
	dir := t.TempDir()
	blobtest.Put(t, openFS(t, dir), sample)
	open(t, dir, blob.Options{})
}

func TestMustExist(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	if _, err := blob.Open(t.Context(), dir, blob.Options{MustExist: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open: %v, want os.ErrNotExist", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory was made")
	}
}
