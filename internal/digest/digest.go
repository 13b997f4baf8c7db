// Package digest computes the hashes of a file in one pass, and compares fuzzy ones.
//
// It knows nothing of where the bytes come from. Begin with New, or with Sum for what can be read to its end. The fuzzy hashes
// are in ssdeep.go and tlsh.go; CompareSSDeep and CompareTLSH tell how alike two of them are.
package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

// Digests are the hashes of a file, in lower-case hex where they are hex, and its size in bytes.
type Digests struct {
	Size   int64
	MD5    string // RFC 1321
	SHA1   string // FIPS 180-4, as are the next two
	SHA256 string
	SHA512 string
	SSDeep string // as ssdeep 2.14 prints it; "" below MinSSDeepSize and above 192 GiB
	TLSH   string // T1 and 70 digits; "" below MinTLSHSize and for content that is too uniform
}

// The sizes in bytes from which files have fuzzy hashes: those of the reference. What is shorter says little.
const (
	MinSSDeepSize = 4096
	MinTLSHSize   = 51
)

// Hasher is an io.Writer that hashes what is written to it, any number of bytes. It takes 20 KiB. It is for one goroutine.
type Hasher struct {
	size                      int64
	md5, sha1, sha256, sha512 hash.Hash
	ssdeep                    ssdeep
	tlsh                      tlsh

	// What a parallel Write shares with those that help it: each takes the hash at next until there is none.
	hashes [6]io.Writer // the slow ones first, so that all helpers end at about the same time
	work   []byte
	next   atomic.Int32
	busy   sync.WaitGroup
	help   func() // h.hashWork and busy.Done, made once so that a Write allocates nothing
}

// New returns a Hasher that has seen nothing yet.
func New() *Hasher {
	h := &Hasher{md5: md5.New(), sha1: sha1.New(), sha256: sha256.New(), sha512: sha512.New()}
	h.hashes = [...]io.Writer{&h.tlsh, &h.ssdeep, h.md5, h.sha512, h.sha256, h.sha1}
	h.help = func() { defer h.busy.Done(); h.hashWork() }
	return h
}

// ParallelBytes is the size from which one Write uses several cores. Copy through buffers of this size or larger.
const ParallelBytes = 64 << 10

// Write hashes p. It never fails. A large p is hashed on several cores, each with hashes of its own; docs/benchmarks.md has
// what that brings.
func (h *Hasher) Write(p []byte) (int, error) {
	h.size += int64(len(p))
	h.work = p
	h.next.Store(0)
	if cores := min(runtime.GOMAXPROCS(0), len(h.hashes)); len(p) >= ParallelBytes {
		h.busy.Add(cores - 1)
		for range cores - 1 {
			go h.help()
		}
	}
	h.hashWork()
	h.busy.Wait()
	h.work = nil
	return len(p), nil
}

func (h *Hasher) hashWork() {
	for {
		i := int(h.next.Add(1)) - 1
		if i >= len(h.hashes) {
			return
		}
		h.hashes[i].Write(h.work)
	}
}

// Sum returns the digests of what was written so far; writing may go on.
func (h *Hasher) Sum() Digests {
	sum := func(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
	d := Digests{Size: h.size, MD5: sum(h.md5), SHA1: sum(h.sha1), SHA256: sum(h.sha256), SHA512: sum(h.sha512)}
	if h.size >= MinSSDeepSize {
		d.SSDeep = h.ssdeep.String()
	}
	if h.size >= MinTLSHSize {
		d.TLSH = h.tlsh.String()
	}
	return d
}

// Sum reads r to its end and returns its digests.
func Sum(r io.Reader) (Digests, error) { return Copy(io.Discard, r) }

// Copy writes all of r to w and returns its digests. However little r gives at a time, it goes on in blocks that are large enough
// for several cores. A block is hashed while the next one is read and written.
func Copy(w io.Writer, r io.Reader) (Digests, error) {
	h := New()
	if err := copyBlocks(w, h, r); err != nil {
		return Digests{}, err
	}
	return h.Sum(), nil
}

// CopySHA256 is Copy for those who want no more than Size and SHA256.
func CopySHA256(w io.Writer, r io.Reader) (Digests, error) {
	h := sha256.New()
	counted := counter{w: h}
	if err := copyBlocks(w, &counted, r); err != nil {
		return Digests{}, err
	}
	return Digests{Size: counted.n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}

// copyBlocks writes all of r to w and to h, which never fails.
func copyBlocks(w, h io.Writer, r io.Reader) error {
	first := blocks.Get().(*[]byte)
	defer blocks.Put(first)
	n, err := copyBlock(w, *first, r)
	if err == io.EOF {
		_, _ = h.Write((*first)[:n])
		return nil
	}
	if err != nil {
		return err
	}
	second := blocks.Get().(*[]byte)
	defer blocks.Put(second)
	full, hashed := make(chan []byte), make(chan struct{})
	go func() {
		defer close(hashed)
		for p := range full {
			_, _ = h.Write(p)
		}
	}()
	defer func() { close(full); <-hashed }()
	for block, next := first, second; ; block, next = next, block {
		full <- (*block)[:n] // which is taken when next is hashed
		if err == io.EOF {
			return nil
		}
		if n, err = copyBlock(w, *next, r); err != nil && err != io.EOF {
			return err
		}
	}
}

// copyBlock fills p from r, and writes that to w; io.EOF tells that it was the last of r.
func copyBlock(w io.Writer, p []byte, r io.Reader) (n int, err error) {
	n, end := readFull(p, r)
	if end != nil && end != io.EOF {
		return 0, end
	}
	if _, err := w.Write(p[:n]); err != nil {
		return 0, err
	}
	return n, end
}

// readFull is io.ReadFull, but the end of r is io.EOF also when something was read: io.ErrUnexpectedEOF is what a body says that ended
// too early.
func readFull(p []byte, r io.Reader) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = r.Read(p[n:])
		n += k
	}
	return n, err
}

// blocks are large enough that several cores are worth their while.
var blocks = sync.Pool{New: func() any { b := make([]byte, 4*ParallelBytes); return &b }}
