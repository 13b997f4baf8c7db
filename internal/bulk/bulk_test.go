package bulk

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"lazuli/internal/cart"
)

// store is files by their SHA-256.
type store map[string][]byte

func newStore(contents ...[]byte) store {
	s := store{}
	for _, content := range contents {
		sum := sha256.Sum256(content)
		s[hex.EncodeToString(sum[:])] = content
	}
	return s
}

func (s store) open(_ context.Context, sha256 string) (io.ReadCloser, error) {
	content, ok := s[sha256]
	if !ok {
		return nil, fmt.Errorf("the store: %w", ErrMissing)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (s store) names() []string { return slices.Sorted(maps.Keys(s)) }

// sizes are those of blocks and buffers, and around them.
func someFiles() store {
	random := make([]byte, 3<<20)
	rand.Read(random)
	contents := [][]byte{{}, []byte("MZ"), bytes.Repeat([]byte("lazuli "), 100_000), random}
	for _, n := range []int{15, 16, 17, 4095, 4096, 4097, 65536} {
		contents = append(contents, random[n:2*n])
	}
	return newStore(contents...)
}

const missing = "00000000000000000000000000000000000000000000000000000000000000ff"

func archive(t *testing.T, format Format, s store, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(t.Context(), &b, format, names, s.open); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// members reads an archive that is not encrypted.
func members(t *testing.T, archive []byte) (names []string, contents map[string][]byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	contents = map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		names = append(names, f.Name)
		contents[f.Name] = content
	}
	return names, contents
}

func TestRaw(t *testing.T) {
	s := someFiles()
	names := s.names()
	got, contents := members(t, archive(t, Raw, s, append(slices.Concat(names, []string{missing}), names[0])...))
	if !slices.Equal(got, names) {
		t.Errorf("members %q, want %q", got, names)
	}
	for name, want := range s {
		if !bytes.Equal(contents[name], want) {
			t.Errorf("%s has %d bytes, want %d", name, len(contents[name]), len(want))
		}
	}
	if got, _ := members(t, archive(t, Raw, s, missing)); len(got) > 0 {
		t.Errorf("an archive of nothing has %q", got)
	}
	if !bytes.Equal(archive(t, Raw, s, names...), archive(t, Raw, s, names...)) {
		t.Error("the same files are another archive")
	}
}

func TestCaRT(t *testing.T) {
	s := someFiles()
	_, contents := members(t, archive(t, CaRT, s, append([]string{missing}, s.names()...)...))
	if got := string(contents["MISSING.txt"]); got != missing+"\n" {
		t.Errorf("MISSING.txt has %q", got)
	}
	for name, want := range s {
		c, err := cart.Open(bytes.NewReader(contents[name+".cart"]), cart.Key{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, want) || c.Metadata.Name() != name {
			t.Errorf("%s has %d bytes as %q (%v), want %d", name, len(got), c.Metadata.Name(), err, len(want))
		}
	}
}

// TestErrors: what fails while the archive is written is told, and the archive is not one.
func TestErrors(t *testing.T) {
	broken := errors.New("the disk is broken")
	cancelledCtx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newStore([]byte("content"))
	name := s.names()[0]
	for _, format := range []Format{Raw, CaRT, Encrypted("x")} {
		for what, tc := range map[string]struct {
			ctx   context.Context
			names []string
			open  Open
			want  string
		}{
			"a store that fails": {t.Context(), []string{name}, func(context.Context, string) (io.ReadCloser, error) { return nil, broken }, "the disk is broken"},
			"a file that fails": {t.Context(), []string{name}, func(context.Context, string) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader("half"), failing{broken})), nil
			}, "the disk is broken"},
			"a caller that left": {cancelledCtx, []string{name}, s.open, "context canceled"},
			"a path":             {t.Context(), []string{"../../etc/passwd"}, s.open, "no SHA-256"},
			"capital letters":    {t.Context(), []string{strings.ToUpper(missing)}, s.open, "no SHA-256"},
		} {
			var b bytes.Buffer
			err := Write(tc.ctx, &b, format, tc.names, tc.open)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.names[0]) {
				t.Errorf("%s: %v, want %s", what, err, tc.want)
			}
			if _, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil {
				t.Errorf("%s: what was written is an archive", what)
			}
		}
		if err := Write(t.Context(), full{}, format, []string{name}, s.open); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a connection that ends: %v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestMemory: what an archive takes has nothing to do with the size of its files.
func TestMemory(t *testing.T) {
	const size, most = 64 << 20, 8 << 20
	for what, format := range map[string]Format{"raw": Raw, "CaRT": CaRT, "encrypted": Encrypted("")} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := Write(t.Context(), io.Discard, format, []string{missing}, func(context.Context, string) (io.ReadCloser, error) {
			return io.NopCloser(io.LimitReader(zeros{}, size)), nil
		})
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > most {
			t.Errorf("%s takes %d bytes of memory", what, taken)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func BenchmarkWrite(b *testing.B) {
	random := make([]byte, 8<<20)
	rand.Read(random)
	s := newStore(random)
	for _, tc := range []struct {
		name   string
		format Format
	}{{"raw", Raw}, {"cart", CaRT}, {"encrypted", Encrypted("")}} {
		b.Run(tc.name, func(b *testing.B) {
			b.SetBytes(int64(len(random)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Write(b.Context(), io.Discard, tc.format, s.names(), s.open); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSmallFiles(b *testing.B) {
	var contents [][]byte
	for i := range 1000 {
		contents = append(contents, fmt.Appendf(nil, "file %d", i))
	}
	s := newStore(contents...)
	for _, tc := range []struct {
		name   string
		format Format
	}{{"raw", Raw}, {"cart", CaRT}, {"encrypted", Encrypted("")}} {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Write(b.Context(), io.Discard, tc.format, s.names(), s.open); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
