package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// hash is a password's argon2id hash (RFC 9106) with what it was made with.
type hash struct {
	memoryKiB, passes uint32
	threads           uint8
	salt, sum         []byte
}

// What HashPassword makes: OWASP's first choice, 19 MiB and two passes, about 25 ms of one core.
const (
	hashMemoryKiB = 19 << 10
	hashPasses    = 2
	hashThreads   = 1
	saltBytes     = 16
	sumBytes      = 32
)

// What parseHash accepts at most, so that a configuration cannot make a login cost minutes or the machine's memory.
const (
	maxMemoryKiB = 1 << 20
	maxPasses    = 64
	maxThreads   = 64
)

// HashPassword returns the hash of a password as a configuration holds it: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func HashPassword(password string) string {
	h := hash{hashMemoryKiB, hashPasses, hashThreads, make([]byte, saltBytes), nil}
	rand.Read(h.salt) // never fails
	h.sum = h.of(password, sumBytes)
	return h.String()
}

// HashToken returns the SHA-256 of a token, in hex, as a configuration holds it. That is enough for what nobody can guess,
// and only for that.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func (h hash) of(password string, size int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memoryKiB, h.threads, uint32(size))
}

// matches takes the time and memory that the hash was made to take.
func (h hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.of(password, len(h.sum)), h.sum) == 1
}

func (h hash) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memoryKiB, h.passes, h.threads, encode(h.salt), encode(h.sum))
}

var errHash = errors.New("is no argon2id hash: make one with `lazuli hash-password`")

// parseHash reads what HashPassword wrote, or another program that follows the same convention.
func parseHash(text string) (hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return hash{}, errHash
	}
	var version int
	var h hash
	if n, err := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return hash{}, fmt.Errorf("%w (its version is not %d)", errHash, argon2.Version)
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memoryKiB, &h.passes, &h.threads); n != 3 || err != nil {
		return hash{}, errHash
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.sum, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case err1 != nil || err2 != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.sum) < 16 || len(h.sum) > 64:
		return hash{}, fmt.Errorf("%w (salt or sum are damaged)", errHash)
	case h.memoryKiB > maxMemoryKiB || h.passes < 1 || h.passes > maxPasses || h.threads < 1 || h.threads > maxThreads || h.memoryKiB < 8*uint32(h.threads):
		return hash{}, fmt.Errorf("%w (m must be 8 KiB for each thread to 1 GiB, t 1 to %d, p 1 to %d)", errHash, maxPasses, maxThreads)
	}
	return h, nil
}
