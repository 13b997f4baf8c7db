// Package digest computes the hashes of a file in one pass.
//
// It knows nothing of where the bytes come from. The fuzzy hashes ssdeep and TLSH belong beside it, in files of their own:
// they need the size first, or the bytes a second time. Begin with New.
package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"runtime"
	"sync"
)

// Digests are the hashes of a file, in lower-case hex, and its size in bytes. SSDeep and TLSH are empty when a file is too
// short or too uniform for them, and as long as this release does not compute them.
type Digests struct {
	Size   int64
	MD5    string // RFC 1321
	SHA1   string // FIPS 180-4, as are the next two
	SHA256 string
	SHA512 string
	SSDeep string
	TLSH   string
}

// Hasher is an io.Writer that hashes what is written to it. It is for one goroutine.
type Hasher struct {
	size                      int64
	md5, sha1, sha256, sha512 hash.Hash
}

// New returns a Hasher that has seen nothing yet.
func New() *Hasher {
	return &Hasher{md5: md5.New(), sha1: sha1.New(), sha256: sha256.New(), sha512: sha512.New()}
}

// ParallelBytes is the size from which one Write uses several cores. Copy through buffers of this size or larger.
const ParallelBytes = 64 << 10

// Write hashes p. It never fails.
//
// A large p is hashed on up to three cores: MD5 and SHA-512 each take about as long as the other two together, which
// processors have instructions for. BenchmarkHasher on two busy cores, 16 MiB: 310 MB/s against 240 MB/s on one.
func (h *Hasher) Write(p []byte) (int, error) {
	h.size += int64(len(p))
	if len(p) < ParallelBytes || runtime.GOMAXPROCS(0) == 1 {
		h.md5.Write(p)
		h.sha1.Write(p)
		h.sha256.Write(p)
		h.sha512.Write(p)
		return len(p), nil
	}
	var others sync.WaitGroup
	others.Go(func() { h.md5.Write(p) })
	others.Go(func() { h.sha512.Write(p) })
	h.sha1.Write(p)
	h.sha256.Write(p)
	others.Wait()
	return len(p), nil
}

// Sum returns the digests of what was written so far; writing may go on.
func (h *Hasher) Sum() Digests {
	sum := func(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
	return Digests{Size: h.size, MD5: sum(h.md5), SHA1: sum(h.sha1), SHA256: sum(h.sha256), SHA512: sum(h.sha512)}
}
