package cart

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

const limit = 1 << 20

func content(size int) []byte {
	p := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(p) // it never fails
	for i := size / 2; i < size; i++ {
		p[i] = 'x'
	}
	return p
}

func wrap(t testing.TB, p []byte, key Key, meta Metadata) []byte {
	t.Helper()
	var to bytes.Buffer
	if err := Wrap(&to, bytes.NewReader(p), key, meta); err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

func unwrap(r io.Reader, key Key) (*Reader, []byte, error) {
	c, err := Open(r, key, limit)
	if err != nil {
		return nil, nil, err
	}
	p, err := io.ReadAll(c)
	return c, p, err
}

func malpz(object string) []byte {
	to := bytes.NewBufferString(malpzMagic)
	z := zlib.NewWriter(to)
	_, _ = io.WriteString(z, object)
	_ = z.Close()
	return to.Bytes()
}

var sizes = []int{0, 1, 37, 4095, 4096, 4097, 65535, 65536, 65537, 3 << 20}

func TestRoundTrip(t *testing.T) {
	for _, key := range []Key{{}, {1, 2, 3}} {
		for _, size := range sizes {
			want := content(size)
			packed := wrap(t, want, key, Metadata{"name": "a b.exe"})
			if size > 100 && bytes.Contains(packed, []byte("xxxxxxxx")) {
				t.Errorf("%d bytes: the content is readable", size)
			}
			for name, r := range map[string]io.Reader{"at once": bytes.NewReader(packed), "bytes": iotest.OneByteReader(bytes.NewReader(packed))} {
				c, got, err := unwrap(r, key)
				if err != nil || !bytes.Equal(got, want) || c.Kind != CaRT || c.Metadata.Name() != "a b.exe" || c.Footer()["length"] != fmt.Sprint(size) {
					t.Errorf("%d bytes, %s: %d bytes, %v", size, name, len(got), err)
				}
			}
		}
	}
}

// writes counts, and fails from one on.
type writes struct{ n, fails int }

func (w *writes) Write(p []byte) (int, error) {
	if w.n++; w.n == w.fails {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// TestWritesAreLarge: a container is written in large parts, and none of them fails unnoticed.
func TestWritesAreLarge(t *testing.T) {
	for _, size := range []int{0, 1000, 3 << 20} {
		most := size/writeBytes + 4 // the header, the rest of the content, the footer
		w := writes{}
		if err := Wrap(&w, bytes.NewReader(content(size)), Key{}, nil); err != nil || w.n > most {
			t.Errorf("%d bytes: %d writes, want at most %d (%v)", size, w.n, most, err)
		}
		for i := range w.n {
			if err := Wrap(&writes{fails: i + 1}, bytes.NewReader(content(size)), Key{}, nil); err != io.ErrClosedPipe {
				t.Errorf("%d bytes, write %d of %d fails: %v", size, i+1, w.n, err)
			}
		}
	}
}

func TestWithoutMetadata(t *testing.T) {
	c, got, err := unwrap(bytes.NewReader(wrap(t, []byte("x"), Key{}, nil)), Key{})
	if err != nil || string(got) != "x" || c.Metadata != nil || c.Metadata.Name() != "" {
		t.Errorf("%q %v %v", got, c, err)
	}
}

func TestKeys(t *testing.T) {
	private := Key{1, 2, 3}
	for _, meta := range []Metadata{nil, {"name": "x"}} {
		packed := wrap(t, content(5000), private, meta)
		for _, key := range []Key{{}, {4}} {
			if _, _, err := unwrap(bytes.NewReader(packed), key); !errors.Is(err, ErrKey) {
				t.Errorf("with %x: %v", key, err)
			}
		}
	}
}

// TestDamage: a container that is cut anywhere, longer, or changed in any byte that counts is an error, never other content.
func TestDamage(t *testing.T) {
	want := content(300)
	packed := wrap(t, want, Key{}, Metadata{"name": "x"})
	for n := range packed {
		if n < headerBytes {
			continue // no container at all
		}
		if _, _, err := unwrap(bytes.NewReader(packed[:n]), Key{}); !errors.Is(err, ErrFormat) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	if _, _, err := unwrap(bytes.NewReader(append(bytes.Clone(packed), 0)), Key{}); !errors.Is(err, ErrFormat) {
		t.Errorf("longer: %v", err)
	}
	silent := 0
	for i := range packed {
		for bit := range 8 {
			damaged := bytes.Clone(packed)
			damaged[i] ^= 1 << bit
			c, got, err := unwrap(bytes.NewReader(damaged), Key{})
			switch {
			case err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrKey) && !errors.Is(err, ErrDigest):
				t.Errorf("byte %d: %v", i, err)
			case err == nil && c.Kind == CaRT && !bytes.Equal(got, want):
				t.Errorf("byte %d: other content", i)
			case err == nil && c.Kind == CaRT:
				silent++ // in the name, in the footer's names, in the offset of the footer
			}
		}
	}
	if silent > 8*80 {
		t.Errorf("%d changes are not noticed", silent)
	}
	for name, r := range map[string]io.Reader{
		"header": iotest.ErrReader(io.ErrClosedPipe), "content": io.MultiReader(bytes.NewReader(packed[:200]), iotest.ErrReader(io.ErrClosedPipe)),
		"trailer": io.MultiReader(bytes.NewReader(packed[:len(packed)-1]), iotest.ErrReader(io.ErrClosedPipe)),
	} {
		if _, _, err := unwrap(r, Key{}); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrFormat) {
			t.Errorf("a source that breaks in the %s: %v", name, err)
		}
	}
}

func TestFooterLies(t *testing.T) {
	packed := wrap(t, []byte("one"), Key{}, nil)
	n := int(binary.LittleEndian.Uint64(packed[len(packed)-8:]))
	at := len(packed) - trailerBytes - n
	footer := []byte(strings.Replace(string(decrypt(packed[at:at+n])), `"sha256":"`, `"sha256":"0`, 1))
	lie := append(bytes.Clone(packed[:at]), decrypt(footer)...)
	lie = append(lie, packed[at+n:]...)
	binary.LittleEndian.PutUint64(lie[len(lie)-8:], uint64(len(footer)))
	if _, _, err := unwrap(bytes.NewReader(lie), Key{}); !errors.Is(err, ErrDigest) {
		t.Errorf("got %v", err)
	}
}

func decrypt(p []byte) []byte {
	out := make([]byte, len(p))
	Key{}.cipher().XORKeyStream(out, p)
	return out
}

func TestLargeMetadata(t *testing.T) {
	if _, err := NewWriter(io.Discard, Key{}, Metadata{"name": strings.Repeat("x", maxMetadata)}); err == nil {
		t.Error("written")
	}
	packed := wrap(t, nil, Key{}, Metadata{"name": "x"})
	binary.LittleEndian.PutUint64(packed[30:], 1<<63)
	if _, _, err := unwrap(bytes.NewReader(packed), Key{}); !errors.Is(err, ErrFormat) {
		t.Errorf("read: %v", err)
	}
}

func TestRaw(t *testing.T) {
	for _, want := range []string{"", "x", "CART", "CART is what it begins with, and it is a text", strings.Repeat("y", 10000)} {
		c, got, err := unwrap(strings.NewReader(want), Key{})
		if err != nil || c.Kind != Raw || string(got) != want {
			t.Errorf("%.20q: %q %v", want, got, err)
		}
	}
}

func TestMalPZ(t *testing.T) {
	want := content(1000)
	object := func(data, sum string) string {
		return fmt.Sprintf(`{"data":%q,"md5sum":%q,"classification":"X","meta":{"name":"m.exe"}}`, data, sum)
	}
	sum := md5.Sum(want)
	good := malpz(object(hex.EncodeToString(want), hex.EncodeToString(sum[:])))
	c, got, err := unwrap(bytes.NewReader(good), Key{})
	if err != nil || c.Kind != MalPZ || !bytes.Equal(got, want) || c.Metadata.Name() != "m.exe" {
		t.Errorf("%+v %d bytes %v", c, len(got), err)
	}
	for name, bad := range map[string]struct {
		packed []byte
		err    error
	}{
		"cut": {good[:len(good)-1], ErrFormat}, "cut early": {good[:20], ErrFormat}, "longer": {append(bytes.Clone(good), 1), ErrFormat},
		"no JSON": {malpz("x"), ErrFormat}, "no data": {malpz("{}"), ErrFormat}, "no hex": {malpz(object("zz", "")), ErrFormat},
		"another sum": {malpz(object("00", hex.EncodeToString(sum[:]))), ErrDigest},
		"too large":   {malpz(object(strings.Repeat("00", limit+1), "")), ErrFormat},
		"bomb":        {malpz(strings.Repeat(" ", 8*limit)), ErrFormat},
		"no zlib":     {[]byte(malpzMagic + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), ErrFormat},
	} {
		if _, _, err := unwrap(bytes.NewReader(bad.packed), Key{}); !errors.Is(err, bad.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMemory: a container of any size takes the same, also one that grows a thousandfold.
func TestMemory(t *testing.T) {
	const size = 64 << 20
	packed := func() io.Reader {
		r, w := io.Pipe()
		go func() {
			c, err := NewWriter(w, Key{}, nil)
			if err == nil {
				_, err = io.Copy(c, io.LimitReader(zeros{}, size))
			}
			if err == nil {
				err = c.Close()
			}
			w.CloseWithError(err)
		}()
		return r
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := Open(packed(), Key{}, limit)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, c)
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; n != size || err != nil || taken > 4<<20 {
		t.Errorf("%d bytes, %v; %d bytes were allocated", n, err, taken)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// FuzzOpen: no stream panics, and what is unwrapped of one that was changed is what was wrapped, or an error.
func FuzzOpen(f *testing.F) {
	f.Add(wrap(f, []byte("MZ something"), Key{}, Metadata{"name": "x"}))
	f.Add(wrap(f, nil, Key{}, nil))
	f.Add(malpz(`{"data":"00ff","md5sum":""}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := Open(bytes.NewReader(p), Key{}, limit)
		if err != nil {
			return
		}
		n, err := io.Copy(io.Discard, io.LimitReader(c, 64*limit))
		if c.Kind == Raw && (err != nil || n != int64(len(p))) {
			t.Errorf("raw: %d of %d bytes, %v", n, len(p), err)
		}
	})
}

// FuzzRoundTrip: content and names come back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("x"), "name", []byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, p []byte, name string, k []byte) {
		var key Key
		copy(key[:], k)
		meta, _ := json.Marshal(name) // invalid UTF-8 becomes U+FFFD
		var want string
		_ = json.Unmarshal(meta, &want)
		if len(meta) > maxMetadata/2 {
			return
		}
		c, got, err := unwrap(bytes.NewReader(wrap(t, p, key, Metadata{"name": name})), key)
		if err != nil || !bytes.Equal(got, p) || c.Metadata.Name() != want {
			t.Errorf("%q %v", got, err)
		}
	})
}
