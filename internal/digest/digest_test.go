package digest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The expected values are those of RFC 1321 A.5, RFC 3174 7.3, and the examples that NIST publishes for FIPS 180-4; ssdeep's is
// what ssdeep prints.
func TestKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		content string
		want    Digests
	}{
		{"", Digests{
			MD5:    "d41d8cd98f00b204e9800998ecf8427e",
			SHA1:   "da39a3ee5e6b4b0d3255bfef95601890afd80709",
			SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			SHA512: "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
				"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
		}},
		{"abc", Digests{
			Size:   3,
			MD5:    "900150983cd24fb0d6963f7d28e17f72",
			SHA1:   "a9993e364706816aba3e25717850c26c9cd0d89d",
			SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			SHA512: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
				"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		}},
		{strings.Repeat("a", 1_000_000), Digests{
			Size:   1_000_000,
			MD5:    "7707d6ae4e027c70eea2a935c2296f21",
			SHA1:   "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
			SHA256: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
			SHA512: "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb" +
				"de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
			SSDeep: "3:tj1:n",
		}},
	} {
		h := New()
		if n, err := h.Write([]byte(c.content)); n != len(c.content) || err != nil {
			t.Errorf("Write of %d bytes: %d, %v", len(c.content), n, err)
		}
		if diff := cmp.Diff(c.want, h.Sum()); diff != "" {
			t.Errorf("%d bytes (-want +got):\n%s", len(c.content), diff)
		}
	}
}

// TestFuzzyRules: which sizes have fuzzy hashes, and which content has no TLSH however long it is.
func TestFuzzyRules(t *testing.T) {
	noise := make([]byte, MinSSDeepSize)
	fill(rand.New(rand.NewPCG(7, 8)), noise)
	for _, c := range []struct {
		content      []byte
		ssdeep, tlsh bool
	}{
		{noise[:MinTLSHSize-1], false, false},
		{noise[:MinTLSHSize], false, true},
		{noise[:MinSSDeepSize-1], false, true},
		{noise, true, true},
		{make([]byte, MinSSDeepSize), true, false},
	} {
		h := New()
		h.Write(c.content)
		if d := h.Sum(); (d.SSDeep != "") != c.ssdeep || (d.TLSH != "") != c.tlsh {
			t.Errorf("%d bytes %.8q…: %q and %q", len(c.content), c.content, d.SSDeep, d.TLSH)
		}
	}
}

// However the bytes are cut into writes, small or parallel, the digests are those of the whole.
func TestSplitWrites(t *testing.T) {
	content := make([]byte, 3<<20)
	for rest, m := content, newMixed(9); len(rest) > 0; {
		n, _ := m.Read(rest)
		rest = rest[n:]
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 500), rapid.IntRange(0, 10_000), rapid.IntRange(ParallelBytes-1, len(content)))
		content := content[:size.Draw(t, "size")]
		h := New()
		for rest := content; len(rest) > 0; {
			n := rapid.OneOf(rapid.IntRange(1, len(rest)), rapid.Just(min(len(rest), ParallelBytes))).Draw(t, "write")
			h.Write(rest[:n])
			rest = rest[n:]
			if rapid.IntRange(0, 3).Draw(t, "look") == 0 {
				h.Sum() // looking must not disturb
			}
		}
		if diff := cmp.Diff(inOneGo(content), h.Sum()); diff != "" {
			t.Fatalf("%d bytes (-want +got):\n%s", len(content), diff)
		}
	})
}

// inOneGo is what a Hasher says of content, by other means: each hash on its own, in one write.
func inOneGo(content []byte) Digests {
	m, s1, s256, s512 := md5.Sum(content), sha1.Sum(content), sha256.Sum256(content), sha512.Sum512(content)
	d := Digests{
		Size: int64(len(content)), MD5: hex.EncodeToString(m[:]), SHA1: hex.EncodeToString(s1[:]),
		SHA256: hex.EncodeToString(s256[:]), SHA512: hex.EncodeToString(s512[:]),
	}
	if len(content) >= 4096 {
		var s ssdeep
		s.Write(content)
		d.SSDeep = s.String()
	}
	if len(content) > 50 {
		var h tlsh
		h.Write(content)
		d.TLSH = h.String()
	}
	return d
}

// TestSum: however little a reader gives at a time, all of it counts, and nothing does when it fails.
func TestSum(t *testing.T) {
	content := make([]byte, 600<<10)
	newMixed(11).Read(content)
	for name, r := range map[string]io.Reader{
		"at once": bytes.NewReader(content), "halves": iotest.HalfReader(bytes.NewReader(content)), "with EOF": iotest.DataErrReader(bytes.NewReader(content)),
	} {
		got, err := Sum(r)
		if diff := cmp.Diff(inOneGo(content), got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for _, broken := range []error{errors.New("broken"), io.ErrUnexpectedEOF} { // the latter is a request that ended too early
		if got, err := Sum(io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken))); err != broken || got != (Digests{}) {
			t.Errorf("a reader that fails with %v gives %+v, %v", broken, got, err)
		}
	}
}

// TestCopy: what is hashed is what was written, and a writer's error ends it.
func TestCopy(t *testing.T) {
	content := make([]byte, 600<<10)
	newMixed(12).Read(content)
	var written bytes.Buffer
	got, err := Copy(&written, bytes.NewReader(content))
	if diff := cmp.Diff(inOneGo(content), got); diff != "" || err != nil || !bytes.Equal(written.Bytes(), content) {
		t.Errorf("%v, %d bytes written (-want +got):\n%s", err, written.Len(), diff)
	}
	for _, full := range []int{0, 1, 300 << 10, len(content) - 1} {
		w := &fullWriter{left: full}
		if got, err := Copy(w, bytes.NewReader(content)); err != errFull || got != (Digests{}) {
			t.Errorf("to a writer that fails after %d bytes: %+v, %v", full, got, err)
		}
	}
}

var errFull = errors.New("full")

type fullWriter struct{ left int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return 0, errFull
	}
	w.left -= len(p)
	return len(p), nil
}

// TestCopySHA256: the same size and SHA-256, also where blocks end.
func TestCopySHA256(t *testing.T) {
	content := make([]byte, 4*len(*blocks.Get().(*[]byte)))
	newMixed(13).Read(content)
	for _, size := range []int{0, 1, len(content)/4 - 1, len(content) / 4, len(content)/4 + 1, len(content)} {
		var written bytes.Buffer
		got, err := CopySHA256(&written, iotest.HalfReader(bytes.NewReader(content[:size])))
		all := inOneGo(content[:size])
		if want := (Digests{Size: all.Size, SHA256: all.SHA256}); got != want || err != nil || !bytes.Equal(written.Bytes(), content[:size]) {
			t.Errorf("%d bytes: %+v %v, want %+v; %d written", size, got, err, want, written.Len())
		}
		if got, err := Copy(&written, bytes.NewReader(content[:size])); got != all || err != nil {
			t.Errorf("%d bytes, all hashes: %+v %v, want %+v", size, got, err, all)
		}
	}
}

// FuzzWrites: the same for any content, repeated, cut where cuts says.
func FuzzWrites(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog"), uint8(1), []byte{1, 0, 6, 7, 8})
	f.Add([]byte{0, 255, 13, 10, 'a', 'b', 'c'}, uint8(255), []byte{255, 3})
	f.Fuzz(func(t *testing.T, content []byte, times uint8, cuts []byte) {
		content = bytes.Repeat(content, int(times)) // so that few bytes are long enough for everything
		h := New()
		rest := content
		for _, cut := range cuts {
			n := min(int(cut), len(rest))
			h.Write(rest[:n])
			rest = rest[n:]
		}
		h.Write(rest)
		if diff := cmp.Diff(inOneGo(content), h.Sum()); diff != "" {
			t.Fatalf("%d bytes (-want +got):\n%s", len(content), diff)
		}
	})
}

// endless is read over and over from its beginning.
type endless []byte

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }

// TestMemory: a long stream takes no more than a short one.
func TestMemory(t *testing.T) {
	const limit = 64 << 10
	block := make(endless, 256<<10)
	newMixed(10).Read(block)
	stream := func() {
		if d, err := Sum(io.LimitReader(block, 50<<20)); err != nil || d.Size != 50<<20 {
			t.Fatalf("%+v %v", d, err)
		}
	}
	stream() // the runtime keeps goroutines that have ended, and takes them again later
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	stream()
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > limit {
		t.Errorf("%d bytes were allocated for a stream of 50 MiB, want at most %d", taken, limit)
	} else {
		t.Logf("%d bytes were allocated for a stream of 50 MiB", taken)
	}
}

// TestLengthClass: the sizes at which the class of a TLSH changes first and last, and where its base changes.
func TestLengthClass(t *testing.T) {
	for size, want := range map[int64]byte{
		1: 0, 2: 1, 3: 2, 656: 15, 657: 16, 3171: 21, 3172: 22, 3199: 22, 3200: 22, 4_224_281_216: 169, 4_224_281_217: 170, 10_000_000_000_000: 251,
	} {
		if got := lengthClass(size); got != want {
			t.Errorf("%d bytes are of class %d, want %d", size, got, want)
		}
	}
}
