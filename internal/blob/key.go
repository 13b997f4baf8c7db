package blob

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// ParseKey reads the key of an encrypted store: 64 hex digits, base64 (RFC 4648, either alphabet), or KeySize bytes as they are.
func ParseKey(text []byte) ([]byte, error) {
	if len(text) == KeySize && bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return bytes.Clone(text), nil
	}
	line := string(bytes.TrimSpace(text))
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if key, err := decode(line); err == nil && len(key) == KeySize {
			return key, nil
		}
	}
	return nil, errors.New("a store's key is 32 random bytes, as 64 hex digits or in base64: `openssl rand -hex 32` makes one")
}

// probes is how many objects are looked at to tell whether a key fits a store.
const probes = 10

// probe returns nil if what is in the store looks as if it could be read with the key that was given, or without one. A
// store that was opened with the wrong key would take new objects with that key, and nobody would notice before long.
func probe(ctx context.Context, s Store) error {
	sealed, hasKey := s.(*Encrypted)
	var wrong error
	looked := 0
	enough := errors.New("enough")
	err := s.Walk(ctx, func(k Key, _ Info) (err error) {
		if hasKey {
			err = readable(ctx, sealed, k)
		} else {
			err = notSealed(ctx, s, k)
		}
		switch {
		case errors.Is(err, ErrNotFound):
			return nil // deleted meanwhile
		case errors.Is(err, ErrDecrypt):
			wrong = err
		case err != nil:
			return err
		case hasKey:
			wrong = nil
			return enough // one that can be read is proof
		}
		if looked++; looked == probes {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return err
	}
	if wrong != nil && hasKey {
		return fmt.Errorf("%w: none of %d objects can be read with this key, and the first is %w: give the key with which the store was filled; a store that was filled without one stays without, or goes into a new one by `lazuli blob copy`", ErrStoreKey, looked, wrong)
	}
	return nil
}

// ErrStoreKey tells that a store was opened with the wrong key, or without one.
var ErrStoreKey = errors.New("the key does not fit the store")

func readable(ctx context.Context, s *Encrypted, k Key) error {
	r, err := s.Open(ctx, k, 0, -1)
	if err != nil {
		return err
	}
	return r.Close()
}

// notSealed returns nil unless an object is encrypted. One that only looks so, being a file of that kind, has the SHA-256 of
// its bytes as its name.
func notSealed(ctx context.Context, s Store, k Key) error {
	r, err := s.Open(ctx, k, 0, int64(len(cryptMagic)))
	if err != nil {
		return err
	}
	head, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(head) != cryptMagic {
		return err
	}
	sum, _, err := rehash(ctx, s, k, io.Discard, make([]byte, eachBuffer))
	if err != nil || sum == k.SHA256 {
		return err
	}
	return fmt.Errorf("%w: its objects are encrypted (%s): give the key with which it was filled", ErrStoreKey, k)
}
